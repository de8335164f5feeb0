/* SPDX-License-Identifier: MIT */
/*
 * Random operations of one party, and a model that knows what each may do. Of
 * each group and message the model has a state; from these follow what a
 * receive may return, what a settle does and what is counted. Nothing in it
 * depends on time.
 *
 *     NEW -> OUT -> DONE (acked, or dead)        any but DONE -> LOST
 *             <-> BACK (given back)
 *
 * $WEIR_TEST_SEED runs one seed, which a failure names.
 */
#include "base/rand.h"
#include "conf.h"

enum {
    STEPS = 300,
    GROUPS = 3,
    KEYS = 4, /* 0: none */
    IDS = 12,
    HELD = 12,
    ROOM = 10, /* of the topic */
    MOST = 3   /* deliveries */
};

enum state { NEW, OUT, BACK, DONE, LOST };

struct held {
    weir_message *m;
    bool settled;
    int opened; /* by which subscription of the group it was received */
};

struct group {
    weir_sub *s;
    int opened; /* subscriptions, up to this one */
    enum state state[STEPS];
    uint32_t deliveries[STEPS];
    uint64_t dead, lost, told;
    bool reopened; /* so it may have been told, or not */
    weir_sub_counts own;
    struct held held[HELD];
    int count;
};

static const char *const names[GROUPS] = {"a", "b", "c"};

static struct {
    uint64_t seed, chance;
    weir_pub *p;
    bool drop;                   /* on_full */
    int key[STEPS], first, last; /* messages first .. last - 1 are kept */
    bool id[IDS];
    struct group groups[GROUPS];
} run;

static int below(int n)
{
    return (int)wr_rand_below(&run.chance, (uint32_t)n);
}

/* ---- publishing ---------------------------------------------------------- */

static bool is_settled(int n)
{
    for (int i = 0; i < GROUPS; i++)
        if (run.groups[i].state[n] != DONE)
            return false;
    return true;
}

static void lose_first(void)
{
    for (int i = 0; i < GROUPS; i++) {
        struct group *g = &run.groups[i];

        if (g->state[run.first] == DONE)
            continue;
        g->state[run.first] = LOST;
        g->lost++;
    }
}

static void publish(void)
{
    const int key = below(KEYS), id = below(2 * IDS), n = run.last;
    const bool full = run.last - run.first == ROOM;
    char key_text[2] = {(char)('a' + key), '\0'}, id_text[8];
    int expected = 0;

    snprintf(id_text, sizeof id_text, "%d", id);
    if (id < IDS && run.id[id])
        expected = WEIR_DUPLICATE;
    else if (full && !run.drop && !is_settled(run.first))
        expected = WEIR_FULL;
    must_eq(post_with(run.p, n, key != 0 ? key_text : NULL,
                      id < IDS ? id_text : NULL, NULL),
            expected);
    if (expected != 0)
        return;
    if (full && !is_settled(run.first))
        lose_first();
    run.first += full;
    run.key[n] = key;
    run.last++;
    if (id < IDS)
        run.id[id] = true;
}

/* ---- receiving ----------------------------------------------------------- */

/* May it be delivered? An earlier one of its key may not be under way. */
static bool is_fit(const struct group *g, int n)
{
    if (g->state[n] != NEW && g->state[n] != BACK)
        return false;
    for (int i = run.first; i < n; i++)
        if (run.key[i] == run.key[n] && run.key[n] != 0 && g->state[i] != DONE)
            return false;
    return true;
}

static bool has_fit(const struct group *g)
{
    for (int n = run.first; n < run.last; n++)
        if (is_fit(g, n))
            return true;
    return false;
}

/* Those that are new and have no key come in their order. */
static bool is_next(const struct group *g, int n)
{
    for (int i = run.first; i < n; i++)
        if (g->state[n] == NEW && g->state[i] == NEW && run.key[i] == 0)
            return false;
    return true;
}

static void receive(struct group *g)
{
    weir_message *m = NULL;
    const int err = weir_sub_try_recv(g->s, &m);
    int n;

    if (err == WEIR_LAGGED) {
        must(g->lost > g->told);
        g->told = g->lost;
        g->reopened = false;
        return;
    }
    must(g->lost == g->told || g->reopened);
    must_eq(err, has_fit(g) ? 0 : WEIR_EMPTY);
    if (err != 0)
        return;
    n = number(m);
    must(n >= run.first && n < run.last);
    must(is_fit(g, n) && is_next(g, n));
    g->state[n] = OUT;
    must_eq(m->deliveries, ++g->deliveries[n]);
    g->own.received++;
    g->own.redelivered += m->deliveries > 1;
    g->held[g->count++] = (struct held){m, false, g->opened};
}

/* ---- the end of a message ------------------------------------------------ */

enum { ACK, NAK, TERM, FREE, MORE, WAYS };

static void give_back(struct group *g, int n)
{
    const bool dies = g->deliveries[n] >= MOST;

    g->state[n] = dies ? DONE : BACK;
    g->dead += dies;
}

static int settle_as(weir_message *m, int how)
{
    switch (how) {
    case ACK:
        return weir_message_ack(m, NULL);
    case NAK:
        return weir_message_nak(m, 0, NULL);
    case TERM:
        return weir_message_term(m, NULL);
    default:
        return weir_message_in_progress(m, NULL);
    }
}

