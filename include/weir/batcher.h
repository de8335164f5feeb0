/* SPDX-License-Identifier: MIT */
/*
 * Batcher: elements in, batches out: when so many are together, or when the
 * first of them has waited for so long. As the batchers in front of databases
 * and brokers do it (linger.ms of Kafka's producer).
 *
 *   in -> up to `max` elements, at most `linger` -> flush, or out
 *
 * Works in one task. Any task or thread. NULL for the batcher is WEIR_EINVAL,
 * unless it is said to be allowed.
 */
#ifndef WEIR_BATCHER_H
#define WEIR_BATCHER_H

#include <weir/chan.h>
#include <weir/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_batcher weir_batcher;

/* What goes to a channel of batches: its receiver's to free. */
typedef struct weir_batch {
    size_t n;
    void *elems; /* n elements of the size of in's, aligned to 16            */
} weir_batch;

/* Frees a batch's memory, not what its elements own; for a weir_batch *, and
 * of the type of a channel's destroy. */
WEIR_API void weir_batch_free(void *batch);

/* Options of a batcher. Zero means the default. */
typedef struct weir_batcher_opts {
    weir_chan *in;  /* required; a reference is taken                        */
    size_t max;     /* elements of a batch; 0: 100; max * element size is at
                       most 1 GiB                                            */
    int64_t linger; /* ns from the first element of a batch on; 0: what is
                       there is a batch; WEIR_FOREVER: only full ones are,
                       and the last                                          */

    /* Where batches go: one of the two. flush owns what the elements refer
     * to, whatever it returns, but not the array; anything but 0 ends the
     * batcher with that code. out has elements of type weir_batch; its own
     * policy, timeouts and limits hold, and its destroy should free what the
     * elements own and call weir_batch_free. It is closed at the end. */
    int (*flush)(void *elems, size_t n, weir_ctx *ctx, void *arg);
    weir_chan *out;
    bool keep_open; /* out is not closed                                     */

    weir_ctx *ctx; /* its end cancels the batcher; must stay valid           */
    /* On cancel, a batch that is not complete is flushed, with a context that
     * has ended, or sent if out has room at once; or it is discarded. */
    bool discard_rest;
    /* Given each element that was received and is not flushed. In the task of
     * the batcher, outside every lock. May be NULL. */
    void (*discard)(void *elem, void *arg);
    void *arg; /* for flush and discard                                      */
} weir_batcher_opts;

/*
 * Starts one: 0 and *b, which weir_batcher_free ends. When in is closed and
 * drained, the last batch is flushed and the batcher ends. WEIR_EINVAL (no
 * in, none or both of flush and out, an out of another element size, a number
 * out of range), WEIR_ENOMEM, WEIR_FORKED: nothing was started, *b is NULL.
 */
WEIR_API int weir_batcher_start(weir_batcher **b, const weir_batcher_opts *o);

/* Ends it before its time: what it has received is flushed or discarded, as
 * asked; what is still in in, stays there. Does not wait; also from flush.
 * 0, WEIR_EINVAL. */
WEIR_API int weir_batcher_cancel(weir_batcher *b, int cause);

/* Waits until it has ended. 0: in was closed and all is flushed; the cause of
 * a cancel; what flush returned; WEIR_CLOSED: out was closed by somebody
 * else; WEIR_ENOMEM: no memory for the next batch, in is left as it is;
 * WEIR_DEADLOCK: from flush or discard. */
WEIR_API int weir_batcher_join(weir_batcher *b);

/* The account: received = flushed + discarded + pending in every snapshot. */
typedef struct weir_batcher_counts {
    uint64_t received;  /* elements                                         */
    uint64_t flushed;   /* elements that flush or out took                  */
    uint64_t discarded; /* elements that did not get that far               */
    uint64_t pending;   /* elements of the batch in the making              */
    uint64_t batches;   /* that flush or out took                           */
} weir_batcher_counts;

/* 0, WEIR_EINVAL. */
WEIR_API int weir_batcher_get_counts(weir_batcher *b, weir_batcher_counts *out);

/* Cancels, joins and frees; no other call may be under way. NULL is allowed.
 * 0; WEIR_DEADLOCK: from flush or discard, nothing was done. */
WEIR_API int weir_batcher_free(weir_batcher *b);

#ifdef __cplusplus
}
#endif
#endif
