/* SPDX-License-Identifier: MIT */
/*
 * An engine that does as it is told, for tests of what stands in front of the
 * engines: it has one topic, whose messages the test feeds, and notes what is
 * asked of it.
 */
#ifndef FAKE_H
#define FAKE_H

#include <errno.h>
#include <weir/engine.h>
#include "../chan/parties.h"
#include "base/mem.h"

enum { FAKE_MAX = 1 << 20 }; /* max_message */

static struct fake {
    weir_mutex lock; /* of the messages                                     */
    weir_cond news;
    int fed, taken;      /* messages 1..fed, of which taken are out         */
    uint32_t deliveries; /* of each; 0: 1                                   */

    /* What it does. */
    atomic_int open_code, publish_code, recv_code, settle_code, counts_code;
    atomic_bool expired, lapsed; /* what is settled had; what is renewed had */
    size_t at_most;              /* publishes of a batch, unless 0          */
    bool duplicate;
    /* Told of a call that begins; it waits for the gate then. */
    ints *publishing, *settling, *renewing;
    ints *gate;
    bool deaf; /* a close does not open the gate          */

    /* What it has seen. */
    weir_sub_opts opts;
    char url[200], group[300];
    atomic_int how; /* of the last settle                                   */
    atomic_llong delay;
    atomic_size_t n; /* of the last publish, recv or settle                 */
    atomic_bool now, pub_closed, sub_closed;
    atomic_int published, publish_calls, asked, settles, renewals, given_back;
    atomic_int busy; /* publishes                                           */
    atomic_int pub_closes, sub_closes;
    atomic_int pubs, subs, alive; /* handles, deliveries                    */
} fake;

static inline int fake_wait(ints *told, weir_ctx *ctx)
{
    int value = 0;

    if (told != NULL) {
        put(told, 1);
        return ints_recv(fake.gate, &value, ctx);
    }
    return 0;
}

static inline void fake_feed(int n)
{
    must_eq(weir_mutex_lock(&fake.lock, NULL), 0);
    fake.fed += n;
    weir_cond_broadcast(&fake.news);
    must_eq(weir_mutex_unlock(&fake.lock), 0);
}

/* ---- its calls ----------------------------------------------------------- */

static int fake_pub_open(void **pub, const weir_url *url, weir_why *why)
{
    snprintf(fake.url, sizeof fake.url, "%s", url->rest);
    if (fake.open_code == WEIR_LIMIT) /* it says why */
        return weir_why_set(why, WEIR_LIMIT, "%s is too far", url->rest);
    if (fake.open_code)
        return fake.open_code;
    *pub = &fake;
    atomic_fetch_add(&fake.pubs, 1);
    return 0;
}

static ptrdiff_t fake_store(weir_post *posts, size_t n, weir_ctx *ctx)
{
    const size_t k = fake.at_most && fake.at_most < n ? fake.at_most : n;
    const int err = fake_wait(fake.publishing, ctx);
    size_t i;

    if (err == WEIR_CLOSED || fake.pub_closed)
        return WEIR_CLOSED;
    if (err || fake.publish_code)
        return err ? err : fake.publish_code;
    for (i = 0; i < k; i++) {
        posts[i].seq = (uint64_t)atomic_fetch_add(&fake.published, 1) + 1;
        posts[i].duplicate = fake.duplicate;
    }
    return (ptrdiff_t)k;
}

static ptrdiff_t fake_publish(void *pub, weir_post *posts, size_t n,
                              weir_ctx *ctx)
{
    ptrdiff_t done;

    must(pub == &fake && n > 0);
    fake.n = n;
    atomic_fetch_add(&fake.publish_calls, 1);
    atomic_fetch_add(&fake.busy, 1);
    done = fake_store(posts, n, ctx);
    atomic_fetch_sub(&fake.busy, 1);
    return done;
}

