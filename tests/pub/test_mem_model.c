/* SPDX-License-Identifier: MIT */
/*
 * The engine `mem` against its model: the same random operations on both, and
 * after each the same results, the same counts, and the engine's invariants.
 * Time is moved on by taking it away from everything that the engine has
 * noted.
 *
 * Each run has a seed of its own, which is printed with a failure;
 * $WEIR_TEST_SEED runs one.
 */
#include "../stress/stress.h"
#include "mem_model.h"

enum { SUBS = 2, HELD = 24, BATCH = 5, STEPS = 300, RUNS = 300, PUBS = 2 };

static const char *const key_names[KEYS + 1] = {NULL, "a", "bb", "ccc", "dddd"};
static const char *const id_names[IDS] = {"0", "1", "2", "3", "4",  "5",
                                          "6", "7", "8", "9", "10", "11"};

struct held {
    weir_delivery *d;
    bool settled;
};

struct run {
    struct chance chance;
    struct model model;
    int64_t unit; /* a step of time */
    struct wr_mem_topic *topic;
    struct wr_mem_pub *pubs[PUBS];
    bool aged;     /* one of them has a max_age */
    uint64_t dead; /* of groups that are gone */
    struct {
        struct wr_mem_sub *sub; /* NULL: not open */
        uint64_t told;
        struct held held[HELD];
        int count;
    } subs[GROUPS][SUBS];
};

/* The model's time, later in each call. */
static int64_t tick(const struct run *r)
{
    static int64_t last;
    int64_t now;

    do
        now = weir_now();
    while (now <= last);
    last = now;
    return now + r->model.ahead;
}

static void advance(struct run *r)
{
    const int64_t ns = r->unit * (1 + below(&r->chance, 3));
    struct wr_mem_group *g;
    struct wr_mem_id *id;
    uint64_t s;

    r->model.ahead += ns;
    for (g = r->topic->groups; g != NULL; g = g->next)
        for (size_t i = 0; i < g->heap.count; i++)
            g->heap.rows[i]->due -= g->heap.rows[i]->due != 0 ? ns : 0;
    for (s = r->topic->log.first; s <= r->topic->log.last; s++)
        if (wr_mem_log_at(&r->topic->log, s)->expires != 0)
            wr_mem_log_at(&r->topic->log, s)->expires -= ns;
    for (id = r->topic->ids.oldest; id != NULL; id = id->newer)
        id->at -= ns;
}

/* ---- publishing ---------------------------------------------------------- */

static uint64_t bytes_of(int key, int id)
{
    return sizeof(int) + (key != 0 ? strlen(key_names[key]) : 0) +
           (id >= 0 ? strlen(id_names[id]) : 0);
}

static void publish(struct run *r)
{
    const struct wr_mem_pub *p = r->pubs[below(&r->chance, PUBS)];
    const int n = 1 + below(&r->chance, BATCH);
    weir_post posts[BATCH];
    int keys[BATCH], ids[BATCH], want = 0, err = 0;
    weir_ctx ended = WEIR_CTX_INIT;
    int64_t now;

    if (r->model.last + BATCH > MESSAGES)
        return;
    for (int i = 0; i < n; i++) {
        keys[i] = below(&r->chance, KEYS + 1);
        ids[i] = below(&r->chance, 3 * IDS) - 2 * IDS;
        posts[i] = (weir_post){.event = mem_event(i, key_names[keys[i]]),
                               .id = ids[i] >= 0 ? id_names[ids[i]] : NULL};
    }
    weir_ctx_cancel(&ended, 0);
    now = tick(r);
    const ptrdiff_t got =
        wr_mem_publish(r->pubs[p == r->pubs[1]], posts, (size_t)n, &ended);
    if (r->aged)
        model_expire(&r->model, now);
    for (; want < n; want++) {
        uint64_t seq = 0;

        err = model_publish(&r->model, &p->limits, keys[want], ids[want],
                            bytes_of(keys[want], ids[want]), now, &seq);
        if (err < 0)
            break;
        must_eq(posts[want].seq, seq);
        must_eq(posts[want].duplicate, err == 0);
    }
    if (err == WEIR_FULL && p->limits.on_full == WEIR_BLOCK)
        err = WEIR_CANCELED;
    must_eq(got, want > 0 ? want : err);
    for (int i = 0; i < n; i++)
        weir_event_unref(posts[i].event);
    must_eq(weir_ctx_fini(&ended), 0);
}

