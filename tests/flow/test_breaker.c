/* SPDX-License-Identifier: MIT */
/*
 * The circuit breaker: what opens it, how it finds back, and that neither a
 * late report nor a crowd of callers confuses it. The clock is the test's own.
 */
#include "../chan/parties.h"

static _Atomic int64_t clock_now = 1000 * WEIR_SECOND;

static int64_t test_clock(void)
{
    return atomic_load(&clock_now);
}

static void pass_time(int64_t ns)
{
    atomic_fetch_add(&clock_now, ns);
}

static weir_breaker breaker_of(weir_breaker_opts o)
{
    weir_breaker b;

    o.now = test_clock;
    must_eq(weir_breaker_init(&b, &o), 0);
    return b;
}

static uint64_t begin(weir_breaker *b)
{
    uint64_t pass;

    must_eq(weir_breaker_allow(b, &pass), 0);
    return pass;
}

static int refused(weir_breaker *b)
{
    uint64_t pass;

    return weir_breaker_allow(b, &pass);
}

static void lose(weir_breaker *b, int times)
{
    while (times-- > 0)
        must_eq(weir_breaker_failure(b, begin(b)), 0);
}

static void win(weir_breaker *b, int times)
{
    while (times-- > 0)
        must_eq(weir_breaker_success(b, begin(b)), 0);
}

static weir_breaker_counts counts_of(weir_breaker *b)
{
    weir_breaker_counts c;

    must_eq(weir_breaker_get_counts(b, &c), 0);
    return c;
}

/* ---- closed -------------------------------------------------------------- */

START_TEST(failures_in_a_row_open_it)
{
    weir_breaker b = breaker_of((weir_breaker_opts){.failures = 3});
    int i;

    for (i = 0; i < 10; i++) {
        lose(&b, 2);
        win(&b, 1);
    }
    lose(&b, 2);
    must_eq(weir_breaker_forget(&b, begin(&b)), 0); /* breaks no row */
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
    lose(&b, 1);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_OPEN);
    must_eq(refused(&b), WEIR_LIMIT);
    must_eq(counts_of(&b).failures, 23);
    must_eq(counts_of(&b).successes, 10);
    must_eq(counts_of(&b).forgotten, 1);
    must_eq(counts_of(&b).refused, 1);
    must_eq(counts_of(&b).opened, 1);
}
END_TEST

START_TEST(the_defaults)
{
    weir_breaker b;

    must_eq(weir_breaker_init(&b, NULL), 0);
    lose(&b, 4);
    must_eq(refused(&b), 0);
    b = breaker_of((weir_breaker_opts){0});
    lose(&b, 5);
    pass_time(5 * WEIR_SECOND - 1);
    must_eq(refused(&b), WEIR_LIMIT);
    pass_time(1);
    must_eq(refused(&b), 0);
    must_eq(refused(&b), WEIR_BUSY);
}
END_TEST

START_TEST(a_share_of_the_window_opens_it)
{
    weir_breaker b = breaker_of((weir_breaker_opts){.failures = 100,
                                                    .percent = 50,
                                                    .min_calls = 10,
                                                    .window = WEIR_SECOND});

    lose(&b, 9); /* all, but too few */
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
    pass_time(WEIR_SECOND);
    win(&b, 6); /* the nine are forgotten */
    lose(&b, 5);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
    lose(&b, 1);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_OPEN);
}
END_TEST

/* A tenth that is used anew begins at nothing. */
START_TEST(the_window_turns_round)
{
    weir_breaker b = breaker_of((weir_breaker_opts){
        .failures = 100, .percent = 50, .min_calls = 10, .window = 100});

    lose(&b, 8);
    pass_time(50);
    win(&b, 1);
    pass_time(50);
    win(&b, 5);
    lose(&b, 4);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
}
END_TEST

START_TEST(the_window_slides_by_tenths)
{
    weir_breaker b = breaker_of((weir_breaker_opts){
        .failures = 100, .percent = 50, .min_calls = 10, .window = 100});

    lose(&b, 8);
    pass_time(90);
    win(&b, 1); /* the tenth slot: the first is still in it */
    lose(&b, 1);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_OPEN);

    b = breaker_of((weir_breaker_opts){
        .failures = 100, .percent = 50, .min_calls = 10, .window = 100});
    lose(&b, 8);
    pass_time(100);
    win(&b, 6); /* the eleventh: it is out */
    lose(&b, 5);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
    pass_time(-1000); /* a clock that steps back stays where it was */
    lose(&b, 1);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_OPEN);
}
END_TEST

/* ---- open, half open ----------------------------------------------------- */

static weir_breaker opened(int probes)
{
    weir_breaker b = breaker_of((weir_breaker_opts){
        .failures = 1, .open_for = WEIR_SECOND, .probes = probes});

    lose(&b, 1);
    return b;
}

