/* SPDX-License-Identifier: MIT */
/* The tee: what goes to the stream and comes back, in order and whole. */
#include "tee.h"

enum { READERS = 3, WRITERS = 4 };

/* ---- there and back ------------------------------------------------------ */

BEHAVIOUR(an_event_comes_back_as_it_was)
{
    const weir_event_header h[] = {{"from", "shop"}, {"", NULL}};
    weir_stream *st = stream_of((weir_stream_opts){0});
    struct recorder *r = recorder_new();
    weir_sink *s = tee_of((weir_tee_opts){.stream = st, .to = &r->sink});
    struct log l = log_of(st);
    weir_event *e = NULL;

    must_eq(weir_event_new(&e, &(weir_event_opts){.type = "order",
                                                  .key = "k\0y",
                                                  .key_size = 3,
                                                  .time = -42,
                                                  .headers = h,
                                                  .header_count = 2,
                                                  .payload = "\1\2\3\4\5",
                                                  .size = 5}),
            0);
    must_eq(weir_sink_write(s, e, NULL), 0);
    must_eq(write_number(s, NONE, NULL), 0);
    weir_event_unref(e);
    must_eq(weir_event_new(&e, &(weir_event_opts){.time = 1}), 0);
    must_eq(weir_sink_write(s, e, NULL), 0);
    weir_event_unref(e);

    must_eq(weir_event_reader_next(l.events, &e, NULL), 1);
    must(strcmp(e->type, "order") == 0);
    must_eq(e->key_size, 3);
    must(memcmp(e->key, "k\0y", 3) == 0);
    must_eq(e->time, -42);
    must_eq(e->header_count, 2);
    must(strcmp(weir_event_get_header(e, "from"), "shop") == 0);
    must(strcmp(weir_event_get_header(e, ""), "") == 0);
    must_eq(e->size, 5);
    must(memcmp(e->payload, "\1\2\3\4\5", 5) == 0);
    weir_event_unref(e);
    must_eq(weir_event_reader_next(l.events, &e, NULL), 1);
    must(e == NULL);
    must_eq(weir_event_reader_next(l.events, &e, NULL), 1);
    must_eq(e->size + e->key_size + e->header_count, 0);
    weir_event_unref(e);

    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(next_number(&l), END);
    must_eq(next_number(&l), END);
    must_eq(weir_event_reader_skipped(l.events), 0);
    must_eq(r->n, 3); /* and the sink has them all */
    must_eq(r->closed, 1);
    must_eq(write_number(s, 1, NULL), WEIR_CLOSED);
    log_end(&l);
    weir_sink_unref(s);
    weir_stream_unref(st);
    recorder_end(r);
    (void)crew;
}

struct copy {
    weir_stream *st;
    int n;
};

static void read_all(void *arg)
{
    const struct copy *c = arg;
    struct log l = log_of(c->st);
    int last[WRITERS] = {-1, -1, -1, -1}, i;

    for (i = 0; i < WRITERS * c->n; i++) {
        const int n = next_number(&l);

        must(n >= 0);
        must_eq(n % 10000, last[n / 10000] + 1); /* each writer's order */
        last[n / 10000]++;
    }
    must_eq(next_number(&l), END);
    log_end(&l);
}

struct writer {
    weir_sink *s;
    atomic_int next;
    int n;
};

static void write_all(void *arg)
{
    struct writer *w = arg;
    const int from = 10000 * atomic_fetch_add(&w->next, 1);
    int i;

    for (i = 0; i < w->n; i++)
        must_eq(write_number(w->s, from + i, NULL), 0);
}

static void wait_and_close(struct writer *w, struct crew *crew,
                           struct crew *writers)
{
    crew_wait(writers);
    must_eq(weir_sink_close(w->s, NULL), 0);
    crew_wait(crew);
}

BEHAVIOUR(many_write_and_many_read)
{
    struct crew writers = CREW(crew->mode);
    struct copy c = {.st = stream_of((weir_stream_opts){
                         .trim = true, .max_bytes = 4096, .segment = 1024})};
    struct writer w = {.s = tee_of((weir_tee_opts){.stream = c.st})};
    int i;

    c.n = w.n = check_scale(crew_many(crew, 400, 50));
    for (i = 0; i < READERS; i++)
        crew_go(crew, read_all, &c);
    for (;;) { /* all are there before anything is trimmed */
        weir_stream_counts now;

        must_eq(weir_stream_get_counts(c.st, &now), 0);
        if (now.readers == READERS)
            break;
        weir_yield();
    }
    for (i = 0; i < WRITERS; i++)
        crew_go(&writers, write_all, &w);
    wait_and_close(&w, crew, &writers);
    weir_sink_unref(w.s);
    weir_stream_unref(c.st);
    must_eq(alive, 0);
}

/* ---- frames that are larger than anything ---------------------------------
 */

