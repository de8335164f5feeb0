/* SPDX-License-Identifier: MIT */
/*
 * What was read, shared by reference count: one read serves every branch of
 * `weir tee` without a copy. A block is written by the one who got it, up to
 * where he has handed it out, and only read from there on.
 *
 * A pool keeps a few that nobody holds, the last given back first: it is
 * still in the cache.
 */
#ifndef WEIR_TOOL_BLOCK_H
#define WEIR_TOOL_BLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir.h>

struct block {
    struct pool *pool;
    struct block *next; /* among the spare ones                             */
    _Atomic uint32_t refs;
    size_t size; /* bytes at data                                           */
    size_t used; /* handed out, from the front: the getter's                */
    char data[];
};

struct pool {
    size_t size; /* of the blocks it keeps                                  */
    weir_mutex lock;
    weir_cond freed;
    struct block *spare; /* under the lock, and so are the numbers          */
    unsigned spares;
    unsigned held; /* blocks that somebody has                              */
};

void pool_init(struct pool *p, size_t size);

/* Every block has been given back. */
void pool_fini(struct pool *p);

/* A block of at least n bytes with one reference; NULL: out of memory. */
struct block *pool_get(struct pool *p, size_t n);

/* The same, of the pool's size; when memory is out, waits until a block comes
 * back. 0, WEIR_CANCELED, WEIR_TIMEDOUT; WEIR_ENOMEM: nobody has any. */
int pool_wait(struct pool *p, struct block **b, weir_ctx *ctx);

static inline struct block *block_ref(struct block *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

/* One reference less; NULL is allowed. */
void block_unref(struct block *b);

#endif
