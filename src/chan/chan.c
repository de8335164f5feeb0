/* SPDX-License-Identifier: MIT */
/* A channel's life, and what can be asked of it without waiting. */
#include <stdio.h>
#include "base/mem.h"
#include "chan/chan.h"
#include "chan/flow.h"
#include "chan/registry.h"

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

/* ---- the options --------------------------------------------------------- */

static const char *limits_error(const weir_chan_opts *o)
{
    if (o->elem_size > ELEM_MAX)
        return "elem_size is over 16 MiB";
    if (o->capacity > CAP_MAX)
        return "capacity is over 2^31";
    if ((o->max_bytes > 0) != (o->size_of != NULL))
        return "max_bytes and size_of go together: give both, or neither";
    if (o->max_bytes > INT64_MAX)
        return "max_bytes is over 2^63 - 1";
    if (o->send_timeout < 0 || o->recv_timeout < 0)
        return "a timeout is negative: give nanoseconds, or 0 for none";
    return NULL;
}

static const char *policy_error(const weir_chan_opts *o)
{
    if ((unsigned)o->policy >= WEIR_POLICIES)
        return "policy is none of enum weir_policy";
    if (o->policy == WEIR_LATEST && o->capacity > 1)
        return "policy WEIR_LATEST holds one element: capacity must be 1 or 0";
    if (o->sample_every > 0 && o->policy != WEIR_SAMPLE)
        return "sample_every is for policy WEIR_SAMPLE";
    return NULL;
}

static const char *marks_error(const weir_chan_opts *o)
{
    if (o->high > 100)
        return "high is over 100 percent";
    if ((o->high || o->low) && o->low >= o->high)
        return "low is not below high: give 0 <= low < high <= 100 percent";
    return NULL;
}

static bool drops_oldest(enum weir_policy p)
{
    return p == WEIR_DROP_OLDEST || p == WEIR_LATEST || p == WEIR_SAMPLE;
}

static const char *declared_error(const weir_chan_opts *o)
{
    if (!o->single_producer && !o->single_consumer)
        return NULL;
    if (o->max_bytes > 0)
        return "single_producer and single_consumer do not go with max_bytes";
    if (o->single_consumer && drops_oldest(o->policy))
        return "single_consumer does not go with a policy that drops the "
               "oldest: the sender would be a second consumer";
    return NULL;
}

/* What only a channel with a buffer has. */
static const char *rendezvous_error(const weir_chan_opts *o)
{
    if (o->capacity > 0 || o->policy == WEIR_LATEST)
        return NULL;
    if (o->max_bytes > 0)
        return "max_bytes needs a capacity of at least 1";
    if (o->high || o->low || o->hooks.on_high || o->hooks.on_low)
        return "watermarks need a capacity of at least 1";
    if (o->single_producer || o->single_consumer)
        return "single_producer and single_consumer need a capacity of at "
               "least 1";
    return NULL;
}

const char *weir_chan_opts_error(const weir_chan_opts *o)
{
    const char *why = o ? limits_error(o) : "the options are NULL";
    why = why ? why : policy_error(o);
    why = why ? why : marks_error(o);
    why = why ? why : declared_error(o);
    return why ? why : rendezvous_error(o);
}

/* ---- a channel's life ---------------------------------------------------- */

static uint32_t ceil_log2(uint64_t n)
{
    uint32_t log2 = 0;
    while ((UINT64_C(1) << log2) < n)
        log2++;
    return log2;
}

/* The stamp takes 4 bytes; the element follows, aligned as its size allows,
 * after what lies beside it on a channel with clocks or bytes. */
static void lay_out(weir_chan *c)
{
    size_t align = c->elem_size >= 16 ? 16 : c->elem_size >= 8 ? 8 : 4;
    size_t before = sizeof(uint32_t);
    if (c->flow && (c->flow->timed_every || c->flow->max_bytes)) {
        align = align < 8 ? 8 : align;
        before = WR_BESIDE_AT + sizeof(struct wr_beside);
    }
    c->elem_offset = (before + align - 1) / align * align;
    c->stride = (c->elem_offset + c->elem_size + align - 1) / align * align;
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

static void discard(weir_chan *c)
{
    wr_flow_close(c);
    wr_free(c->slots);
    wr_free(c);
}

static bool build(weir_chan *c, const weir_chan_opts *o)
{
    c->elem_size = (uint32_t)o->elem_size;
    c->policy = (uint8_t)o->policy;
    c->cap = o->policy == WEIR_LATEST ? 1 : o->capacity;
    c->destroy = o->destroy;
    c->single_producer = o->single_producer;
    c->single_consumer = o->single_consumer;
    c->highest = o->uncounted ? INT64_MAX : 0;
    c->refs = 1;
    if (o->name)
        snprintf(c->name, sizeof(c->name), "%s", o->name);
    c->rendezvous = c->frozen = c->cap == 0;
    if (!wr_flow_open(c, o))
        return false;
    c->flowing = c->flow != NULL;
    if (!c->rendezvous && !make_ring(c))
        return false;
    if (c->frozen)
        c->tail = c->head = c->tail_hint = c->head_hint = WR_SLOW;
    return true;
}

weir_chan *weir_chan_new_with(const weir_chan_opts *o)
{
    const char *why = weir_chan_opts_error(o);
    if (why)
        return refuse(why);
    weir_chan *c = wr_alloc_line(sizeof(*c));
    if (!c)
        return refuse("out of memory");
    if (!build(c, o)) {
        discard(c);
        return refuse("out of memory for the buffer");
    }
    wr_registry_add(c);
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

/* Hooks that are told of what is left may still look at the channel, even
 * take and drop a reference: it has enough of them. */
static void drop_left(weir_chan *c)
{
    if (!c->flow) {
        destroy_queued(c);
        return;
    }
    wr_store(&c->refs, UINT32_MAX / 2);
    weir_chan_close(c);
    wr_flow_drop_left(c);
}

void weir_chan_unref(weir_chan *c)
{
    if (!c || wr_sub(&c->refs, 1) != 1)
        return;
    wr_registry_remove(c);
    if (c->on_free)
        c->on_free(c->on_free_arg);
    /* A sender whose element was received may still be on its way out. */
    wr_lock(&c->lock);
    wr_unlock(&c->lock);
    drop_left(c);
    discard(c);
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

bool weir_chan_is_high(const weir_chan *c)
{
    return c && c->flow && wr_load_rlx(&c->flow->above);
}

enum weir_policy weir_chan_policy(const weir_chan *c)
{
    return c ? (enum weir_policy)c->policy : WEIR_BLOCK;
}
