/* SPDX-License-Identifier: MIT */
/*
 * Handlers by the type of the event: one creates what it is told of and has a
 * match computed in the background, one refuses data that it does not
 * understand, and an unknown type is an error that says so.
 */
#include <inttypes.h>
#include <weir/handlers.h>
#include "must.h"

struct service {
    weir_wg background;
    int synced, matched;
};

static void compute_match(void *service)
{
    ((struct service *)service)->matched++;
}

static int flow_created(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct service *s = arg;

    (void)ctx;
    printf("created %.*s\n", (int)e->size, (const char *)e->payload);
    s->synced++;
    return weir_wg_go(&s->background, compute_match, s);
}

static int flow_updated(weir_event *e, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    if (e->size == 0)
        return WEIR_EINVAL;
    printf("updated %.*s\n", (int)e->size, (const char *)e->payload);
    return 0;
}

static void handle(weir_handlers *h, const char *type, const char *data)
{
    const weir_event_opts opts = {
        .type = type, .payload = data, .size = strlen(data)};
    weir_event *e;
    int err;

    must(weir_event_new(&e, &opts));
    err = weir_sink_write(weir_handlers_sink(h), e, NULL);
    if (err)
        printf("%s: %s\n", type, weir_errname(err));
    weir_event_unref(e);
}

int main(void)
{
    struct service s = {.background = WEIR_WG_INIT};
    weir_handler_counts n;
    weir_handlers *h;

    must(weir_handlers_new(&h, NULL));
    must(weir_handlers_on(h, "flow.created", flow_created, &s));
    must(weir_handlers_on(h, "flow.updated", flow_updated, &s));
    handle(h, "flow.created", "heat of the foundry");
    handle(h, "flow.updated", "heat of the bakery");
    handle(h, "flow.updated", "");
    handle(h, "flow.deleted", "heat of the bakery");

    must(weir_handlers_get_counts(h, "flow.updated", &n));
    printf("updates: %" PRIu64 " = %" PRIu64 " handled + %" PRIu64 " failed\n",
           n.calls, n.handled, n.failed);
    must(weir_sink_close(weir_handlers_sink(h), NULL));
    must(weir_wg_wait(&s.background, NULL));
    printf("synced %d, matched %d\n", s.synced, s.matched);
    weir_handlers_unref(h);
    must(weir_stop(WEIR_FOREVER));
    return printed();
}
