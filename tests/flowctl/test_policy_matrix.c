/* SPDX-License-Identifier: MIT */
/*
 * The matrix: each policy, in each state of the channel, by each way in.
 *
 * What a policy does with one element at a full channel is the table `full`;
 * all the rest follows from the rule that a send on a channel with room, with
 * a waiting receiver or closed is the same under each. A batch is as many
 * sends as it has elements, until one fails. Compared are the result, what
 * the buffer holds, what on_drop and on_error heard, and the account.
 */
#include "flowctl.h"

enum way { SEND, TRY_SEND, SEND_N, TRY_SEND_N, SELECT, TRY_SELECT, WAYS };
enum state { ROOM, FULL, CLOSED, RECEIVER, STATES };
enum victim { NONE, NEW, OLD };

enum { MOST = 8, BATCH = 3, FIRST = 90 };

/* When it is full: the code of those that may wait (their context has ended,
 * so that they come back), of those that may not; who is dropped with a buffer
 * and without one, and why. */
static const struct row {
    enum weir_policy policy;
    uint32_t every;
    int waiting, trying;
    enum victim buffered, bare;
    enum weir_drop reason, reason_bare;
} full[] = {
    {WEIR_BLOCK, 0, WEIR_CANCELED, WEIR_FULL, NONE, NONE, 0, 0},
    {WEIR_DROP, 0, 0, 0, NEW, NEW, WEIR_DROP_NEWEST, WEIR_DROP_NEWEST},
    {WEIR_DROP_OLDEST, 0, 0, 0, OLD, NEW, WEIR_DROP_FIRST, WEIR_DROP_NEWEST},
    {WEIR_ERROR, 0, WEIR_FULL, WEIR_FULL, NONE, NONE, 0, 0},
    {WEIR_LATEST, 0, 0, 0, OLD, OLD, WEIR_DROP_STALE, WEIR_DROP_STALE},
    /* Every one is chosen; none is (but for one run in a billion). */
    {WEIR_SAMPLE, 1, 0, 0, OLD, NEW, WEIR_DROP_SAMPLED, WEIR_DROP_SAMPLED},
    {WEIR_SAMPLE, UINT32_MAX, 0, 0, NEW, NEW, WEIR_DROP_SAMPLED,
     WEIR_DROP_SAMPLED},
};

enum { ROWS = sizeof full / sizeof full[0] };

struct cell {
    const struct row *row;
    enum way way;
    enum state state;
    size_t capacity;
};

/* ---- the model ----------------------------------------------------------- */

struct model {
    int queue[MOST];
    int queued, cap;
    bool closed, receiver;
    int handed;
    int victims[MOST], reasons[MOST];
    int dropped, sent, as_new;
};

static bool may_wait(enum way w)
{
    return w == SEND || w == SEND_N || w == SELECT;
}

static void model_drop(struct model *m, int elem, enum weir_drop reason)
{
    m->victims[m->dropped] = elem;
    m->reasons[m->dropped++] = (int)reason;
}

static int model_full(struct model *m, const struct cell *k, int elem)
{
    const enum victim v = m->cap > 0 ? k->row->buffered : k->row->bare;
    const enum weir_drop why =
        m->cap > 0 ? k->row->reason : k->row->reason_bare;

    if (v == NONE)
        return may_wait(k->way) ? k->row->waiting : k->row->trying;
    model_drop(m, v == NEW ? elem : m->queue[0], why);
    m->as_new += v == NEW;
    if (v == OLD) {
        memmove(m->queue, m->queue + 1, (size_t)(m->queued - 1) * sizeof(int));
        m->queue[m->queued - 1] = elem;
    }
    return 0;
}

static int model_send(struct model *m, const struct cell *k, int elem)
{
    int rc = 0;

    if (m->closed)
        return WEIR_CLOSED;
    if (m->receiver) {
        m->receiver = false;
        m->handed = elem;
    } else if (m->queued < m->cap) {
        m->queue[m->queued++] = elem;
    } else {
        rc = model_full(m, k, elem);
    }
    m->sent += rc == 0;
    return rc;
}

/* ---- the ways in --------------------------------------------------------- */

/* The result as of a batch: how many, or the code. */
static ptrdiff_t by_select(weir_chan *c, weir_ctx *ended, enum way w)
{
    const int v = FIRST;
    weir_case cs[] = {WEIR_SEND(c, &v)};
    const int at =
        w == SELECT ? weir_select(cs, 1, ended) : weir_try_select(cs, 1);

    if (at == WEIR_EMPTY)
        return WEIR_FULL;
    if (at < 0)
        return at;
    must_eq(at, 0);
    return cs[0].status == 0 ? 1 : cs[0].status;
}

static ptrdiff_t send_by(weir_chan *c, weir_ctx *ended, enum way w)
{
    int v[BATCH], i, rc;

    for (i = 0; i < BATCH; i++)
        v[i] = FIRST + i;
    switch (w) {
    case SEND:
        rc = weir_chan_send(c, v, ended);
        return rc == 0 ? 1 : rc;
    case TRY_SEND:
        rc = weir_chan_try_send(c, v);
        return rc == 0 ? 1 : rc;
    case SEND_N:
        return weir_chan_send_n(c, v, BATCH, ended);
    case TRY_SEND_N:
        return weir_chan_try_send_n(c, v, BATCH);
    default:
        return by_select(c, ended, w);
    }
}

