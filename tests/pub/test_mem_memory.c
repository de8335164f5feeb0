/* SPDX-License-Identifier: MIT */
/* The engine `mem` without memory: every allocation fails once, and the call
 * that it was for has done nothing, or what it says. And memory returns. */
#include "mem_checks.h"

enum { MESSAGES = 12, KEYS = 3, BURST = 2000 };

/* The one allocation that fails has been met. */
static bool met;

/* Makes a call, once more if it was the one. */
#define TRY(call)                                                              \
    __extension__({                                                            \
        ptrdiff_t r_ = (call);                                                 \
        if (r_ == WEIR_ENOMEM) {                                               \
            must(!met);                                                        \
            met = true;                                                        \
            wr_mem_fail_after(-1);                                             \
            r_ = (call);                                                       \
        }                                                                      \
        r_;                                                                    \
    })

struct script {
    weir_url *url, *dead;
    void *pub, *sub, *own;
    weir_event *events[MESSAGES];
    int64_t budget;
    int stored, acked, died;
};

static const weir_engine *mem(void)
{
    return wr_mem_engine();
}

static void open_all(struct script *s)
{
    const weir_sub_opts shared = {.group = "g", .max_deliveries = 2}, own = {0};
    weir_why why;

    must_eq(TRY(mem()->pub_open(&s->pub, s->url, &why)), 0);
    must_eq(TRY(mem()->sub_open(&s->sub, s->url, &shared, &why)), 0);
    must_eq(TRY(mem()->sub_open(&s->own, s->url, &own, &why)), 0);
}

static void publish_all(struct script *s)
{
    static const char *const ids[MESSAGES] = {"1", "2", NULL, "4"};
    weir_post posts[MESSAGES];
    ptrdiff_t n;

    for (int i = 0; i < MESSAGES; i++)
        posts[i] = (weir_post){.event = s->events[i], .id = ids[i]};
    posts[MESSAGES - 1].event = NULL;
    for (size_t done = 0; done < MESSAGES; done += (size_t)n) {
        n = TRY(mem()->publish(s->pub, posts + done, MESSAGES - done, NULL));
        must(n > 0);
    }
    for (int i = 0; i < MESSAGES; i++)
        must(posts[i].seq == (uint64_t)i + 1 && !posts[i].duplicate);
    s->stored = MESSAGES;
    must_eq(TRY(mem()->publish(s->pub, posts, 1, NULL)), 1);
    must(posts[0].duplicate);
}

static void settle_one(struct script *s, weir_delivery *d)
{
    const uint32_t turn = (uint32_t)d->message.seq % 4;
    int code;

    if (turn == 0) { /* dead after the second time */
        must_eq(
            TRY(mem()->settle(s->sub, &d, 1, WEIR_SETTLE_NAK, 0, &code, NULL)),
            0);
        s->died += d->message.deliveries == 2;
    } else if (turn == 1) {
        must_eq(
            TRY(mem()->settle(s->sub, &d, 1, WEIR_SETTLE_TERM, 0, &code, NULL)),
            0);
        s->died++;
    } else {
        must_eq(
            TRY(mem()->settle(s->sub, &d, 1, WEIR_SETTLE_ACK, 0, &code, NULL)),
            0);
        s->acked++;
    }
    must_eq(code, 0);
    mem()->delivery_free(s->sub, d, false);
    check_topic(((struct wr_mem_sub *)s->sub)->topic);
}

static void work_off(struct script *s)
{
    weir_delivery *d[4];
    ptrdiff_t n;

    while ((n = TRY(mem()->recv(s->sub, d, 4, true, NULL))) != WEIR_EMPTY) {
        must(n > 0);
        check_topic(((struct wr_mem_sub *)s->sub)->topic);
        for (ptrdiff_t i = 0; i < n; i++)
            settle_one(s, d[i]);
    }
    must_eq(s->acked + s->died, s->stored);
    for (size_t got = 0; got < 4; got += (size_t)n) { /* it may get some */
        n = TRY(mem()->recv(s->own, d + got, 4 - got, true, NULL));
        must(n > 0);
    }
    for (int i = 0; i < 4; i++)
        mem()->delivery_free(s->own, d[i], true);
}

