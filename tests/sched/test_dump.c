/* SPDX-License-Identifier: MIT */
/*
 * weir_dump: one line a task with its name, its state, what it waits on and
 * for how long, and where it was spawned. The text is what people's scripts
 * read, so it is fixed here.
 */
#include <pthread.h>
#include <regex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <weir.h>
#include "child.h"
#include "sched/state.h"

static char *dump_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(f);
    weir_dump(f);
    ck_assert_int_eq(fclose(f), 0);
    return text;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t re;
    int result;

    ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE), 0);
    result = regexec(&re, text, 0, NULL, 0);
    regfree(&re);
    return result == 0;
}

static void shows(const char *text, const char *pattern)
{
    if (!matches(text, pattern))
        ck_abort_msg("no line is as %s in\n%s", pattern, text);
}

static size_t lines_with(const char *text, const char *words)
{
    size_t n = 0;

    for (; (text = strstr(text, words)) != NULL; text++)
        n++;
    return n;
}

/* The dump, once a line of it is like that. */
static char *dump_with(const char *pattern)
{
    char *text;

    while (!matches(text = dump_text(), pattern)) {
        free(text);
        sched_yield();
    }
    return text;
}

/* ---- one of each --------------------------------------------------------- */

static weir_chan *orders, *nameless, *results;
static weir_mutex mutex;
static weir_wg wg;
static weir_sem sem;
static weir_rwmutex rwmutex;
static weir_ctx over;
static int pipe_ends[2];

static void receives(void *arg)
{
    char v;
    (void)weir_chan_recv(arg, &v, NULL);
}

static void sends(void *arg)
{
    char v = 0;
    (void)weir_chan_send(arg, &v, NULL);
}

static void selects(void *arg)
{
    char v = 0;
    weir_case cases[] = {WEIR_RECV(arg, &v), WEIR_RECV(nameless, &v)};
    (void)weir_select(cases, 2, NULL);
}

static void locks(void *arg)
{
    (void)arg;
    (void)weir_mutex_lock(&mutex, NULL);
    (void)weir_mutex_unlock(&mutex);
}

static void read_locks(void *arg)
{
    (void)arg;
    (void)weir_rwmutex_rlock(&rwmutex, NULL);
    (void)weir_rwmutex_runlock(&rwmutex);
}

static void waits_for_group(void *arg)
{
    (void)arg;
    (void)weir_wg_wait(&wg, NULL);
}

static void acquires(void *arg)
{
    (void)arg;
    (void)weir_sem_acquire(&sem, 1, NULL);
}

static void sleeps(void *arg)
{
    (void)arg;
    (void)weir_sleep(WEIR_MINUTE, &over);
}

static void reads(void *arg)
{
    char c;
    (void)arg;
    (void)weir_read(pipe_ends[0], &c, 1, &over);
}

