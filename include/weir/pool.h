/* SPDX-License-Identifier: MIT */
/*
 * Worker pool: a bounded queue of jobs and a number of tasks that do them.
 * The worker pool of Go's books, with what those leave out: it may be resized
 * while it runs, it drains or discards as asked, its stop has a deadline, its
 * workers are joined, and no job is lost unsaid.
 *
 *   submit -> queue -> fn, by `workers` tasks -> results (if asked for)
 *
 * Any task or thread; NULL for the pool is WEIR_EINVAL everywhere, except
 * where it is said to be allowed. Every call may also return WEIR_FORKED, and
 * from a thread that has never waited before WEIR_ENOMEM: then it has done
 * what can be done without waiting, and may be called again.
 */
#ifndef WEIR_POOL_H
#define WEIR_POOL_H

#include <weir/chan.h>
#include <weir/ctx.h>
#include <weir/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a weir_work_fn returns besides 0 and errors: there is no result. */
#define WEIR_SKIP 1

/* The most workers of a pool, or of a stage of a pipeline. */
#define WEIR_POOL_MAX_WORKERS 65536

/*
 * Does one piece of work, in a task: makes *out from *in. What *in refers to
 * is the function's own from here on, whatever it returns. ctx ends when the
 * work is no longer wanted: hand it to the calls that wait.
 * 0: *out is the result; WEIR_SKIP: there is none; anything else: it failed,
 * with this code, and *out is not looked at. out is NULL where results have
 * nowhere to go; both are aligned to 16.
 */
typedef int weir_work_fn(void *in, void *out, weir_ctx *ctx, void *arg);

typedef struct weir_pool weir_pool;

/* Options of a pool. Zero means the default. */
typedef struct weir_pool_opts {
    weir_work_fn *fn; /* what is done with a job; required                  */
    void *arg;        /* for fn and the callbacks                           */
    size_t job_size;  /* bytes of a job, copied; at most 16 MiB             */
    size_t capacity;  /* jobs the queue holds; at most 2^31; 0: 64          */
    int workers;      /* 1..WEIR_POOL_MAX_WORKERS; 0: weir_workers()        */
    weir_task_opts task; /* how the workers are started: name, stack, pin   */
    weir_ctx *ctx;       /* its end stops the pool, as cancel does          */

    /* Where results go: of the size of its elements, under its policy and
     * its limits. Closed when the last worker has ended, unless keep_open. */
    weir_chan *results;
    bool keep_open;
    /* Results in the order in which the jobs were submitted. At most window
     * jobs (0: 4 for each worker) are being done or wait for an earlier one,
     * so one slow job holds the others up no sooner than that. */
    bool ordered;
    size_t window;

    bool fail_fast; /* the first job that fails cancels the pool            */

    /* Given each job that no worker will do, and each result that could not
     * be sent (its channel was closed, refused it, or the pool was cancelled).
     * On the task that found out, outside every lock; may be NULL. */
    void (*discard)(void *job, void *arg);
    void (*discard_result)(void *result, void *arg);
} weir_pool_opts;

/*
 * Makes a pool and starts its workers: 0 and *pool, which weir_pool_free
 * ends; *o is copied, results referenced, ctx must stay valid until the free.
 * WEIR_EINVAL (no fn, a number out of range, ordered without results),
 * WEIR_ENOMEM (memory, or tasks): nothing was started, *pool is NULL.
 */
WEIR_API int weir_pool_start(weir_pool **pool, const weir_pool_opts *o);

/* Queues a copy of *job, waiting for room at most until ctx (may be NULL)
 * ends. 0; WEIR_CLOSED (the pool takes no more; also when that happens while
 * it waits), WEIR_CANCELED, WEIR_TIMEDOUT, WEIR_EINVAL (no job), WEIR_ENOMEM.
 * A job that was not queued stays the caller's. */
WEIR_API int weir_pool_submit(weir_pool *pool, const void *job, weir_ctx *ctx);
/* Without waiting: 0, WEIR_FULL, WEIR_CLOSED, WEIR_EINVAL. */
WEIR_API int weir_pool_try_submit(weir_pool *pool, const void *job);

/*
 * Grows or shrinks to that many workers, 1..WEIR_POOL_MAX_WORKERS, without
 * waiting: of those that are too many each ends when its job does, at once if
 * it has none. The window of an ordered pool stays as it was. 0; WEIR_ENOMEM:
 * it has fewer than asked for, but no fewer than before; WEIR_CLOSED (its
 * last worker has ended), WEIR_EINVAL.
 */
WEIR_API int weir_pool_resize(weir_pool *pool, int workers);

enum weir_pool_end {
    WEIR_POOL_DRAIN,  /* what is queued is done                             */
    WEIR_POOL_DISCARD /* what is queued is discarded                        */
};

/* Takes no more jobs from now on, and does not wait: workers without a job
 * end at once, the others after theirs. A discard may follow a drain; the
 * other way round nothing changes. Also from a job. 0, WEIR_EINVAL. */
WEIR_API int weir_pool_close(weir_pool *pool, enum weir_pool_end how);

/* Closes, discards what is queued and ends the context of the jobs that run,
 * with that cause (0: WEIR_CANCELED; the first one is kept). Does not wait;
 * also from a job. 0, WEIR_EINVAL. */
WEIR_API int weir_pool_cancel(weir_pool *pool, int cause);

/*
 * Closes and waits for the workers, at most until ctx (may be NULL) ends:
 * then cancels the pool with ctx's error and returns it; jobs that run are
 * not waited for. Otherwise as join.
 */
WEIR_API int weir_pool_stop(weir_pool *pool, enum weir_pool_end how,
                            weir_ctx *ctx);

/* Waits until the pool has been closed or cancelled and every worker has
 * ended. 0; the cause, if it was cancelled before all were done: with
 * fail_fast the first error; WEIR_DEADLOCK from one of its own jobs. */
WEIR_API int weir_pool_join(weir_pool *pool);

/*
 * The account. In every snapshot
 *     submitted = queued + running + done + failed + discarded
 */
typedef struct weir_pool_counts {
    uint64_t submitted; /* jobs that were queued                            */
    uint64_t queued;    /* and wait for a worker                            */
    uint64_t running;   /* are being done, or their result to be sent       */
    uint64_t done;      /* fn returned 0 or WEIR_SKIP                       */
    uint64_t failed;    /* fn returned anything else                        */
    uint64_t discarded; /* no worker has done it                            */
    uint64_t skipped;   /* of done: WEIR_SKIP                               */
    uint64_t unsent;    /* of done: the result could not be sent            */
    int workers;        /* that have not ended                              */
} weir_pool_counts;

/* 0, WEIR_EINVAL. */
WEIR_API int weir_pool_get_counts(weir_pool *pool, weir_pool_counts *out);

/* The context of the jobs. NULL for NULL. */
WEIR_API weir_ctx *weir_pool_ctx(weir_pool *pool);

/* Cancels, joins and frees. No other call may be under way or follow. NULL is
 * allowed. 0; WEIR_DEADLOCK (from one of its own jobs: nothing was done). */
WEIR_API int weir_pool_free(weir_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