static void count_all(struct script *s)
{
    weir_topic_counts c;
    weir_sub_counts counts;

    must_eq(mem()->sub_counts(s->sub, &counts, NULL), 0);
    must_eq(counts.waiting + counts.pending + counts.lost, 0);
    must_eq(counts.dead, s->died);
    must_eq(TRY(mem()->topic_counts(s->dead, &c, NULL)), 0);
    must_eq(c.messages, s->died);
    must_eq(mem()->sub_counts(s->own, &counts, NULL), 0);
    must_eq(counts.waiting, MESSAGES);
}

static void close_all(struct script *s)
{
    mem()->sub_close(s->sub);
    mem()->sub_free(s->sub);
    mem()->sub_close(s->own);
    mem()->sub_free(s->own);
    mem()->pub_close(s->pub);
    mem()->pub_free(s->pub);
    must_eq(mem()->topic_remove(s->url, NULL), 0);
    must_eq(mem()->topic_remove(s->dead, NULL), 0);
}

static void run_script(struct script *s)
{
    static const char *const keys[KEYS] = {NULL, "a", "b"};

    *s = (struct script){.budget = s->budget};
    s->url = mem_url("mem:script");
    s->dead = mem_url("mem:script.dead");
    for (int i = 0; i < MESSAGES; i++)
        s->events[i] = mem_event(i, keys[i % KEYS]);
    met = false;
    wr_mem_fail_after(s->budget);
    open_all(s);
    publish_all(s);
    work_off(s);
    count_all(s);
    wr_mem_fail_after(-1);
    close_all(s);
    for (int i = 0; i < MESSAGES; i++)
        weir_event_unref(s->events[i]);
    weir_url_free(s->url);
    weir_url_free(s->dead);
}

START_TEST(each_allocation_may_fail)
{
    struct script s = {.budget = 0};

    do {
        run_script(&s);
        s.budget++;
    } while (met);
    must(s.budget > 30);
}
END_TEST

