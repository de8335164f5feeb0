/* SPDX-License-Identifier: MIT */
#include "sched/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/misuse.h"
#include "port/clock.h"
#include "port/random.h"
#include "port/switch.h"
#include "sched/held.h"
#include "sched/state.h"

enum {
    TICKS = 64, /* switches between two visits of the base */
    IDS = 1024  /* task numbers a worker takes at once     */
};

/* Used: read by name in assembly, which link-time optimisation does not see. */
__attribute__((used)) __thread struct wr_task *wr_self_task;
__attribute__((used)) __thread struct wr_worker *wr_self_worker;

#if !defined(__x86_64__) || defined(__ILP32__)

WR_NOINLINE struct wr_task *wr_task_self(void)
{
    struct wr_task *t = wr_self_task;
    __asm__ volatile("" : "+r"(t));
    return t;
}

WR_NOINLINE struct wr_worker *wr_worker_self(void)
{
    struct wr_worker *w = wr_self_worker;
    __asm__ volatile("" : "+r"(w));
    return w;
}

#endif

void wr_worker_set_self(struct wr_worker *w)
{
    wr_self_worker = w;
    if (w)
        w->errno_place = &errno;
}

/* ---- ready tasks --------------------------------------------------------- */

/* The inbox of w, or of its heir, locked. */
static struct wr_worker *lock_inbox(struct wr_worker *w)
{
    for (;;) {
        wr_lock(&w->inbox_lock);
        struct wr_worker *heir = w->heir;
        if (wr_likely(!heir))
            return w;
        wr_unlock(&w->inbox_lock);
        w = heir;
    }
}

static void inbox_push(struct wr_worker *home, struct wr_task *t)
{
    struct wr_worker *w = lock_inbox(home);
    wr_tasks_append(&w->inbox, t);
    wr_add(&w->inbox_len, 1);
    wr_unlock(&w->inbox_lock);
    if (w != wr_worker_self())
        wr_worker_wake(w);
}

static struct wr_task *inbox_pop(struct wr_worker *w)
{
    if (wr_likely(wr_load_rlx(&w->inbox_len) == 0))
        return NULL;
    wr_lock(&w->inbox_lock);
    struct wr_task *t = wr_tasks_take(&w->inbox);
    if (t)
        wr_sub(&w->inbox_len, 1);
    wr_unlock(&w->inbox_lock);
    return t;
}

static inline void ready_on(struct wr_worker *w, struct wr_task *t, bool soon)
{
    bool spilled = false;
    wr_store_rlx(&t->state, WR_TASK_READY);
    if (wr_unlikely(t->pinned))
        inbox_push(t->worker, t);
    else if (soon && w->current)
        spilled = wr_runq_push_next(&w->runq, t);
    else
        spilled = wr_runq_push(&w->runq, t);
    if (wr_unlikely(spilled))
        wr_worker_wake_one();
}

void wr_task_ready(struct wr_task *t, bool soon)
{
    struct wr_worker *w = wr_worker_self();
    if (wr_likely(w != NULL) || t->pinned) {
        ready_on(w, t, soon);
        return;
    }
    wr_store_rlx(&t->state, WR_TASK_READY);
    wr_global_push(t);
    wr_worker_wake_one();
}

/* ---- tasks come and go --------------------------------------------------- */

static uint64_t take_id(struct wr_worker *w)
{
    if (wr_unlikely(w->id_next == w->id_end)) {
        w->id_next = wr_add(&wr_rt.ids, IDS) + 1;
        w->id_end = w->id_next + IDS;
    }
    return w->id_next++;
}

static void *task_entry(void *arg);

/* By field: a compiler clears the whole by a string instruction, which takes
 * as long as the rest of a start. */
static void record_init(struct wr_task *t, struct wr_slot slot)
{
    t->worker = NULL;
    t->next = NULL;
    t->on_stack = 0;
    t->reason = WR_ON_NOTHING;
    t->pinned = t->plain = false;
    t->unguarded = !wr_slot_guarded(slot);
    t->on = NULL;
    t->since = 0;
    t->group = NULL;
    t->name = NULL;
    t->id = 0;
    t->locals = NULL;
    t->slot = slot;
    t->on_name[0] = 0;
}

struct wr_task *wr_task_make(struct wr_slot slot, void (*fn)(void *),
                             const void *arg, size_t size, const void *site)
{
    struct wr_task *t = wr_slot_task(slot);
    char *bottom = wr_slot_bottom(slot), *top = (char *)t;
    record_init(t, slot);
    t->fn = fn;
    t->site = site;
    wr_context_open(&t->context, bottom, (size_t)(top - bottom));
    if (size > 0) {
        top -= (size + 15) / 16 * 16;
        memcpy(top, arg, size);
    }
    t->arg = size > 0 ? top : (void *)(uintptr_t)arg;
    t->context.sp = wr_switch_prepare(top, task_entry, t);
    wr_store_rlx(&t->state, WR_TASK_READY);
    return t;
}

