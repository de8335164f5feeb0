/* SPDX-License-Identifier: MIT */
/*
 * A worker in the background that handles events by their type, a function
 * that publishes them, and an end: the channel is closed, the worker handles
 * what is left, and the program waits for it.
 */
#include "must.h"

enum event_type { FLOW_CREATED, FLOW_UPDATED, SITE_CREATED };

struct event {
    enum event_type type;
    int id;
    int64_t time;
};

WEIR_CHAN(events, struct event);

static events *published;

static void worker(void *unused)
{
    struct event e;

    (void)unused;
    while (events_recv(published, &e, NULL) == 0) {
        switch (e.type) {
        case FLOW_CREATED:
            printf("flow %d was created\n", e.id);
            break;
        case FLOW_UPDATED:
            printf("flow %d was updated\n", e.id);
            break;
        case SITE_CREATED:
            printf("site %d was created\n", e.id);
            break;
        }
    }
    puts("no more events");
}

static void publish(enum event_type type, int id)
{
    const struct event e = {type, id, weir_now()};

    must(events_send(published, e, NULL));
}

int main(void)
{
    weir_wg workers = WEIR_WG_INIT;

    published = made(events_new(100));
    must(weir_wg_go(&workers, worker, NULL));
    publish(SITE_CREATED, 1);
    publish(FLOW_CREATED, 7);
    publish(FLOW_UPDATED, 7);

    must(events_close(published));
    must(weir_wg_wait(&workers, NULL));
    must(weir_stop(WEIR_FOREVER));
    events_unref(published);
    return printed();
}