/* What a settle that succeeded has done. */
static void note(struct group *g, struct held *h, int n, int how)
{
    const bool counts = h->opened == g->opened;

    if (how == MORE)
        return;
    h->settled = true;
    if (how == NAK) {
        g->own.naked += counts;
        give_back(g, n);
        return;
    }
    g->state[n] = DONE;
    g->own.acked += counts && how == ACK;
    g->own.termed += counts && how == TERM;
    g->dead += how == TERM;
}

static void end(struct group *g, int at)
{
    struct held h = g->held[at];
    const int n = number(h.m);

    weir_message_free(h.m);
    g->held[at] = g->held[--g->count];
    if (h.settled)
        return;
    g->own.returned += h.opened == g->opened;
    if (g->state[n] == OUT)
        give_back(g, n);
}

static void settle_one(struct group *g)
{
    const int at = below(g->count), how = below(WAYS);
    struct held *h = &g->held[at];
    const int n = number(h->m);
    const bool lost = g->state[n] == LOST;
    int err;

    if (how == FREE) {
        end(g, at);
        return;
    }
    err = settle_as(h->m, how);
    must_eq(err, h->settled ? WEIR_EMPTY : lost ? WEIR_EXPIRED : 0);
    if (err == 0)
        note(g, h, n, how);
    if (err == WEIR_EXPIRED && how != MORE) {
        g->own.expired += h->opened == g->opened;
        h->settled = true;
        end(g, at);
    }
}

/* ---- groups -------------------------------------------------------------- */

static void open_group(struct group *g)
{
    g->s = sub_on((weir_sub_opts){.group = names[g - run.groups],
                                  .max_deliveries = MOST});
    g->own = (weir_sub_counts){0};
    g->opened++;
    g->reopened = true;
}

/* What it holds of the former one lives on. */
static void reopen(struct group *g)
{
    weir_sub_free(g->s);
    open_group(g);
}

static void begin_anew(struct group *g)
{
    const char *name = names[g - run.groups];

    must_eq(weir_group_remove(conf_url("events", ""), name, NULL), 0);
    must_eq(weir_sub_try_recv(g->s, &(weir_message *){NULL}), WEIR_CLOSED);
    for (int i = 0; i < g->count; i++) {
        must(weir_message_ack(g->held[i].m, NULL) < 0);
        weir_message_free(g->held[i].m);
    }
    weir_sub_free(g->s);
    *g = (struct group){.opened = g->opened};
    open_group(g);
}

/* ---- the account --------------------------------------------------------- */

static void check(struct group *g)
{
    weir_sub_counts c = counts_of(g->s);
    uint64_t states[LOST + 1] = {0}, in_flight = 0;

    for (int n = run.first; n < run.last; n++)
        states[g->state[n]]++;
    for (int i = 0; i < g->count; i++)
        in_flight += !g->held[i].settled && g->held[i].opened == g->opened;
    must_eq(c.waiting, states[NEW] + states[BACK]);
    must_eq(c.pending, states[OUT]);
    must_eq(c.dead, g->dead);
    must_eq(c.lost, g->lost);
    must_eq(c.in_flight, in_flight);
    must_eq(c.received, g->own.received);
    must_eq(c.redelivered, g->own.redelivered);
    must_eq(c.acked, g->own.acked);
    must_eq(c.naked, g->own.naked);
    must_eq(c.termed, g->own.termed);
    must_eq(c.expired, g->own.expired);
    must_eq(c.returned, g->own.returned);
}

static void step(void)
{
    struct group *g = &run.groups[below(GROUPS)];
    const int what = below(100);

    if (what < 30)
        publish();
    else if (what < 60 && g->count < HELD)
        receive(g);
    else if (what < 95 && g->count > 0)
        settle_one(g);
    else if (what < 98)
        reopen(g);
    else if (what == 99 && below(4) == 0)
        begin_anew(g);
    check(g);
}

static void begin(uint64_t seed)
{
    memset(&run, 0, sizeof run);
    run.seed = run.chance = seed;
    party_seed = &run.seed;
    run.drop = below(2) == 0;
    run.p = pub_on(run.drop ? "max_messages=10&on_full=drop-oldest"
                            : "max_messages=10&on_full=error");
    for (int i = 0; i < GROUPS; i++)
        open_group(&run.groups[i]);
}

static void finish(void)
{
    uint64_t dead = 0;

    for (int i = 0; i < GROUPS; i++) {
        struct group *g = &run.groups[i];

        while (g->count > 0)
            end(g, 0);
        check(g);
        dead += g->dead;
        weir_sub_free(g->s);
    }
    must_eq(topic_of("events").messages, run.last - run.first);
    if (dead > 0)
        must(topic_of("events.dead").messages >= dead);
    weir_pub_free(run.p);
    must_eq(weir_topic_remove(conf_url("events", ""), NULL), 0);
    (void)weir_topic_remove(conf_url("events.dead", ""), NULL);
    party_seed = NULL;
}

static void run_seed(uint64_t seed)
{
    begin(seed);
    for (int i = 0; i < STEPS && run.last < STEPS; i++)
        step();
    finish();
}

static bool can_all(void)
{
    const weir_caps *c = conf.caps;

    return c->dedup && c->in_progress && c->dead_letter && c->key_order;
}

CONFORMS(it_does_what_the_model_does)
{
    const char *one = getenv("WEIR_TEST_SEED");
    const int runs = check_scale(conf.stores ? 10 : 100);

    if (!can_all())
        return;
    if (one != NULL)
        run_seed(strtoull(one, NULL, 10));
    else
        for (int i = 0; i < runs; i++)
            run_seed((uint64_t)weir_now() + (uint64_t)i);
}

CONF_MAIN(CHECK_ENGINES(it_does_what_the_model_does))
