/* SPDX-License-Identifier: MIT */
/*
 * Channels under load: tasks and threads send and receive in every way there
 * is, one at a time, in batches and by select, trying and waiting, with
 * contexts that end at any moment, while channels are closed under them.
 *
 *     test_chan [--seconds N] [--seed N]
 *
 * Each round is a world of its own: workers, channels, capacities, parties
 * and what they do come from its seed, which is printed with each failure.
 * --seed begins with the round of that seed; the next round's is one more.
 *
 * What holds in each round:
 *   - what was sent is received or still queued: in every snapshot amid the
 *     traffic, and at the end by the counts of the parties themselves;
 *   - each element is received once, as it was sent;
 *   - the elements of one sender come to each receiver in their order.
 */
#include "road.h"

/* ---- contexts of single operations
 * ------------------------------------------- */

/* None, or one that ends soon, or has ended: NULL for none. */
static weir_ctx *some_ctx(struct party_of *p, weir_ctx *ctx, bool may_wait)
{
    const int kind = below(&p->chance, may_wait ? 4 : 3);

    if (kind == 3)
        return NULL;
    must_eq(weir_ctx_init_timeout(ctx, kind == 0 ? NULL : &p->w->ctx,
                                  below(&p->chance, 300) * WEIR_MICROSECOND),
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

/* How an operation may end; true: the channel is closed. */
static bool found_closed(ptrdiff_t r)
{
    must(r == WEIR_CLOSED || r == WEIR_FULL || r == WEIR_EMPTY ||
         r == WEIR_TIMEDOUT || r == WEIR_CANCELED);
    return r == WEIR_CLOSED;
}

/* ---- sending
 * ------------------------------------------------------------------- */

static int room_left(const struct party_of *p, int road)
{
    return QUOTA - (int)p->w->roads[road].sent[p->self];
}

static void sent(struct party_of *p, int road, ptrdiff_t n)
{
    p->w->roads[road].sent[p->self] += (uint32_t)n;
}

static void send_single(struct party_of *p, int road)
{
    struct road *r = &p->w->roads[road];
    unsigned char e[sizeof(struct elem)];
    weir_ctx ctx, *c = NULL;
    int result;

    elem_write(r, e, (uint32_t)p->self, r->sent[p->self]);
    if (below(&p->chance, 3) == 0) {
        result = weir_chan_try_send(r->c, e);
    } else {
        c = some_ctx(p, &ctx, true);
        result = weir_chan_send(r->c, e, c);
        drop_ctx(c);
    }
    if (result == 0)
        sent(p, road, 1);
    else
        p->closed[road] = found_closed(result);
}

static void send_batch(struct party_of *p, int road)
{
    struct road *r = &p->w->roads[road];
    unsigned char e[BATCH * sizeof(struct elem)];
    int n = 1 + below(&p->chance, BATCH), i;
    weir_ctx ctx, *c = NULL;
    ptrdiff_t result;

    if (n > room_left(p, road))
        n = room_left(p, road);
    for (i = 0; i < n; i++)
        elem_write(r, e + (size_t)i * r->size, (uint32_t)p->self,
                   r->sent[p->self] + (uint32_t)i);
    if (below(&p->chance, 3) == 0) {
        result = weir_chan_try_send_n(r->c, e, (size_t)n);
    } else {
        c = some_ctx(p, &ctx, true);
        result = weir_chan_send_n(r->c, e, (size_t)n, c);
        drop_ctx(c);
    }
    must(result <= n);
    if (result > 0)
        sent(p, road, result);
    else
        p->closed[road] = found_closed(result);
}

static bool may_send(const struct party_of *p, int road)
{
    return !p->closed[road] && room_left(p, road) > 0;
}

/* ---- select, for both sides
 * ---------------------------------------------------- */

enum { CASES = 2 * CHANNELS + 4 };

struct choice {
    weir_case cs[CASES];
    int road[CASES]; /* -1: not a channel's */
    unsigned char elems[CASES][sizeof(struct elem)];
    int n;
};

static void add_case(struct choice *ch, int road, weir_case c)
{
    ch->road[ch->n] = road;
    ch->cs[ch->n++] = c;
}

static void add_road(struct party_of *p, struct choice *ch, int road, bool send)
{
    struct road *r = &p->w->roads[road];
    unsigned char *e = ch->elems[ch->n];

    if (send) {
        elem_write(r, e, (uint32_t)p->self, r->sent[p->self]);
        add_case(ch, road, WEIR_SEND(r->c, e));
    } else {
        add_case(ch, road, WEIR_RECV(r->c, e));
    }
}

/* Some that are off, some that end the wait; one at least if it must end. */
static void add_others(struct party_of *p, struct choice *ch, bool must_end)
{
    const int64_t soon = below(&p->chance, 200) * WEIR_MICROSECOND;

    if (below(&p->chance, 4) == 0)
        add_case(ch, -1, WEIR_RECV(NULL, NULL));
    if (below(&p->chance, 4) == 0)
        add_case(ch, -1, WEIR_DONE(&p->w->ctx));
    if (must_end || below(&p->chance, 2) == 0)
        add_case(ch, -1, WEIR_TIMEOUT(soon));
}

static int choose(struct party_of *p, struct choice *ch)
{
    const unsigned flags =
        (below(&p->chance, 4) == 0 ? WEIR_SELECT_ORDERED : 0u) |
        (below(&p->chance, 3) == 0 ? WEIR_SELECT_TRY : 0u);
    weir_ctx ctx, *c = some_ctx(p, &ctx, true);
    const int at = weir_select_with(ch->cs, ch->n, c, flags);

    drop_ctx(c);
    if (at < 0)
        must(at == WEIR_EMPTY || at == WEIR_TIMEDOUT || at == WEIR_CANCELED);
    else
        must(at < ch->n && (ch->cs[at].object != NULL ||
                            ch->cs[at].kind == WEIR_CASE_TIMEOUT_));
    return at;
}

/* Any of the roads, sent on if it sends and received from if it receives;
 * sometimes the same twice. */
static void select_any(struct party_of *p, bool sends, bool receives)
{
    struct choice ch = {.n = 0};
    int i, at, road;

    for (i = 0; i < p->w->n; i++) {
        road = below(&p->chance, p->w->n);
        if (sends && may_send(p, road))
            add_road(p, &ch, road, true);
        if (receives && !p->closed[road])
            add_road(p, &ch, road, false);
    }
    add_others(p, &ch, true);
    at = choose(p, &ch);
    if (at < 0 || ch.road[at] < 0)
        return;
    if (ch.cs[at].status != 0) {
        must_eq(ch.cs[at].status, WEIR_CLOSED);
        p->closed[ch.road[at]] = true;
    } else if (ch.cs[at].kind == WEIR_CASE_SEND_) {
        sent(p, ch.road[at], 1);
    } else {
        elem_arrived(p, ch.road[at], ch.cs[at].elem);
    }
}

/* ---- receiving
 * ------------------------------------------------------------------- */

/* patient: it may wait for ever, for this is the road's own receiver. */
static void receive_single(struct party_of *p, int road, bool patient)
{
    struct road *r = &p->w->roads[road];
    unsigned char e[sizeof(struct elem)];
    weir_ctx ctx, *c = NULL;
    int result;

    if (below(&p->chance, 4) == 0) {
        result = weir_chan_try_recv(r->c, e);
    } else {
        c = some_ctx(p, &ctx, patient);
        result = weir_chan_recv(r->c, e, c);
        drop_ctx(c);
    }
    if (result == 0)
        elem_arrived(p, road, e);
    else
        p->closed[road] = found_closed(result);
}

static void receive_batch(struct party_of *p, int road, bool patient)
{
    struct road *r = &p->w->roads[road];
    unsigned char e[BATCH * sizeof(struct elem)];
    const int n = 1 + below(&p->chance, BATCH);
    weir_ctx ctx, *c = NULL;
    ptrdiff_t result, i;

    if (below(&p->chance, 4) == 0) {
        result = weir_chan_try_recv_n(r->c, e, (size_t)n);
    } else {
        c = some_ctx(p, &ctx, patient);
        result = weir_chan_recv_n(r->c, e, (size_t)n, c);
        drop_ctx(c);
    }
    must(result != 0 && result <= n);
    for (i = 0; i < result; i++)
        elem_arrived(p, road, e + (size_t)i * r->size);
    if (result < 0)
        p->closed[road] = found_closed(result);
}

/* ---- parties
 * --------------------------------------------------------------------- */

static void maybe_rest(struct party_of *p)
{
    if (below(&p->chance, 8) == 0)
        weir_yield();
    else if (below(&p->chance, 200) == 0)
        must_eq(weir_sleep(below(&p->chance, 50) * WEIR_MICROSECOND, NULL), 0);
}

static void send_one_way(struct party_of *p, int road)
{
    switch (below(&p->chance, 4)) {
    case 0:
        send_batch(p, road);
        break;
    case 1:
        select_any(p, true, below(&p->chance, 4) == 0);
        break;
    default:
        send_single(p, road);
    }
}

static void sender_run(void *arg)
{
    struct party_of *p = arg;
    int ops = 100 + below(&p->chance, QUOTA), road;

    while (ops-- > 0) {
        road = below(&p->chance, p->w->n);
        if (may_send(p, road))
            send_one_way(p, road);
        if (below(&p->chance, 2000) == 0)
            must_eq(weir_chan_close(p->w->roads[road].c), 0);
        maybe_rest(p);
    }
}

/* Each road has one that receives from it till the end, so that no sender
 * waits for ever; the others wander, and wait only for a while. */
static void keeper_run(void *arg)
{
    struct party_of *p = arg;

    while (!p->closed[p->road]) {
        if (below(&p->chance, 3) == 0)
            receive_batch(p, p->road, true);
        else
            receive_single(p, p->road, true);
        maybe_rest(p);
    }
}

static bool all_closed(const struct party_of *p)
{
    int i;

    for (i = 0; i < p->w->n; i++)
        if (!p->closed[i])
            return false;
    return true;
}

static void wanderer_run(void *arg)
{
    struct party_of *p = arg;
    int road;

    while (!all_closed(p)) {
        road = below(&p->chance, p->w->n);
        if (below(&p->chance, 2) == 0)
            select_any(p, false, true);
        else if (p->closed[road])
            continue;
        else if (below(&p->chance, 2) == 0)
            receive_batch(p, road, false);
        else
            receive_single(p, road, false);
        maybe_rest(p);
    }
}

/* Cancels what is above the contexts, sometimes, and reads the accounts. */
static void watcher_run(void *arg)
{
    struct party_of *p = arg;
    weir_chan_stats st;

    while (!atomic_load(&p->w->over)) {
        const struct road *r = &p->w->roads[below(&p->chance, p->w->n)];

        must_eq(weir_chan_get_stats(r->c, &st), 0);
        must_eq(st.sent, st.received + st.queued);
        must(st.queued <= weir_chan_cap(r->c));
        must(weir_chan_len(r->c) <= weir_chan_cap(r->c));
        if (below(&p->chance, 300) == 0)
            must_eq(weir_ctx_cancel(&p->w->ctx, 0), 0);
        weir_yield();
    }
}

/* ---- a round
 * ---------------------------------------------------------------------- */

static struct party_of *party_new(struct world *w, struct chance *chance,
                                  int number)
{
    struct party_of *p = calloc(1, sizeof *p);

    must(p != NULL);
    p->w = w;
    p->chance.state = draw(chance);
    p->self = p->road = number;
    memset(p->last, -1, sizeof p->last);
    return p;
}

enum { PARTIES = 2 * SENDERS + CHANNELS + 1 };

static void play(struct world *w, struct chance *chance)
{
    struct crew senders = CREW(below(chance, MODES));
    struct crew receivers = CREW(below(chance, MODES));
    struct party_of *all[PARTIES];
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
        must_eq(weir_chan_close(w->roads[i].c), 0);
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
    w->n = 1 + below(&chance, CHANNELS);
    must_eq(weir_ctx_init(&w->ctx, NULL), 0);
    for (i = 0; i < w->n; i++)
        road_open(&w->roads[i], &chance, i);
    play(w, &chance);
    for (i = 0; i < w->n; i++)
        road_close(&w->roads[i]);
    must_eq(weir_ctx_fini(&w->ctx), 0);
    free(w);
}

START_TEST(traffic_of_all_kinds)
{
    printf("%llu rounds\n",
           (unsigned long long)stress_rounds(RESTART, play_round));
}
END_TEST

int main(int argc, char **argv)
{
    return stress_main(argc, argv, traffic_of_all_kinds);
}
