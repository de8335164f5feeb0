/* SPDX-License-Identifier: MIT */
/* Persistent paths: each reader gets each message once, whenever it comes. */
#include "stores.h"

static const weir_store_channel_opts keep = {.persistent = true};

BEHAVIOUR(a_late_reader_gets_each_message_once)
{
    weir_store *s = store_of(&keep);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *early = reader_of(s, "p"), *late, *after;

    must_eq(say(w, "one"), 0);
    hear(early, "one");
    must_eq(say(w, ""), 0);
    late = reader_of(s, "p");
    must_eq(say(w, "three"), 0);
    must_eq(weir_store_broadcast(s, "", "four", 4, WEIR_STORE_SKIP, NULL, NULL),
            0);
    hear(early, "");
    hear(early, "three");
    hear(early, "four");
    must_eq(weir_store_writer_close(w), 0);
    after = reader_of(s, "p");
    hear(late, "one");
    hear(late, "");
    hear(late, "three");
    hear(late, "four");
    hear(after, "one");
    hear(after, "");
    hear(after, "three");
    hear(after, "four");
    must_eq(read_code(early), WEIR_CLOSED);
    must_eq(read_code(late), WEIR_CLOSED);
    must_eq(read_code(after), WEIR_CLOSED);
    must_eq(read_code(after), WEIR_CLOSED);
    weir_store_writer_free(w);
    weir_store_reader_free(early);
    weir_store_reader_free(late);
    weir_store_reader_free(after);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(nobody_holds_up_the_writer)
{
    weir_store *s = store_of(
        &(weir_store_channel_opts){.persistent = true, .buffer_size = 1});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r = reader_of(s, "p");
    char text[16];
    int i;

    for (i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%d", i);
        must_eq(say(w, text), 0);
    }
    must_eq(stats_of(s, "p").kept, 1000);
    for (i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%d", i);
        hear(r, text);
    }
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(a_limit_in_messages_takes_the_oldest)
{
    weir_store *s = store_of(
        &(weir_store_channel_opts){.persistent = true, .keep_messages = 3});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *slow = reader_of(s, "p"), *r;
    const char *const texts[] = {"0", "1", "2", "3", "4"};
    weir_store_stats st;
    int i;

    for (i = 0; i < 5; i++)
        must_eq(say(w, texts[i]), 0);
    st = stats_of(s, "p");
    must_eq(st.written, 5);
    must_eq(st.kept, 3);
    must_eq(st.queue.dropped_by[WEIR_DROP_FIRST], 2);
    must_eq(read_code(slow), WEIR_LAGGED);
    hear(slow, "2");
    r = reader_of(s, "p"); /* it has missed nothing that it was promised */
    for (i = 2; i < 5; i++)
        hear(r, texts[i]);
    hear(slow, "3");
    hear(slow, "4");
    weir_store_writer_free(w);
    must_eq(read_code(slow), WEIR_CLOSED);
    weir_store_reader_free(slow);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(a_limit_in_bytes_takes_the_oldest)
{
    weir_store *s = store_of(
        &(weir_store_channel_opts){.persistent = true, .keep_bytes = 10});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *r;

    must_eq(say(w, "0123"), 0);
    must_eq(say(w, "4567"), 0);
    must_eq(say(w, "89"), 0);
    must_eq(stats_of(s, "p").kept, 3);
    must_eq(say(w, "a"), 0);
    must_eq(stats_of(s, "p").kept, 3);
    must_eq(stats_of(s, "p").kept_bytes, 7);
    must_eq(say(w, "0123456789a"), WEIR_LIMIT);
    must_eq(stats_of(s, "p").kept, 3);
    r = reader_of(s, "p");
    hear(r, "4567");
    must_eq(say(w, "0123456789"), 0);
    must_eq(stats_of(s, "p").kept, 1);
    must_eq(read_code(r), WEIR_LAGGED);
    hear(r, "0123456789");
    weir_store_writer_free(w);
    weir_store_reader_free(r);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(a_write_wakes_all_who_wait)
{
    weir_store *s = store_of(&keep);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *a = reader_of(s, "p"), *b = reader_of(s, "p");
    struct call first = {.r = a}, second = {.r = b};

    call_start(crew, &first);
    call_start(crew, &second);
    must_eq(say(w, "four"), 0);
    crew_wait(crew);
    must_eq(first.result, 4);
    must_eq(second.result, 4);
    weir_store_writer_free(w);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_free(s);
}

/* ---- all at once --------------------------------------------------------- */

struct reading {
    weir_store *s;
    int n;
};

static void read_all(void *arg)
{
    struct reading *a = arg;
    weir_store_reader *r = reader_of(a->s, "p");
    int value, expected = 0;

    while (weir_store_read(r, &value, sizeof value, NULL) > 0)
        must_eq(value, expected++);
    must_eq(expected, a->n);
    weir_store_reader_free(r);
}

BEHAVIOUR(readers_that_come_while_it_is_written_get_all)
{
    weir_store *s = store_of(&keep);
    weir_store_writer *w = writer_of(s, "p");
    struct reading a = {s, check_scale(1000)};
    int i;

    for (i = 0; i < a.n; i++) {
        if (i % (a.n / 4 + 1) == 0)
            crew_go(crew, read_all, &a);
        must_eq(weir_store_write(w, &i, sizeof i, NULL), 0);
    }
    must_eq(weir_store_writer_close(w), 0);
    crew_go(crew, read_all, &a);
    crew_wait(crew);
    weir_store_writer_free(w);
    weir_store_free(s);
}

CHECK_MAIN(CHECK_MODES(a_late_reader_gets_each_message_once),
           CHECK_MODES(nobody_holds_up_the_writer),
           CHECK_MODES(a_write_wakes_all_who_wait),
           CHECK_MODES(a_limit_in_messages_takes_the_oldest),
           CHECK_MODES(a_limit_in_bytes_takes_the_oldest),
           CHECK_MODES(readers_that_come_while_it_is_written_get_all))
