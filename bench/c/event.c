/* SPDX-License-Identifier: MIT */
/*
 * The event systems: a queue in front of a sink, a broadcast to ten thousand
 * sinks, a stream with several readers. One event is shared by all writes, as
 * sinks share it.
 */
#include "bench.h"

enum { SINKS = 10000, READERS = 8, RECORD = 64, CHUNK = 4096 };

struct counting {
    weir_sink sink;
    int64_t count;
};

/* One write at a time. */
static int count(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    (void)e, (void)ctx;
    ((struct counting *)s)->count++;
    return 0;
}

static void counting_init(struct counting *c)
{
    static const weir_sink_ops ops = {count, NULL, NULL};
    *c = (struct counting){.count = 0};
    must(weir_sink_init(&c->sink, &ops));
}

static weir_event *new_event(void)
{
    weir_event *e;
    must(weir_event_new(&e, &(weir_event_opts){.payload = "event", .size = 5}));
    return e;
}

static void queue(const struct row *row, int64_t ops)
{
    struct counting c;
    weir_queue *q;
    weir_event *e = new_event();
    (void)row;
    counting_init(&c);
    must(weir_queue_new(&q, &(weir_queue_opts){.sink = &c.sink}));
    for (int64_t i = 0; i < ops; i++)
        must(weir_queue_enqueue(q, e, NULL));
    must(weir_queue_stop(q, WEIR_QUEUE_DRAIN, NULL));
    expect("delivered", c.count, ops);
    weir_queue_unref(q);
    weir_event_unref(e);
}

/* a: the sinks have no queues of their own. An operation is an event at a
 * sink. */
static void broadcast(const struct row *row, int64_t ops)
{
    struct counting *sinks = new_array(SINKS, sizeof(*sinks));
    weir_broadcaster *b;
    weir_event *e = new_event();
    must(weir_broadcaster_new(&b, NULL));
    for (int i = 0; i < SINKS; i++) {
        counting_init(&sinks[i]);
        must(weir_broadcaster_add(
            b, &sinks[i].sink, &(weir_broadcast_opts){.direct = row->a != 0}));
    }
    for (int64_t i = 0; i < ops / SINKS; i++)
        must(weir_sink_write(weir_broadcaster_sink(b), e, NULL));
    must(weir_broadcaster_stop(b, WEIR_QUEUE_DRAIN, NULL));
    for (int i = 0; i < SINKS; i++)
        expect("delivered", sinks[i].count, ops / SINKS);
    weir_broadcaster_unref(b);
    weir_event_unref(e);
    free(sinks);
}

/* ---- a stream ------------------------------------------------------------ */

struct reading {
    weir_reader *reader;
    int64_t bytes;
};

static void read_all(void *arg)
{
    struct reading *r = arg;
    char buf[CHUNK];
    ptrdiff_t n;
    while ((n = weir_reader_read(r->reader, buf, sizeof(buf), NULL)) > 0)
        r->bytes += n;
    must((int)n);
}

static void stream(const struct row *row, int64_t ops)
{
    static const char record[RECORD] = "record";
    struct reading r[READERS];
    weir_wg done = WEIR_WG_INIT;
    weir_stream *s;
    (void)row;
    must(weir_stream_new_mem("bench", NULL, &s));
    for (int i = 0; i < READERS; i++) {
        r[i].bytes = 0;
        must(weir_stream_next_reader(s, &r[i].reader));
        must(weir_wg_go(&done, read_all, &r[i]));
    }
    for (int64_t i = 0; i < ops; i++)
        expect("written", weir_stream_write(s, record, RECORD, NULL), RECORD);
    must(weir_stream_close(s));
    must(weir_wg_wait(&done, NULL));
    for (int i = 0; i < READERS; i++) {
        expect("read", r[i].bytes, ops * RECORD);
        weir_reader_free(r[i].reader);
    }
    weir_stream_unref(s);
}

const struct row event_rows[] = {
    {"queue", queue, 0, 0, FROM_TASK},
    {"broadcast", broadcast, 0, 0, FROM_TASK},
    {"broadcast-direct", broadcast, 1, 0, FROM_TASK},
    {"stream-8", stream, 0, 0, FROM_TASK},
    {NULL, NULL, 0, 0, FROM_TASK},
};
