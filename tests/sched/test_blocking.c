/* SPDX-License-Identifier: MIT */
/* weir_blocking: calls that block a thread leave the workers free, on as many
 * threads as it takes, up to the bound. */
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include "fds.h"
#include "sched/blocking.h"

static int twice(void *arg)
{
    must(!weir_in_task());
    return *(int *)arg * 2;
}

static void call_often(void *arg)
{
    int i, n = check_scale(1000);
    (void)arg;
    for (i = -n; i < n; i++)
        must_eq(weir_blocking(twice, &i), i * 2);
}

BEHAVIOUR(the_result_is_the_functions)
{
    int i;
    for (i = 0; i < 4; i++)
        crew_go(crew, call_often, NULL);
    crew_wait(crew);
    must_eq(weir_blocking(NULL, NULL), WEIR_EINVAL);
}

static int same_thread(void *arg)
{
    return pthread_equal(*(pthread_t *)arg, pthread_self());
}

START_TEST(a_thread_calls_in_place)
{
    pthread_t self = pthread_self();
    must_eq(weir_blocking(same_thread, &self), 1);
    must_eq(weir_workers(), 0);
}
END_TEST

/* ---- one worker ---------------------------------------------------------- */

static int read_plainly(void *arg)
{
    char c = 0;
    must_eq(read(*(int *)arg, &c, 1), 1);
    return c;
}

static void read_blocking(void *arg)
{
    must_eq(weir_blocking(read_plainly, arg), 'x');
}

static int others_go_on(void *arg)
{
    int i, fd[2];
    (void)arg;
    must_eq(pipe(fd), 0);
    for (i = 0; i < 10; i++)
        must_eq(weir_go(read_blocking, &fd[0]), 0);
    while (wr_blocking_threads() < 10)
        weir_yield();
    must_eq(write(fd[1], "xxxxxxxxxx", 10), 10);
    while (weir_tasks() > 1)
        weir_yield();
    must_eq(close(fd[0]), 0);
    must_eq(close(fd[1]), 0);
    return 0;
}

START_TEST(the_worker_is_free_meanwhile)
{
    setenv("WEIR_WORKERS", "1", 1);
    must_eq(weir_run(others_go_on, NULL), 0);
}
END_TEST

/* ---- the bound ----------------------------------------------------------- */

enum { BOUND = 3, CALLS = 40 };

static struct {
    pthread_barrier_t full; /* passed only by BOUND calls at once */
    atomic_int inside, most, done;
} bounded;

static int meet(void *arg)
{
    int now = atomic_fetch_add(&bounded.inside, 1) + 1, most = bounded.most;
    (void)arg;
    while (most < now &&
           !atomic_compare_exchange_weak(&bounded.most, &most, now))
        ;
    pthread_barrier_wait(&bounded.full);
    atomic_fetch_sub(&bounded.inside, 1);
    return atomic_fetch_add(&bounded.done, 1);
}

static void call_meet(void *arg)
{
    (void)arg;
    must(weir_blocking(meet, NULL) >= 0);
}

START_TEST(as_many_threads_as_calls_up_to_the_bound)
{
    weir_opts opts = {.blocking_max = BOUND};
    int i;
    must_eq(pthread_barrier_init(&bounded.full, NULL, BOUND), 0);
    must_eq(weir_start(&opts), 0);
    for (i = 0; i < CALLS * BOUND; i++)
        must_eq(weir_go(call_meet, NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(bounded.most, BOUND);
    must_eq(bounded.done, CALLS * BOUND);
    must_eq(wr_blocking_threads(), 0);
}
END_TEST

/* ---- calls back into the library ----------------------------------------- */

struct talk {
    ints *up, *down;
};

static int nested(void *arg)
{
    struct talk *t = arg;
    int n = 3;
    must_eq(weir_blocking(twice, &n), 6);
    put(t->up, n);
    return get(t->down);
}

static void call_nested(void *arg)
{
    must_eq(weir_blocking(nested, arg), 3);
}

static struct talk talk_new(void)
{
    return (struct talk){ints_new(0), ints_new(0)};
}

static void talk_end(struct talk *t)
{
    ints_unref(t->up);
    ints_unref(t->down);
}

BEHAVIOUR(a_blocking_call_may_use_everything)
{
    struct talk t = talk_new();
    int i;
    for (i = 0; i < 10; i++)
        crew_go(crew, call_nested, &t);
    for (i = 0; i < 10; i++)
        put(t.down, get(t.up));
    crew_wait(crew);
    talk_end(&t);
}

/* ---- no more threads ----------------------------------------------------- */

static int count_threads(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    must(d != NULL);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

/* The superuser has no limit: he becomes nobody, and stays open to the leak
 * sanitizer. */
static void become_limited(void)
{
    if (getuid() == 0)
        must_eq(setuid(65534), 0);
    must_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

static void forbid_threads(bool forbid)
{
    static struct rlimit old;
    struct rlimit none;
    if (!forbid) {
        must_eq(setrlimit(RLIMIT_NPROC, &old), 0);
        return;
    }
    must_eq(getrlimit(RLIMIT_NPROC, &old), 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = old.rlim_max};
    must_eq(setrlimit(RLIMIT_NPROC, &none), 0);
}

static void call_once(void *arg)
{
    int n = 1;
    atomic_store((atomic_int *)arg, weir_blocking(twice, &n));
}

static int call_from_task(void)
{
    atomic_int result = 0;
    must_eq(weir_go(call_once, &result), 0);
    while (result == 0)
        weir_yield();
    return result;
}

START_TEST(without_a_thread_it_says_so_with_one_it_queues)
{
    struct talk t = talk_new();
    int i;
    become_limited();
    must_eq(weir_start(NULL), 0);
    forbid_threads(true);
    must_eq(call_from_task(), WEIR_ENOMEM);
    must_eq(wr_blocking_threads(), 0);
    forbid_threads(false);
    must_eq(weir_go(call_nested, &t), 0);
    must_eq(get(t.up), 3);
    forbid_threads(true);
    must_eq(wr_blocking_threads(), 1);
    for (i = 0; i < 5; i++)
        must_eq(weir_go(call_nested, &t), 0);
    put(t.down, 3);
    for (i = 0; i < 5; i++) {
        must_eq(get(t.up), 3);
        while (wr_blocking_threads() != 1) /* one that cannot be made counts */
            weir_yield();
        put(t.down, 3);
    }
    forbid_threads(false);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    talk_end(&t);
}
END_TEST

START_TEST(a_stop_ends_its_threads)
{
    int i, before = count_threads();
    for (i = 0; i < 20; i++) {
        must(call_from_task() == 2);
        must(wr_blocking_threads() >= 1);
        must_eq(weir_stop(WEIR_FOREVER), 0);
        must_eq(wr_blocking_threads(), 0);
        while (count_threads() != before) /* a joined one is listed still */
            sched_yield();
    }
}
END_TEST

CHECK_MAIN(CHECK_MODES(the_result_is_the_functions),
           CHECK_TEST(a_thread_calls_in_place),
           CHECK_TEST(the_worker_is_free_meanwhile),
           CHECK_TEST(as_many_threads_as_calls_up_to_the_bound),
           CHECK_MODES(a_blocking_call_may_use_everything),
           CHECK_TEST(without_a_thread_it_says_so_with_one_it_queues),
           CHECK_TEST(a_stop_ends_its_threads))
