/* SPDX-License-Identifier: MIT */
/*
 * Publishers and subscriptions under load, through `mem:`: tasks and threads
 * publish with and without keys and ids, into topics with and without limits,
 * and groups receive, acknowledge, give back with and without delay, kill,
 * sleep over their time, and free what they have not dealt with, while other
 * groups come, go and are removed, and contexts end at any moment.
 *
 *     test_pub [--seconds N] [--seed N]
 *
 * What holds at the end of each round, for each group that was there from the
 * first message to the last: every message that was stored has been
 * acknowledged once, or is in the topic of the dead, or was lost, and their
 * numbers are what the group counts. And in each group that loses nothing from
 * one's hands, amid the traffic: none comes after it was acknowledged, and none
 * of a key after a later one of that key.
 */
#include "stress.h"

enum {
    PUBLISHERS = 4,
    QUOTA = 120, /* messages of one publisher */
    NUMBERS = PUBLISHERS * QUOTA,
    GROUPS = 3,
    WORKERS = 4, /* of a group */
    KEYS = 5,
    BATCH = 7,
    RESTART = 20
};

enum { UNSETTLED, ACKED, DEAD };

struct group {
    char name[16];
    weir_sub_opts opts;
    bool expires;  /* its ack_wait is short */
    bool loses;    /* one may lose what one has in hand, by that or a limit */
    weir_sub *sub; /* of the round; workers share it, or have their own */
    atomic_uchar fate[NUMBERS];
    atomic_ullong newest[KEYS + 1]; /* delivered, of a key */
};

struct world {
    char url[120];
    weir_pub *pub;
    struct group groups[GROUPS];
    int ngroups;
    bool stored[NUMBERS]; /* each by its publisher */
    atomic_long nstored;
    atomic_bool over;
    weir_ctx ctx; /* above those of single operations */
};

struct party_of {
    struct world *w;
    struct chance chance;
    int self;
};

struct cargo {
    int number, key; /* key 0: none */
};

static bool once_in(struct party_of *p, int n)
{
    return below(&p->chance, n) == 0;
}

/* None, or one that ends soon, or has ended. */
static weir_ctx *some_ctx(struct party_of *p, weir_ctx *ctx)
{
    if (!once_in(p, 3))
        return NULL;
    must_eq(weir_ctx_init_timeout(ctx, once_in(p, 2) ? NULL : &p->w->ctx,
                                  below(&p->chance, 300) * WEIR_MICROSECOND),
            0);
    if (once_in(p, 8))
        must_eq(weir_ctx_cancel(ctx, 0), 0);
    return ctx;
}

static void drop_ctx(weir_ctx *ctx)
{
    if (ctx != NULL)
        must_eq(weir_ctx_fini(ctx), 0);
}

static bool was_ended(ptrdiff_t r)
{
    return r == WEIR_CANCELED || r == WEIR_TIMEDOUT;
}

/* ---- publishing ---------------------------------------------------------- */

static weir_event *new_event(struct cargo c)
{
    weir_event *e = NULL;

    must_eq(weir_event_new(
                &e, &(weir_event_opts){.key = &c.key,
                                       .key_size = c.key ? sizeof c.key : 0,
                                       .payload = &c,
                                       .size = sizeof c}),
            0);
    return e;
}

static void was_stored(struct world *w, int number)
{
    must(!w->stored[number]);
    w->stored[number] = true;
    atomic_fetch_add(&w->nstored, 1);
}

/* One with an id, until it is stored; then it is so only once. */
static void publish_once(struct party_of *p, int number, weir_event *e)
{
    weir_ctx ctx, *c;
    char id[16];
    int err;

    snprintf(id, sizeof id, "%d", number);
    do {
        c = some_ctx(p, &ctx);
        err = weir_pub_publish(p->w->pub, e, id, c);
        drop_ctx(c);
        must(err == 0 || err == WEIR_FULL || was_ended(err));
    } while (was_ended(err));
    if (err == 0)
        was_stored(p->w, number);
    if (err == 0 && once_in(p, 4))
        must_eq(weir_pub_publish(p->w->pub, e, id, NULL), WEIR_DUPLICATE);
}

