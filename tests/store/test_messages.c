/* SPDX-License-Identifier: MIT */
/* Writing and reading: messages have boundaries, paths have ends. */
#include "stores.h"

BEHAVIOUR(either_side_makes_the_path)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *w = writer_of(s, "a");
    weir_store_reader *r = reader_of(s, "b");

    must_eq(weir_store_exists(s, "a"), 1);
    must_eq(weir_store_exists(s, "b"), 1);
    must_eq(weir_store_exists(s, "c"), 0);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    must_eq(weir_store_exists(s, "a"), 1);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(a_read_never_crosses_messages)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *w = writer_of(s, "a");
    weir_store_reader *r = reader_of(s, "a");

    must_eq(say(w, "one"), 0);
    must_eq(say(w, "second"), 0);
    hear(r, "one");
    must_eq(weir_store_rest(r), 0);
    hear(r, "second");
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(a_short_buffer_leaves_the_rest)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *w = writer_of(s, "a");
    weir_store_reader *r = reader_of(s, "a");
    char buf[4];

    must_eq(say(w, "0123456789"), 0);
    must_eq(say(w, "next"), 0);
    must_eq(weir_store_read(r, buf, 4, NULL), 4);
    must(memcmp(buf, "0123", 4) == 0);
    must_eq(weir_store_rest(r), 6);
    must_eq(weir_store_read(r, buf, 4, NULL), 4);
    must(memcmp(buf, "4567", 4) == 0);
    must_eq(weir_store_read(r, buf, 4, NULL), 2);
    must(memcmp(buf, "89", 2) == 0);
    must_eq(weir_store_rest(r), 0);
    must_eq(weir_store_read(r, buf, 4, NULL), 4); /* just fits */
    must(memcmp(buf, "next", 4) == 0);
    must_eq(weir_store_rest(r), 0);
    must_eq(say(w, "abandoned"), 0);
    must_eq(weir_store_read(r, buf, 1, NULL), 1);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(an_empty_message_is_an_empty_read)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *w = writer_of(s, "a");
    weir_store_reader *r = reader_of(s, "a");

    must_eq(weir_store_write(w, NULL, 0, NULL), 0);
    must_eq(say(w, "x"), 0);
    must_eq(say(w, ""), 0);
    must_eq(weir_store_writer_close(w), 0);
    hear(r, "");
    hear(r, "x");
    hear(r, "");
    must_eq(read_code(r), WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(readers_drain_then_end_repeatably)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *w = writer_of(s, "a");
    weir_store_reader *r, *late;

    must_eq(say(w, "1"), 0);
    must_eq(say(w, "2"), 0);
    must_eq(weir_store_writer_close(w), 0);
    must_eq(weir_store_writer_close(w), 0);
    r = reader_of(s, "a");
    hear(r, "1");
    hear(r, "2");
    must_eq(read_code(r), WEIR_CLOSED);
    must_eq(read_code(r), WEIR_CLOSED);
    late = reader_of(s, "a");
    must_eq(read_code(late), WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_reader_free(late);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(the_first_writer_to_close_ends_the_path)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *a = writer_of(s, "p"), *b = writer_of(s, "p"), *c;
    weir_store_reader *r = reader_of(s, "p");

    must_eq(say(a, "a"), 0);
    must_eq(say(b, "b"), 0);
    must_eq(stats_of(s, "p").writers, 2);
    must_eq(weir_store_writer_close(a), 0);
    must_eq(say(b, "no"), WEIR_CLOSED);
    must_eq(say(a, "no"), WEIR_CLOSED);
    must_eq(weir_store_writer_open(&c, s, "p"), WEIR_CLOSED);
    must(c == NULL);
    must(stats_of(s, "p").ended);
    must_eq(stats_of(s, "p").writers, 1);
    hear(r, "a");
    hear(r, "b");
    must_eq(read_code(r), WEIR_CLOSED);
    weir_store_writer_free(a);
    weir_store_writer_free(b);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(a_deleted_path_is_usable_again)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *old = writer_of(s, "p"), *w;
    weir_store_reader *before = reader_of(s, "p"), *r;

    must_eq(say(old, "old"), 0);
    must_eq(weir_store_delete(s, "p"), 0);
    must_eq(weir_store_delete(s, "p"), 0);
    must_eq(weir_store_exists(s, "p"), 0);
    must_eq(say(old, "no"), WEIR_CLOSED);
    w = writer_of(s, "p");
    r = reader_of(s, "p");
    must_eq(say(w, "new"), 0);
    hear(r, "new");
    hear(before, "old");
    must_eq(read_code(before), WEIR_CLOSED);
    weir_store_writer_free(old);
    must_eq(say(w, "still"), 0);
    weir_store_writer_free(w);
    weir_store_reader_free(before);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(a_closed_store_ends_everything)
{
    weir_store *s = store_of(NULL);
    weir_store_writer *w = writer_of(s, "p"), *other;
    weir_store_reader *r = reader_of(s, "p"), *q = reader_of(s, "q"), *more;
    struct call c = {.r = q};

    must_eq(say(w, "x"), 0);
    call_start(crew, &c);
    must_eq(weir_store_close(s), 0);
    must_eq(weir_store_close(s), 0);
    crew_wait(crew);
    must_eq(c.result, WEIR_CLOSED);
    must_eq(say(w, "no"), WEIR_CLOSED);
    must_eq(weir_store_writer_open(&other, s, "z"), WEIR_CLOSED);
    must_eq(weir_store_reader_open(&more, s, "p"), WEIR_CLOSED);
    must_eq(weir_store_broadcast(s, "", "x", 1, WEIR_STORE_SKIP, NULL, NULL),
            WEIR_CLOSED);
    must_eq(weir_store_exists(s, "p"), 1);
    weir_store_free(s);
    hear(r, "x"); /* handles outlive the store */
    must_eq(read_code(r), WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_reader_free(q);
}

/* ---- competition --------------------------------------------------------- */

struct consumer {
    weir_store *s;
    atomic_int *got;
    atomic_int *sum;
};

static void consume(void *arg)
{
    struct consumer *c = arg;
    weir_store_reader *r = reader_of(c->s, "jobs");
    unsigned char b;

    while (weir_store_read(r, &b, 1, NULL) == 1) {
        atomic_fetch_add(c->got, 1);
        atomic_fetch_add(c->sum, b);
    }
    weir_store_reader_free(r);
}

BEHAVIOUR(readers_of_a_path_compete)
{
    weir_store *s = store_of(&(weir_store_channel_opts){.buffer_size = 4});
    weir_store_writer *w = writer_of(s, "jobs");
    atomic_int got = 0, sum = 0;
    struct consumer c = {s, &got, &sum};
    const int n = check_scale(2000);
    int i, expected = 0;

    for (i = 0; i < 3; i++)
        crew_go(crew, consume, &c);
    for (i = 0; i < n; i++) {
        const unsigned char b = (unsigned char)(i % 251);

        must_eq(weir_store_write(w, &b, 1, NULL), 0);
        expected += b;
    }
    must_eq(weir_store_writer_close(w), 0);
    crew_wait(crew);
    must_eq(got, n);
    must_eq(sum, expected);
    must_eq(stats_of(s, "jobs").written, n);
    weir_store_writer_free(w);
    weir_store_free(s);
}

CHECK_MAIN(CHECK_MODES(either_side_makes_the_path),
           CHECK_MODES(a_read_never_crosses_messages),
           CHECK_MODES(a_short_buffer_leaves_the_rest),
           CHECK_MODES(an_empty_message_is_an_empty_read),
           CHECK_MODES(readers_drain_then_end_repeatably),
           CHECK_MODES(the_first_writer_to_close_ends_the_path),
           CHECK_MODES(a_deleted_path_is_usable_again),
           CHECK_MODES(a_closed_store_ends_everything),
           CHECK_MODES(readers_of_a_path_compete))
