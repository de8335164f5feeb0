/* SPDX-License-Identifier: MIT */
/*
 * A hundred readers on one stream that is written, trimmed, dropped from and
 * cancelled: whatever they get is what lies at its offset, and each byte is
 * read or told as lost.
 */
#include "streams.h"

enum { READERS = 100 };

struct road {
    weir_stream *s;
    int64_t size;  /* of what is written, unless it is cancelled           */
    int end;       /* what a read gets at the end                           */
    atomic_int at; /* how many readers have come to their end               */
};

static void write_all(void *arg)
{
    struct road *road = arg;
    unsigned char buf[500];
    int64_t off = 0;
    size_t n;

    while (off < road->size) {
        n = (size_t)(off % 499) + 1;
        n = (int64_t)n < road->size - off ? n : (size_t)(road->size - off);
        fill(buf, n, off);
        const ptrdiff_t got = weir_stream_write(road->s, buf, n, NULL);
        if (got < 0) {
            must_eq(got, road->end);
            return;
        }
        off += got;
        if (road->end != 0) /* who drops never waits, and has to be stopped */
            weir_yield();
    }
    if (road->end == 0)
        must_eq(weir_stream_close(road->s), 0);
}

/* Reads or borrows once: how many, the end or a code. */
static ptrdiff_t step(weir_reader *r, int64_t off, bool lend, int64_t *lost)
{
    unsigned char buf[300];
    weir_loan loan;
    ptrdiff_t got;

    got = lend ? weir_reader_borrow(r, &loan, 300, NULL)
               : weir_reader_read(r, buf, sizeof buf, NULL);
    if (got == WEIR_LAGGED) {
        *lost = weir_reader_lost(r, NULL);
        return 0;
    }
    if (got > 0 && lend) {
        got = (ptrdiff_t)loan.size;
        must_be(loan.data, loan.size, off);
        must_eq(weir_reader_give_back(r, &loan), 0);
    } else if (got > 0) {
        must_be(buf, (size_t)got, off);
    }
    return got;
}

static void follow(void *arg)
{
    struct road *road = arg;
    weir_reader *r;
    int err = weir_stream_next_reader(road->s, &r);
    int64_t off, lost, all_lost = 0, total;
    ptrdiff_t got;
    bool lend = false;

    if (err != 0) {
        must_eq(err, road->end);
        return;
    }
    off = weir_reader_seek(r, 0, SEEK_CUR, NULL);
    while (off >= 0) {
        lost = 0;
        got = step(r, off, lend, &lost);
        if (got <= 0 && lost == 0)
            break;
        off += got + lost;
        all_lost += lost;
        lend = !lend;
    }
    if (off >= 0)
        must_eq(got, road->end);
    must(weir_reader_lost(r, &total) >= 0);
    must_eq(total, all_lost);
    if (road->end == 0)
        must_eq(off, road->size);
    atomic_fetch_add(&road->at, 1);
    weir_reader_free(r);
}

static void drive(struct crew *crew, struct road *road)
{
    int i;

    for (i = 0; i < READERS / 2; i++)
        crew_go(crew, follow, road);
    crew_go(crew, write_all, road);
    for (i = READERS / 2; i < READERS; i++)
        crew_go(crew, follow, road);
}

static void to_the_end(struct crew *crew, weir_stream_opts o)
{
    struct road road = {mem_with(o), check_scale(100000), 0, 0};

    drive(crew, &road);
    crew_wait(crew);
    must_eq(atomic_load(&road.at), READERS);
    must_eq(weir_stream_remove(road.s, NULL), 0);
    weir_stream_unref(road.s);
}

BEHAVIOUR(all_is_kept)
{
    to_the_end(crew, (weir_stream_opts){.segment = 1000});
}

BEHAVIOUR(it_is_trimmed)
{
    to_the_end(crew, (weir_stream_opts){.segment = 100, .trim = true});
}

BEHAVIOUR(the_writer_waits)
{
    to_the_end(crew, (weir_stream_opts){
                         .segment = 100, .trim = true, .max_bytes = 1000});
}

BEHAVIOUR(the_oldest_is_dropped)
{
    to_the_end(crew, (weir_stream_opts){.segment = 100,
                                        .max_bytes = 1000,
                                        .policy = WEIR_DROP_OLDEST});
}

/* The writer would go on for ever; the cancel comes while all are at it. */
BEHAVIOUR(it_is_cancelled)
{
    const weir_stream_opts each[] = {
        {.segment = 100, .trim = true, .max_bytes = 1000},
        {.segment = 100, .max_bytes = 1000, .policy = WEIR_DROP_OLDEST}};
    int i;

    for (i = 0; i < 2; i++) {
        struct road road = {mem_with(each[i]), INT64_MAX, -ECANCELED, 0};
        drive(crew, &road);
        while (counts_of(road.s).written < check_scale(20000))
            must_eq(weir_sleep(WEIR_MILLISECOND / 10, NULL), 0);
        must_eq(weir_stream_cancel(road.s, -ECANCELED), 0);
        must_eq(weir_stream_remove(road.s, NULL), 0);
        crew_wait(crew);
        must_eq(counts_of(road.s).readers, 0);
        weir_stream_unref(road.s);
    }
}

/* Readers come and go while it is written. */
static void come_and_go(void *arg)
{
    struct road *road = arg;
    int i;

    for (i = 0; i < 20; i++) {
        weir_reader *r = reader_of(road->s);
        char buf[100];
        ptrdiff_t got = weir_reader_read(r, buf, sizeof buf, NULL);
        must(got >= 0 || got == WEIR_LAGGED);
        weir_reader_free(r);
    }
}

BEHAVIOUR(readers_come_and_go)
{
    struct road road = {mem_with((weir_stream_opts){
                            .segment = 100, .trim = true, .max_bytes = 1000}),
                        100000, 0, 0};
    int i;

    crew_go(crew, write_all, &road);
    for (i = 0; i < 10; i++)
        crew_go(crew, come_and_go, &road);
    crew_go(crew, follow, &road);
    crew_wait(crew);
    weir_stream_unref(road.s);
}

CHECK_MAIN(CHECK_MODES(all_is_kept), CHECK_MODES(it_is_trimmed),
           CHECK_MODES(the_writer_waits), CHECK_MODES(the_oldest_is_dropped),
           CHECK_MODES(it_is_cancelled), CHECK_MODES(readers_come_and_go))
