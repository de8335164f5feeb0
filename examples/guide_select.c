/* SPDX-License-Identifier: MIT */
/*
 * Select: whichever of several can go first. With a time-out, with a context,
 * with a default; and fair: of two that are always ready neither is left out.
 */
#include "must.h"

WEIR_CHAN(events, int);

static const char *select_one(events *a, events *b, weir_ctx *ctx,
                              int64_t timeout)
{
    static char text[32];
    int got;
    weir_case cases[] = {events_recv_case(a, &got), events_recv_case(b, &got),
                         WEIR_DONE(ctx), WEIR_TIMEOUT(timeout)};

    switch (must(weir_select(cases, 4, NULL))) {
    case 0:
    case 1:
        snprintf(text, sizeof text, "event %d", got);
        return text;
    case 2:
        return "the context has ended";
    default:
        return "timed out";
    }
}

static void without_waiting(events *c)
{
    int got;
    weir_case cases[] = {events_recv_case(c, &got)};

    if (weir_try_select(cases, 1) == WEIR_EMPTY)
        puts("no event, go on");
    else
        printf("event %d was there\n", got);
}

/* Ten thousand choices between two that are ready. */
static void be_fair(events *a, events *b)
{
    int from_a = 0, got;

    for (int i = 0; i < 10000; i++) {
        weir_case cases[] = {events_recv_case(a, &got),
                             events_recv_case(b, &got)};

        (void)events_try_send(a, 1);
        (void)events_try_send(b, 2);
        from_a += must(weir_select(cases, 2, NULL)) == 0;
    }
    puts(from_a > 4000 && from_a < 6000 ? "about half from each" : "unfair!");
}

int main(void)
{
    events *a = made(events_new(1)), *b = made(events_new(1));
    weir_ctx ctx = WEIR_CTX_INIT;

    must(events_send(b, 7, NULL));
    puts(select_one(a, b, &ctx, 5 * WEIR_SECOND));
    puts(select_one(a, b, &ctx, 5 * WEIR_MILLISECOND));
    must(weir_ctx_cancel(&ctx, 0));
    puts(select_one(a, b, &ctx, 5 * WEIR_SECOND));
    without_waiting(a);
    must(events_send(a, 8, NULL));
    without_waiting(a);
    be_fair(a, b);

    must(weir_stop(WEIR_FOREVER));
    events_unref(a);
    events_unref(b);
    return printed();
}
