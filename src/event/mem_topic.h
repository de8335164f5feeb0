/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the engine `mem` share.
 *
 *   registry -> topic -> log of messages, known ids
 *               |     -> publishers that wait for room, first come first
 *               +-> group: cursor, rows, keys, receivers that wait
 *                     row: a message that the cursor has passed and that is
 *                          not settled
 *
 * One lock a topic. Who leaves it (wr_mem_leave) takes along what has to be
 * done outside: waiters to wake, and events that were dropped. A party never
 * has the locks of two topics; the registry's comes before a topic's.
 *
 * Invariants, under the lock:
 *   - the rows of a group are in the order of their numbers, and these are
 *     below its cursor and in the log;
 *   - a row is in the heap if it is IN_FLIGHT or WAITING;
 *   - of the rows of one key the first is not BLOCKED, all others are;
 *   - row->handle->row == row, where there is a handle, and it is IN_FLIGHT
 *     or DYING;
 *   - nobody who could go on waits without a wake-up on its way.
 */
#ifndef WR_EVENT_MEM_TOPIC_H
#define WR_EVENT_MEM_TOPIC_H

#include <weir/engine.h>
#include <weir/mutex.h>
#include <weir/sem.h>
#include <weir/time.h>

#include "event/mem_log.h"

/* ---- waiting ------------------------------------------------------------- */

/* One who waits, on the stack of the party; in the line under the lock. */
struct wr_mem_waiter {
    struct wr_mem_waiter *prev, *next;
    const void *owner; /* the publisher or subscription                     */
    weir_sem woken;
    bool in_line;
};

struct wr_mem_line {
    struct wr_mem_waiter *first, *last;
};

/* ---- topics -------------------------------------------------------------- */

enum {
    WR_MEM_SPARE = 256, /* rows, and handles, kept for reuse                */
    /* Of a topic, unless it is said otherwise. */
    WR_MEM_MAX_BYTES = 64 << 20,
    WR_MEM_MAX_MESSAGES = 1 << 20
};

struct wr_mem_topic {
    struct wr_mem_entry entry; /* in the registry, whose lock guards it     */
    uint32_t refs;             /* atomic: the registry, and each handle     */
    weir_mutex lock;           /* of all that follows                       */
    bool removed;
    bool aged; /* a publisher has had a max_age                             */
    struct wr_mem_log log;
    struct wr_mem_ids ids;
    weir_limits limits; /* of its newest publisher: for dead letters        */
    struct wr_mem_group *groups;
    size_t group_count;
    uint64_t settled; /* every group has settled those below, at least      */
    int64_t newest;   /* the last message's `published`        */
    struct wr_mem_line room;       /* publishers that wait                  */
    struct wr_mem_waiter *turn;    /* woken from it, before all others      */
    struct wr_mem_waiter *to_wake; /* when the lock is left                 */
    struct wr_mem_row *spare;
    size_t spare_count;
    char name[];
};

struct wr_mem_pub {
    struct wr_mem_topic *topic;
    weir_limits limits;
    bool closed; /* under the topic's lock */
};

/* The topic of that name and one reference more; it is made if there is none
 * and `make` is set. 0, -ENOENT, WEIR_ENOMEM, WEIR_FORKED. */
int wr_mem_topic_get(struct wr_mem_topic **t, const char *name, bool make);
void wr_mem_topic_put(struct wr_mem_topic *t);
int wr_mem_topic_remove(const char *name);

/* Takes the lock: 0, WEIR_FORKED. Leaves it, and does what that entails. */
int wr_mem_enter(struct wr_mem_topic *t);
void wr_mem_leave(struct wr_mem_topic *t);

/* Locked. Puts one into the line, as the first or the last. */
void wr_mem_join(struct wr_mem_line *line, struct wr_mem_waiter *w,
                 const void *owner, bool first);

/* For one in the line: leaves the lock, waits to be woken, at most until
 * `until` or the end of ctx, and enters again, off the line. 0: woken, or it
 * is `until`; or ctx's error. */
int wr_mem_wait(struct wr_mem_topic *t, struct wr_mem_line *line,
                struct wr_mem_waiter *w, int64_t until, weir_ctx *ctx);

/* Locked. Takes one who waits off the line, to be woken when the lock is
 * left. */
void wr_mem_wake(struct wr_mem_topic *t, struct wr_mem_line *line,
                 struct wr_mem_waiter *w);
/* All, or those of one owner. */
void wr_mem_wake_all(struct wr_mem_topic *t, struct wr_mem_line *line,
                     const void *owner);