static int publish_batch(struct party_of *p, int number, int n)
{
    weir_post posts[BATCH];
    weir_ctx ctx, *c = some_ctx(p, &ctx);
    ptrdiff_t got;

    for (int i = 0; i < n; i++)
        posts[i] = (weir_post){.event = new_event((struct cargo){
                                   number + i, below(&p->chance, KEYS + 1)})};
    got = weir_pub_publish_n(p->w->pub, posts, (size_t)n, c);
    drop_ctx(c);
    must((got > 0 && got <= n) || got == WEIR_FULL || was_ended(got));
    for (int i = 0; i < n; i++) {
        if (i < got)
            was_stored(p->w, number + i);
        weir_event_unref(posts[i].event);
    }
    return n;
}

static void publisher_run(void *arg)
{
    struct party_of *p = arg;
    const int end = (p->self + 1) * QUOTA;

    for (int i = p->self * QUOTA; i < end;) {
        const int room = end - i < BATCH ? end - i : BATCH;

        if (once_in(p, 2)) {
            i += publish_batch(p, i, 1 + below(&p->chance, room));
            continue;
        }
        weir_event *e =
            new_event((struct cargo){i, below(&p->chance, KEYS + 1)});
        publish_once(p, i, e);
        weir_event_unref(e);
        i++;
    }
}

/* ---- working ------------------------------------------------------------- */

static struct cargo cargo_of(const weir_message *m)
{
    struct cargo c;

    must_eq(m->event->size, sizeof c);
    memcpy(&c, m->event->payload, sizeof c);
    must(c.number >= 0 && c.number < NUMBERS);
    must_eq(m->event->key_size, c.key ? sizeof c.key : 0);
    return c;
}

static void check_delivery(struct group *g, const weir_message *m)
{
    const struct cargo c = cargo_of(m);
    unsigned long long newest = atomic_load(&g->newest[c.key]);

    must(m->deliveries > 0);
    if (g->loses)
        return;
    must_eq(atomic_load(&g->fate[c.number]), UNSETTLED);
    if (c.key == 0)
        return;
    must(m->seq >= newest); /* nobody else has one of that key now */
    atomic_store(&g->newest[c.key], m->seq);
}

static void was_acked(struct group *g, const weir_message *m)
{
    must_eq(atomic_exchange(&g->fate[cargo_of(m).number], ACKED), UNSETTLED);
}

/* Those that one has in hand are acknowledged as one, or die alone. */
static void end_one(struct party_of *p, struct group *g, weir_message *m)
{
    const int way = below(&p->chance, 12);
    int err = 0;

    if (g->expires && once_in(p, 10))
        must_eq(weir_sleep(g->opts.ack_wait * 2, NULL), 0);
    if (way < 6) {
        err = weir_message_ack(m, NULL);
        if (err == 0)
            was_acked(g, m);
    } else if (way < 8) {
        err = weir_message_nak(m, below(&p->chance, 3) * 200 * WEIR_MICROSECOND,
                               NULL);
    } else if (way == 8) {
        err = weir_message_term(m, NULL);
    } else if (way == 9) {
        err = weir_message_in_progress(m, NULL);
    }
    must(err == 0 || (g->loses && err == WEIR_EXPIRED));
    weir_message_free(m);
}

static void end_all(struct party_of *p, struct group *g, weir_message **m,
                    size_t n)
{
    if (!g->loses && once_in(p, 3)) {
        must_eq(weir_message_ack_n(m, n, NULL), 0);
        for (size_t i = 0; i < n; i++) {
            was_acked(g, m[i]);
            weir_message_free(m[i]);
        }
        return;
    }
    for (size_t i = 0; i < n; i++)
        end_one(p, g, m[i]);
}

/* How many it has received and ended, or why none. */
static ptrdiff_t work(struct party_of *p, struct group *g, weir_sub *s)
{
    weir_message *m[BATCH];
    weir_ctx ctx, *c = NULL;
    ptrdiff_t n;

    if (once_in(p, 4)) {
        n = weir_sub_try_recv(s, m);
        n = n == 0 ? 1 : n;
    } else {
        c = some_ctx(p, &ctx);
        n = weir_sub_recv_n(s, m, 1 + (size_t)below(&p->chance, BATCH),
                            c ? c : &p->w->ctx);
    }
    drop_ctx(c);
    for (ptrdiff_t i = 0; i < n; i++)
        check_delivery(g, m[i]);
    if (n > 0)
        end_all(p, g, m, (size_t)n);
    return n;
}

