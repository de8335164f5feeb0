/* SPDX-License-Identifier: MIT */
/*
 * The broadcaster from within: a queue in front, whose sink is the round over
 * a list of members.
 *
 *   face -> front queue -> round -> target of each member
 *     target of a direct member:  member -> its sink
 *     target of another:          its queue -> member -> its sink
 *
 *   broadcaster.c          the face, and the calls
 *   broadcaster_round.c    the round of an event, and the closing of all
 *   broadcaster_member.c   the list, and what stands before each sink
 *
 * Ownership: the user has the face, which has the front queue, which has the
 * round. The list has the targets; a queue has its member, and a member has
 * its sink and the round. The front queue always closes the round when it
 * ends, and that empties the list, so nothing is held in a circle. The memory
 * goes with the last reference to the round.
 *
 * Invariants:
 * - There is one round at a time, by the front queue's task, and one cursor:
 *   the member it comes to next. Whoever takes that member off the list moves
 *   the cursor on. So members come and go between two steps, and none is
 *   skipped or met twice.
 * - Who is added while an event goes round has `since` set to its number, and
 *   stands behind all who have not: there the round ends.
 */
#ifndef WR_EVENT_BROADCASTER_H
#define WR_EVENT_BROADCASTER_H

#include <weir/broadcaster.h>
#include <weir/cond.h>

struct wr_member {
    weir_sink shim; /* first: what stands before the sink                   */
    weir_broadcaster *b;
    weir_sink *sink, *target;
    weir_queue *queue; /* the target, if that is one                        */
    /* Under b's lock. */
    struct wr_member *next, *prev; /* on the list of those that get events    */
    struct wr_member *after, *before; /* among all that have not been freed */
    weir_broadcast_opts opts;
    uint64_t since;
    uint32_t in_a_row; /* failures                                          */
    bool listed;
    bool removed; /* its sink is not ours to close                          */
};

struct weir_broadcaster {
    weir_sink face;  /* first: what the user writes to                      */
    weir_sink round; /* what the front queue writes to                      */
    weir_queue *front;
    weir_broadcaster_opts opts;

    weir_mutex lock; /* of all below, and of the members                    */
    struct wr_member *first, *last, *cursor;
    struct wr_member *all;
    weir_cond gone; /* all is empty                                         */
    uint64_t turn;  /* the event that goes round, or did last                */
    bool going, closed;
    size_t sinks;
    uint64_t lost, removed;
};

/* What the front queue writes to. */
extern const weir_sink_ops wr_broadcaster_round;

/* Counts a loss of s, and reports it. Without the lock. */
void wr_broadcaster_lose(weir_broadcaster *b, weir_sink *s, weir_event *e,
                         int code);

/* ---- the list; under the lock -------------------------------------------- */

struct wr_member *wr_member_find(const weir_broadcaster *b, const weir_sink *s);

/* Puts m at the end. */
void wr_member_attach(weir_broadcaster *b, struct wr_member *m);

/* Takes m off: its target, to be given back without the lock; NULL if it is
 * off already. */
weir_sink *wr_member_detach(struct wr_member *m);

/* ---- a member ------------------------------------------------------------ */

/* Makes one, with its queue if it is to have one; its target is the caller's.
 * WEIR_ENOMEM, or as weir_queue_new. */
int wr_member_new(struct wr_member **out, weir_broadcaster *b, weir_sink *s,
                  const weir_broadcast_opts *o);

#endif
