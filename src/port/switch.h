/* SPDX-License-Identifier: MIT */
/*
 * Switching from one stack to another. What a call must keep is kept: the
 * callee-saved registers and the floating-point control words (x86-64: MXCSR
 * and the x87 control word; aarch64: FPCR). Signal masks are not switched.
 */
#ifndef WR_PORT_SWITCH_H
#define WR_PORT_SWITCH_H

#include <stddef.h>

/* Saves the caller's context on its stack, stores where in *from, and goes
 * on in the context at to. Returns when somebody switches back. */
void wr_switch(void **from, void *to);

/* Prepares a context on an empty stack that ends below top (aligned to 16):
 * the first switch to it calls entry(arg). When that returns, its stack is left
 * for good, for the context at the place that it returned. */
void *wr_switch_prepare(void *top, void *(*entry)(void *), void *arg);

#endif
