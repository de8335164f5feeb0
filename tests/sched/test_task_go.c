/* SPDX-License-Identifier: MIT */
/*
 * Starting tasks: the three calls, what they hand to the task, the limits of
 * their options, and that what was started runs once.
 */
#include <fenv.h>
#include <stdio.h>
#include <unistd.h>
#include "../chan/parties.h"

static void *const null = NULL; /* hides a NULL from the compiler's checks */
static void (*const no_function)(void *) = NULL;

static void add_one(void *arg)
{
    must(weir_in_task());
    atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(task_runs_once)
{
    atomic_int ran = 0;
    int i;

    must(!weir_in_task());
    must_eq(weir_task_id(), 0);
    for (i = 0; i < 100; i++)
        must_eq(weir_go(add_one, &ran), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(ran, 100);
}
END_TEST

START_TEST(no_function_is_an_error)
{
    const weir_task_opts o = {.name = "none"};
    int v = 0;

    must_eq(weir_go(no_function, &v), WEIR_EINVAL);
    must_eq(weir_go_copy(no_function, &v, sizeof v), WEIR_EINVAL);
    must_eq(weir_go_with(&o, no_function, &v), WEIR_EINVAL);
    must_eq(weir_tasks(), 0);
}
END_TEST

/* ---- a tree of tasks ---------------------------------------------------- */

struct node {
    weir_wg *wg;
    atomic_int *leaves;
    int depth;
};

static void grow(void *arg)
{
    const struct node n = *(struct node *)arg;
    struct node child = {n.wg, n.leaves, n.depth - 1};
    int i;

    if (n.depth == 0)
        atomic_fetch_add(n.leaves, 1);
    for (i = 0; n.depth > 0 && i < 4; i++) {
        must_eq(weir_wg_add(n.wg, 1), 0);
        must_eq(weir_go_copy(grow, &child, sizeof child), 0);
    }
    must_eq(weir_wg_done(n.wg), 0);
}

START_TEST(tasks_start_tasks)
{
    weir_wg wg = WEIR_WG_INIT;
    atomic_int leaves = 0;
    const int depth = check_is_slow() ? 5 : 8;
    struct node root = {&wg, &leaves, depth};

    must_eq(weir_wg_add(&wg, 1), 0);
    must_eq(weir_go_copy(grow, &root, sizeof root), 0);
    must_eq(weir_wg_wait(&wg, NULL), 0);
    must_eq(leaves, 1 << 2 * depth);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

/* Tasks of one worker that have not run yet run newest first, so that a tree
 * keeps few of them alive. */
struct order {
    int number;
    int *next;
    int *ran;
};

static void note_order(void *arg)
{
    const struct order *o = arg;

    o->ran[(*o->next)++] = o->number;
}

static int start_in_order(void *arg)
{
    int next = 0, ran[5] = {-1, -1, -1, -1, -1}, i;
    struct order o[5];

    (void)arg;
    for (i = 0; i < 5; i++) {
        o[i] = (struct order){i, &next, ran};
        must_eq(weir_go(note_order, &o[i]), 0);
    }
    while (next < 5)
        weir_yield();
    for (i = 0; i < 5; i++)
        must_eq(ran[i], 4 - i);
    return 0;
}

START_TEST(newest_first_on_one_worker)
{
    const weir_opts one_worker = {.workers = 1};

    must_eq(weir_start(&one_worker), 0);
    must_eq(weir_run(start_in_order, NULL), 0);
}
END_TEST

/* ---- weir_go_copy ------------------------------------------------------- */

struct letter {
    ints *answer;
    int value;
};

static void answer_letter(void *arg)
{
    const struct letter *l = arg;

    must_eq((uintptr_t)arg % 16, 0);
    put(l->answer, l->value);
}

START_TEST(copy_is_the_tasks_own)
{
    ints *answer = ints_new(100);
    int i, sum = 0;

    for (i = 0; i < 100; i++) {
        struct letter l = {answer, i};

        must_eq(weir_go_copy(answer_letter, &l, sizeof l), 0);
        memset(&l, 0xff, sizeof l);
    }
    for (i = 0; i < 100; i++)
        sum += get(answer);
    must_eq(sum, 4950);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    ints_unref(answer);
}
END_TEST

static atomic_int bytes_right;

static void check_bytes(void *arg)
{
    const unsigned char *p = arg;
    size_t i;

    for (i = 0; i < 16384; i++)
        must_eq(p[i], i % 251);
    atomic_fetch_add(&bytes_right, 1);
}

static void nothing(void *arg)
{
    (void)arg;
}

START_TEST(copy_up_to_a_quarter_of_the_stack)
{
    static unsigned char large[16385];
    size_t i;

    for (i = 0; i < sizeof large; i++)
        large[i] = (unsigned char)(i % 251);
    must_eq(weir_go_copy(check_bytes, large, 16384), 0);
    must_eq(weir_go_copy(nothing, large, 16385), WEIR_EINVAL);
    must_eq(weir_go_copy(nothing, large, SIZE_MAX), WEIR_EINVAL);
    must_eq(weir_go_copy(nothing, null, 1), WEIR_EINVAL);
    must_eq(weir_go_copy(nothing, null, 0), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(bytes_right, 1);
}
END_TEST

/* ---- weir_go_with
 * ------------------------------------------------------------ */

__attribute__((noinline)) static size_t use_stack(size_t bytes)
{
    volatile unsigned char frame[1024];
    size_t i, used;

    for (i = 0; i < sizeof frame; i += 64)
        frame[i] = (unsigned char)i;
    used = bytes > 2048 ? use_stack(bytes - 1024) : 0;
    return used + frame[64] / 64;
}

static void use_most_of_a_megabyte(void *arg)
{
    must(use_stack(700u << 10) > 0);
    atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(stack_of_its_own_size)
{
    const weir_task_opts large = {.stack_size = (size_t)2 << 20};
    const weir_task_opts small = {.stack_size = 1};
    const weir_task_opts odd = {.stack_size = ((size_t)1 << 20) - 5};
    const weir_task_opts too_large = {.stack_size = ((size_t)1 << 30) + 1};
    const weir_task_opts absurd = {.stack_size = SIZE_MAX};
    atomic_int ran = 0;

    must_eq(weir_go_with(&large, use_most_of_a_megabyte, &ran), 0);
    must_eq(weir_go_with(&odd, use_most_of_a_megabyte, &ran), 0);
    must_eq(weir_go_with(&small, add_one, &ran), 0);
    must_eq(weir_go_with(NULL, add_one, &ran), 0);
    must_eq(weir_go_with(&too_large, add_one, &ran), WEIR_EINVAL);
    must_eq(weir_go_with(&absurd, add_one, &ran), WEIR_EINVAL);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(ran, 4);
}
END_TEST

static char *dump_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    must(f != NULL);
    weir_dump(f);
    must_eq(fclose(f), 0);
    return text;
}

static void be_seen(void *arg)
{
    char *text = dump_text();

    must(strstr(text, "first-name") != NULL);
    free(text);
    weir_task_name("second-name");
    text = dump_text();
    must(strstr(text, "second-name") != NULL);
    must(strstr(text, "first-name") == NULL);
    free(text);
    weir_task_name(NULL);
    text = dump_text();
    must(strstr(text, "second-name") == NULL);
    free(text);
    add_one(arg);
}

START_TEST(name_is_seen_in_the_dump)
{
    const weir_task_opts named = {.name = "first-name",
                                  .stack_size = (size_t)1 << 20};
    atomic_int ran = 0;

    weir_task_name("a thread has none");
    must_eq(weir_go_with(&named, be_seen, &ran), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(ran, 1);
}
END_TEST

/* ---- numbers
 * ------------------------------------------------------------------ */

enum { NUMBERED = 1000 };

struct numbers {
    atomic_uint_fast64_t sum;
    atomic_uint_fast64_t most;
};

static void note_number(void *arg)
{
    struct numbers *n = arg;
    const uint64_t id = weir_task_id();
    uint_fast64_t most = atomic_load(&n->most);

    must(id >= 1);
    weir_yield();
    must(weir_task_id() == id);
    atomic_fetch_add(&n->sum, id);
    while (most < id && !atomic_compare_exchange_weak(&n->most, &most, id))
        ;
}

START_TEST(numbers_are_never_reused)
{
    struct numbers n = {0, 0};
    int i;

    for (i = 0; i < NUMBERED; i++)
        must_eq(weir_go(note_number, &n), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must(n.most >= NUMBERED);
    must(n.sum >= (uint64_t)NUMBERED * (NUMBERED + 1) / 2);
}
END_TEST

static void wait_for_leave(void *arg)
{
    must_eq(ints_recv(arg, NULL, NULL), WEIR_CLOSED);
}

START_TEST(tasks_are_counted)
{
    ints *leave = ints_new(0);
    int i;

    must_eq(weir_tasks(), 0);
    for (i = 1; i <= 50; i++) {
        must_eq(weir_go(wait_for_leave, leave), 0);
        must_eq(weir_tasks(), i);
    }
    must_eq(ints_close(leave), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(weir_tasks(), 0);
    ints_unref(leave);
}
END_TEST

/* Many alive at once, started by several threads. */
struct crowd {
    ints *leave;
    int n;
};

static void *start_crowd(void *arg)
{
    const struct crowd *c = arg;
    int i;

    for (i = 0; i < c->n; i++)
        must_eq(weir_go(wait_for_leave, c->leave), 0);
    return NULL;
}

START_TEST(a_crowd_from_several_threads)
{
    struct crowd c = {ints_new(0), check_scale(20000)};
    pthread_t threads[4];
    int i;

    for (i = 0; i < 4; i++)
        must_eq(pthread_create(&threads[i], NULL, start_crowd, &c), 0);
    for (i = 0; i < 4; i++)
        must_eq(pthread_join(threads[i], NULL), 0);
    must_eq(weir_tasks(), 4 * c.n);
    must_eq(ints_close(c.leave), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    ints_unref(c.leave);
}
END_TEST

/* ---- rounding ------------------------------------------------------------ */

/* As the control word says, and as sums come out: there may be two units. */
static bool rounds(int mode)
{
    volatile double one = 1, little = 1e-30;

    return fegetround() == mode && (one + little > 1) == (mode == FE_UPWARD);
}

static void expect_default_rounding(void *arg)
{
    must(rounds(FE_TONEAREST));
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void round_upward(void *arg)
{
    must_eq(fesetround(FE_UPWARD), 0);
    must_eq(weir_go(expect_default_rounding, arg), 0);
    weir_yield();
    must(rounds(FE_UPWARD));
    must_eq(weir_go(expect_default_rounding, arg), 0);
}

/* One runs on a stack of its own while the other yields, one in its place. */
START_TEST(rounding_is_the_tasks_own)
{
    const weir_opts o = {.workers = 1};
    atomic_int ran = 0;
    int i;

    must_eq(weir_start(&o), 0);
    for (i = 0; i < 100; i++)
        must_eq(weir_go(round_upward, &ran), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(ran, 200);
}
END_TEST

CHECK_MAIN(CHECK_TEST(task_runs_once), CHECK_TEST(no_function_is_an_error),
           CHECK_TEST(tasks_start_tasks),
           CHECK_TEST(newest_first_on_one_worker),
           CHECK_TEST(copy_is_the_tasks_own),
           CHECK_TEST(copy_up_to_a_quarter_of_the_stack),
           CHECK_TEST(stack_of_its_own_size),
           CHECK_TEST(name_is_seen_in_the_dump),
           CHECK_TEST(numbers_are_never_reused), CHECK_TEST(tasks_are_counted),
           CHECK_TEST(a_crowd_from_several_threads),
           CHECK_TEST(rounding_is_the_tasks_own))
