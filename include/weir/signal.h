/* SPDX-License-Identifier: MIT */
/* Signals as channel values. The handler only writes an eventfd. */
#ifndef WEIR_SIGNAL_H
#define WEIR_SIGNAL_H

#include <weir/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A channel (int) that gets the number of each named signal as it arrives; the
 * list ends with 0. A signal that finds 16 in it, and the same among them, is
 * merged with that; there always is room for another one. Several channels may
 * ask for one signal: each gets it. The former disposition comes back when the
 * last channel that asked is released. NULL: a number out of range, SIGKILL or
 * SIGSTOP, out of memory.
 */
WEIR_API weir_chan *weir_signal_chan(int sig, ...);

/* Ends the delivery and closes the channel; drops the caller's reference.
 * WEIR_EINVAL when c did not come from weir_signal_chan. */
WEIR_API int weir_signal_stop(weir_chan *c);

#ifdef __cplusplus
}
#endif
#endif