/* ---- receiving and settling ---------------------------------------------- */

/* A subscription that is open, by chance; -1 for *g: none. */
static int some_sub(struct run *r, int *g)
{
    const int s = below(&r->chance, SUBS);

    *g = below(&r->chance, GROUPS);
    if (r->subs[*g][s].sub == NULL)
        *g = -1;
    return s;
}

static void receive(struct run *r)
{
    int g, s = some_sub(r, &g);
    weir_delivery *d[BATCH];
    uint64_t seqs[BATCH], seen;
    ptrdiff_t want;

    if (g < 0 || r->subs[g][s].count + BATCH > HELD)
        return;
    struct model_group *group = &r->model.groups[g];
    const size_t n = 1 + (size_t)below(&r->chance, BATCH);
    const int64_t now = tick(r);
    const ptrdiff_t got = wr_mem_recv(r->subs[g][s].sub, d, n, true, NULL);
    if (r->aged)
        model_expire(&r->model, now);
    do { /* what it finds may be dead, or too old */
        seen = group->dead + group->lost;
        want = group->lost != r->subs[g][s].told
                   ? WEIR_LAGGED
                   : (ptrdiff_t)model_recv(&r->model, group, n, now, seqs);
    } while (want == 0 && seen != group->dead + group->lost);
    must_eq(got, want != 0 ? want : WEIR_EMPTY);
    if (want == WEIR_LAGGED)
        r->subs[g][s].told = group->lost;
    for (ptrdiff_t i = 0; i < got; i++) {
        must_eq(d[i]->message.seq, seqs[i]);
        must_eq(d[i]->message.deliveries, group->of[seqs[i]].deliveries);
        r->subs[g][s].held[r->subs[g][s].count++] = (struct held){d[i], false};
    }
}

/* Settles up to BATCH of those at the end of a subscription's. */
static void settle_some(struct run *r)
{
    int g, s = some_sub(r, &g), codes[BATCH];
    weir_delivery *d[BATCH];

    if (g < 0)
        return;
    const int have = r->subs[g][s].count;
    const int n = 1 + below(&r->chance, BATCH), from = have - n;
    if (from < 0)
        return;
    const enum weir_settle how = (enum weir_settle)below(&r->chance, 4);
    const int64_t delay = r->unit * below(&r->chance, 3);
    struct held *held = &r->subs[g][s].held[from];
    for (int i = 0; i < n; i++)
        d[i] = held[i].d;
    const int64_t now = tick(r);
    must_eq(wr_mem_settle(r->subs[g][s].sub, d, (size_t)n, how, delay, codes),
            0);
    for (int i = 0; i < n; i++) {
        must_eq(codes[i],
                model_settle(&r->model, &r->model.groups[g], d[i]->message.seq,
                             d[i]->message.deliveries, how, delay, now));
        if (how != WEIR_SETTLE_IN_PROGRESS || codes[i] != 0)
            held[i].settled = true;
    }
}

static void free_held(struct run *r, int g, int s, int i)
{
    struct held *held = r->subs[g][s].held;
    const weir_message *m = &held[i].d->message;
    const uint64_t seq = m->seq;
    const uint32_t deliveries = m->deliveries;

    wr_mem_delivery_free(r->subs[g][s].sub, held[i].d, !held[i].settled);
    if (r->model.groups[g].open && !held[i].settled &&
        model_current(&r->model.groups[g], seq, deliveries))
        model_give_back(&r->model, &r->model.groups[g], seq, 0);
    held[i] = held[--r->subs[g][s].count];
}

static void free_some(struct run *r)
{
    int g, s = some_sub(r, &g);

    if (g >= 0 && r->subs[g][s].count > 0)
        free_held(r, g, s, below(&r->chance, r->subs[g][s].count));
}