static struct wr_task *task_start(struct wr_worker *w, const struct wr_spawn *s)
{
    struct wr_slot slot = wr_stack_take(&w->stacks, w->stacks.class_);
    const void *arg = s->size > 0 ? s->copy : s->arg;
    struct wr_task *t = wr_task_make(slot, s->fn, arg, s->size, s->site);
    t->group = s->group;
    t->plain = true;
    return t;
}

/* Under the runtime's lock or from the owner's next context. The stack first:
 * who gets the credit may ask for one at once. */
static void task_bury(struct wr_worker *w, struct wr_task *t)
{
    int class_ = wr_slot_class(t->slot);
    wr_store_rlx(&t->state, WR_TASK_NONE);
    wr_context_close(&t->context);
    wr_stack_give(&w->stacks, t->slot);
    wr_stack_unreserve(&w->stacks, class_);
}

static int spawn_from_thread(const struct wr_spawn *s)
{
    int err = wr_runtime_need();
    if (err)
        return err;
    if (!wr_stack_reserve(NULL, wr_rt.stack_class))
        return WEIR_ENOMEM;
    wr_add(&wr_rt.thread_started, 1);
    if (!wr_global_spawn(s)) {
        wr_sub(&wr_rt.thread_started, 1);
        wr_stack_unreserve(NULL, wr_rt.stack_class);
        return WEIR_ENOMEM;
    }
    wr_worker_wake_one();
    return 0;
}

int wr_task_spawn(const struct wr_spawn *s)
{
    if (wr_unlikely(!s->fn))
        return WR_MISUSE("no function");
    struct wr_worker *w = wr_worker_self();
    if (wr_unlikely(!w))
        return spawn_from_thread(s);
    if (wr_unlikely(!wr_stack_reserve(&w->stacks, w->stacks.class_)))
        return WEIR_ENOMEM;
    wr_store_rlx(&w->started, w->started + 1);
    enum wr_pushed pushed = wr_runq_push_spawn(&w->runq, s);
    if (wr_likely(pushed == WR_PUSHED))
        return 0;
    wr_worker_wake_one();
    if (pushed == WR_PUSHED_AND_SPILLED)
        return 0;
    wr_store_rlx(&w->started, w->started - 1);
    wr_stack_unreserve(&w->stacks, w->stacks.class_);
    return WEIR_ENOMEM;
}

void wr_task_new(struct wr_worker *w, struct wr_task *t)
{
    const struct wr_spawn s = {.arg = t};
    if (!w || t->pinned) {
        wr_task_ready(t, false);
        return;
    }
    enum wr_pushed pushed = wr_runq_push_spawn(&w->runq, &s);
    if (pushed == WR_NO_MEMORY)
        ready_on(w, t, false);
    if (pushed != WR_PUSHED)
        wr_worker_wake_one();
}

/* ---- picking the next ---------------------------------------------------- */

/*
 * May it be run? A task that was woken on another worker may still be on its
 * way off its stack there; that takes some nanoseconds, and until then it goes
 * to the end of the queue again.
 */
static bool is_off_stack(struct wr_worker *w, struct wr_task *t)
{
    if (wr_likely(!wr_load_acq(&t->on_stack)))
        return true;
    ready_on(w, t, false);
    return false;
}

/* Pinned tasks and the others take turns. */
static WR_NOINLINE bool pick_pinned(struct wr_worker *w, struct wr_pick *p)
{
    w->others_turn = !w->others_turn;
    if (w->others_turn && wr_runq_pick(&w->runq, p))
        return true;
    return (p->task = inbox_pop(w)) != NULL || wr_runq_pick(&w->runq, p);
}

/* What the worker has at hand. */
static inline bool pick_local(struct wr_worker *w, struct wr_pick *p)
{
    bool found = wr_likely(wr_load_rlx(&w->inbox_len) == 0)
                     ? wr_runq_pick(&w->runq, p)
                     : pick_pinned(w, p);
    return found && (!p->task || is_off_stack(w, p->task));
}

bool wr_worker_pick(struct wr_worker *w, struct wr_pick *p)
{
    return pick_local(w, p);
}

/* ---- switching ----------------------------------------------------------- */

