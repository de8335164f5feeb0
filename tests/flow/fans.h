/* SPDX-License-Identifier: MIT */
/* What the tests of fans share: channels by the dozen, and the account. */
#ifndef FAN_TEST_H
#define FAN_TEST_H

#include "../chan/parties.h"

enum { WIDE = 3, MANY = 20 };

static inline weir_fan_counts counts_of(weir_fan *f)
{
    weir_fan_counts c;

    must_eq(weir_fan_get_counts(f, &c), 0);
    must_eq(c.received + c.copied, c.sent + c.discarded + c.held);
    return c;
}

static inline void count_discarded(void *elem, void *arg)
{
    must(*(int *)elem > 0);
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* n channels as both kinds of array. */
struct side {
    ints *c[MANY];
    weir_chan *base[MANY];
    int n;
};

static inline struct side side_of(int n, size_t capacity)
{
    struct side s = {.n = n};
    int i;

    for (i = 0; i < n; i++) {
        s.c[i] = ints_new(capacity);
        s.base[i] = ints_base(s.c[i]);
    }
    return s;
}

static inline void side_unref(struct side *s)
{
    int i;

    for (i = 0; i < s->n; i++)
        ints_unref(s->c[i]);
}

static inline void await_held(weir_fan *f, uint64_t n)
{
    while (counts_of(f).held != n)
        weir_yield();
}

static inline void fill(struct side *s, int n)
{
    int i, k;

    for (i = 0; i < s->n; i++)
        for (k = 0; k < n; k++)
            put(s->c[i], i + 1);
}

static inline void close_all(struct side *s)
{
    int i;

    for (i = 0; i < s->n; i++)
        ints_close(s->c[i]);
}

#endif
