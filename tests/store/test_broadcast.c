/* SPDX-License-Identifier: MIT */
/* Broadcast: who got it, who was skipped and why. */
#include "base/mem.h"
#include "stores.h"

static const weir_store_channel_opts small = {.buffer_size = 1};

static weir_store_account shout(weir_store *s, const char *prefix,
                                enum weir_store_full full)
{
    weir_store_account a;

    must_eq(weir_store_broadcast(s, prefix, "all", 3, full, NULL, &a), 0);
    must_eq(a.matched, a.sent + a.full + a.closed + a.failed);
    return a;
}

BEHAVIOUR(it_reaches_every_open_path_with_the_prefix)
{
    weir_store *s = store_of(&small);
    weir_store_reader *a = reader_of(s, "sub/a"), *b = reader_of(s, "sub/b"),
                      *other = reader_of(s, "tub");
    weir_store_account got = shout(s, "sub/", WEIR_STORE_SKIP);

    must_eq(got.matched, 2);
    must_eq(got.sent, 2);
    hear(a, "all");
    hear(b, "all");
    got = shout(s, "", WEIR_STORE_SKIP);
    must_eq(got.sent, 3);
    hear(other, "all");
    got = shout(s, "none", WEIR_STORE_SKIP);
    must_eq(got.matched, 0);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_reader_free(other);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(it_says_who_was_skipped_and_why)
{
    weir_store *s = store_of(&small);
    weir_store_writer *full = writer_of(s, "full"), *end = writer_of(s, "end");
    weir_store_reader *r = reader_of(s, "free");
    weir_store_account got;

    must_eq(say(full, "x"), 0);
    must_eq(weir_store_writer_close(end), 0);
    got = shout(s, "", WEIR_STORE_SKIP);
    must_eq(got.matched, 3);
    must_eq(got.sent, 1);
    must_eq(got.full, 1);
    must_eq(got.closed, 1);
    must_eq(got.dropped, 0);
    must_eq(stats_of(s, "full").written, 1);
    hear(r, "all");
    weir_store_writer_free(full);
    weir_store_writer_free(end);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(it_makes_room_when_asked)
{
    weir_store *s = store_of(&small);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r = reader_of(s, "p");
    weir_store_account got;
    weir_store_stats st;

    must_eq(say(w, "old"), 0);
    got = shout(s, "p", WEIR_STORE_DROP_OLDEST);
    must_eq(got.sent, 1);
    must_eq(got.dropped, 1);
    st = stats_of(s, "p");
    must_eq(st.queue.dropped, 1);
    must_eq(st.queue.dropped_by[WEIR_DROP_FIRST], 1);
    must_eq(st.queue.received, 0);
    hear(r, "all");
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

struct wait {
    weir_store *s;
    weir_ctx *ctx;
    weir_store_account account;
};

static void shout_and_wait(void *arg)
{
    struct wait *a = arg;

    must_eq(weir_store_broadcast(a->s, "", "all", 3, WEIR_STORE_WAIT, a->ctx,
                                 &a->account),
            0);
}

BEHAVIOUR(it_waits_when_asked)
{
    weir_store *s = store_of(&small);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r = reader_of(s, "p");
    weir_ctx ctx = WEIR_CTX_INIT;
    struct wait a = {.s = s, .ctx = &ctx};

    must_eq(say(w, "first"), 0);
    crew_go(crew, shout_and_wait, &a);
    await_blocked(s, "p", 1);
    hear(r, "first");
    crew_wait(crew);
    must_eq(a.account.sent, 1);
    crew_go(crew, shout_and_wait, &a);
    await_blocked(s, "p", 2);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    must_eq(a.account.failed, 1);
    must_eq(a.account.err, WEIR_CANCELED);
    hear(r, "all");
    must_eq(weir_ctx_fini(&ctx), 0);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
}

BEHAVIOUR(it_names_the_first_other_failure)
{
    weir_store *s = store_of(
        &(weir_store_channel_opts){.persistent = true, .keep_bytes = 2});
    weir_store_reader *a = reader_of(s, "a"), *b = reader_of(s, "b");
    weir_store_account got = shout(s, "", WEIR_STORE_SKIP);

    must_eq(got.failed, 2);
    must_eq(got.err, WEIR_LIMIT);
    must_eq(stats_of(s, "a").written, 0);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_free(s);
    (void)crew;
}

/* With a writer in the middle of a wait it still does not wait itself. */
BEHAVIOUR(it_passes_a_writer_that_waits)
{
    weir_store *s = store_of(
        &(weir_store_channel_opts){.buffer_size = 1, .all_readers = true});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *slow = reader_of(s, "p"), *fast = reader_of(s, "p");
    struct call c = {.w = w};
    weir_store_account got;

    must_eq(say(w, "x"), 0);
    hear(fast, "x");
    call_start(crew, &c);
    await_blocked(s, "p", 1);
    got = shout(s, "", WEIR_STORE_SKIP);
    must_eq(got.full, 1);
    hear(fast, "all");
    hear(slow, "x");
    crew_wait(crew);
    hear(slow, "late");
    hear(fast, "late");
    weir_store_writer_free(w);
    weir_store_reader_free(slow);
    weir_store_reader_free(fast);
    weir_store_free(s);
}

/* A path that makes room by its own policy is not skipped; one that would
 * drop the new message is. */
BEHAVIOUR(the_policy_of_the_path_counts)
{
    const struct {
        enum weir_policy policy;
        size_t sent;
        const char *read;
    } rows[] = {{WEIR_BLOCK, 0, "x"},         {WEIR_DROP, 0, "x"},
                {WEIR_ERROR, 0, "x"},         {WEIR_SAMPLE, 0, "x"},
                {WEIR_DROP_OLDEST, 1, "all"}, {WEIR_LATEST, 1, "all"}};
    size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weir_store *s = store_of(&(weir_store_channel_opts){
            .buffer_size = 1, .policy = rows[i].policy});
        weir_store_writer *w = writer_of(s, "p");
        weir_store_reader *r = reader_of(s, "p");

        must_eq(say(w, "x"), 0);
        must_eq(shout(s, "", WEIR_STORE_SKIP).sent, rows[i].sent);
        hear(r, rows[i].read);
        weir_store_writer_free(w);
        weir_store_reader_free(r);
        weir_store_free(s);
    }
    (void)crew;
}

/* Where there is room a policy that would drop has nothing to say. */
START_TEST(a_path_with_room_is_sent_to)
{
    weir_store *s = store_of(
        &(weir_store_channel_opts){.buffer_size = 1, .policy = WEIR_DROP});
    weir_store_reader *r = reader_of(s, "p");
    weir_store_account got = shout(s, "", WEIR_STORE_SKIP);

    must_eq(got.sent, 1);
    got = shout(s, "", WEIR_STORE_SKIP);
    must_eq(got.full, 1);
    hear(r, "all");
    weir_store_reader_free(r);
    weir_store_free(s);
}
END_TEST

START_TEST(the_bytes_are_shared)
{
    weir_store *s = store_of(&small);
    weir_store_reader *r[50];
    weir_store_account got;
    char path[16];
    int i;

    for (i = 0; i < 50; i++) {
        snprintf(path, sizeof path, "p%d", i);
        r[i] = reader_of(s, path);
    }
    wr_mem_fail_after(2); /* the message, and the paths that it goes to */
    must_eq(weir_store_broadcast(s, "", "all", 3, WEIR_STORE_SKIP, NULL, &got),
            0);
    wr_mem_fail_after(-1);
    must_eq(got.sent, 50);
    for (i = 0; i < 50; i++) {
        hear(r[i], "all");
        weir_store_reader_free(r[i]);
    }
    weir_store_free(s);
}
END_TEST

/* Notes the paths at which a broadcast comes by. */
static void note_path(const char *path, const void *data, size_t size,
                      enum weir_drop reason, void *arg)
{
    strcat(arg, path);
    (void)data, (void)size, (void)reason;
}

START_TEST(it_goes_in_the_order_of_the_list)
{
    static const char *const paths[] = {"c", "a", "b/2", "b/10", "b"};
    char order[64] = "";
    weir_store *s =
        store_of(&(weir_store_channel_opts){.buffer_size = 1,
                                            .policy = WEIR_DROP_OLDEST,
                                            .on_drop = note_path,
                                            .arg = order});
    weir_store_writer *w[5];
    int i;

    for (i = 0; i < 5; i++) {
        w[i] = writer_of(s, paths[i]);
        must_eq(say(w[i], "full"), 0);
    }
    (void)shout(s, "", (enum weir_store_full)_i);
    must(strcmp(order, "abb/10b/2c") == 0);
    for (i = 0; i < 5; i++)
        weir_store_writer_free(w[i]);
    weir_store_free(s);
}
END_TEST

START_TEST(bad_calls)
{
    weir_store *s = store_of(NULL);

    must_eq(weir_store_broadcast(NULL, "", "x", 1, WEIR_STORE_SKIP, NULL, NULL),
            WEIR_EINVAL);
    must_eq(weir_store_broadcast(s, NULL, "x", 1, WEIR_STORE_SKIP, NULL, NULL),
            WEIR_EINVAL);
    must_eq(weir_store_broadcast(s, "\n", "x", 1, WEIR_STORE_SKIP, NULL, NULL),
            WEIR_EINVAL);
    must_eq(weir_store_broadcast(s, "", NULL, 1, WEIR_STORE_SKIP, NULL, NULL),
            WEIR_EINVAL);
    must_eq(weir_store_broadcast(s, "", "x", 1, (enum weir_store_full)3, NULL,
                                 NULL),
            WEIR_EINVAL);
    must_eq(weir_store_broadcast(s, "", "x", WEIR_STORE_MESSAGE_MAX + 1,
                                 WEIR_STORE_SKIP, NULL, NULL),
            WEIR_LIMIT);
    weir_store_free(s);
}
END_TEST

CHECK_MAIN(CHECK_MODES(it_reaches_every_open_path_with_the_prefix),
           CHECK_MODES(it_says_who_was_skipped_and_why),
           CHECK_MODES(it_makes_room_when_asked),
           CHECK_MODES(it_waits_when_asked),
           CHECK_MODES(it_names_the_first_other_failure),
           CHECK_MODES(it_passes_a_writer_that_waits),
           CHECK_MODES(the_policy_of_the_path_counts),
           CHECK_TEST(a_path_with_room_is_sent_to),
           CHECK_TEST(the_bytes_are_shared),
           CHECK_LOOP(it_goes_in_the_order_of_the_list, 3),
           CHECK_TEST(bad_calls))
