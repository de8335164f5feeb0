/* SPDX-License-Identifier: MIT */
/*
 * At a limit of the process (address space, threads, descriptors, memory)
 * starting a task or the runtime is an error and the program goes on: what
 * was accepted runs, nothing hangs, and with the limit gone all is well. The
 * same program runs where the kernel lacks membarrier or cheap guards.
 */
#include <grp.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <weir.h>
#include "base/mem.h"
#include "child.h"
#include "port/futex.h"
#include "sched/stack.h"

WEIR_CHAN(ints, int);

static atomic_int ran;

static void run_one(void *arg)
{
    int v;

    if (arg)
        (void)ints_recv(arg, &v, NULL);
    atomic_fetch_add(&ran, 1);
}

static int limit(int what, rlim_t n)
{
    struct rlimit r;

    getrlimit((__rlimit_resource_t)what, &r);
    r.rlim_cur = n < r.rlim_max ? n : r.rlim_max;
    return setrlimit((__rlimit_resource_t)what, &r);
}

static int unlimit(int what)
{
    return limit(what, RLIM_INFINITY);
}

static rlim_t mapped(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f || fscanf(f, "%lu", &pages) != 1)
        _exit(90);
    fclose(f);
    return pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Starts tasks that stay until one is refused; how many were accepted, -1:
 * none was refused. */
static int start_until_refused(ints *c, size_t stack, int most)
{
    const weir_task_opts o = {.stack_size = stack};
    int n;

    for (n = 0; n < most; n++) {
        int err = stack ? weir_go_with(&o, run_one, c) : weir_go(run_one, c);
        if (err == WEIR_ENOMEM)
            return n;
        if (err != 0)
            _exit(91);
    }
    return -1;
}

/* The accepted end, and it starts over. */
static int finish(ints *c, int accepted)
{
    if (ints_close(c) != 0)
        return 10;
    if (weir_stop(WEIR_FOREVER) != 0)
        return 11;
    if (atomic_load(&ran) != accepted)
        return 12;
    if (weir_go(run_one, NULL) != 0 || weir_stop(WEIR_FOREVER) != 0)
        return 13;
    return atomic_load(&ran) == accepted + 1 ? 0 : 14;
}

/* ---- address space, memory ----------------------------------------------- */

static int little_address_space(void *arg)
{
    ints *c = ints_new(0);
    int n;

    if (weir_start(NULL) != 0)
        return 1;
    if (limit(RLIMIT_AS, mapped() + ((rlim_t)256 << 20)) != 0)
        return 2;
    n = start_until_refused(c, *(size_t *)arg, 1000000);
    if (n <= 0)
        return 3;
    return finish(c, n);
}

