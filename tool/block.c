/* SPDX-License-Identifier: MIT */
#include "block.h"

#include <stdlib.h>

enum { SPARES_MOST = 8 /* kept when a burst is over */ };

void pool_init(struct pool *p, size_t size)
{
    *p = (struct pool){.size = size};
}

void pool_fini(struct pool *p)
{
    while (p->spare) {
        struct block *b = p->spare;
        p->spare = b->next;
        free(b);
    }
}

/* Under the lock. */
static struct block *get(struct pool *p, size_t n)
{
    struct block *b = p->spare;
    if (b && n <= p->size) {
        p->spare = b->next;
        p->spares--;
    } else {
        size_t size = n > p->size ? n : p->size;
        if (size > SIZE_MAX - sizeof *b)
            return NULL;
        b = malloc(sizeof *b + size);
        if (!b)
            return NULL;
        b->pool = p;
        b->size = size;
    }
    b->used = 0;
    atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
    p->held++;
    return b;
}

struct block *pool_get(struct pool *p, size_t n)
{
    weir_mutex_lock(&p->lock, NULL);
    struct block *b = get(p, n);
    weir_mutex_unlock(&p->lock);
    return b;
}

int pool_wait(struct pool *p, struct block **b, weir_ctx *ctx)
{
    int code = 0;
    weir_mutex_lock(&p->lock, NULL);
    while (!(*b = get(p, p->size)) && !code)
        code = p->held ? weir_cond_wait(&p->freed, &p->lock, ctx) : WEIR_ENOMEM;
    weir_mutex_unlock(&p->lock);
    return *b ? 0 : code;
}

/* Release and acquire: what the others did with the bytes is over before
 * they are written anew. */
void block_unref(struct block *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1)
        return;
    struct pool *p = b->pool;
    weir_mutex_lock(&p->lock, NULL);
    p->held--;
    if (b->size == p->size && p->spares < SPARES_MOST) {
        b->next = p->spare;
        p->spare = b;
        p->spares++;
        b = NULL;
    }
    weir_cond_signal(&p->freed);
    weir_mutex_unlock(&p->lock);
    free(b);
}
