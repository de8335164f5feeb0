/* SPDX-License-Identifier: MIT */
/*
 * A stream under load: a hundred readers on what is written, trimmed, dropped
 * from, spilled and, at any moment, closed, failed or cancelled.
 *
 *     test_stream [--seconds N] [--seed N]
 *
 * Each round is a stream of its own: where its bytes are, what is kept of
 * them, who reads how, and what ends it come from its seed.
 *
 * What holds in each round:
 *   - whatever a reader gets is what was written at that offset;
 *   - a reader that was never moved has read or lost each byte up to where it
 *     is, and at the end of a stream that ended well it is at the end;
 *   - each wait ends: nobody hangs, whatever ended the stream;
 *   - all is given back: readers, memory and files.
 */
#include "stress.h"
#include "../stream/streams.h"

enum {
    READERS = 100,
    MOST = 60000, /* bytes of most streams; some have 8 times as many */
    PIECE = 700,  /* of one write, and of one read, at most     */
    RESTART = 20  /* rounds between two restarts of the runtime */
};

/* How a stream ends, if it is not let alone. */
enum end { WELL, FAILED, CANCELLED, LEFT, ENDS };

struct road {
    weir_stream *s;
    int64_t size; /* after which it ends */
    enum end end;
    atomic_int left; /* readers that are not at their end */
    weir_ctx ctx;    /* of readers that are called back   */
};

struct reader {
    struct road *road;
    struct chance chance;
    weir_reader *r;
    int64_t off; /* where it must be */
    bool moved;
    ptrdiff_t last; /* what its last read returned */
};

static unsigned long bytes_read;

/* ---- the writer ---------------------------------------------------------- */

static void end_stream(struct road *road)
{
    if (road->end == WELL)
        must_eq(weir_stream_close(road->s), 0);
    else if (road->end == FAILED)
        must_eq(weir_stream_close_with(road->s, -EIO), 0);
    else
        must_eq(weir_stream_cancel(road->s, -EPIPE), 0);
}

struct writer {
    struct road *road;
    struct chance chance;
};

static bool may_end(ptrdiff_t got)
{
    return got == WEIR_CLOSED || got == -EPIPE;
}

static void write_all(void *arg)
{
    struct writer *w = arg;
    unsigned char buf[PIECE];
    int64_t off = 0;

    while (off < w->road->size) {
        const size_t n = (size_t)below(&w->chance, PIECE) + 1;
        fill(buf, n, off);
        const ptrdiff_t got = weir_stream_write(w->road->s, buf, n, NULL);
        if (got == WEIR_FULL)
            weir_yield();
        else if (got < 0) {
            must(may_end(got));
            return;
        }
        off += got > 0 ? got : 0;
        if (below(&w->chance, 50) == 0)
            weir_yield();
    }
    if (w->road->end != LEFT)
        end_stream(w->road);
}

/* ---- readers ------------------------------------------------------------- */

static void lost(struct reader *x)
{
    const int64_t n = weir_reader_lost(x->r, NULL);

    must(n > 0);
    x->off += n;
}

static void took(struct reader *x, const void *data, size_t n)
{
    must_be(data, n, x->off);
    x->off += (int64_t)n;
    __atomic_fetch_add(&bytes_read, n, __ATOMIC_RELAXED);
}

static weir_ctx *some_ctx(struct reader *x, weir_ctx *ctx)
{
    if (below(&x->chance, 10) != 0)
        return &x->road->ctx;
    must_eq(weir_ctx_init_timeout(ctx, &x->road->ctx,
                                  below(&x->chance, 300) * WEIR_MICROSECOND),
            0);
    return ctx;
}

static void drop_ctx(const struct reader *x, weir_ctx *ctx)
{
    if (ctx != &x->road->ctx)
        must_eq(weir_ctx_fini(ctx), 0);
}

static void read_some(struct reader *x)
{
    unsigned char buf[PIECE];
    weir_ctx own, *ctx = some_ctx(x, &own);

    x->last =
        weir_reader_read(x->r, buf, (size_t)below(&x->chance, PIECE) + 1, ctx);
    drop_ctx(x, ctx);
    if (x->last > 0)
        took(x, buf, (size_t)x->last);
}

