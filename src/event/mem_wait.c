/* SPDX-License-Identifier: MIT */
/*
 * Waiting at a topic, and its lock.
 *
 * A party that must wait puts itself into a line in the critical section that
 * found that it must; whoever changes what it waits for takes it off the line
 * in the one that changed it, and wakes it by a semaphore after the lock was
 * left. So no wake-up is lost, and nobody who is woken finds the lock taken by
 * who woke it. A party that time or its context wakes takes itself off the
 * line; if it is not there any more, a permit is on its way to its stack, and
 * it has to stay for that.
 */
#include <weir/task.h>
#include <weir/time.h>

#include "event/mem_topic.h"

enum { SWEEP = 32 }; /* events a turn */

int wr_mem_enter(struct wr_mem_topic *t)
{
    int err;
    while ((err = weir_mutex_lock(&t->lock, NULL)) == WEIR_ENOMEM)
        weir_yield(); /* a thread without the memory to sleep */
    return err;
}

/* Takes along what is to be done outside, and unlocks. False: that is not
 * all. */
static bool leave(struct wr_mem_topic *t)
{
    weir_event *events[SWEEP];
    struct wr_mem_waiter *next, *w = t->to_wake;
    const size_t n = wr_mem_log_sweep(&t->log, events, SWEEP);
    const bool all = t->log.base == t->log.first;
    t->to_wake = NULL;
    weir_mutex_unlock(&t->lock);
    for (; w; w = next) {
        next = w->next; /* it may be gone after the next line */
        weir_sem_release(&w->woken, 1);
    }
    for (size_t i = 0; i < n; i++)
        weir_event_unref(events[i]);
    return all;
}

void wr_mem_leave(struct wr_mem_topic *t)
{
    if (!t->to_wake && t->log.base == t->log.first) {
        weir_mutex_unlock(&t->lock);
        return;
    }
    while (!leave(t))
        if (wr_mem_enter(t))
            return;
}

void wr_mem_join(struct wr_mem_line *line, struct wr_mem_waiter *w,
                 const void *owner, bool first)
{
    *w = (struct wr_mem_waiter){
        .prev = first ? NULL : line->last,
        .next = first ? line->first : NULL,
        .owner = owner,
        .woken = WEIR_SEM_INIT(0),
        .in_line = true,
    };
    *(w->prev ? &w->prev->next : &line->first) = w;
    *(w->next ? &w->next->prev : &line->last) = w;
}

static void take_off(struct wr_mem_line *line, struct wr_mem_waiter *w)
{
    *(w->prev ? &w->prev->next : &line->first) = w->next;
    *(w->next ? &w->next->prev : &line->last) = w->prev;
    w->in_line = false;
}

void wr_mem_wake(struct wr_mem_topic *t, struct wr_mem_line *line,
                 struct wr_mem_waiter *w)
{
    take_off(line, w);
    w->next = t->to_wake;
    t->to_wake = w;
}

void wr_mem_wake_all(struct wr_mem_topic *t, struct wr_mem_line *line,
                     const void *owner)
{
    struct wr_mem_waiter *next, *w = line->first;
    for (; w; w = next) {
        next = w->next;
        if (!owner || w->owner == owner)
            wr_mem_wake(t, line, w);
    }
}

/* 0: it has its permit; WEIR_TIMEDOUT also when it is `until`. */
static int sleep_until(struct wr_mem_waiter *w, int64_t until, weir_ctx *ctx)
{
    if (until == WEIR_FOREVER)
        return weir_sem_acquire(&w->woken, 1, ctx);
    weir_ctx timed;
    int err = weir_ctx_init_deadline(&timed, ctx, until);
    if (err)
        return err;
    err = weir_sem_acquire(&w->woken, 1, &timed);
    weir_ctx_fini(&timed);
    return err;
}

int wr_mem_wait(struct wr_mem_topic *t, struct wr_mem_line *line,
                struct wr_mem_waiter *w, int64_t until, weir_ctx *ctx)
{
    wr_mem_leave(t);
    const int err = sleep_until(w, until, ctx);
    const int forked = wr_mem_enter(t);
    if (forked)
        return forked;
    if (w->in_line) {
        take_off(line, w);
        return err == WEIR_TIMEDOUT && !weir_ctx_err(ctx) ? 0 : err;
    }
    if (err) {
        wr_mem_leave(t);
        weir_sem_acquire(&w->woken, 1, NULL);
        return wr_mem_enter(t);
    }
    return 0;
}
