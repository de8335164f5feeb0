/* SPDX-License-Identifier: MIT */
/*
 * Flow control under load: channels of every policy, with limits in elements,
 * in bytes and in time, with clocks and watermarks or without, sent to and
 * received from in every way by tasks and threads, while contexts end and
 * channels are closed under them.
 *
 *     test_flow [--seconds N] [--seed N]
 *
 * Each round is a world of its own and comes from its seed, which is printed
 * with each failure. --seed begins with the round of that seed.
 *
 * What holds in each round:
 *   - each element whose send succeeded is received, or reported as dropped
 *     and then destroyed: one of the two, once; one whose send failed is
 *     neither, it is the sender's;
 *   - sent = received + dropped + queued in every snapshot amid the traffic,
 *     and at the end the counts are those of the parties themselves;
 *   - no limit is passed.
 */
#include "stress.h"

enum {
    PIPES = 3,
    SENDERS = 4,
    QUOTA = 4000, /* elements of one sender on one channel */
    BATCH = 32,
    RESTART = 20,
    MAX_BYTES = 64
};

/* What has become of an element. */
enum { RECEIVED = 1, DROPPED = 2, DESTROYED = 4 };

struct pipe;

struct elem {
    struct pipe *pipe;
    uint32_t sender, number, size;
};

struct pipe {
    weir_chan *c;
    atomic_uchar fate[SENDERS][QUOTA];
    bool succeeded[SENDERS][QUOTA]; /* each row by its sender */
    uint32_t tried[SENDERS];
    atomic_ulong received, dropped;
    int hook_receives; /* one drop in so many */
};

struct world {
    struct pipe pipes[PIPES];
    int n;
    weir_ctx ctx; /* above those of the single operations */
    bool leaves;  /* what is queued when a channel closes stays there */
    atomic_bool over;
};

struct party_of {
    struct world *w;
    struct chance chance;
    int self; /* a sender's number, a receiver's channel */
};

static unsigned long messages;

/* ---- the fate of elements ------------------------------------------------ */

static void meets(const struct elem *e, const struct pipe *p, int before,
                  int fate)
{
    must(e->pipe == p && e->sender < SENDERS && e->number < QUOTA);
    must_eq(atomic_fetch_or(&e->pipe->fate[e->sender][e->number],
                            (unsigned char)fate),
            before);
}

static void arrived(struct pipe *p, const struct elem *e)
{
    meets(e, p, 0, RECEIVED);
    atomic_fetch_add(&p->received, 1);
}

static void on_drop(weir_chan *c, const void *elem, enum weir_drop reason,
                    void *arg)
{
    struct pipe *p = arg;
    struct elem e;

    must(c == p->c && reason < WEIR_DROPS);
    meets(elem, p, 0, DROPPED);
    if (reason != WEIR_DROP_LEFT &&
        atomic_fetch_add(&p->dropped, 1) % 16 < (unsigned)p->hook_receives &&
        weir_chan_try_recv(c, &e) == 0)
        arrived(p, &e);
}

static void destroy(void *elem)
{
    const struct elem *e = elem;

    meets(e, e->pipe, DROPPED, DESTROYED);
}

static size_t size_of(const void *elem, void *arg)
{
    must(((const struct elem *)elem)->pipe == arg);
    return ((const struct elem *)elem)->size;
}

/* ---- sending ------------------------------------------------------------- */

static bool may_send(const struct party_of *p, const struct pipe *to)
{
    return to->tried[p->self] + BATCH <= QUOTA && !weir_chan_is_closed(to->c);
}

static void make_next(struct party_of *p, struct pipe *to, struct elem *e)
{
    *e = (struct elem){.pipe = to,
                       .sender = (uint32_t)p->self,
                       .number = to->tried[p->self]++,
                       .size = (uint32_t)below(&p->chance, MAX_BYTES / 2)};
    if (below(&p->chance, 50) == 0)
        e->size = MAX_BYTES + 1;
}

