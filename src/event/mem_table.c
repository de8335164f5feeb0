/* SPDX-License-Identifier: MIT */
/*
 * Chains of entries, and two arrays of buckets while the size changes.
 *
 * Invariant: an entry of hash h is in old[h & old_mask] if the table is moving
 * and h & old_mask >= moved, otherwise in buckets[h & mask].
 *
 * A table doubles when it has as many entries as buckets, and halves at an
 * eighth; each call that changes it moves a few buckets. So a move is over
 * long before the next one is wanted.
 */
#include "event/mem_table.h"

#include <string.h>
#include <weir/time.h>

#include "base/mem.h"

enum { STEP = 4, STEP_DOWN = 32 }; /* these have about as many entries */

/* ---- hashes -------------------------------------------------------------- */

/* The two halves of a product of 128 bits (Wang Yi's mum). */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ const unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Another one for each process, so that keys from outside cannot be chosen to
 * meet in one bucket. */
static uint64_t seed(void)
{
    static uint64_t chosen;
    uint64_t s = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (s)
        return s;
    const uint64_t mine =
        mix((uint64_t)weir_now() | 1,
            (uint64_t)(uintptr_t)&s ^ UINT64_C(0x9e3779b97f4a7c15)) |
        1;
    return __atomic_compare_exchange_n(&chosen, &s, mine, false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED)
               ? mine
               : s;
}

static uint64_t hash(const void *key, size_t size)
{
    const char *at = key;
    uint64_t word, h = seed() ^ size;
    for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        h = mix(h ^ word, UINT64_C(0xa0761d6478bd642f)) + size;
    }
    word = 0;
    if (size)
        memcpy(&word, at, size);
    return mix(h ^ word, UINT64_C(0xe7037ed1a0b428db));
}

void wr_mem_entry_init(struct wr_mem_entry *e, const void *key, size_t size)
{
    *e = (struct wr_mem_entry){NULL, hash(key, size), key, size};
}

/* ---- sizes --------------------------------------------------------------- */

static struct wr_mem_entry **buckets_of(const struct wr_mem_table *t)
{
    return t->buckets ? t->buckets : (struct wr_mem_entry **)(uintptr_t)t->few;
}

static struct wr_mem_entry **bucket(const struct wr_mem_table *t, uint64_t h)
{
    if (t->moving && (h & t->old_mask) >= t->moved)
        return &t->old[h & t->old_mask];
    return &buckets_of(t)[h & (t->buckets ? t->mask : WR_MEM_FEW - 1)];
}

static void move_one(struct wr_mem_table *t)
{
    struct wr_mem_entry *e = t->old[t->moved], *next;
    t->old[t->moved++] = NULL;
    for (; e; e = next) {
        next = e->next;
        struct wr_mem_entry **to = bucket(t, e->hash);
        e->next = *to;
        *to = e;
    }
}

static void move_some(struct wr_mem_table *t)
{
    const bool down = t->old_mask > t->mask || !t->buckets;
    for (int i = down ? STEP_DOWN : STEP; t->moving && i > 0; i--) {
        move_one(t);
        if (t->moved <= t->old_mask)
            continue;
        if (t->old != t->few)
            wr_free(t->old);
        t->old = NULL;
        t->moving = false;
    }
}

/* Begins to move to n buckets. */
static void resize(struct wr_mem_table *t, size_t n)
{
    struct wr_mem_entry **buckets = NULL;
    if (n > WR_MEM_FEW) {
        buckets = wr_alloc(n * sizeof(*buckets));
        if (!buckets)
            return;
    }
    t->old = buckets_of(t);
    t->old_mask = t->buckets ? t->mask : WR_MEM_FEW - 1;
    t->moved = 0;
    t->moving = true;
    t->buckets = buckets;
    t->mask = n - 1;
}

static void fit(struct wr_mem_table *t)
{
    const size_t size = t->buckets ? t->mask + 1 : WR_MEM_FEW;
    move_some(t);
    if (t->moving)
        return;
    if (t->count > size && size <= SIZE_MAX / 2 / sizeof(*t->buckets))
        resize(t, 2 * size);
    else if (t->count < size / 8 && size > WR_MEM_FEW)
        resize(t, size / 2);
}

/* ---- entries ------------------------------------------------------------- */

struct wr_mem_entry *wr_mem_find(const struct wr_mem_table *t,
                                 const struct wr_mem_entry *like)
{
    struct wr_mem_entry *e = *bucket(t, like->hash);
    while (e && (e->hash != like->hash || e->size != like->size ||
                 memcmp(e->key, like->key, like->size) != 0))
        e = e->next;
    return e;
}

void wr_mem_add(struct wr_mem_table *t, struct wr_mem_entry *e)
{
    struct wr_mem_entry **at = bucket(t, e->hash);
    e->next = *at;
    *at = e;
    t->count++;
    fit(t);
}

void wr_mem_remove(struct wr_mem_table *t, struct wr_mem_entry *e)
{
    struct wr_mem_entry **at = bucket(t, e->hash);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    t->count--;
    fit(t);
}

void wr_mem_table_free(struct wr_mem_table *t)
{
    if (t->moving && t->old != t->few)
        wr_free(t->old);
    wr_free(t->buckets);
    *t = (struct wr_mem_table){0};
}
