/* SPDX-License-Identifier: MIT */
/*
 * Pipelines: what goes in comes out at the other end, filtered and in order
 * as asked, whether it is fed and read by functions or through channels; the
 * account says where every element has gone.
 */
#include "../chan/parties.h"

enum { MANY = 1000 };

static weir_pipeline *start(const weir_pipeline_opts *o)
{
    weir_pipeline *p;

    must_eq(weir_pipeline_start(&p, o), 0);
    must(p != NULL);
    return p;
}

static weir_pipeline_counts counts_of(weir_pipeline *p, int stage)
{
    weir_pipeline_counts n;

    must_eq(weir_pipeline_get_counts(p, stage, &n), 0);
    must_eq(n.in, n.out + n.filtered + n.failed + n.left + n.inside);
    return n;
}

/* ---- stages -------------------------------------------------------------- */

/* 1, 2, .. up to what arg says. */
struct series {
    atomic_int last;
    int end;
};

static int count_up(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct series *s = arg;
    int n = atomic_fetch_add(&s->last, 1) + 1;

    must(in == NULL);
    must_eq(weir_ctx_err(ctx), 0);
    *(int *)out = n;
    return n > s->end ? WEIR_CLOSED : 0;
}

static int square(void *in, void *out, weir_ctx *ctx, void *arg)
{
    const int n = *(int *)in;
    int i;

    (void)ctx, (void)arg;
    for (i = n * 31 % 7; i > 0; i--)
        weir_yield();
    *(long long *)out = (long long)n * n;
    return 0;
}

static int only_odd(void *in, void *out, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    *(int *)out = *(int *)in;
    return *(int *)in % 2 ? 0 : WEIR_SKIP;
}

struct sum {
    atomic_llong sum;
    atomic_int count;
    long long last; /* by a sink that is alone */
};

static int sum_up(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct sum *s = arg;

    (void)ctx;
    must(out == NULL);
    atomic_fetch_add(&s->sum, *(long long *)in);
    atomic_fetch_add(&s->count, 1);
    return 0;
}

static int sum_in_order(void *in, void *out, weir_ctx *ctx, void *arg)
{
    struct sum *s = arg;

    must(*(long long *)in > s->last);
    s->last = *(long long *)in;
    return sum_up(in, out, ctx, arg);
}

/* Of the odd squares up to MANY. */
static long long odd_squares(void)
{
    long long sum = 0;
    int i;

    for (i = 1; i <= MANY; i += 2)
        sum += (long long)i * i;
    return sum;
}

/* ---- from a source to a sink --------------------------------------------- */

static void source_to_sink(int workers, bool ordered, size_t capacity)
{
    struct series series = {.end = MANY};
    struct sum sum = {0};
    const weir_stage stages[] = {
        {.fn = count_up, .arg = &series, .out_size = sizeof(int)},
        {.fn = only_odd,
         .workers = workers,
         .out_size = sizeof(int),
         .ordered = ordered,
         .capacity = capacity},
        {.fn = square,
         .workers = workers,
         .out_size = sizeof(long long),
         .ordered = ordered,
         .capacity = capacity},
        {.fn = ordered ? sum_in_order : sum_up,
         .arg = &sum,
         .workers = ordered ? 1 : workers},
    };
    weir_pipeline *p = start(&(weir_pipeline_opts){.stages = stages, .n = 4});

    must_eq(weir_pipeline_wait(p), 0);
    must_eq(atomic_load(&sum.sum), odd_squares());
    must_eq(counts_of(p, -1).in, MANY);
    must_eq(counts_of(p, -1).out, MANY / 2);
    must_eq(counts_of(p, -1).filtered, MANY / 2);
    must_eq(counts_of(p, -1).left, 0);
    must_eq(counts_of(p, -1).inside, 0);
    must_eq(counts_of(p, -1).workers, 0);
    must_eq(counts_of(p, 0).out, MANY);
    must_eq(counts_of(p, 1).filtered, MANY / 2);
    must_eq(counts_of(p, 3).in, MANY / 2);
    must_eq(weir_pipeline_free(p), 0);
}

BEHAVIOUR(a_source_runs_to_its_end)
{
    source_to_sink(1, false, 1);
    source_to_sink(4, false, 3);
    source_to_sink(4, true, 2);
    source_to_sink(3, true, 0);
    (void)crew;
}

