/* SPDX-License-Identifier: MIT */
/* Frames: writing them to memory of the right size, and reading them from
 * memory that may hold anything. */
#include "event/frame.h"

#include <errno.h>
#include <string.h>
#include "base/mem.h"

#define MAX_FRAME ((size_t)1 << 30)
enum {
    FIXED = 24,       /* of a body: time, three sizes, and a zero */
    LEAST_HEADER = 10 /* two sizes, and two strings of nothing    */
};

/* FNV-1a, of 32 bits: against damage, not against malice. */
static uint32_t hash(const uint8_t *at, size_t size)
{
    uint32_t h = UINT32_C(0x811c9dc5);
    for (size_t i = 0; i < size; i++)
        h = (h ^ at[i]) * UINT32_C(0x01000193);
    return h;
}

/* ---- writing ------------------------------------------------------------- */

static uint8_t *put(uint8_t *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> (8 * i));
    return to;
}

static uint8_t *put_bytes(uint8_t *to, const void *from, size_t size)
{
    if (size)
        memcpy(to, from, size);
    return to + size;
}

static bool add(size_t *sum, size_t n)
{
    return !__builtin_add_overflow(*sum, n, sum) && *sum <= MAX_FRAME;
}

size_t wr_event_frame_size(const weir_event *e)
{
    size_t sum = WR_EVENT_FRAME_HEAD;
    if (!e)
        return sum;
    if (!add(&sum, FIXED + strlen(e->type) + 1) || !add(&sum, e->key_size) ||
        !add(&sum, e->size))
        return 0;
    for (size_t i = 0; i < e->header_count; i++)
        if (!add(&sum, strlen(e->headers[i].name) + 1) ||
            !add(&sum, strlen(e->headers[i].value) + 1) || !add(&sum, 8))
            return 0;
    return sum;
}

static void put_body(uint8_t *to, const weir_event *e)
{
    const size_t type_size = strlen(e->type) + 1;
    to = put(to, (uint64_t)e->time, 8);
    to = put(to, type_size, 4);
    to = put(to, e->key_size, 4);
    to = put(to, e->header_count, 4);
    to = put(to, 0, 4);
    to = put_bytes(to, e->type, type_size);
    to = put_bytes(to, e->key, e->key_size);
    for (size_t i = 0; i < e->header_count; i++) {
        const weir_event_header *h = &e->headers[i];
        const size_t name = strlen(h->name) + 1, value = strlen(h->value) + 1;
        to = put(put(to, name, 4), value, 4);
        to = put_bytes(put_bytes(to, h->name, name), h->value, value);
    }
    put_bytes(to, e->payload, e->size);
}

void wr_event_frame_put(uint8_t *to, size_t size, const weir_event *e)
{
    const size_t body = size - WR_EVENT_FRAME_HEAD;
    if (e)
        put_body(to + WR_EVENT_FRAME_HEAD, e);
    put_bytes(to, "weve", 4);
    put(to + 4, body, 4);
    put(to + 8, hash(to + WR_EVENT_FRAME_HEAD, body), 4);
    put(to + 12, hash(to, 12), 4);
}

/* ---- reading ------------------------------------------------------------- */

/* What is left of a body. A read beyond it gives zeros, or NULL, and makes it
 * bad. */
struct body {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static uint64_t get_at(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static const uint8_t *get_bytes(struct body *b, size_t size)
{
    const uint8_t *at = b->at;
    b->bad |= size > b->left;
    if (b->bad)
        return NULL;
    b->at += size;
    b->left -= size;
    return at;
}

static uint64_t get(struct body *b, int bytes)
{
    const uint8_t *at = get_bytes(b, (size_t)bytes);
    return at ? get_at(at, bytes) : 0;
}

/* A string with its NUL, which is its only one. */
static const char *get_string(struct body *b, size_t size)
{
    const char *s = (const char *)get_bytes(b, size);
    b->bad |= !s || memchr(s, 0, size) != s + size - 1;
    return b->bad ? NULL : s;
}

bool wr_event_frame_is_head(const uint8_t *head, size_t *body)
{
    *body = (size_t)get_at(head + 4, 4);
    return memcmp(head, "weve", 4) == 0 && *body <= MAX_FRAME &&
           get_at(head + 12, 4) == hash(head, 12);
}

static void get_headers(struct body *b, weir_event_header *to, size_t n)
{
    for (size_t i = 0; i < n && !b->bad; i++) {
        const size_t name = (size_t)get(b, 4), value = (size_t)get(b, 4);
        to[i].name = get_string(b, name);
        to[i].value = get_string(b, value);
    }
}

static int get_event(struct body *b, weir_event **e)
{
    weir_event_opts o = {.time = (int64_t)get(b, 8)};
    const size_t type_size = (size_t)get(b, 4);
    weir_event_header *headers = NULL;
    o.key_size = (size_t)get(b, 4);
    o.header_count = (size_t)get(b, 4);
    b->bad |= get(b, 4) != 0 || o.header_count > b->left / LEAST_HEADER;
    o.type = get_string(b, type_size);
    o.key = get_bytes(b, o.key_size);
    if (!b->bad && o.header_count) {
        headers = wr_alloc(o.header_count * sizeof(*headers));
        if (!headers)
            return WEIR_ENOMEM;
        get_headers(b, headers, o.header_count);
    }
    o.headers = headers;
    o.payload = b->at;
    o.size = b->left;
    const int err = b->bad ? -EBADMSG : weir_event_new(e, &o);
    wr_free(headers);
    return err;
}

int wr_event_frame_get(const uint8_t *head, size_t body, weir_event **e)
{
    struct body b = {.at = head + WR_EVENT_FRAME_HEAD, .left = body};
    if (get_at(head + 8, 4) != hash(b.at, body))
        return -EBADMSG;
    *e = NULL;
    return body ? get_event(&b, e) : 0;
}
