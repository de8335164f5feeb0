/* SPDX-License-Identifier: MIT */
/*
 * The engine `mem`: topics in the memory of this process, shared by all its
 * publishers and subscriptions. Nothing survives it.
 *
 * Costs. Events are shared by reference. A message takes a slot of 40 bytes
 * in the topic's log, and one with an id a piece of memory more, which lasts
 * as long as the id is known; a message that is delivered and not settled, or
 * that waits behind another of its key, a row in its group of 128 bytes. All
 * else is reused. A publish, a receive and a settling take the topic's lock
 * once, for whole batches; a publish costs a step for each group, and none of
 * them grows with the number of messages, but by the logarithm of those that
 * are in flight. Only, what waits behind its key is passed by a receive, and
 * what is too old or in the way taken away by any call, as many as there are:
 * each message once in a group. A last delivery that is over costs a task,
 * which looks at all that is in flight in the group.
 *
 * Limits. max_bytes, 64M by default, counts the type, the key, the headers,
 * the payload and the id of a message, and not what the message, its event
 * and its rows cost beside; max_messages, 1048576 by default, bounds that. What
 * is too old (max_age) is never delivered, and goes when the topic is called
 * next. A message of another publisher without max_age, when it is the oldest,
 * holds the place of the old ones behind it.
 *
 * Dead letters never wait: a topic that is full gives its oldest for them,
 * within the limits of its newest publisher, or the default ones.
 */
#include <errno.h>
#include <string.h>
#include <weir/time.h>

#include "base/mem.h"
#include "event/engine.h"
#include "event/mem_topic.h"

static const char DEAD[] = ".dead";

/* ---- URLs ---------------------------------------------------------------- */

static int no_memory(weir_why *why)
{
    return weir_why_set(why, WEIR_ENOMEM, "out of memory");
}

/* 0, or WEIR_EINVAL. */
static int check(const weir_url *url, weir_why *why)
{
    if (!*url->rest)
        return weir_why_set(why, WEIR_EINVAL, "%s: no topic; mem:NAME has one",
                            url->text);
    return weir_url_check(url, NULL, 0, why);
}

static int explain(int err, const weir_url *url, weir_why *why)
{
    if (err == WEIR_ENOMEM)
        return no_memory(why);
    if (err == -ENOENT)
        return weir_why_set(why, err, "%s: there is no such topic", url->text);
    return err ? weir_why_set(why, err, "%s: %s", url->text, weir_strerror(err))
               : 0;
}

/* The topic, with a reference, and locked. */
static int enter(struct wr_mem_topic **t, const weir_url *url, bool make,
                 weir_why *why)
{
    for (;;) {
        int err = wr_mem_topic_get(t, url->rest, make);
        if (err)
            return explain(err, url, why);
        err = wr_mem_enter(*t);
        if (!err && !(*t)->removed)
            return 0;
        if (!err)
            wr_mem_leave(*t);
        wr_mem_topic_put(*t);
        if (err)
            return explain(err, url, why);
    }
}

/* ---- publishers ---------------------------------------------------------- */

static int pub_open(void **out, const weir_url *url, weir_why *why)
{
    weir_limits limits = {
        .max_bytes = WR_MEM_MAX_BYTES,
        .max_messages = WR_MEM_MAX_MESSAGES,
        .on_full = WEIR_BLOCK,
        .dedup = 2 * WEIR_MINUTE,
    };
    int err = check(url, why);
    if (!err)
        err = weir_url_limits(url, &limits, why);
    if (err)
        return err;
    struct wr_mem_pub *p = wr_alloc(sizeof(*p));
    if (!p)
        return no_memory(why);
    p->limits = limits;
    err = enter(&p->topic, url, true, why);
    if (err) {
        wr_free(p);
        return err;
    }
    p->topic->limits = limits;
    p->topic->aged |= limits.max_age > 0;
    if (p->topic->ids.keep < limits.dedup)
        p->topic->ids.keep = limits.dedup;
    wr_mem_leave(p->topic);
    *out = p;
    return 0;
}

static ptrdiff_t publish(void *pub, weir_post *posts, size_t n, weir_ctx *ctx)
{
    return wr_mem_publish(pub, posts, n, ctx);
}

static void pub_close(void *pub)
{
    struct wr_mem_pub *p = pub;
    if (wr_mem_enter(p->topic))
        return;
    p->closed = true;
    wr_mem_wake_all(p->topic, &p->topic->room, p);
    wr_mem_leave(p->topic);
}

static void pub_free(void *pub)
{
    struct wr_mem_pub *p = pub;
    wr_mem_topic_put(p->topic);
    wr_free(p);
}

/* ---- subscriptions ------------------------------------------------------- */

/* The name of the topic for its dead letters is behind it. */
static struct wr_mem_sub *sub_new(const weir_url *url, const weir_sub_opts *o)
{
    const char *name = o->dead_letter ? o->dead_letter : url->rest;
    const size_t size = strlen(name);
    struct wr_mem_sub *s = wr_alloc(sizeof(*s) + size + sizeof(DEAD));
    if (!s)
        return NULL;
    s->graveyard = memcpy(s + 1, name, size);
    if (!o->dead_letter)
        memcpy(s->graveyard + size, DEAD, sizeof(DEAD));
    s->ack_wait = o->ack_wait ? o->ack_wait : 30 * WEIR_SECOND;
    s->max_deliveries = o->max_deliveries;
    return s;
}