START_TEST(it_says_that_there_is_no_memory)
{
    weir_url *url = mem_url("mem:nothing");
    const weir_sub_opts o = {.group = "g"};
    weir_why why[2] = {{""}, {""}};
    void *p, *s;

    wr_mem_fail_after(0);
    must_eq(mem()->pub_open(&p, url, &why[0]), WEIR_ENOMEM);
    must_eq(mem()->sub_open(&s, url, &o, &why[1]), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must(strstr(why[0].text, "memory") && strstr(why[1].text, "memory"));
    weir_url_free(url);
}
END_TEST

/* ---- what cannot be buried ----------------------------------------------- */

static struct wr_mem_sub *mortal(void)
{
    return mem_sub("mem:burial",
                   (weir_sub_opts){.group = "g", .max_deliveries = 1});
}

/* A free does not fail: the message is in flight until its time is over. */
START_TEST(a_free_without_memory_leaves_it_to_its_time)
{
    struct wr_mem_pub *p = mem_pub("mem:burial");
    struct wr_mem_sub *s = mortal();
    weir_delivery *d;

    must_eq(mem_post(p, 1, "key", NULL, NULL), 1);
    must_eq(mem_post(p, 2, "key", NULL, NULL), 1);
    d = mem_take(s);
    wr_mem_fail_after(0);
    wr_mem_delivery_free(s, d, true);
    check_topic(s->topic);
    must_eq(s->group->in_flight, 1);
    must_eq(s->group->dead, 0);
    wr_mem_fail_after(-1);
    must(mem_take(s) == NULL);
    wr_mem_fail_after(0);
    s->group->heap.rows[0]->due = 1;
    must_eq(wr_mem_recv(s, &d, 1, true, NULL), WEIR_ENOMEM);
    must_eq(wr_mem_recv(s, &d, 1, true, NULL), WEIR_ENOMEM);
    check_topic(s->topic);
    must_eq(s->group->rows, 2);
    wr_mem_fail_after(-1);
    d = mem_take(s); /* the second, as the first is dead now */
    must_eq(d->message.seq, 2);
    must_eq(s->group->dead, 1);
    wr_mem_delivery_free(s, d, true);
    must_eq(s->group->dead, 2);
    mem_sub_end(s);
    mem_pub_end(p);
}
END_TEST

/* ---- memory returns ------------------------------------------------------ */

static size_t spares(const struct wr_mem_sub *s)
{
    const struct wr_mem_delivery *d = s->spare;
    size_t n = s->freed_count;

    for (; d != NULL; d = d->next)
        n++;
    return n;
}

static void burst(struct wr_mem_pub *p, struct wr_mem_sub *s)
{
    weir_delivery **d = calloc(BURST, sizeof(weir_delivery *));
    char key[16], id[16];
    int *codes = calloc(BURST, sizeof(int));

    must(d != NULL && codes != NULL);
    for (int i = 0; i < BURST; i++) {
        snprintf(key, sizeof key, "%d", i % (BURST / 2));
        snprintf(id, sizeof id, "%d", i);
        must_eq(mem_post(p, i, key, id, NULL), 1);
    }
    for (int half = 0; half < 2; half++) { /* one of each key, and the other */
        must_eq(wr_mem_recv(s, d, BURST, true, NULL), BURST / 2);
        must(s->group->heap.room >= BURST / 2);
        must(s->group->keys.buckets != NULL);
        must_eq(wr_mem_settle(s, d, BURST / 2, WEIR_SETTLE_ACK, 0, codes), 0);
        for (int i = 0; i < BURST / 2; i++)
            wr_mem_delivery_free(s, d[i], false);
    }
    must(mem_take(s) == NULL);
    free(codes);
    free(d);
}

START_TEST(memory_returns_after_a_burst)
{
    struct wr_mem_pub *p = mem_pub("mem:burst?dedup=1ns");
    struct wr_mem_pub *small = mem_pub("mem:burst?max_messages=1&dedup=1ns");
    struct wr_mem_sub *s = mem_sub("mem:burst", (weir_sub_opts){.group = "g"});
    const struct wr_mem_topic *t = s->topic;

    burst(p, s);
    must_eq(s->group->rows, 0);
    must(s->group->heap.room <= 32);
    must(s->group->keys.buckets == NULL || s->group->keys.mask < 64);
    must(spares(s) <= 2 * WR_MEM_SPARE);
    must(t->spare_count <= WR_MEM_SPARE);
    must_eq(mem_post(small, 1, NULL, "last", NULL), 1);
    must_eq(t->log.first, t->log.last);
    must_eq(t->log.room, 8);
    must(t->ids.table.count <= 5);
    check_topic(t);
    mem_sub_end(s);
    mem_pub_end(small);
    mem_pub_end(p);
}
END_TEST

/* A topic that was removed has nothing left, though handles have it. */
START_TEST(a_removed_topic_is_empty)
{
    struct wr_mem_pub *p = mem_pub("mem:gone");
    struct wr_mem_sub *s = mem_sub("mem:gone", (weir_sub_opts){.group = "g"});
    weir_url *url = mem_url("mem:gone");
    weir_delivery *d;

    for (int i = 0; i < BURST; i++)
        must_eq(mem_post(p, i, NULL, i < 10 ? "id" : NULL, NULL), 1);
    d = mem_take(s);
    must_eq(wr_mem_engine()->topic_remove(url, NULL), 0);
    must(p->topic->log.base == p->topic->log.first);
    must_eq(wr_mem_log_count(&p->topic->log), 0);
    must_eq(p->topic->ids.table.count, 0);
    must_eq(p->topic->group_count, 0);
    must_eq(p->topic->spare_count, 0);
    must(d->message.event->size == sizeof(int)); /* but what is in hand */
    wr_mem_delivery_free(s, d, true);
    mem_sub_end(s);
    mem_pub_end(p);
    weir_url_free(url);
}
END_TEST

/* max_bytes says nothing of events that have none. */
START_TEST(a_topic_of_empty_events_is_bounded)
{
    enum { BATCH = 4096 };
    static weir_post posts[BATCH];
    weir_pub *p = NULL;
    weir_topic_counts c;

    must_eq(weir_pub_open(&p, "mem:empty?on_full=error", NULL), 0);
    for (int i = 0; i < (1 << 20) / BATCH; i++)
        must_eq(weir_pub_publish_n(p, posts, BATCH, NULL), BATCH);
    must_eq(weir_pub_publish(p, NULL, NULL, NULL), WEIR_FULL);
    must_eq(weir_topic_get_counts("mem:empty", &c, NULL), 0);
    must_eq(c.messages, 1 << 20);
    must_eq(c.bytes, 0);
    weir_pub_free(p);
    must_eq(weir_topic_remove("mem:empty", NULL), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(each_allocation_may_fail),
           CHECK_TEST(a_topic_of_empty_events_is_bounded),
           CHECK_TEST(it_says_that_there_is_no_memory),
           CHECK_TEST(a_free_without_memory_leaves_it_to_its_time),
           CHECK_TEST(memory_returns_after_a_burst),
           CHECK_TEST(a_removed_topic_is_empty))
