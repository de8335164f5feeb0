/* SPDX-License-Identifier: MIT */
/* The bytes of a file in memory. */
#include "stream/memfile.h"

#include <string.h>
#include <time.h>
#include "base/mem.h"

/* ---- segments ------------------------------------------------------------ */

static struct wr_segment **place(const struct wr_mem *m, int64_t i)
{
    return &m->ring[(size_t)i & (m->room - 1)];
}

static bool widen_ring(struct wr_mem *m)
{
    if ((size_t)(m->last - m->first) < m->room)
        return true;
    struct wr_mem wide = *m;
    wide.room = m->room ? m->room * 2 : 4;
    wide.ring = wr_alloc(wide.room * sizeof *wide.ring);
    if (!wide.ring)
        return false;
    for (int64_t i = m->first; i < m->last; i++)
        *place(&wide, i) = *place(m, i);
    wr_free(m->ring);
    m->ring = wide.ring;
    m->room = wide.room;
    return true;
}

/* With one pin. NULL: no memory. */
static struct wr_segment *new_segment(struct wr_mem *m)
{
    struct wr_segment *g = m->spare;
    m->spare = NULL;
    if (!g)
        g = wr_alloc_unset(sizeof *g + m->size);
    if (g)
        g->pins = 1;
    return g;
}

static bool add_segment(struct wr_mem *m)
{
    struct wr_segment *g = widen_ring(m) ? new_segment(m) : NULL;
    if (g)
        *place(m, m->last++) = g;
    return g;
}

static void unpin(struct wr_mem *m, struct wr_segment *g)
{
    if (--g->pins > 0)
        return;
    wr_free(m->spare);
    m->spare = g;
}

void wr_mem_free(struct wr_mem *m)
{
    for (int64_t i = m->first; i < m->last; i++)
        wr_free(*place(m, i));
    wr_free(m->spare);
    wr_free(m->ring);
    wr_spill_close(&m->spill);
    wr_free(m);
}

/* ---- to the disk and back ------------------------------------------------ */

/* The oldest segment in memory goes to the file, unless trimming is faster.
 * Under the lock, which it gives up for the file. */
static int spill_oldest(struct wr_mem *m)
{
    const int64_t i = m->first, off = i * (int64_t)m->size;
    struct wr_segment *g = *place(m, i);
    int64_t at = 0;
    g->pins++;
    weir_mutex_unlock(&m->lock);
    int err = wr_spill_open(&m->spill);
    if (!err)
        err = wr_spill_write(&m->spill, g->data, m->size, off, &at);
    weir_mutex_lock(&m->lock, NULL);
    if (!err && m->first == i) {
        m->spill.shift = off - at;
        m->first++;
        unpin(m, g);
    }
    unpin(m, g);
    return err;
}

static int make_room(struct wr_mem *m)
{
    const size_t above = m->spill.above / m->size;
    const int64_t most = above ? (int64_t)above : 1;
    int err = 0;
    while (!err && m->spill.above && m->last - m->first > most)
        err = spill_oldest(m);
    return err;
}

/* Reads from the spill's file, up to what is in memory. Under the lock, which
 * it gives up. */
static ptrdiff_t read_spilled(struct wr_mem *m, void *buf, size_t n,
                              int64_t off)
{
    const int64_t left = m->first * (int64_t)m->size - off;
    const int64_t at = off - m->spill.shift;
    weir_file *in = m->spill.in;
    weir_mutex_unlock(&m->lock);
    n = (uint64_t)left < n ? (size_t)left : n;
    const ptrdiff_t got = in->ops->read_at(in, buf, n, at);
    weir_mutex_lock(&m->lock, NULL);
    return got;
}

/* ---- a file -------------------------------------------------------------- */

static struct wr_mem *of(weir_file *f)
{
    return ((struct wr_mem_file *)f)->mem;
}

/* The segment for the byte at off, which is the next one. Under the lock. */
static int find_segment(struct wr_mem *m, int64_t off, struct wr_segment **g)
{
    const int64_t i = off / (int64_t)m->size;
    if (i == m->last) {
        int err = make_room(m);
        if (err)
            return err;
        if (!add_segment(m))
            return WEIR_ENOMEM;
    }
    *g = *place(m, i);
    return 0;
}

static size_t piece(const struct wr_mem *m, int64_t off, uint64_t n)
{
    const size_t left = m->size - (size_t)off % m->size;
    return n < left ? (size_t)n : left;
}

ptrdiff_t wr_mem_write(weir_file *f, const void *buf, size_t n)
{
    struct wr_mem *m = of(f);
    struct wr_segment *g;
    weir_mutex_lock(&m->lock, NULL);
    const int64_t at = m->len;
    int err = find_segment(m, at, &g);
    weir_mutex_unlock(&m->lock);
    if (err)
        return err;
    n = piece(m, at, n);
    memcpy(g->data + (size_t)at % m->size, buf, n);
    weir_mutex_lock(&m->lock, NULL);
    m->len += (int64_t)n;
    weir_mutex_unlock(&m->lock);
    return (ptrdiff_t)n;
}

