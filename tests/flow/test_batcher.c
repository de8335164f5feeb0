/* SPDX-License-Identifier: MIT */
/*
 * The batcher: batches by size, by time and at the end, in order; every
 * element is flushed or discarded, however it ends.
 */
#include "../chan/parties.h"
#include "base/mem.h"

enum { PARTIES = 4 };

/* What a flush function has seen. */
struct sink {
    ints *events; /* the size of each batch                                 */
    int next;     /* the element that must come next; below 0: any          */
    int result;
    atomic_int elems, discarded, full;
    size_t max;
};

static int flush(void *elems, size_t n, weir_ctx *ctx, void *arg)
{
    struct sink *s = arg;
    size_t i;

    must(n > 0 && (s->max == 0 || n <= s->max));
    for (i = 0; s->next >= 0 && i < n; i++)
        must_eq(((int *)elems)[i], s->next++);
    atomic_fetch_add(&s->elems, (int)n);
    if (n == s->max)
        atomic_fetch_add(&s->full, 1);
    if (s->events)
        put(s->events, (int)n);
    (void)ctx;
    return s->result;
}

static void count_discarded(void *elem, void *arg)
{
    struct sink *s = arg;

    must(*(int *)elem >= 0);
    atomic_fetch_add(&s->discarded, 1);
}

static weir_batcher *batcher_of(weir_batcher_opts o, ints *in, struct sink *s)
{
    weir_batcher *b;

    o.in = ints_base(in);
    if (!o.out)
        o.flush = flush;
    o.discard = count_discarded;
    o.arg = s;
    must_eq(weir_batcher_start(&b, &o), 0);
    return b;
}

static weir_batcher_counts counts_of(weir_batcher *b)
{
    weir_batcher_counts c;

    must_eq(weir_batcher_get_counts(b, &c), 0);
    must_eq(c.received, c.flushed + c.discarded + c.pending);
    return c;
}

static void await_pending(weir_batcher *b, uint64_t n)
{
    while (counts_of(b).pending != n)
        weir_yield();
}

/* ---- when a batch is complete -------------------------------------------- */

BEHAVIOUR(by_size)
{
    ints *in = ints_new(0), *events = ints_new(0);
    struct sink s = {.events = events, .max = 3};
    weir_batcher *b = batcher_of(
        (weir_batcher_opts){.max = 3, .linger = WEIR_FOREVER}, in, &s);
    int i;

    for (i = 0; i < 8; i++) {
        put(in, i);
        if (i % 3 == 2)
            must_eq(get(events), 3);
    }
    await_pending(b, 2);
    ints_close(in);
    must_eq(get(events), 2); /* the rest at the end */
    must_eq(weir_batcher_join(b), 0);
    must_eq(counts_of(b).batches, 3);
    must_eq(counts_of(b).flushed, 8);
    must_eq(weir_batcher_free(b), 0);
    ints_unref(in);
    ints_unref(events);
    (void)crew;
}

BEHAVIOUR(by_time)
{
    ints *in = ints_new(0), *events = ints_new(5);
    struct sink s = {.events = events};
    weir_batcher *b = batcher_of(
        (weir_batcher_opts){.max = 1000, .linger = WEIR_MILLISECOND}, in, &s);
    int i, n = 0;

    for (i = 0; i < 5; i++)
        put(in, i);
    while (n < 5) /* in one or more, without a further element */
        n += get(events);
    must_eq(n, 5);
    must_eq(weir_batcher_cancel(b, 0), 0);
    must_eq(weir_batcher_join(b), WEIR_CANCELED);
    must_eq(weir_batcher_free(b), 0);
    ints_unref(in);
    ints_unref(events);
    (void)crew;
}

/* Without linger: what is there. */
BEHAVIOUR(at_once)
{
    ints *in = ints_new(10);
    struct sink s = {.max = 4};
    weir_batcher *b;
    int i;

    for (i = 0; i < 10; i++)
        put(in, i);
    ints_close(in);
    b = batcher_of((weir_batcher_opts){.max = 4}, in, &s);
    must_eq(weir_batcher_join(b), 0);
    must_eq(counts_of(b).batches, 3);
    must_eq(s.full, 2);
    must_eq(s.elems, 10);
    must_eq(weir_batcher_free(b), 0);
    ints_unref(in);
    (void)crew;
}

/* ---- a channel of batches ------------------------------------------------ */

