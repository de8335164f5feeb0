/* SPDX-License-Identifier: MIT */
/*
 * Groups: a wait group, a context and, with a limit, a semaphore. Leaving the
 * wait group is a task's last touch of the group.
 */
#include <weir/group.h>

#include "base/misuse.h"
#include "port/atomic.h"
#include "sched/runtime.h"
#include "sync/wg.h"

struct job {
    weir_group *group;
    int (*fn)(void *, weir_ctx *);
    void *arg;
};

int weir_group_init(weir_group *g, weir_ctx *parent, int limit)
{
    if (!g || limit < 0)
        return WR_MISUSE("no group, or a negative limit");
    *g = (weir_group)WEIR_GROUP_INIT;
    g->slots_ = (weir_sem)WEIR_SEM_INIT(limit);
    g->limit_ = limit;
    return weir_ctx_init(&g->ctx_, parent);
}

/* What the job took is given back, in the order that lets wait return last. */
static void leave(weir_group *g)
{
    if (g->limit_ > 0)
        weir_sem_release(&g->slots_, 1);
    weir_wg_done(&g->wg_);
}

static void run(void *arg)
{
    const struct job *job = arg;
    weir_group *g = job->group;
    int none = 0, err = job->fn(job->arg, &g->ctx_);
    if (err && wr_cas(&g->err_, &none, err))
        weir_ctx_cancel(&g->ctx_, err);
    leave(g);
}

/* With a slot taken. */
static int start(weir_group *g, int (*fn)(void *, weir_ctx *), void *arg,
                 const void *site)
{
    struct job job = {g, fn, arg};
    int err = weir_wg_add(&g->wg_, 1);
    if (err) {
        if (g->limit_ > 0)
            weir_sem_release(&g->slots_, 1);
        return err;
    }
    err = wr_go_copy(run, &job, sizeof(job), site);
    if (err)
        leave(g);
    return err;
}

int weir_group_go(weir_group *g, int (*fn)(void *, weir_ctx *), void *arg)
{
    if (!g || !fn)
        return WR_MISUSE("no group, or no function");
    int err = g->limit_ > 0 ? weir_sem_acquire(&g->slots_, 1, &g->ctx_) : 0;
    return err ? err : start(g, fn, arg, __builtin_return_address(0));
}

int weir_group_try_go(weir_group *g, int (*fn)(void *, weir_ctx *), void *arg)
{
    if (!g || !fn)
        return WR_MISUSE("no group, or no function");
    int err = g->limit_ > 0 ? weir_sem_try_acquire(&g->slots_, 1) : 0;
    return err ? err : start(g, fn, arg, __builtin_return_address(0));
}

weir_ctx *weir_group_ctx(weir_group *g)
{
    return g ? &g->ctx_ : NULL;
}

int weir_group_cancel(weir_group *g, int cause)
{
    return g ? weir_ctx_cancel(&g->ctx_, cause) : WR_MISUSE("no group");
}

int weir_group_wait(weir_group *g)
{
    if (!g)
        return WR_MISUSE("no group");
    int err = wr_wg_wait(&g->wg_, NULL, WR_ON_GROUP, g);
    if (err)
        return err;
    err = wr_load(&g->err_);
    if (!err)
        err = weir_ctx_cause(&g->ctx_);
    weir_ctx_fini(&g->ctx_);
    return err;
}
