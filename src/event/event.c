/* SPDX-License-Identifier: MIT */
/*
 * Events: one block of memory each.
 *
 *   | struct event | headers | payload, if copied | key | strings |
 *
 * The payload, which may be any structure, lies at a multiple of 16.
 * Everything but the count of references is written before the event is
 * given to anybody. The last unref acquires what the others released, so that
 * the destructor comes after every reader.
 */
#include <weir/event.h>

#include <string.h>
#include <time.h>
#include "base/mem.h"
#include "base/misuse.h"
#include "event/event.h"

struct event {
    _Alignas(16) weir_event face;
    void (*destroy)(void *payload, void *arg);
    void *arg;
    uint32_t refs;
};

static bool valid(const weir_event_opts *o)
{
    if ((o->key_size && !o->key) || (o->size && !o->payload) ||
        (o->header_count && !o->headers))
        return false;
    for (size_t i = 0; i < o->header_count; i++)
        if (!o->headers[i].name)
            return false;
    return true;
}

/* *sum += n; is there such a size? */
static bool add(size_t *sum, size_t n)
{
    return !__builtin_add_overflow(*sum, n, sum);
}

static size_t string_size(const char *s)
{
    return s ? strlen(s) + 1 : 1;
}

/* The size of the block, 0 when there is no such size. */
static size_t block_size(const weir_event_opts *o)
{
    size_t size, sum = sizeof(struct event);
    if (__builtin_mul_overflow(o->header_count, sizeof(*o->headers), &size) ||
        !add(&sum, size) || !add(&sum, o->key_size) ||
        !add(&sum, o->destroy ? 0 : o->size) ||
        !add(&sum, string_size(o->type)))
        return 0;
    for (size_t i = 0; i < o->header_count; i++)
        if (!add(&sum, string_size(o->headers[i].name)) ||
            !add(&sum, string_size(o->headers[i].value)))
            return 0;
    return sum < PTRDIFF_MAX ? sum : 0;
}

/* Copies size bytes to *at and moves it on: where they are now. */
static void *place(char **at, const void *from, size_t size)
{
    char *to = *at;
    if (size)
        memcpy(to, from, size);
    *at += size;
    return to;
}

static const char *place_string(char **at, const char *s)
{
    return place(at, s ? s : "", string_size(s));
}

static int64_t wall_clock(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (int64_t)now.tv_sec * WEIR_SECOND + now.tv_nsec;
}

static void fill(struct event *e, const weir_event_opts *o)
{
    weir_event_header *headers = (weir_event_header *)(void *)(e + 1);
    char *at = (char *)(headers + o->header_count);
    e->destroy = o->destroy;
    e->arg = o->arg;
    e->refs = 1;
    const void *payload =
        o->destroy ? o->payload : place(&at, o->payload, o->size);
    e->face = (weir_event){
        .key = place(&at, o->key, o->key_size),
        .key_size = o->key_size,
        .time = o->time ? o->time : wall_clock(),
        .headers = headers,
        .header_count = o->header_count,
        .payload = payload,
        .size = o->size,
    };
    e->face.type = place_string(&at, o->type);
    for (size_t i = 0; i < o->header_count; i++) {
        headers[i].name = place_string(&at, o->headers[i].name);
        headers[i].value = place_string(&at, o->headers[i].value);
    }
}

int weir_event_new(weir_event **out, const weir_event_opts *o)
{
    if (out)
        *out = NULL;
    if (!out || !o || !valid(o))
        return WR_MISUSE("no place for it, no options, or a size of nothing");
    const size_t size = block_size(o);
    if (!size)
        return WR_MISUSE("sizes that no memory has");
    struct event *e = wr_alloc(size);
    if (!e)
        return WEIR_ENOMEM;
    fill(e, o);
    *out = &e->face;
    return 0;
}

weir_event *weir_event_ref(weir_event *e)
{
    if (e)
        __atomic_fetch_add(&((struct event *)e)->refs, 1, __ATOMIC_RELAXED);
    return e;
}

void weir_event_unref(weir_event *face)
{
    struct event *e = (struct event *)face;
    if (!e || __atomic_sub_fetch(&e->refs, 1, __ATOMIC_ACQ_REL))
        return;
    if (e->destroy)
        e->destroy((void *)(uintptr_t)face->payload, e->arg);
    wr_free(e);
}

void weir_event_unref_elem(void *elem)
{
    if (elem)
        weir_event_unref(*(weir_event **)elem);
}

bool wr_event_ends_by(const weir_event *e,
                      void (*destroy)(void *payload, void *arg))
{
    return e && ((const struct event *)e)->destroy == destroy;
}

const char *weir_event_get_header(const weir_event *e, const char *name)
{
    for (size_t i = 0; e && name && i < e->header_count; i++)
        if (strcmp(e->headers[i].name, name) == 0)
            return e->headers[i].value;
    return NULL;
}
