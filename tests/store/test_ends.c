/* SPDX-License-Identifier: MIT */
/* Whatever waits can be ended: by a context, by another's close, by its own. */
#include "stores.h"

static const weir_store_channel_opts small = {.buffer_size = 1};
static const weir_store_channel_opts all = {.buffer_size = 1,
                                            .all_readers = true};
static const weir_store_channel_opts keep = {.persistent = true};

BEHAVIOUR(a_blocked_writer_gets_an_error_when_another_closes)
{
    const weir_store_channel_opts *const kinds[] = {&small, &all};
    size_t i;

    for (i = 0; i < 2; i++) {
        weir_store *s = store_of(kinds[i]);
        weir_store_writer *w = writer_of(s, "p"), *other = writer_of(s, "p");
        struct call c = {.w = w};

        must_eq(say(other, "fills"), 0);
        call_start(crew, &c);
        await_blocked(s, "p", 1);
        must_eq(weir_store_writer_close(other), 0);
        crew_wait(crew);
        must_eq(c.result, WEIR_CLOSED);
        must_eq(stats_of(s, "p").written, 1);
        weir_store_writer_free(w);
        weir_store_writer_free(other);
        weir_store_free(s);
    }
}

BEHAVIOUR(writers_that_wait_their_turn_end_too)
{
    weir_store *s = store_of(&all);
    weir_store_writer *w = writer_of(s, "p");
    struct call calls[3];
    int i;

    must_eq(say(w, "fills"), 0);
    for (i = 0; i < 3; i++) {
        calls[i] = (struct call){.w = w};
        call_start(crew, &calls[i]);
    }
    await_blocked(s, "p", 1);
    must_eq(weir_store_delete(s, "p"), 0);
    crew_wait(crew);
    for (i = 0; i < 3; i++)
        must_eq(calls[i].result, WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_free(s);
}

BEHAVIOUR(close_ends_a_writers_own_blocked_call)
{
    weir_store *s = store_of(&small);
    weir_store_writer *w = writer_of(s, "p");
    struct call c = {.w = w};

    must_eq(say(w, "fills"), 0);
    call_start(crew, &c);
    await_blocked(s, "p", 1);
    must_eq(weir_store_writer_close(w), 0);
    crew_wait(crew);
    must_eq(c.result, WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_free(s);
}

BEHAVIOUR(close_ends_a_readers_own_blocked_call)
{
    const weir_store_channel_opts *const kinds[] = {&small, &all, &keep};
    size_t i;

    for (i = 0; i < 3; i++) {
        weir_store *s = store_of(kinds[i]);
        weir_store_writer *w = writer_of(s, "p");
        weir_store_reader *r = reader_of(s, "p"), *other = reader_of(s, "p");
        struct call first = {.r = r}, second = {.r = r};

        call_start(crew, &first);
        call_start(crew, &second);
        must_eq(weir_store_reader_close(r), 0);
        must_eq(weir_store_reader_close(r), 0);
        crew_wait(crew);
        must_eq(first.result, WEIR_CLOSED);
        must_eq(second.result, WEIR_CLOSED);
        must_eq(read_code(r), WEIR_CLOSED);
        must_eq(stats_of(s, "p").readers, 1);
        must_eq(say(w, "for the other"), 0);
        hear(other, "for the other");
        weir_store_writer_free(w);
        weir_store_reader_free(r);
        weir_store_reader_free(other);
        weir_store_free(s);
    }
}

BEHAVIOUR(a_context_ends_each_wait)
{
    const weir_store_channel_opts *const kinds[] = {&small, &all, &keep};
    size_t i;

    for (i = 0; i < 3; i++) {
        weir_store *s = store_of(kinds[i]);
        weir_store_reader *r = reader_of(s, "p");
        weir_ctx ctx = WEIR_CTX_INIT;
        struct call c = {.r = r, .ctx = &ctx}, again = c;
        weir_ctx due;
        char b;

        call_start(crew, &c);
        call_start(crew, &again);
        must_eq(weir_ctx_cancel(&ctx, 0), 0);
        crew_wait(crew);
        must_eq(c.result, WEIR_CANCELED);
        must_eq(again.result, WEIR_CANCELED);
        must_eq(weir_ctx_init_timeout(&due, NULL, WEIR_MILLISECOND), 0);
        must_eq(weir_store_read(r, &b, 1, &due), WEIR_TIMEDOUT);
        must_eq(weir_ctx_fini(&due), 0);
        must_eq(weir_ctx_fini(&ctx), 0);
        weir_store_reader_free(r);
        weir_store_free(s);
    }
}

BEHAVIOUR(a_context_ends_a_writers_wait)
{
    const weir_store_channel_opts *const kinds[] = {&small, &all};
    size_t i;

    for (i = 0; i < 2; i++) {
        weir_store *s = store_of(kinds[i]);
        weir_store_writer *w = writer_of(s, "p");
        weir_store_reader *r = reader_of(s, "p");
        weir_ctx ctx = WEIR_CTX_INIT;
        struct call c = {.w = w, .ctx = &ctx};

        must_eq(say(w, "fills"), 0);
        call_start(crew, &c);
        await_blocked(s, "p", 1);
        must_eq(weir_ctx_cancel(&ctx, 0), 0);
        crew_wait(crew);
        must_eq(c.result, WEIR_CANCELED);
        hear(r, "fills");
        /* What need not wait goes through. */
        must_eq(weir_store_write(w, "in", 2, &ctx), 0);
        must_eq(weir_ctx_fini(&ctx), 0);
        hear(r, "in");
        weir_store_writer_free(w);
        weir_store_reader_free(r);
        weir_store_free(s);
    }
}

CHECK_MAIN(CHECK_MODES(a_blocked_writer_gets_an_error_when_another_closes),
           CHECK_MODES(writers_that_wait_their_turn_end_too),
           CHECK_MODES(close_ends_a_writers_own_blocked_call),
           CHECK_MODES(close_ends_a_readers_own_blocked_call),
           CHECK_MODES(a_context_ends_each_wait),
           CHECK_MODES(a_context_ends_a_writers_wait))