static void may_end_so(ptrdiff_t rc)
{
    must(rc == WEIR_CLOSED || rc == WEIR_FULL || rc == WEIR_EMPTY ||
         rc == WEIR_TIMEDOUT || rc == WEIR_CANCELED || rc == WEIR_LIMIT);
}

/* The first n of them were sent; or n is why none was. */
static void were_sent(struct pipe *to, const struct elem *e, ptrdiff_t n)
{
    ptrdiff_t i;

    if (n < 0)
        may_end_so(n);
    for (i = 0; i < n; i++)
        to->succeeded[e[i].sender][e[i].number] = true;
}

/* None, or one that ends soon, or has ended. */
static weir_ctx *some_ctx(struct party_of *p, weir_ctx *ctx)
{
    const int kind = below(&p->chance, 12);

    if (kind > 2)
        return NULL;
    must_eq(weir_ctx_init_timeout(ctx, kind == 0 ? NULL : &p->w->ctx,
                                  below(&p->chance, 200) * WEIR_MICROSECOND),
            0);
    if (kind == 2 && below(&p->chance, 4) == 0)
        must_eq(weir_ctx_cancel(ctx, 0), 0);
    return ctx;
}

static void drop_ctx(weir_ctx *ctx)
{
    if (ctx != NULL)
        must_eq(weir_ctx_fini(ctx), 0);
}

static void send_single(struct party_of *p, struct pipe *to)
{
    struct elem e;
    weir_ctx ctx, *c = NULL;
    int rc;

    make_next(p, to, &e);
    if (below(&p->chance, 2) == 0) {
        rc = weir_chan_try_send(to->c, &e);
    } else {
        c = some_ctx(p, &ctx);
        rc = weir_chan_send(to->c, &e, c);
    }
    drop_ctx(c);
    were_sent(to, &e, rc == 0 ? 1 : rc);
}

static void send_many(struct party_of *p, struct pipe *to)
{
    struct elem e[BATCH];
    const int n = 1 + below(&p->chance, BATCH), way = below(&p->chance, 3);
    weir_ctx ctx, *c = way > 0 ? some_ctx(p, &ctx) : NULL;
    ptrdiff_t rc;
    int i;

    for (i = 0; i < n; i++)
        make_next(p, to, &e[i]);
    if (way == 0)
        rc = weir_chan_try_send_n(to->c, e, (size_t)n);
    else if (way == 1)
        rc = weir_chan_send_n(to->c, e, (size_t)n, c);
    else
        rc = weir_chan_send_batch(to->c, e, 1 + (size_t)below(&p->chance, n),
                                  (size_t)n,
                                  below(&p->chance, 50) * WEIR_MICROSECOND, c);
    drop_ctx(c);
    must(rc != 0 && rc <= n);
    were_sent(to, e, rc);
}

/* Sends to one, or receives from one, of several; a timeout ends it. */
static void select_any(struct party_of *p, bool sends)
{
    weir_case cs[2 * PIPES + 1];
    struct elem e[2 * PIPES];
    struct pipe *at[2 * PIPES];
    weir_ctx ctx, *c;
    int n = 0, i, chosen;

    for (i = 0; i < 2 * p->w->n; i++) {
        struct pipe *to = &p->w->pipes[i % p->w->n];

        at[n] = to;
        if (i < p->w->n) {
            cs[n] = WEIR_RECV(to->c, &e[n]);
            n++;
        } else if (sends && may_send(p, to)) {
            make_next(p, to, &e[n]);
            cs[n] = WEIR_SEND(to->c, &e[n]);
            n++;
        }
    }
    cs[n] = WEIR_TIMEOUT(below(&p->chance, 100) * WEIR_MICROSECOND);
    c = some_ctx(p, &ctx);
    chosen = weir_select_with(cs, n + 1, c,
                              below(&p->chance, 3) == 0 ? WEIR_SELECT_TRY : 0);
    drop_ctx(c);
    if (chosen < 0)
        may_end_so(chosen);
    else if (chosen < n && cs[chosen].kind == WEIR_CASE_SEND_)
        were_sent(at[chosen], &e[chosen],
                  cs[chosen].status == 0 ? 1 : cs[chosen].status);
    else if (chosen < n && cs[chosen].status == 0)
        arrived(at[chosen], &e[chosen]);
}

