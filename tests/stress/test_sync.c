/* SPDX-License-Identifier: MIT */
/*
 * All synchronisation objects under load: tasks and threads take them in
 * random order, with contexts that are cancelled or run out at any moment.
 * Invariants are checked while they are held and after each round, when
 * everything must be back to where it began.
 *
 *     test_sync [--seconds N] [--seed N]
 *
 * A round has its own number of workers and parties; the seed decides both
 * and what each party does, and is printed with each failure.
 */
#include "stress.h"
#include "sync/mutex.h"

enum { PARTIES_MOST = 16, PERMITS = 5, MEET = 3, ONCES = 64, ROUND_MS = 100 };

/* ---- what the parties share ---------------------------------------------- */

/* A party's context, for others to cancel: under the lock. */
struct target {
    pthread_mutex_t lock;
    weir_ctx *ctx;
};

struct world {
    weir_ctx root; /* its end is the end of the round */

    weir_mutex mutex;
    bool inside; /* under mutex */
    long locked; /* under mutex */
    atomic_long locks;

    weir_rwmutex rw;
    atomic_int readers, writers;

    weir_sem sem;
    atomic_int out;

    weir_mutex shelf;
    weir_cond filled;
    long made, taken; /* under shelf */

    weir_barrier barrier;
    atomic_long met, lasts;

    weir_once once[ONCES];
    int value[ONCES];

    struct target targets[PARTIES_MOST];
};

struct party_of {
    struct world *w;
    struct chance chance;
    struct target *target;
};

static bool chance_of(struct party_of *p, int percent)
{
    return below(&p->chance, 100) < percent;
}

static void linger(struct party_of *p)
{
    if (chance_of(p, 20))
        weir_yield();
}

/* 0, or one of the ways in which a wait may end. */
static bool went_well(int result)
{
    if (result != WEIR_CANCELED && result != WEIR_TIMEDOUT)
        must_eq(result, 0);
    return result == 0;
}

/* ---- the objects --------------------------------------------------------- */

static void use_mutex(struct party_of *p, weir_ctx *ctx)
{
    struct world *w = p->w;
    int r = chance_of(p, 20) ? weir_mutex_try_lock(&w->mutex)
                             : weir_mutex_lock(&w->mutex, ctx);

    if (r == WEIR_BUSY || !went_well(r))
        return;
    must(!w->inside);
    w->inside = true;
    linger(p);
    w->locked++;
    atomic_fetch_add(&w->locks, 1);
    w->inside = false;
    must_eq(weir_mutex_unlock(&w->mutex), 0);
}

static void read_rw(struct party_of *p, weir_ctx *ctx)
{
    struct world *w = p->w;

    if (!went_well(weir_rwmutex_rlock(&w->rw, ctx)))
        return;
    atomic_fetch_add(&w->readers, 1);
    must_eq(atomic_load(&w->writers), 0);
    linger(p);
    must_eq(atomic_load(&w->writers), 0);
    atomic_fetch_sub(&w->readers, 1);
    must_eq(weir_rwmutex_runlock(&w->rw), 0);
}

static void write_rw(struct party_of *p, weir_ctx *ctx)
{
    struct world *w = p->w;

    if (!went_well(weir_rwmutex_lock(&w->rw, ctx)))
        return;
    must_eq(atomic_fetch_add(&w->writers, 1), 0);
    must_eq(atomic_load(&w->readers), 0);
    linger(p);
    must_eq(atomic_load(&w->readers), 0);
    must_eq(atomic_fetch_sub(&w->writers, 1), 1);
    must_eq(weir_rwmutex_unlock(&w->rw), 0);
}

static void use_sem(struct party_of *p, weir_ctx *ctx)
{
    struct world *w = p->w;
    int n = below(&p->chance, PERMITS + 2); /* one too many at times */

    if (!went_well(weir_sem_acquire(&w->sem, n, ctx)))
        return;
    must(atomic_fetch_add(&w->out, n) + n <= PERMITS);
    linger(p);
    must(atomic_fetch_sub(&w->out, n) >= n);
    must_eq(weir_sem_release(&w->sem, n), 0);
}

static void make(struct party_of *p, weir_ctx *ctx)
{
    struct world *w = p->w;

    if (!went_well(weir_mutex_lock(&w->shelf, ctx)))
        return;
    w->made++;
    if (chance_of(p, 80))
        must_eq(weir_cond_signal(&w->filled), 0);
    must_eq(weir_mutex_unlock(&w->shelf), 0);
    if (chance_of(p, 30))
        must_eq(weir_cond_broadcast(&w->filled), 0);
}

