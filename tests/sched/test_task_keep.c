/* SPDX-License-Identifier: MIT */
/*
 * What a task keeps over everything that may move it to another worker: its
 * local values, errno, the rounding of its arithmetic; and, when it is
 * pinned, the worker itself.
 */
#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "../chan/parties.h"
#include "port/futex.h"
#include "port/poller.h"

enum { CROWD = 80, MOVES = 100 };

/* Somewhere else, perhaps: by yield, by a wait that a thread or task ends,
 * by a sleep. */
static void move(ints *c, int i)
{
    if (i % 10 == 0)
        must_eq(weir_sleep(i * 100, NULL), 0);
    else if (i % 3 == 0)
        put(c, get(c));
    else
        weir_yield();
}

/* Runs half of the tasks with one function and half with the other, to the
 * end. Each gets a channel on which three values go round. */
static void run_tasks(const weir_task_opts *o, void (*fn)(void *),
                      void (*other)(void *))
{
    const weir_opts four_workers = {.workers = 4};
    ints *c = ints_new(3);
    int i;

    must_eq(weir_start(&four_workers), 0);
    for (i = 0; i < 3; i++)
        put(c, i);
    for (i = 0; i < CROWD / 2; i++) {
        must_eq(weir_go_with(o, fn, c), 0);
        must_eq(weir_go(other, c), 0);
    }
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(ints_len(c), 3);
    ints_unref(c);
}

/* ---- pinned ------------------------------------------------------------- */

static __thread int thread_local_value;

/* Not inlined: what the compiler knows of the thread ends here. */
__attribute__((noinline)) static int *thread_local_place(void)
{
    int *p = &thread_local_value;

    __asm__ volatile("" : "+r"(p));
    return p;
}

static int thread_number(void)
{
    return (int)syscall(SYS_gettid);
}

static void stay(void *arg)
{
    const int home = thread_number();
    int *const place = thread_local_place();
    int i;

    for (i = 0; i < MOVES; i++) {
        move(arg, i);
        must_eq(thread_number(), home);
        must(thread_local_place() == place);
    }
}

static void wander(void *arg)
{
    int i;

    for (i = 0; i < MOVES; i++)
        move(arg, i);
}

START_TEST(pinned_stays_on_its_worker)
{
    const weir_task_opts pinned = {.pinned = true};

    run_tasks(&pinned, stay, wander);
}
END_TEST

/* ---- errno --------------------------------------------------------------- */

__attribute__((noinline)) static void set_errno(int value)
{
    errno = value;
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static int get_errno(void)
{
    __asm__ volatile("" ::: "memory");
    return errno;
}

static atomic_int next_number;

static void keep_errno(void *arg)
{
    const int mine = 1 + atomic_fetch_add(&next_number, 1) % 100;
    int i;

    for (i = 0; i < MOVES; i++) {
        set_errno(mine);
        move(arg, i);
        must_eq(get_errno(), mine);
    }
}

START_TEST(errno_goes_with_the_task)
{
    run_tasks(NULL, keep_errno, keep_errno);
}
END_TEST

/* A lock that is taken sleeps, and a wake may find the sleeper gone: neither
 * is the caller's affair. */
START_TEST(errno_is_not_the_sleepers)
{
    uint32_t word = 1;

    set_errno(ENOTTY);
    wr_futex_wait(&word, 0, -1);
    wr_futex_wait(&word, 1, 1);
    (void)wr_barrier_others();
    wr_bell_ring(-1);
    must_eq(get_errno(), ENOTTY);
}
END_TEST

/* ---- arithmetic ---------------------------------------------------------- */

static void keep_rounding(void *arg)
{
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD,
                                FE_TOWARDZERO};
    const int mine = modes[atomic_fetch_add(&next_number, 1) % 4];
    const long up = mine == FE_UPWARD || mine == FE_TONEAREST ? 2 : 1;
    const long down = mine == FE_DOWNWARD || mine == FE_TONEAREST ? -2 : -1;
    volatile double x = 1.5, y = -1.5;
    volatile long double wide = 1.5L;
    int i;

    must_eq(fesetround(mine), 0);
    for (i = 0; i < MOVES; i++) {
        move(arg, i);
        must_eq(fegetround(), mine);
        must_eq(lrint(x), up);
        must_eq(lrint(y), down);
        must_eq(lrintl(wide), up);
    }
}

