/* SPDX-License-Identifier: MIT */
/*
 * A pipeline written by hand, from channels: each step is a task that reads
 * one channel and makes the next, and closes it at its end. A context ends
 * them all, also those that nobody reads from any more. weir/pipeline.h has
 * such steps ready-made; flow_pipeline.c shows it.
 */
#include "must.h"

WEIR_CHAN(numbers, long);

struct step {
    numbers *in, *out;
    weir_ctx *ctx;
};

static void square(void *arg)
{
    const struct step *s = arg;
    long n;

    while (numbers_recv(s->in, &n, s->ctx) == 0)
        if (numbers_send(s->out, n * n, s->ctx) != 0)
            break;
    must(numbers_close(s->out));
}

static void count_up(void *arg)
{
    const struct step *s = arg;
    long n = 0;

    while (numbers_send(s->out, ++n, s->ctx) == 0)
        ;
    printf("the source ends: %s\n", weir_errname(weir_ctx_err(s->ctx)));
    must(numbers_close(s->out));
}

int main(void)
{
    weir_ctx ctx;
    weir_wg steps = WEIR_WG_INIT;
    numbers *counted = made(numbers_new(0)), *squared = made(numbers_new(0));
    struct step source = {NULL, counted, &ctx};
    struct step middle = {counted, squared, &ctx};
    long n;

    must(weir_ctx_init(&ctx, NULL));
    must(weir_wg_go(&steps, count_up, &source));
    must(weir_wg_go(&steps, square, &middle));
    for (int i = 0; i < 5; i++) {
        must(numbers_recv(squared, &n, NULL));
        printf("%ld\n", n);
    }
    must(weir_ctx_cancel(&ctx, 0)); /* enough: both steps wait to send */
    must(weir_wg_wait(&steps, NULL));
    printf("squares: %s\n", weir_errname(numbers_recv(squared, &n, NULL)));

    must(weir_ctx_fini(&ctx));
    must(weir_stop(WEIR_FOREVER));
    numbers_unref(counted);
    numbers_unref(squared);
    return printed();
}