static void take(struct party_of *p, weir_ctx *ctx)
{
    struct world *w = p->w;
    int r = 0;

    if (!went_well(weir_mutex_lock(&w->shelf, ctx)))
        return;
    while (w->made == w->taken && r == 0)
        r = weir_cond_wait(&w->filled, &w->shelf, ctx);
    if (went_well(r))
        w->taken++;
    must(w->taken <= w->made);
    must_eq(weir_mutex_unlock(&w->shelf), 0);
}

static void meet(struct party_of *p, weir_ctx *ctx)
{
    struct world *w = p->w;
    int r = weir_barrier_wait(&w->barrier, ctx);

    if (r != 1 && !went_well(r))
        return;
    atomic_fetch_add(&w->met, 1);
    atomic_fetch_add(&w->lasts, r);
}

struct once_arg {
    struct party_of *p;
    int i;
};

static void do_once(void *arg)
{
    const struct once_arg *a = arg;

    linger(a->p);
    a->p->w->value[a->i]++;
}

static void use_once(struct party_of *p, weir_ctx *ctx)
{
    struct once_arg a = {p, below(&p->chance, ONCES)};

    must_eq(weir_once_do(&p->w->once[a.i], do_once, &a), 0);
    must_eq(p->w->value[a.i], 1);
    (void)ctx;
}

/* ---- things that come and go --------------------------------------------- */

static void finish(void *arg)
{
    must_eq(weir_wg_done(arg), 0);
}

/* Freed as soon as the wait says so. */
static void use_wg(struct party_of *p, weir_ctx *ctx)
{
    weir_wg *wg = calloc(1, sizeof *wg);
    int i, n = below(&p->chance, 5);

    must(wg != NULL);
    must_eq(weir_wg_add(wg, n), 0);
    for (i = 0; i < n; i++)
        must_eq(weir_go(finish, wg), 0);
    if (!went_well(weir_wg_wait(wg, ctx)))
        must_eq(weir_wg_wait(wg, NULL), 0);
    memset(wg, 0xff, sizeof *wg);
    free(wg);
}

static int member(void *arg, weir_ctx *ctx)
{
    int what = (int)((intptr_t)arg % 8);

    if (what == 7)
        return 7;
    if (what == 6)
        return weir_ctx_wait(ctx, NULL);
    weir_yield();
    return 0;
}

static void use_group(struct party_of *p, weir_ctx *ctx)
{
    weir_group *g = malloc(sizeof *g);
    int i, r, n = below(&p->chance, 6), limit = below(&p->chance, 3);

    must(g != NULL);
    must_eq(weir_group_init(g, ctx, limit), 0);
    for (i = 0; i < n; i++)
        went_well(
            weir_group_go(g, member, (void *)(intptr_t)below(&p->chance, 8)));
    if (chance_of(p, 50))
        must_eq(weir_group_cancel(g, 5), 0);
    r = weir_group_wait(g);
    must(r == 3 || r == 5 || r == 7 || r <= 0);
    free(g);
}

