/* SPDX-License-Identifier: MIT */
/*
 * The reader-writer mutex: readers together, writers alone, turns for both,
 * and nobody held up by one who has left.
 */
#include "queued.h"

enum { READERS = 4, WRITERS = 3 };

/* ---- exclusion ----------------------------------------------------------- */

struct page {
    weir_rwmutex m;
    atomic_int readers;
    bool writing;
    long a, b; /* equal whenever nobody writes */
    int rounds;
};

static void read_page(void *arg)
{
    struct page *p = arg;
    int i;

    for (i = 0; i < p->rounds; i++) {
        must_eq(weir_rwmutex_rlock(&p->m, NULL), 0);
        atomic_fetch_add(&p->readers, 1);
        must(!p->writing);
        must_eq(p->a, p->b);
        if (i % 8 == 0)
            weir_yield();
        must_eq(p->a, p->b);
        atomic_fetch_sub(&p->readers, 1);
        must_eq(weir_rwmutex_runlock(&p->m), 0);
    }
}

static void write_page(void *arg)
{
    struct page *p = arg;
    int i;

    for (i = 0; i < p->rounds; i++) {
        must_eq(weir_rwmutex_lock(&p->m, NULL), 0);
        must(!p->writing);
        must_eq(atomic_load(&p->readers), 0);
        p->writing = true;
        p->a++;
        if (i % 8 == 0)
            weir_yield();
        p->b++;
        p->writing = false;
        must_eq(weir_rwmutex_unlock(&p->m), 0);
    }
}

BEHAVIOUR(writers_alone)
{
    struct page p = {.m = WEIR_RWMUTEX_INIT};
    int i;

    p.rounds = check_scale(crew_many(crew, 2000, 300));
    for (i = 0; i < READERS; i++)
        crew_go(crew, read_page, &p);
    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_page, &p);
    crew_wait(crew);
    must_eq(p.a, (long)WRITERS * p.rounds);
    must_eq(p.m.state_, 0);
}

/* Each reader waits inside for all the others. */
struct meeting {
    weir_rwmutex m;
    weir_barrier all;
};

static void meet_inside(void *arg)
{
    struct meeting *t = arg;

    must_eq(weir_rwmutex_rlock(&t->m, NULL), 0);
    must(weir_barrier_wait(&t->all, NULL) >= 0);
    must_eq(weir_rwmutex_runlock(&t->m), 0);
}

BEHAVIOUR(readers_together)
{
    struct meeting t = {WEIR_RWMUTEX_INIT, WEIR_BARRIER_INIT(READERS)};
    int i;

    for (i = 0; i < READERS; i++)
        crew_go(crew, meet_inside, &t);
    crew_wait(crew);
}

/* ---- turns --------------------------------------------------------------- */

struct turns {
    weir_rwmutex m;
    atomic_int came; /* the order of coming in */
};

struct visitor {
    struct turns *t;
    weir_ctx *ctx;
    bool writes;
    int result, place;
};

static void visit(void *arg)
{
    struct visitor *v = arg;

    v->result = v->writes ? weir_rwmutex_lock(&v->t->m, v->ctx)
                          : weir_rwmutex_rlock(&v->t->m, v->ctx);
    if (v->result != 0)
        return;
    v->place = atomic_fetch_add(&v->t->came, 1);
    must_eq(v->writes ? weir_rwmutex_unlock(&v->t->m)
                      : weir_rwmutex_runlock(&v->t->m),
            0);
}

static int waiting(struct turns *t)
{
    return queued(&t->m.queue_) +
           queued_under(wr_queue_lock(&t->m.queue_), &t->m.writers_);
}

static void line_up(struct crew *crew, struct turns *t, struct visitor *v,
                    int n)
{
    int i, before = waiting(t);

    for (i = 0; i < n; i++) {
        v[i].t = t;
        crew_go(crew, visit, &v[i]);
        while (waiting(t) != before + i + 1)
            weir_yield();
    }
}

/* In the mutex: a writer. In line: W R W R. A leaving writer lets in the
 * readers, the last of them a writer. */
BEHAVIOUR(a_leaving_writer_lets_the_readers_in)
{
    struct turns t = {.m = WEIR_RWMUTEX_INIT};
    struct visitor v[4] = {{.writes = true}, {0}, {.writes = true}, {0}};

    must_eq(weir_rwmutex_lock(&t.m, NULL), 0);
    line_up(crew, &t, v, 4);
    must_eq(weir_rwmutex_unlock(&t.m), 0);
    crew_wait(crew);
    must(v[1].place < 2 && v[3].place < 2);
    must_eq(v[0].place, 2);
    must_eq(v[2].place, 3);
}