/* What the call should come to, and the code that ended it. */
static ptrdiff_t expect(struct model *m, const struct cell *k, int *ended_by)
{
    const int n = k->way == SEND_N || k->way == TRY_SEND_N ? BATCH : 1;
    int i;

    *ended_by = 0;
    for (i = 0; i < n && *ended_by == 0; i++)
        *ended_by = model_send(m, k, FIRST + i);
    if (*ended_by != 0)
        i--;
    return i > 0 ? i : *ended_by;
}

/* ---- a cell -------------------------------------------------------------- */

struct receiver {
    weir_chan *c;
    int got;
};

static void receive_one(void *arg)
{
    struct receiver *r = arg;

    must_eq(weir_chan_recv(r->c, &r->got, NULL), 0);
}

/* Fills to one below, or to, what it holds. */
static void fill(weir_chan *c, struct model *m, int n)
{
    while (m->queued < n) {
        must_eq(send_int(c, m->queued), 0);
        m->queue[m->queued] = m->queued;
        m->queued++;
    }
}

static void enter_state(struct crew *crew, const struct cell *k,
                        struct receiver *r, struct model *m)
{
    if (k->state == RECEIVER) {
        crew_go(crew, receive_one, r);
        await_blocked_recvs(r->c, 1);
        m->receiver = true;
        return;
    }
    fill(r->c, m, k->state == ROOM ? m->cap - 1 : m->cap);
    if (k->state == CLOSED) {
        must_eq(weir_chan_close(r->c), 0);
        m->closed = true;
    }
}

/* A select that finds nothing ready has not failed on the channel. */
static bool counts(const struct cell *k, int code)
{
    const bool select = k->way == SELECT || k->way == TRY_SELECT;

    return code != 0 &&
           !(select && k->row->policy == WEIR_BLOCK && code != WEIR_CLOSED);
}

static void check_heard(const struct heard *h, const struct model *m,
                        const struct cell *k, int code)
{
    int i;

    must_eq(h->drops, m->dropped);
    must_eq(h->destroyed, 0);
    for (i = 0; i < m->dropped; i++) {
        must_eq(h->elem[i], m->victims[i]);
        must_eq(h->reason[i], m->reasons[i]);
    }
    must_eq(h->errors, counts(k, code));
    if (h->errors > 0)
        must_eq(h->code[0], code);
    must_eq(h->blocks, counts(k, code) && code == WEIR_CANCELED);
}

static void check_account(const weir_chan *c, const struct model *m,
                          const struct cell *k, int code, int before)
{
    const weir_chan_stats s = account(c);

    must_eq(s.sent, before + m->sent);
    must_eq(s.received, m->handed > 0);
    must_eq(s.queued, m->queued);
    must_eq(s.dropped, m->dropped);
    must_eq(s.entered, s.sent - (uint64_t)m->as_new);
    must_eq(s.capacity, m->cap);
    must_eq(s.highest, m->queued);
    must_eq(s.refused, counts(k, code) && code == WEIR_FULL);
    must_eq(s.canceled, counts(k, code) && code == WEIR_CANCELED);
    must_eq(s.blocked_sends, counts(k, code) && code == WEIR_CANCELED);
    must_eq(s.blocked_recvs, k->state == RECEIVER);
    must_eq(s.timed_out, 0);
}

static void check_content(weir_chan *c, const struct model *m)
{
    int i;

    must_eq(weir_chan_len(c), m->queued);
    for (i = 0; i < m->queued; i++)
        must_eq(try_recv_int(c), m->queue[i]);
    must_eq(try_recv_int(c), -1);
}

static void play(struct crew *crew, const struct cell *k)
{
    struct heard h = {0};
    weir_chan_opts o = opts_of(k->row->policy, k->capacity, &h);
    struct receiver r = {.got = -1};
    struct model m = {.cap = (int)k->capacity};
    weir_ctx ended;
    int code, before;
    ptrdiff_t want;

    o.sample_every = k->row->every;
    r.c = chan_of(&o);
    m.cap = (int)weir_chan_cap(r.c);
    must_eq(weir_ctx_init(&ended, NULL), 0);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    enter_state(crew, k, &r, &m);
    before = m.queued;
    want = expect(&m, k, &code);
    must_eq(send_by(r.c, &ended, k->way), want);
    crew_wait(crew);
    must_eq(r.got, m.handed > 0 ? m.handed : -1);
    check_heard(&h, &m, k, code);
    check_account(r.c, &m, k, code, before);
    check_content(r.c, &m);
    must_eq(weir_ctx_fini(&ended), 0);
    weir_chan_unref(r.c);
}

