/* SPDX-License-Identifier: MIT */
/*
 * Message s is in slot s % WR_MEM_CHUNK of chunk s / WR_MEM_CHUNK. The chunks
 * that exist are those from base's to last's, and those that were reserved
 * behind; a slot of the ring without a chunk is NULL.
 */
#include "event/mem_log.h"

#include "base/mem.h"

enum { SMALLEST = 8 }; /* slots of the ring */

static uint64_t chunk_of(uint64_t seq)
{
    return seq / WR_MEM_CHUNK;
}

static struct wr_mem_msg **slot(const struct wr_mem_log *l, uint64_t chunk)
{
    return &l->chunks[chunk & (l->room - 1)];
}

void wr_mem_log_init(struct wr_mem_log *l)
{
    *l = (struct wr_mem_log){.base = 1, .first = 1};
}

/* Makes the ring `room` slots, for the chunks up to `to`; those behind, which
 * were reserved and not needed, go. */
static int resize(struct wr_mem_log *l, size_t room, uint64_t to)
{
    struct wr_mem_log new = *l;
    new.chunks = wr_alloc(room * sizeof(*new.chunks));
    new.room = room;
    if (!new.chunks)
        return WEIR_ENOMEM;
    for (uint64_t i = 0, c = chunk_of(l->base); i < l->room; i++, c++)
        if (c <= to)
            *slot(&new, c) = *slot(l, c);
        else
            wr_free(*slot(l, c));
    wr_free(l->chunks);
    *l = new;
    return 0;
}

static int make_chunk(struct wr_mem_log *l, uint64_t chunk)
{
    struct wr_mem_msg **at = slot(l, chunk);
    if (*at)
        return 0;
    *at = l->spare ? l->spare : wr_alloc_unset(WR_MEM_CHUNK * sizeof(**at));
    l->spare = NULL;
    return *at ? 0 : WEIR_ENOMEM;
}

int wr_mem_log_reserve(struct wr_mem_log *l, size_t n)
{
    const uint64_t from = chunk_of(l->base), to = chunk_of(l->last + n);
    size_t room = l->room ? l->room : SMALLEST;
    int err = 0;
    while (room < to - from + 1)
        room *= 2;
    if (room != l->room)
        err = resize(l, room, to);
    for (uint64_t c = chunk_of(l->last + 1); !err && c <= to; c++)
        err = make_chunk(l, c);
    return err;
}

struct wr_mem_msg *wr_mem_log_at(const struct wr_mem_log *l, uint64_t seq)
{
    return *slot(l, chunk_of(seq)) + seq % WR_MEM_CHUNK;
}

struct wr_mem_msg *wr_mem_log_push(struct wr_mem_log *l)
{
    l->last++;
    return wr_mem_log_at(l, l->last);
}

void wr_mem_log_drop(struct wr_mem_log *l)
{
    l->bytes -= wr_mem_log_at(l, l->first)->bytes;
    l->first++;
}

void wr_mem_log_clear(struct wr_mem_log *l)
{
    l->bytes = 0;
    l->first = l->last + 1;
}

/* base has left this chunk. */
static void give_back(struct wr_mem_log *l, uint64_t chunk)
{
    struct wr_mem_msg **at = slot(l, chunk);
    if (l->spare)
        wr_free(*at);
    else
        l->spare = *at;
    *at = NULL;
    const uint64_t from = chunk_of(l->base), to = chunk_of(l->last + 1);
    if (l->room > SMALLEST && to - from < l->room / 8)
        (void)resize(l, l->room / 2, to);
}

size_t wr_mem_log_sweep(struct wr_mem_log *l, weir_event **out, size_t n)
{
    size_t i = 0;
    for (; i < n && l->base < l->first; i++) {
        struct wr_mem_msg *m = wr_mem_log_at(l, l->base);
        out[i] = m->event;
        wr_mem_id_unref(m->id);
        m->event = NULL;
        m->id = NULL;
        l->base++;
        if (l->base % WR_MEM_CHUNK == 0)
            give_back(l, chunk_of(l->base) - 1);
    }
    return i;
}

uint64_t wr_mem_log_since(const struct wr_mem_log *l, int64_t time)
{
    uint64_t low = l->first, high = l->last + 1;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (wr_mem_log_at(l, middle)->published < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void wr_mem_log_free(struct wr_mem_log *l)
{
    for (size_t i = 0; i < l->room; i++)
        wr_free(l->chunks[i]);
    wr_free(l->chunks);
    wr_free(l->spare);
    l->chunks = NULL;
    l->spare = NULL;
    l->room = 0;
}
