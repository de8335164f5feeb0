/* SPDX-License-Identifier: MIT */
/*
 * Owns every stack. A class has a lock; under it are the lists and the slabs'
 * fields. A slab with free slots is on its class's list.
 *
 * Invariants
 *   nfree + taken + in caches = slots, for each slab
 *   credits (class) + credits in caches + tasks = slots - RESERVE * caches
 *   free[0 .. nfree) holds each free slot once
 *   warm counts the free slots whose memory is resident
 *   low_warm is the least that warm has been since the last trim began
 */
#include "sched/stack.h"

#include <string.h>
#include "base/mem.h"
#include "port/atomic.h"
#include "port/lock.h"
#include "port/pages.h"
#include "sched/sanitize.h"
#include "sched/slab.h"
#include "sched/task.h"

enum {
    SLAB_BYTES = 16 << 20,
    GUARD_BYTES = 16 << 10,
    BATCH = WR_STACK_CACHE / 2,
    SPLIT_BUDGET = 16 << 10, /* mappings that guards may cost at the most   */
    KEEP_WARM = 512          /* slots a trim leaves alone                  */
};

struct wr_stack_kind wr_stack_kinds[WR_STACK_CLASSES];

static int64_t splits_left = SPLIT_BUDGET;
static uint32_t no_cheap_guards;

static void list_add(struct wr_slab_list *l, struct wr_slab *s)
{
    s->prev = NULL;
    s->next = l->head;
    if (l->head)
        l->head->prev = s;
    l->head = s;
}

static void list_del(struct wr_slab_list *l, struct wr_slab *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        l->head = s->next;
    if (s->next)
        s->next->prev = s->prev;
}

static size_t guard_size(void)
{
    size_t page = wr_page_size();
    return page > GUARD_BYTES ? page : GUARD_BYTES;
}

size_t wr_stack_size(int class_)
{
    return (size_t)1 << (class_ + WR_STACK_MIN_LOG2);
}

static size_t stride(int class_)
{
    return wr_stack_size(class_) + guard_size();
}

int wr_stack_class(size_t size)
{
    for (int c = 0; c < WR_STACK_CLASSES; c++)
        if (size <= wr_stack_size(c))
            return c;
    return -1;
}

/* ---- a slot's places ----------------------------------------------------- */

static char *slot_base(struct wr_slot s)
{
    return s.slab->base + s.index * s.slab->stride;
}

char *wr_slot_bottom(struct wr_slot s)
{
    return slot_base(s) + guard_size();
}

struct wr_task *wr_slot_task(struct wr_slot s)
{
    size_t stagger = s.index % WR_STAGGERS * WR_CACHE_LINE;
    char *top = slot_base(s) + s.slab->stride - stagger;
    return (struct wr_task *)(void *)(top - WR_TASK_ROOM);
}

int wr_slot_class(struct wr_slot s)
{
    return s.slab->class_;
}

bool wr_slot_guarded(struct wr_slot s)
{
    return (s.slab->state[s.index] & WR_SLOT_GUARDED) != 0;
}

bool wr_slot_guard_hit(struct wr_slot s, const void *address)
{
    uintptr_t a = (uintptr_t)address, base = (uintptr_t)slot_base(s);
    return a >= base && a < base + guard_size();
}

void wr_stack_limit_guards(int64_t splits)
{
    wr_store_rlx(&no_cheap_guards, 1);
    wr_store_rlx(&splits_left, splits);
}

static void guard(struct wr_slot s)
{
    char *base = slot_base(s);
    bool done = false;
    if (!wr_load_rlx(&no_cheap_guards)) {
        done = wr_pages_guard_cheap(base, guard_size());
        if (!done)
            wr_store_rlx(&no_cheap_guards, 1);
    }
    if (!done && wr_sub(&splits_left, 2) >= 2)
        done = wr_pages_guard_split(base, guard_size());
    else if (!done)
        wr_add(&splits_left, 2);
    uint8_t *state = &s.slab->state[s.index];
    if (done)
        wr_store_rlx(state, (uint8_t)(*state | WR_SLOT_GUARDED));
}

/* ---- slabs --------------------------------------------------------------- */