static void fake_pub_close(void *pub)
{
    must(pub == &fake);
    fake.pub_closed = true;
    atomic_fetch_add(&fake.pub_closes, 1);
    if (fake.gate != NULL && !fake.deaf)
        ints_close(fake.gate);
}

static void fake_pub_free(void *pub)
{
    must(pub == &fake && fake.pub_closed);
    atomic_fetch_sub(&fake.pubs, 1);
}

static int fake_sub_open(void **sub, const weir_url *url,
                         const weir_sub_opts *o, weir_why *why)
{
    (void)why;
    snprintf(fake.url, sizeof fake.url, "%s", url->rest);
    snprintf(fake.group, sizeof fake.group, "%s", o->group ? o->group : "");
    fake.opts = *o;
    if (fake.open_code)
        return fake.open_code;
    *sub = &fake;
    atomic_fetch_add(&fake.subs, 1);
    return 0;
}

static weir_delivery *fake_deliver(void)
{
    weir_delivery *d = malloc(sizeof *d);

    must(d != NULL);
    memset(d, 0x5a, sizeof *d); /* but for its message, anything            */
    d->message =
        (weir_message){.seq = (uint64_t)++fake.taken,
                       .deliveries = fake.deliveries ? fake.deliveries : 1};
    atomic_fetch_add(&fake.alive, 1);
    return d;
}

static ptrdiff_t fake_recv(void *sub, weir_delivery **d, size_t n, bool now,
                           weir_ctx *ctx)
{
    ptrdiff_t got = 0;
    int err = fake.recv_code;

    must(sub == &fake && n > 0);
    must_eq(weir_mutex_lock(&fake.lock, NULL), 0);
    fake.n = n;
    fake.now = now;
    atomic_fetch_add(&fake.asked, 1);
    while (!err && !fake.sub_closed && fake.taken == fake.fed)
        err = now ? WEIR_EMPTY : weir_cond_wait(&fake.news, &fake.lock, ctx);
    if (fake.sub_closed)
        err = WEIR_CLOSED;
    while (!err && fake.taken < fake.fed && (size_t)got < n)
        d[got++] = fake_deliver();
    must_eq(weir_mutex_unlock(&fake.lock), 0);
    if (err) /* who asks again at once leaves the others their turn */
        weir_yield();
    return err ? err : got;
}

static int fake_settle(void *sub, weir_delivery *const *d, size_t n,
                       enum weir_settle how, int64_t delay, int *codes,
                       weir_ctx *ctx)
{
    const bool expired =
        fake.expired || (fake.lapsed && how == WEIR_SETTLE_IN_PROGRESS);
    size_t i;
    int err = fake_wait(
        how == WEIR_SETTLE_IN_PROGRESS ? fake.renewing : fake.settling, ctx);

    must(sub == &fake && n > 0 && d[n - 1]->message.seq > 0);
    fake.how = (int)how;
    fake.delay = delay;
    fake.n = n;
    if (err || fake.settle_code)
        return err ? err : fake.settle_code;
    for (i = 0; i < n; i++)
        codes[i] = expired ? WEIR_EXPIRED : 0;
    atomic_fetch_add(how == WEIR_SETTLE_IN_PROGRESS ? &fake.renewals
                                                    : &fake.settles,
                     (int)n);
    return 0;
}

static void fake_delivery_free(void *sub, weir_delivery *d, bool give_back)
{
    must(sub == &fake && fake.subs > 0);
    atomic_fetch_add(&fake.given_back, give_back);
    atomic_fetch_sub(&fake.alive, 1);
    free(d);
}

static void fake_sub_close(void *sub)
{
    must(sub == &fake);
    must_eq(weir_mutex_lock(&fake.lock, NULL), 0);
    fake.sub_closed = true;
    weir_cond_broadcast(&fake.news);
    must_eq(weir_mutex_unlock(&fake.lock), 0);
    atomic_fetch_add(&fake.sub_closes, 1);
}

