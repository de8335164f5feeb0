/* SPDX-License-Identifier: MIT */
#include "jobs.h"

#include <weir/stats.h>

static void free_element(void *elem)
{
    job_free(*(struct job **)elem);
}

static size_t size_of_element(const void *elem, void *arg)
{
    (void)arg;
    return (*(struct job *const *)elem)->record.len + 1;
}

static void count_drop(weir_chan *c, const void *elem, enum weir_drop reason,
                       void *arg)
{
    static const enum drop_reason reasons[WEIR_DROPS] = {
        [WEIR_DROP_NEWEST] = DROP_NEWEST,
        [WEIR_DROP_FIRST] = DROP_OLDEST,
        [WEIR_DROP_STALE] = DROP_LATEST,
        [WEIR_DROP_SAMPLED] = DROP_SAMPLED,
    };
    struct jobs *j = arg;
    (void)c;
    (void)elem;
    if (reason == WEIR_DROP_LEFT)
        j->ledger->left++;
    else
        j->ledger->dropped[reasons[reason]]++;
}

/* The lock makes sure that the reader, who looks before he waits, waits. */
static void wake_reader(weir_chan *c, void *arg)
{
    struct jobs *j = arg;
    (void)c;
    weir_mutex_lock(&j->lock, NULL);
    weir_cond_signal(&j->lowered);
    weir_mutex_unlock(&j->lock);
}

int jobs_init(struct jobs *j, uint64_t capacity, const struct flow_settings *s,
              const struct rate *rate, struct ledger *l)
{
    *j = (struct jobs){.ledger = l, .high = s->high, .rate = *rate};
    weir_bucket_opts tokens = {.rate = (int64_t)rate->rate,
                               .per = rate->per,
                               .burst = (int64_t)rate->burst};
    weir_bucket_init(&j->bucket, &tokens);
    j->early = s->policy != WEIR_BLOCK && rate->rate > 0 && !rate->bytes;
    weir_chan_opts o = {.elem_size = sizeof(struct job *),
                        .capacity = s->policy == WEIR_LATEST ? 1 : capacity,
                        .name = "jobs",
                        .destroy = free_element,
                        .policy = s->policy,
                        .sample_every = s->sample_every,
                        .hooks = {.on_drop = count_drop, .arg = j},
                        .high = s->high,
                        .low = s->low,
                        .timed_every = 1};
    if (s->max_bytes) {
        o.max_bytes = s->max_bytes;
        o.size_of = size_of_element;
    }
    if (s->high)
        o.hooks.on_low = wake_reader;
    j->chan = weir_chan_new_with(&o);
    if (!j->chan)
        return WEIR_ENOMEM;
    l->look = jobs_look;
    l->arg = j;
    return 0;
}

void jobs_fini(struct jobs *j)
{
    weir_chan_unref(j->chan);
    j->chan = NULL;
}

static int wait_low(struct jobs *j, weir_ctx *ctx)
{
    int code = 0;
    if (!j->high || !weir_chan_is_high(j->chan))
        return 0;
    int64_t since = weir_now();
    weir_mutex_lock(&j->lock, NULL);
    while (!code && weir_chan_is_high(j->chan))
        code = weir_cond_wait(&j->lowered, &j->lock, ctx);
    weir_mutex_unlock(&j->lock);
    j->paused += weir_now() - since;
    return code;
}

int jobs_put(struct jobs *j, struct job *job, weir_ctx *ctx)
{
    int code = wait_low(j, ctx);
    if (!code)
        code = weir_chan_send(j->chan, &job, ctx);
    if (code != WEIR_FULL && code != WEIR_LIMIT)
        return code;
    j->overrun = code == WEIR_FULL;
    j->ledger->dropped[j->overrun ? DROP_REFUSED : DROP_TOO_BIG]++;
    job_free(job);
    return j->overrun ? WEIR_FULL : 0;
}

void jobs_close(struct jobs *j)
{
    weir_chan_close(j->chan);
}

/* Waits for n at the rate; more than a burst in parts. */
static int pay(struct jobs *j, uint64_t n, weir_ctx *ctx)
{
    int code = 0;
    while (j->rate.rate > 0 && n > 0 && !code) {
        uint64_t part = n < j->rate.burst ? n : j->rate.burst;
        code = weir_bucket_wait(&j->bucket, (int64_t)part, ctx);
        n -= part;
    }
    return code;
}

/* Under taking. */
static int take(struct jobs *j, struct job **job, weir_ctx *ctx)
{
    int code = 0;
    if (j->early && !j->paid) {
        code = pay(j, 1, ctx);
        j->paid = code == 0;
    }
    if (!code)
        code = weir_chan_recv(j->chan, job, ctx);
    if (!code) {
        (*job)->turn = ++j->turns;
        j->paid = false;
    }
    return code;
}

int jobs_take(struct jobs *j, struct job **job, weir_ctx *ctx)
{
    int code = weir_mutex_lock(&j->taking, ctx);
    if (code)
        return code;
    code = take(j, job, ctx);
    weir_mutex_unlock(&j->taking);
    /* When ctx ends meanwhile, the job is taken all the same. */
    if (!code && !j->early)
        pay(j, j->rate.bytes ? (*job)->record.len + 1 : 1, ctx);
    return code;
}

static unsigned percent(uint64_t part, uint64_t whole)
{
    return whole ? (unsigned)(100.0 * (double)part / (double)whole) : 0;
}

struct flow_state jobs_look(void *arg)
{
    struct jobs *j = arg;
    weir_chan_stats s;
    struct flow_state f = {0};
    if (!j->chan || weir_chan_get_stats(j->chan, &s))
        return f;
    unsigned bytes = percent(s.highest_bytes, s.max_bytes);
    f.fill = (unsigned)(100.0 * s.utilization);
    f.highest = percent(s.highest, s.capacity);
    if (bytes > f.highest)
        f.highest = bytes;
    f.blocked = s.blocked_send + j->paused;
    f.oldest = s.oldest;
    f.p99 = s.residence_p99;
    return f;
}
