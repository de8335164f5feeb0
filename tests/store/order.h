/* SPDX-License-Identifier: MIT */
/* Many write and many read one path: all readers see one order. */
#ifndef ORDER_H
#define ORDER_H

#include "stores.h"

enum { WRITERS = 3, READERS = 3 };

struct order {
    weir_store_writer *w;
    weir_store_reader *r;
    int id, n;
    int *seen;
};

static inline void write_many(void *arg)
{
    struct order *o = arg;
    int i;

    for (i = 0; i < o->n; i++) {
        const int value = o->id * 1000000 + i;

        must_eq(weir_store_write(o->w, &value, sizeof value, NULL), 0);
    }
}

static inline void read_many(void *arg)
{
    struct order *o = arg;
    int i;

    for (i = 0; i < WRITERS * o->n; i++)
        must_eq(weir_store_read(o->r, &o->seen[i], sizeof(int), NULL),
                sizeof(int));
}

/* Each of three writers writes n messages to "p", and each of three readers
 * reads all. How many there were. */
static inline int must_see_one_order(struct crew *crew, weir_store *s, int n)
{
    struct order w[WRITERS], r[READERS];
    int i, k;

    for (i = 0; i < READERS; i++) {
        r[i] = (struct order){.r = reader_of(s, "p"), .n = n};
        r[i].seen = calloc((size_t)(WRITERS * n), sizeof(int));
        crew_go(crew, read_many, &r[i]);
    }
    for (i = 0; i < WRITERS; i++) {
        w[i] = (struct order){.w = writer_of(s, "p"), .id = i, .n = n};
        crew_go(crew, write_many, &w[i]);
    }
    crew_wait(crew);
    for (i = 1; i < READERS; i++)
        for (k = 0; k < WRITERS * n; k++)
            must_eq(r[i].seen[k], r[0].seen[k]);
    for (i = 0; i < WRITERS; i++)
        weir_store_writer_free(w[i].w);
    for (i = 0; i < READERS; i++) {
        weir_store_reader_free(r[i].r);
        free(r[i].seen);
    }
    return WRITERS * n;
}

#endif
