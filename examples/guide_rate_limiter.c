/* SPDX-License-Identifier: MIT */
/*
 * A token bucket: at most so many at once, so many a second on the average.
 * It starts full, or empty if asked to; it needs neither a task nor a timer,
 * so there is nothing to stop; and a wait for a token has a context.
 */
#include "must.h"

enum { BURST = 3 };

/* A clock of the example's own, so that it prints the same every time. */
static int64_t now;

static int64_t clock_of_example(void)
{
    return now;
}

static int allowed_of(weir_bucket *b, int requests)
{
    int allowed = 0;

    for (int i = 0; i < requests; i++)
        allowed += weir_bucket_allow(b, 1) == 0;
    return allowed;
}

int main(void)
{
    const weir_bucket_opts opts = {
        .rate = 10, .burst = BURST, .now = clock_of_example};
    weir_bucket b;
    weir_ctx ctx;

    must(weir_bucket_init(&b, &opts));
    printf("at first: %d of 5\n", allowed_of(&b, 5));
    now += 100 * WEIR_MILLISECOND;
    printf("after a tenth of a second: %d of 5\n", allowed_of(&b, 5));
    now += WEIR_MINUTE;
    printf("after a minute: %d of 5\n", allowed_of(&b, 5));

    must(weir_ctx_init(&ctx, NULL));
    must(weir_ctx_cancel(&ctx, 0));
    printf("a wait with an ended context: %s\n",
           weir_errname(weir_bucket_wait(&b, 1, &ctx)));
    printf("more than it ever holds: %s\n",
           weir_errname(weir_bucket_wait(&b, BURST + 1, NULL)));
    must(weir_ctx_fini(&ctx));

    /* By weir_now's clock: a thousand a second, each waits for its token. */
    must(weir_bucket_init(&b, &(weir_bucket_opts){.rate = 1000, .burst = 1}));
    for (int i = 0; i < 20; i++)
        must(weir_bucket_wait(&b, 1, NULL));
    puts("20 tokens, one after the other");
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