static void maybe_rest(struct party_of *p)
{
    if (below(&p->chance, 16) == 0)
        weir_yield();
}

static void sender_run(void *arg)
{
    struct party_of *p = arg;
    int ops = QUOTA / 8;

    while (ops-- > 0) {
        struct pipe *to = &p->w->pipes[below(&p->chance, p->w->n)];
        const int way = below(&p->chance, 8);

        if (way == 0)
            select_any(p, true);
        else if (may_send(p, to) && way < 6)
            send_many(p, to);
        else if (may_send(p, to))
            send_single(p, to);
        if (below(&p->chance, 3000) == 0)
            must_eq(weir_chan_close(to->c), 0);
        maybe_rest(p);
    }
}

/* ---- receiving ----------------------------------------------------------- */

static ptrdiff_t receive(struct party_of *p, struct pipe *from)
{
    struct elem e[BATCH];
    const int way = below(&p->chance, 5);
    const size_t n = 1 + (size_t)below(&p->chance, BATCH);
    weir_ctx ctx, *c = way % 2 ? some_ctx(p, &ctx) : NULL;
    ptrdiff_t rc, i;

    if (way == 0)
        rc = weir_chan_try_recv_n(from->c, e, n);
    else if (way == 1)
        rc = weir_chan_recv_n(from->c, e, n, c);
    else if (way == 2)
        rc = weir_chan_recv_batch(from->c, e, 1, n, WEIR_MICROSECOND, c);
    else
        rc = weir_chan_recv(from->c, e, c) == 0 ? 1 : WEIR_EMPTY;
    drop_ctx(c);
    for (i = 0; i < rc; i++)
        arrived(from, &e[i]);
    if (rc <= 0)
        may_end_so(rc);
    return rc;
}

/* Each channel has one that receives until its end; or, if what is queued is
 * to stay, until it is closed. */
static void keeper_run(void *arg)
{
    struct party_of *p = arg;
    struct pipe *from = &p->w->pipes[p->self];

    do
        while (receive(p, from) > 0)
            maybe_rest(p);
    while (!weir_chan_is_closed(from->c));
    while (!p->w->leaves && receive(p, from) != WEIR_CLOSED)
        continue;
}

static void wanderer_run(void *arg)
{
    struct party_of *p = arg;

    while (!atomic_load(&p->w->over)) {
        select_any(p, false);
        maybe_rest(p);
    }
}

static void watcher_run(void *arg)
{
    struct party_of *p = arg;
    weir_chan_stats s;

    while (!atomic_load(&p->w->over)) {
        const struct pipe *at = &p->w->pipes[below(&p->chance, p->w->n)];

        must_eq(weir_chan_get_stats(at->c, &s), 0);
        must_eq(s.sent, s.received + s.dropped + s.queued);
        must(s.queued <= s.capacity && s.highest <= s.capacity);
        must(s.queued <= s.highest);
        must(s.bytes <= s.max_bytes && s.bytes <= s.highest_bytes);
        if (below(&p->chance, 300) == 0)
            must_eq(weir_ctx_cancel(&p->w->ctx, 0), 0);
        weir_yield();
    }
}

/* ---- a round ------------------------------------------------------------- */

static int64_t some_timeout(struct chance *chance)
{
    return below(chance, 3) == 0 ? below(chance, 300) * WEIR_MICROSECOND : 0;
}