/* Locked. 0, WEIR_ENOMEM. */
static int join(struct wr_mem_sub *s, const weir_sub_opts *o)
{
    struct wr_mem_topic *t = s->topic;
    struct wr_mem_group *g = o->group ? wr_mem_group_find(t, o->group) : NULL;
    if (!g)
        g = wr_mem_group_new(t, o);
    if (!g)
        return WEIR_ENOMEM;
    g->subs++;
    s->group = g;
    s->lost = g->lost;
    wr_mem_mortal(s);
    return 0;
}

static int sub_open(void **out, const weir_url *url, const weir_sub_opts *o,
                    weir_why *why)
{
    int err = check(url, why);
    if (err)
        return err;
    if (o->dead_letter && strcmp(o->dead_letter, url->rest) == 0)
        return weir_why_set(why, WEIR_EINVAL,
                            "%s: a topic cannot have its own dead letters",
                            url->text);
    struct wr_mem_sub *s = sub_new(url, o);
    if (!s)
        return no_memory(why);
    err = enter(&s->topic, url, true, why);
    if (!err) {
        err = join(s, o);
        wr_mem_leave(s->topic);
        if (err) {
            no_memory(why);
            wr_mem_topic_put(s->topic);
        }
    }
    if (err)
        wr_free(s);
    else
        *out = s;
    return err;
}

static ptrdiff_t recv(void *sub, weir_delivery **d, size_t n, bool now,
                      weir_ctx *ctx)
{
    return wr_mem_recv(sub, d, n, now, ctx);
}

/* Waits for nothing that a context could end. */
static int settle(void *sub, weir_delivery *const *d, size_t n,
                  enum weir_settle how, int64_t delay, int *codes,
                  weir_ctx *ctx)
{
    (void)ctx;
    return wr_mem_settle(sub, d, n, how, delay, codes);
}

static void delivery_free(void *sub, weir_delivery *d, bool give_back)
{
    wr_mem_delivery_free(sub, d, give_back);
}

static void sub_close(void *sub)
{
    struct wr_mem_sub *s = sub;
    if (wr_mem_enter(s->topic))
        return;
    s->closed = true;
    wr_mem_group_wake_sub(s->group, s);
    wr_mem_leave(s->topic);
}

static void sub_free(void *sub)
{
    struct wr_mem_sub *s = sub;
    if (wr_mem_enter(s->topic))
        return;
    struct wr_mem_topic *t = s->topic;
    wr_mem_not_mortal(s);
    wr_mem_group_put(s->group);
    wr_mem_deliveries_free(s);
    s->over = true;
    if (!s->buries)
        wr_free(s);
    wr_mem_leave(t);
    wr_mem_topic_put(t);
}

static int sub_counts(void *sub, weir_sub_counts *out, weir_ctx *ctx)
{
    (void)ctx;
    const struct wr_mem_sub *s = sub;
    const struct wr_mem_group *g = s->group;
    struct wr_mem_topic *t = s->topic;
    int err = wr_mem_enter(t);
    if (err)
        return err;
    if (t->aged)
        wr_mem_expire(t, weir_now());
    err = g->removed ? WEIR_CLOSED : 0;
    out->waiting = g->rows - g->in_flight;
    if (g->cursor <= t->log.last)
        out->waiting += t->log.last + 1 - g->cursor;
    out->pending = g->in_flight;
    out->dead = g->dead;
    out->lost = g->lost;
    wr_mem_leave(t);
    return err;
}

/* ---- topics -------------------------------------------------------------- */

static int topic_counts(const weir_url *url, weir_topic_counts *out,
                        weir_why *why)
{
    struct wr_mem_topic *t;
    int err = check(url, why);
    if (!err)
        err = enter(&t, url, false, why);
    if (err)
        return err;
    if (t->aged)
        wr_mem_expire(t, weir_now());
    *out = (weir_topic_counts){
        .messages = wr_mem_log_count(&t->log),
        .bytes = t->log.bytes,
        .first = t->log.first,
        .last = t->log.last,
        .groups = t->group_count,
    };
    wr_mem_leave(t);
    wr_mem_topic_put(t);
    return 0;
}

static int topic_remove(const weir_url *url, weir_why *why)
{
    const int err = check(url, why);
    return err ? err : explain(wr_mem_topic_remove(url->rest), url, why);
}

static int group_remove(const weir_url *url, const char *name, weir_why *why)
{
    struct wr_mem_topic *t;
    int err = check(url, why);
    if (!err)
        err = enter(&t, url, false, why);
    if (err)
        return err;
    struct wr_mem_group *g = *name ? wr_mem_group_find(t, name) : NULL;
    if (g)
        wr_mem_group_remove(g);
    else
        err = weir_why_set(why, -ENOENT, "%s: there is no group %s", url->text,
                           name);
    wr_mem_leave(t);
    wr_mem_topic_put(t);
    return err;
}

const weir_engine *wr_mem_engine(void)
{
    static const weir_engine engine = {
        .size = sizeof(engine),
        .caps = {.engine = "mem",
                 .dedup = true,
                 .delay = true,
                 .in_progress = true,
                 .dead_letter = true,
                 .key_order = true,
                 .from_seq = true,
                 .from_time = true,
                 .block = true,
                 .headers = true,
                 .max_message = PTRDIFF_MAX},
        .pub_open = pub_open,
        .publish = publish,
        .pub_close = pub_close,
        .pub_free = pub_free,
        .sub_open = sub_open,
        .recv = recv,
        .settle = settle,
        .delivery_free = delivery_free,
        .sub_close = sub_close,
        .sub_free = sub_free,
        .sub_counts = sub_counts,
        .topic_counts = topic_counts,
        .topic_remove = topic_remove,
        .group_remove = group_remove,
    };
    return &engine;
}
