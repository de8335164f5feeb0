/* SPDX-License-Identifier: MIT */
/*
 * What a channel does when it is full, and who is told. The strategies are
 * goflow's, made to hold for every way in: send, try_send, batches and the
 * send cases of select, from tasks and from threads. `latest` is the watch of
 * tokio, `sample` the random early drop of routers.
 *
 * A send on a channel that is not full is the same under every policy. At
 * capacity 0 the element goes to a receiver that waits, or the policy applies.
 */
#ifndef WEIR_POLICY_H
#define WEIR_POLICY_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_chan weir_chan;

/*                 the channel is full:
 *                 send                 try_send           a case of select
 * BLOCK           waits                WEIR_FULL          is not ready
 * DROP            0, the new element is dropped           ready, the same
 * DROP_OLDEST     0, the oldest makes room                ready, the same
 * ERROR           WEIR_FULL                               ready, WEIR_FULL
 * LATEST          0, the new one replaces the one there   ready, the same
 * SAMPLE          0, one in N takes the oldest's place, the others are
 *                 dropped                                 ready, the same
 * At capacity 0 DROP_OLDEST drops the new one, and so does SAMPLE.
 */
enum weir_policy {
    WEIR_BLOCK,
    WEIR_DROP,
    WEIR_DROP_OLDEST,
    WEIR_ERROR,
    WEIR_LATEST, /* capacity 1 (0 in the options means that) */
    WEIR_SAMPLE,
    WEIR_POLICIES
};

/* Why an element was dropped. */
enum weir_drop {
    WEIR_DROP_NEWEST,  /* it was new, and there was no room              */
    WEIR_DROP_FIRST,   /* it was the oldest and made room                */
    WEIR_DROP_STALE,   /* LATEST: a newer one replaced it                */
    WEIR_DROP_SAMPLED, /* SAMPLE: not chosen, or made room for one       */
    WEIR_DROP_LEFT,    /* in the buffer when the last reference went     */
    WEIR_DROPS
};

/* "block", "drop", "drop-oldest", "error", "latest", "sample"; "?" for other
 * values. "newest", "oldest", "latest", "sampled", "left". Static. */
WEIR_API const char *weir_policy_name(enum weir_policy policy);
WEIR_API const char *weir_drop_name(enum weir_drop reason);

/* The policy of that name: 0 and *out, or WEIR_EINVAL. */
WEIR_API int weir_policy_parse(const char *name, enum weir_policy *out);

/*
 * The callbacks of a channel; each may be NULL. They are called outside every
 * lock, by the party whose call had the effect, before that call returns; so
 * several may run at the same time. They may send, receive, close and read
 * statistics of the same channel. Inside one of them no callback of the same
 * channel is called again by the same party, and a send that would have to
 * drop returns WEIR_FULL instead: nothing is dropped unreported, and nothing
 * calls itself for ever.
 *
 * While a callback runs, the channel stays valid. In WEIR_DROP_LEFT it is
 * closed and on its way out: it may be read, and a send gets WEIR_CLOSED.
 */
typedef struct weir_chan_hooks {
    /* elem was dropped; it is the channel's, and goes to destroy next. */
    void (*on_drop)(weir_chan *c, const void *elem, enum weir_drop reason,
                    void *arg);
    /* A send is about to wait: once for each send, however often it wakes. */
    void (*on_block)(weir_chan *c, void *arg);
    /* The send or receive of an element ends with this code, a batch at that
     * element: WEIR_FULL, WEIR_LIMIT, WEIR_CLOSED, WEIR_TIMEDOUT,
     * WEIR_CANCELED; of a send also WEIR_ENOMEM or WEIR_FORKED.
     * Not for WEIR_EMPTY, nor for a receive that finds the channel closed and
     * drained, which is its normal end. */
    void (*on_error)(weir_chan *c, int code, void *arg);
    /* It has filled to `high` percent; it has emptied to `low` percent after
     * that. In turn; but as callbacks run outside the lock, the second may
     * start before the first has returned: weir_chan_is_high says how it is. */
    void (*on_high)(weir_chan *c, void *arg);
    void (*on_low)(weir_chan *c, void *arg);
    void *arg;
} weir_chan_hooks;

#ifdef __cplusplus
}
#endif
#endif