/* First thing after every switch: what is owed to the context just left. */
static inline void settle(struct wr_worker *w)
{
    struct wr_task *t = w->left;
    enum wr_after after = w->after;
    w->after = WR_AFTER_NOTHING;
    if (after == WR_AFTER_NOTHING)
        return;
    if (wr_unlikely(t->unguarded))
        wr_overflow_check(t);
    wr_store_rel(&t->on_stack, 0);
    if (after == WR_AFTER_YIELD)
        ready_on(w, t, false);
    else if (after == WR_AFTER_EXIT)
        task_bury(w, t);
}

static inline void task_enter(struct wr_worker *w, struct wr_task *t)
{
    t->worker = w;
    wr_store_rlx(&t->on_stack, 1);
    wr_store_rlx(&t->state, WR_TASK_RUNNING);
    wr_store_rlx(&w->current, t);
    wr_self_task = t;
}

static struct wr_task *pick_task(struct wr_worker *w, const struct wr_pick *p)
{
    return p->task ? p->task : task_start(w, p->spawn);
}

/* Where a worker goes on that leaves a task: another, or its base when none
 * is at hand. */
static inline struct wr_context *next_context(struct wr_worker *w,
                                              struct wr_task *to)
{
    if (to) {
        task_enter(w, to);
        return &to->context;
    }
    wr_store_rlx(&w->current, NULL);
    wr_self_task = NULL;
    return &w->base;
}

/* Is a visit of the base due? Counts the switch. */
static inline bool base_due(struct wr_worker *w)
{
    uint32_t tick = w->tick + 1;
    wr_store_rlx(&w->tick, tick);
    return tick - w->visited >= TICKS;
}

/* The same for a task that ends with others behind it while a worker sleeps:
 * also when those since the visit took long. The clock is looked at after 1,
 * 2, 4, 8... of them. */
static inline bool base_due_at_end(struct wr_worker *w)
{
    bool due = base_due(w);
    uint32_t n = w->tick - w->visited;
    if (due || (n & (n - 1)) != 0 || wr_load_rlx(&wr_rt.idle) == 0 ||
        wr_runq_len(&w->runq) == 0)
        return due;
    return wr_clock() - w->now > WR_SPARE_AFTER;
}

/* Away from the task that the worker runs. Not inlined: one place of
 * switching is what the processor predicts. */
static WR_NOINLINE void leave(struct wr_worker *w, enum wr_after after)
{
    struct wr_task *me = w->current;
    struct wr_pick p = {NULL, NULL};
    bool due = base_due(w);
    if (after == WR_AFTER_YIELD && !due && !wr_worker_has_work(w))
        return;
    struct wr_task *to = NULL;
    if (!due && pick_local(w, &p))
        to = pick_task(w, &p);
    w->left = me;
    w->after = after;
    int saved = *w->errno_place;
    struct wr_context *target = next_context(w, to);
    wr_context_leave(&me->context, target, false);
    wr_switch(&me->context.sp, target->sp);
    wr_context_arrive(&me->context);
    w = me->worker;
    settle(w);
    *w->errno_place = saved;
}

void wr_park_task(struct wr_task *t, enum wr_reason reason, const void *on)
{
    struct wr_worker *w = t->worker;
    wr_store_rlx(&t->reason, (uint32_t)reason);
    wr_store_rlx(&t->on, on);
    wr_store_rlx(&t->since, w->now);
    wr_store_rlx(&t->state, WR_TASK_WAITING);
    wr_held_check(t);
    leave(w, WR_AFTER_PARK);
}

void wr_worker_yield(struct wr_worker *w)
{
    wr_held_check(w->current);
    leave(w, WR_AFTER_YIELD);
}

/* A task that ends does not leave its stack when the next one is new too: of
 * the two promises one is left over. */
static bool run_in_place(struct wr_worker *w, struct wr_task *me,
                         const struct wr_pick *p, char *copy)
{
    if (p->task || !me->plain || wr_slot_class(me->slot) != w->stacks.class_)
        return false;
    wr_stack_unreserve(&w->stacks, w->stacks.class_);
    me->arg = p->spawn->size > 0 ? memcpy(copy, p->spawn->copy, p->spawn->size)
                                 : p->spawn->arg;
    me->fn = p->spawn->fn;
    me->site = p->spawn->site;
    me->group = p->spawn->group;
    me->id = 0;
    me->name = NULL;
    wr_switch_reset();
    return true;
}

static struct wr_context *task_exit(struct wr_worker *w, struct wr_task *me,
                                    const struct wr_pick *next)
{
    struct wr_task *to = next ? pick_task(w, next) : NULL;
    w->left = me;
    w->after = WR_AFTER_EXIT;
    return next_context(w, to);
}

