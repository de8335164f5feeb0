/* SPDX-License-Identifier: MIT */
/* What is dropped is told, with its reason, and the callback may call back. */
#include "stores.h"

/* What on_drop was told. */
struct told {
    weir_store *s;
    atomic_int n, by[WEIR_DROPS];
    char last[64], path[64];
    void (*more)(struct told *t); /* called from within, if there is one    */
    weir_store_writer *w;
    weir_store_reader *r;
    int result;
};

static void note(const char *path, const void *data, size_t size,
                 enum weir_drop reason, void *arg)
{
    struct told *t = arg;

    atomic_fetch_add(&t->n, 1);
    atomic_fetch_add(&t->by[reason], 1);
    if (t->more != NULL || t->s == NULL) {
        must(size < sizeof t->last);
        memcpy(t->last, data, size);
        t->last[size] = '\0';
        snprintf(t->path, sizeof t->path, "%s", path);
    }
    if (t->more != NULL)
        t->more(t);
}

static weir_store *told_of(struct told *t, weir_store_channel_opts o)
{
    o.on_drop = note;
    o.arg = t;
    return store_of(&o);
}

START_TEST(each_policy_tells_what_it_drops)
{
    static const struct {
        enum weir_policy policy;
        const char *last;
        enum weir_drop reason;
    } rows[] = {{WEIR_DROP, "3", WEIR_DROP_NEWEST},
                {WEIR_DROP_OLDEST, "1", WEIR_DROP_FIRST},
                {WEIR_LATEST, "2", WEIR_DROP_STALE}};
    const bool all_readers = _i % 2 == 1;
    size_t i;

    for (i = 0; i < 3; i++) {
        struct told t = {0};
        weir_store *s = told_of(
            &t, (weir_store_channel_opts){
                    .buffer_size = rows[i].policy == WEIR_LATEST ? 0 : 2,
                    .policy = rows[i].policy,
                    .all_readers = all_readers});
        weir_store_writer *w = writer_of(s, "some/path");

        must_eq(say(w, "1"), 0);
        must_eq(say(w, "2"), 0);
        must_eq(say(w, "3"), 0);
        must(strcmp(t.last, rows[i].last) == 0);
        must(strcmp(t.path, "some/path") == 0);
        must_eq(t.by[rows[i].reason], t.n);
        must_eq(t.n, stats_of(s, "some/path").queue.dropped);
        weir_store_writer_free(w);
        weir_store_free(s);
    }
}
END_TEST

START_TEST(a_broadcast_that_makes_room_tells)
{
    struct told t = {0};
    weir_store *s =
        told_of(&t, (weir_store_channel_opts){.buffer_size = 1,
                                              .all_readers = _i % 2 == 1});
    weir_store_reader *a = reader_of(s, "p"), *b = reader_of(s, "p");
    weir_store_writer *w = writer_of(s, "p");
    weir_store_account got;

    must_eq(say(w, "old"), 0);
    must_eq(weir_store_broadcast(s, "", "new", 3, WEIR_STORE_DROP_OLDEST, NULL,
                                 &got),
            0);
    must_eq(got.sent, 1);
    must_eq(got.dropped, _i % 2 == 1 ? 2 : 1);
    must_eq(t.by[WEIR_DROP_FIRST], got.dropped);
    must(strcmp(t.last, "old") == 0);
    hear(a, "new");
    weir_store_writer_free(w);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_free(s);
}
END_TEST

START_TEST(a_log_tells_what_its_limits_took)
{
    struct told t = {0};
    weir_store *s = told_of(&t, (weir_store_channel_opts){.persistent = true,
                                                          .keep_messages = 50,
                                                          .keep_bytes = 60});
    weir_store_writer *w = writer_of(s, "p");
    char large[60] = {0};
    int i;

    for (i = 0; i < 50; i++)
        must_eq(say(w, "x"), 0);
    must_eq(t.n, 0);
    must_eq(say(w, "y"), 0);
    must_eq(t.n, 1);
    must_eq(weir_store_write(w, large, sizeof large, NULL), 0);
    must_eq(t.by[WEIR_DROP_FIRST], 51); /* more than are told of at a time */
    must(strcmp(t.last, "y") == 0);
    must_eq(stats_of(s, "p").kept, 1);
    must_eq(stats_of(s, "p").queue.dropped, 51);
    weir_store_writer_free(w);
    weir_store_free(s);
    must_eq(t.n, 51); /* what was kept is not dropped */
}
END_TEST

