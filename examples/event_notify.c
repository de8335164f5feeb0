/* SPDX-License-Identifier: MIT */
/*
 * Notifications, put together from sinks: every event goes to an audit log
 * and to an endpoint that is down for a while. The endpoint has a queue, so
 * that nobody waits for it, and a breaker that tries again; heartbeats are
 * filtered out. One event is poison: after three tries it is a dead letter.
 *
 *   broadcaster -> audit
 *               -> queue -> filter -> retry -> endpoint
 *                                     `-> dead letters
 */
#include <errno.h>
#include <string.h>
#include "must.h"

#define DOWN_FOR 2 /* tries */

struct endpoint {
    int tries, posted;
};

/* What would be an HTTP request. */
static int post(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct endpoint *p = arg;

    (void)ctx;
    p->tries++;
    if (p->tries <= DOWN_FOR || strcmp(e->type, "poison") == 0)
        return -ECONNREFUSED;
    p->posted++;
    printf("Endpoint: %s, at try %d\n", e->type, p->tries);
    return 0;
}

static int audit(weir_event *e, weir_ctx *ctx, void *arg)
{
    (void)e, (void)ctx;
    ++*(int *)arg;
    return 0;
}

static void dead_letter(weir_event *e, int code, uint32_t tries, void *arg)
{
    (void)code, (void)arg;
    printf("Dead letter: %s, after %d tries\n", e->type, (int)tries);
}

static bool is_news(weir_event *e, void *arg)
{
    (void)arg;
    return strcmp(e->type, "heartbeat") != 0;
}

static void publish(weir_sink *to, const char *type)
{
    weir_event *e;

    must(weir_event_new(&e, &(weir_event_opts){.type = type}));
    must(weir_sink_write(to, e, NULL));
    weir_event_unref(e);
}

int main(void)
{
    static const char *const types[] = {"push", "heartbeat", "poison",
                                        "pull", "heartbeat", "delete"};
    const weir_breaker_opts breaker = {.failures = 2,
                                       .open_for = WEIR_MILLISECOND};
    struct endpoint endpoint = {0};
    int audited = 0;
    weir_sink *log, *http, *retry, *filter;
    weir_queue *queue;
    weir_broadcaster *b;

    must(weir_listener_new(
        &log, &(weir_listener_opts){.fn = audit, .arg = &audited}));
    must(weir_listener_new(
        &http, &(weir_listener_opts){.fn = post, .arg = &endpoint}));
    must(weir_retry_new(&retry, &(weir_retry_opts){.sink = http,
                                                   .breaker = &breaker,
                                                   .tries = 3,
                                                   .on_dead = dead_letter}));
    must(weir_filter_new(&filter, retry, is_news, NULL));
    must(weir_queue_new(&queue, &(weir_queue_opts){.sink = filter}));
    must(weir_broadcaster_new(&b, NULL));
    must(weir_broadcaster_add(b, log, NULL));
    must(weir_broadcaster_add(b, weir_queue_sink(queue), NULL));

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        publish(weir_broadcaster_sink(b), types[i]);
    must(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, NULL)); /* closes all */
    printf("Audited %d, posted %d\n", audited, endpoint.posted);

    weir_broadcaster_unref(b);
    weir_queue_unref(queue);
    weir_sink_unref(filter);
    weir_sink_unref(retry);
    weir_sink_unref(http);
    weir_sink_unref(log);
    return printed();
}