static weir_event *large(size_t size, unsigned char fill)
{
    weir_event *e = NULL;
    char *payload = malloc(size);

    must(payload != NULL);
    memset(payload, fill, size);
    must_eq(weir_event_new(
                &e, &(weir_event_opts){.payload = payload, .size = size}),
            0);
    free(payload);
    return e;
}

static void write_large(void *arg)
{
    size_t size;

    for (size = 1; size <= 300000; size = 3 * size + 7) {
        weir_event *e = large(size, (unsigned char)size);

        must_eq(weir_sink_write(arg, e, NULL), 0);
        weir_event_unref(e);
    }
    must_eq(weir_sink_close(arg, NULL), 0);
}

/* A frame need not fit into the stream: it comes through piece by piece. */
BEHAVIOUR(a_frame_may_be_larger_than_the_stream)
{
    weir_stream *st = stream_of(
        (weir_stream_opts){.trim = true, .max_bytes = 2048, .segment = 512});
    weir_sink *s = tee_of((weir_tee_opts){.stream = st});
    struct log l = log_of(st);
    size_t size, i;

    crew_go(crew, write_large, s);
    for (size = 1; size <= 300000; size = 3 * size + 7) {
        weir_event *e = NULL;

        must_eq(weir_event_reader_next(l.events, &e, NULL), 1);
        must_eq(e->size, size);
        for (i = 0; i < size; i++)
            must(((const unsigned char *)e->payload)[i] == (unsigned char)size);
        weir_event_unref(e);
    }
    must_eq(next_number(&l), END);
    crew_wait(crew);
    log_end(&l);
    weir_sink_unref(s);
    weir_stream_unref(st);
}

/* ---- waits that end ------------------------------------------------------ */

BEHAVIOUR(a_wait_for_an_event_may_end_anywhere)
{
    weir_stream *whole = stream_of((weir_stream_opts){0});
    weir_stream *st = stream_of((weir_stream_opts){0});
    weir_sink *s = tee_of((weir_tee_opts){.stream = whole});
    struct log l = log_of(st);
    weir_ctx ended = WEIR_CTX_INIT;
    weir_reader *bytes = NULL;
    weir_event *e = NULL;
    unsigned char byte;

    must_eq(write_number(s, 7, NULL), 0);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(weir_stream_next_reader(whole, &bytes), 0);
    while (weir_reader_read(bytes, &byte, 1, NULL) == 1) {
        must_eq(weir_event_reader_next(l.events, &e, &ended), WEIR_CANCELED);
        must_eq(weir_stream_write(st, &byte, 1, NULL), 1);
    }
    must_eq(next_number(&l), 7); /* nothing of it was lost */
    weir_reader_free(bytes);
    log_end(&l);
    weir_sink_unref(s);
    weir_stream_unref(whole);
    weir_stream_unref(st);
    must_eq(weir_ctx_fini(&ended), 0);
    (void)crew;
}

/* The stream is full in the middle of a frame. */
BEHAVIOUR(an_append_that_ends_within_a_frame_is_completed)
{
    weir_stream *st = stream_of(
        (weir_stream_opts){.trim = true, .max_bytes = 512, .segment = 256});
    weir_sink *s = tee_of((weir_tee_opts){.stream = st});
    struct log l = log_of(st);
    weir_ctx ended = WEIR_CTX_INIT;
    weir_event *e = large(800, 'x'), *got = NULL, *next = large(10, 'y');

    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(weir_sink_write(s, e, &ended), WEIR_CANCELED);
    must_eq(weir_sink_write(s, e, &ended), WEIR_CANCELED);
    while (weir_event_reader_next(l.events, &got, &ended) != 1)
        (void)weir_sink_write(s, e, &ended); /* it is the same event */
    must_eq(got->size, 800);
    weir_event_unref(got);
    must_eq(weir_sink_write(s, next, NULL), 0);
    must_eq(weir_event_reader_next(l.events, &got, NULL), 1);
    must_eq(got->size, 10); /* and the other one came once */
    weir_event_unref(got);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(next_number(&l), END);
    weir_event_unref(e);
    weir_event_unref(next);
    log_end(&l);
    weir_sink_unref(s);
    weir_stream_unref(st);
    must_eq(weir_ctx_fini(&ended), 0);
    (void)crew;
}

BEHAVIOUR(what_cannot_be_completed_is_no_end)
{
    weir_stream *st = stream_of(
        (weir_stream_opts){.trim = true, .max_bytes = 512, .segment = 256});
    weir_sink *s = tee_of((weir_tee_opts){.stream = st});
    struct log l = log_of(st);
    weir_ctx ended = WEIR_CTX_INIT;
    weir_event *e = large(8000, 'x');

    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(weir_sink_write(s, e, &ended), WEIR_CANCELED);
    must_eq(weir_sink_close(s, &ended), WEIR_CANCELED);
    must_eq(next_number(&l), WEIR_CANCELED); /* in place of the end */
    weir_event_unref(e);
    log_end(&l);
    weir_sink_unref(s);
    weir_stream_unref(st);
    must_eq(weir_ctx_fini(&ended), 0);
    (void)crew;
}