START_TEST(a_good_probe_closes_it)
{
    weir_breaker b = opened(1);

    must_eq(refused(&b), WEIR_LIMIT);
    pass_time(WEIR_SECOND);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_OPEN);
    const uint64_t probe = begin(&b);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_HALF_OPEN);
    must_eq(refused(&b), WEIR_BUSY);
    must_eq(weir_breaker_success(&b, probe), 0);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
    win(&b, 3);
}
END_TEST

START_TEST(a_bad_probe_opens_it_again)
{
    weir_breaker b = opened(3);
    uint64_t probe[3];
    int i;

    pass_time(WEIR_SECOND);
    for (i = 0; i < 3; i++)
        probe[i] = begin(&b);
    must_eq(refused(&b), WEIR_BUSY);
    must_eq(weir_breaker_success(&b, probe[0]), 0);
    must_eq(refused(&b), WEIR_BUSY); /* two under way are all it needs */
    must_eq(weir_breaker_failure(&b, probe[1]), 0);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_OPEN);
    pass_time(WEIR_SECOND - 1);
    must_eq(refused(&b), WEIR_LIMIT); /* counted from the bad probe */
    pass_time(1);
    win(&b, 2);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_HALF_OPEN);
    must_eq(weir_breaker_failure(&b, probe[2]), 0); /* of the time before */
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_HALF_OPEN);
    win(&b, 1);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
    must_eq(counts_of(&b).late, 1);
    must_eq(counts_of(&b).opened, 2);
}
END_TEST

START_TEST(a_forgotten_probe_gives_its_place_back)
{
    weir_breaker b = opened(1);

    pass_time(WEIR_SECOND);
    must_eq(weir_breaker_forget(&b, begin(&b)), 0);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_HALF_OPEN);
    win(&b, 1);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
}
END_TEST

START_TEST(a_late_report_does_not_count)
{
    weir_breaker b = breaker_of((weir_breaker_opts){.failures = 1});
    const uint64_t slow = begin(&b), slower = begin(&b);

    lose(&b, 1);
    must_eq(weir_breaker_success(&b, slow), 0);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_OPEN);
    pass_time(5 * WEIR_SECOND);
    win(&b, 1);
    must_eq(weir_breaker_failure(&b, slower), 0);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
    must_eq(counts_of(&b).late, 2);
}
END_TEST

/* ---- calls and callbacks ------------------------------------------------- */

struct log {
    int changes, from[8], to[8];
    bool call_back;
};

static void note(weir_breaker *b, enum weir_breaker_state from,
                 enum weir_breaker_state to, void *arg)
{
    struct log *log = arg;

    must_eq(weir_breaker_state(b), to); /* no lock is held */
    log->from[log->changes] = (int)from;
    log->to[log->changes++] = (int)to;
    if (log->call_back) {
        log->call_back = false;
        pass_time(WEIR_SECOND);
        win(b, 1);
    }
}

START_TEST(changes_are_told)
{
    struct log log = {.call_back = true};
    weir_breaker b = breaker_of((weir_breaker_opts){.failures = 1,
                                                    .open_for = WEIR_SECOND,
                                                    .on_change = note,
                                                    .arg = &log});

    lose(&b, 1);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
    must_eq(log.changes, 3);
    must_eq(log.from[0], WEIR_BREAKER_CLOSED);
    must_eq(log.to[0], WEIR_BREAKER_OPEN);
    must_eq(log.from[1], WEIR_BREAKER_OPEN);
    must_eq(log.to[1], WEIR_BREAKER_HALF_OPEN);
    must_eq(log.from[2], WEIR_BREAKER_HALF_OPEN);
    must_eq(log.to[2], WEIR_BREAKER_CLOSED);
}
END_TEST

static int give(void *arg)
{
    return *(int *)arg;
}

static bool not_found_is_fine(int result, void *arg)
{
    return result < 0 && result != *(int *)arg;
}

START_TEST(a_call_is_judged_by_its_result)
{
    weir_breaker b = breaker_of((weir_breaker_opts){.failures = 1});
    int result = 7;

    must_eq(weir_breaker_call(&b, give, &result), 7);
    result = WEIR_CANCELED;
    must_eq(weir_breaker_call(&b, give, &result), WEIR_CANCELED);
    must_eq(counts_of(&b).forgotten, 1);
    result = -2;
    must_eq(weir_breaker_call(&b, give, &result), -2);
    must_eq(weir_breaker_call(&b, give, &result), WEIR_LIMIT);

    b = breaker_of((weir_breaker_opts){
        .failures = 1, .is_failure = not_found_is_fine, .arg = &result});
    must_eq(weir_breaker_call(&b, give, &result), -2);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_CLOSED);
    int other = -3;
    must_eq(weir_breaker_call(&b, give, &other), -3);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_OPEN);
}
END_TEST

/* ---- a crowd ------------------------------------------------------------- */

enum { PARTIES = 6, PROBES = 2 };

struct crowd {
    weir_breaker b;
    int rounds;
    atomic_int probing, calls;
};