/* Several tasks share the source; each is called until it says so. */
BEHAVIOUR(a_source_may_have_workers)
{
    struct series series = {.end = MANY};
    struct sum sum = {0};
    const weir_stage stages[] = {
        {.fn = count_up, .arg = &series, .workers = 3, .out_size = sizeof(int)},
        {.fn = square, .out_size = sizeof(long long)},
        {.fn = sum_up, .arg = &sum, .workers = 2}};
    weir_pipeline *p = start(&(weir_pipeline_opts){.stages = stages, .n = 3});

    must_eq(weir_pipeline_wait(p), 0);
    must_eq(atomic_load(&sum.count), MANY);
    must_eq(atomic_load(&series.last), MANY + 3);
    must_eq(weir_pipeline_free(p), 0);
    (void)crew;
}

/* ---- through channels ---------------------------------------------------- */

WEIR_CHAN(squares, long long);

struct ends {
    ints *in;
    squares *out;
};

static void feed(void *arg)
{
    ints *in = arg;
    int i;

    for (i = 1; i <= MANY; i++)
        put(in, i);
    ints_close(in);
}

static void through_channels(struct crew *crew, size_t capacity, bool ordered)
{
    struct ends e = {ints_new(capacity), squares_new(capacity)};
    const weir_stage stages[] = {
        {.fn = only_odd,
         .workers = 2,
         .out_size = sizeof(int),
         .ordered = ordered},
        {.fn = square, .workers = 3, .ordered = ordered}};
    weir_pipeline *p = start(&(weir_pipeline_opts){.stages = stages,
                                                   .n = 2,
                                                   .in = ints_base(e.in),
                                                   .out = squares_base(e.out)});
    long long n, sum = 0, last = 0;

    crew_go(crew, feed, e.in);
    while (squares_recv(e.out, &n, NULL) == 0) {
        must(!ordered || n > last);
        counts_of(p, -1);
        last = n;
        sum += n;
    }
    must_eq(sum, odd_squares());
    must_eq(weir_pipeline_wait(p), 0);
    must_eq(counts_of(p, -1).in, MANY);
    must_eq(counts_of(p, -1).out, MANY / 2);
    crew_wait(crew);
    must_eq(weir_pipeline_free(p), 0);
    ints_unref(e.in);
    squares_unref(e.out);
}

BEHAVIOUR(channels_feed_and_read_it)
{
    through_channels(crew, 0, false);
    through_channels(crew, 0, true);
    through_channels(crew, 7, false);
    through_channels(crew, 7, true);
}

/* One stage and nothing else: both ends at once. */
static int three_times(void *in, void *out, weir_ctx *ctx, void *arg)
{
    must(in == NULL && out == NULL);
    (void)ctx;
    return ++*(int *)arg > 3 ? WEIR_CLOSED : 0;
}

BEHAVIOUR(one_stage_may_be_both_ends)
{
    int calls = 0;
    const weir_stage stage = {.fn = three_times, .arg = &calls};
    weir_pipeline *p = start(&(weir_pipeline_opts){.stages = &stage, .n = 1});

    must_eq(weir_pipeline_wait(p), 0);
    must_eq(calls, 4);
    must_eq(counts_of(p, -1).out, 3);
    must_eq(weir_pipeline_free(p), 0);
    (void)crew;
}

/* Two in a row share a channel: the first closes what the second reads; and
 * a third writes beside them where it may not close. */
BEHAVIOUR(pipelines_may_be_joined)
{
    struct series series = {.end = MANY};
    struct sum sum = {0};
    ints *between = ints_new(3);
    const weir_stage first[] = {{.fn = count_up, .arg = &series}};
    const weir_stage second[] = {{.fn = square, .out_size = sizeof sum.last},
                                 {.fn = sum_up, .arg = &sum}};
    weir_pipeline_opts o = {
        .stages = first, .n = 1, .out = ints_base(between), .keep_open = true};
    weir_pipeline *a = start(&o), *b, *c;

    must_eq(atomic_load(&sum.count), 0);
    b = start(&(weir_pipeline_opts){
        .stages = second, .n = 2, .in = ints_base(between)});
    must_eq(weir_pipeline_wait(a), 0);
    must(!weir_chan_is_closed(ints_base(between)));
    o.keep_open = false;
    atomic_store(&series.last, 0);
    c = start(&o);
    must_eq(weir_pipeline_wait(c), 0);
    must_eq(weir_pipeline_wait(b), 0);
    must_eq(atomic_load(&sum.count), 2 * MANY);
    must_eq(weir_pipeline_free(a), 0);
    must_eq(weir_pipeline_free(b), 0);
    must_eq(weir_pipeline_free(c), 0);
    ints_unref(between);
    (void)crew;
}

