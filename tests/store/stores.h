/* SPDX-License-Identifier: MIT */
/* What the tests of stores share: messages as strings. */
#ifndef STORES_H
#define STORES_H

#include <weir/store.h>
#include "../chan/parties.h"

static inline weir_store *store_of(const weir_store_channel_opts *o)
{
    weir_store *s;

    must_eq(weir_store_channel(&s, o), 0);
    must(s != NULL);
    return s;
}

static inline weir_store_writer *writer_of(weir_store *s, const char *path)
{
    weir_store_writer *w;

    must_eq(weir_store_writer_open(&w, s, path), 0);
    return w;
}

static inline weir_store_reader *reader_of(weir_store *s, const char *path)
{
    weir_store_reader *r;

    must_eq(weir_store_reader_open(&r, s, path), 0);
    return r;
}

static inline int say(weir_store_writer *w, const char *text)
{
    return weir_store_write(w, text, strlen(text), NULL);
}

/* The next read is just this. */
static inline void hear(weir_store_reader *r, const char *text)
{
    char buf[64];
    const ptrdiff_t n = weir_store_read(r, buf, sizeof buf, NULL);

    must_eq(n, strlen(text));
    must(memcmp(buf, text, (size_t)n) == 0);
}

static inline int read_code(weir_store_reader *r)
{
    char buf[64];

    return (int)weir_store_read(r, buf, sizeof buf, NULL);
}

static inline weir_store_stats stats_of(weir_store *s, const char *path)
{
    weir_store_stats st;

    must_eq(weir_store_get_stats(s, path, &st), 0);
    must_eq(st.queue.sent,
            st.queue.received + st.queue.dropped + st.queue.queued);
    return st;
}

static inline void await_blocked(weir_store *s, const char *path, uint64_t n)
{
    while (stats_of(s, path).queue.blocked_sends < n)
        weir_yield();
}

/* A party that makes one call and keeps its result. */
struct call {
    weir_store_writer *w;
    weir_store_reader *r;
    weir_ctx *ctx;
    atomic_int begun, ended;
    ptrdiff_t result;
};

static inline void call_party(void *arg)
{
    struct call *c = arg;
    char buf[64];

    atomic_store(&c->begun, 1);
    if (c->w != NULL)
        c->result = weir_store_write(c->w, "late", 4, c->ctx);
    else
        c->result = weir_store_read(c->r, buf, sizeof buf, c->ctx);
    atomic_store(&c->ended, 1);
}

static inline void call_start(struct crew *crew, struct call *c)
{
    crew_go(crew, call_party, c);
    while (!atomic_load(&c->begun))
        weir_yield();
    settle();
}

#endif
