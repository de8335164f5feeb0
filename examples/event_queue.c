/* SPDX-License-Identifier: MIT */
/*
 * A queue of events between those who enqueue and one who processes: ten fit
 * in, then whoever enqueues waits. A stop lets what is queued arrive, and
 * after it nothing more is taken.
 */
#include <string.h>
#include "must.h"

enum { EVENTS = 15, SIZE = 10 };

static int process(weir_event *e, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    printf("Processed %s: %.*s\n", e->type, (int)e->size,
           (const char *)e->payload);
    return 0;
}

static void processor(void *queue)
{
    must(weir_queue_process(queue, process, NULL, NULL));
}

static int enqueue(weir_queue *q, int number)
{
    char text[16];
    weir_event *e;

    snprintf(text, sizeof text, "number %d", number);
    must(weir_event_new(&e, &(weir_event_opts){.type = "order",
                                               .payload = text,
                                               .size = strlen(text)}));
    int code = weir_queue_enqueue(q, e, NULL);
    weir_event_unref(e); /* the queue has a reference of its own */
    return code;
}

int main(void)
{
    weir_queue *q;
    weir_queue_counts c;

    must(weir_queue_new(&q, &(weir_queue_opts){.capacity = SIZE}));
    must(weir_go(processor, q));
    for (int i = 1; i <= EVENTS; i++)
        must(enqueue(q, i));

    must(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL));
    printf("After the stop: %s\n", weir_errname(enqueue(q, EVENTS + 1)));
    must(weir_queue_get_counts(q, &c));
    printf("Enqueued %d, delivered %d, refused %d\n", (int)c.enqueued,
           (int)c.delivered, (int)c.refused);

    must(weir_stop(WEIR_FOREVER)); /* the processor has ended, too */
    weir_queue_unref(q);
    return printed();
}
