/* SPDX-License-Identifier: MIT */
/*
 * Small sinks: into a channel, through a filter, with a limit of time, in
 * turn, by key. After the Channel and the Filter of docker/go-events.
 *
 * Each is made with one reference, which weir_sink_unref gives back, and holds
 * one to what stands behind it. Any task or thread.
 */
#ifndef WEIR_SINKS_H
#define WEIR_SINKS_H

#include <weir/chan.h>
#include <weir/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A sink into a channel of elements of type weir_event *. Each event is sent
 * with a reference, which is its receiver's to give back; make the channel
 * with weir_event_unref_elem as its `destroy` for those that nobody receives.
 * A write waits and fails as a send on that channel, and is WEIR_CLOSED once
 * either is closed; a close also ends the writes that wait. It does not close
 * the channel: receivers wait for the done signal beside it.
 *
 *     weir_case cs[] = {WEIR_RECV(c, &e), WEIR_DONE(weir_chan_sink_done(s))};
 *
 * 0 and *s; WEIR_EINVAL (no channel, or other elements), WEIR_ENOMEM: *s is
 * NULL.
 */
WEIR_API int weir_chan_sink_new(weir_sink **s, weir_chan *c);

/* Ends when the sink is closed. Valid while the caller has a reference to the
 * sink. NULL for NULL, and for a sink of another kind. */
WEIR_API weir_ctx *weir_chan_sink_done(weir_sink *s);

/*
 * A sink that passes on to `to` what match(e, arg) accepts, and swallows the
 * rest, which is success. match is called with each event, the null event
 * included, by those who write. A close closes `to`; after it each write is
 * WEIR_CLOSED. 0 and *s; WEIR_EINVAL (NULL), WEIR_ENOMEM: *s is NULL.
 */
WEIR_API int weir_filter_new(weir_sink **s, weir_sink *to,
                             bool (*match)(weir_event *e, void *arg),
                             void *arg);

/*
 * A sink whose writes to `to` may take `timeout` ns (> 0) each: then their
 * context ends, and a sink that heeds it fails with WEIR_TIMEDOUT. The
 * caller's own context holds where it ends earlier. For a sink that does not
 * heed it, put a queue before it. A close closes `to`; after it each write is
 * WEIR_CLOSED. 0 and *s; WEIR_EINVAL, WEIR_ENOMEM: *s is NULL. A write may also
 * be WEIR_ENOMEM or WEIR_FORKED, as weir_ctx_init_timeout.
 */
WEIR_API int weir_timeout_sink_new(weir_sink **s, weir_sink *to,
                                   int64_t timeout);

/*
 * A sink that writes each event to one of n sinks (1..65536), in turn. One
 * that answers WEIR_CLOSED is left out from then on, and the event and its
 * later turns go to the next; any other result is the write's own. WEIR_CLOSED
 * once all are. A close closes all: the first error. The array is copied. 0
 * and *s; WEIR_EINVAL (no sinks, or a NULL one), WEIR_ENOMEM: *s is NULL.
 */
WEIR_API int weir_round_robin_new(weir_sink **s, weir_sink *const *to,
                                  size_t n);

/*
 * The same, but by the key of the event: one key always goes to the same
 * sink, while that lives, and so its events stay in order. It is rendezvous
 * hashing, as in weir/balance.h: of a sink that answers WEIR_CLOSED the keys
 * go to all others alike, and no other key moves; the choice depends on the
 * key and the sinks' places in the array alone, and is the same in every
 * process. Events without a key, and the null event, go in turn. Costs n
 * steps a write.
 */
WEIR_API int weir_by_key_new(weir_sink **s, weir_sink *const *to, size_t n);

#ifdef __cplusplus
}
#endif
#endif