/* Locked. Takes away what is older than its max_age, from the old end. */
void wr_mem_expire(struct wr_mem_topic *t, int64_t now);

/* Locked. It is the turn of the publisher that is first in the line. */
void wr_mem_next_turn(struct wr_mem_topic *t);

/* Locked. The same if something was settled that can go for it. */
void wr_mem_settled_some(struct wr_mem_topic *t);

/* Locked. Has every group settled that message? */
bool wr_mem_is_settled(struct wr_mem_topic *t, uint64_t seq);

/* As weir_engine.publish. */
ptrdiff_t wr_mem_publish(struct wr_mem_pub *p, weir_post *posts, size_t n,
                         weir_ctx *ctx);

/* Stores all the events, which the rows have as letters and lose, or none: 0,
 * WEIR_CLOSED, WEIR_ENOMEM, WEIR_FORKED. Does not wait for room: it takes the
 * oldest away. */
int wr_mem_publish_letters(struct wr_mem_topic *t, struct wr_mem_row *rows);

/* ---- groups -------------------------------------------------------------- */

enum wr_mem_state {
    WR_MEM_IN_FLIGHT, /* delivered; due: when it expires                    */
    WR_MEM_WAITING,   /* to be delivered; due: when                         */
    WR_MEM_BLOCKED,   /* behind another of its key                          */
    WR_MEM_DYING      /* on its way to the dead letters                     */
};

struct wr_mem_row {
    struct wr_mem_row *prev, *next; /* of the group, by number              */
    uint64_t seq;
    int64_t due; /* on weir_now's clock; 0: at once                         */
    size_t at;   /* in the heap                                             */
    uint32_t deliveries;
    enum wr_mem_state state;
    struct wr_mem_delivery *handle; /* NULL: it was freed, or not delivered */
    struct wr_mem_entry key;        /* in the table if it is the first      */
    struct wr_mem_row *behind;      /* the next one of the same key         */
    struct wr_mem_row *last;        /* of the key, in the first             */
    struct wr_mem_row *dying;       /* DYING: the next of those             */
    weir_event *letter;             /* DYING                                */
    bool gone; /* DYING: it is not in the group any more                    */
};

/* The rows that something happens to by time, the earliest on top. */
struct wr_mem_heap {
    struct wr_mem_row **rows;
    size_t room, count;
};

struct wr_mem_group {
    struct wr_mem_group *next;
    struct wr_mem_topic *topic;
    size_t subs;     /* handles of it: with removed and 0 it goes           */
    bool removed;    /* off the topic's list, and without rows              */
    uint64_t cursor; /* of the next message that it has never looked at     */
    int64_t since;   /* those published before are not for it; 0: all are   */
    struct wr_mem_row *first, *last;
    size_t rows, in_flight; /* in_flight: those DYING included              */
    struct wr_mem_heap heap;
    struct wr_mem_table keys;
    struct wr_mem_line line;      /* receivers that wait                    */
    struct wr_mem_waiter *keeper; /* the one who wakes by the heap's time   */
    int64_t keeps;                /* until when                             */
    uint64_t dead, lost;
    /* mem_undertaker.c */
    struct wr_mem_sub *mortals; /* with max_deliveries                      */
    struct wr_mem_sub *judge;   /* of these, the one with the least         */
    weir_timer undertaker;
    int64_t dies_at;      /* when that fires; WEIR_FOREVER: it is not set   */
    uint32_t undertakers; /* tasks; atomic                                  */
    char name[];          /* "": of its own                                 */
};

struct wr_mem_sub {
    struct wr_mem_topic *topic;
    struct wr_mem_group *group;
    int64_t ack_wait;
    uint32_t max_deliveries;
    bool closed;   /* under the topic's lock                              */
    uint64_t lost; /* of the group's: it has been told of so many         */
    struct wr_mem_sub *next_mortal;
    uint32_t buries; /* tasks that use it without the lock                  */
    bool over;       /* the last of them frees the memory                   */
    char *graveyard; /* the topic of the dead letters                       */
    struct wr_mem_delivery *spare; /* under the lock                        */
    size_t spare_count;
    struct wr_mem_delivery *freed; /* atomic: pushed by anybody, and        */
    size_t freed_count;            /* taken under the lock                  */
};

struct wr_mem_delivery {
    weir_delivery face;
    struct wr_mem_row *row; /* NULL: settled, or somebody else's now        */
    struct wr_mem_id *id;
    struct wr_mem_delivery *next; /* spare                                  */
};