BEHAVIOUR(each_cell)
{
    static const size_t capacities[] = {0, 1, 3};
    struct cell k;
    int row, cap, state, way, cells = 0;

    for (row = 0; row < ROWS; row++)
        for (cap = 0; cap < 3; cap++)
            for (state = 0; state < STATES; state++)
                for (way = 0; way < WAYS; way++) {
                    k = (struct cell){&full[row], (enum way)way,
                                      (enum state)state, capacities[cap]};
                    if (k.row->policy == WEIR_LATEST && cap == 2)
                        continue;
                    if (state == ROOM && cap == 0 &&
                        k.row->policy != WEIR_LATEST)
                        continue;
                    play(crew, &k);
                    cells++;
                }
    must_eq(cells, 7 * 3 * STATES * WAYS - STATES * WAYS - 6 * WAYS);
}

/* ---- what a table of single sends does not show -------------------------- */

/* With one in N, N of many take a place in the buffer, by the seed. */
static uint64_t taken_of(uint32_t every, uint64_t seed, int n)
{
    weir_chan_opts o = opts_of(WEIR_SAMPLE, 1, NULL);
    weir_chan *c;
    weir_chan_stats s;
    int i;

    o.sample_every = every;
    o.seed = seed;
    c = chan_of(&o);
    for (i = 0; i < n; i++)
        must_eq(send_int(c, i), 0);
    s = account(c);
    must_eq(s.dropped_by[WEIR_DROP_SAMPLED], n - 1);
    weir_chan_unref(c);
    return s.entered - 1;
}

/* 10,000 with p = 1/4: 2500 expected, a deviation of 43. */
BEHAVIOUR(sample_keeps_one_in_n)
{
    uint64_t seed, taken;

    for (seed = 1; seed <= 5; seed++) {
        taken = taken_of(4, seed, 10001);
        must(taken > 2200 && taken < 2800);
        must_eq(taken_of(4, seed, 10001), taken);
    }
    must_eq(taken_of(1, 7, 1001), 1000);
    taken = taken_of(0, 7, 10001); /* one in 10 */
    must(taken > 800 && taken < 1200);
    (void)crew;
}

static void send_many(void *arg)
{
    weir_chan *c = arg;
    int i;

    for (i = 1; i <= 500; i++)
        must_eq(send_int(c, i), 0);
}

/* Under no policy but to block does a sender ever wait. */
BEHAVIOUR(nobody_waits)
{
    static const enum weir_policy never[] = {WEIR_DROP, WEIR_DROP_OLDEST,
                                             WEIR_LATEST, WEIR_SAMPLE};
    int i, p;

    for (i = 0; i < 4; i++) {
        struct heard h = {0};
        const weir_chan_opts o = opts_of(never[i], 1, &h);
        weir_chan *c = chan_of(&o);
        weir_chan_stats s;

        for (p = 0; p < 4; p++)
            crew_go(crew, send_many, c);
        crew_wait(crew);
        s = account(c);
        must_eq(s.sent, 4 * 500);
        must_eq(s.dropped, 4 * 500 - 1);
        must_eq(h.drops, 4 * 500 - 1);
        must_eq(s.blocked_sends, 0);
        must_eq(h.blocks, 0);
        weir_chan_unref(c);
        must_eq(h.drops, 4 * 500);
        must_eq(h.errors, 0);
    }
}

/* A watch: who receives gets the value that was sent last. */
BEHAVIOUR(latest_is_a_watch)
{
    const weir_chan_opts o = opts_of(WEIR_LATEST, 0, NULL);
    weir_chan *c = chan_of(&o);
    int i;

    must_eq(weir_chan_cap(c), 1);
    for (i = 0; i < 1000; i++) {
        must_eq(i % 2 ? send_int(c, i) : try_send_int(c, i), 0);
        if (i % 7 == 0)
            must_eq(try_recv_int(c), i);
    }
    must_eq(try_recv_int(c), 999);
    weir_chan_unref(c);
    (void)crew;
}

BEHAVIOUR(names_of_policies)
{
    enum weir_policy p;
    int i;

    for (i = 0; i < WEIR_POLICIES; i++) {
        must_eq(weir_policy_parse(weir_policy_name((enum weir_policy)i), &p),
                0);
        must_eq(p, i);
    }
    must(strcmp(weir_policy_name(WEIR_POLICIES), "?") == 0);
    must(strcmp(weir_drop_name(WEIR_DROPS), "?") == 0);
    must(strcmp(weir_policy_name(WEIR_DROP_OLDEST), "drop-oldest") == 0);
    must_eq(weir_policy_parse("Block", &p), WEIR_EINVAL);
    must_eq(weir_policy_parse("", &p), WEIR_EINVAL);
    must_eq(weir_policy_parse(NULL, &p), WEIR_EINVAL);
    must_eq(weir_policy_parse("block", NULL), WEIR_EINVAL);
    must_eq(weir_chan_policy(NULL), WEIR_BLOCK);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(each_cell), CHECK_MODES(sample_keeps_one_in_n),
           CHECK_MODES(nobody_waits), CHECK_MODES(latest_is_a_watch),
           CHECK_MODES(names_of_policies))
