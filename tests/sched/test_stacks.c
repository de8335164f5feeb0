/* SPDX-License-Identifier: MIT */
/*
 * Many stacks: a million tasks parked on one channel under the system's limit
 * of mappings, each guarded, at little more than a page each; their memory
 * comes back; and what guards cost where the kernel has none that are cheap.
 */
#include <stdlib.h>
#include <weir.h>
#include "child.h"
#include "port/pages.h"
#include "sched/slab.h"
#include "sched/task.h"

enum {
    MILLION = 1000000,
    BYTES_EACH = 4400,
    BACK_WITHIN = 64 << 10, /* KiB */
    NEEDED = 8 << 20        /* KiB */
};

/* A value in KiB, or a plain number, from a file of lines "Name: value". */
static long number_in(const char *path, const char *name)
{
    FILE *f = fopen(path, "r");
    char line[256];
    long value = -1;

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name), NULL, 10);
    if (f)
        fclose(f);
    return value;
}

static long resident(void)
{
    return number_in("/proc/self/status", "VmRSS:");
}

static long mappings(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    long n = 0;
    int c;

    while ((c = getc(f)) != EOF)
        n += c == '\n';
    fclose(f);
    return n;
}

static uint32_t begun;

static void receive(void *arg)
{
    char v;
    wr_add(&begun, 1);
    (void)weir_chan_recv(arg, &v, NULL);
}

struct tally {
    int waiting, guarded;
};

static WR_NO_TSAN void tally_one(struct wr_task *t, void *arg)
{
    struct tally *k = arg;

    if (wr_load_rlx(&t->state) != WR_TASK_WAITING)
        return;
    k->waiting++;
    k->guarded += wr_slot_guarded(t->slot);
}

static struct tally tally(void)
{
    struct tally k = {0, 0};
    wr_stack_each(tally_one, &k);
    return k;
}

/* A tally takes as long as many starts, and holds them up. */
static void park_all(weir_chan *c, int n)
{
    const uint32_t all = begun + (uint32_t)n;
    int i;

    for (i = 0; i < n; i++)
        ck_assert_int_eq(weir_go(receive, c), 0);
    while (wr_load(&begun) != all)
        (void)weir_sleep(10 * WEIR_MILLISECOND, NULL);
    while (tally().waiting < n)
        (void)weir_sleep(10 * WEIR_MILLISECOND, NULL);
}

static bool kernel_has_cheap_guards(void)
{
    void *page = wr_pages_reserve(wr_page_size());
    bool has = page && wr_pages_guard_cheap(page, wr_page_size());

    if (page)
        wr_pages_release(page, wr_page_size());
    return has;
}

/* Memory that is to come back comes back before the test's own limit. */
static void until_resident_below(long limit)
{
    while (resident() > limit)
        (void)weir_sleep(10 * WEIR_MILLISECOND, NULL);
}

START_TEST(a_million_parked)
{
    const int n = check_is_slow() ? 2000 : MILLION;
    weir_chan *c = weir_chan_new(1, 0);
    struct tally k;
    long before;

    if (number_in("/proc/meminfo", "MemAvailable:") < NEEDED) {
        printf("skipped: a_million_parked: less than 8 GiB free\n");
        return;
    }
    ck_assert_int_eq(weir_start(NULL), 0);
    before = resident();
    park_all(c, n);
    k = tally();
    ck_assert_int_eq(k.waiting, n);
    if (kernel_has_cheap_guards()) {
        ck_assert_int_eq(k.guarded, n);
        ck_assert_int_lt(mappings(), 65530 / 2);
    }
    if (!check_is_slow())
        ck_assert_int_le((resident() - before) * 1024 / n, BYTES_EACH);
    ck_assert_int_eq(weir_chan_close(c), 0);
    while (weir_tasks() > 0)
        (void)weir_sleep(10 * WEIR_MILLISECOND, NULL);
    if (!check_is_slow())
        until_resident_below(before + BACK_WITHIN);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
    weir_chan_unref(c);
}
END_TEST

