/* SPDX-License-Identifier: MIT */
/*
 * After-functions: they run once, in a task of their own, when the context
 * has ended and not before; stopping keeps them from it; fini waits for them.
 */
#include "base/mem.h"
#include "queued.h"

enum { MANY = 50 };

struct note {
    weir_ctx *ctx;
    atomic_int ran;
    weir_wg done;
    bool slow;
};

static void take_note(void *arg)
{
    struct note *n = arg;
    int i;

    must(weir_in_task());
    must(weir_ctx_err(n->ctx) != 0);
    for (i = 0; n->slow && i < 50; i++)
        weir_yield();
    atomic_fetch_add(&n->ran, 1);
    must_eq(weir_wg_done(&n->done), 0);
}

BEHAVIOUR(runs_after_the_end)
{
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_ctx_after after[MANY];
    struct note n = {.ctx = &ctx, .done = WEIR_WG_INIT};
    int i;

    must_eq(weir_wg_add(&n.done, MANY), 0);
    for (i = 0; i < MANY; i++)
        must_eq(weir_ctx_after_func(&after[i], &ctx, take_note, &n), 0);
    settle();
    must_eq(atomic_load(&n.ran), 0);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_wg_wait(&n.done, NULL), 0);
    must_eq(atomic_load(&n.ran), MANY);
    for (i = 0; i < MANY; i++)
        must_eq(weir_ctx_after_stop(&after[i]), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

BEHAVIOUR(runs_at_once_after_the_end)
{
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_ctx_after after;
    struct note n = {.ctx = &ctx, .done = WEIR_WG_INIT};

    must_eq(weir_wg_add(&n.done, 1), 0);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_ctx_after_func(&after, &ctx, take_note, &n), 0);
    must_eq(weir_wg_wait(&n.done, NULL), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

BEHAVIOUR(runs_when_the_time_is_over)
{
    weir_ctx ctx, below;
    weir_ctx_after after;
    struct note n = {.ctx = &below, .done = WEIR_WG_INIT};

    must_eq(weir_wg_add(&n.done, 1), 0);
    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_ctx_init(&below, &ctx), 0);
    must_eq(weir_ctx_after_func(&after, &below, take_note, &n), 0);
    must_eq(weir_wg_wait(&n.done, NULL), 0);
    must_eq(weir_ctx_fini(&below), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    (void)crew;
}

BEHAVIOUR(stopped_ones_do_not_run)
{
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_ctx_after after[3], never;
    struct note n = {.ctx = &ctx, .done = WEIR_WG_INIT};
    int i;

    must_eq(weir_wg_add(&n.done, 1), 0);
    for (i = 0; i < 3; i++)
        must_eq(weir_ctx_after_func(&after[i], &ctx, take_note, &n), 0);
    must_eq(weir_ctx_after_stop(&after[1]), 1);
    must_eq(weir_ctx_after_stop(&after[1]), 0);
    must_eq(weir_ctx_after_stop(&after[2]), 1);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    must_eq(weir_wg_wait(&n.done, NULL), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    must_eq(atomic_load(&n.ran), 1);

    must_eq(weir_ctx_after_func(&never, NULL, take_note, &n), 0);
    must_eq(weir_ctx_after_stop(&never), 1);
    must_eq(weir_ctx_after_stop(&never), 0);
    (void)crew;
}

BEHAVIOUR(fini_waits_for_the_running)
{
    weir_ctx *ctx = calloc(1, sizeof *ctx);
    weir_ctx_after after[3];
    struct note n = {.ctx = ctx, .done = WEIR_WG_INIT, .slow = true};
    int i;

    must(ctx != NULL);
    must_eq(weir_wg_add(&n.done, 3), 0);
    for (i = 0; i < 3; i++)
        must_eq(weir_ctx_after_func(&after[i], ctx, take_note, &n), 0);
    must_eq(weir_ctx_fini(ctx), 0);
    must_eq(atomic_load(&n.ran), 3);
    free(ctx);
    (void)crew;
}

/* Either the stop wins and the function never runs, or it runs. */
struct race {
    weir_ctx ctx;
    weir_ctx_after after;
    struct note note;
};

static void cancel(void *arg)
{
    struct race *r = arg;

    must_eq(weir_ctx_cancel(&r->ctx, 0), 0);
}

BEHAVIOUR(stop_races_with_the_end)
{
    int i, stopped, rounds = check_scale(crew_many(crew, 5000, 1000));

    for (i = 0; i < rounds; i++) {
        struct race *r = calloc(1, sizeof *r);

        must(r != NULL);
        r->note.ctx = &r->ctx;
        must_eq(weir_wg_add(&r->note.done, 1), 0);
        must_eq(weir_ctx_after_func(&r->after, &r->ctx, take_note, &r->note),
                0);
        crew_go(crew, cancel, r);
        if (i % 2)
            weir_yield();
        stopped = weir_ctx_after_stop(&r->after);
        if (stopped)
            must_eq(weir_wg_done(&r->note.done), 0);
        must_eq(weir_wg_wait(&r->note.done, NULL), 0);
        must_eq(atomic_load(&r->note.ran), !stopped);
        must_eq(weir_ctx_fini(&r->ctx), 0);
        crew_wait(crew);
        free(r);
    }
}

/* No memory for the task: it runs as soon as there is, and until then it can
 * be stopped. No task has run here, so the first one needs memory. */
START_TEST(no_memory_puts_it_off)
{
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_ctx_after first, second;
    struct note n = {.ctx = &ctx, .done = WEIR_WG_INIT};

    must_eq(weir_wg_add(&n.done, 1), 0);
    must_eq(weir_ctx_after_func(&first, &ctx, take_note, &n), 0);
    must_eq(weir_ctx_after_func(&second, &ctx, take_note, &n), 0);
    wr_mem_fail_after(0);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    settle();
    must_eq(atomic_load(&n.ran), 0);
    while (weir_ctx_after_stop(&second) == 0) /* 0: it is being tried */
        weir_yield();
    wr_mem_fail_after(-1);
    must_eq(weir_ctx_fini(&ctx), 0);
    must_eq(atomic_load(&n.ran), 1);
    must_eq(weir_wg_wait(&n.done, NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

START_TEST(wrong_use_is_refused)
{
    weir_ctx ctx = WEIR_CTX_INIT;
    weir_ctx_after a;

    ck_assert_int_eq(weir_ctx_after_func(NULL, &ctx, take_note, NULL),
                     WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_after_func(&a, &ctx, NULL, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_ctx_after_stop(NULL), WEIR_EINVAL);
}
END_TEST

CHECK_MAIN(CHECK_MODES(runs_after_the_end),
           CHECK_MODES(runs_at_once_after_the_end),
           CHECK_MODES(runs_when_the_time_is_over),
           CHECK_MODES(stopped_ones_do_not_run),
           CHECK_MODES(fini_waits_for_the_running),
           CHECK_MODES(stop_races_with_the_end),
           CHECK_TEST(no_memory_puts_it_off), CHECK_TEST(wrong_use_is_refused))