BEHAVIOUR(batches_to_a_channel)
{
    ints *in = ints_new(20);
    weir_chan *out = weir_chan_new(sizeof(weir_batch), 0);
    weir_batcher *b = batcher_of(
        (weir_batcher_opts){.max = 3, .linger = WEIR_FOREVER, .out = out}, in,
        NULL);
    weir_batch batch;
    int i, next = 0;
    size_t k;

    for (i = 0; i < 8; i++)
        put(in, i);
    ints_close(in);
    for (i = 0; i < 3; i++) {
        must_eq(weir_chan_recv(out, &batch, NULL), 0);
        must_eq(batch.n, i < 2 ? 3 : 2);
        for (k = 0; k < batch.n; k++)
            must_eq(((int *)batch.elems)[k], next++);
        weir_batch_free(&batch);
        weir_batch_free(&batch);
    }
    must_eq(weir_chan_recv(out, &batch, NULL), WEIR_CLOSED);
    must_eq(weir_batcher_join(b), 0);
    must_eq(weir_batcher_free(b), 0);
    weir_chan_unref(out);
    ints_unref(in);
    (void)crew;
}

BEHAVIOUR(a_channel_that_is_closed_or_kept_open)
{
    ints *in = ints_new(20);
    weir_chan *out =
        weir_chan_new_with(&(weir_chan_opts){.elem_size = sizeof(weir_batch),
                                             .capacity = 2,
                                             .destroy = weir_batch_free});
    struct sink s = {0};
    weir_batcher *b;

    put(in, 1);
    ints_close(in);
    b = batcher_of((weir_batcher_opts){.out = out, .keep_open = true}, in, &s);
    must_eq(weir_batcher_join(b), 0);
    must_eq(weir_batcher_free(b), 0);
    must(!weir_chan_is_closed(out));
    ints_unref(in);

    in = ints_new(20);
    weir_chan_close(out);
    put(in, 1);
    put(in, 2);
    b = batcher_of((weir_batcher_opts){.out = out, .max = 2}, in, &s);
    must_eq(weir_batcher_join(b), WEIR_CLOSED);
    must_eq(s.discarded, 2);
    must_eq(counts_of(b).discarded, 2);
    must_eq(weir_batcher_free(b), 0);
    ints_unref(in);
    weir_chan_unref(out);
    (void)crew;
}

static atomic_int destroyed;

static void destroy_batch(void *elem)
{
    weir_batch *batch = elem;

    atomic_fetch_add(&destroyed, (int)batch->n);
    weir_batch_free(batch);
}

/* Full: it refuses a batch, which is discarded, or drops it, and destroys. */
static void with_policy(enum weir_policy policy, int discarded, int dropped)
{
    weir_chan *in =
        weir_chan_new_with(&(weir_chan_opts){.elem_size = sizeof(int),
                                             .capacity = 20,
                                             .recv_timeout = WEIR_MICROSECOND});
    weir_chan *out =
        weir_chan_new_with(&(weir_chan_opts){.elem_size = sizeof(weir_batch),
                                             .capacity = 2,
                                             .policy = policy,
                                             .destroy = destroy_batch});
    struct sink s = {0};
    weir_batcher_opts o = {.in = in,
                           .max = 3,
                           .linger = WEIR_FOREVER,
                           .out = out,
                           .discard = count_discarded,
                           .arg = &s};
    weir_batcher *b;
    int i;

    must_eq(weir_batcher_start(&b, &o), 0);
    for (i = 0; i < 10; i++)
        must_eq(weir_chan_send(in, &i, NULL), 0);
    weir_chan_close(in);
    must_eq(weir_batcher_join(b), 0);
    must_eq(weir_chan_len(out), 2);
    must_eq(s.discarded, discarded);
    must_eq(counts_of(b).discarded, discarded);
    must_eq(destroyed, dropped);
    must_eq(weir_batcher_free(b), 0);
    weir_chan_unref(out);
    must_eq(destroyed, dropped + 6);
    weir_chan_unref(in);
}

BEHAVIOUR(a_channel_that_refuses)
{
    with_policy(WEIR_ERROR, 4, 0);
    (void)crew;
}

BEHAVIOUR(a_channel_that_drops)
{
    with_policy(WEIR_DROP, 0, 4);
    (void)crew;
}

/* ---- before its time ----------------------------------------------------- */

