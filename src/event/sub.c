/* SPDX-License-Identifier: MIT */
/* Subscriptions: opening, receiving, closing. See sub.h. */
#include "event/sub.h"

#include "base/mem.h"
#include "base/misuse.h"

#define ACK_WAIT (30 * WEIR_SECOND)

enum { IN_FLIGHT = 256 };

/* More than any number of receives can ask for, and no overflow. */
#define FLOOD ((int64_t)1 << 62)

/* ---- references ---------------------------------------------------------- */

void wr_sub_ref(weir_sub *s)
{
    __atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
}

void wr_sub_unref(weir_sub *s)
{
    if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
        return;
    s->engine->sub_free(s->self);
    wr_gate_fini(&s->gate);
    wr_free(s);
}

void wr_sub_release(weir_sub *s, uint64_t n)
{
    weir_sem_release(&s->permits, (int64_t)n);
    wr_gate_leave(&s->gate, n);
}

/* ---- opening ------------------------------------------------------------- */

static const char *wrong(const weir_sub_opts *o)
{
    if ((o->group && !wr_group_name_ok(o->group)) ||
        (o->dead_letter && !wr_group_name_ok(o->dead_letter)))
        return WR_NAME_RULE ", as has that of a topic for dead letters";
    if ((unsigned)o->from > WEIR_FROM_TIME)
        return "a subscription begins at the begin, the end, a number or a "
               "time: `from` is none of these";
    return o->ack_wait < 0 ? "ack_wait is below 0" : NULL;
}

/* What the engine cannot do of it, or NULL. */
static const char *too_much(const weir_sub_opts *o, const weir_caps *caps)
{
    if (o->from == WEIR_FROM_SEQ && !caps->from_seq)
        return "begin at a sequence number";
    if (o->from == WEIR_FROM_TIME && !caps->from_time)
        return "begin at a time";
    if ((o->max_deliveries || o->dead_letter) && !caps->dead_letter)
        return "keep dead letters";
    return NULL;
}

static weir_sub_opts with_defaults(const weir_sub_opts *o)
{
    weir_sub_opts full = o ? *o : (weir_sub_opts){0};
    if (full.max_in_flight == 0)
        full.max_in_flight = IN_FLIGHT;
    if (full.ack_wait == 0)
        full.ack_wait = ACK_WAIT;
    return full;
}

static int open_sub(weir_sub **out, const weir_engine *e, const weir_url *url,
                    const weir_sub_opts *o, weir_why *why)
{
    const char *cannot = too_much(o, &e->caps);
    if (cannot)
        return weir_why_set(why, WEIR_UNSUPPORTED, "%s: cannot %s",
                            e->caps.engine, cannot);
    weir_sub *s = wr_alloc(sizeof(*s));
    if (!s)
        return WEIR_ENOMEM;
    const int err = e->sub_open(&s->self, url, o, why);
    if (err) {
        wr_free(s);
        return err;
    }
    s->engine = e;
    s->max = o->max_in_flight;
    s->ack_wait = o->ack_wait;
    s->refs = 1;
    s->permits = (weir_sem)WEIR_SEM_INIT(o->max_in_flight);
    wr_gate_init(&s->gate);
    *out = s;
    return 0;
}

int weir_sub_open(weir_sub **out, const char *text, const weir_sub_opts *opts,
                  weir_why *why)
{
    const weir_engine *e;
    weir_url *url;
    const weir_sub_opts o = with_defaults(opts);
    const char *what = wrong(&o);
    wr_why_clear(why);
    if (out)
        *out = NULL;
    if (!out)
        return WR_MISUSE("no place for the subscription");
    if (what)
        return weir_why_set(why, WR_MISUSE(what), "%s", what);
    int err = wr_engine_of(&e, &url, text, why);
    if (err)
        return err;
    err = open_sub(out, e, url, &o, why);
    wr_why_end(why, err, url);
    weir_url_free(url);
    return err;
}

const weir_caps *weir_sub_caps(const weir_sub *s)
{
    return s ? &s->engine->caps : NULL;
}

/* ---- receiving ----------------------------------------------------------- */

/* As many more permits as there are, up to n. */
static size_t take_more(weir_sub *s, size_t n)
{
    size_t got = 0;
    for (size_t step = n; step; step = step > n - got ? n - got : step)
        if (weir_sem_try_acquire(&s->permits, (int64_t)step) == 0)
            got += step;
        else
            step /= 2;
    return got;
}

/* 1..n permits, and as many places behind the gate. How many, or why none; the
 * permits of a shut gate matter to nobody. */
static ptrdiff_t take_permits(weir_sub *s, size_t n, bool now, weir_ctx *ctx)
{
    if (wr_gate_is_shut(&s->gate))
        return WEIR_CLOSED;
    int err = weir_sem_try_acquire(&s->permits, 1);
    if (err)
        err = now ? WEIR_EMPTY : weir_sem_acquire(&s->permits, 1, ctx);
    if (err)
        return err;
    const size_t most = n < s->max ? n : s->max;
    const size_t got = 1 + take_more(s, most - 1);
    return wr_gate_enter(&s->gate, got) ? (ptrdiff_t)got : WEIR_CLOSED;
}

