/* SPDX-License-Identifier: MIT */
/*
 * Publisher and subscribers through `mem:`: an operation is an event made,
 * published, received by each group, acknowledged and freed. The topic keeps
 * at most 4,096 messages, so the publisher waits for the slowest group.
 */
#include "bench.h"

enum { BATCH = 32, GROUPS_MOST = 4 };

static const char url[] = "mem:bench?max_messages=4096";

struct group {
    weir_sub *sub;
    int64_t ops;
    size_t batch;
};

static void consume(void *arg)
{
    const struct group *g = arg;
    weir_message *m[BATCH];
    for (int64_t next = 0; next < g->ops;) {
        ptrdiff_t n = weir_sub_recv_n(g->sub, m, g->batch, NULL);
        if (n < 0)
            must((int)n);
        for (ptrdiff_t i = 0; i < n; i++)
            expect("next", *(const int64_t *)m[i]->event->payload, next++);
        must(weir_message_ack_n(m, (size_t)n, NULL));
        for (ptrdiff_t i = 0; i < n; i++)
            weir_message_free(m[i]);
    }
}

static void publish(weir_pub *p, int64_t ops, size_t batch)
{
    weir_post posts[BATCH] = {{NULL, NULL, 0, false}};
    for (int64_t i = 0; i < ops;) {
        size_t n = 0;
        for (; n < batch && i < ops; n++, i++)
            must(weir_event_new(
                &posts[n].event,
                &(weir_event_opts){.payload = &i, .size = sizeof(i)}));
        expect("published", weir_pub_publish_n(p, posts, n, NULL), (int64_t)n);
        for (size_t k = 0; k < n; k++)
            weir_event_unref(posts[k].event);
    }
}

/* a groups, batches of b. */
static void pub(const struct row *row, int64_t ops)
{
    struct group groups[GROUPS_MOST];
    weir_wg done = WEIR_WG_INIT;
    weir_pub *p;
    must(weir_pub_open(&p, url, NULL));
    for (int i = 0; i < row->a; i++) {
        groups[i] = (struct group){NULL, ops, (size_t)row->b};
        must(weir_sub_open(&groups[i].sub, url, NULL, NULL));
        must(weir_wg_go(&done, consume, &groups[i]));
    }
    publish(p, ops, (size_t)row->b);
    must(weir_wg_wait(&done, NULL));
    for (int i = 0; i < row->a; i++)
        weir_sub_free(groups[i].sub);
    weir_pub_free(p);
    must(weir_topic_remove(url, NULL));
}

const struct row pub_rows[] = {
    {"mem-1", pub, 1, 1, FROM_TASK},
    {"mem-4", pub, 4, 1, FROM_TASK},
    {"mem-batch", pub, 1, BATCH, FROM_TASK},
    {"mem-4-batch", pub, 4, BATCH, FROM_TASK},
    {NULL, NULL, 0, 0, FROM_TASK},
};
