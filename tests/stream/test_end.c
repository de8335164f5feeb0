/* SPDX-License-Identifier: MIT */
/*
 * How streams end: close, close with an error, cancel, the close of a reader,
 * shutdown and removal; each ends the waits that it should, and no others.
 */
#include "streams.h"

struct waiter {
    weir_reader *r;
    weir_ctx *ctx;
    ptrdiff_t want;
};

static void read_until(void *arg)
{
    struct waiter *w = arg;
    char c;

    must_eq(weir_reader_read(w->r, &c, 1, w->ctx), w->want);
}

static void read_at_until(void *arg)
{
    struct waiter *w = arg;
    char buf[100];

    must_eq(weir_reader_read_at(w->r, buf, 100, 0, 100, w->ctx), w->want);
}

static void seek_end_until(void *arg)
{
    struct waiter *w = arg;

    must_eq(weir_reader_seek(w->r, -2, SEEK_END, w->ctx), w->want);
}

/* ---- the writer's end ---------------------------------------------------- */

OVER_EACH(a_writers_failure_comes_after_the_data)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s), *late;
    char buf[9];

    put_text(s, "data");
    must_eq(weir_stream_close_with(s, -EIO), 0);
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_stream_close_with(s, -EPIPE), 0);
    must_read(r, "data");
    must_eq(weir_reader_read(r, buf, 9, NULL), -EIO);
    must_eq(weir_reader_read(r, buf, 9, NULL), -EIO);
    must_eq(weir_reader_read_at(r, buf, 9, 1, 9, NULL), 3);
    must_eq(weir_reader_read_at(r, buf, 9, 4, 9, NULL), -EIO);
    late = reader_of(s);
    must_read(late, "data");
    must_eq(weir_reader_read(late, buf, 9, NULL), -EIO);
    weir_reader_free(late);
    weir_reader_free(r);
    weir_stream_unref(s);
    (void)crew;
}

OVER_EACH(a_writers_failure_ends_waits)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    struct waiter w = {r, NULL, -EPIPE};

    crew_go(crew, read_until, &w);
    until_waiting(s, 1);
    must_eq(weir_stream_close_with(s, -EPIPE), 0);
    crew_wait(crew);
    weir_reader_free(r);
    weir_stream_unref(s);
}

/* ---- cancel -------------------------------------------------------------- */

OVER_EACH(cancel_ends_all_at_once)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s), *more = reader_of(s), *none;
    struct waiter w = {r, NULL, -ECANCELED};
    char c;

    put_text(s, "x");
    must_read(r, "x");
    crew_go(crew, read_until, &w);
    crew_go(crew, read_at_until, &w);
    crew_go(crew, seek_end_until, &w);
    until_waiting(s, 3);
    must_eq(weir_stream_cancel(s, -ECANCELED), 0);
    crew_wait(crew);
    must_eq(weir_stream_cancel(s, -EPIPE), 0);
    must_eq(weir_reader_read(more, &c, 1, NULL), -ECANCELED);
    must_eq(weir_reader_read_at(more, &c, 1, 0, 1, NULL), -ECANCELED);
    must_eq(weir_reader_seek(more, 0, SEEK_SET, NULL), -ECANCELED);
    must_eq(weir_reader_size(more, NULL), -ECANCELED);
    must_eq(weir_stream_write(s, "x", 1, NULL), -ECANCELED);
    must_eq(weir_stream_next_reader(s, &none), -ECANCELED);
    must(none == NULL);
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_stream_remove(s, NULL), 0);
    weir_reader_free(more);
    weir_reader_free(r);
    weir_stream_unref(s);
}

OVER_EACH(a_cancel_without_a_code_is_canceled)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    char c;

    put_text(s, "x");
    must_eq(weir_stream_cancel(s, 0), 0);
    must_eq(weir_reader_read(r, &c, 1, NULL), WEIR_CANCELED);
    must_eq(weir_stream_write(s, "x", 1, NULL), WEIR_CANCELED);
    weir_stream_unref(s);
    weir_reader_free(r);
    (void)crew;
}

/* ---- a reader's end ------------------------------------------------------ */

OVER_EACH(close_of_a_reader_ends_its_own_calls)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s), *other = reader_of(s);
    struct waiter w = {r, NULL, WEIR_CLOSED}, end = {other, NULL, 0};
    weir_loan loan;
    char c;

    crew_go(crew, read_until, &w);
    crew_go(crew, read_at_until, &w);
    crew_go(crew, seek_end_until, &w);
    crew_go(crew, read_until, &end);
    until_waiting(s, 4);
    must_eq(weir_reader_close(r), 0);
    must_eq(weir_reader_close(r), 0);
    while (counts_of(s).readers > 1)
        weir_yield();
    must_eq(counts_of(s).waiting, 1);
    must_eq(weir_reader_read(r, &c, 1, NULL), WEIR_CLOSED);
    must_eq(weir_reader_read_at(r, &c, 1, 0, 1, NULL), WEIR_CLOSED);
    must_eq(weir_reader_borrow(r, &loan, 0, NULL), WEIR_CLOSED);
    must_eq(weir_reader_seek(r, 0, SEEK_SET, NULL), WEIR_CLOSED);
    must_eq(weir_reader_size(r, NULL), 0);
    must_eq(weir_stream_close(s), 0);
    crew_wait(crew);
    weir_reader_free(other);
    weir_reader_free(r);
    weir_stream_unref(s);
}