/* What a trim leaves warm stays warm, however often there is one. Hosted: no
 * monitor that trims as well. */
START_TEST(a_trim_keeps_some)
{
    enum { TASKS = 2000, KEPT = 512, STACK = 16 << 10 };
    const weir_opts o = {.hosted = true, .stack_size = STACK};
    const struct wr_stack_kind *k = &wr_stack_kinds[wr_stack_class(STACK)];
    weir_chan *c = weir_chan_new(1, 0);
    int i;

    ck_assert_int_eq(weir_start(&o), 0);
    ck_assert_int_eq(weir_run_once(0), 0);
    park_all(c, TASKS);
    ck_assert_int_eq(weir_chan_close(c), 0);
    while (weir_tasks() > 0)
        (void)weir_sleep(WEIR_MILLISECOND, NULL);
    ck_assert_uint_ge(k->warm, TASKS - WR_STACK_CACHE);
    for (i = 0; i < 10; i++) {
        (void)wr_stack_trim(false);
        ck_assert_uint_ge(k->warm, KEPT);
    }
    ck_assert_uint_lt(k->warm, TASKS / 2);
    ck_assert_int_eq(weir_stop(0), 0);
    ck_assert_uint_eq(k->warm, 0);
    weir_chan_unref(c);
}
END_TEST

/* ---- a kernel without cheap guards --------------------------------------- */

START_TEST(guards_within_the_budget)
{
    const int n = 2000;
    weir_chan *c = weir_chan_new(1, 0);
    long before = mappings();
    struct tally k;

    wr_stack_limit_guards(_i == 0 ? 1000 : 0);
    ck_assert_int_eq(weir_start(NULL), 0);
    park_all(c, n);
    k = tally();
    ck_assert_int_eq(k.waiting, n);
    if (_i == 0)
        ck_assert_int_gt(k.guarded, 0);
    ck_assert_int_le(k.guarded, _i == 0 ? 500 : 0);
    if (!check_is_slow()) /* a sanitizer maps for each task itself */
        ck_assert_int_lt(mappings() - before, 1200);
    ck_assert_int_eq(weir_chan_close(c), 0);
    ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
    weir_chan_unref(c);
}
END_TEST

/* What guards cost is given back with their stacks. */
START_TEST(the_budget_comes_back)
{
    int round;

    wr_stack_limit_guards(4000);
    for (round = 0; round < 5; round++) {
        weir_chan *c = weir_chan_new(1, 0);
        struct tally k;

        ck_assert_int_eq(weir_start(NULL), 0);
        park_all(c, 1000);
        k = tally();
        ck_assert_int_eq(k.guarded, 1000);
        ck_assert_int_eq(weir_chan_close(c), 0);
        ck_assert_int_eq(weir_stop(WEIR_FOREVER), 0);
        weir_chan_unref(c);
    }
}
END_TEST

static volatile char sink;

static __attribute__((noinline)) int deeper(int n)
{
    volatile char room[256];

    room[0] = (char)n;
    sink = room[0];
    return n < 0 ? 0 : deeper(n + 1) + room[0];
}

static void dive(void *arg)
{
    (void)arg;
    sink = (char)deeper(0);
}

static int split_guard_overflow(void *arg)
{
    signal(SIGSEGV, SIG_DFL);
    wr_stack_limit_guards(100);
    if (weir_go(dive, arg) != 0)
        return 1;
    return weir_stop(WEIR_FOREVER);
}

START_TEST(a_split_guard_catches_too)
{
    struct child c;

    child_run(&c, split_guard_overflow, NULL);
    ck_assert(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGSEGV);
    child_says(&c, "weir: stack overflow in task unnamed, spawned at "
                   "split_guard_overflow+0x");
}
END_TEST

CHECK_MAIN(CHECK_LONG(a_million_parked, 240), CHECK_TEST(a_trim_keeps_some),
           CHECK_LOOP(guards_within_the_budget, 2),
           CHECK_TEST(the_budget_comes_back),
           CHECK_TEST(a_split_guard_catches_too))