START_TEST(what_a_reader_leaves_is_told)
{
    struct told t = {0};
    weir_store *s = told_of(&t, (weir_store_channel_opts){.all_readers = true});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *stays = reader_of(s, "p"), *leaves = reader_of(s, "p");
    int i;

    for (i = 0; i < 40; i++)
        must_eq(say(w, "x"), 0);
    must_eq(weir_store_reader_close(leaves), 0);
    must_eq(t.by[WEIR_DROP_LEFT], 40);
    weir_store_writer_free(w);
    weir_store_reader_free(leaves);
    weir_store_reader_free(stays);
    must_eq(t.n, 40); /* the last one leaves its queue to the path */
    weir_store_free(s);
    must_eq(t.by[WEIR_DROP_LEFT], 80);
}
END_TEST

START_TEST(what_nobody_read_is_told_when_the_path_goes)
{
    struct told t = {0};
    weir_store *s = told_of(&t, (weir_store_channel_opts){0});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r = reader_of(s, "p");

    must_eq(say(w, "1"), 0);
    must_eq(say(w, "2"), 0);
    must_eq(weir_store_delete(s, "p"), 0);
    hear(r, "1");
    weir_store_writer_free(w);
    must_eq(t.n, 0);
    weir_store_free(s);
    weir_store_reader_free(r);
    must_eq(t.by[WEIR_DROP_LEFT], 1);
    must(strcmp(t.last, "2") == 0);
}
END_TEST

/* ---- from within --------------------------------------------------------- */

/* Keeps what was dropped at a path of its own, where it is dropped once more
 * when there is no room: that ends here. */
static void dead_letter(struct told *t)
{
    weir_store_counts c;
    const int err = say(t->w, t->last);

    must(err == 0 || err == WEIR_FULL);
    t->result = err;
    must_eq(weir_store_count(t->s, &c), 0);
    must_eq(weir_store_exists(t->s, "p"), 1);
    must(stats_of(t->s, t->path).queue.dropped >= 1);
}

START_TEST(a_dead_letter_path)
{
    struct told t = {.more = dead_letter};
    weir_store *s = told_of(
        &t, (weir_store_channel_opts){.buffer_size = 2,
                                      .policy = WEIR_DROP_OLDEST,
                                      .all_readers = _i == 1,
                                      .persistent = _i == 2,
                                      .keep_messages = _i == 2 ? 2 : 0});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *dead = reader_of(s, "dead");

    t.s = s;
    t.w = writer_of(s, "dead");
    must_eq(say(w, "1"), 0);
    must_eq(say(w, "2"), 0);
    must_eq(say(w, "3"), 0);
    must_eq(say(w, "4"), 0);
    must_eq(t.n, 2);
    must_eq(say(w, "5"), 0); /* dead is full: it drops 1, and writes it */
    must_eq(t.n, 4);
    must_eq(t.result, 0);
    t.more = NULL;
    must_eq(stats_of(s, "p").queue.dropped, 3);
    must_eq(stats_of(s, "dead").queue.dropped, 1);
    (void)dead;
    weir_store_writer_free(t.w);
    weir_store_writer_free(w);
    weir_store_reader_free(dead);
    weir_store_free(s);
}
END_TEST

static void write_again(struct told *t)
{
    t->result = say(t->w, "again");
    must_eq(weir_store_broadcast(t->s, "", "again", 5, WEIR_STORE_DROP_OLDEST,
                                 NULL, NULL),
            0);
}

/* One who writes to the path that has just dropped does not go on for ever. */
START_TEST(a_write_from_within_is_refused)
{
    struct told t = {.more = write_again};
    weir_store *s = told_of(
        &t, (weir_store_channel_opts){.buffer_size = 1,
                                      .policy = WEIR_DROP_OLDEST,
                                      .all_readers = _i == 1,
                                      .persistent = _i == 2,
                                      .keep_messages = _i == 2 ? 1 : 0});
    weir_store_reader *r = reader_of(s, "p");

    t.s = s;
    t.w = writer_of(s, "p");
    must_eq(say(t.w, "1"), 0);
    must_eq(say(t.w, "2"), 0);
    must_eq(t.n, 1);
    must_eq(t.result, WEIR_FULL);
    if (_i == 2)
        must_eq(read_code(r), WEIR_LAGGED);
    hear(r, "2");
    t.more = NULL;
    weir_store_writer_free(t.w);
    weir_store_reader_free(r);
    weir_store_free(s);
}
END_TEST

static void close_reader(struct told *t)
{
    must_eq(weir_store_reader_close(t->r), 0);
}

START_TEST(a_callback_may_close_what_dropped)
{
    struct told t = {.more = close_reader};
    weir_store *s =
        told_of(&t, (weir_store_channel_opts){.buffer_size = 1,
                                              .policy = WEIR_DROP_OLDEST,
                                              .all_readers = true});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *other = reader_of(s, "p");

    t.s = s;
    t.r = reader_of(s, "p");
    must_eq(say(w, "1"), 0);
    hear(other, "1");
    must_eq(say(w, "2"), 0);
    must_eq(t.by[WEIR_DROP_FIRST], 1);
    must_eq(t.by[WEIR_DROP_LEFT], 1);
    hear(other, "2");
    t.more = NULL;
    weir_store_writer_free(w);
    weir_store_reader_free(other);
    weir_store_reader_free(t.r);
    weir_store_free(s);
}
END_TEST