/* ---- contexts ------------------------------------------------------------ */

OVER_EACH(every_wait_has_a_context)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    weir_ctx ctx = WEIR_CTX_INIT;
    struct waiter w = {r, &ctx, WEIR_CANCELED};
    char c;

    crew_go(crew, read_until, &w);
    crew_go(crew, read_at_until, &w);
    crew_go(crew, seek_end_until, &w);
    until_waiting(s, 3);
    must_eq(weir_ctx_cancel(&ctx, 0), 0);
    crew_wait(crew);
    must_eq(counts_of(s).waiting, 0);
    put_text(s, "x");
    must_eq(weir_reader_read(r, &c, 1, &ctx), 1);
    must_eq(weir_reader_read(r, &c, 1, &ctx), WEIR_CANCELED);
    must_eq(weir_stream_remove(s, &ctx), WEIR_CANCELED);
    must_eq(weir_ctx_fini(&ctx), 0);
    weir_reader_free(r);
    weir_stream_unref(s);
}

OVER_EACH(remove_and_read_have_deadlines)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);
    weir_ctx ctx;
    char c;

    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_stream_remove(s, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_reader_read(r, &c, 1, &ctx), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    put_text(s, "still open");
    must_read(r, "still open");
    weir_reader_free(r);
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_stream_remove(s, NULL), 0);
    weir_stream_unref(s);
    (void)crew;
}

/* ---- removal and shutdown ------------------------------------------------ */

struct removal {
    weir_stream *s;
    atomic_bool done;
};

static void remove_it(void *arg)
{
    struct removal *m = arg;

    must_eq(weir_stream_remove(m->s, NULL), 0);
    atomic_store(&m->done, true);
}

static int try_reader(weir_stream *s)
{
    weir_reader *r;
    int err = weir_stream_next_reader(s, &r);

    weir_reader_free(r);
    return err;
}

OVER_EACH(remove_waits_for_writer_and_readers)
{
    weir_stream *s = stream_on(fs, "a"), *again;
    weir_reader *r = reader_of(s);
    struct removal m = {s, false};

    crew_go(crew, remove_it, &m);
    while (try_reader(s) != WEIR_REMOVING)
        weir_yield();
    put_text(s, "both go on");
    must_eq(weir_stream_close(s), 0);
    must_eq(weir_stream_new(fs, "a", NULL, &again), -EEXIST);
    must_read(r, "both go on");
    must_end(r);
    settle();
    must(!atomic_load(&m.done));
    weir_reader_free(r);
    crew_wait(crew);
    must_eq(weir_stream_remove(s, NULL), 0);
    must_eq(try_reader(s), WEIR_REMOVING);
    again = stream_on(fs, "a");
    must_eq(counts_of(again).written, 0);
    weir_stream_unref(again);
    must_eq(fs->ops->remove(fs, "a"), 0);
    weir_stream_unref(s);
}

static void shut_down(void *arg)
{
    must_eq(weir_stream_shutdown(arg, -ESHUTDOWN, NULL), 0);
}

OVER_EACH(shutdown_turns_new_readers_away)
{
    weir_stream *s = stream_on(fs, "a");
    weir_reader *r = reader_of(s);

    put_text(s, "x");
    crew_go(crew, shut_down, s);
    while (try_reader(s) != -ESHUTDOWN)
        weir_yield();
    must_read(r, "x");
    must_eq(weir_stream_close(s), 0);
    weir_reader_free(r);
    crew_wait(crew);
    must_eq(weir_stream_shutdown(s, -EPIPE, NULL), 0);
    must_eq(try_reader(s), -ESHUTDOWN);
    weir_stream_unref(s);
}

CHECK_MAIN(CHECK_MODES(a_writers_failure_comes_after_the_data),
           CHECK_MODES(a_writers_failure_ends_waits),
           CHECK_MODES(cancel_ends_all_at_once),
           CHECK_MODES(a_cancel_without_a_code_is_canceled),
           CHECK_MODES(close_of_a_reader_ends_its_own_calls),
           CHECK_MODES(every_wait_has_a_context),
           CHECK_MODES(remove_and_read_have_deadlines),
           CHECK_MODES(remove_waits_for_writer_and_readers),
           CHECK_MODES(shutdown_turns_new_readers_away))
