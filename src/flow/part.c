/* SPDX-License-Identifier: MIT */
#include "flow/part.h"

#include <weir/task.h>

static void run(void *arg)
{
    struct wr_part *p = arg;
    weir_task_name(p->name);
    weir_mutex_lock(&p->lock, NULL);
    p->task = weir_task_id();
    weir_mutex_unlock(&p->lock);

    const int result = p->run(p);
    weir_mutex_lock(&p->lock, NULL);
    p->result = result;
    weir_mutex_unlock(&p->lock);
    weir_task_name(NULL);
}

int wr_part_start(struct wr_part *p, weir_ctx *parent, const char *name,
                  int (*work)(void *part))
{
    int err = weir_ctx_init(&p->ctx, parent);
    if (err)
        return err;
    p->run = work;
    p->name = name;
    err = weir_wg_go(&p->running, run, p);
    if (err)
        weir_ctx_fini(&p->ctx);
    return err;
}

static bool is_own_task(struct wr_part *p)
{
    weir_mutex_lock(&p->lock, NULL);
    const bool own = p->task != 0 && p->task == weir_task_id();
    weir_mutex_unlock(&p->lock);
    return own;
}

int wr_part_join(struct wr_part *p)
{
    if (is_own_task(p))
        return WEIR_DEADLOCK;
    int err = weir_wg_wait(&p->running, NULL);
    return err ? err : p->result;
}

int wr_part_end(struct wr_part *p)
{
    if (is_own_task(p))
        return WEIR_DEADLOCK;
    weir_ctx_cancel(&p->ctx, 0);
    int err = weir_wg_wait(&p->running, NULL);
    return err ? err : weir_ctx_fini(&p->ctx);
}

int wr_part_why(const struct wr_part *p, int code)
{
    const int cause = weir_ctx_cause(&p->ctx);
    return cause ? cause : code;
}