/* The task, and those that run on its stack after it; then where to go on. */
static WR_NOINLINE struct wr_context *task_main(struct wr_task *me)
{
    __attribute__((aligned(16))) char copy[WR_SPAWN_COPY];
    settle(me->worker);
    for (;;) {
        me->fn(me->arg);
        if (wr_unlikely(wr_forked()))
            _exit(EXIT_FAILURE); /* a fork's child has nowhere to go on */
        if (wr_unlikely(me->locals != NULL))
            wr_locals_end(&me->locals);
        if (me->group)
            wr_task_joined(me->group);
        struct wr_worker *w = me->worker;
        /* Released, as what the task started was counted before it. */
        wr_store_rel(&w->ended, w->ended + 1);
        struct wr_pick p = {NULL, NULL};
        if (base_due_at_end(w) || !pick_local(w, &p))
            return task_exit(w, me, NULL);
        if (!run_in_place(w, me, &p, copy))
            return task_exit(w, me, &p);
    }
}

static WR_UNSANITIZED void *task_entry(void *arg)
{
    struct wr_task *me = arg;
    wr_context_arrive(&me->context);
    struct wr_context *to = task_main(me);
    wr_context_leave(&me->context, to, true);
    return to->sp;
}

/* From the base. */
static void run(struct wr_worker *w, const struct wr_pick *p)
{
    struct wr_task *t = pick_task(w, p);
    task_enter(w, t);
    wr_context_leave(&w->base, &t->context, false);
    wr_switch(&w->base.sp, t->context.sp);
    wr_context_arrive(&w->base);
    settle(w);
}

uint64_t wr_task_number(struct wr_task *t)
{
    if (t->id == 0)
        t->id = take_id(t->worker);
    return t->id;
}

bool wr_worker_keep(struct wr_worker *w, uint32_t n, struct wr_pick *p)
{
    if (n == 0)
        return false;
    for (uint32_t i = 1; i < n; i++)
        if (!w->got[i].fn)
            wr_runq_push(&w->runq, w->got[i].arg);
        else if (wr_runq_push_spawn(&w->runq, &w->got[i]) == WR_NO_MEMORY)
            wr_runq_push(&w->runq, task_start(w, &w->got[i]));
    wr_pick_entry(p, &w->got[0]);
    return !p->task || is_off_stack(w, p->task);
}

/* ---- the base ------------------------------------------------------------ */

/* A new task that nobody stole and newer ones hide gets its turn too. */
static void age_spawns(struct wr_worker *w)
{
    struct wr_pick p = {NULL, NULL};
    if (wr_runq_pick_oldest(&w->runq, &p))
        wr_runq_push(&w->runq, pick_task(w, &p));
}

void wr_worker_loop(struct wr_worker *w)
{
    struct wr_pick p = {NULL, NULL};
    uint32_t visits = 0;
    while (!wr_load_rlx(&wr_rt.stopping)) {
        if (++visits % TICKS == 0)
            age_spawns(w);
        if (wr_worker_look(w, &p))
            run(w, &p);
        else if (!wr_worker_search(w))
            wr_worker_idle(w, -1);
    }
}

int wr_worker_once(struct wr_worker *w, int64_t timeout)
{
    struct wr_pick p = {NULL, NULL};
    uint32_t before = w->tick;
    if (!wr_worker_look(w, &p)) {
        if (timeout == 0)
            wr_worker_poll(w, 0);
        else
            wr_worker_idle(w, timeout);
        if (!wr_worker_look(w, &p))
            return 0;
    }
    do
        run(w, &p);
    while (w->tick - before < TICKS && wr_worker_look(w, &p));
    return (int)(w->tick - before);
}

int wr_worker_open(struct wr_worker *w, int index, int stack_class)
{
    w->index = index;
    w->rng = wr_random_seed();
    w->backlog_since = INT64_MAX;
    wr_runq_init(&w->runq);
    wr_store(&w->state, WR_AWAKE);
    wr_stack_cache_open(&w->stacks, stack_class);
    return 0;
}

/* What it had goes where the next workers find it. */
void wr_worker_close(struct wr_worker *w)
{
    struct wr_pick p = {NULL, NULL};
    while (wr_runq_pick(&w->runq, &p))
        wr_global_push(pick_task(w, &p));
    wr_stack_cache_close(&w->stacks);
}

void wr_worker_inherit(struct wr_worker *w, struct wr_worker *heir)
{
    struct wr_task *t;
    wr_lock(&w->inbox_lock);
    w->heir = heir;
    wr_unlock(&w->inbox_lock);
    while (heir && (t = inbox_pop(w)) != NULL)
        inbox_push(heir, t);
}
