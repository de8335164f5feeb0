/* SPDX-License-Identifier: MIT */
/*
 * Fan-in: the events of several sources in one channel, fairly, and closed
 * when the last source is. Of each source they come in its order. A context
 * ends it, too, also while it waits for a source that has nothing.
 */
#include <inttypes.h>
#include "must.h"

enum { SOURCES = 3, EACH = 5 };

WEIR_CHAN(events, int);

static events *source(int id)
{
    events *c = made(events_new(EACH));

    for (int i = 0; i < EACH; i++)
        must(events_send(c, id * 10 + i, NULL));
    return c;
}

static weir_fan *merge(events *const *from, events *to, weir_ctx *ctx)
{
    weir_chan *ins[SOURCES];
    weir_fan *fan;

    for (int i = 0; i < SOURCES; i++)
        ins[i] = events_base(from[i]);
    must(weir_fan_in(&fan, ins, SOURCES, events_base(to),
                     &(weir_fan_opts){.ctx = ctx}));
    return fan;
}

static void all_in_one(void)
{
    events *from[SOURCES], *to = made(events_new(0));
    int next[SOURCES] = {0}, event, misplaced = 0, count = 0;
    weir_fan *fan;

    for (int i = 0; i < SOURCES; i++) {
        from[i] = source(i);
        must(events_close(from[i]));
    }
    fan = merge(from, to, NULL);
    while (events_recv(to, &event, NULL) == 0) {
        misplaced += event % 10 != next[event / 10]++;
        count++;
    }
    printf("%d events, %d out of their source's order\n", count, misplaced);
    must(weir_fan_free(fan));
    for (int i = 0; i < SOURCES; i++)
        events_unref(from[i]);
    events_unref(to);
}

static void until_a_context_ends(void)
{
    weir_ctx ctx = WEIR_CTX_INIT;
    events *idle[SOURCES], *to = made(events_new(0));
    weir_fan *fan;

    for (int i = 0; i < SOURCES; i++)
        idle[i] = made(events_new(0));
    fan = merge(idle, to, &ctx);
    must(weir_ctx_cancel(&ctx, 0));
    printf("idle sources: %s, ", weir_errname(weir_fan_join(fan)));
    printf("the events: %s\n", weir_errname(events_recv(to, NULL, NULL)));
    must(weir_fan_free(fan));
    for (int i = 0; i < SOURCES; i++)
        events_unref(idle[i]);
    events_unref(to);
}

int main(void)
{
    all_in_one();
    until_a_context_ends();
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