static void note(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* A small family with after-functions, ended from any side. */
static void use_ctx(struct party_of *p, weir_ctx *ctx)
{
    weir_ctx *top = malloc(sizeof *top), *kid = malloc(sizeof *kid);
    weir_ctx_after after;
    atomic_int ran = 0;
    bool stopped;

    must(top != NULL && kid != NULL);
    must_eq(weir_ctx_init_timeout(top, ctx, below(&p->chance, 100000)), 0);
    must_eq(weir_ctx_init(kid, top), 0);
    must_eq(weir_ctx_after_func(&after, kid, note, &ran), 0);
    linger(p);
    if (chance_of(p, 50))
        must_eq(weir_ctx_cancel(chance_of(p, 50) ? top : kid, 1), 0);
    if (chance_of(p, 50))
        must(weir_ctx_wait(kid, NULL) < 0);
    stopped = chance_of(p, 50) && weir_ctx_after_stop(&after) == 1;
    must_eq(weir_ctx_fini(kid), 0);
    must_eq(atomic_load(&ran), !stopped);
    free(kid);
    must_eq(weir_ctx_fini(top), 0);
    free(top);
}

/* ---- parties ------------------------------------------------------------- */

static void cancel_somebody(struct party_of *p, weir_ctx *ctx)
{
    struct target *t = &p->w->targets[below(&p->chance, PARTIES_MOST)];

    pthread_mutex_lock(&t->lock);
    if (t->ctx)
        must_eq(weir_ctx_cancel(t->ctx, 3), 0);
    pthread_mutex_unlock(&t->lock);
    (void)ctx;
}

static void publish(struct target *t, weir_ctx *ctx)
{
    pthread_mutex_lock(&t->lock);
    t->ctx = ctx;
    pthread_mutex_unlock(&t->lock);
}

static void (*const acts[])(struct party_of *, weir_ctx *) = {
    use_mutex, use_mutex, read_rw,   read_rw, write_rw,        use_sem,
    use_sem,   make,      take,      meet,    use_once,        use_wg,
    use_group, use_ctx,   use_mutex, use_sem, cancel_somebody, cancel_somebody,
};

enum { ACTS = sizeof acts / sizeof acts[0] };

/* Some acts under one context that may be ended by anybody or by time. */
static void act(struct party_of *p)
{
    weir_ctx ctx;
    int i, n = 1 + below(&p->chance, 8);

    if (chance_of(p, 30))
        must_eq(
            weir_ctx_init_timeout(&ctx, &p->w->root, below(&p->chance, 200000)),
            0);
    else
        must_eq(weir_ctx_init(&ctx, &p->w->root), 0);
    publish(p->target, &ctx);
    for (i = 0; i < n; i++)
        acts[below(&p->chance, ACTS)](p, &ctx);
    publish(p->target, NULL);
    must_eq(weir_ctx_fini(&ctx), 0);
}

static void live(void *arg)
{
    struct party_of *p = arg;

    while (weir_ctx_err(&p->w->root) == 0)
        act(p);
}

/* Ends the waits of the others, so that a round is not spent in waiting. */
static void stir(void *arg)
{
    struct party_of *p = arg;

    while (weir_ctx_err(&p->w->root) == 0) {
        cancel_somebody(p, NULL);
        make(p, NULL);
        weir_sleep(below(&p->chance, 20000), NULL);
    }
}

/* ---- rounds -------------------------------------------------------------- */

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    int i;

    must(w != NULL);
    w->sem = (weir_sem)WEIR_SEM_INIT(PERMITS);
    w->barrier = (weir_barrier)WEIR_BARRIER_INIT(MEET);
    for (i = 0; i < PARTIES_MOST; i++)
        pthread_mutex_init(&w->targets[i].lock, NULL);
    return w;
}

/* Nobody is left: everything is as it was, and the books balance. */
static void check_at_rest(struct world *w)
{
    must(!wr_mutex_locked(&w->mutex));
    must_eq(w->locked, atomic_load(&w->locks));
    must_eq(w->rw.state_, 0);
    must(!wr_mutex_locked(&w->shelf));
    must_eq(w->sem.permits_, PERMITS);
    must_eq(w->barrier.arrived_, 0);
    must_eq(atomic_load(&w->met), atomic_load(&w->lasts) * MEET);
    must(w->mutex.queue_.head_ == NULL && w->rw.queue_.head_ == NULL &&
         w->rw.writers_.head_ == NULL && w->sem.queue_.head_ == NULL &&
         w->filled.queue_.head_ == NULL && w->barrier.queue_.head_ == NULL &&
         w->root.children_ == NULL);
}

static void play_round(struct chance chance)
{
    struct world *w = world_new();
    struct party_of parties[PARTIES_MOST]; /* the first one stirs */
    struct crew crew = CREW(below(&chance, MODES));
    int i, n = 3 + below(&chance, PARTIES_MOST - 2);

    must_eq(weir_ctx_init_timeout(&w->root, NULL, ROUND_MS * WEIR_MILLISECOND),
            0);
    for (i = 0; i < n; i++) {
        parties[i] = (struct party_of){w, {draw(&chance)}, &w->targets[i]};
        crew_go(&crew, i ? live : stir, &parties[i]);
    }
    crew_wait(&crew);
    check_at_rest(w);
    must_eq(weir_ctx_fini(&w->root), 0);
    free(w);
}

START_TEST(everything_at_once)
{
    printf("%llu rounds\n", (unsigned long long)stress_rounds(1, play_round));
}
END_TEST

int main(int argc, char **argv)
{
    return stress_main(argc, argv, everything_at_once);
}
