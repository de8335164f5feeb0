/* SPDX-License-Identifier: MIT */
/* Once: one call, and nobody returns before it has ended. */
#include "queued.h"

enum { PARTIES = 8 };

struct setup {
    weir_once once;
    weir_once *inner;
    atomic_int calls;
    int value; /* plain: whoever returns must see it */
};

static void set_up(void *arg)
{
    struct setup *s = arg;
    int i;

    atomic_fetch_add(&s->calls, 1);
    for (i = 0; i < 20; i++)
        weir_yield();
    s->value = 42;
}

static void use(void *arg)
{
    struct setup *s = arg;

    must_eq(weir_once_do(&s->once, set_up, s), 0);
    must_eq(s->value, 42);
    must(weir_once_done(&s->once));
}

BEHAVIOUR(done_once_and_seen_by_all)
{
    int round, i;

    for (round = 0; round < check_scale(100); round++) {
        struct setup s = {.once = WEIR_ONCE_INIT};

        must(!weir_once_done(&s.once));
        for (i = 0; i < PARTIES; i++)
            crew_go(crew, use, &s);
        use(&s);
        crew_wait(crew);
        must_eq(atomic_load(&s.calls), 1);
    }
}

/* The runner holds the others off until all of them wait. */
static void set_up_when_all_wait(void *arg)
{
    struct setup *s = arg;

    await_queued(&s->once.queue_, PARTIES - 1);
    must(!weir_once_done(&s->once));
    set_up(arg);
}

static void use_when_all_wait(void *arg)
{
    struct setup *s = arg;

    must_eq(weir_once_do(&s->once, set_up_when_all_wait, s), 0);
    must_eq(s->value, 42);
}

BEHAVIOUR(others_wait_for_the_runner)
{
    struct setup s = {.once = WEIR_ONCE_INIT};
    int i;

    for (i = 0; i < PARTIES; i++)
        crew_go(crew, use_when_all_wait, &s);
    crew_wait(crew);
    must_eq(atomic_load(&s.calls), 1);
}

static void count_nothing(void *arg)
{
    (void)arg;
}

static void recurse(void *arg)
{
    struct setup *s = arg;

    atomic_fetch_add(&s->calls, 1);
    weir_yield(); /* perhaps to another worker */
    must_eq(weir_once_do(&s->once, recurse, s), WEIR_DEADLOCK);
    must_eq(weir_once_do(s->inner, count_nothing, NULL), 0);
}

BEHAVIOUR(recursion_is_reported)
{
    weir_once inner = WEIR_ONCE_INIT;
    struct setup s = {.once = WEIR_ONCE_INIT, .inner = &inner};

    must_eq(weir_once_do(&s.once, recurse, &s), 0);
    must_eq(weir_once_do(&s.once, recurse, &s), 0);
    must_eq(atomic_load(&s.calls), 1);
    must(weir_once_done(&inner));
    (void)crew;
}

START_TEST(wrong_use_is_refused)
{
    weir_once o = WEIR_ONCE_INIT;

    ck_assert_int_eq(weir_once_do(NULL, set_up, NULL), WEIR_EINVAL);
    ck_assert_int_eq(weir_once_do(&o, NULL, NULL), WEIR_EINVAL);
    ck_assert(!weir_once_done(NULL));
    ck_assert(!weir_once_done(&o));
}
END_TEST

CHECK_MAIN(CHECK_MODES(done_once_and_seen_by_all),
           CHECK_MODES(others_wait_for_the_runner),
           CHECK_MODES(recursion_is_reported), CHECK_TEST(wrong_use_is_refused))
