/* SPDX-License-Identifier: MIT */
/* What the tests of consumers share: one consumer, its handler's script, and
 * what it was told. */
#ifndef CONSUMERS_H
#define CONSUMERS_H

#include <weir/consumer.h>
#include "../chan/parties.h"

static struct told {
    weir_sub *sub;
    weir_consumer *c;
    atomic_int result;  /* of the handler                                    */
    ints *begun, *gate; /* with these it tells, and waits: for a result, or
                           for the end of its context, which it returns     */
    atomic_int handled, errors;
    atomic_int step, code; /* of the last error                             */
    atomic_bool with_message;
} t;

static inline int handle_as_told(const weir_message *m, weir_ctx *ctx,
                                 void *arg)
{
    int result = atomic_load(&t.result), err = 0;

    must(m != NULL && m->seq > 0 && arg == &t);
    if (t.begun != NULL)
        put(t.begun, (int)m->seq);
    if (t.gate != NULL)
        err = ints_recv(t.gate, &result, ctx);
    atomic_fetch_add(&t.handled, 1);
    return err ? err : result;
}

static inline void note_error(const weir_message *m,
                              enum weir_consumer_step step, int code, void *arg)
{
    must(arg == &t);
    atomic_store(&t.step, (int)step);
    atomic_store(&t.code, code);
    atomic_store(&t.with_message, m != NULL);
    atomic_fetch_add(&t.errors, 1);
}

/* As told, with what o says more. */
static inline void start_consumer(weir_sub *s, weir_consumer_opts o)
{
    t.sub = o.sub = s;
    if (o.fn == NULL)
        o.fn = handle_as_told;
    if (o.arg == NULL)
        o.arg = &t;
    o.on_error = note_error;
    must_eq(weir_consumer_start(&t.c, &o), 0);
    must(t.c != NULL);
}

static inline weir_consumer_counts consumer_counts(void)
{
    weir_consumer_counts n;

    must_eq(weir_consumer_get_counts(t.c, &n), 0);
    must_eq(n.received,
            n.running + n.acked + n.naked + n.termed + n.expired + n.returned);
    return n;
}

static inline void end_consumer(void)
{
    must_eq(consumer_counts().running, 0);
    must_eq(consumer_counts().workers, 0);
    must_eq(weir_consumer_free(t.c), 0);
    ints_unref(t.begun);
    ints_unref(t.gate);
    memset(&t, 0, sizeof t);
}

#endif
