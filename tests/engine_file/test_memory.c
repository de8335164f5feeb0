/* SPDX-License-Identifier: MIT */
/*
 * No memory, at any point: in the engine, in SQLite, in the library. A call
 * then returns WEIR_ENOMEM and has done nothing, what returned success has
 * been done, and with memory again all goes on.
 */
#include "base/mem.h"
#include "engine/file/file.h"
#include "files.h"

ROLES({"", NULL});

/* ---- SQLite's memory ----------------------------------------------------- */

static sqlite3_mem_methods system_memory;
static atomic_llong sql_budget = -1;
static atomic_bool sql_once; /* one fails, and no more                      */

static bool sql_granted(void)
{
    long long left = atomic_load(&sql_budget);

    while (left > 0)
        if (atomic_compare_exchange_weak(&sql_budget, &left, left - 1))
            return true;
    if (left == 0 && atomic_load(&sql_once))
        atomic_store(&sql_budget, -1);
    return left < 0;
}

static void *sql_malloc(int n)
{
    return sql_granted() ? system_memory.xMalloc(n) : NULL;
}

static void *sql_realloc(void *p, int n)
{
    return sql_granted() ? system_memory.xRealloc(p, n) : NULL;
}

static void watch_sql(void)
{
    must_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_memory), SQLITE_OK);
    sqlite3_mem_methods own = system_memory;
    own.xMalloc = sql_malloc;
    own.xRealloc = sql_realloc;
    must_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &own), SQLITE_OK);
    /* No stock of memory that would hide a failure. */
    must_eq(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

/* ---- the ways to run out ------------------------------------------------- */

enum { OF_ENGINE, OF_LIBRARY, OF_SQLITE, OF_SQLITE_ONCE, WAYS };

static void allow(int way, int64_t n)
{
    if (way == OF_ENGINE)
        wr_file_mem_fail_after(n);
    else if (way == OF_LIBRARY)
        wr_mem_fail_after(n);
    else
        atomic_store(&sql_budget, n);
}

/* ---- what is done -------------------------------------------------------- */

/* What was told to have been done. */
struct told {
    int published, acked, termed;
    bool failed;
};

static bool ok(struct told *t, int err)
{
    if (err != 0 && err != WEIR_ENOMEM)
        ck_abort_msg("%s%s", weir_errname(err), party_note());
    t->failed |= err != 0;
    return err == 0;
}

static void publish_some(struct told *t, weir_pub *p)
{
    char id[16];
    const weir_event_header h[] = {{"a", "b"}, {"c", "d"}};
    const weir_event_opts o = {.type = "type",
                               .key = "key",
                               .key_size = 3,
                               .headers = h,
                               .header_count = 2};

    for (int i = 0; i < 4; i++) {
        weir_event *e = NULL;
        snprintf(id, sizeof id, "id%d", i);
        if (!ok(t, weir_event_new(&e, &o)))
            continue;
        t->published += ok(t, weir_pub_publish(p, e, id, NULL));
        weir_event_unref(e);
    }
}

static void receive_some(struct told *t, weir_sub *s)
{
    for (int i = 0; i < 3; i++) {
        weir_message *m = NULL;
        const int err = weir_sub_try_recv(s, &m);
        if (err == WEIR_EMPTY || !ok(t, err))
            continue;
        must_eq(m->event->header_count, 2);
        if (i == 0)
            t->acked += ok(t, weir_message_ack(m, NULL));
        else if (i == 1)
            ok(t, weir_message_nak(m, 0, NULL));
        else
            t->termed += ok(t, weir_message_term(m, NULL));
        weir_message_free(m);
    }
}

static void do_all(struct told *t, const char *url)
{
    weir_pub *p = NULL;
    weir_sub *s = NULL;
    weir_sub_counts sc;
    weir_topic_counts tc;
    const weir_sub_opts o = {.group = "g", .ack_wait = AN_HOUR};

    if (ok(t, weir_pub_open(&p, url, NULL)))
        publish_some(t, p);
    if (ok(t, weir_sub_open(&s, url, &o, NULL))) {
        receive_some(t, s);
        ok(t, weir_sub_get_counts(s, &sc, NULL));
    }
    if (p != NULL)
        ok(t, weir_topic_get_counts(url, &tc, NULL));
    weir_sub_free(s);
    weir_pub_free(p);
}

/* ---- with memory again --------------------------------------------------- */

static void check_rest(const struct told *t, const char *url)
{
    weir_topic_counts c = {0};
    weir_sub_counts sc;

    weir_pub *p = publisher(url);
    must_eq(weir_topic_get_counts(url, &c, NULL), 0);
    must_eq(c.messages, t->published);
    weir_sub *s = subscriber(url, (weir_sub_opts){.group = "g"});
    must_eq(weir_sub_get_counts(s, &sc, NULL), 0);
    must_eq(sc.dead, t->termed);
    must_eq(sc.waiting + sc.pending,
            (uint64_t)(t->published - t->acked - t->termed));
    weir_sub_free(s);
    weir_pub_free(p);
}

static void remove_database(void)
{
    unlink(path_of("t.db"));
    unlink(path_of("t.db-wal"));
    unlink(path_of("t.db-shm"));
}

/* SQLite asks for memory thousands of times in this: some are chosen. */
static uint64_t next_step(int way, uint64_t step)
{
    const int tries = check_scale(150);

    return step + (way < OF_SQLITE
                       ? 1
                       : 1 + (uint64_t)rand() % (10000U / (unsigned)tries));
}

/* _i: the way */
START_TEST(any_failure_is_told_and_nothing_is_half_done)
{
    bool more = true;
    uint64_t step = 0;

    watch_sql();
    files_begin();
    atomic_store(&sql_once, _i == OF_SQLITE_ONCE);
    party_seed = &step;
    /* Only what is the engine's part is taken away from the library. */
    must_eq(weir_start(NULL), 0);
    for (; more; step = next_step(_i, step)) {
        struct told t = {0};
        const char *url = url_of("t.db", "sync=off");
        must(step < 20000);
        allow(_i, (int64_t)step);
        do_all(&t, url);
        more = t.failed;
        if (_i == OF_SQLITE_ONCE)
            more = atomic_load(&sql_budget) < 0;
        allow(_i, -1);
        check_rest(&t, url);
        must_eq(sqlite3_memory_used(), 0);
        if (step % 8 == 0)
            raw_check(path_of("t.db"));
        remove_database();
    }
    must_eq(weir_stop(WEIR_FOREVER), 0);
    files_end();
}
END_TEST

FILES_MAIN(CHECK_LOOP(any_failure_is_told_and_nothing_is_half_done, WAYS))