static struct wr_slab *slab_map(int class_, size_t slots)
{
    char *base = wr_pages_reserve(slots * stride(class_));
    if (!base)
        return NULL;
    struct wr_slab *s =
        wr_alloc(sizeof(*s) + slots * (sizeof(*s->free) + sizeof(*s->state)));
    if (!s) {
        wr_pages_release(base, slots * stride(class_));
        return NULL;
    }
    s->base = base;
    s->stride = stride(class_);
    s->slots = s->nfree = (uint32_t)slots;
    s->class_ = class_;
    s->free = (uint32_t *)(void *)(s + 1);
    s->state = (uint8_t *)(s->free + slots);
    for (uint32_t i = 0; i < s->slots; i++)
        s->free[i] = s->slots - 1 - i;
    return s;
}

/* A slab of the usual size; a smaller one where a limit is near. */
static struct wr_slab *slab_new(int class_)
{
    size_t slots = SLAB_BYTES / stride(class_);
    if (slots == 0)
        slots = 1;
    struct wr_slab *s = NULL;
    while (!s && slots > 0) {
        s = slab_map(class_, slots);
        slots /= 2;
    }
    return s;
}

/* Guards that split the mapping go with it. */
static void budget_give_back(const struct wr_slab *s)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < s->slots; i++)
        n += (s->state[i] & WR_SLOT_GUARDED) != 0;
    if (wr_load_rlx(&no_cheap_guards))
        wr_add(&splits_left, 2 * n);
}

static void slab_free(struct wr_slab *s)
{
    budget_give_back(s);
    wr_pages_release(s->base, s->slots * stride(s->class_));
    wr_free(s);
}

/* More slots and so more credits. False: nothing left. */
static bool class_grow(int class_)
{
    struct wr_slab *s = slab_new(class_);
    if (!s)
        return false;
    struct wr_stack_kind *k = &wr_stack_kinds[class_];
    wr_lock(&k->lock);
    list_add(&k->open, s);
    k->slots += s->slots;
    k->credits += s->slots;
    wr_unlock(&k->lock);
    return true;
}

/* ---- promises ------------------------------------------------------------ */

/* Up to n credits; at least one, or none at all. */
static uint32_t credits_take(int class_, uint32_t n)
{
    struct wr_stack_kind *k = &wr_stack_kinds[class_];
    for (;;) {
        wr_lock(&k->lock);
        if (k->credits > 0) {
            uint32_t got = k->credits < n ? (uint32_t)k->credits : n;
            k->credits -= got;
            wr_unlock(&k->lock);
            return got;
        }
        wr_unlock(&k->lock);
        if (!class_grow(class_))
            return 0;
    }
}

static void credits_give(int class_, uint32_t n)
{
    struct wr_stack_kind *k = &wr_stack_kinds[class_];
    wr_lock(&k->lock);
    k->credits += n;
    wr_unlock(&k->lock);
}

bool wr_stack_reserve(struct wr_stack_cache *c, int class_)
{
    if (!c || c->class_ != class_)
        return credits_take(class_, 1) == 1;
    if (wr_unlikely(c->credits == 0)) {
        c->credits = credits_take(class_, BATCH);
        if (c->credits == 0)
            return false;
    }
    c->credits--;
    return true;
}

void wr_stack_unreserve(struct wr_stack_cache *c, int class_)
{
    if (!c || c->class_ != class_) {
        credits_give(class_, 1);
        return;
    }
    if (wr_unlikely(++c->credits > 4 * BATCH)) {
        c->credits -= 2 * BATCH;
        credits_give(class_, 2 * BATCH);
    }
}

/* ---- taking and giving --------------------------------------------------- */

static void less_warm(struct wr_stack_kind *k, size_t n)
{
    k->warm -= n;
    if (k->warm < k->low_warm)
        k->low_warm = k->warm;
}

static void class_took(struct wr_stack_kind *k, struct wr_slot s)
{
    if ((s.slab->state[s.index] & WR_SLOT_STATE) == WR_SLOT_WARM)
        less_warm(k, 1);
}

/* Under the lock. The credits say that there is one. */
static struct wr_slot class_take(struct wr_stack_kind *k)
{
    struct wr_slab *s = k->open.head;
    struct wr_slot slot = {s, s->free[--s->nfree]};
    if (s->nfree == 0) {
        list_del(&k->open, s);
        list_add(&k->full, s);
    }
    class_took(k, slot);
    return slot;
}