static void fake_sub_free(void *sub)
{
    must(sub == &fake && fake.sub_closed);
    must_eq(fake.alive, 0);
    atomic_fetch_sub(&fake.subs, 1);
}

static int fake_sub_counts(void *sub, weir_sub_counts *out, weir_ctx *ctx)
{
    must(sub == &fake);
    must_eq(weir_mutex_lock(&fake.lock, NULL), 0);
    out->waiting = (uint64_t)(fake.fed - fake.taken);
    must_eq(weir_mutex_unlock(&fake.lock), 0);
    out->received = 12345; /* not for it to say                             */
    (void)ctx;
    return fake.counts_code;
}

static int fake_topic_counts(const weir_url *url, weir_topic_counts *out,
                             weir_why *why)
{
    if (strcmp(url->rest, "none") == 0)
        return -ENOENT;
    *out = (weir_topic_counts){.messages = (uint64_t)fake.fed};
    (void)why;
    return 0;
}

static int fake_topic_remove(const weir_url *url, weir_why *why)
{
    (void)why;
    return strcmp(url->rest, "none") == 0 ? -ENOENT : 0;
}

static int fake_group_remove(const weir_url *url, const char *group,
                             weir_why *why)
{
    snprintf(fake.group, sizeof fake.group, "%s", group);
    return fake_topic_remove(url, why);
}

/* Of tests that change what it can do. */
static weir_engine fake_engine = {
    .size = sizeof(weir_engine),
    .caps = {.engine = "fake",
             .dedup = true,
             .delay = true,
             .in_progress = true,
             .dead_letter = true,
             .from_seq = true,
             .from_time = true,
             .headers = true,
             .max_message = FAKE_MAX},
    .pub_open = fake_pub_open,
    .publish = fake_publish,
    .pub_close = fake_pub_close,
    .pub_free = fake_pub_free,
    .sub_open = fake_sub_open,
    .recv = fake_recv,
    .settle = fake_settle,
    .delivery_free = fake_delivery_free,
    .sub_close = fake_sub_close,
    .sub_free = fake_sub_free,
    .sub_counts = fake_sub_counts,
    .topic_counts = fake_topic_counts,
    .topic_remove = fake_topic_remove,
    .group_remove = fake_group_remove,
};

/* ---- for the tests ------------------------------------------------------- */

/* As new. */
static inline void fake_start(void)
{
    const int err = weir_engine_register(&fake_engine);

    must(err == 0 || err == -EEXIST); /* without forks: of the test before  */
    memset(&fake, 0, sizeof fake);
}

/* Nothing of it is left. */
static inline void fake_end(void)
{
    must_eq(fake.pubs, 0);
    must_eq(fake.subs, 0);
    must_eq(fake.alive, 0);
    ints_unref(fake.publishing);
    ints_unref(fake.settling);
    ints_unref(fake.renewing);
    ints_unref(fake.gate);
}

static inline weir_pub *fake_pub(void)
{
    weir_pub *p = NULL;

    must_eq(weir_pub_open(&p, "fake:topic", NULL), 0);
    must(p != NULL);
    return p;
}

static inline weir_sub *fake_sub(const weir_sub_opts *o)
{
    weir_sub *s = NULL;

    must_eq(weir_sub_open(&s, "fake:topic", o, NULL), 0);
    must(s != NULL);
    return s;
}

static inline weir_message *receive(weir_sub *s)
{
    weir_message *m = NULL;

    must_eq(weir_sub_recv(s, &m, NULL), 0);
    must(m != NULL);
    return m;
}

static inline weir_sub_counts counts_of(weir_sub *s)
{
    weir_sub_counts n;

    must_eq(weir_sub_get_counts(s, &n, NULL), 0);
    must_eq(n.received, n.acked + n.naked + n.termed + n.expired + n.returned +
                            n.in_flight);
    return n;
}

#endif