/* Ends what it is called from, by any of the ways there are. */
static int way;

static void end_it(struct told *t)
{
    if (way == 0)
        must_eq(weir_store_writer_close(t->w), 0);
    else if (way == 1)
        must_eq(weir_store_delete(t->s, "p"), 0);
    else
        must_eq(weir_store_close(t->s), 0);
}

START_TEST(a_callback_may_end_its_source)
{
    struct told t = {.more = end_it};
    weir_store *s =
        told_of(&t, (weir_store_channel_opts){.buffer_size = 1,
                                              .policy = WEIR_DROP_OLDEST,
                                              .all_readers = _i % 3 == 1,
                                              .persistent = _i % 3 == 2,
                                              .keep_messages = 1});
    weir_store_reader *r = reader_of(s, "p");
    int code;

    way = _i / 3;
    t.s = s;
    t.w = writer_of(s, "p");
    must_eq(say(t.w, "1"), 0);
    must_eq(say(t.w, "2"), 0); /* 1 went, and 2 was in before that was told */
    must_eq(t.n, 1);
    must_eq(say(t.w, "3"), WEIR_CLOSED);
    code = read_code(r);
    if (code == WEIR_LAGGED)
        code = read_code(r);
    must_eq(code, 1);
    must_eq(read_code(r), WEIR_CLOSED);
    t.more = NULL;
    weir_store_writer_free(t.w);
    weir_store_reader_free(r);
    weir_store_free(s);
}
END_TEST

/* While it is at the first queue, this one and the next leave, and a writer
 * clears them away: it goes on at the third. */
static struct crew *helpers;
static weir_store_reader *leaving[2];

static void leave_and_clear_away(struct told *t)
{
    struct call c = {.w = t->w};

    t->more = NULL;
    weir_store_reader_free(leaving[0]);
    weir_store_reader_free(leaving[1]);
    crew_go(helpers, call_party, &c);
    crew_wait(helpers);
    must_eq(c.result, 0);
}

BEHAVIOUR(a_broadcast_goes_on_when_queues_go)
{
    struct told t = {.more = leave_and_clear_away};
    weir_store *s = told_of(
        &t, (weir_store_channel_opts){.buffer_size = 1, .all_readers = true});
    weir_store_reader *stays;
    weir_store_account got;

    helpers = crew;
    leaving[0] = reader_of(s, "p");
    t.s = s;
    t.w = writer_of(s, "p");
    must_eq(say(t.w, "old"), 0); /* the first is full, the others are not */
    leaving[1] = reader_of(s, "p");
    stays = reader_of(s, "p");
    must_eq(weir_store_broadcast(s, "", "new", 3, WEIR_STORE_DROP_OLDEST, NULL,
                                 &got),
            0);
    must_eq(got.sent, 1);
    must_eq(got.dropped, 2);
    hear(stays, "new"); /* it made room in a queue that the writer had filled */
    must_eq(t.by[WEIR_DROP_LEFT], 1);
    must_eq(stats_of(s, "p").readers, 1);
    weir_store_writer_free(t.w);
    weir_store_reader_free(stays);
    weir_store_free(s);
}

/* ---- a limit in bytes ---------------------------------------------------- */

BEHAVIOUR(a_queue_has_a_limit_in_bytes)
{
    weir_store *s = store_of(&(weir_store_channel_opts){
        .buffer_bytes = 8, .all_readers = crew->mode % 2 == 0});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r = reader_of(s, "p");
    struct call c = {.w = w};
    int i;

    must_eq(say(w, "123456789"), WEIR_LIMIT);
    must_eq(say(w, "12345678"), 0);
    for (i = 0; i < 20; i++)
        must_eq(say(w, ""), 0); /* nothing counts for nothing */
    must_eq(stats_of(s, "p").queue.bytes, 8);
    must_eq(stats_of(s, "p").queue.max_bytes, 8);
    call_start(crew, &c);
    await_blocked(s, "p", 1);
    hear(r, "12345678");
    crew_wait(crew);
    must_eq(c.result, 0);
    for (i = 0; i < 20; i++)
        hear(r, "");
    hear(r, "late");
    must_eq(stats_of(s, "p").queue.bytes, 0);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
}

