/* SPDX-License-Identifier: MIT */
/* The public ways to start a task and to ask about oneself. */
#include <string.h>
#include "base/misuse.h"
#include "sched/state.h"

#define SITE __builtin_return_address(0)

int wr_go_in(void *group, void (*fn)(void *), void *arg, const void *site)
{
    const struct wr_spawn s = {fn, site, group, 0, {arg}};
    return wr_task_spawn(&s);
}

int weir_go(void (*fn)(void *), void *arg)
{
    return wr_go_in(NULL, fn, arg, SITE);
}

/* Where a task that needs a stack at once takes it, and its credit. */
static struct wr_stack_cache *cache_for(struct wr_worker *w, int class_)
{
    return w && w->stacks.class_ == class_ ? &w->stacks : NULL;
}

static void count_start(struct wr_worker *w)
{
    if (w)
        wr_store_rlx(&w->started, w->started + 1);
    else
        wr_add(&wr_rt.thread_started, 1);
}

static struct wr_worker *pick_home(struct wr_worker *w)
{
    uint64_t turn = w ? 0 : wr_add(&wr_rt.round_robin, 1);
    return w ? w : wr_rt.workers[turn % (uint64_t)wr_rt.nworkers];
}

/* A task with a stack of its own from the start. Its arguments, if size is
 * not 0, are copied to the top of that stack. */
static int go_bound(const weir_task_opts *o, int class_, void (*fn)(void *),
                    const void *arg, size_t size, const void *site)
{
    int err = wr_runtime_need();
    if (err)
        return err;
    if (class_ < 0)
        class_ = wr_rt.stack_class;
    if (size > wr_stack_size(class_) / 4)
        return WR_MISUSE("arguments larger than a quarter of the stack");
    struct wr_worker *w = wr_worker_self();
    struct wr_stack_cache *cache = cache_for(w, class_);
    if (!wr_stack_reserve(cache, class_))
        return WEIR_ENOMEM;
    struct wr_slot slot = wr_stack_take(cache, class_);
    struct wr_task *t = wr_task_make(slot, fn, arg, size, site);
    t->name = o->name;
    t->pinned = o->pinned;
    t->worker = pick_home(w);
    count_start(w);
    wr_task_new(w, t);
    return 0;
}

static const weir_task_opts no_opts;

int wr_go_copy(void (*fn)(void *), const void *args, size_t size,
               const void *site)
{
    if (!fn || (!args && size > 0))
        return WR_MISUSE("no function, or no arguments to copy");
    if (size == 0 || size > WR_SPAWN_COPY)
        return go_bound(&no_opts, -1, fn, args, size, site);
    struct wr_spawn s = {.fn = fn, .site = site, .size = size};
    memcpy(s.copy, args, size);
    return wr_task_spawn(&s);
}

int weir_go_copy(void (*fn)(void *), const void *args, size_t size)
{
    return wr_go_copy(fn, args, size, SITE);
}

int weir_go_with(const weir_task_opts *o, void (*fn)(void *), void *arg)
{
    if (!fn)
        return WR_MISUSE("no function");
    if (!o)
        return wr_go_in(NULL, fn, arg, SITE);
    int class_ = -1;
    if (o->stack_size && (class_ = wr_stack_class(o->stack_size)) < 0)
        return WR_MISUSE("a stack size out of range");
    return go_bound(o, class_, fn, arg, 0, SITE);
}

int wr_go_site(void (*fn)(void *), void *arg, const char *name,
               const void *site)
{
    const weir_task_opts o = {.name = name};
    return name ? go_bound(&o, -1, fn, arg, 0, site)
                : wr_go_in(NULL, fn, arg, site);
}

bool weir_in_task(void)
{
    return wr_task_self() != NULL;
}

uint64_t weir_task_id(void)
{
    struct wr_task *t = wr_task_self();
    return t ? wr_task_number(t) : 0;
}

void weir_task_name(const char *name)
{
    struct wr_task *t = wr_task_self();
    if (t)
        wr_store_rlx(&t->name, name);
}
