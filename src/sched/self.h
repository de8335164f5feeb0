/* SPDX-License-Identifier: MIT */
/*
 * Who am I? Two thread-locals, read afresh at every question: a task may go on
 * on another thread after any switch, so a compiler must not keep the value,
 * nor the address, from before it.
 */
#ifndef WR_SCHED_SELF_H
#define WR_SCHED_SELF_H

struct wr_task;
struct wr_worker;

extern __thread struct wr_task *wr_self_task
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern __thread struct wr_worker *wr_self_worker
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

#if defined(__x86_64__) && !defined(__ILP32__)

#define WR_SELF_READ(variable, out)                                            \
    __asm__ volatile("movq " #variable "@gottpoff(%%rip), %0\n\t"              \
                     "movq %%fs:(%0), %0"                                      \
                     : "=r"(out))

/* The task that runs on this thread, NULL for a plain thread or a base. */
static inline struct wr_task *wr_task_self(void)
{
    struct wr_task *t;
    WR_SELF_READ(wr_self_task, t);
    return t;
}

/* The worker whose thread this is, NULL on a plain thread. */
static inline struct wr_worker *wr_worker_self(void)
{
    struct wr_worker *w;
    WR_SELF_READ(wr_self_worker, w);
    return w;
}

#else

struct wr_task *wr_task_self(void);
struct wr_worker *wr_worker_self(void);

#endif

#endif
