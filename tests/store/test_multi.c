/* SPDX-License-Identifier: MIT */
/* Several stores as one: what is needed, who took it, where it is read. */
#include <errno.h>
#include <weir/store_multi.h>
#include "base/mem.h"
#include "stores.h"

/* A store below, whose paths can be made to fail from outside. */
static weir_store *below(size_t room)
{
    return store_of(&(weir_store_channel_opts){
        .persistent = true, .keep_bytes = room}); /* above: WEIR_LIMIT */
}

static weir_store *multi_of(weir_store *const *stores, size_t n,
                            enum weir_store_need need, size_t quorum)
{
    const weir_store_multi_opts o = {.need = need, .quorum = quorum};
    weir_store *s;

    must_eq(weir_store_multi(&s, stores, n, &o), 0);
    return s;
}

static weir_store_share share_of(weir_store *s, size_t i)
{
    weir_store_share shares[8];

    must(weir_store_shares(s, shares, 8) > (ptrdiff_t)i);
    return shares[i];
}

BEHAVIOUR(all_have_what_was_written)
{
    weir_store *in[3] = {below(0), below(0), below(0)};
    weir_store *s = multi_of(in, 3, WEIR_STORE_ALL, 0);
    weir_store_writer *w = writer_of(s, "p");
    int codes[3] = {1, 1, 1}, i;

    must_eq(say(w, "one"), 0);
    must_eq(weir_store_write_each(w, "two", 3, NULL, codes, 3), 0);
    for (i = 0; i < 3; i++) {
        weir_store_reader *r = reader_of(in[i], "p");

        must_eq(codes[i], 0);
        hear(r, "one");
        hear(r, "two");
        weir_store_reader_free(r);
        must_eq(share_of(s, (size_t)i).taken, 2);
        must_eq(share_of(s, (size_t)i).failed, 0);
        must_eq(share_of(s, (size_t)i).err, 0);
    }
    must_eq(weir_store_writer_close(w), 0);
    for (i = 0; i < 3; i++)
        must(stats_of(in[i], "p").ended);
    weir_store_writer_free(w);
    weir_store_free(s);
    (void)crew;
}

START_TEST(all_stops_at_the_first_failure)
{
    weir_store *in[3] = {below(0), below(2), below(0)};
    weir_store *s = multi_of(in, 3, WEIR_STORE_ALL, 0);
    weir_store_writer *w = writer_of(s, "p");
    int codes[3];

    must_eq(weir_store_write_each(w, "long", 4, NULL, codes, 3), WEIR_LIMIT);
    must_eq(codes[0], 0);
    must_eq(codes[1], WEIR_LIMIT);
    must_eq(codes[2], WEIR_CANCELED);
    must_eq(share_of(s, 1).failed, 1);
    must_eq(share_of(s, 1).err, WEIR_LIMIT);
    must_eq(share_of(s, 2).skipped, 1);
    must_eq(stats_of(in[2], "p").written, 0);
    must_eq(say(w, "ok"), 0);
    must_eq(share_of(s, 1).taken, 1);
    weir_store_writer_free(w);
    weir_store_free(s);
}
END_TEST

