/* SPDX-License-Identifier: MIT */
/*
 * Pipeline: stages one behind the other, with a bounded channel between any
 * two, so that the slowest sets the pace and nothing piles up. After "Go
 * Concurrency Patterns: Pipelines and cancellation", with the joins, the
 * order and the account that are left to the reader there.
 *
 *   source -> channel -> stage, by `workers` tasks -> channel -> sink
 *
 * A stage is a weir_work_fn (weir/pool.h): in -> out, or WEIR_SKIP to filter,
 * or an error, which cancels the whole pipeline.
 *
 * Any task or thread; NULL for the pipeline is WEIR_EINVAL everywhere, except
 * where it is said to be allowed. Every call may also return WEIR_FORKED, and
 * from a thread that has never waited before WEIR_ENOMEM: then it has done
 * what can be done without waiting, and may be called again.
 */
#ifndef WEIR_PIPELINE_H
#define WEIR_PIPELINE_H

#include <weir/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_pipeline weir_pipeline;

/* The most stages of a pipeline. */
#define WEIR_PIPELINE_MAX_STAGES 1024

/* One stage. Zero means the default. */
typedef struct weir_stage {
    weir_work_fn *fn; /* required                                           */
    void *arg;        /* for fn and discard                                 */
    int workers;      /* tasks that run it: 1..WEIR_POOL_MAX_WORKERS; 0: 1  */
    weir_task_opts task; /* how they are started: name, stack, pin          */

    size_t out_size; /* bytes of what it makes, at most 16 MiB; of the last
                        stage: ignored                                      */
    size_t capacity; /* elements the channel behind it holds; at most 2^31;
                        0: 16                                               */

    /* Its results leave in the order in which its input came. At most window
     * elements (0: 4 for each worker) are being worked on or wait for an
     * earlier one. Not for a first stage that is a source nor for a sink. */
    bool ordered;
    size_t window;

    /* Given each element made here that comes to no end of its own: that is
     * left in the channel behind this stage or could not be sent there when
     * the pipeline is cancelled. In a task, outside every lock; may be NULL. */
    void (*discard)(void *elem, void *arg);
} weir_stage;

/* Options of a pipeline. */
typedef struct weir_pipeline_opts {
    const weir_stage *stages; /* n of them, copied                          */
    size_t n;                 /* 1..WEIR_PIPELINE_MAX_STAGES                */
    weir_ctx *ctx;            /* its end cancels the pipeline               */

    /*
     * Where the input comes from; the pipeline is its only receiver, from
     * several tasks, and its statistics are not to be reset. Closing it is the
     * end of the input. When the pipeline ends before that, it closes it and
     * discards what is left.
     *
     * NULL: the first stage is a source. Its fn gets in = NULL and is called
     * until it returns WEIR_CLOSED, the end of the input (with several
     * workers: of this one's). Its ctx also ends when the pipeline is closed;
     * WEIR_CANCELED and WEIR_TIMEDOUT are then the end of the input as well.
     */
    weir_chan *in;
    void (*discard)(void *elem, void *arg); /* what is left in it           */
    void *arg;                              /* for discard                  */

    /*
     * Where the output goes: closed when the last worker of the last stage
     * has ended, unless keep_open. When sending there fails (it was closed, or
     * its policy refuses) the pipeline is cancelled with that code.
     * NULL: the last stage is a sink. Its fn gets out = NULL; 0: it is done.
     */
    weir_chan *out;
    bool keep_open;
} weir_pipeline_opts;

/*
 * Makes a pipeline and starts all its tasks: 0 and *p, which
 * weir_pipeline_free ends; in and out are referenced, ctx must stay valid
 * until the free. WEIR_EINVAL (a stage without fn, a number out of range,
 * ordered where there is no order, in and out the same channel), WEIR_ENOMEM
 * (memory, or tasks): nothing was taken from in, *p is NULL.
 */
WEIR_API int weir_pipeline_start(weir_pipeline **p,
                                 const weir_pipeline_opts *o);

/* Ends the input: closes `in`, or tells the source to end. What is in the
 * pipeline is worked on to its end. Does not wait; also from a stage. 0,
 * WEIR_EINVAL. */
WEIR_API int weir_pipeline_close(weir_pipeline *p);

/* Ends it with that cause (0: WEIR_CANCELED; the first one is kept): all
 * waits inside end, and what is inside is discarded. Does not wait; also from
 * a stage. 0, WEIR_EINVAL. */
WEIR_API int weir_pipeline_cancel(weir_pipeline *p, int cause);

/*
 * Waits until the input has ended, everything inside has come to its end and
 * every task has ended. 0; the first error of a stage, or the cause of the
 * cancellation, if that came before; WEIR_DEADLOCK from one of its stages.
 */
WEIR_API int weir_pipeline_wait(weir_pipeline *p);

/* Closes and waits, at most until ctx (may be NULL) ends: then cancels the
 * pipeline with ctx's error and returns it, without waiting for stages that
 * run. Otherwise as wait. */
WEIR_API int weir_pipeline_stop(weir_pipeline *p, weir_ctx *ctx);

/*
 * The account, of a stage or of all. In every snapshot
 *     in = out + filtered + failed + left + inside
 * and once wait has returned, inside is 0.
 */
typedef struct weir_pipeline_counts {
    uint64_t in;       /* elements that came: out of a source, or into the
                          channel before the stage                          */
    uint64_t out;      /* made and handed on; of a sink: done               */
    uint64_t filtered; /* WEIR_SKIP                                         */
    uint64_t failed;   /* fn returned an error                              */
    uint64_t left;     /* discarded: found in the channel before, or made
                          and not handed on                                 */
    uint64_t inside;   /* in the channel before, or being worked on         */
    int workers;       /* that have not ended                               */
} weir_pipeline_counts;

/* Of stage 0..n-1, or, with stage -1, of the whole pipeline: what came into
 * the first, what left the last, and the sums of the others. 0, WEIR_EINVAL. */
WEIR_API int weir_pipeline_get_counts(weir_pipeline *p, int stage,
                                      weir_pipeline_counts *out);

/* The pipeline's context: ends when it is cancelled. Who sends to `in` with
 * it does not outwait the pipeline. NULL for NULL. */
WEIR_API weir_ctx *weir_pipeline_ctx(weir_pipeline *p);

/* Cancels, waits and frees. No other call may be under way or follow. NULL is
 * allowed. 0; WEIR_DEADLOCK (from one of its stages: nothing was done). */
WEIR_API int weir_pipeline_free(weir_pipeline *p);

#ifdef __cplusplus
}
#endif
#endif