/* ---- other ends ---------------------------------------------------------- */

BEHAVIOUR(a_stream_that_was_closed_refuses)
{
    weir_stream *st = stream_of((weir_stream_opts){0});
    struct recorder *r = recorder_new();
    weir_sink *s = tee_of((weir_tee_opts){.stream = st, .to = &r->sink});

    r->result = -8;
    must_eq(write_number(s, 1, NULL), -8); /* it is in the stream */
    must_eq(weir_stream_close(st), 0);
    must_eq(write_number(s, 2, NULL), WEIR_CLOSED);
    must_eq(r->n, 1);
    must_eq(weir_sink_close(s, NULL), 0);
    weir_sink_unref(s);
    weir_stream_unref(st);
    recorder_end(r);
    (void)crew;
}

BEHAVIOUR(the_stream_may_be_kept_open)
{
    weir_stream *st = stream_of((weir_stream_opts){0});
    weir_sink *s = tee_of((weir_tee_opts){.stream = st, .keep_open = true});

    must_eq(write_number(s, 1, NULL), 0);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(write_number(s, 2, NULL), WEIR_CLOSED);
    weir_sink_unref(s);
    s = tee_of((weir_tee_opts){.stream = st}); /* another one goes on */
    must_eq(write_number(s, 2, NULL), 0);
    must_eq(weir_sink_close(s, NULL), 0);
    struct log l = log_of(st);

    must_eq(next_number(&l), 1);
    must_eq(next_number(&l), 2);
    must_eq(next_number(&l), END);
    log_end(&l);
    weir_sink_unref(s);
    weir_stream_unref(st);
    (void)crew;
}

START_TEST(wrong_use_is_refused)
{
    struct recorder *r = recorder_new();
    weir_stream *st = stream_of((weir_stream_opts){0});
    struct log l = log_of(st);
    weir_event_reader *er = l.events;
    weir_event *e;
    weir_sink *s = &r->sink;

    must_eq(weir_tee_new(&s, &(weir_tee_opts){.to = &r->sink}), WEIR_EINVAL);
    must(s == NULL);
    must_eq(weir_tee_new(&s, NULL), WEIR_EINVAL);
    must_eq(weir_tee_new(NULL, &(weir_tee_opts){.stream = st}), WEIR_EINVAL);
    must_eq(weir_event_reader_new(&er, NULL), WEIR_EINVAL);
    must(er == NULL);
    must_eq(weir_event_reader_new(NULL, l.bytes), WEIR_EINVAL);
    weir_event_reader_free(NULL);
    must_eq(weir_event_reader_next(NULL, &e, NULL), WEIR_EINVAL);
    must_eq(weir_event_reader_next(l.events, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_event_reader_skipped(NULL), WEIR_EINVAL);
    log_end(&l);
    weir_stream_unref(st);
    recorder_end(r);
}
END_TEST

START_TEST(out_of_memory)
{
    weir_stream *st = stream_of((weir_stream_opts){0});
    struct log l = {NULL, NULL};
    weir_sink *s = NULL;
    weir_event *e = NULL;
    int fails, err = WEIR_ENOMEM;

    wr_mem_fail_after(0);
    must_eq(weir_tee_new(&s, &(weir_tee_opts){.stream = st}), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    s = tee_of((weir_tee_opts){.stream = st});
    for (fails = 0; err == WEIR_ENOMEM; fails++) {
        e = numbered(3);
        wr_mem_fail_after(fails);
        err = weir_sink_write(s, e, NULL);
        wr_mem_fail_after(-1);
        weir_event_unref(e);
    }
    must_eq(err, 0);
    must(fails > 1);
    must_eq(weir_stream_next_reader(st, &l.bytes), 0);
    wr_mem_fail_after(0);
    must_eq(weir_event_reader_new(&l.events, l.bytes), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    must_eq(weir_event_reader_new(&l.events, l.bytes), 0);
    err = WEIR_ENOMEM;
    for (fails = 0; err == WEIR_ENOMEM; fails++) {
        wr_mem_fail_after(fails);
        err = weir_event_reader_next(l.events, &e, NULL);
        wr_mem_fail_after(-1);
    }
    must_eq(err, 1);
    must(fails > 1);
    must_eq(number_of(e), 3);
    weir_event_unref(e);
    log_end(&l);
    weir_sink_unref(s);
    weir_stream_unref(st);
}
END_TEST

CHECK_MAIN(CHECK_MODES(an_event_comes_back_as_it_was),
           CHECK_MODES(many_write_and_many_read),
           CHECK_MODES(a_frame_may_be_larger_than_the_stream),
           CHECK_MODES(a_wait_for_an_event_may_end_anywhere),
           CHECK_MODES(an_append_that_ends_within_a_frame_is_completed),
           CHECK_MODES(what_cannot_be_completed_is_no_end),

           CHECK_MODES(a_stream_that_was_closed_refuses),
           CHECK_MODES(the_stream_may_be_kept_open),
           CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory))
