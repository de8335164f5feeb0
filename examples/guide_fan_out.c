/* SPDX-License-Identifier: MIT */
/*
 * Fan-out: events of one channel, each to one of several workers, whichever
 * is free. A worker that is stuck holds up only what it has.
 */
#include <inttypes.h>
#include "must.h"

enum { WORKERS = 3, EVENTS = 30 };

WEIR_CHAN(events, int);

struct worker {
    events *in, *gate;
    int handled;
};

static void work(void *arg)
{
    struct worker *w = arg;
    int event;

    while (events_recv(w->in, &event, NULL) == 0) {
        w->handled++;
        if (w->gate != NULL)
            (void)events_recv(w->gate, NULL, NULL); /* until it is closed */
    }
}

int main(void)
{
    events *in = made(events_new(0)), *gate = made(events_new(0));
    struct worker workers[WORKERS];
    weir_chan *outs[WORKERS];
    weir_wg all = WEIR_WG_INIT;
    weir_fan_counts n;
    weir_fan *fan;

    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){made(events_new(0)), i ? NULL : gate, 0};
        outs[i] = events_base(workers[i].in);
        must(weir_wg_go(&all, work, &workers[i]));
    }
    must(weir_fan_out(&fan, events_base(in), outs, WORKERS, NULL));
    for (int i = 0; i < EVENTS; i++)
        must(events_send(in, i, NULL));
    must(events_close(in));
    must(weir_fan_join(fan)); /* although the first worker is stuck */
    must(weir_fan_get_counts(fan, &n));
    printf("%" PRIu64 " events = %" PRIu64 " handed out + %" PRIu64
           " discarded\n",
           n.received, n.sent, n.discarded);
    must(events_close(gate));
    must(weir_wg_wait(&all, NULL));
    printf("the first worker had %s, all together %d\n",
           workers[0].handled <= 1 ? "at most one" : "too many",
           workers[0].handled + workers[1].handled + workers[2].handled);

    must(weir_fan_free(fan));
    must(weir_stop(WEIR_FOREVER));
    for (int i = 0; i < WORKERS; i++)
        events_unref(workers[i].in);
    events_unref(in);
    events_unref(gate);
    return printed();
}