/* What the policy of its input drops has not come in. */
BEHAVIOUR(its_input_may_drop)
{
    weir_chan_opts co = {.capacity = 2, .policy = WEIR_DROP_OLDEST};
    ints *in = ints_new_with(co);
    struct sum sum = {0};
    const weir_stage stages[] = {{.fn = square, .out_size = sizeof sum.last},
                                 {.fn = sum_in_order, .arg = &sum}};
    weir_pipeline *p = start(
        &(weir_pipeline_opts){.stages = stages, .n = 2, .in = ints_base(in)});
    weir_chan_stats st;

    feed(in);
    must_eq(weir_pipeline_wait(p), 0);
    must_eq(weir_chan_get_stats(ints_base(in), &st), 0);
    must_eq(st.sent, MANY);
    must_eq(counts_of(p, -1).in, MANY - st.dropped);
    must_eq(counts_of(p, -1).out, atomic_load(&sum.count));
    must_eq(weir_pipeline_free(p), 0);
    ints_unref(in);
    (void)crew;
}

/* ---- wrong use ----------------------------------------------------------- */

static void refused(weir_pipeline_opts o)
{
    weir_pipeline *p = (weir_pipeline *)&o;

    ck_assert_int_eq(weir_pipeline_start(&p, &o), WEIR_EINVAL);
    ck_assert_ptr_null(p);
}

static void refused_stage(weir_stage s)
{
    const weir_stage two[] = {
        {.fn = only_odd, .out_size = 4}, s, {.fn = sum_up}};

    refused((weir_pipeline_opts){.stages = two, .n = 3});
}

START_TEST(wrong_use_is_refused)
{
    const weir_stage good[] = {{.fn = only_odd, .ordered = false},
                               {.fn = sum_up}};
    const weir_stage source[] = {{.fn = only_odd, .ordered = true},
                                 {.fn = sum_up}};
    const weir_stage sink[] = {{.fn = only_odd},
                               {.fn = sum_up, .ordered = true}};
    ints *c = ints_new(1);
    weir_pipeline_counts n;
    weir_pipeline *p;

    refused((weir_pipeline_opts){0});
    refused((weir_pipeline_opts){.stages = good});
    refused((weir_pipeline_opts){.stages = good, .n = SIZE_MAX});
    refused((weir_pipeline_opts){.stages = source, .n = 2});
    refused((weir_pipeline_opts){.stages = sink, .n = 2});
    refused((weir_pipeline_opts){
        .stages = good, .n = 2, .in = ints_base(c), .out = ints_base(c)});
    refused_stage((weir_stage){0});
    refused_stage((weir_stage){.fn = square, .workers = -1});
    refused_stage(
        (weir_stage){.fn = square, .workers = WEIR_POOL_MAX_WORKERS + 1});
    refused_stage((weir_stage){.fn = square, .out_size = SIZE_MAX});
    refused_stage((weir_stage){.fn = square, .capacity = SIZE_MAX});
    refused_stage((weir_stage){.fn = square, .window = SIZE_MAX});
    ck_assert_int_eq(weir_pipeline_start(&p, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pipeline_start(
                         NULL, &(weir_pipeline_opts){.stages = good, .n = 2}),
                     WEIR_EINVAL);
    ck_assert_int_eq(weir_pipeline_close(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pipeline_cancel(NULL, 0), WEIR_EINVAL);
    ck_assert_int_eq(weir_pipeline_wait(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pipeline_stop(NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pipeline_get_counts(NULL, 0, &n), WEIR_EINVAL);
    ck_assert_ptr_null(weir_pipeline_ctx(NULL));
    ck_assert_int_eq(weir_pipeline_free(NULL), 0);

    p = start(
        &(weir_pipeline_opts){.stages = good, .n = 2, .in = ints_base(c)});
    ck_assert_int_eq(weir_pipeline_get_counts(p, 2, &n), WEIR_EINVAL);
    ck_assert_int_eq(weir_pipeline_get_counts(p, -2, &n), WEIR_EINVAL);
    ck_assert_int_eq(weir_pipeline_get_counts(p, 0, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_pipeline_free(p), 0);
    ints_unref(c);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(a_source_runs_to_its_end),
           CHECK_MODES(a_source_may_have_workers),
           CHECK_MODES(channels_feed_and_read_it),
           CHECK_MODES(one_stage_may_be_both_ends),
           CHECK_MODES(pipelines_may_be_joined),
           CHECK_MODES(its_input_may_drop), CHECK_TEST(wrong_use_is_refused))