static const struct {
    void (*fn)(void *);
    weir_chan **on;
    const char *line;
} kinds[] = {
    {receives, &orders, "waits on channel receive \"orders\""},
    {receives, &nameless, "waits on channel receive 0x[0-9a-f]+"},
    {sends, &results, "waits on channel send \"results\""},
    {selects, &orders, "waits on select[^,]*"},
    {locks, NULL, "waits on mutex 0x[0-9a-f]+"},
    {read_locks, NULL, "waits on rwmutex 0x[0-9a-f]+"},
    {waits_for_group, NULL, "waits on wait group 0x[0-9a-f]+"},
    {acquires, NULL, "waits on semaphore 0x[0-9a-f]+"},
    {sleeps, NULL, "waits on sleep"},
    {reads, NULL, "waits on descriptor read [0-9]+"},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static weir_chan *chan_named(const char *name)
{
    const weir_chan_opts o = {.elem_size = 1, .name = name};
    return weir_chan_new_with(&o);
}

static void make_objects(void)
{
    orders = chan_named("orders");
    results = chan_named("results");
    nameless = chan_named(NULL);
    ck_assert_int_eq(pipe(pipe_ends), 0);
    ck_assert_int_eq(weir_ctx_init(&over, NULL), 0);
    ck_assert_int_eq(weir_mutex_lock(&mutex, NULL), 0);
    ck_assert_int_eq(weir_rwmutex_lock(&rwmutex, NULL), 0);
    ck_assert_int_eq(weir_wg_add(&wg, 1), 0);
}

static void release_objects(void)
{
    (void)weir_chan_close(orders);
    (void)weir_chan_close(results);
    (void)weir_chan_close(nameless);
    (void)weir_mutex_unlock(&mutex);
    (void)weir_rwmutex_unlock(&rwmutex);
    (void)weir_wg_done(&wg);
    (void)weir_sem_release(&sem, 1);
    (void)weir_ctx_cancel(&over, WEIR_CANCELED);
}

START_TEST(a_waiter_of_each_kind)
{
    const weir_task_opts o = {.name = "one of each"};
    const char *site = " for [0-9]+\\.[0-9]{3} s, spawned at "
                       "a_waiter_of_each_kind_fn\\+0x[0-9a-f]+$";
    char pattern[256], *text;

    make_objects();
    ck_assert_int_eq(
        weir_go_with(&o, kinds[_i].fn, kinds[_i].on ? *kinds[_i].on : NULL), 0);
    text = dump_with("one of each.*waits on");
    snprintf(pattern, sizeof pattern,
             "^task @0x[0-9a-f]+ \"one of each\": %s%s", kinds[_i].line, site);
    shows(text, pattern);
    shows(text, "^weir: 1 task, [0-9]+ workers?, [0-9]+ idle$");
    ck_assert_uint_eq(lines_with(text, "\n"), 2);
    free(text);
    release_objects();
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
    text = dump_text();
    ck_assert_str_eq(text, "weir: 0 tasks, 0 workers, 0 idle\n");
    free(text);
}
END_TEST

/* A context that has ended lets nobody wait; what the task waits on next has
 * no name. */
static void gives_up_and_receives(void *arg)
{
    char v;
    ck_assert_int_eq(weir_chan_recv(orders, &v, &over), WEIR_CANCELED);
    receives(arg);
}

START_TEST(a_name_stays_with_its_wait)
{
    char *text;

    make_objects();
    (void)weir_ctx_cancel(&over, WEIR_CANCELED);
    ck_assert_int_eq(weir_go(gives_up_and_receives, nameless), 0);
    text = dump_with("unnamed: waits on");
    shows(text, "waits on channel receive 0x[0-9a-f]+");
    free(text);
    release_objects();
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

static void receives_twice(void *arg)
{
    char v;
    ck_assert_int_eq(weir_chan_recv(orders, &v, NULL), 0);
    receives(arg);
}

START_TEST(a_name_ends_with_its_wait)
{
    const char v = 0;

    make_objects();
    ck_assert_int_eq(weir_go(receives_twice, nameless), 0);
    free(dump_with("waits on channel receive \"orders\""));
    ck_assert_int_eq(weir_chan_send(orders, &v, NULL), 0);
    free(dump_with("unnamed: waits on channel receive 0x"));
    release_objects();
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

/* ---- who does not wait --------------------------------------------------- */

static atomic_int held;

static void spawn_and_hold(void *arg)
{
    const weir_task_opts bound = {.name = "bound", .stack_size = 1 << 20};
    int i;

    (void)arg;
    for (i = 0; i < 3; i++)
        ck_assert_int_eq(weir_go(receives, orders), 0);
    ck_assert_int_eq(weir_go_with(&bound, receives, orders), 0);
    (void)weir_task_id();
    atomic_store(&held, 1);
    while (atomic_load(&held) == 1)
        sched_yield();
}

START_TEST(new_ready_and_running)
{
    const weir_opts one = {.workers = 1};
    const weir_task_opts o = {.name = "holder", .pinned = true};
    char *text;

    make_objects();
    ck_assert_int_eq(weir_start(&one), 0);
    ck_assert_int_eq(weir_go_with(&o, spawn_and_hold, NULL), 0);
    while (atomic_load(&held) == 0)
        sched_yield();
    text = dump_text();
    shows(text, "^task [0-9]+ \"holder\": running, pinned, spawned at "
                "new_ready_and_running_fn\\+0x[0-9a-f]+$");
    shows(text, "^task not started: new, spawned at "
                "spawn_and_hold\\+0x[0-9a-f]+$");
    shows(text, "^task @0x[0-9a-f]+ \"bound\": ready, spawned at "
                "spawn_and_hold\\+0x[0-9a-f]+$");
    ck_assert_uint_eq(lines_with(text, "not started"), 3);
    shows(text, "^weir: 5 tasks, 1 worker, 0 idle$");
    free(text);
    atomic_store(&held, 2);
    release_objects();
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

START_TEST(long_names_are_cut)
{
    char name[200];
    const weir_task_opts o = {.name = name};

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    make_objects();
    ck_assert_int_eq(weir_go_with(&o, receives, orders), 0);
    free(dump_with("\"n{39}\": waits on"));
    release_objects();
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
    weir_dump(NULL);
}
END_TEST

/* ---- at any time --------------------------------------------------------- */

static atomic_int going;

static void churn(void *arg)
{
    char v = 0;

    while (atomic_load(&going)) {
        weir_task_name("churn");
        (void)weir_go(receives, arg);
        (void)weir_chan_send(arg, &v, NULL);
        weir_yield();
    }
}

static void dump_from_task(void *arg)
{
    (void)arg;
    free(dump_text());
}

START_TEST(while_tasks_come_and_go)
{
    const weir_task_opts roomy = {.stack_size = 1 << 20};
    int i, n = check_scale(200);
    char *text;

    make_objects();
    atomic_store(&going, 1);
    for (i = 0; i < 50; i++)
        ck_assert_int_eq(weir_go(churn, orders), 0);
    for (i = 0; i < n; i++) {
        text = dump_text();
        shows(text, "^weir: [0-9]+ tasks?, [0-9]+ workers?, [0-9]+ idle$");
        free(text);
        ck_assert_int_eq(weir_go_with(&roomy, dump_from_task, NULL), 0);
    }
    atomic_store(&going, 0);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

/* While some run, a few may be on their way between two queues. */
START_TEST(of_a_crowd)
{
    int i, n = check_is_slow() ? 2000 : 200000;
    char words[64], *text;

    make_objects();
    for (i = 0; i < n; i++)
        ck_assert_int_eq(weir_go(receives, orders), 0);
    atomic_store(&going, 1);
    for (i = 0; i < 10; i++)
        ck_assert_int_eq(weir_go(churn, nameless), 0);
    text = dump_text();
    ck_assert_uint_ge(lines_with(text, "\ntask "), (size_t)(n - n / 10));
    atomic_store(&going, 0);
    (void)weir_chan_close(nameless);
    snprintf(words, sizeof words, "\nweir: %d tasks, ", n);
    do {
        free(text);
        text = dump_text();
    } while (lines_with(text, "channel receive \"orders\" for ") < (size_t)n ||
             strstr(text, words) == NULL);
    free(text);
    (void)weir_chan_close(orders);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

/* ---- on a signal --------------------------------------------------------- */

/* Standard error becomes a pipe that the program itself reads; what came is
 * handed on to the parent. */
static int dump_on_signal(void *arg)
{
    const weir_opts o = {.dump_signal = SIGUSR1};
    const weir_task_opts named = {.name = "the one"};
    int ends[2], parent = dup(STDERR_FILENO);
    char text[4096];
    ssize_t n = 0;

    (void)arg;
    make_objects();
    if (weir_start(&o) != 0 || weir_go_with(&named, receives, orders) != 0)
        return 1;
    free(dump_with("the one.*waits on"));
    if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
        return 2;
    if (kill(getpid(), SIGUSR1) != 0)
        return 3;
    do
        n += read(ends[0], text + n, sizeof text - 1 - (size_t)n);
    while (!strstr((text[n] = 0, text), "weir: 1 task"));
    if (write(parent, text, (size_t)n) != n)
        return 4;
    (void)weir_chan_close(orders);
    return weir_stop(WEIR_FOREVER);
}

START_TEST(on_a_signal)
{
    struct child c;

    child_run(&c, dump_on_signal, NULL);
    ck_assert_int_eq(child_exit(&c), 0);
    shows(c.text, "^task @0x[0-9a-f]+ \"the one\": waits on channel receive "
                  "\"orders\" for [0-9.]+ s, spawned at dump_on_signal\\+0x");
}
END_TEST

CHECK_MAIN(CHECK_LOOP(a_waiter_of_each_kind, KINDS),
           CHECK_TEST(a_name_stays_with_its_wait),
           CHECK_TEST(a_name_ends_with_its_wait),
           CHECK_TEST(new_ready_and_running), CHECK_TEST(long_names_are_cut),
           CHECK_TEST(while_tasks_come_and_go), CHECK_LONG(of_a_crowd, 200),
           CHECK_TEST(on_a_signal))
