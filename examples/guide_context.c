/* SPDX-License-Identifier: MIT */
/*
 * Contexts: one for the program, handed down to a worker that ends with it,
 * also while it has nothing to do; and below that one for each event, with a
 * deadline of its own, so that one slow event is given up and the others go
 * on.
 */
#include "must.h"

WEIR_CHAN(events, int);

struct worker {
    events *in, *never;
    weir_ctx *ctx;
    events *handled;
};

/* Odd events wait for something that does not come. */
static int do_work(const struct worker *w, int event, weir_ctx *ctx)
{
    return event % 2 ? events_recv(w->never, &event, ctx) : 0;
}

static int process(const struct worker *w, int event)
{
    weir_ctx one;
    int err;

    must(weir_ctx_init_timeout(&one, w->ctx, 5 * WEIR_MILLISECOND));
    err = do_work(w, event, &one);
    must(weir_ctx_fini(&one));
    return err;
}

static void work(void *arg)
{
    const struct worker *w = arg;
    int event, err;

    while ((err = events_recv(w->in, &event, w->ctx)) == 0) {
        err = process(w, event);
        printf("event %d: %s\n", event, weir_errname(err));
        must(events_send(w->handled, event, NULL));
    }
    printf("the worker ends: %s\n", weir_errname(err));
}

int main(void)
{
    weir_ctx program;
    weir_wg workers = WEIR_WG_INIT;
    struct worker w = {made(events_new(10)), made(events_new(0)), &program,
                       made(events_new(0))};

    must(weir_ctx_init_timeout(&program, NULL, 10 * WEIR_MINUTE));
    must(weir_wg_go(&workers, work, &w));
    for (int i = 0; i < 4; i++)
        must(events_send(w.in, i, &program));
    for (int i = 0; i < 4; i++)
        must(events_recv(w.handled, NULL, NULL));

    must(weir_ctx_cancel(&program, 0)); /* the worker waits for an event */
    must(weir_wg_wait(&workers, NULL));
    must(weir_ctx_fini(&program));
    must(weir_stop(WEIR_FOREVER));
    events_unref(w.in);
    events_unref(w.never);
    events_unref(w.handled);
    return printed();
}
