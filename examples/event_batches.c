/* SPDX-License-Identifier: MIT */
/*
 * Events in batches, as a database wants them: four at a time, or what has
 * come within a minute, and the rest at the stop. Beside it every event goes
 * to a log in memory, which is read when all is over.
 *
 *   tee -> queue -> flush: a batch
 *    `---> stream -> reader
 */
#include "must.h"

enum { EVENTS = 10, BATCH = 4 };

static int number_of(const weir_event *e)
{
    return *(const int *)e->payload;
}

static int flush(weir_event *const *events, size_t n, weir_ctx *ctx, void *arg)
{
    (void)ctx, (void)arg;
    printf("Batch of %d:", (int)n);
    for (size_t i = 0; i < n; i++)
        printf(" %d", number_of(events[i]));
    printf("\n");
    return 0;
}

static void publish(weir_sink *to, int number)
{
    weir_event *e;

    must(weir_event_new(
        &e, &(weir_event_opts){.payload = &number, .size = sizeof number}));
    must(weir_sink_write(to, e, NULL));
    weir_event_unref(e);
}

static void read_log(weir_stream *log)
{
    weir_reader *bytes;
    weir_event_reader *events;
    weir_event *e;

    must(weir_stream_next_reader(log, &bytes));
    must(weir_event_reader_new(&events, bytes));
    printf("The log:");
    while (must(weir_event_reader_next(events, &e, NULL)) == 1) {
        printf(" %d", number_of(e));
        weir_event_unref(e);
    }
    printf("\n");
    weir_event_reader_free(events);
    weir_reader_free(bytes);
}

int main(void)
{
    weir_queue *q;
    weir_stream *log;
    weir_sink *tee;

    must(weir_queue_new(&q, &(weir_queue_opts){.flush = flush,
                                               .batch = BATCH,
                                               .linger = WEIR_MINUTE}));
    must(weir_stream_new_mem("log", NULL, &log));
    must(weir_tee_new(
        &tee, &(weir_tee_opts){.stream = log, .to = weir_queue_sink(q)}));

    for (int i = 1; i <= EVENTS; i++)
        publish(tee, i);
    must(weir_sink_close(tee, NULL)); /* the queue and the log, too */
    read_log(log);

    weir_sink_unref(tee);
    weir_queue_unref(q);
    weir_stream_unref(log);
    return printed();
}