static void class_give(struct wr_stack_kind *k, struct wr_slot slot)
{
    struct wr_slab *s = slot.slab;
    if (s->nfree == 0) {
        list_del(&k->full, s);
        list_add(&k->open, s);
    }
    s->free[s->nfree++] = slot.index;
    if ((s->state[slot.index] & WR_SLOT_STATE) == WR_SLOT_WARM)
        k->warm++;
}

static struct wr_slot take_one(int class_)
{
    struct wr_stack_kind *k = &wr_stack_kinds[class_];
    wr_lock(&k->lock);
    struct wr_slot slot = class_take(k);
    wr_unlock(&k->lock);
    return slot;
}

static void give_one(struct wr_slot slot)
{
    struct wr_stack_kind *k = &wr_stack_kinds[slot.slab->class_];
    wr_lock(&k->lock);
    class_give(k, slot);
    wr_unlock(&k->lock);
}

static void cache_fill(struct wr_stack_cache *c)
{
    struct wr_stack_kind *k = &wr_stack_kinds[c->class_];
    wr_lock(&k->lock);
    while (c->count < BATCH && k->open.head)
        c->slots[c->count++] = class_take(k);
    wr_unlock(&k->lock);
}

/* The oldest leave; the newest are the warmest. */
static void cache_spill(struct wr_stack_cache *c, uint32_t n)
{
    struct wr_stack_kind *k = &wr_stack_kinds[c->class_];
    wr_lock(&k->lock);
    for (uint32_t i = 0; i < n; i++)
        class_give(k, c->slots[i]);
    wr_unlock(&k->lock);
    c->count -= n;
    memmove(c->slots, c->slots + n, c->count * sizeof(c->slots[0]));
}

static const uint64_t CANARY = UINT64_C(0x5ca1ab1e0ddba11d);

static void canary_set(struct wr_slot slot)
{
    memcpy(wr_slot_bottom(slot), &CANARY, sizeof(CANARY));
}

bool wr_slot_intact(struct wr_slot slot)
{
    return wr_slot_guarded(slot) ||
           memcmp(wr_slot_bottom(slot), &CANARY, sizeof(CANARY)) == 0;
}

static struct wr_slot prepared(struct wr_slot slot)
{
    uint8_t *state = &slot.slab->state[slot.index];
    if (wr_unlikely((*state & WR_SLOT_STATE) != WR_SLOT_WARM)) {
        if (!(*state & WR_SLOT_GUARDED))
            guard(slot);
        if (!(*state & WR_SLOT_GUARDED))
            canary_set(slot);
        /* The page of the record is resident and zero from here on. */
        memset(wr_slot_task(slot), 0, sizeof(struct wr_task));
        wr_stack_announce(wr_slot_bottom(slot),
                          wr_stack_size(slot.slab->class_));
        wr_store_rel(state,
                     (uint8_t)((*state & WR_SLOT_GUARDED) | WR_SLOT_WARM));
    }
    return slot;
}

/* The record and the first frames of a stack that is soon to be taken. */
static void fetch_ahead(const struct wr_stack_cache *c)
{
    enum { AHEAD = 4, RECORD = 3, FRAMES = 9 };
    if (c->count < AHEAD)
        return;
    const char *t = (const char *)wr_slot_task(c->slots[c->count - AHEAD]);
    for (int i = -FRAMES; i < RECORD; i++)
        __builtin_prefetch(t + i * WR_CACHE_LINE, 1);
}

struct wr_slot wr_stack_take(struct wr_stack_cache *c, int class_)
{
    if (!c || c->class_ != class_)
        return prepared(take_one(class_));
    if (wr_unlikely(c->count == 0))
        cache_fill(c);
    fetch_ahead(c);
    return prepared(c->slots[--c->count]);
}

void wr_stack_give(struct wr_stack_cache *c, struct wr_slot slot)
{
    if (!c || c->class_ != slot.slab->class_) {
        give_one(slot);
        return;
    }
    if (wr_unlikely(c->count == WR_STACK_CACHE))
        cache_spill(c, BATCH);
    c->slots[c->count++] = slot;
}