static weir_sub *open_sub(const struct world *w, const weir_sub_opts *o)
{
    weir_sub *s = NULL;

    must_eq(weir_sub_open(&s, w->url, o, NULL), 0);
    return s;
}

/* With the group's subscription, or with one after the other of its own. */
static void worker_run(void *arg)
{
    struct party_of *p = arg;
    struct world *w = p->w;
    struct group *g = &w->groups[p->self % w->ngroups];
    const bool shares = once_in(p, 2);
    weir_sub *s = shares ? g->sub : open_sub(w, &g->opts);
    ptrdiff_t n;

    while ((n = work(p, g, s)) != WEIR_CLOSED && !atomic_load(&w->over)) {
        must(n > 0 || n == WEIR_EMPTY || n == WEIR_LAGGED || was_ended(n));
        if (n == WEIR_EMPTY)
            weir_yield();
        if (!shares && once_in(p, 30)) {
            weir_sub_free(s);
            s = open_sub(w, &g->opts);
        }
    }
    if (!shares)
        weir_sub_free(s);
}

/* ---- those who come and go ----------------------------------------------- */

static enum weir_from some_from(struct party_of *p)
{
    return (enum weir_from)below(&p->chance, WEIR_FROM_TIME + 1);
}

/* A group of its own, or one that is removed under others' hands. */
static void visitor_run(void *arg)
{
    struct party_of *p = arg;
    weir_message *m;
    weir_ctx ctx;

    while (!atomic_load(&p->w->over)) {
        const bool own = once_in(p, 2);
        weir_sub *s = open_sub(
            p->w, &(weir_sub_opts){.group = own ? NULL : "victim",
                                   .from = some_from(p),
                                   .seq = (uint64_t)below(&p->chance, NUMBERS),
                                   .time = INT64_MAX / 2});

        must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
        for (int i = below(&p->chance, 20); i > 0; i--) {
            const int err = weir_sub_recv(s, &m, &ctx);

            must(err == 0 || err == WEIR_LAGGED || was_ended(err) ||
                 (!own && err == WEIR_CLOSED));
            if (err == 0 && once_in(p, 2))
                (void)weir_message_ack(m, NULL);
            if (err == 0)
                weir_message_free(m);
        }
        must_eq(weir_ctx_fini(&ctx), 0);
        if (once_in(p, 3))
            (void)weir_group_remove(p->w->url, "victim", NULL);
        weir_sub_free(s);
    }
    (void)weir_group_remove(p->w->url, "victim", NULL);
}

/* ---- the end ------------------------------------------------------------- */

static bool has_settled_all(struct group *g)
{
    weir_sub_counts c;

    must_eq(weir_sub_get_counts(g->sub, &c, NULL), 0);
    return c.waiting + c.pending == 0;
}

static struct group *group_named(struct world *w, const char *name)
{
    for (int i = 0; i < w->ngroups; i++)
        if (strcmp(w->groups[i].name, name) == 0)
            return &w->groups[i];
    return NULL;
}

/* Each death has its letter, and only one. */
static void read_letters(struct world *w)
{
    weir_sub *s = NULL;
    weir_message *m;

    must_eq(weir_sub_open(&s, "mem:stress.dead", NULL, NULL), 0);
    while (weir_sub_try_recv(s, &m) == 0) {
        struct group *g =
            group_named(w, weir_event_get_header(m->event, "weir-dead-group"));

        if (g != NULL) /* a victim has none */
            must_eq(atomic_exchange(&g->fate[cargo_of(m).number], DEAD),
                    UNSETTLED);
        must_eq(weir_message_ack(m, NULL), 0);
        weir_message_free(m);
    }
    weir_sub_free(s);
    must_eq(weir_topic_remove("mem:stress.dead", NULL), 0);
}

static void account(struct world *w, struct group *g)
{
    uint64_t fates[3] = {0};
    weir_sub_counts c;

    must_eq(weir_sub_get_counts(g->sub, &c, NULL), 0);
    for (int i = 0; i < NUMBERS; i++) {
        must(w->stored[i] || g->fate[i] == UNSETTLED);
        if (w->stored[i])
            fates[g->fate[i]]++;
    }
    must_eq(fates[DEAD], c.dead);
    must_eq(fates[UNSETTLED], c.lost);
    must_eq(fates[ACKED] + c.dead + c.lost, atomic_load(&w->nstored));
    weir_sub_free(g->sub);
}

