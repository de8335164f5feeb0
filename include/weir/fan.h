/* SPDX-License-Identifier: MIT */
/*
 * Fans: a task that carries elements from one channel to many, or from many
 * to one. The patterns of Go's "Pipelines and cancellation" and "Concurrency
 * in Go" (fan-out, fan-in, tee, or-done), with what those leave to the reader:
 * cancellation reaches every end, the task is joined, and every element that
 * went nowhere is handed back and counted.
 *
 *   weir_fan_out     in -> one of the outs: whichever takes it first
 *   weir_fan_copy    in -> all of the outs, a copy each (weir_tee: two)
 *   weir_fan_in      the ins -> out, shared fairly (weir_or_done: one in)
 *
 * A fan ends when all its ins are closed and drained, when it has something
 * to send and all its outs have been closed by others, or when it is
 * cancelled. It then closes its outs. An out that is closed before is left
 * out, an in that is closed and drained too. The policy and the limits of an
 * out are its own: what it refuses by them is discarded, and the fan goes on.
 *
 * Any task or thread. NULL for the fan is WEIR_EINVAL, unless it is said to be
 * allowed. A fan of more than 16 channels on its wide side allocates when it
 * has to wait, and without memory looks again each millisecond.
 */
#ifndef WEIR_FAN_H
#define WEIR_FAN_H

#include <weir/chan.h>
#include <weir/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most channels on the wide side. */
#define WEIR_FAN_MAX 65536

typedef struct weir_fan weir_fan;

/* Options of a fan. Zero means the default. */
typedef struct weir_fan_opts {
    weir_ctx *ctx;  /* its end cancels the fan; must stay valid              */
    bool keep_open; /* the outs are not closed at the end                    */
    bool close_ins; /* the ins are closed at the end: their senders learn
                       that nobody receives any more                         */

    /* weir_fan_copy, of elements that own something: makes *dst, which holds
     * the bytes of *src, own a copy of its own. For every out but one, which
     * gets the original. Anything but 0 ends the fan with that code. NULL:
     * the bytes are the copy. */
    int (*copy)(void *dst, const void *src, void *arg);

    /* weir_fan_in: one number for each in, 1..WEIR_FAN_MAX; copied. While
     * several ins have elements, they are served in proportion; one that was
     * idle has no claim for that time. NULL: in turn. */
    const uint32_t *weights;

    /* Given each element that was received and went nowhere. In the fan's
     * task, outside every lock. May be NULL. */
    void (*discard)(void *elem, void *arg);
    void *arg; /* for copy and discard                                       */
} weir_fan_opts;

/*
 * Start one: 0 and *f, which weir_fan_free ends. o may be NULL; the channels
 * are referenced, the array is copied. WEIR_EINVAL (a NULL channel, n outside
 * 1..WEIR_FAN_MAX, elements of different sizes, a weight out of range),
 * WEIR_ENOMEM, WEIR_FORKED: nothing was started, *f is NULL.
 */
WEIR_API int weir_fan_out(weir_fan **f, weir_chan *in, weir_chan *const *outs,
                          size_t n, const weir_fan_opts *o);
WEIR_API int weir_fan_copy(weir_fan **f, weir_chan *in, weir_chan *const *outs,
                           size_t n, const weir_fan_opts *o);
WEIR_API int weir_fan_in(weir_fan **f, weir_chan *const *ins, size_t n,
                         weir_chan *out, const weir_fan_opts *o);

/* Two copies of a channel. */
static inline int weir_tee(weir_fan **f, weir_chan *in, weir_chan *a,
                           weir_chan *b, const weir_fan_opts *o)
{
    weir_chan *const outs[] = {a, b};
    return weir_fan_copy(f, in, outs, 2, o);
}

/* out gets what in has and ends when in does, or o->ctx: so its receiver need
 * not look at a context. */
static inline int weir_or_done(weir_fan **f, weir_chan *in, weir_chan *out,
                               const weir_fan_opts *o)
{
    weir_chan *const ins[] = {in};
    return weir_fan_in(f, ins, 1, out, o);
}

/* Ends it before its time: the element in hand is discarded, what is still in
 * the ins stays there. Does not wait; also from a callback. 0, WEIR_EINVAL. */
WEIR_API int weir_fan_cancel(weir_fan *f, int cause);

/* Waits until it has ended. 0: all its ins had ended; WEIR_CLOSED: others had
 * closed all its outs; the cause of a cancel; what copy returned;
 * WEIR_DEADLOCK: from a callback. */
WEIR_API int weir_fan_join(weir_fan *f);

/* The account. Of fan_out and fan_in: received = sent + discarded + held in
 * every snapshot. Of copy the same holds for received and copied together:
 * copied counts the copies that were made. */
typedef struct weir_fan_counts {
    uint64_t received;  /* elements taken from the ins                      */
    uint64_t copied;    /* further copies made of them                      */
    uint64_t sent;      /* elements that an out took                        */
    uint64_t discarded; /* elements that none took                          */
    uint64_t held;      /* elements in hand                                 */
} weir_fan_counts;

/* 0, WEIR_EINVAL. */
WEIR_API int weir_fan_get_counts(weir_fan *f, weir_fan_counts *out);

/* Cancels, joins and frees; no other call may be under way. NULL is allowed.
 * 0; WEIR_DEADLOCK: from a callback, nothing was done. */
WEIR_API int weir_fan_free(weir_fan *f);

#ifdef __cplusplus
}
#endif
#endif
