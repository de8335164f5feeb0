/* SPDX-License-Identifier: MIT */
/* Small sinks: the channel with its done signal, the filter, the timeout. */
#include <weir/sinks.h>
#include "events.h"

static weir_chan *events_chan(size_t capacity)
{
    weir_chan *c =
        weir_chan_new_with(&(weir_chan_opts){.elem_size = sizeof(weir_event *),
                                             .capacity = capacity,
                                             .destroy = weir_event_unref_elem});

    must(c != NULL);
    return c;
}

static weir_sink *chan_sink(weir_chan *c)
{
    weir_sink *s = NULL;

    must_eq(weir_chan_sink_new(&s, c), 0);
    must(s != NULL);
    return s;
}

static int receive(weir_chan *c)
{
    weir_event *e = NULL;
    const int err = weir_chan_recv(c, &e, NULL);
    const int n = err ? err : number_of(e);

    weir_event_unref(e);
    return n;
}

BEHAVIOUR(a_channel_gets_the_events)
{
    weir_chan *c = events_chan(3);
    weir_sink *s = chan_sink(c);
    weir_ctx ended = WEIR_CTX_INIT;

    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(write_number(s, 1, NULL), 0);
    must_eq(write_number(s, NONE, NULL), 0);
    must_eq(write_number(s, 3, &ended), 0); /* need not wait */
    must_eq(write_number(s, 4, &ended), WEIR_CANCELED);
    must_eq(receive(c), 1);
    must_eq(receive(c), NONE);
    weir_sink_unref(s);
    weir_chan_unref(c); /* with one that nobody received */
    must_eq(alive, 0);
    must_eq(weir_ctx_fini(&ended), 0);
    (void)crew;
}

struct watcher {
    weir_chan *c;
    weir_sink *s;
    atomic_int got, done;
};

/* Receives until the done signal, in one select. */
static void watch(void *arg)
{
    struct watcher *w = arg;

    for (;;) {
        weir_event *e = NULL;
        weir_case cs[] = {WEIR_RECV(w->c, &e),
                          WEIR_DONE(weir_chan_sink_done(w->s))};

        if (weir_select_with(cs, 2, NULL, WEIR_SELECT_ORDERED) == 1)
            break;
        weir_event_unref(e);
        atomic_fetch_add(&w->got, 1);
    }
    atomic_store(&w->done, 1);
}

BEHAVIOUR(a_close_gives_the_done_signal)
{
    struct watcher w = {.c = events_chan(0)};
    int i;

    w.s = chan_sink(w.c);
    crew_go(crew, watch, &w);
    for (i = 0; i < 10; i++)
        must_eq(write_number(w.s, i, NULL), 0);
    must_eq(w.done, 0);
    must_eq(weir_sink_close(w.s, NULL), 0);
    must_eq(weir_sink_close(w.s, NULL), 0);
    crew_wait(crew);
    must_eq(w.got, 10);
    must(!weir_chan_is_closed(w.c));
    must_eq(write_number(w.s, 1, NULL), WEIR_CLOSED);
    weir_sink_unref(w.s);
    weir_chan_unref(w.c);
    must_eq(alive, 0);
}

static void write_till_closed(void *arg)
{
    struct watcher *w = arg;

    atomic_store(&w->got, 1);
    must_eq(write_number(w->s, 1, NULL), WEIR_CLOSED);
}

BEHAVIOUR(a_close_ends_the_writes_that_wait)
{
    int of_sink;

    for (of_sink = 0; of_sink < 2; of_sink++) {
        struct watcher w = {.c = events_chan(0)};

        w.s = chan_sink(w.c);
        crew_go(crew, write_till_closed, &w);
        await(&w.got, 1);
        settle();
        must_eq(of_sink ? weir_sink_close(w.s, NULL) : weir_chan_close(w.c), 0);
        crew_wait(crew);
        weir_sink_unref(w.s);
        weir_chan_unref(w.c);
        must_eq(alive, 0);
    }
}

/* ---- the filter ---------------------------------------------------------- */

static bool is_even(weir_event *e, void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    return number_of(e) % 2 == 0 || e == NULL;
}

