/* SPDX-License-Identifier: MIT */
/*
 * A pool of workers for events: as many at a time as there are workers, a
 * queue that holds publishers back, and two ways to stop it. Either way the
 * workers are joined and every event is accounted for.
 */
#include <inttypes.h>
#include "must.h"

enum { WORKERS = 3, QUEUE = 4, EVENTS = 20 };

struct event {
    int id;
};

struct office {
    weir_sem inside; /* one for each event that a worker has begun with */
    weir_sem open;   /* workers wait here until the office opens        */
    int handled[EVENTS];
};

#define CLOSED                                                                 \
    {                                                                          \
        .inside = WEIR_SEM_INIT(0), .open = WEIR_SEM_INIT(0)                   \
    }

static int handle(void *event, void *result, weir_ctx *ctx, void *arg)
{
    const struct event *e = event;
    struct office *office = arg;
    int err;

    (void)result;
    must(weir_sem_release(&office->inside, 1));
    err = weir_sem_acquire(&office->open, 1, ctx);
    if (err == 0)
        office->handled[e->id]++;
    return err;
}

static weir_pool *start(struct office *office)
{
    const weir_pool_opts opts = {.fn = handle,
                                 .arg = office,
                                 .job_size = sizeof(struct event),
                                 .capacity = QUEUE,
                                 .workers = WORKERS};
    weir_pool *pool;

    must(weir_pool_start(&pool, &opts));
    return pool;
}

/* Publishes until there is no more room: what the workers have in hand and
 * what is queued. */
static int fill(weir_pool *pool, struct office *office)
{
    struct event e = {0};
    weir_pool_counts n;

    do {
        while (weir_pool_try_submit(pool, &e) == 0)
            e.id++;
        must(weir_pool_get_counts(pool, &n));
        weir_yield();
    } while (n.running < WORKERS || n.queued < QUEUE);
    must(weir_sem_acquire(&office->inside, WORKERS, NULL));
    return e.id;
}

static void stop(weir_pool *pool, enum weir_pool_end how, const char *name)
{
    weir_pool_counts n;

    must(weir_pool_stop(pool, how, NULL));
    must(weir_pool_get_counts(pool, &n));
    printf("%s: %" PRIu64 " published = %" PRIu64 " handled + %" PRIu64
           " discarded, %d workers left\n",
           name, n.submitted, n.done, n.discarded, n.workers);
    must(weir_pool_free(pool));
}

int main(void)
{
    struct office office = CLOSED;
    weir_pool *pool = start(&office);

    printf("room for %d events\n", fill(pool, &office));
    must(weir_sem_release(&office.open, EVENTS));
    stop(pool, WEIR_POOL_DRAIN, "drained");

    office = (struct office)CLOSED;
    pool = start(&office);
    printf("room for %d events\n", fill(pool, &office));
    must(weir_pool_close(pool, WEIR_POOL_DISCARD)); /* the queue is emptied */
    must(weir_sem_release(&office.open, EVENTS));
    stop(pool, WEIR_POOL_DISCARD, "discarded");

    must(weir_stop(WEIR_FOREVER));
    return printed();
}
