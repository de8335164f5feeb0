/* SPDX-License-Identifier: MIT */
/* A batch is an event whose payload is the array of its events. What tells it
 * from others is its destructor, which nobody else can name. */
#include "event/batch.h"

#include <string.h>
#include <weir/queue.h>
#include "base/mem.h"
#include "event/event.h"

static void end_batch(void *payload, void *n)
{
    weir_event **events = payload;
    for (size_t i = 0; i < (uintptr_t)n; i++)
        weir_event_unref(events[i]);
    wr_free(events);
}

int wr_batch_write(weir_event *const *events, size_t n, weir_ctx *ctx,
                   void *sink)
{
    weir_event *e;
    weir_event **copy = wr_alloc(n * sizeof(*copy));
    if (!copy)
        return WEIR_ENOMEM;
    memcpy(copy, events, n * sizeof(*copy));
    int err =
        weir_event_new(&e, &(weir_event_opts){.type = "batch",
                                              .payload = copy,
                                              .size = n * sizeof(*copy),
                                              .destroy = end_batch,
                                              .arg = (void *)(uintptr_t)n});
    if (err) {
        wr_free(copy);
        return err;
    }
    for (size_t i = 0; i < n; i++)
        weir_event_ref(copy[i]);
    err = weir_sink_write(sink, e, ctx);
    weir_event_unref(e);
    return err;
}

weir_event *const *weir_event_batch(const weir_event *e, size_t *n)
{
    const bool is_one = wr_event_ends_by(e, end_batch);
    if (n)
        *n = is_one ? e->size / sizeof(weir_event *) : 0;
    return is_one ? e->payload : NULL;
}
