/* SPDX-License-Identifier: MIT */
/* Every reader gets every message: order, slow readers, coming and going. */
#include "order.h"

static const weir_store_channel_opts all = {.buffer_size = 2,
                                            .all_readers = true};

BEHAVIOUR(each_reader_gets_each_message)
{
    weir_store *s = store_of(&all);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *a = reader_of(s, "p"), *b = reader_of(s, "p");

    must_eq(say(w, "x"), 0);
    must_eq(say(w, "y"), 0);
    must_eq(weir_store_writer_close(w), 0);
    hear(a, "x");
    hear(a, "y");
    hear(b, "x");
    hear(b, "y");
    must_eq(read_code(a), WEIR_CLOSED);
    must_eq(read_code(b), WEIR_CLOSED);
    must_eq(stats_of(s, "p").written, 2);
    must_eq(stats_of(s, "p").queue.sent, 4);
    weir_store_writer_free(w);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(what_nobody_reads_waits_for_the_first_reader)
{
    weir_store *s = store_of(&all);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *a, *b;

    must_eq(say(w, "early"), 0);
    a = reader_of(s, "p");
    b = reader_of(s, "p");
    must_eq(say(w, "both"), 0);
    hear(a, "early");
    hear(b, "both");
    weir_store_reader_free(b);
    must_eq(say(w, "left"), 0);
    weir_store_reader_free(a); /* the last one leaves the path what it had */
    b = reader_of(s, "p");
    hear(b, "both");
    hear(b, "left");
    weir_store_writer_free(w);
    must_eq(read_code(b), WEIR_CLOSED);
    a = reader_of(s, "p"); /* comes after the end */
    must_eq(read_code(a), WEIR_CLOSED);
    weir_store_reader_free(a);
    weir_store_reader_free(b);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(a_reader_that_leaves_sets_the_writer_free)
{
    weir_store *s = store_of(&all);
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *fast = reader_of(s, "p"), *slow = reader_of(s, "p");
    struct call c = {.w = w};
    weir_store_stats st;

    must_eq(say(w, "1"), 0);
    must_eq(say(w, "2"), 0);
    hear(fast, "1");
    hear(fast, "2");
    call_start(crew, &c);
    await_blocked(s, "p", 1);
    must_eq(weir_store_reader_close(slow), 0);
    crew_wait(crew);
    must_eq(c.result, 0);
    hear(fast, "late");
    st = stats_of(s, "p");
    must_eq(st.queue.dropped, 2); /* what slow had not read */
    must_eq(st.queue.dropped_by[WEIR_DROP_LEFT], 2);
    must_eq(st.queue.queued, 0);
    weir_store_reader_free(slow);
    must_eq(say(w, "more"), 0);
    must_eq(stats_of(s, "p").queue.dropped, 2);
    hear(fast, "more");
    weir_store_writer_free(w);
    weir_store_reader_free(fast);
    weir_store_free(s);
}

BEHAVIOUR(only_the_one_who_lags_loses)
{
    weir_store *s = store_of(&(weir_store_channel_opts){
        .buffer_size = 1, .all_readers = true, .policy = WEIR_DROP});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *fast = reader_of(s, "p"), *slow = reader_of(s, "p");

    must_eq(say(w, "1"), 0);
    hear(fast, "1");
    must_eq(say(w, "2"), 0);
    hear(fast, "2");
    hear(slow, "1");
    must_eq(stats_of(s, "p").queue.dropped_by[WEIR_DROP_NEWEST], 1);
    weir_store_writer_free(w);
    must_eq(read_code(slow), WEIR_CLOSED);
    weir_store_reader_free(fast);
    weir_store_reader_free(slow);
    weir_store_free(s);
    (void)crew;
}

BEHAVIOUR(one_who_refuses_does_not_hold_up_the_others)
{
    weir_store *s = store_of(&(weir_store_channel_opts){
        .buffer_size = 1, .all_readers = true, .policy = WEIR_ERROR});
    weir_store_writer *w = writer_of(s, "p");
    weir_store_reader *slow = reader_of(s, "p"), *fast = reader_of(s, "p");

    must_eq(say(w, "1"), 0);
    hear(fast, "1");
    must_eq(say(w, "2"), WEIR_FULL);
    hear(fast, "2");
    hear(slow, "1");
    must_eq(say(w, "3"), 0);
    hear(slow, "3");
    weir_store_writer_free(w);
    weir_store_reader_free(fast);
    weir_store_reader_free(slow);
    weir_store_free(s);
    (void)crew;
}

/* ---- one order for all --------------------------------------------------- */

BEHAVIOUR(all_readers_see_one_order)
{
    weir_store *s = store_of(&all);

    must_see_one_order(crew, s, check_scale(300));
    weir_store_free(s);
}

/* ---- coming and going ---------------------------------------------------- */

static void come_and_go(void *arg)
{
    weir_store *s = arg;
    int i, value;

    for (i = 0; i < check_scale(100); i++) {
        weir_store_reader *r = reader_of(s, "p");

        if (i % 2 == 0)
            must_eq(weir_store_read(r, &value, sizeof value, NULL),
                    sizeof value);
        weir_store_reader_free(r);
    }
}

static void write_till_end(void *arg)
{
    weir_store_writer *w = arg;
    int err, i = 0;

    while ((err = weir_store_write(w, &i, sizeof i, NULL)) == 0)
        i++;
    must_eq(err, WEIR_CLOSED);
}

BEHAVIOUR(readers_come_and_go_while_it_is_written)
{
    weir_store *s = store_of(&all);
    weir_store_writer *w = writer_of(s, "p");
    struct crew writers = CREW(crew->mode);
    int i;

    crew_go(&writers, write_till_end, w);
    crew_go(&writers, write_till_end, w);
    for (i = 0; i < 3; i++)
        crew_go(crew, come_and_go, s);
    crew_wait(crew);
    must_eq(weir_store_delete(s, "p"), 0);
    crew_wait(&writers);
    weir_store_writer_free(w);
    weir_store_free(s);
}

CHECK_MAIN(CHECK_MODES(each_reader_gets_each_message),
           CHECK_MODES(what_nobody_reads_waits_for_the_first_reader),
           CHECK_MODES(a_reader_that_leaves_sets_the_writer_free),
           CHECK_MODES(only_the_one_who_lags_loses),
           CHECK_MODES(one_who_refuses_does_not_hold_up_the_others),
           CHECK_MODES(all_readers_see_one_order),
           CHECK_MODES(readers_come_and_go_while_it_is_written))
