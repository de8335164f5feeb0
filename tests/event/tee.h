/* SPDX-License-Identifier: MIT */
/* What the tests of the tee share: a log of numbers, and reading it. */
#ifndef TEE_H
#define TEE_H

#include <weir/tee.h>
#include "events.h"

static inline weir_stream *stream_of(weir_stream_opts o)
{
    weir_stream *st = NULL;

    must_eq(weir_stream_new_mem("events", &o, &st), 0);
    return st;
}

static inline weir_sink *tee_of(weir_tee_opts o)
{
    weir_sink *s = NULL;

    must_eq(weir_tee_new(&s, &o), 0);
    must(s != NULL);
    return s;
}

struct log {
    weir_reader *bytes;
    weir_event_reader *events;
};

static inline struct log log_of(weir_stream *st)
{
    struct log l = {NULL, NULL};

    must_eq(weir_stream_next_reader(st, &l.bytes), 0);
    must_eq(weir_event_reader_new(&l.events, l.bytes), 0);
    return l;
}

static inline void log_end(struct log *l)
{
    weir_event_reader_free(l->events);
    weir_reader_free(l->bytes);
}

enum { END = -2 }; /* of the log, where a number is expected */

static inline int next_number(struct log *l)
{
    weir_event *e = NULL;
    const int got = weir_event_reader_next(l->events, &e, NULL);
    const int n = got < 0 ? got : got ? number_of(e) : END;

    weir_event_unref(e);
    return n;
}

#endif