/* ---- handles ------------------------------------------------------------- */

static const char *const group_names[GROUPS] = {"g0", "g1", "g2"};

static void begin_group(struct run *r, int i, const weir_sub_opts *o)
{
    struct model_group *g = &r->model.groups[i];
    uint64_t s;

    memset(g, 0, sizeof *g);
    g->open = true;
    g->max_deliveries = o->max_deliveries;
    g->cursor = o->from == WEIR_FROM_END ? r->model.last + 1 : r->model.first;
    if (o->from == WEIR_FROM_SEQ && o->seq > r->model.first)
        g->cursor = o->seq;
    for (s = 0; s < g->cursor && s <= MESSAGES; s++)
        g->of[s].state = DONE;
}

static void open_sub(struct run *r, int i, int s)
{
    weir_sub_opts o = {.group = group_names[i],
                       .from = (enum weir_from)below(&r->chance, 3),
                       .seq = r->model.first + (uint64_t)below(&r->chance, 10),
                       .ack_wait = r->model.ack_wait,
                       .max_deliveries = i == 0 ? 0 : (uint32_t)i + 1};

    r->subs[i][s].sub = mem_sub("mem:model", o);
    if (!r->model.groups[i].open)
        begin_group(r, i, &o);
    r->subs[i][s].told = r->model.groups[i].lost;
}

static void close_sub(struct run *r, int i, int s)
{
    while (r->subs[i][s].count > 0)
        free_held(r, i, s, 0);
    mem_sub_end(r->subs[i][s].sub);
    r->subs[i][s].sub = NULL;
}

static void remove_group(struct run *r, int i)
{
    weir_url *url = mem_url("mem:model");
    struct model_group *g = &r->model.groups[i];

    must_eq(wr_mem_engine()->group_remove(url, group_names[i], NULL),
            g->open ? 0 : -ENOENT);
    weir_url_free(url);
    r->dead += g->open ? g->dead : 0;
    g->open = false;
    for (int s = 0; s < SUBS; s++) {
        weir_delivery *d;

        if (r->subs[i][s].sub == NULL)
            continue;
        must_eq(wr_mem_recv(r->subs[i][s].sub, &d, 1, true, NULL), WEIR_CLOSED);
        close_sub(r, i, s);
    }
}

static void change_handles(struct run *r)
{
    const int g = below(&r->chance, GROUPS), s = below(&r->chance, SUBS);

    if (below(&r->chance, 10) == 0)
        remove_group(r, g);
    else if (r->subs[g][s].sub == NULL)
        open_sub(r, g, s);
    else if (below(&r->chance, 3) == 0)
        close_sub(r, g, s);
}

/* ---- comparing ----------------------------------------------------------- */

static void compare(struct run *r)
{
    weir_sub_counts want, got;

    must_eq(r->topic->log.first, r->model.first);
    must_eq(r->topic->log.last, r->model.last);
    must_eq(r->topic->log.bytes, r->model.bytes);
    check_topic(r->topic);
    for (int i = 0; i < GROUPS; i++) {
        const struct wr_mem_group *g =
            wr_mem_group_find(r->topic, group_names[i]);

        must_eq(g != NULL, r->model.groups[i].open);
        if (g == NULL)
            continue;
        model_counts(&r->model, &r->model.groups[i], &want);
        got.pending = g->in_flight;
        got.waiting = g->rows - g->in_flight;
        if (g->cursor <= r->model.last)
            got.waiting += r->model.last + 1 - g->cursor;
        must_eq(g->cursor, r->model.groups[i].cursor);
        must_eq(got.waiting, want.waiting);
        must_eq(got.pending, want.pending);
        must_eq(g->dead, want.dead);
        must_eq(g->lost, want.lost);
    }
}

/* The time of the model is not that of timers. */
static void stop_timers(struct run *r)
{
    for (struct wr_mem_group *g = r->topic->groups; g != NULL; g = g->next) {
        weir_timer_stop(&g->undertaker);
        g->dies_at = WEIR_FOREVER;
    }
}