static void borrow_some(struct reader *x)
{
    weir_loan loan;
    weir_ctx own, *ctx = some_ctx(x, &own);

    x->last =
        weir_reader_borrow(x->r, &loan, (size_t)below(&x->chance, PIECE), ctx);
    drop_ctx(x, ctx);
    if (x->last == WEIR_UNSUPPORTED)
        x->last = 1;
    else if (x->last > 0) {
        if (below(&x->chance, 4) == 0)
            weir_yield();
        took(x, loan.data, loan.size);
        must_eq(weir_reader_give_back(x->r, &loan), 0);
    }
}

static void select_some(struct reader *x)
{
    weir_chan *ready;

    must_eq(weir_reader_ready(x->r, &ready), 0);
    weir_case cs[] = {WEIR_RECV(ready, NULL), WEIR_DONE(&x->road->ctx)};
    if (weir_select(cs, 2, NULL) == 0)
        read_some(x);
}

/* Anywhere near; what comes is only looked at. */
static void read_there(struct reader *x)
{
    unsigned char buf[PIECE];
    int64_t off = x->off + below(&x->chance, 3 * PIECE) - PIECE;
    const size_t n = (size_t)below(&x->chance, PIECE) + 1;
    ptrdiff_t got;

    off = off < 0 ? 0 : off;
    got = weir_reader_read_at(x->r, buf, n, off, 0, NULL);
    if (got > 0)
        must_be(buf, (size_t)got, off);
    else
        must(got == 0 || got == WEIR_EMPTY || got == WEIR_LAGGED ||
             got == WEIR_CLOSED || got == -EIO || got == -EPIPE);
}

static void move(struct reader *x)
{
    int64_t to = x->off + below(&x->chance, PIECE) - PIECE / 2;

    to = weir_reader_seek(x->r, to < 0 ? 0 : to, SEEK_SET, NULL);
    must(to >= 0 || may_end((ptrdiff_t)to));
    if (to >= 0)
        x->off = to;
    x->moved = true;
}

static void step(struct reader *x)
{
    const int act = below(&x->chance, 20);

    x->last = 1;
    if (act < 10)
        read_some(x);
    else if (act < 15)
        borrow_some(x);
    else if (act < 17)
        select_some(x);
    else if (act < 19 || x->moved)
        read_there(x);
    else if (below(&x->chance, 20) == 0)
        move(x);
    if (x->last == WEIR_LAGGED)
        lost(x);
    else if (below(&x->chance, 400) == 0)
        must_eq(weir_reader_close(x->r), 0);
}

static bool goes_on(const struct reader *x)
{
    return x->last > 0 || x->last == WEIR_LAGGED || x->last == WEIR_TIMEDOUT;
}

/* What may be at the end of a reader. */
static void check_end(const struct reader *x)
{
    const struct road *road = x->road;
    int64_t all;

    must(x->last == 0 || x->last == WEIR_CLOSED || x->last == -EPIPE ||
         x->last == -EIO || x->last == WEIR_CANCELED);
    must(x->last != 0 || road->end == WELL);
    must(x->last != -EIO || road->end == FAILED);
    must(weir_reader_lost(x->r, &all) >= 0 && all >= 0);
    if (x->last == 0 && !x->moved)
        must_eq(x->off, weir_reader_size(x->r, NULL));
}

static void follow(void *arg)
{
    struct reader *x = arg;
    const int err = weir_stream_next_reader(x->road->s, &x->r);

    if (err == 0) {
        x->off = weir_reader_seek(x->r, 0, SEEK_CUR, NULL);
        x->last = x->off < 0 ? (ptrdiff_t)x->off : 1;
        while (goes_on(x))
            step(x);
        check_end(x);
        weir_reader_free(x->r);
    } else {
        must_eq(err, -EPIPE);
    }
    atomic_fetch_sub(&x->road->left, 1);
}

/* ---- rounds -------------------------------------------------------------- */

