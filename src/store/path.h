/* SPDX-License-Identifier: MIT */
/*
 * A path of the backend "channel": its messages, the queues or the log that
 * they are in, and its readers.
 *
 *   path      not persistent:  lanes -> lane -> lane     a channel each
 *             persistent:      log                       [first, end)
 *   reader    follows one lane, or has a position in the log
 *
 * Readers that compete share the one lane there is. Where all get all, each
 * has a lane of its own.
 *
 * Invariants, under the path's lock
 *   a path that is not persistent has a lane that is not gone;
 *   a lane that nobody has taken is the only one that is not gone;
 *   ended: every lane's channel is closed, and the log does not grow.
 * Locks are taken in the order: store, turn, path. No call waits for anything
 * but a turn under the store's or the path's lock, and on_drop is called under
 * neither.
 */
#ifndef WR_STORE_PATH_H
#define WR_STORE_PATH_H

#include <weir/chan.h>
#include <weir/cond.h>
#include <weir/ctx.h>
#include <weir/mutex.h>
#include <weir/store.h>

#include "base/inside.h"
#include "store/message.h"
#include "store/table.h"

/* A channel of messages for one reader, or for all that compete. */
struct wr_lane {
    struct wr_lane *next; /* taken out by who has turn and lock             */
    weir_chan *chan;
    uint32_t refs;    /* the path's, the reader's, of those who offer   */
    bool taken, gone; /* where all get all: has a reader; had one       */
};

/* Messages first to end - 1, at their numbers modulo room, a power of 2. */
struct wr_log {
    struct wr_message **ring;
    size_t room, bytes;
    uint64_t first, end;
};

struct wr_path {
    struct wr_named named; /* the first                                      */
    weir_mutex lock;
    weir_mutex turn; /* of the writers where all get all: one order for all */
    weir_cond news;  /* the log has grown, the path ended, a reader closed  */
    weir_store_channel_opts opts;
    uint32_t refs; /* atomic */
    bool ended;
    size_t readers, writers;
    struct wr_lane *lanes;
    struct wr_log log;
    uint64_t written, bytes; /* atomic                                      */
    uint64_t dropped_by[WEIR_DROPS]; /* by the store, not by a policy       */
    struct wr_inside *reporting;     /* the calls of on_drop                */
    weir_chan_stats past; /* of lanes that are freed                     */
    char name[];
};

struct wr_reader {
    struct wr_path *path;
    struct wr_lane *lane; /* NULL: position in the log                   */
    uint64_t position;    /* under the hand's turn                       */
    weir_ctx done;        /* ended by close                              */
    struct wr_hand hand;
    bool closed; /* under the path's lock                       */
};

/* ---- path.c -------------------------------------------------------------- */

/* A path with one reference, NULL without memory. */
struct wr_path *wr_path_new(const char *name, const weir_store_channel_opts *o);
struct wr_path *wr_path_ref(struct wr_path *p);
void wr_path_unref(struct wr_path *p);
/* One writer more. 0, WEIR_CLOSED. */
int wr_path_enter(struct wr_path *p);
bool wr_path_has_ended(struct wr_path *p);
void wr_path_end(struct wr_path *p);
int wr_path_write(struct wr_path *p, struct wr_message *m, weir_ctx *ctx);
/* Without waiting: 0, WEIR_FULL (some reader has no room), WEIR_CLOSED. */
int wr_path_offer(struct wr_path *p, struct wr_message *m, bool drop_oldest,
                  size_t *dropped);
int wr_path_stats(struct wr_path *p, weir_store_stats *out);

/* ---- drop.c -------------------------------------------------------------- */

/* Messages that were dropped and counted under the lock, each a reference,
 * for on_drop to be told of without it. */
struct wr_victims {
    struct wr_message *list[16];
    size_t n;
};

/* Is there no room for another one? */
bool wr_victims_full(const struct wr_victims *v);
/* Calls on_drop for each and lets go of them: v is empty then. */
void wr_victims_tell(struct wr_path *p, struct wr_victims *v,
                     enum weir_drop reason);
/* Calls on_drop, if there is one. */
void wr_drop_tell(struct wr_path *p, const struct wr_message *m,
                  enum weir_drop reason);
/* Is this a call from within on_drop of p? */
bool wr_drop_inside(struct wr_path *p);

/* ---- lane.c -------------------------------------------------------------- */

/* Those of the lanes of p; NULL: to be looked at only. */
weir_chan_opts wr_lane_opts(const weir_store_channel_opts *o,
                            struct wr_path *p);
int wr_lane_add(struct wr_path *p); /* locked: 0, WEIR_ENOMEM                */
void wr_lanes_free(struct wr_path *p);
void wr_lanes_close(struct wr_path *p); /* locked                */
int wr_lane_take(struct wr_path *p, struct wr_lane **out); /* locked        */
/* Locked. True: what l has is to be drained. */
bool wr_lane_leave(struct wr_path *p, struct wr_lane *l);
void wr_lane_drain(struct wr_path *p, struct wr_lane *l);
void wr_lane_unref(struct wr_path *p, struct wr_lane *l); /* locked        */
int wr_lanes_send(struct wr_path *p, struct wr_message *m, weir_ctx *ctx);
int wr_lanes_offer(struct wr_path *p, struct wr_message *m, bool drop_oldest,
                   size_t *dropped);
void wr_lanes_stats(struct wr_path *p, weir_chan_stats *sum); /* locked     */

/* ---- log.c --------------------------------------------------------------- */

int wr_log_append(struct wr_path *p, struct wr_message *m);
/* The message at r's position, with a reference. As weir_store_read. */
int wr_log_next(struct wr_reader *r, struct wr_message **m, weir_ctx *ctx);
void wr_log_free(struct wr_log *log);

/* ---- reader.c ------------------------------------------------------------ */

int wr_reader_open(struct wr_reader **out, struct wr_path *p);
ptrdiff_t wr_reader_read(void *reader, void *buf, size_t size, weir_ctx *ctx);
ptrdiff_t wr_reader_rest(const void *reader);
int wr_reader_close(void *reader);
void wr_reader_free(void *reader);

#endif