/* ---- a round ------------------------------------------------------------- */

static void open_world(struct world *w, struct chance *chance)
{
    static const char *const policies[] = {"block", "drop-oldest", "error"};
    static const int64_t waits[] = {3600 * WEIR_SECOND, 2 * WEIR_MILLISECOND};
    const int policy = below(chance, 3);
    char *at = w->url + snprintf(w->url, sizeof w->url, "mem:stress?on_full=%s",
                                 policies[policy]);
    bool loses = policy == 1;

    if (below(chance, 3) > 0)
        at += sprintf(at, "&max_messages=%d", 10 + below(chance, 200));
    if (below(chance, 3) == 0)
        at += sprintf(at, "&max_bytes=%d", 100 + below(chance, 2000));
    if (below(chance, 4) == 0) {
        sprintf(at, "&max_age=%dms", 1 + below(chance, 20));
        loses = true;
    }
    must_eq(weir_ctx_init(&w->ctx, NULL), 0);
    must_eq(weir_pub_open(&w->pub, w->url, NULL), 0);
    w->ngroups = 1 + below(chance, GROUPS);
    for (int i = 0; i < w->ngroups; i++) {
        struct group *g = &w->groups[i];

        snprintf(g->name, sizeof g->name, "g%d", i);
        g->expires = below(chance, 2) == 0;
        g->loses = loses || g->expires;
        g->opts =
            (weir_sub_opts){.group = g->name,
                            .ack_wait = waits[g->expires],
                            .max_in_flight = 1 + (uint32_t)below(chance, 20),
                            .max_deliveries = (uint32_t)below(chance, 4)};
        g->sub = open_sub(w, &g->opts);
    }
}

static void close_world(struct world *w)
{
    weir_topic_counts c;

    must_eq(weir_topic_get_counts(w->url, &c, NULL), 0);
    must_eq(c.last, atomic_load(&w->nstored));
    must_eq(c.groups, w->ngroups);
    read_letters(w);
    for (int i = 0; i < w->ngroups; i++)
        account(w, &w->groups[i]);
    weir_pub_free(w->pub);
    must_eq(weir_topic_remove(w->url, NULL), 0);
    must_eq(weir_ctx_fini(&w->ctx), 0);
}

enum { PARTIES = PUBLISHERS + GROUPS * WORKERS + 2 };

static void play(struct world *w, struct chance *chance)
{
    struct crew publishers = CREW(below(chance, MODES));
    struct crew others = CREW(below(chance, MODES));
    struct party_of all[PARTIES];
    const int workers = w->ngroups * (1 + below(chance, WORKERS));
    int n = 0;

    for (int i = 0; i < PARTIES; i++)
        all[i] = (struct party_of){w, {draw(chance)}, i};
    for (int i = 0; i < workers; i++, n++) {
        all[n].self = i;
        crew_go(&others, worker_run, &all[n]);
    }
    for (int i = below(chance, 3); i > 0; i--)
        crew_go(&others, visitor_run, &all[n++]);
    for (int i = 0; i < PUBLISHERS; i++, n++) {
        all[n].self = i;
        crew_go(&publishers, publisher_run, &all[n]);
    }
    crew_wait(&publishers);
    for (int i = 0; i < w->ngroups; i++)
        while (!has_settled_all(&w->groups[i]))
            must_eq(weir_sleep(100 * WEIR_MICROSECOND, NULL), 0);
    atomic_store(&w->over, true);
    must_eq(weir_ctx_cancel(&w->ctx, 0), 0);
    for (int i = 0; i < w->ngroups; i++)
        must_eq(weir_sub_close(w->groups[i].sub, NULL), 0);
    crew_wait(&others);
}

static void play_round(struct chance chance)
{
    struct world *w = calloc(1, sizeof *w);

    must(w != NULL);
    open_world(w, &chance);
    play(w, &chance);
    close_world(w);
    free(w);
}

START_TEST(everything_is_settled_once)
{
    printf("%llu rounds\n",
           (unsigned long long)stress_rounds(RESTART, play_round));
}
END_TEST

int main(int argc, char **argv)
{
    return stress_main(argc, argv, everything_is_settled_once);
}
