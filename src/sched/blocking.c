/* SPDX-License-Identifier: MIT */
/*
 * The elastic pool: threads for calls that block. A job goes to an idle
 * thread, else to a new one while there are fewer than the bound, else it
 * queues. Threads that stay idle end.
 *
 * Invariants, under the pool's lock
 *   1. A job is queued only while a thread lives, or is being made, that
 *      looks at the queue before it goes idle or ends.
 *   2. A thread in the idle list has no job; who gives it one takes it out.
 *   3. At most one thread has left the pool and is not joined, `last`: who
 *      leaves next joins it.
 */
#include "base/misuse.h"
#include "sched/blocking.h"

#include <weir/task.h>
#include "port/clock.h"
#include "port/futex.h"
#include "port/thread.h"
#include "sched/runtime.h"
#include "sched/wait.h"

enum { IDLE_SECONDS = 5 };

/* A call that a task waits for; on its stack. */
struct job {
    int (*fn)(void *);
    void *arg;
    int result;              /* fn's, or WEIR_ENOMEM: no thread, not run    */
    struct wr_queue waiters; /* the task; popped when it is done            */
    struct job *next;
};

/* A thread that waits for work; on its stack. */
struct idler {
    struct idler *next;
    struct job *job;
    uint32_t awake; /* a futex: 1 once it is out of the list */
};

static struct {
    uint32_t lock;
    struct job *first, *last_job;
    struct idler *idle; /* who came last goes first, so the others can end */
    uint32_t threads;   /* alive or being made                              */
    uint32_t free;      /* those of them without a job; a futex at a stop   */
    bool linger;        /* idle threads stay for a while                    */
    bool left;          /* `last` is to be joined                           */
    wr_thread last;
} pool;

int wr_blocking_threads(void)
{
    wr_lock(&pool.lock);
    int n = (int)pool.threads;
    wr_unlock(&pool.lock);
    return n;
}

/* ---- under the lock ------------------------------------------------------ */

static void queue_job(struct job *j)
{
    j->next = NULL;
    if (pool.first)
        pool.last_job->next = j;
    else
        pool.first = j;
    pool.last_job = j;
}

static struct job *next_job(void)
{
    struct job *j = pool.first;
    if (j)
        pool.first = j->next;
    return j;
}

static struct idler *pop_idler(struct job *j)
{
    struct idler *i = pool.idle;
    if (i) {
        pool.idle = i->next;
        i->job = j;
        wr_store_rel(&i->awake, 1);
    }
    return i;
}

static void remove_idler(const struct idler *me)
{
    struct idler **p = &pool.idle;
    while (*p != me)
        p = &(*p)->next;
    *p = me->next;
}

static void count_free(uint32_t change)
{
    wr_store(&pool.free, pool.free + change);
    if (!pool.linger)
        wr_futex_wake(&pool.free, 1);
}

/* ---- the life of a thread ------------------------------------------------ */

/* The lock is held before and after, not meanwhile. */
static struct job *idle_a_while(void)
{
    struct idler me = {.next = pool.idle};
    pool.idle = &me;
    wr_unlock(&pool.lock);
    int64_t now = wr_clock(), end = now + IDLE_SECONDS * WEIR_SECOND;
    while (!wr_load_acq(&me.awake) && now < end) {
        wr_futex_wait(&me.awake, 0, end - now);
        now = wr_clock();
    }
    wr_lock(&pool.lock);
    if (!me.awake)
        remove_idler(&me);
    return me.job;
}

/* Gives the lock back. */
static void leave_pool(void)
{
    wr_thread before = pool.last;
    bool join = pool.left;
    pool.last = wr_thread_self();
    pool.left = true;
    pool.threads--;
    count_free(-1U);
    wr_unlock(&pool.lock);
    if (join)
        wr_thread_join(before);
}

/* A job to do, or NULL: the thread has left the pool. */
static struct job *await_job(void)
{
    wr_lock(&pool.lock);
    struct job *j = next_job();
    if (!j && pool.linger)
        j = idle_a_while();
    if (!j)
        j = next_job();
    if (!j) {
        leave_pool();
        return NULL;
    }
    count_free(-1U);
    wr_unlock(&pool.lock);
    return j;
}

/* The last look at the job: its task goes on. */
static void finish(struct job *j, int result, uint32_t freed)
{
    struct wr_wakes wakes = {0};
    wr_lock(&pool.lock);
    j->result = result;
    wr_queue_pop_all(&j->waiters, 0, &wakes);
    count_free(freed);
    wr_unlock(&pool.lock);
    wr_wake(&wakes);
}

static void *serve(void *arg)
{
    struct job *j;
    wr_thread_name("weir-blocking");
    while ((j = await_job()) != NULL)
        finish(j, j->fn(j->arg), 1);
    return arg;
}

/* No thread could be made for one that was counted. If it was the only one,
 * nobody is there to do what is queued. */
static void shrink(void)
{
    struct job *orphans = NULL;
    wr_lock(&pool.lock);
    count_free(-1U);
    if (--pool.threads == 0) {
        orphans = pool.first;
        pool.first = NULL;
    }
    wr_unlock(&pool.lock);
    while (orphans) {
        struct job *next = orphans->next;
        finish(orphans, WEIR_ENOMEM, 0);
        orphans = next;
    }
}

static void grow(void)
{
    wr_thread t;
    if (wr_thread_start(&t, NULL, serve, NULL) != 0)
        shrink();
}

/* ---- calls --------------------------------------------------------------- */

/* Gives the job, with its task's node, to the pool. Does not wait. */
static void post(struct job *j, struct wr_node *n)
{
    bool more = false;
    uint32_t max = (uint32_t)wr_blocking_max();
    wr_lock(&pool.lock);
    pool.linger = true;
    wr_queue_push(n);
    struct idler *i = pop_idler(j);
    if (!i) {
        queue_job(j);
        more = pool.threads < max;
        if (more) {
            pool.threads++;
            count_free(1);
        }
    }
    wr_unlock(&pool.lock);
    if (i)
        wr_futex_wake(&i->awake, 1);
    else if (more)
        grow();
}

int weir_blocking(int (*fn)(void *), void *arg)
{
    if (!fn)
        return WR_MISUSE("no function");
    if (!weir_in_task())
        return fn(arg);
    int err = wr_can_wait();
    if (err)
        return err;
    struct job j = {.fn = fn, .arg = arg};
    struct wr_waiter w;
    struct wr_node n;
    wr_waiter_init(&w);
    wr_node_init(&n, &w, &j.waiters, &pool.lock, 0, NULL);
    wr_outside_enter();
    post(&j, &n);
    wr_node_leave(&n, wr_park(&w, WR_ON_BLOCKING, NULL));
    wr_outside_leave();
    return j.result;
}

void wr_blocking_stop(void)
{
    struct idler *i;
    uint32_t seen;
    wr_lock(&pool.lock);
    pool.linger = false;
    while ((i = pop_idler(NULL)) != NULL)
        wr_futex_wake(&i->awake, 1);
    wr_unlock(&pool.lock);
    while ((seen = wr_load(&pool.free)) != 0)
        wr_futex_wait(&pool.free, seen, -1);
    wr_lock(&pool.lock);
    bool join = pool.left;
    wr_thread last = pool.last;
    pool.left = false;
    wr_unlock(&pool.lock);
    if (join)
        wr_thread_join(last);
}
