/* SPDX-License-Identifier: MIT */
/* A channel's life, and what can be asked of it without waiting. */
#include <stdio.h>
#include "base/mem.h"
#include "chan/chan.h"

static const size_t ELEM_MAX = (size_t)16 << 20;
static const size_t CAP_MAX = (size_t)1 << 31;

static weir_chan *refuse(const char *why)
{
#if defined(WEIR_DEBUG)
    fprintf(stderr, "weir: weir_chan_new: %s\n", why);
#else
    (void)why;
#endif
    return NULL;
}

static uint32_t ceil_log2(uint64_t n)
{
    uint32_t log2 = 0;
    while ((UINT64_C(1) << log2) < n)
        log2++;
    return log2;
}

/* The stamp takes 4 bytes; the element follows, aligned as its size allows. */
static void lay_out(weir_chan *c)
{
    size_t align = c->elem_size >= 16 ? 16 : c->elem_size >= 8 ? 8 : 4;
    c->elem_offset = align;
    c->stride = (align + c->elem_size + align - 1) / align * align;
}

static bool make_ring(weir_chan *c)
{
    lay_out(c);
    c->log2_slots = ceil_log2(c->cap);
    uint64_t slots = UINT64_C(1) << c->log2_slots;
    c->mask = slots - 1;
    if (slots > SIZE_MAX / 2 / c->stride)
        return false;
    return (c->slots = wr_alloc(slots * c->stride)) != NULL;
}

weir_chan *weir_chan_new_with(const weir_chan_opts *o)
{
    if (!o)
        return refuse("the options are NULL");
    if (o->elem_size > ELEM_MAX)
        return refuse("elem_size is over 16 MiB");
    if (o->capacity > CAP_MAX)
        return refuse("capacity is over 2^31");
    weir_chan *c = wr_alloc_line(sizeof(*c));
    if (!c)
        return refuse("out of memory");
    c->elem_size = o->elem_size;
    c->cap = o->capacity;
    c->destroy = o->destroy;
    c->refs = 1;
    if (o->name)
        snprintf(c->name, sizeof(c->name), "%s", o->name);
    c->rendezvous = c->cap == 0;
    if (c->rendezvous)
        c->tail = c->head = WR_SLOW;
    else if (!make_ring(c)) {
        wr_free(c);
        return refuse("out of memory for the buffer");
    }
    return c;
}

weir_chan *weir_chan_new(size_t elem_size, size_t capacity)
{
    const weir_chan_opts o = {.elem_size = elem_size, .capacity = capacity};
    return weir_chan_new_with(&o);
}

weir_chan *weir_chan_ref(weir_chan *c)
{
    if (c)
        wr_add(&c->refs, 1);
    return c;
}

static void destroy_queued(weir_chan *c)
{
    uint64_t end = wr_count(c->tail);
    for (uint64_t n = wr_count(c->head); c->destroy && n < end; n++)
        c->destroy(wr_slot_at(c, n) + c->elem_offset);
}

void weir_chan_unref(weir_chan *c)
{
    if (!c || wr_sub(&c->refs, 1) != 1)
        return;
    if (c->on_free)
        c->on_free(c->on_free_arg);
    /* A sender whose element was received may still be on its way out. */
    wr_lock(&c->lock);
    wr_unlock(&c->lock);
    destroy_queued(c);
    wr_free(c->slots);
    wr_free(c);
}

/* Tells up to max waiters that it is closed. */
static void dismiss(struct wr_queue *q, int max, struct wr_wakes *wakes)
{
    struct wr_node *n;
    while (max-- > 0 && (n = wr_queue_pop(q, wakes)) != NULL)
        n->status = WEIR_CLOSED;
}

/* Many waiters are dismissed and woken some at a time, so that each is touched
 * once while it is warm, and the lock is not held for all of them. */
int weir_chan_close(weir_chan *c)
{
    enum { AT_ONCE = 64 };
    if (!c)
        return WEIR_EINVAL;
    for (bool more = true; more;) {
        struct wr_wakes wakes = {0};
        wr_lock(&c->lock);
        wr_chan_freeze(c);
        wr_or(&c->tail, WR_CHAN_CLOSED);
        wr_store_rel(&c->closed, true);
        dismiss(&c->senders, AT_ONCE, &wakes);
        dismiss(&c->receivers, AT_ONCE, &wakes);
        more = c->senders.head || c->receivers.head;
        wr_chan_thaw(c);
        wr_unlock(&c->lock);
        wr_wake(&wakes);
    }
    return 0;
}

/* ---- glances ------------------------------------------------------------- */

bool weir_chan_is_closed(const weir_chan *c)
{
    return !c || wr_chan_closed(c);
}

size_t weir_chan_len(const weir_chan *c)
{
    return c ? wr_chan_queued(c) : 0;
}

size_t weir_chan_cap(const weir_chan *c)
{
    return c ? c->cap : 0;
}

size_t weir_chan_elem_size(const weir_chan *c)
{
    return c ? c->elem_size : 0;
}

const char *weir_chan_name(const weir_chan *c)
{
    return c ? c->name : "";
}

/* While head stands still, tail read in between belongs to one instant with
 * it; the hand-offs count on both sides alike. */
int weir_chan_get_stats(const weir_chan *c, weir_chan_stats *out)
{
    if (!c || !out)
        return WEIR_EINVAL;
    uint64_t head = wr_count(wr_load_acq(&c->head)), again, tail;
    for (;;) {
        tail = wr_count(wr_load_acq(&c->tail));
        again = wr_count(wr_load_acq(&c->head));
        if (again == head)
            break;
        head = again;
    }
    uint64_t handoffs = wr_load_acq(&c->handoffs);
    out->sent = tail + handoffs;
    out->received = head + handoffs;
    out->queued = tail - head;
    return 0;
}