void wr_stack_cache_open(struct wr_stack_cache *c, int class_)
{
    memset(c, 0, sizeof(*c));
    c->class_ = class_;
    wr_lock(&wr_stack_kinds[class_].lock);
    wr_stack_kinds[class_].credits -= WR_STACK_CACHE;
    wr_unlock(&wr_stack_kinds[class_].lock);
}

void wr_stack_cache_close(struct wr_stack_cache *c)
{
    cache_spill(c, c->count);
    credits_give(c->class_, c->credits + WR_STACK_CACHE);
    c->credits = 0;
}

/* ---- looking and giving back --------------------------------------------- */

static void each_in(struct wr_slab *s, void (*fn)(struct wr_task *, void *),
                    void *arg)
{
    for (; s; s = s->next)
        for (uint32_t i = 0; i < s->slots; i++)
            if ((wr_load_acq(&s->state[i]) & WR_SLOT_STATE) == WR_SLOT_WARM)
                fn(wr_slot_task((struct wr_slot){s, i}), arg);
}

void wr_stack_each(void (*fn)(struct wr_task *, void *), void *arg)
{
    for (int c = 0; c < WR_STACK_CLASSES; c++) {
        struct wr_stack_kind *k = &wr_stack_kinds[c];
        wr_lock(&k->lock);
        each_in(k->open.head, fn, arg);
        each_in(k->full.head, fn, arg);
        wr_unlock(&k->lock);
    }
}

static size_t slab_warm(const struct wr_slab *s)
{
    size_t n = 0;
    for (uint32_t i = 0; i < s->nfree; i++)
        n += (s->state[s->free[i]] & WR_SLOT_STATE) == WR_SLOT_WARM;
    return n;
}

/* Takes a slab that nobody uses out of its class. Under the lock. */
static void slab_retire(struct wr_stack_kind *k, struct wr_slab *s, size_t warm)
{
    list_del(&k->open, s);
    k->slots -= s->slots;
    k->credits -= s->slots;
    less_warm(k, warm);
}

/* Discards the memory of free slots. Under the lock: nobody may take one
 * meanwhile. */
static void slab_discard(struct wr_stack_kind *k, struct wr_slab *s,
                         size_t warm)
{
    for (uint32_t i = 0; i < s->nfree; i++) {
        struct wr_slot slot = {s, s->free[i]};
        uint8_t *state = &s->state[slot.index];
        if ((*state & WR_SLOT_STATE) != WR_SLOT_WARM)
            continue;
        wr_store_rel(state,
                     (uint8_t)((*state & WR_SLOT_GUARDED) | WR_SLOT_CLEAN));
        wr_pages_discard(wr_slot_bottom(slot), wr_stack_size(s->class_));
    }
    less_warm(k, warm);
}

/* One slab's worth; how many warm slots it gave back, 0 when done. */
static size_t trim_step(struct wr_stack_kind *k, size_t budget)
{
    wr_lock(&k->lock);
    for (struct wr_slab *s = k->open.head; s; s = s->next) {
        size_t warm = slab_warm(s);
        if (warm == 0 || warm > budget)
            continue;
        bool whole = s->nfree == s->slots && k->credits >= (int64_t)s->slots;
        if (whole)
            slab_retire(k, s, warm);
        else
            slab_discard(k, s, warm);
        wr_unlock(&k->lock);
        if (whole)
            slab_free(s);
        return warm;
    }
    wr_unlock(&k->lock);
    return 0;
}

static void class_trim(struct wr_stack_kind *k, size_t budget)
{
    size_t freed;
    while (budget > 0 && (freed = trim_step(k, budget)) > 0)
        budget -= freed;
}

bool wr_stack_trim(bool all)
{
    bool more = false;
    for (int c = 0; c < WR_STACK_CLASSES; c++) {
        struct wr_stack_kind *k = &wr_stack_kinds[c];
        size_t keep = all ? 0 : KEEP_WARM * wr_stack_size(0) / wr_stack_size(c);
        wr_lock(&k->lock);
        size_t unused = all ? k->warm : k->low_warm;
        k->low_warm = k->warm;
        more = more || k->warm > keep;
        wr_unlock(&k->lock);
        if (unused > keep)
            class_trim(k, unused - keep);
    }
    return more;
}
