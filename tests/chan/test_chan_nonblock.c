/* SPDX-License-Identifier: MIT */
/*
 * Operations that may not wait, in every state that a channel can be in:
 * empty, partly full, full, closed with and without content, and with a
 * party waiting at the other side. In three forms: alone, in a batch of one,
 * and as a select with a default.
 */
#include "parties.h"

enum { ALONE, BATCH, SELECT, FORMS };

/* 0 or the reason for none, whatever the form. */
static int form_result(ptrdiff_t r)
{
    must(r <= 1);
    return r == 1 ? 0 : (int)r;
}

static int try_send_as(int form, ints *c, int v)
{
    weir_case cs[] = {ints_send_case(c, &v)};
    int r;

    if (form == ALONE)
        return ints_try_send(c, v);
    if (form == BATCH)
        return form_result(weir_chan_try_send_n(ints_base(c), &v, 1));
    r = weir_try_select(cs, 1);
    must(r == 0 || r == WEIR_EMPTY);
    return r == 0 ? cs[0].status : WEIR_FULL;
}

static int try_recv_as(int form, ints *c, int *v)
{
    weir_case cs[] = {ints_recv_case(c, v)};
    int r;

    if (form == ALONE)
        return ints_try_recv(c, v);
    if (form == BATCH)
        return form_result(weir_chan_try_recv_n(ints_base(c), v, 1));
    r = weir_try_select(cs, 1);
    must(r == 0 || r == WEIR_EMPTY);
    return r == 0 ? cs[0].status : r;
}

BEHAVIOUR(nobody_at_a_rendezvous)
{
    int form, v = 5;

    for (form = 0; form < FORMS; form++) {
        ints *c = ints_new(0);

        must_eq(try_recv_as(form, c, &v), WEIR_EMPTY);
        must_eq(try_send_as(form, c, 1), WEIR_FULL);
        must_eq(try_recv_as(form, c, &v), WEIR_EMPTY);
        must_eq(v, 5);
        ints_unref(c);
    }
    (void)crew;
}

BEHAVIOUR(buffer_in_every_fill)
{
    enum { CAP = 3 };
    int form, i, v;

    for (form = 0; form < FORMS; form++) {
        ints *c = ints_new(CAP);

        must_eq(try_recv_as(form, c, &v), WEIR_EMPTY);
        for (i = 0; i < CAP; i++)
            must_eq(try_send_as(form, c, i), 0);
        must_eq(try_send_as(form, c, 9), WEIR_FULL);
        must_eq(try_recv_as(form, c, &v), 0);
        must_eq(v, 0);
        must_eq(try_send_as(form, c, CAP), 0);
        for (i = 1; i <= CAP; i++) {
            must_eq(try_recv_as(form, c, &v), 0);
            must_eq(v, i);
        }
        must_eq(try_recv_as(form, c, &v), WEIR_EMPTY);
        ints_unref(c);
    }
    (void)crew;
}

BEHAVIOUR(closed_with_and_without_content)
{
    int form, v = 0;

    for (form = 0; form < FORMS; form++) {
        ints *c = ints_new(2), *r = ints_new(0);

        put(c, 4);
        must_eq(ints_close(c), 0);
        must_eq(ints_close(r), 0);
        must_eq(try_send_as(form, c, 1), WEIR_CLOSED);
        must_eq(try_send_as(form, r, 1), WEIR_CLOSED);
        must_eq(try_recv_as(form, c, &v), 0);
        must_eq(v, 4);
        must_eq(try_recv_as(form, c, &v), WEIR_CLOSED);
        must_eq(try_recv_as(form, r, &v), WEIR_CLOSED);
        must_eq(v, 4);
        ints_unref(c);
        ints_unref(r);
    }
    (void)crew;
}

struct waiting {
    ints *c;
    bool selects;
};

static void receive_nine(void *arg)
{
    const struct waiting *w = arg;
    int v = 0;
    weir_case cs[] = {ints_recv_case(w->c, &v)};

    if (w->selects)
        must_eq(weir_select(cs, 1, NULL), 0);
    else
        must_eq(ints_recv(w->c, &v, NULL), 0);
    must_eq(v, 9);
}

static void send_nine(void *arg)
{
    const struct waiting *w = arg;
    const int nine = 9;
    weir_case cs[] = {ints_send_case(w->c, &nine)};

    if (w->selects)
        must_eq(weir_select(cs, 1, NULL), 0);
    else
        put(w->c, 9);
}

/* A try succeeds once the receiver waits, and not before. */
BEHAVIOUR(receiver_waits)
{
    int i, r;

    for (i = 0; i < 2 * FORMS; i++) {
        struct waiting w = {ints_new(i % 4 < 2 ? 0 : 1), i % 2};

        crew_go(crew, receive_nine, &w);
        while ((r = try_send_as(i / 2, w.c, 9)) != 0) {
            must_eq(r, WEIR_FULL);
            weir_yield();
        }
        crew_wait(crew);
        must_eq(ints_len(w.c), 0);
        ints_unref(w.c);
    }
}

BEHAVIOUR(sender_waits)
{
    int i, r, v = 0;

    for (i = 0; i < 2 * FORMS; i++) {
        struct waiting w = {ints_new(0), i % 2};

        crew_go(crew, send_nine, &w);
        while ((r = try_recv_as(i / 2, w.c, &v)) != 0) {
            must_eq(r, WEIR_EMPTY);
            weir_yield();
        }
        must_eq(v, 9);
        crew_wait(crew);
        ints_unref(w.c);
    }
}

/* A sender that waits at a full buffer gets the place that a try frees. */
BEHAVIOUR(sender_waits_at_a_full_buffer)
{
    int form, v = 0;

    for (form = 0; form < FORMS; form++) {
        struct waiting w = {ints_new(2), false};

        put(w.c, 1);
        put(w.c, 2);
        crew_go(crew, send_nine, &w);
        settle();
        must_eq(try_send_as(form, w.c, 3), WEIR_FULL);
        must_eq(try_recv_as(form, w.c, &v), 0);
        must_eq(v, 1);
        crew_wait(crew);
        must_eq(get(w.c), 2);
        must_eq(get(w.c), 9);
        ints_unref(w.c);
    }
}

/*
 * At every instant there is an element or the end to be had, so a try that
 * comes between may say either, but never that the channel is empty.
 */
struct race {
    ints *c;
    int form;
    int status;
};

static void try_once(void *arg)
{
    struct race *r = arg;
    int v;

    r->status = try_recv_as(r->form, r->c, &v);
}

BEHAVIOUR(try_never_misses_content_or_close)
{
    int i, v;

    for (i = 0; i < check_scale(1000); i++) {
        struct race r = {.c = ints_new(1), .form = i % FORMS};

        put(r.c, 1);
        crew_go(crew, try_once, &r);
        must_eq(ints_close(r.c), 0);
        v = ints_recv(r.c, &v, NULL);
        crew_wait(crew);
        must(r.status == 0 || r.status == WEIR_CLOSED);
        must(v == 0 || v == WEIR_CLOSED);
        must((r.status == 0) != (v == 0));
        ints_unref(r.c);
    }
}

CHECK_MAIN(CHECK_MODES(nobody_at_a_rendezvous),
           CHECK_MODES(buffer_in_every_fill),
           CHECK_MODES(closed_with_and_without_content),
           CHECK_MODES(receiver_waits), CHECK_MODES(sender_waits),
           CHECK_MODES(sender_waits_at_a_full_buffer),
           CHECK_MODES(try_never_misses_content_or_close))
