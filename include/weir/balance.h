/* SPDX-License-Identifier: MIT */
/*
 * Balance: send to one of several channels, chosen in turn, by their load, or
 * by a key of the element. The set of channels may change while parties send.
 *
 * By key is rendezvous hashing (Thaler and Ravishankar, 1998): each target has
 * a score for the key, and the highest wins. So a key always goes to the same
 * target; one that is added takes its share from all others alike, and one
 * that is removed or closed gives its share to all others alike; no other key
 * moves. The choice depends on the key and the targets' ids alone, and is the
 * same in every process.
 *
 * Any task or thread. NULL for the balance is WEIR_EINVAL, unless it is said
 * to be allowed. A balance of n targets costs n steps a send, and allocates
 * when a send has to wait for one of more than 15.
 */
#ifndef WEIR_BALANCE_H
#define WEIR_BALANCE_H

#include <weir/chan.h>
#include <weir/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most targets. */
#define WEIR_BALANCE_MAX 65536

enum weir_balance_by {
    WEIR_BALANCE_IN_TURN, /* round robin, over those that have room          */
    WEIR_BALANCE_BY_LOAD, /* the least part of its capacity in use first;
                             alike in turn                                   */
    WEIR_BALANCE_BY_KEY   /* the key's own target, also when it is full      */
};

typedef struct weir_balance weir_balance;

/* Options of a balance. Zero means the default. */
typedef struct weir_balance_opts {
    enum weir_balance_by by;
    size_t elem_size; /* of every target                                     */
    /* The key of an element; required by key. Outside every lock. */
    uint64_t (*key)(const void *elem, void *arg);
    void *arg;
} weir_balance_opts;

/* A balance without targets, or NULL: out of memory, no options, an unknown
 * way, or no key where one is required. */
WEIR_API weir_balance *weir_balance_new(const weir_balance_opts *o);

/* Frees it, and gives back its references; no channel is closed. No other
 * call may be under way. NULL is allowed. */
WEIR_API void weir_balance_free(weir_balance *b);

/*
 * One target more; a reference is taken. The id stands for it by key: not 0,
 * and its own. Those who wait to send take it into account. 0; WEIR_EINVAL (no
 * channel, elements of another size, an id in use or 0), WEIR_LIMIT
 * (WEIR_BALANCE_MAX), WEIR_ENOMEM.
 */
WEIR_API int weir_balance_add(weir_balance *b, weir_chan *c, uint64_t id);

/* One target less; a send that has chosen it just before may still reach it.
 * 0; WEIR_EINVAL (no such id), WEIR_ENOMEM (nothing was done: close the
 * channel instead, or leave it). */
WEIR_API int weir_balance_remove(weir_balance *b, uint64_t id);

/*
 * Sends a copy of *elem to one target, waiting at most until ctx (may be NULL)
 * ends: in turn and by load for room at any, by key at its own. A target that
 * is closed is left out. 0; WEIR_CLOSED: no target is open; WEIR_CANCELED,
 * WEIR_TIMEDOUT, WEIR_EINVAL, WEIR_ENOMEM; WEIR_FULL, WEIR_LIMIT: the target
 * refused it by its own policy or limits. An element that was not sent stays
 * the caller's.
 */
WEIR_API int weir_balance_send(weir_balance *b, const void *elem,
                               weir_ctx *ctx);
/* Without waiting: WEIR_FULL where send would wait. */
WEIR_API int weir_balance_try_send(weir_balance *b, const void *elem);

/* The id of the target that this key goes to now, 0: no target is open. */
WEIR_API uint64_t weir_balance_target(weir_balance *b, uint64_t key);

/* A glance: the number of targets that are open. 0 on NULL. */
WEIR_API size_t weir_balance_count(weir_balance *b);

#ifdef __cplusplus
}
#endif
#endif