START_TEST(address_space)
{
    size_t stacks[] = {0, 16 << 10, 8 << 20};
    struct child c;

    if (check_is_slow())
        return; /* a sanitizer's shadow is beyond every limit */
    child_run(&c, little_address_space, &stacks[_i]);
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

static int no_address_space_at_all(void *arg)
{
    int err;

    (void)arg;
    if (limit(RLIMIT_AS, mapped()) != 0)
        return 1;
    err = weir_go(run_one, NULL);
    if (unlimit(RLIMIT_AS) != 0 || err != WEIR_ENOMEM)
        return 2;
    return finish(ints_new(0), 0);
}

START_TEST(not_even_a_worker)
{
    struct child c;

    if (check_is_slow())
        return;
    child_run(&c, no_address_space_at_all, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

/* Each allocation of the start fails once, and then those of tasks. */
static int failing_memory(void *arg)
{
    ints *c = ints_new(0);
    int i, err = WEIR_ENOMEM, n = 0;

    (void)arg;
    for (i = 0; err != 0 && i < 1000; i++) {
        wr_mem_fail_after(i);
        err = weir_start(NULL);
        if (err != 0 && err != WEIR_ENOMEM)
            return 1;
    }
    wr_mem_fail_after(3);
    n = start_until_refused(c, 0, 1000000);
    wr_mem_fail_after(-1);
    return err != 0 || n <= 0 ? 2 : finish(c, n);
}

START_TEST(memory)
{
    struct child c;

    child_run(&c, failing_memory, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

/* ---- threads, descriptors ------------------------------------------------ */

/* The limit does not bind root. */
static int become_nobody(void)
{
    if (getuid() != 0)
        return 0;
    return setgroups(0, NULL) || setgid(64999) || setuid(64999);
}

static int few_threads(void *arg)
{
    const weir_opts many = {.workers = 8};
    int threads;

    (void)arg;
    if (become_nobody() != 0)
        return 1;
    for (threads = 1; threads < 8; threads++) {
        if (limit(RLIMIT_NPROC, (rlim_t)threads) != 0)
            return 2;
        if (weir_start(&many) != WEIR_ENOMEM)
            return 3;
    }
    if (unlimit(RLIMIT_NPROC) != 0 || weir_start(&many) != 0)
        return 4;
    return finish(ints_new(0), 0);
}

START_TEST(threads)
{
    struct child c;

    if (check_is_slow() || getuid() != 0)
        return; /* other processes of the user would count */
    child_run(&c, few_threads, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

static int few_descriptors(void *arg)
{
    int n;

    (void)arg;
    for (n = 3; n < 8; n++) {
        if (limit(RLIMIT_NOFILE, (rlim_t)n) != 0)
            return 1;
        int err = weir_go(run_one, NULL);
        if (err == 0)
            break;
        if (err != WEIR_ENOMEM)
            return 2;
    }
    if (unlimit(RLIMIT_NOFILE) != 0)
        return 3;
    if (n < 8 && weir_stop(WEIR_FOREVER) != 0)
        return 4;
    return n == 3 ? 5 : finish(ints_new(0), atomic_load(&ran));
}

START_TEST(descriptors)
{
    struct child c;

    child_run(&c, few_descriptors, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

/* ---- a kernel that lacks things ------------------------------------------ */

enum { RALLIES = 50, STROKES = 400 };

static void answer(void *arg)
{
    ints **c = arg;
    int v;

    while (ints_recv(c[0], &v, NULL) == 0)
        if (ints_send(c[1], v + 1, NULL) != 0)
            _exit(92);
}

static void rally(void *arg)
{
    ints *c[2] = {ints_new(0), ints_new(1)};
    weir_wg wg = WEIR_WG_INIT;
    int i, v;

    (void)arg;
    if (weir_wg_go(&wg, answer, c) != 0)
        _exit(93);
    for (i = 0; i < STROKES; i++)
        if (ints_send(c[0], i, NULL) != 0 || ints_recv(c[1], &v, NULL) != 0 ||
            v != i + 1)
            _exit(94);
    (void)ints_close(c[0]);
    (void)weir_wg_wait(&wg, NULL);
    ints_unref(c[0]);
    ints_unref(c[1]);
    atomic_fetch_add(&ran, 1);
}

/* Tasks and this thread, on two workers that steal from each other. */
static int work(void)
{
    const weir_opts two = {.workers = 2};
    int i;

    if (weir_start(&two) != 0)
        return 1;
    for (i = 0; i < RALLIES; i++)
        if (weir_go(rally, NULL) != 0)
            return 2;
    rally(NULL);
    if (weir_stop(WEIR_FOREVER) != 0)
        return 3;
    return atomic_load(&ran) == RALLIES + 1 ? 0 : 4;
}

static int without_membarrier(void *arg)
{
    (void)arg;
    wr_barrier_refuse();
    return work();
}

static int without_guards(void *arg)
{
    (void)arg;
    wr_stack_limit_guards(0);
    return work();
}

static int without_both(void *arg)
{
    wr_barrier_refuse();
    return without_guards(arg);
}

START_TEST(an_old_kernel)
{
    static int (*const lacks[])(void *) = {without_membarrier, without_guards,
                                           without_both};
    struct child c;

    child_run(&c, lacks[_i], NULL);
    ck_assert_int_eq(child_exit(&c), 0);
}
END_TEST

CHECK_MAIN(CHECK_LOOP(address_space, 3), CHECK_TEST(not_even_a_worker),
           CHECK_TEST(memory), CHECK_TEST(threads), CHECK_TEST(descriptors),
           CHECK_LOOP(an_old_kernel, 3))
