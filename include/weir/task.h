/* SPDX-License-Identifier: MIT */
/*
 * Tasks and the runtime that runs them.
 *
 * A task is a function with a stack of its own, run by one of a few worker
 * threads (M:N, with work stealing). It gives its worker away only inside a
 * weir call that waits, in weir_yield, and when it ends. The runtime starts
 * by itself at the first call that needs it, from any thread.
 */
#ifndef WEIR_TASK_H
#define WEIR_TASK_H

#include <stdio.h>
#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- starting tasks ---------------------------------------------------- */

/* How to start a task. All zero means the defaults. */
typedef struct weir_task_opts {
    const char *name;  /* for dumps; kept by reference, must stay valid     */
    size_t stack_size; /* usable bytes, rounded up to a power of two of at
                          least 16 KiB; 0: the runtime's (64 KiB); at most
                          1 GiB                                             */
    bool pinned;       /* stays on one worker, so that thread-locals hold   */
} weir_task_opts;

/*
 * Starts fn(arg) as a task. The caller goes on; newer tasks of a worker run
 * before its older ones. Any thread or task.
 * Returns 0; WEIR_EINVAL (fn is NULL), WEIR_ENOMEM (no memory, mappings or
 * threads: nothing was started), WEIR_STOPPED (a thread's call after a
 * weir_stop that timed out), WEIR_FORKED.
 */
WEIR_API int weir_go(void (*fn)(void *), void *arg);

/*
 * As weir_go, with the size bytes at args copied to the new task; fn gets a
 * pointer to its copy (aligned to 16), valid until fn returns. size is at
 * most a quarter of the stack size, else WEIR_EINVAL.
 */
WEIR_API int weir_go_copy(void (*fn)(void *), const void *args, size_t size);

/* As weir_go, with options; o may be NULL. WEIR_EINVAL also for a stack size
 * out of range. */
WEIR_API int weir_go_with(const weir_task_opts *o, void (*fn)(void *),
                          void *arg);

/*
 * Runs fn(arg) as the main task and waits until it has returned and, after
 * it, every task has ended; then stops the runtime. The result is fn's. When
 * all tasks are asleep and nothing can ever wake one (no timer, descriptor,
 * signal channel or blocking call is left to do it, and no foreign thread but
 * those that are asleep in such a call themselves), it says so on standard
 * error with a dump and returns WEIR_DEADLOCK.
 * From a plain thread; WEIR_EINVAL from a task or while another runs;
 * WEIR_STOPPED when another thread stopped the runtime before all had ended;
 * WEIR_ENOMEM, WEIR_STOPPED, WEIR_FORKED as weir_go.
 */
WEIR_API int weir_run(int (*fn)(void *), void *arg);

/* Lets other tasks that are ready run first; for a thread, sched_yield. */
WEIR_API void weir_yield(void);

/* Is the caller a task? */
WEIR_API bool weir_in_task(void);

/* The caller's task number (from 1, never reused in a run), 0 on a thread. */
WEIR_API uint64_t weir_task_id(void);

/* Names the calling task, by reference; NULL takes the name away. No effect
 * on a thread. */
WEIR_API void weir_task_name(const char *name);

/* ---- the runtime ------------------------------------------------------- */

/* Options of the runtime. All zero means the defaults. */
typedef struct weir_opts {
    int workers;       /* 0: $WEIR_WORKERS, else what the affinity mask and
                          the cgroup quota allow; at most 1024              */
    size_t stack_size; /* default stack size; 0: 64 KiB                     */
    int blocking_max;  /* threads of the blocking pool; 0: 64               */
    int64_t hog_after; /* warn when a task holds its worker this long, ns;
                          0: $WEIR_HOG as a number of milliseconds, else
                          never                                             */
    int dump_signal;   /* this signal prints a dump to stderr; 0: none      */
    bool hosted;       /* no worker threads: the host calls weir_run_once   */
    bool no_segv;      /* leave SIGSEGV alone: no stack overflow message    */
} weir_opts;

