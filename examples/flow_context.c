/* SPDX-License-Identifier: MIT */
/*
 * Contexts end what waits: a deadline ends a send, another party calls a
 * receive off and says why. What need not wait is done all the same.
 */
#include "must.h"

WEIR_CHAN(numbers, int);

static void send_before_a_deadline(numbers *c)
{
    const int ms = 10;
    weir_ctx ctx;
    int n;

    must(weir_ctx_init_timeout(&ctx, NULL, ms * WEIR_MILLISECOND));
    must(numbers_send(c, 1, &ctx));
    if (numbers_send(c, 2, &ctx) == WEIR_TIMEDOUT)
        printf("Send timed out after ~%dms\n", ms);
    if (numbers_recv(c, &n, &ctx) == 0)
        printf("Received without waiting: %d\n", n);
    must(weir_ctx_fini(&ctx));
}

static void call_off(void *ctx)
{
    must(weir_ctx_cancel(ctx, WEIR_STOPPED));
}

static void receive_until_called_off(numbers *c)
{
    weir_ctx ctx;
    int n;

    must(weir_ctx_init(&ctx, NULL));
    must(weir_go(call_off, &ctx));
    if (numbers_recv(c, &n, &ctx) == WEIR_CANCELED)
        printf("Receive canceled: %s\n", weir_errname(weir_ctx_cause(&ctx)));
    if (numbers_try_recv(c, &n) == WEIR_EMPTY)
        puts("TryReceive needs no context");
    must(weir_ctx_fini(&ctx));
}

int main(void)
{
    numbers *c = made(numbers_new(1));

    send_before_a_deadline(c);
    receive_until_called_off(c);

    must(weir_stop(WEIR_FOREVER));
    numbers_unref(c);
    return printed();
}
