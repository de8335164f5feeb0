/* SPDX-License-Identifier: MIT */
/* What the runtime is started with: the caller's options, the environment's
 * where they leave it open, else the defaults. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/misuse.h"
#include "port/cpu.h"
#include "sched/blocking.h"
#include "sched/state.h"

enum {
    STACK_DEFAULT = 64 << 10,
    BLOCKING_DEFAULT = 64,
    BLOCKING_MOST = 1 << 16
};

/* A whole number in lo..hi from the environment, 0 when it is not set. */
static int env_number(const char *name, long lo, long hi, long *out)
{
    const char *text = getenv(name);
    *out = 0;
    if (!text || !*text)
        return 0;
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || *end || v < lo || v > hi) {
        fprintf(stderr,
                "weir: %s is \"%s\": want a whole number from %ld to %ld\n",
                name, text, lo, hi);
        return WEIR_EINVAL;
    }
    *out = v;
    return 0;
}

static int choose_workers(const weir_opts *o)
{
    if (o->hosted)
        return 1;
    if (o->workers < 0 || o->workers > WR_WORKERS_MAX)
        return WR_MISUSE("workers out of range");
    if (o->workers > 0)
        return o->workers;
    long n;
    int err = env_number("WEIR_WORKERS", 1, WR_WORKERS_MAX, &n);
    if (err)
        return err;
    if (n == 0)
        n = wr_cpu_count();
    return n > WR_WORKERS_MAX ? WR_WORKERS_MAX : (int)n;
}

static int choose_hog(const weir_opts *o, int64_t *out)
{
    if (o->hog_after < 0)
        return WR_MISUSE("a negative hog_after");
    *out = o->hog_after;
    if (*out > 0)
        return 0;
    long ms;
    int err = env_number("WEIR_HOG", 1, INT_MAX, &ms);
    *out = ms * WEIR_MILLISECOND;
    return err;
}

/* Tasks that an earlier run left behind keep the stacks they were promised. */
static int choose_class(const weir_opts *o)
{
    if (weir_tasks() > 0)
        return wr_rt.stack_class;
    return wr_stack_class(o->stack_size ? o->stack_size : STACK_DEFAULT);
}

int wr_options_take(const weir_opts *o)
{
    int64_t hog = 0;
    int workers = choose_workers(o);
    int err = workers < 0 ? workers : choose_hog(o, &hog);
    if (err)
        return err;
    int class_ = choose_class(o);
    if (class_ < 0 || o->blocking_max < 0 || o->blocking_max > BLOCKING_MOST)
        return WR_MISUSE("stack_size or blocking_max out of range");
    wr_rt.nworkers = workers;
    wr_rt.stack_class = class_;
    wr_rt.hog_after = hog;
    wr_store_rlx(&wr_rt.hosted, o->hosted);
    wr_rt.blocking_max = o->blocking_max ? o->blocking_max : BLOCKING_DEFAULT;
    return 0;
}

int wr_blocking_max(void)
{
    return wr_rt.blocking_max;
}