/* Where the bytes are, and what of them is kept. */
static weir_stream *some_stream(struct chance *c, weir_fs *fs, bool in_memory)
{
    weir_stream_opts o = {0};
    weir_stream *s;

    if (below(c, 3) > 0)
        o.trim = true;
    if (o.trim && below(c, 2) == 0)
        o.max_bytes = 1000 + below(c, 10000);
    if (o.max_bytes > 0)
        o.policy = below(c, 2) == 0 ? WEIR_BLOCK : WEIR_ERROR;
    if (below(c, 4) == 0) {
        o.max_bytes = 1000 + below(c, 10000);
        o.policy = WEIR_DROP_OLDEST;
    }
    if (!in_memory) {
        must_eq(weir_stream_new(fs, "s", &o, &s), 0);
        return s;
    }
    o.segment = (size_t)below(c, 2000) + 100;
    if (below(c, 2) == 0) {
        o.spill_above = (size_t)below(c, 8000) + 1;
        o.spill_to = fs;
    }
    must_eq(weir_stream_new_mem("s", &o, &s), 0);
    return s;
}

/* Readers of a stream that is trimmed may all leave, and the writer wait for
 * ever: so somebody ends what is left, when readers are or by chance. */
static void watch(void *arg)
{
    struct writer *w = arg;
    struct road *road = w->road;
    const int patience = below(&w->chance, 40) + 1;
    int i;

    for (i = 0; atomic_load(&road->left) > 0 && i < patience; i++)
        must_eq(weir_sleep(100 * WEIR_MICROSECOND, NULL), 0);
    if (road->end == LEFT)
        end_stream(road);
    while (atomic_load(&road->left) > 0)
        must_eq(weir_sleep(100 * WEIR_MICROSECOND, NULL), 0);
    must_eq(weir_stream_cancel(road->s, -EPIPE), 0);
}

static void play(struct road *road, struct chance *c)
{
    struct crew crew = CREW(below(c, MODES));
    struct reader *readers = calloc(READERS, sizeof *readers);
    struct writer w = {road, {draw(c)}}, watcher = {road, {draw(c)}};
    int i;

    must(readers != NULL);
    for (i = 0; i < READERS; i++) {
        readers[i].road = road;
        readers[i].chance.state = draw(c);
        crew_go(&crew, follow, &readers[i]);
        if (i == READERS / 4)
            crew_go(&crew, write_all, &w);
    }
    crew_go(&crew, watch, &watcher);
    crew_wait(&crew);
    free(readers);
}

static weir_fs *some_fs(struct chance *c, const struct scratch *d)
{
    switch (below(c, 3)) {
    case 0:
        return weir_memfs_new((size_t)below(c, 2000) + 100);
    case 1:
        return dirfs_of(d);
    default:
        return marked_of(d);
    }
}

static void play_round(struct chance chance)
{
    struct scratch d = scratch_new();
    weir_fs *fs = some_fs(&chance, &d);
    const bool in_memory = below(&chance, 2) == 0;
    struct road road = {.s = some_stream(&chance, fs, in_memory)};

    road.size = below(&chance, below(&chance, 5) ? MOST : 8 * MOST);
    road.end = (enum end)below(&chance, ENDS);
    atomic_store(&road.left, READERS);
    must_eq(weir_ctx_init(&road.ctx, NULL), 0);
    play(&road, &chance);
    must_eq(counts_of(road.s).readers, 0);
    must_eq(counts_of(road.s).waiting, 0);
    must_eq(weir_stream_remove(road.s, NULL), 0);
    weir_stream_unref(road.s);
    must_eq(weir_ctx_fini(&road.ctx), 0);
    must_eq(scratch_files(&d), 0);
    weir_fs_free(fs);
    scratch_free(&d);
}

START_TEST(a_hundred_readers_on_one_stream)
{
    const uint64_t rounds = stress_rounds(RESTART, play_round);

    printf("%llu rounds, %lu bytes read\n", (unsigned long long)rounds,
           bytes_read);
}
END_TEST

int main(int argc, char **argv)
{
    return stress_main(argc, argv, a_hundred_readers_on_one_stream);
}