static void cancel_with_rest(bool discard_rest)
{
    ints *in = ints_new(0);
    struct sink s = {.result = 9};
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_batcher *b = batcher_of(
        (weir_batcher_opts){
            .linger = WEIR_FOREVER, .ctx = &ctx, .discard_rest = discard_rest},
        in, &s);
    int i;

    for (i = 0; i < 5; i++)
        put(in, i);
    await_pending(b, 5);
    must_eq(weir_ctx_cancel(&ctx, 77), 0);
    must_eq(weir_batcher_join(b), 77);
    must_eq(s.elems, discard_rest ? 0 : 5);
    must_eq(s.discarded, discard_rest ? 5 : 0);
    must_eq(counts_of(b).pending, 0);
    must_eq(counts_of(b).discarded, s.discarded);
    must_eq(weir_batcher_free(b), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    ints_unref(in);
}

BEHAVIOUR(cancel_flushes_the_rest)
{
    cancel_with_rest(false);
    (void)crew;
}

BEHAVIOUR(cancel_discards_the_rest)
{
    cancel_with_rest(true);
    (void)crew;
}

/* It waits to receive; it waits to send. */
BEHAVIOUR(cancel_ends_each_wait)
{
    ints *in = ints_new(4);
    weir_chan *out = weir_chan_new(sizeof(weir_batch), 0);
    struct sink s = {0};
    weir_batcher *b =
        batcher_of((weir_batcher_opts){.out = out, .keep_open = true}, in, &s);

    must_eq(weir_batcher_cancel(b, 5), 0);
    must_eq(weir_batcher_join(b), 5);
    must_eq(weir_batcher_free(b), 0);

    b = batcher_of((weir_batcher_opts){.out = out, .max = 2}, in, &s);
    put(in, 1);
    put(in, 2);
    put(in, 3);
    while (counts_of(b).pending == 0)
        weir_yield();
    settle();
    must_eq(weir_batcher_cancel(b, 6), 0);
    must_eq(weir_batcher_join(b), 6);
    must(s.discarded >= 1);
    must_eq((size_t)s.discarded + ints_len(in), 3); /* what stays in in */
    must(weir_chan_is_closed(out));
    must_eq(weir_batcher_free(b), 0);
    weir_chan_unref(out);
    ints_unref(in);
    (void)crew;
}

BEHAVIOUR(a_failed_flush_ends_it)
{
    ints *in = ints_new(4);
    struct sink s = {.result = -99};
    weir_batcher *b = batcher_of((weir_batcher_opts){.max = 2}, in, &s);

    put(in, 0);
    must_eq(weir_batcher_join(b), -99);
    must_eq(weir_batcher_join(b), -99);
    must_eq(counts_of(b).flushed, 1);
    must_eq(weir_batcher_free(b), 0);
    ints_unref(in);
    (void)crew;
}

struct selfish {
    weir_batcher *b;
    ints *go;
    int join, end;
};

static int join_itself(void *elems, size_t n, weir_ctx *ctx, void *arg)
{
    struct selfish *s = arg;

    must_eq(get(s->go), 1);
    s->join = weir_batcher_join(s->b);
    s->end = weir_batcher_free(s->b);
    (void)elems, (void)n, (void)ctx;
    return 0;
}

BEHAVIOUR(it_cannot_wait_for_itself)
{
    ints *in = ints_new(1);
    struct selfish s = {.go = ints_new(1)};

    must_eq(weir_batcher_start(&s.b, &(weir_batcher_opts){.in = ints_base(in),
                                                          .flush = join_itself,
                                                          .arg = &s}),
            0);
    put(in, 1);
    put(s.go, 1);
    ints_close(in);
    must_eq(weir_batcher_join(s.b), 0);
    must_eq(s.join, WEIR_DEADLOCK);
    must_eq(s.end, WEIR_DEADLOCK);
    must_eq(weir_batcher_free(s.b), 0);
    ints_unref(in);
    ints_unref(s.go);
    (void)crew;
}

/* ---- under load ---------------------------------------------------------- */

struct source {
    ints *in;
    int n;
    atomic_int *sent;
};

static void produce(void *arg)
{
    struct source *s = arg;
    int i;

    for (i = 0; i < s->n; i++) {
        if (ints_send(s->in, i, NULL))
            return;
        atomic_fetch_add(s->sent, 1);
    }
}

static void load(struct crew *crew, bool cancelled)
{
    ints *in = ints_new(16);
    struct sink s = {.next = -1, .max = 7};
    atomic_int sent = 0;
    struct source from = {.in = in, .sent = &sent};
    weir_batcher *b = batcher_of(
        (weir_batcher_opts){.max = 7, .linger = 20 * WEIR_MICROSECOND}, in, &s);
    int i;

    from.n = check_scale(crew_many(crew, 5000, 500));
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, produce, &from);
    if (cancelled) {
        while (atomic_load(&s.elems) < 20)
            weir_yield();
        must_eq(weir_batcher_cancel(b, 0), 0);
        const int why = weir_batcher_join(b);
        must_eq(why, WEIR_CANCELED);
        ints_close(in);
    }
    crew_wait(crew);
    ints_close(in);
    must_eq(weir_batcher_join(b), cancelled ? WEIR_CANCELED : 0);
    must_eq(atomic_load(&sent), (size_t)s.elems + ints_len(in));
    must_eq(counts_of(b).flushed, s.elems);
    must_eq(weir_batcher_free(b), 0);
    ints_unref(in);
}

