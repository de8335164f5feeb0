/* SPDX-License-Identifier: MIT */
/*
 * Messages through one channel of capacity 1024, from a senders to b
 * receivers. The channel is closed after the last send; the receivers drain
 * it. All of them are tasks, or all of them threads.
 */
#include "bench.h"
#include <pthread.h>

enum { CAPACITY = 1024 };

struct side {
    weir_chan *c;
    int64_t first, end; /* a sender's numbers */
    int64_t sum;        /* a receiver's result */
};

static void sender(void *arg)
{
    const struct side *s = arg;
    for (int64_t i = s->first; i < s->end; i++)
        chan_send(s->c, i);
}

static void receiver(void *arg)
{
    struct side *s = arg;
    int64_t v, sum = 0;
    int rc;
    while ((rc = weir_chan_recv(s->c, &v, NULL)) == 0)
        sum += v;
    expect("the last receive", rc, WEIR_CLOSED);
    s->sum = sum;
}

static void split(struct side *s, int n, weir_chan *c, int64_t ops)
{
    for (int i = 0; i < n; i++)
        s[i] = (struct side){c, ops * i / n, ops * (i + 1) / n, 0};
}

static void by_tasks(const struct row *row, int64_t ops)
{
    weir_chan *c = new_chan(CAPACITY);
    struct side from[4], to[4];
    weir_wg senders = WEIR_WG_INIT, receivers = WEIR_WG_INIT;
    split(from, row->a, c, ops);
    split(to, row->b, c, ops);
    for (int i = 0; i < row->b; i++)
        must(weir_wg_go(&receivers, receiver, &to[i]));
    for (int i = 0; i < row->a; i++)
        must(weir_wg_go(&senders, sender, &from[i]));
    must(weir_wg_wait(&senders, NULL));
    must(weir_chan_close(c));
    must(weir_wg_wait(&receivers, NULL));
    int64_t sum = 0;
    for (int i = 0; i < row->b; i++)
        sum += to[i].sum;
    expect("sum", sum, ops * (ops - 1) / 2);
    weir_chan_unref(c);
}

static void *receiver_thread(void *arg)
{
    receiver(arg);
    return NULL;
}

static void *sender_thread(void *arg)
{
    sender(arg);
    return NULL;
}

static void by_threads(const struct row *row, int64_t ops)
{
    (void)row;
    weir_chan *c = new_chan(CAPACITY);
    struct side from, to;
    split(&from, 1, c, ops);
    split(&to, 1, c, ops);
    pthread_t r, s;
    must(-pthread_create(&r, NULL, receiver_thread, &to));
    must(-pthread_create(&s, NULL, sender_thread, &from));
    must(-pthread_join(s, NULL));
    must(weir_chan_close(c));
    must(-pthread_join(r, NULL));
    expect("sum", to.sum, ops * (ops - 1) / 2);
    weir_chan_unref(c);
}

const struct row buffer_rows[] = {
    {"buffer-1-1", by_tasks, 1, 1, FROM_TASK},
    {"buffer-4-1", by_tasks, 4, 1, FROM_TASK},
    {"buffer-1-4", by_tasks, 1, 4, FROM_TASK},
    {"buffer-4-4", by_tasks, 4, 4, FROM_TASK},
    {"buffer-threads", by_threads, 1, 1, FROM_THREAD},
    {NULL, NULL, 0, 0, FROM_TASK},
};