/* Each death is in the topic of the dead. */
static void compare_dead(struct run *r)
{
    weir_url *url = mem_url("mem:model.dead");
    weir_topic_counts c = {0};
    uint64_t dead = r->dead;
    const int err = wr_mem_engine()->topic_counts(url, &c, NULL);

    for (int i = 0; i < GROUPS; i++)
        dead += r->model.groups[i].open ? r->model.groups[i].dead : 0;
    must_eq(c.messages, dead);
    must_eq(err, dead > 0 ? 0 : -ENOENT);
    if (err == 0)
        must_eq(wr_mem_engine()->topic_remove(url, NULL), 0);
    weir_url_free(url);
}

/* ---- a run --------------------------------------------------------------- */

static struct wr_mem_pub *open_pub(struct run *r)
{
    static const char *const policies[] = {"block", "drop-oldest", "error"};
    char url[200];
    int n = snprintf(url, sizeof url, "mem:model?on_full=%s&dedup=%lldns",
                     policies[below(&r->chance, 3)],
                     (long long)(3 * r->unit + r->unit / 2));

    if (below(&r->chance, 2) == 0)
        n += snprintf(url + n, sizeof url - (size_t)n, "&max_messages=%d",
                      5 + below(&r->chance, 40));
    if (below(&r->chance, 3) == 0)
        n += snprintf(url + n, sizeof url - (size_t)n, "&max_bytes=%d",
                      6 + below(&r->chance, 200));
    if (below(&r->chance, 3) == 0) {
        snprintf(url + n, sizeof url - (size_t)n, "&max_age=%lldns",
                 (long long)(r->unit * (2 + below(&r->chance, 8))));
        r->aged = true;
    }
    return mem_pub(url);
}

static void step(struct run *r)
{
    static void (*const steps[])(struct run *) = {
        publish,     publish,     publish,   receive,   receive,
        receive,     receive,     receive,   advance,   settle_some,
        settle_some, settle_some, free_some, free_some, change_handles};

    steps[below(&r->chance, (int)(sizeof steps / sizeof *steps))](r);
}

static void begin(struct run *r, uint64_t seed)
{
    const int64_t unit = weir_now() / (16 * STEPS);

    r->chance.state = seed;
    r->unit = unit < WEIR_MINUTE ? unit : WEIR_MINUTE;
    r->model.first = 1;
    r->model.ack_wait = 4 * r->unit + r->unit / 3;
    for (int i = 0; i < PUBS; i++)
        r->pubs[i] = open_pub(r);
    r->topic = r->pubs[0]->topic;
}

static void finish(struct run *r)
{
    weir_url *url = mem_url("mem:model");

    if (below(&r->chance, 2) == 0) {
        must_eq(wr_mem_engine()->topic_remove(url, NULL), 0);
        for (int i = 0; i < GROUPS; i++) {
            r->dead += r->model.groups[i].open ? r->model.groups[i].dead : 0;
            r->model.groups[i].open = false;
        }
    }
    for (int i = 0; i < GROUPS; i++)
        for (int s = 0; s < SUBS; s++)
            if (r->subs[i][s].sub != NULL)
                close_sub(r, i, s);
    for (int i = 0; i < PUBS; i++)
        mem_pub_end(r->pubs[i]);
    (void)wr_mem_engine()->topic_remove(url, NULL);
    weir_url_free(url);
    compare_dead(r);
}

static void run(uint64_t seed)
{
    struct run *r = calloc(1, sizeof *r);

    must(r != NULL);
    stress_seed = seed;
    begin(r, seed);
    for (int i = 0; i < STEPS; i++) {
        step(r);
        stop_timers(r);
        compare(r);
    }
    finish(r);
    free(r);
}

START_TEST(it_does_as_its_model)
{
    const char *given = getenv("WEIR_TEST_SEED");
    const uint64_t first =
        given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 1000003;
    const int runs = given ? 1 : check_scale(RUNS);

    party_seed = &stress_seed;
    for (int i = 0; i < runs; i++)
        run(first + (uint64_t)i);
}
END_TEST

CHECK_MAIN(CHECK_TEST(it_does_as_its_model))