START_TEST(bytes_that_are_full_are_met_by_the_policy)
{
    struct told t = {0};
    weir_store_channel_opts o = {.buffer_bytes = 6};
    weir_store *s;
    weir_store_writer *w;
    weir_store_reader *r;
    weir_store_account got;

    o.policy = WEIR_DROP_OLDEST;
    s = told_of(&t, o);
    w = writer_of(s, "p");
    must_eq(say(w, "11"), 0);
    must_eq(say(w, "22"), 0);
    must_eq(say(w, "33"), 0);
    must_eq(say(w, "4444"), 0); /* takes two */
    must_eq(t.by[WEIR_DROP_FIRST], 2);
    r = reader_of(s, "p");
    hear(r, "33");
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);

    t = (struct told){0};
    o.policy = WEIR_DROP;
    s = told_of(&t, o);
    w = writer_of(s, "p");
    must_eq(say(w, "1111"), 0);
    must_eq(weir_store_broadcast(s, "", "222", 3, WEIR_STORE_SKIP, NULL, &got),
            0);
    must_eq(got.full, 1); /* not dropped in silence */
    must_eq(t.n, 0);
    must_eq(weir_store_broadcast(s, "", "22", 2, WEIR_STORE_SKIP, NULL, &got),
            0);
    must_eq(got.sent, 1);
    must_eq(
        weir_store_broadcast(s, "", "7777777", 7, WEIR_STORE_SKIP, NULL, &got),
        0);
    must_eq(got.failed, 1);
    must_eq(got.err, WEIR_LIMIT);
    must_eq(say(w, "333"), 0);
    must_eq(t.by[WEIR_DROP_NEWEST], 1);
    weir_store_writer_free(w);
    weir_store_free(s);
}
END_TEST

/* ---- all at once --------------------------------------------------------- */

struct party_of {
    weir_store *s;
    weir_store_writer *w;
    int n;
};

static void write_some(void *arg)
{
    struct party_of *a = arg;
    int i;

    for (i = 0; i < a->n; i++)
        must_eq(weir_store_write(a->w, &i, sizeof i, NULL), 0);
}

static void read_and_leave(void *arg)
{
    struct party_of *a = arg;
    int i, value;

    for (i = 0; i < a->n / 10; i++) {
        weir_store_reader *r = reader_of(a->s, "p");
        weir_ctx done = WEIR_CTX_INIT;

        must_eq(weir_ctx_cancel(&done, 0), 0);
        (void)weir_store_read(r, &value, sizeof value, &done);
        weir_store_reader_free(r);
        must_eq(weir_ctx_fini(&done), 0);
    }
}

static void shout_some(void *arg)
{
    struct party_of *a = arg;
    int i;

    for (i = 0; i < a->n; i++)
        must_eq(weir_store_broadcast(a->s, "", &i, sizeof i,
                                     WEIR_STORE_DROP_OLDEST, NULL, NULL),
                0);
}

BEHAVIOUR(as_many_are_told_as_were_dropped)
{
    struct told t = {0};
    weir_store *s = told_of(
        &t,
        (weir_store_channel_opts){.buffer_size = 3,
                                  .policy = WEIR_DROP_OLDEST,
                                  .buffer_bytes = crew->mode == MIXED ? 10 : 0,
                                  .all_readers = crew->mode != MIXED});
    struct party_of a = {s, writer_of(s, "p"), check_scale(500)};
    weir_store_stats st;
    int i;

    t.s = s;
    for (i = 0; i < 2; i++) {
        crew_go(crew, write_some, &a);
        crew_go(crew, read_and_leave, &a);
        crew_go(crew, shout_some, &a);
    }
    crew_wait(crew);
    st = stats_of(s, "p");
    must_eq(t.n, st.queue.dropped);
    for (i = 0; i < WEIR_DROPS; i++)
        must_eq(t.by[i], st.queue.dropped_by[i]);
    must(t.n > 0);
    weir_store_writer_free(a.w);
    weir_store_free(s);
}

CHECK_MAIN(CHECK_LOOP(each_policy_tells_what_it_drops, 2),
           CHECK_LOOP(a_broadcast_that_makes_room_tells, 2),
           CHECK_TEST(a_log_tells_what_its_limits_took),
           CHECK_TEST(what_a_reader_leaves_is_told),
           CHECK_TEST(what_nobody_read_is_told_when_the_path_goes),
           CHECK_LOOP(a_dead_letter_path, 3),
           CHECK_LOOP(a_write_from_within_is_refused, 3),
           CHECK_TEST(a_callback_may_close_what_dropped),
           CHECK_LOOP(a_callback_may_end_its_source, 9),
           CHECK_MODES(a_broadcast_goes_on_when_queues_go),
           CHECK_MODES(a_queue_has_a_limit_in_bytes),
           CHECK_TEST(bytes_that_are_full_are_met_by_the_policy),
           CHECK_MODES(as_many_are_told_as_were_dropped))