static void pipe_open(struct pipe *p, struct chance *chance)
{
    static const size_t capacities[] = {0, 1, 2, 3, 8, 50};
    weir_chan_opts o = {.elem_size = sizeof(struct elem),
                        .capacity = capacities[below(chance, 6)],
                        .name = "pipe",
                        .destroy = destroy,
                        .policy =
                            (enum weir_policy)below(chance, WEIR_POLICIES),
                        .seed = draw(chance),
                        .hooks = {.on_drop = on_drop, .arg = p}};

    if (o.policy == WEIR_LATEST)
        o.capacity = 1;
    if (o.policy == WEIR_SAMPLE)
        o.sample_every = (uint32_t)below(chance, 4);
    o.send_timeout = some_timeout(chance);
    o.recv_timeout = some_timeout(chance);
    o.timed_every = below(chance, 3) == 0 ? 1 + (uint32_t)below(chance, 7) : 0;
    if (o.capacity > 0 && below(chance, 3) == 0) {
        o.max_bytes = MAX_BYTES;
        o.size_of = size_of;
    }
    if (o.capacity > 0 && below(chance, 3) == 0) {
        o.high = 75;
        o.low = 25;
    }
    p->hook_receives = below(chance, 3);
    p->c = weir_chan_new_with(&o);
    must(p->c != NULL);
}

/* Each element has met its fate, and the account says the same. */
static void pipe_close(struct pipe *p)
{
    weir_chan_stats s;
    unsigned long sent = 0;
    int i, k;

    must_eq(weir_chan_get_stats(p->c, &s), 0);
    weir_chan_unref(p->c);
    for (i = 0; i < SENDERS; i++)
        for (k = 0; k < QUOTA; k++) {
            const unsigned char fate = p->fate[i][k];

            must(fate == 0 || fate == RECEIVED ||
                 fate == (DROPPED | DESTROYED));
            must_eq(fate != 0, p->succeeded[i][k]);
            sent += p->succeeded[i][k];
        }
    must_eq(s.sent, sent);
    must_eq(s.received, atomic_load(&p->received));
    must_eq(s.dropped, atomic_load(&p->dropped));
    must_eq(s.queued, sent - s.received - s.dropped);
    messages += sent;
}

enum { MOST = 2 * SENDERS + PIPES + 1 };

static struct party_of *party_new(struct world *w, struct chance *chance,
                                  int self)
{
    struct party_of *p = calloc(1, sizeof *p);

    must(p != NULL);
    *p = (struct party_of){.w = w, .chance.state = draw(chance), .self = self};
    return p;
}

static void play(struct world *w, struct chance *chance)
{
    struct crew senders = CREW(below(chance, MODES));
    struct crew receivers = CREW(below(chance, MODES));
    struct party_of *all[MOST];
    const int nsenders = 1 + below(chance, SENDERS);
    const int nwanderers = below(chance, SENDERS);
    int i, n = 0;

    for (i = 0; i < w->n; i++)
        crew_go(&receivers, keeper_run, all[n++] = party_new(w, chance, i));
    for (i = 0; i < nsenders; i++)
        crew_go(&senders, sender_run, all[n++] = party_new(w, chance, i));
    for (i = 0; i < nwanderers; i++)
        crew_go(&receivers, wanderer_run, all[n++] = party_new(w, chance, i));
    crew_go(&receivers, watcher_run, all[n++] = party_new(w, chance, 0));
    crew_wait(&senders);
    for (i = 0; i < w->n; i++)
        must_eq(weir_chan_close(w->pipes[i].c), 0);
    atomic_store(&w->over, true);
    crew_wait(&receivers);
    while (n > 0)
        free(all[--n]);
}

static void play_round(struct chance chance)
{
    struct world *w = calloc(1, sizeof *w);
    int i;

    must(w != NULL);
    w->n = 1 + below(&chance, PIPES);
    w->leaves = below(&chance, 2) == 0;
    must_eq(weir_ctx_init(&w->ctx, NULL), 0);
    for (i = 0; i < w->n; i++)
        pipe_open(&w->pipes[i], &chance);
    play(w, &chance);
    for (i = 0; i < w->n; i++)
        pipe_close(&w->pipes[i]);
    must_eq(weir_ctx_fini(&w->ctx), 0);
    free(w);
}

START_TEST(each_element_meets_one_fate)
{
    const uint64_t rounds = stress_rounds(RESTART, play_round);

    printf("%llu rounds, %lu messages\n", (unsigned long long)rounds, messages);
}
END_TEST

int main(int argc, char **argv)
{
    return stress_main(argc, argv, each_element_meets_one_fate);
}