static int service(void *arg)
{
    struct crowd *c = arg;
    const bool half = weir_breaker_state(&c->b) == WEIR_BREAKER_HALF_OPEN;
    const int n = atomic_fetch_add(&c->calls, 1);

    if (half)
        weir_yield();
    return n % 3 == 0 ? -1 : 0;
}

static void keep_calling(void *arg)
{
    struct crowd *c = arg;
    int i, err;

    for (i = 0; i < c->rounds; i++) {
        err = weir_breaker_call(&c->b, service, c);
        must(err == 0 || err == -1 || err == WEIR_LIMIT || err == WEIR_BUSY);
        pass_time(1);
    }
}

BEHAVIOUR(a_crowd_is_accounted_for)
{
    struct crowd c = {.b = breaker_of((weir_breaker_opts){
                          .failures = 2, .open_for = 10, .probes = PROBES})};
    weir_breaker_counts n;
    int i;

    c.rounds = check_scale(crew_many(crew, 3000, 300));
    for (i = 0; i < PARTIES; i++)
        crew_go(crew, keep_calling, &c);
    crew_wait(crew);
    n = counts_of(&c.b);
    must_eq(n.allowed, atomic_load(&c.calls));
    must_eq(n.allowed + n.refused, PARTIES * c.rounds);
    must_eq(n.allowed, n.successes + n.failures + n.late);
}

/* Of those who ask at the same instant as many get through as may. */
static void probe(void *arg)
{
    struct crowd *c = arg;
    uint64_t pass;
    const int err = weir_breaker_allow(&c->b, &pass);

    must(err == 0 || err == WEIR_BUSY);
    if (err == 0)
        atomic_fetch_add(&c->probing, 1);
}

BEHAVIOUR(no_more_probes_than_allowed)
{
    struct crowd c = {.b = opened(PROBES)};
    int i;

    pass_time(WEIR_SECOND);
    for (i = 0; i < 4 * PARTIES; i++)
        crew_go(crew, probe, &c);
    crew_wait(crew);
    must_eq(atomic_load(&c.probing), PROBES);
}

START_TEST(wrong_use_is_refused)
{
    weir_breaker b = opened(1);
    weir_breaker_counts n;
    uint64_t pass;

    must_eq(weir_breaker_init(NULL, NULL), WEIR_EINVAL);
    const weir_breaker_opts bad[] = {
        {.failures = -1}, {.percent = -1},   {.percent = 101}, {.window = -1},
        {.window = 9},    {.min_calls = -1}, {.open_for = -1}, {.probes = -1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        must_eq(weir_breaker_init(&b, &bad[i]), WEIR_EINVAL);
    must_eq(weir_breaker_allow(NULL, &pass), WEIR_EINVAL);
    must_eq(weir_breaker_allow(&b, NULL), WEIR_EINVAL);
    must_eq(weir_breaker_success(NULL, 0), WEIR_EINVAL);
    must_eq(weir_breaker_failure(NULL, 0), WEIR_EINVAL);
    must_eq(weir_breaker_forget(NULL, 0), WEIR_EINVAL);
    must_eq(weir_breaker_call(NULL, give, NULL), WEIR_EINVAL);
    must_eq(weir_breaker_call(&b, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_breaker_get_counts(NULL, &n), WEIR_EINVAL);
    must_eq(weir_breaker_get_counts(&b, NULL), WEIR_EINVAL);
    must_eq(weir_breaker_state(NULL), WEIR_BREAKER_CLOSED);
    must_eq(
        strcmp(weir_breaker_state_name(WEIR_BREAKER_HALF_OPEN), "half-open"),
        0);
    must_eq(strcmp(weir_breaker_state_name((enum weir_breaker_state)9), "?"),
            0);

    pass_time(WEIR_SECOND);
    pass = begin(&b);
    must_eq(weir_breaker_forget(&b, pass), 0);
    must_eq(weir_breaker_success(&b, pass), WEIR_EINVAL); /* a second report */
    must_eq(weir_breaker_success(&b, pass + 1), WEIR_EINVAL);
    must_eq(weir_breaker_state(&b), WEIR_BREAKER_HALF_OPEN);
}
END_TEST

CHECK_MAIN(
    CHECK_TEST(failures_in_a_row_open_it), CHECK_TEST(the_defaults),
    CHECK_TEST(a_share_of_the_window_opens_it),
    CHECK_TEST(the_window_slides_by_tenths), CHECK_TEST(the_window_turns_round),
    CHECK_TEST(a_good_probe_closes_it), CHECK_TEST(a_bad_probe_opens_it_again),
    CHECK_TEST(a_forgotten_probe_gives_its_place_back),
    CHECK_TEST(a_late_report_does_not_count), CHECK_TEST(changes_are_told),
    CHECK_TEST(a_call_is_judged_by_its_result),
    CHECK_MODES(a_crowd_is_accounted_for),
    CHECK_MODES(no_more_probes_than_allowed), CHECK_TEST(wrong_use_is_refused))