static void account(weir_sub *s, weir_delivery **d, size_t n)
{
    uint64_t again = 0;
    for (size_t i = 0; i < n; i++) {
        d[i]->sub_ = s;
        d[i]->state_ = WR_OPEN;
        again += d[i]->message.deliveries > 1;
    }
    __atomic_fetch_add(&s->refs, n, __ATOMIC_RELAXED);
    __atomic_fetch_add(&s->received, n, __ATOMIC_RELEASE);
    __atomic_fetch_add(&s->redelivered, again, __ATOMIC_RELEASE);
}

/* A message is the first field of its delivery, so an array of the one is an
 * array of the other. */
static ptrdiff_t receive(weir_sub *s, weir_message **m, size_t n, bool now,
                         weir_ctx *ctx)
{
    weir_delivery **d = (weir_delivery **)m;
    const ptrdiff_t asked = take_permits(s, n, now, ctx);
    if (asked < 0)
        return asked;
    const ptrdiff_t got = s->engine->recv(s->self, d, (size_t)asked, now, ctx);
    if (got > 0)
        account(s, d, (size_t)got);
    wr_sub_release(s, (uint64_t)(got > 0 ? asked - got : asked));
    return got;
}

ptrdiff_t weir_sub_recv_n(weir_sub *s, weir_message **m, size_t n,
                          weir_ctx *ctx)
{
    if (!s || (n && !m))
        return WR_MISUSE("no subscription, or no place for messages");
    return n ? receive(s, m, n, false, ctx) : 0;
}

static int receive_one(weir_sub *s, weir_message **m, bool now, weir_ctx *ctx)
{
    *m = NULL;
    const ptrdiff_t got = receive(s, m, 1, now, ctx);
    return got > 0 ? 0 : (int)got;
}

int weir_sub_recv(weir_sub *s, weir_message **m, weir_ctx *ctx)
{
    if (!s || !m)
        return WR_MISUSE("no subscription, or no place for a message");
    return receive_one(s, m, false, ctx);
}

int weir_sub_try_recv(weir_sub *s, weir_message **m)
{
    if (!s || !m)
        return WR_MISUSE("no subscription, or no place for a message");
    return receive_one(s, m, true, NULL);
}

/* ---- closing ------------------------------------------------------------- */

int wr_sub_enter(weir_sub *s, struct wr_inside *me)
{
    const int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    wr_inside_enter(&s->handlers, me);
    weir_mutex_unlock(&s->lock);
    return 0;
}

void wr_sub_leave(weir_sub *s, const struct wr_inside *me)
{
    weir_mutex_lock(&s->lock, NULL);
    wr_inside_leave(&s->handlers, me);
    weir_mutex_unlock(&s->lock);
}

static void shut(weir_sub *s)
{
    if (!wr_gate_shut(&s->gate))
        return;
    weir_sem_release(&s->permits, FLOOD);
    s->engine->sub_close(s->self);
}

int weir_sub_close(weir_sub *s, weir_ctx *ctx)
{
    if (!s)
        return WR_MISUSE("no subscription");
    shut(s);
    const int err = weir_mutex_lock(&s->lock, NULL);
    if (err)
        return err;
    const bool handles = wr_inside_has_me(s->handlers);
    weir_mutex_unlock(&s->lock);
    return handles ? WEIR_DEADLOCK : wr_gate_wait(&s->gate, ctx);
}

void weir_sub_free(weir_sub *s)
{
    if (!s)
        return;
    shut(s);
    wr_sub_unref(s);
}

/* ---- counts -------------------------------------------------------------- */

enum { TRIES = 100 };

static uint64_t sum_up(const weir_sub *s, uint64_t *ends)
{
    uint64_t sum = 0;
    for (int i = 0; i < WR_ENDS; i++)
        sum += ends[i] = __atomic_load_n(&s->ends[i], __ATOMIC_ACQUIRE);
    return sum;
}

/* Numbers that belong together: nothing has ended between two looks that find
 * the same sum, so what was received between them is in flight or was before.
 * Should that not come about soon, what is in flight is too high by what ended
 * meanwhile; the account holds in any case, as nothing ends that was not
 * received before. */
static void own_counts(const weir_sub *s, weir_sub_counts *out)
{
    uint64_t ends[WR_ENDS], sum, again;
    int tries = TRIES;
    do {
        out->redelivered = __atomic_load_n(&s->redelivered, __ATOMIC_ACQUIRE);
        sum = sum_up(s, ends);
        out->received = __atomic_load_n(&s->received, __ATOMIC_ACQUIRE);
        again = sum_up(s, (uint64_t[WR_ENDS]){0});
    } while (again != sum && --tries);
    out->acked = ends[WR_ACKED];
    out->naked = ends[WR_NAKED];
    out->termed = ends[WR_TERMED];
    out->expired = ends[WR_EXPIRED];
    out->returned = ends[WR_RETURNED];
    out->in_flight = out->received - sum;
}

int weir_sub_get_counts(weir_sub *s, weir_sub_counts *out, weir_ctx *ctx)
{
    if (!s || !out)
        return WR_MISUSE("no subscription, or no place for the counts");
    *out = (weir_sub_counts){0};
    const int err = s->engine->sub_counts(s->self, out, ctx);
    own_counts(s, out);
    return err;
}
