/* SPDX-License-Identifier: MIT */
/*
 * Handlers by type, behind a queue: a function for each type of event, one
 * for those that nobody knows, and a report of what a handler has refused.
 */
#include "must.h"

struct shop {
    int orders, cents;
};

static int on_order(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct shop *shop = arg;

    (void)e, (void)ctx;
    printf("order %d\n", ++shop->orders);
    return 0;
}

static int on_payment(weir_event *e, weir_ctx *ctx, void *arg)
{
    struct shop *shop = arg;
    const int cents = *(const int *)e->payload;

    (void)ctx;
    if (cents <= 0)
        return WEIR_EINVAL;
    shop->cents += cents;
    printf("payment of %d cents\n", cents);
    return 0;
}

static int on_other(weir_event *e, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    printf("nobody knows what to do with \"%s\"\n", e->type);
    return 0;
}

static void on_loss(weir_event *e, int code, void *arg)
{
    (void)arg;
    printf("%s of %d cents: %s\n", e->type, *(const int *)e->payload,
           weir_strerror(code));
}

static void publish(weir_queue *q, const char *type, int cents)
{
    weir_event *e;

    must(weir_event_new(&e, &(weir_event_opts){.type = type,
                                               .payload = &cents,
                                               .size = sizeof cents}));
    must(weir_queue_enqueue(q, e, NULL));
    weir_event_unref(e);
}

int main(void)
{
    struct shop shop = {0};
    weir_handler_counts c;
    weir_handlers *h;
    weir_queue *q;

    must(weir_handlers_new(&h, &(weir_handlers_opts){.otherwise = on_other}));
    must(weir_handlers_on(h, "order", on_order, &shop));
    must(weir_handlers_on(h, "payment", on_payment, &shop));
    must(weir_queue_new(&q, &(weir_queue_opts){.sink = weir_handlers_sink(h),
                                               .on_loss = on_loss}));

    publish(q, "order", 0);
    publish(q, "payment", 1250);
    publish(q, "payment", -3);
    publish(q, "refund", 100);
    publish(q, "order", 0);
    publish(q, "payment", 99);

    must(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL));
    must(weir_handlers_get_counts(h, "payment", &c));
    printf("%d orders, %d cents; payments: %d handled, %d failed\n",
           shop.orders, shop.cents, (int)c.handled, (int)c.failed);
    weir_queue_unref(q);
    weir_handlers_unref(h);
    return printed();
}
