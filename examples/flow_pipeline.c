/* SPDX-License-Identifier: MIT */
/*
 * A pipeline: raw text is made into numbers, what is no number is filtered,
 * three workers enrich the numbers without changing their order, and the sink
 * prints them. Between any two stages there is a short channel, so the
 * slowest sets the pace.
 */
#include <inttypes.h>
#include "must.h"

WEIR_CHAN(texts, const char *);

struct enriched {
    long number, square;
};

static int parse(void *in, void *out, weir_ctx *ctx, void *arg)
{
    const char *text = *(const char **)in;
    char *end;

    (void)ctx, (void)arg;
    *(long *)out = strtol(text, &end, 10);
    return end == text ? WEIR_SKIP : 0;
}

static int enrich(void *in, void *out, weir_ctx *ctx, void *arg)
{
    long number = *(long *)in;

    (void)ctx, (void)arg;
    *(struct enriched *)out = (struct enriched){number, number * number};
    return 0;
}

static int show(void *in, void *out, weir_ctx *ctx, void *arg)
{
    const struct enriched *e = in;

    (void)out, (void)ctx, (void)arg;
    printf("%ld squared is %ld\n", e->number, e->square);
    return 0;
}

static const weir_stage stages[] = {
    {.fn = parse, .out_size = sizeof(long)},
    {.fn = enrich,
     .out_size = sizeof(struct enriched),
     .workers = 3,
     .ordered = true},
    {.fn = show},
};

int main(void)
{
    static const char *const raw[] = {"1", "2", "three", "4", "5", "", "7"};
    texts *in = made(texts_new(4));
    const weir_pipeline_opts opts = {
        .stages = stages,
        .n = 3,
        .in = texts_base(in),
    };
    weir_pipeline_counts n;
    weir_pipeline *p;

    must(weir_pipeline_start(&p, &opts));
    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++)
        must(texts_send(in, raw[i], weir_pipeline_ctx(p)));
    must(weir_pipeline_close(p));
    must(weir_pipeline_wait(p));
    must(weir_pipeline_get_counts(p, -1, &n));
    printf("In: %" PRIu64 " = %" PRIu64 " out + %" PRIu64 " filtered\n", n.in,
           n.out, n.filtered);

    must(weir_pipeline_free(p));
    must(weir_stop(WEIR_FOREVER));
    texts_unref(in);
    return printed();
}