/* Locked, all of these. The group of that name, or NULL. */
struct wr_mem_group *wr_mem_group_find(const struct wr_mem_topic *t,
                                       const char *name);
/* A new one, or NULL: no memory. */
struct wr_mem_group *wr_mem_group_new(struct wr_mem_topic *t,
                                      const weir_sub_opts *o);
/* Takes it off its topic; it lives on for its subs. */
void wr_mem_group_remove(struct wr_mem_group *g);
/* A sub less. */
void wr_mem_group_put(struct wr_mem_group *g);
/* Frees it if it was removed and nobody has it any more. */
void wr_mem_group_end(struct wr_mem_group *g);

/* The least number that it has not settled. */
uint64_t wr_mem_group_floor(const struct wr_mem_group *g);
/* The first message of the log is taken away, whether it has it or not. */
void wr_mem_group_lose_first(struct wr_mem_group *g);
/* A message was taken away from it: its receivers have to be told. */
void wr_mem_group_lose(struct wr_mem_group *g);
/* There may be messages for it: wakes at most n receivers. */
void wr_mem_group_wake(struct wr_mem_group *g, uint64_t n);
/* Those of one subscription. */
void wr_mem_group_wake_sub(struct wr_mem_group *g, const struct wr_mem_sub *s);
/* The heap's time has changed: wakes the keeper, or one to become it. */
void wr_mem_group_rouse(struct wr_mem_group *g);
/* Skips what was published before `since`. */
void wr_mem_group_skip(struct wr_mem_group *g);
/* Is there something to be looked at by a receiver? */
bool wr_mem_group_ready(const struct wr_mem_group *g, int64_t now);

/* ---- rows (locked, too) -------------------------------------------------- */

/* A new row for the message at the cursor, which moves on; NULL: no memory. */
struct wr_mem_row *wr_mem_row_new(struct wr_mem_group *g);
/* Takes it out of the group; the next one of its key is free to go. */
void wr_mem_row_remove(struct wr_mem_group *g, struct wr_mem_row *r);
/* Puts it, or moves it, into the heap, and wakes who has to know. */
void wr_mem_row_set(struct wr_mem_group *g, struct wr_mem_row *r,
                    enum wr_mem_state state, int64_t due);
/* Out of the heap, on its way to the dead letters. */
void wr_mem_row_dies(struct wr_mem_group *g, struct wr_mem_row *r,
                     struct wr_mem_row **dying);
/* It is nobody's any more. */
void wr_mem_row_detach(struct wr_mem_row *r);
void wr_mem_row_free(struct wr_mem_topic *t, struct wr_mem_row *r);
/* The row on top of the heap, or NULL. */
struct wr_mem_row *wr_mem_earliest(const struct wr_mem_group *g);

/* ---- subscriptions ------------------------------------------------------- */

ptrdiff_t wr_mem_recv(struct wr_mem_sub *s, weir_delivery **d, size_t n,
                      bool now, weir_ctx *ctx);
int wr_mem_settle(struct wr_mem_sub *s, weir_delivery *const *d, size_t n,
                  enum weir_settle how, int64_t delay, int *codes);
void wr_mem_delivery_free(struct wr_mem_sub *s, weir_delivery *d,
                          bool give_back);

/* A handle from what is spare, or NULL: no memory. Locked. */
struct wr_mem_delivery *wr_mem_delivery_get(struct wr_mem_sub *s);
void wr_mem_delivery_put(struct wr_mem_sub *s, struct wr_mem_delivery *d);
void wr_mem_deliveries_free(struct wr_mem_sub *s);

/*
 * Locked; leaves the lock meanwhile. Moves the rows of the list, which are
 * DYING, to the dead letters: they are removed and counted, all of them, or
 * none if it fails: 0, WEIR_ENOMEM, WEIR_CLOSED. Those that are left are still
 * DYING; those that are gone are lost and counted.
 */
int wr_mem_bury(struct wr_mem_sub *s, struct wr_mem_row **dying,
                const char *reason);

/* ---- what nobody asks for (locked) --------------------------------------- */

/* A subscription, of options that are set, has its group, or is about to lose
 * it. */
void wr_mem_mortal(struct wr_mem_sub *s);
void wr_mem_not_mortal(struct wr_mem_sub *s);
/* The row was delivered. */
void wr_mem_may_die(struct wr_mem_group *g, const struct wr_mem_row *r);

/* now + ns, or for ever. */
static inline int64_t wr_mem_after(int64_t now, int64_t ns)
{
    return ns > WEIR_FOREVER - now ? WEIR_FOREVER : now + ns;
}

#endif