/*
 * Starts the runtime with options, which may be NULL. Without this call it
 * starts by itself with the defaults. Returns 0; WEIR_BUSY (it runs
 * already), WEIR_STOPPED (a weir_stop timed out and is to be called again),
 * WEIR_EINVAL (an option or environment value out of range), WEIR_ENOMEM
 * (threads or memory), WEIR_FORKED.
 */
WEIR_API int weir_start(const weir_opts *o);

/*
 * Waits until every task has ended, at most timeout ns (0: does not wait,
 * WEIR_FOREVER: as long as it takes), then joins the workers. Returns the
 * number of tasks that are left (0: a clean end), after printing them to
 * stderr as a leak report. Tasks that are left stay as they are; should the
 * runtime start again and something wake them, they go on, pinned ones
 * perhaps on another worker. WEIR_EINVAL from a task or for a negative
 * timeout, WEIR_ENOMEM when a thread has no memory to wait with (nothing was
 * stopped), WEIR_FORKED. Without a runtime it returns 0.
 *
 * WEIR_TIMEDOUT: a running task would not give its worker back within a
 * second. Then the runtime stays half stopped until weir_stop is called
 * again and succeeds. Meanwhile what that task starts is left with it;
 * threads get WEIR_STOPPED from each call that needs a worker (weir_go,
 * weir_start, weir_run, sleeps, timers, waits with a deadline or for a
 * descriptor).
 */
WEIR_API int weir_stop(int64_t timeout);

/* The number of workers, 0 while the runtime does not run. */
WEIR_API int weir_workers(void);

/* The number of tasks that have been started and have not ended. */
WEIR_API size_t weir_tasks(void);

/*
 * Prints every task: number (its address while nobody has asked for one),
 * name, state, what it waits on, for how long, and where it was spawned. Any
 * thread or task, at any time; the lines of running tasks are a glance, not a
 * snapshot.
 */
WEIR_API void weir_dump(FILE *out);

/* ---- a host with its own loop ------------------------------------------ */

/*
 * For a runtime started with .hosted: runs what is ready, fires timers and
 * looks at descriptors, on the calling thread, which must always be the
 * same. From then on that thread does so too while it waits in a call of weir;
 * before, nothing runs and no timer ends anybody's wait. Waits at most timeout
 * ns for something to do (0: not at all). Returns the number of task switches
 * made; WEIR_EINVAL (not hosted, wrong thread, from a task).
 */
WEIR_API int weir_run_once(int64_t timeout);

/* A descriptor that polls readable when weir_run_once has something to do.
 * Owned by the runtime: do not close. WEIR_EINVAL when not hosted. */
WEIR_API int weir_poll_fd(void);

/* ---- calls that block a thread ----------------------------------------- */

/*
 * Runs fn(arg) where it may block: on a thread of the elastic pool when the
 * caller is a task, in place when it is a thread. Returns fn's result, or
 * WEIR_ENOMEM when no pool thread exists and none can be made.
 */
WEIR_API int weir_blocking(int (*fn)(void *), void *arg);

/* ---- task-local values ------------------------------------------------- */

/*
 * A key for values that belong to one task (on a plain thread: to the
 * thread). Static: `static weir_local key = WEIR_LOCAL_INIT(destroy);`. The
 * destructor, which may be NULL, gets each value that is left when its task
 * or thread ends.
 */
typedef struct weir_local {
    void (*destroy)(void *value);
} weir_local;

#define WEIR_LOCAL_INIT(destroy_fn)                                            \
    {                                                                          \
        destroy_fn                                                             \
    }

/* The caller's value under the key, NULL when none was set. */
WEIR_API void *weir_local_get(const weir_local *key);

/* Sets it; NULL removes it, without a call of the destructor. Returns 0,
 * WEIR_EINVAL (key is NULL), WEIR_ENOMEM. */
WEIR_API int weir_local_set(const weir_local *key, void *value);

#ifdef __cplusplus
}
#endif
#endif