static uint64_t least(int64_t a, size_t b)
{
    return (uint64_t)a < b ? (uint64_t)a : b;
}

/* What is in memory. Under the lock. */
static void lend(struct wr_mem *m, int64_t off, size_t max, weir_loan *loan)
{
    struct wr_segment *g = *place(m, off / (int64_t)m->size);
    g->pins++;
    *loan = (weir_loan){
        .owner_ = g,
        .data = g->data + (size_t)off % m->size,
        .size = piece(m, off, least(m->len - off, max)),
    };
}

/* What was spilled, in a segment of its own. Under the lock. */
static int lend_spilled(struct wr_mem *m, int64_t off, size_t max,
                        weir_loan *loan)
{
    struct wr_segment *g = new_segment(m);
    if (!g)
        return WEIR_ENOMEM;
    const ptrdiff_t got = read_spilled(m, g->data, piece(m, off, max), off);
    if (got > 0 && off / (int64_t)m->size >= m->kept) {
        *loan = (weir_loan){g->data, (size_t)got, g};
        return 0;
    }
    unpin(m, g);
    return got < 0 ? (int)got : WEIR_LAGGED;
}

int wr_mem_borrow(weir_file *f, int64_t off, size_t max, weir_loan *loan)
{
    struct wr_mem *m = of(f);
    const int64_t i = off / (int64_t)m->size;
    int err = 0;
    weir_mutex_lock(&m->lock, NULL);
    if (i >= m->first)
        lend(m, off, max, loan);
    else
        err = i < m->kept ? WEIR_LAGGED : lend_spilled(m, off, max, loan);
    weir_mutex_unlock(&m->lock);
    return err;
}

void wr_mem_give_back(weir_file *f, weir_loan *loan)
{
    struct wr_mem *m = of(f);
    weir_mutex_lock(&m->lock, NULL);
    unpin(m, loan->owner_);
    weir_mutex_unlock(&m->lock);
}

static ptrdiff_t read_memory(weir_file *f, void *buf, size_t n, int64_t off)
{
    weir_loan loan;
    lend(of(f), off, n, &loan);
    weir_mutex_unlock(&of(f)->lock);
    memcpy(buf, loan.data, loan.size);
    weir_mutex_lock(&of(f)->lock, NULL);
    unpin(of(f), loan.owner_);
    return (ptrdiff_t)loan.size;
}

ptrdiff_t wr_mem_read_at(weir_file *f, void *buf, size_t n, int64_t off)
{
    struct wr_mem *m = of(f);
    const int64_t i = off / (int64_t)m->size;
    weir_mutex_lock(&m->lock, NULL);
    const ptrdiff_t got = i >= m->first  ? read_memory(f, buf, n, off)
                          : i >= m->kept ? read_spilled(m, buf, n, off)
                                         : WEIR_LAGGED;
    weir_mutex_unlock(&m->lock);
    return got;
}

void wr_mem_trim(weir_file *f, int64_t upto)
{
    struct wr_mem *m = of(f);
    const int64_t whole = upto / (int64_t)m->size;
    weir_mutex_lock(&m->lock, NULL);
    const int64_t spilled = whole < m->first ? whole : m->first;
    weir_file *out = spilled > m->kept ? m->spill.out : NULL;
    const int64_t to = spilled * (int64_t)m->size - m->spill.shift;
    while (m->first < m->last && m->first < whole)
        unpin(m, *place(m, m->first++));
    m->kept = m->kept < spilled ? spilled : m->kept;
    if (m->kept < m->first && whole >= m->first)
        m->kept = m->first;
    weir_mutex_unlock(&m->lock);
    if (out && out->ops->trim)
        out->ops->trim(out, to);
}

/* ---- what it is ---------------------------------------------------------- */

int wr_mem_finish(weir_file *f)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    weir_mutex_lock(&of(f)->lock, NULL);
    of(f)->complete = true;
    of(f)->changed = now.tv_sec * WEIR_SECOND + now.tv_nsec;
    weir_mutex_unlock(&of(f)->lock);
    return 0;
}

int wr_mem_info(weir_file *f, weir_file_info *out)
{
    struct wr_mem *m = of(f);
    weir_mutex_lock(&m->lock, NULL);
    *out = (weir_file_info){
        .complete = m->complete,
        .length = m->len,
        .start = m->kept * (int64_t)m->size,
        .changed = m->changed,
        .id = m->id,
    };
    weir_mutex_unlock(&m->lock);
    return 0;
}

/* Nobody else writes to this memory. */
int wr_mem_verify(weir_file *f, weir_ctx *ctx)
{
    (void)f, (void)ctx;
    return 0;
}