BEHAVIOUR(nothing_is_lost)
{
    load(crew, false);
}

BEHAVIOUR(nothing_is_lost_at_cancel)
{
    load(crew, true);
}

/* ---- wrong use, and no memory -------------------------------------------- */

START_TEST(wrong_use_is_refused)
{
    weir_chan *in = weir_chan_new(sizeof(int), 1);
    weir_chan *out = weir_chan_new(sizeof(weir_batch), 1);
    weir_batcher_counts c;
    weir_batcher *b = (weir_batcher *)&c;
    const weir_batcher_opts bad[] = {
        {0},
        {.in = in},
        {.flush = flush},
        {.in = in, .flush = flush, .out = out},
        {.in = in, .out = in},
        {.in = in, .flush = flush, .linger = -1},
        {.in = in, .flush = flush, .max = (size_t)1 << 29},
        {.in = in, .flush = flush, .max = SIZE_MAX},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        must_eq(weir_batcher_start(&b, &bad[i]), WEIR_EINVAL);
        must(b == NULL);
    }
    must_eq(weir_batcher_start(&b, NULL), WEIR_EINVAL);
    must_eq(weir_batcher_start(NULL,
                               &(weir_batcher_opts){.in = in, .flush = flush}),
            WEIR_EINVAL);
    must_eq(weir_batcher_cancel(NULL, 0), WEIR_EINVAL);
    must_eq(weir_batcher_join(NULL), WEIR_EINVAL);
    must_eq(weir_batcher_get_counts(NULL, &c), WEIR_EINVAL);
    must_eq(weir_batcher_free(NULL), 0);
    weir_batch_free(NULL);
    weir_chan_unref(in);
    weir_chan_unref(out);
}
END_TEST

START_TEST(out_of_memory)
{
    ints *in = ints_new(4);
    struct sink s = {0};
    weir_batcher_opts o = {.in = ints_base(in), .flush = flush, .arg = &s};
    weir_batcher *b = NULL;
    int fails, err = WEIR_ENOMEM;

    put(in, 0);
    for (fails = 0; err == WEIR_ENOMEM && fails < 1000; fails++) {
        wr_mem_fail_after(fails);
        err = weir_batcher_start(&b, &o);
        wr_mem_fail_after(-1);
        must(err == 0 || (err == WEIR_ENOMEM && b == NULL));
    }
    must(fails > 1);
    ints_close(in);
    err = weir_batcher_join(b); /* the array may have been refused */
    must(err == 0 || err == WEIR_ENOMEM);
    must_eq(s.elems + (int)ints_len(in), 1);
    must_eq(weir_batcher_free(b), 0);
    ints_unref(in);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(by_size), CHECK_MODES(by_time), CHECK_MODES(at_once),
           CHECK_MODES(batches_to_a_channel),
           CHECK_MODES(a_channel_that_is_closed_or_kept_open),
           CHECK_MODES(a_channel_that_refuses),
           CHECK_MODES(a_channel_that_drops),
           CHECK_MODES(cancel_flushes_the_rest),
           CHECK_MODES(cancel_discards_the_rest),
           CHECK_MODES(cancel_ends_each_wait),
           CHECK_MODES(a_failed_flush_ends_it),
           CHECK_MODES(it_cannot_wait_for_itself), CHECK_MODES(nothing_is_lost),
           CHECK_MODES(nothing_is_lost_at_cancel),
           CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory))