BEHAVIOUR(a_waiting_writer_holds_later_readers_back)
{
    struct turns t = {.m = WEIR_RWMUTEX_INIT};
    struct visitor v[2] = {{.writes = true}, {0}};

    must_eq(weir_rwmutex_rlock(&t.m, NULL), 0);
    must_eq(weir_rwmutex_rlock(&t.m, NULL), 0);
    line_up(crew, &t, v, 2);
    must_eq(weir_rwmutex_try_rlock(&t.m), WEIR_BUSY);
    must_eq(weir_rwmutex_runlock(&t.m), 0);
    must_eq(waiting(&t), 2);
    must_eq(weir_rwmutex_runlock(&t.m), 0);
    crew_wait(crew);
    must_eq(v[0].place, 0);
    must_eq(v[1].place, 1);
}

/* Readers that come and go without a gap do not keep a writer out. */
struct stream {
    weir_rwmutex m;
    atomic_bool written;
};

static void read_until_written(void *arg)
{
    struct stream *s = arg;

    while (!atomic_load(&s->written)) {
        must_eq(weir_rwmutex_rlock(&s->m, NULL), 0);
        weir_yield();
        must_eq(weir_rwmutex_runlock(&s->m), 0);
    }
}

static void write_once(void *arg)
{
    struct stream *s = arg;

    must_eq(weir_rwmutex_lock(&s->m, NULL), 0);
    atomic_store(&s->written, true);
    must_eq(weir_rwmutex_unlock(&s->m), 0);
}

BEHAVIOUR(no_writer_starves)
{
    struct stream s = {.m = WEIR_RWMUTEX_INIT};
    int i;

    for (i = 0; i < READERS; i++)
        crew_go(crew, read_until_written, &s);
    settle();
    crew_go(crew, write_once, &s);
    crew_wait(crew);
}

/* ---- contexts ------------------------------------------------------------ */

BEHAVIOUR(a_cancelled_writer_lets_the_readers_go)
{
    struct turns t = {.m = WEIR_RWMUTEX_INIT};
    weir_ctx ctx = WEIR_CTX_INIT;
    struct visitor v[4] = {
        {.writes = true, .ctx = &ctx}, {0}, {.writes = true, .ctx = &ctx}, {0}};

    must_eq(weir_rwmutex_rlock(&t.m, NULL), 0);
    line_up(crew, &t, v, 4);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    must_eq(v[0].result, WEIR_CANCELED);
    must_eq(v[2].result, WEIR_CANCELED);
    must_eq(atomic_load(&t.came), 2);
    must_eq(weir_rwmutex_runlock(&t.m), 0);
    must_eq(t.m.state_, 0);
    must_eq(weir_ctx_fini(&ctx), 0);
}

BEHAVIOUR(deadline_ends_the_wait)
{
    weir_rwmutex m = WEIR_RWMUTEX_INIT;
    weir_ctx ctx;

    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_rwmutex_lock(&m, &ctx), 0);
    must_eq(weir_rwmutex_lock(&m, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_rwmutex_rlock(&m, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_rwmutex_unlock(&m), 0);
    must_eq(weir_rwmutex_rlock(&m, &ctx), 0);
    must_eq(weir_rwmutex_rlock(&m, &ctx), 0);
    must_eq(weir_rwmutex_lock(&m, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_rwmutex_runlock(&m), 0);
    must_eq(weir_rwmutex_runlock(&m), 0);
    must_eq(m.state_, 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

START_TEST(wrong_use_is_refused)
{
    weir_rwmutex m = WEIR_RWMUTEX_INIT;

    ck_assert_int_eq(weir_rwmutex_lock(NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_rwmutex_rlock(NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_rwmutex_try_lock(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_rwmutex_try_rlock(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_rwmutex_unlock(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_rwmutex_runlock(NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_rwmutex_unlock(&m), WEIR_EINVAL);
    ck_assert_int_eq(weir_rwmutex_runlock(&m), WEIR_EINVAL);

    ck_assert_int_eq(weir_rwmutex_try_lock(&m), 0);
    ck_assert_int_eq(weir_rwmutex_try_lock(&m), WEIR_BUSY);
    ck_assert_int_eq(weir_rwmutex_try_rlock(&m), WEIR_BUSY);
    ck_assert_int_eq(weir_rwmutex_runlock(&m), WEIR_EINVAL);
    ck_assert_int_eq(weir_rwmutex_unlock(&m), 0);

    ck_assert_int_eq(weir_rwmutex_try_rlock(&m), 0);
    ck_assert_int_eq(weir_rwmutex_try_rlock(&m), 0);
    ck_assert_int_eq(weir_rwmutex_try_lock(&m), WEIR_BUSY);
    ck_assert_int_eq(weir_rwmutex_unlock(&m), WEIR_EINVAL);
    ck_assert_int_eq(weir_rwmutex_runlock(&m), 0);
    ck_assert_int_eq(weir_rwmutex_runlock(&m), 0);
}
END_TEST

CHECK_MAIN(CHECK_MODES(writers_alone), CHECK_MODES(readers_together),
           CHECK_MODES(a_leaving_writer_lets_the_readers_in),
           CHECK_MODES(a_waiting_writer_holds_later_readers_back),
           CHECK_MODES(no_writer_starves),
           CHECK_MODES(a_cancelled_writer_lets_the_readers_go),
           CHECK_MODES(deadline_ends_the_wait),
           CHECK_TEST(wrong_use_is_refused))
