/* SPDX-License-Identifier: MIT */
/*
 * The inside of a shutdown. Each part with something to drain has a task from
 * the start on, which waits for its turn; so a shutdown has all it needs when
 * it begins, and memory is often what a program is short of then.
 *
 *   contexts: begun                 the shutdown has begun
 *             cut -> drain          the drains are to end: asked, or deadline
 *             each part's turn      it may drain (cause GO), or it never will
 *             each part's done      its drain has returned
 *
 * - first .. last and what the parts are is written while nobody waits; each
 *   report by the one who waits. A drain's result and time are its task's
 *   until done has ended, and the waiter's after that.
 * - state and signal are written under lock.
 */
#ifndef WR_FLOW_SHUTDOWN_H
#define WR_FLOW_SHUTDOWN_H

#include <weir/mutex.h>
#include <weir/shutdown.h>
#include <weir/wg.h>

enum { WR_IDLE, WR_WAITED, WR_OVER }; /* by one who waits */

struct wr_part {
    weir_shutdown *shutdown;
    struct wr_part *next;
    weir_shutdown_part is;
    void *object;  /* of a ready-made part, whose arg is the part itself */
    uint64_t base; /* what had been lost before the drain                */
    weir_ctx turn, done;
    int result;   /* of the drain                                       */
    bool in_time; /* and when it returned                               */
    int64_t began, ended;
    weir_shutdown_report report;
};

struct weir_shutdown {
    weir_shutdown_opts opts;
    weir_chan *signals; /* NULL: none */
    weir_ctx begun, cut, drain;
    weir_wg tasks;
    struct wr_part *first, *last;
    int64_t grace_ends;
    weir_mutex lock;
    int state; /* WR_IDLE, .. */
    int signal;
    int result;
};

/* weir_shutdown_add; with an object the part itself becomes arg. */
int wr_shutdown_add(weir_shutdown *s, const weir_shutdown_part *p,
                    void *object);

#endif