START_TEST(best_effort_needs_one)
{
    weir_store *in[3] = {below(2), below(0), below(2)};
    weir_store *s = multi_of(in, 3, WEIR_STORE_BEST_EFFORT, 0);
    weir_store_writer *w = writer_of(s, "p");
    int codes[3];

    must_eq(weir_store_write_each(w, "long", 4, NULL, codes, 3), 0);
    must_eq(codes[0], WEIR_LIMIT);
    must_eq(codes[1], 0);
    must_eq(codes[2], WEIR_LIMIT);
    must_eq(weir_store_delete(in[1], "p"), 0);
    must_eq(weir_store_write_each(w, "long", 4, NULL, codes, 3), WEIR_LIMIT);
    must_eq(codes[1], WEIR_CLOSED);
    must_eq(share_of(s, 1).taken, 1);
    must_eq(share_of(s, 1).failed, 1);
    must_eq(share_of(s, 1).err, WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_free(s);
}
END_TEST

START_TEST(a_quorum_is_more_than_half)
{
    weir_store *in[4] = {below(1), below(2), below(3), below(4)};
    weir_store *s =
        multi_of(in, 4, WEIR_STORE_QUORUM, _i == 0 ? 0 : (size_t)_i);
    weir_store_writer *w = writer_of(s, "p");
    const int quorum = _i == 0 ? 3 : _i;
    int size;

    for (size = 1; size <= 4; size++) /* 4 - size + 1 of them take it */
        must_eq(weir_store_write(w, "1234", (size_t)size, NULL),
                4 - size + 1 >= quorum ? 0 : WEIR_LIMIT);
    must_eq(share_of(s, 0).taken, 1);
    must_eq(share_of(s, 0).failed, 3);
    must_eq(share_of(s, 3).taken, 4);
    weir_store_writer_free(w);
    weir_store_free(s);
}
END_TEST

/* A store in which no writer can be opened counts as failed from then on. */
START_TEST(a_writer_that_cannot_be_opened_everywhere)
{
    static const struct {
        enum weir_store_need need;
        int bad, result;
    } rows[] = {{WEIR_STORE_ALL, 1, WEIR_CLOSED},
                {WEIR_STORE_QUORUM, 1, 0},
                {WEIR_STORE_QUORUM, 2, WEIR_CLOSED},
                {WEIR_STORE_BEST_EFFORT, 2, 0},
                {WEIR_STORE_BEST_EFFORT, 3, WEIR_CLOSED}};
    weir_store *in[3] = {below(0), below(0), below(0)}, *s;
    weir_store_writer *w;
    int i, codes[3];

    for (i = 2; i > 2 - rows[_i].bad; i--)
        weir_store_writer_free(writer_of(in[i], "p"));
    s = multi_of(in, 3, rows[_i].need, 0);
    must_eq(weir_store_writer_open(&w, s, "p"), rows[_i].result);
    if (w == NULL) { /* those that could be have been left open */
        for (i = 0; i < 3 - rows[_i].bad; i++) {
            must(!stats_of(in[i], "p").ended);
            must_eq(stats_of(in[i], "p").writers, 0);
        }
    } else {
        must_eq(weir_store_write_each(w, "x", 1, NULL, codes, 3), 0);
        must_eq(codes[0], 0);
        must_eq(codes[2], WEIR_CLOSED);
        must_eq(share_of(s, 2).failed, 1);
        must_eq(weir_store_writer_close(w), 0);
        must(stats_of(in[0], "p").ended);
    }
    weir_store_writer_free(w);
    weir_store_free(s);
}
END_TEST

START_TEST(it_reads_from_the_first_that_has_it)
{
    weir_store *in[2] = {below(0), below(0)};
    weir_store *s = multi_of(in, 2, WEIR_STORE_ALL, 0);
    weir_store_writer *second = writer_of(in[1], "only/second"), *both;
    weir_store_reader *r;
    weir_store_names names;
    weir_store_counts counts;
    weir_store_stats st;
    char b;

    must_eq(say(second, "here"), 0);
    r = reader_of(s, "only/second");
    hear(r, "here");
    must_eq(weir_store_exists(in[0], "only/second"), 0);
    weir_store_reader_free(r);
    weir_store_writer_free(second);

    both = writer_of(s, "both");
    must_eq(say(both, "message"), 0);
    r = reader_of(s, "both");
    must_eq(weir_store_read(r, &b, 1, NULL), 1);
    must_eq(weir_store_rest(r), 6);
    hear(r, "essage");
    must_eq(stats_of(in[0], "both").readers, 1);
    must_eq(stats_of(in[1], "both").readers, 0);
    weir_store_reader_free(r);

    r = reader_of(s, "new"); /* nobody has it: the first makes it */
    must_eq(weir_store_exists(in[0], "new"), 1);
    must_eq(weir_store_exists(in[1], "new"), 0);
    weir_store_reader_free(r);

    must_eq(weir_store_exists(s, "only/second"), 1);
    must_eq(weir_store_exists(s, "none"), 0);
    must_eq(weir_store_list(s, "", &names), 0);
    must_eq(names.n, 3);
    must(strcmp(names.names[0], "both") == 0);
    must(strcmp(names.names[1], "new") == 0);
    must(strcmp(names.names[2], "only/second") == 0);
    weir_store_names_free(&names);
    must_eq(weir_store_count(s, &counts), 0);
    must(counts.open == 2 && counts.closed == 1);
    must_eq(stats_of(s, "both").written, 1);
    must_eq(weir_store_get_stats(s, "none", &st), -ENOENT);
    must_eq(weir_store_delete(s, "both"), 0);
    must_eq(weir_store_exists(in[0], "both"), 0);
    must_eq(weir_store_exists(in[1], "both"), 0);
    weir_store_writer_free(both);
    weir_store_free(s);
}
END_TEST

/* The first has it and cannot give it: the next one does. */
START_TEST(it_reads_from_the_next_one_if_need_be)
{
    weir_store *in[2] = {below(0), below(0)};
    weir_store *s = multi_of(in, 2, WEIR_STORE_ALL, 0);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r;

    must_eq(say(w, "x"), 0);
    must_eq(weir_store_close(in[0]), 0); /* has p, and opens no more readers */
    r = reader_of(s, "p");
    hear(r, "x");
    weir_store_reader_free(r);
    weir_store_writer_free(w);
    must_eq(weir_store_close(s), 0);
    must_eq(weir_store_reader_open(&r, s, "p"), WEIR_CLOSED);
    must_eq(weir_store_writer_open(&w, s, "q"), WEIR_CLOSED);
    weir_store_free(s);
}
END_TEST

START_TEST(a_broadcast_goes_to_all)
{
    weir_store *in[2] = {below(0), below(2)};
    weir_store *s = multi_of(in, 2, WEIR_STORE_ALL, 0);
    weir_store_reader *a = reader_of(in[0], "a"), *b = reader_of(in[1], "b");
    weir_store_account got;

    must_eq(weir_store_broadcast(s, "", "hi", 2, WEIR_STORE_SKIP, NULL, &got),
            0);
    must_eq(got.matched, 2);
    must_eq(got.sent, 2);
    must_eq(weir_store_broadcast(s, "", "long", 4, WEIR_STORE_SKIP, NULL, &got),
            0);
    must_eq(got.sent, 1);
    must_eq(got.failed, 1);
    must_eq(got.err, WEIR_LIMIT);
    hear(a, "hi");
    hear(b, "hi");
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_free(s);
}
END_TEST

BEHAVIOUR(a_slow_store_can_be_given_up)
{
    weir_store *in[2] = {
        below(0), store_of(&(weir_store_channel_opts){.buffer_size = 1})};
    weir_store *s = multi_of(in, 2, WEIR_STORE_BEST_EFFORT, 0);
    weir_store_writer *w = writer_of(s, "p");
    weir_ctx ctx = WEIR_CTX_INIT;
    struct call c = {.w = w, .ctx = &ctx}, closed = {.w = w};

    must_eq(say(w, "fills"), 0);
    call_start(crew, &c);
    await_blocked(in[1], "p", 1);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    must_eq(c.result, 0); /* the first one has it */
    must_eq(share_of(s, 1).err, WEIR_CANCELED);
    call_start(crew, &closed);
    await_blocked(in[1], "p", 2);
    must_eq(weir_store_writer_close(w), 0);
    crew_wait(crew);
    must_eq(closed.result, 0);
    must_eq(share_of(s, 1).err, WEIR_CLOSED);
    must_eq(weir_ctx_fini(&ctx), 0);
    weir_store_writer_free(w);
    weir_store_free(s);
}

/* ---- one order ----------------------------------------------------------- */

struct job {
    weir_store_writer *w;
    int id, n;
};

static void write_many(void *arg)
{
    const struct job *j = arg;
    int i;

    for (i = 0; i < j->n; i++) {
        const int value = j->id * 1000000 + i;

        must_eq(weir_store_write(j->w, &value, sizeof value, NULL), 0);
    }
}

BEHAVIOUR(one_writer_has_one_order_everywhere)
{
    weir_store *in[2] = {below(0), below(0)};
    weir_store *s = multi_of(in, 2, WEIR_STORE_QUORUM, 0);
    weir_store_writer *w = writer_of(s, "p");
    const int n = check_scale(5000);
    struct job jobs[3];
    weir_store_reader *a, *b;
    int i, x, y;

    for (i = 0; i < 3; i++) {
        jobs[i] = (struct job){w, i, n};
        crew_go(crew, write_many, &jobs[i]);
    }
    crew_wait(crew);
    a = reader_of(in[0], "p");
    b = reader_of(in[1], "p");
    for (i = 0; i < 3 * n; i++) {
        must_eq(weir_store_read(a, &x, sizeof x, NULL), sizeof x);
        must_eq(weir_store_read(b, &y, sizeof y, NULL), sizeof y);
        must_eq(x, y);
    }
    must_eq(share_of(s, 1).taken, (uint64_t)(3 * n));
    weir_store_writer_free(w);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_free(s);
}

/* ---- making one ---------------------------------------------------------- */

START_TEST(nothing_is_left_out_but_nulls)
{
    weir_store *in[4] = {NULL, below(0), NULL, below(0)}, *outer, *s;
    weir_store_writer *w;
    weir_store_share shares[3];

    s = multi_of(in, 4, WEIR_STORE_ALL, 0);
    must_eq(weir_store_shares(s, NULL, 0), 2);
    outer = multi_of(&s, 1, WEIR_STORE_ALL, 0); /* of one that is several */
    w = writer_of(outer, "p");
    must_eq(say(w, "x"), 0);
    must_eq(weir_store_shares(outer, shares, 3), 1);
    must_eq(shares[0].taken, 1);
    must_eq(share_of(s, 1).taken, 1);
    weir_store_writer_leave(w);
    must(!stats_of(outer, "p").ended);
    w = writer_of(outer, "p"); /* and outlives the store */
    weir_store_free(outer);
    must_eq(say(w, "no"), WEIR_CLOSED);
    weir_store_writer_free(w);
}
END_TEST

START_TEST(bad_calls)
{
    weir_store *one = below(0), *twice[2] = {one, one}, *none[2] = {NULL, NULL};
    const weir_store_multi_opts odd = {.need = (enum weir_store_need)7};
    const weir_store_multi_opts many = {WEIR_STORE_QUORUM, 2};
    const weir_store_multi_opts vain = {WEIR_STORE_ALL, 1};
    weir_store *s;
    weir_store_writer *w, *plain = writer_of(one, "p");
    int codes[2];

    must_eq(weir_store_multi(NULL, &one, 1, NULL), WEIR_EINVAL);
    must_eq(weir_store_multi(&s, NULL, 1, NULL), WEIR_EINVAL);
    must_eq(weir_store_multi(&s, &one, 0, NULL), WEIR_EINVAL);
    must_eq(weir_store_multi(&s, none, 2, NULL), WEIR_EINVAL);
    must_eq(weir_store_multi(&s, twice, 2, NULL), WEIR_EINVAL);
    must_eq(weir_store_multi(&s, &one, 1, &odd), WEIR_EINVAL);
    must_eq(weir_store_multi(&s, &one, 1, &many), WEIR_EINVAL);
    must_eq(weir_store_multi(&s, &one, 1, &vain), WEIR_EINVAL);
    must(s == NULL);
    must_eq(weir_store_shares(one, NULL, 0), WEIR_UNSUPPORTED);
    must_eq(weir_store_write_each(plain, "x", 1, NULL, codes, 1),
            WEIR_UNSUPPORTED);
    s = multi_of(&one, 1, WEIR_STORE_ALL, 0);
    w = writer_of(s, "p");
    must_eq(weir_store_write_each(w, "x", 1, NULL, codes, 2), WEIR_EINVAL);
    must_eq(weir_store_write_each(w, "x", 1, NULL, NULL, 1), WEIR_EINVAL);
    must_eq(weir_store_write_each(w, NULL, 1, NULL, codes, 1), WEIR_EINVAL);
    must_eq(weir_store_write_each(NULL, "x", 1, NULL, codes, 1), WEIR_EINVAL);
    must_eq(weir_store_write_each(w, "x", WEIR_STORE_MESSAGE_MAX + 1, NULL,
                                  codes, 1),
            WEIR_LIMIT);
    must_eq(weir_store_shares(NULL, NULL, 0), WEIR_EINVAL);
    must_eq(weir_store_shares(s, NULL, 1), WEIR_EINVAL);
    must_eq(weir_store_exists(s, ""), WEIR_EINVAL);
    weir_store_writer_free(plain);
    weir_store_writer_free(w);
    weir_store_free(s);
}
END_TEST

START_TEST(without_memory_the_stores_stay_the_callers)
{
    weir_store *in[2] = {below(0), below(0)}, *s;
    int n, err;

    for (n = 0, err = WEIR_ENOMEM; err; n++) {
        wr_mem_fail_after(n);
        err = weir_store_multi(&s, in, 2, NULL);
        wr_mem_fail_after(-1);
        must(err == 0 || (err == WEIR_ENOMEM && s == NULL));
    }
    must_eq(n, 3);
    weir_store_free(s);
}
END_TEST

/* Does all there is with n allocations; was that enough? */
static bool all_done(int64_t n)
{
    weir_store *in[2] = {below(0), below(0)};
    weir_store *s = multi_of(in, 2, WEIR_STORE_ALL, 0);
    weir_store_writer *w = NULL;
    weir_store_reader *r = NULL;
    weir_store_names names = {0};
    weir_store_counts c;
    int err;

    wr_mem_fail_after(n);
    err = weir_store_writer_open(&w, s, "p");
    err = err ? err : say(w, "x");
    err = err ? err : weir_store_reader_open(&r, s, "p");
    err = err ? err : weir_store_list(s, "", &names);
    err = err ? err : weir_store_count(s, &c);
    wr_mem_fail_after(-1);
    must(err == 0 || err == WEIR_ENOMEM);
    if (r != NULL)
        hear(r, "x");
    weir_store_names_free(&names);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
    return err == 0;
}

START_TEST(each_allocation_may_fail)
{
    int64_t n = 0;

    while (!all_done(n))
        must(++n < 200);
    must(n > 10);
}
END_TEST

CHECK_MAIN(CHECK_MODES(all_have_what_was_written),
           CHECK_TEST(all_stops_at_the_first_failure),
           CHECK_TEST(best_effort_needs_one),
           CHECK_LOOP(a_quorum_is_more_than_half, 5),
           CHECK_LOOP(a_writer_that_cannot_be_opened_everywhere, 5),
           CHECK_TEST(it_reads_from_the_first_that_has_it),
           CHECK_TEST(it_reads_from_the_next_one_if_need_be),
           CHECK_TEST(a_broadcast_goes_to_all),
           CHECK_MODES(a_slow_store_can_be_given_up),
           CHECK_MODES(one_writer_has_one_order_everywhere),
           CHECK_TEST(nothing_is_left_out_but_nulls), CHECK_TEST(bad_calls),
           CHECK_TEST(without_memory_the_stores_stay_the_callers),
           CHECK_TEST(each_allocation_may_fail))