BEHAVIOUR(a_swallowed_event_is_success)
{
    struct recorder *r = recorder_new();
    atomic_int asked = 0;
    weir_sink *f = NULL;
    int i;

    must_eq(weir_filter_new(&f, &r->sink, is_even, &asked), 0);
    for (i = 0; i < 10; i++)
        must_eq(write_number(f, i, NULL), 0);
    must_eq(write_number(f, NONE, NULL), 0);
    must_eq(asked, 11);
    must_eq(r->n, 6);
    must_eq(r->got[4], 8);
    must_eq(r->got[5], NONE);
    r->result = -3;
    must_eq(write_number(f, 1, NULL), 0);
    must_eq(write_number(f, 2, NULL), -3); /* its sink's own result */
    must_eq(weir_sink_close(f, NULL), 0);
    must_eq(r->closed, 1);
    must_eq(write_number(f, 1, NULL), WEIR_CLOSED);
    must_eq(write_number(f, 2, NULL), WEIR_CLOSED);
    must_eq(asked, 13);
    weir_sink_unref(f);
    recorder_end(r);
    must_eq(alive, 0);
    (void)crew;
}

/* ---- the timeout --------------------------------------------------------- */

BEHAVIOUR(a_slow_write_times_out)
{
    struct recorder *r = recorder_new();
    weir_ctx ended = WEIR_CTX_INIT;
    weir_sink *s = NULL;

    r->gate = ints_new(1);
    must_eq(weir_timeout_sink_new(&s, &r->sink, WEIR_MILLISECOND), 0);
    must_eq(write_number(s, 1, NULL), WEIR_TIMEDOUT);
    put(r->gate, 0);
    must_eq(write_number(s, 2, NULL), 0); /* the next one goes */
    put(r->gate, -6);
    must_eq(write_number(s, NONE, NULL), -6);
    weir_sink_unref(s);

    must_eq(weir_timeout_sink_new(&s, &r->sink, WEIR_MINUTE), 0);
    must_eq(weir_ctx_cancel(&ended, 0), 0);
    must_eq(write_number(s, 4, &ended), WEIR_CANCELED); /* the caller's */
    must_eq(r->n, 4);
    must_eq(r->got[2], NONE);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(r->closed, 1);
    weir_sink_unref(s);
    must_eq(weir_ctx_fini(&ended), 0);
    recorder_end(r);
    must_eq(alive, 0);
    (void)crew;
}

/* ---- wrong use, and no memory -------------------------------------------- */

START_TEST(wrong_use_is_refused)
{
    struct recorder *r = recorder_new();
    weir_chan *bytes = weir_chan_new(1, 1), *c = events_chan(1);
    weir_sink *s = &r->sink;

    must_eq(weir_chan_sink_new(&s, NULL), WEIR_EINVAL);
    must(s == NULL);
    must_eq(weir_chan_sink_new(&s, bytes), WEIR_EINVAL);
    must_eq(weir_chan_sink_new(NULL, c), WEIR_EINVAL);
    must(weir_chan_sink_done(NULL) == NULL);
    must(weir_chan_sink_done(&r->sink) == NULL);
    s = &r->sink;
    must_eq(weir_filter_new(&s, NULL, is_even, NULL), WEIR_EINVAL);
    must(s == NULL);
    must_eq(weir_filter_new(&s, &r->sink, NULL, NULL), WEIR_EINVAL);
    must_eq(weir_filter_new(NULL, &r->sink, is_even, NULL), WEIR_EINVAL);
    must_eq(weir_timeout_sink_new(&s, &r->sink, 0), WEIR_EINVAL);
    must_eq(weir_timeout_sink_new(&s, &r->sink, -1), WEIR_EINVAL);
    must_eq(weir_timeout_sink_new(&s, NULL, 1), WEIR_EINVAL);
    must_eq(weir_timeout_sink_new(NULL, &r->sink, 1), WEIR_EINVAL);
    weir_chan_unref(bytes);
    weir_chan_unref(c);
    recorder_end(r);
}
END_TEST

START_TEST(out_of_memory)
{
    struct recorder *r = recorder_new();
    weir_chan *c = events_chan(1);
    weir_sink *s = &r->sink;

    wr_mem_fail_after(0);
    must_eq(weir_chan_sink_new(&s, c), WEIR_ENOMEM);
    must(s == NULL);
    s = &r->sink;
    must_eq(weir_filter_new(&s, &r->sink, is_even, NULL), WEIR_ENOMEM);
    must(s == NULL);
    s = &r->sink;
    must_eq(weir_timeout_sink_new(&s, &r->sink, 1), WEIR_ENOMEM);
    must(s == NULL);
    wr_mem_fail_after(-1);
    weir_chan_unref(c);
    recorder_end(r);
}
END_TEST

CHECK_MAIN(CHECK_MODES(a_channel_gets_the_events),
           CHECK_MODES(a_close_gives_the_done_signal),
           CHECK_MODES(a_close_ends_the_writes_that_wait),
           CHECK_MODES(a_swallowed_event_is_success),
           CHECK_MODES(a_slow_write_times_out),
           CHECK_TEST(wrong_use_is_refused), CHECK_TEST(out_of_memory))