START_TEST(rounding_goes_with_the_task)
{
    run_tasks(NULL, keep_rounding, keep_rounding);
}
END_TEST

/* ---- local values -------------------------------------------------------- */

static atomic_int destroyed;

static void destroy_value(void *value)
{
    must(value != NULL);
    atomic_fetch_add(&destroyed, *(int *)value);
}

static weir_local first = WEIR_LOCAL_INIT(destroy_value);
static weir_local second = WEIR_LOCAL_INIT(destroy_value);
static weir_local plain = WEIR_LOCAL_INIT(NULL);
static int one = 1, thousand = 1000;

static void keep_locals(void *arg)
{
    int mine = 0, i;

    must(weir_local_get(&first) == NULL);
    must_eq(weir_local_set(&plain, &mine), 0);
    must_eq(weir_local_set(&second, &thousand), 0);
    for (i = 0; i < MOVES; i++) {
        move(arg, i);
        must(weir_local_get(&plain) == &mine);
        must(weir_local_get(&second) == &thousand);
        must(weir_local_get(&first) == (i > 0 ? &one : NULL));
        must_eq(weir_local_set(&first, &one), 0);
    }
    must_eq(weir_local_set(&second, NULL), 0);
    must(weir_local_get(&second) == NULL);
}

START_TEST(values_belong_to_one_task)
{
    must_eq(weir_local_set(&first, &thousand), 0);
    run_tasks(NULL, keep_locals, keep_locals);
    must_eq(destroyed, CROWD);
    must(weir_local_get(&first) == &thousand);
    must(weir_local_get(&plain) == NULL);
}
END_TEST

static void *thread_with_values(void *arg)
{
    must(weir_local_get(&first) == NULL);
    must_eq(weir_local_set(&first, &one), 0);
    must_eq(weir_local_set(&second, &one), 0);
    must_eq(weir_local_set(&plain, arg), 0);
    must(weir_local_get(&plain) == arg);
    must_eq(weir_local_set(&second, NULL), 0);
    return NULL;
}

START_TEST(values_of_plain_threads)
{
    pthread_t threads[5];
    int i;

    for (i = 0; i < 5; i++)
        must_eq(pthread_create(&threads[i], NULL, thread_with_values, &i), 0);
    for (i = 0; i < 5; i++)
        must_eq(pthread_join(threads[i], NULL), 0);
    must_eq(destroyed, 5);
    must(weir_local_get(&first) == NULL);
}
END_TEST

START_TEST(no_key_no_value)
{
    weir_local *const none = NULL;

    must_eq(weir_local_set(none, &one), WEIR_EINVAL);
    must(weir_local_get(none) == NULL);
}
END_TEST

/* More keys than any fixed table would have room for. */
enum { KEYS = 100 };

static weir_local keys[KEYS];

static void use_many_keys(void *arg)
{
    int values[KEYS], i;

    for (i = 0; i < KEYS; i++)
        must_eq(weir_local_set(&keys[i], &values[i]), 0);
    weir_yield();
    for (i = 0; i < KEYS; i++)
        must(weir_local_get(&keys[i]) == &values[i]);
    for (i = 0; i < KEYS; i += 2)
        must_eq(weir_local_set(&keys[i], NULL), 0);
    for (i = 0; i < KEYS; i++)
        must(weir_local_get(&keys[i]) == (i % 2 ? &values[i] : NULL));
    atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(as_many_keys_as_you_like)
{
    atomic_int ran = 0;

    must_eq(weir_go(use_many_keys, &ran), 0);
    must_eq(weir_go(use_many_keys, &ran), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(ran, 2);
}
END_TEST

CHECK_MAIN(CHECK_TEST(pinned_stays_on_its_worker),
           CHECK_TEST(errno_goes_with_the_task),
           CHECK_TEST(errno_is_not_the_sleepers),
           CHECK_TEST(rounding_goes_with_the_task),
           CHECK_TEST(values_belong_to_one_task),
           CHECK_TEST(values_of_plain_threads), CHECK_TEST(no_key_no_value),
           CHECK_TEST(as_many_keys_as_you_like))
