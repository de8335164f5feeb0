/* SPDX-License-Identifier: MIT */
/*
 * A caller whose context ends while its request is served, at the moments that
 * matter: the answer is held up between what it consists of. The engine's
 * requests are compiled anew for that, with an end of contexts that waits.
 */
#include <weir/ctx.h>

static int late_cancel(weir_ctx *ctx, int cause);
#define weir_ctx_cancel late_cancel
#include "engine/file/request.c"
#undef weir_ctx_cancel

#include "files.h"

ROLES({"", NULL});

/* ---- where the engine's thread is held up -------------------------------- */

enum { NOWHERE, BEFORE_THE_ANSWER, IN_THE_ANSWER };

static atomic_int hold, held;

static void stand(int where)
{
    int at = where;

    if (!atomic_compare_exchange_strong(&hold, &at, NOWHERE))
        return;
    atomic_store(&held, where);
    while (atomic_load(&held))
        sched_yield();
}

static int late_cancel(weir_ctx *ctx, int cause)
{
    stand(IN_THE_ANSWER);
    return weir_ctx_cancel(ctx, cause);
}

/* By which other processes are told of a commit: behind it, and before the
 * answers. */
int futimens(int fd, const struct timespec times[2])
{
    (void)fd, (void)times;
    stand(BEFORE_THE_ANSWER);
    return 0;
}

/* ---- a receive that is abandoned there ----------------------------------- */

struct receive {
    weir_sub *s;
    weir_ctx ctx;
    weir_message *m;
    int result;
    atomic_bool over;
};

static void receive(void *arg)
{
    struct receive *r = arg;

    r->result = weir_sub_recv(r->s, &r->m, &r->ctx);
    atomic_store(&r->over, true);
}

/* Its context ends while the thread stands there. */
static void begin(struct receive *r, weir_wg *wg, int where)
{
    must_eq(weir_ctx_init(&r->ctx, NULL), 0);
    atomic_store(&hold, where);
    must_eq(weir_wg_go(wg, receive, r), 0);
    while (!atomic_load(&held))
        weir_yield();
    must_eq(weir_ctx_cancel(&r->ctx, 0), 0);
}

/* The thread goes on. */
static void end(struct receive *r, weir_wg *wg)
{
    atomic_store(&held, 0);
    must_eq(weir_wg_wait(wg, NULL), 0);
    must_eq(weir_ctx_fini(&r->ctx), 0);
}

/* The thread has the request until its context has ended. */
START_TEST(a_request_outlives_its_answer)
{
    weir_wg wg = WEIR_WG_INIT;

    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=off"));
    struct receive r = {.s = worker_of(url_of("t.db", "sync=off"))};
    must_eq(publish_number(p, 1, NULL), 0);
    begin(&r, &wg, IN_THE_ANSWER);
    settle();
    must(!atomic_load(&r.over));
    end(&r, &wg);
    must_eq(r.result, 0);
    must_eq(number_in(r.m), 1);
    must_eq(weir_message_ack(r.m, NULL), 0);
    weir_message_free(r.m);
    weir_sub_free(r.s);
    weir_pub_free(p);
    files_end();
}
END_TEST

START_TEST(that_a_group_lags_is_heard)
{
    weir_wg wg = WEIR_WG_INIT;

    files_begin();
    weir_pub *p = publisher(
        url_of("t.db", "sync=off&max_messages=1&on_full=drop-oldest"));
    struct receive r = {.s = worker_of(url_of("t.db", "sync=off"))};
    for (int n = 0; n < 3; n++)
        must_eq(publish_number(p, n, NULL), 0);
    begin(&r, &wg, BEFORE_THE_ANSWER);
    settle();
    end(&r, &wg);
    if (r.result == WEIR_CANCELED)
        r.result = weir_sub_recv(r.s, &r.m, NULL);
    must_eq(r.result, WEIR_LAGGED);
    must_eq(next_number(r.s), 2);
    weir_sub_free(r.s);
    weir_pub_free(p);
    files_end();
}
END_TEST

/* What was to be received there is received by the next. */
START_TEST(a_message_for_nobody_goes_back)
{
    weir_wg wg = WEIR_WG_INIT;
    weir_message *m;

    files_begin();
    weir_pub *p = publisher(url_of("t.db", "sync=off"));
    struct receive r = {.s = worker_of(url_of("t.db", "sync=off"))};
    must_eq(publish_number(p, 1, NULL), 0);
    begin(&r, &wg, BEFORE_THE_ANSWER);
    while (!atomic_load(&r.over))
        weir_yield();
    end(&r, &wg);
    must_eq(r.result, WEIR_CANCELED);
    must_eq(weir_sub_recv(r.s, &m, NULL), 0);
    must_eq(number_in(m), 1);
    must_eq(m->deliveries, 1);
    weir_message_free(m);
    weir_sub_free(r.s);
    weir_pub_free(p);
    files_end();
}
END_TEST

FILES_MAIN(CHECK_TEST(a_request_outlives_its_answer),
           CHECK_TEST(that_a_group_lags_is_heard),
           CHECK_TEST(a_message_for_nobody_goes_back))
