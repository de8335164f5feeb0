/* SPDX-License-Identifier: MIT */
/*
 * What the rows of the benchmark share. A row does a given number of
 * operations and checks what came of them; a failed check ends the program,
 * so no figure of a wrong run is ever printed. The clock is read by main.c,
 * around a whole round.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdlib.h>
#include <weir.h>

enum row_kind {
    FROM_TASK = 0, /* run by the main task; a round is timed by main.c     */
    FROM_THREAD,   /* the same on a plain thread, without a main task      */
    REPORTS        /* run by the main task; times itself, prints its lines */
};

struct row {
    const char *name;
    void (*run)(const struct row *row, int64_t ops);
    int a, b; /* what the family varies: tasks, senders, receivers, cases */
    enum row_kind kind;
};

/* The families, each ended by a row without a name. */
extern const struct row task_rows[], park_rows[], chan_rows[], buffer_rows[],
    flow_rows[], select_rows[], program_rows[], sync_rows[], timer_rows[],
    pub_rows[], event_rows[], file_rows[];

int64_t bench_clock(void);
void bench_report(const char *name, double value);
_Noreturn void bench_fail(const char *what, int64_t got, int64_t want);

/* Ends the program unless the result is 0. */
static inline void must(int result)
{
    if (__builtin_expect(result != 0, 0))
        bench_fail(weir_strerror(result), result, 0);
}

static inline void expect(const char *what, int64_t got, int64_t want)
{
    if (got != want)
        bench_fail(what, got, want);
}

static inline void *new_array(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (p == NULL)
        bench_fail("calloc", 0, 1);
    return p;
}

static inline weir_chan *new_chan(size_t capacity)
{
    weir_chan *c = weir_chan_new(sizeof(int64_t), capacity);
    if (c == NULL)
        bench_fail("weir_chan_new", 0, 1);
    return c;
}

static inline void chan_send(weir_chan *c, int64_t v)
{
    must(weir_chan_send(c, &v, NULL));
}

static inline int64_t chan_recv(weir_chan *c)
{
    int64_t v;
    must(weir_chan_recv(c, &v, NULL));
    return v;
}

#endif
