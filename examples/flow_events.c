/* SPDX-License-Identifier: MIT */
/*
 * A stream of events that tolerates loss: the source never waits, the latest
 * thousand are kept, and every event that was lost has been counted.
 */
#include <inttypes.h>
#include "must.h"

enum { EVENTS = 5000, KEPT = 1000 };

struct event {
    int number;
    double reading;
};

WEIR_CHAN(events, struct event);

/* What a metrics library would have. */
static void count(weir_chan *c, const void *event, enum weir_drop reason,
                  void *lost)
{
    (void)c, (void)event, (void)reason;
    ++*(uint64_t *)lost;
}

static void stream(events *out)
{
    for (int i = 0; i < EVENTS; i++)
        must(events_try_send(out, (struct event){i, i / 10.0}));
    must(events_close(out));
}

int main(void)
{
    uint64_t lost = 0, seen = 0;
    events *c = made(events_new_with((weir_chan_opts){
        .capacity = KEPT,
        .policy = WEIR_DROP_OLDEST,
        .hooks = {.on_drop = count, .arg = &lost},
    }));
    struct event e;

    stream(c);
    while (events_recv(c, &e, NULL) == 0)
        if (seen++ == 0)
            printf("First event kept: %d, %.1f\n", e.number, e.reading);
    printf("Last event kept: %d, %.1f\n", e.number, e.reading);
    printf("Events: %d = %" PRIu64 " received + %" PRIu64 " dropped\n", EVENTS,
           seen, lost);

    events_unref(c);
    return printed();
}
