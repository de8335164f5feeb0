/* SPDX-License-Identifier: MIT */
/* Balance by key: each event to the sink of its key. */
#include <weir/sinks.h>
#include "events.h"

enum { SINKS = 5, KEYS = 1000, WRITERS = 4 };

struct fan {
    weir_sink *s;
    struct recorder *r[SINKS];
};

static struct fan fan_new(void)
{
    struct fan f = {0};
    weir_sink *to[SINKS];
    int i;

    for (i = 0; i < SINKS; i++) {
        f.r[i] = recorder_new();
        to[i] = &f.r[i]->sink;
    }
    must_eq(weir_by_key_new(&f.s, to, SINKS), 0);
    return f;
}

static void fan_end(struct fan *f)
{
    int i;

    weir_sink_unref(f->s);
    for (i = 0; i < SINKS; i++)
        recorder_end(f->r[i]);
    must_eq(alive, 0);
}

/* The sink that gets the event with that key; it forgets it again. */
static int place_of(struct fan *f, int key)
{
    int i, at = -1;

    must_eq(write_number(f->s, key, NULL), 0);
    for (i = 0; i < SINKS; i++) {
        if (f->r[i]->n == 0)
            continue;
        must_eq(at, -1);
        at = i;
        f->r[i]->n = 0;
    }
    must(at >= 0);
    return at;
}

BEHAVIOUR(a_key_has_one_sink)
{
    struct fan f = fan_new(), again = fan_new();
    int at[KEYS], count[SINKS] = {0}, i;

    for (i = 0; i < KEYS; i++)
        count[at[i] = place_of(&f, i)]++;
    for (i = 0; i < KEYS; i++) {
        must_eq(place_of(&f, i), at[i]);
        must_eq(place_of(&again, i), at[i]); /* of any such sink */
    }
    for (i = 0; i < SINKS; i++)
        must(count[i] > KEYS / SINKS / 2 && count[i] < 2 * KEYS / SINKS);
    fan_end(&f);
    fan_end(&again);
    (void)crew;
}

BEHAVIOUR(only_the_keys_of_a_closed_one_move)
{
    struct fan f = fan_new();
    int at[KEYS], moved[SINKS] = {0}, i, now;

    for (i = 0; i < KEYS; i++)
        at[i] = place_of(&f, i);
    f.r[2]->result = WEIR_CLOSED;
    for (i = 0; at[i] != 2; i++)
        ;
    must_eq(write_number(f.s, i, NULL), 0); /* it is asked once */
    must_eq(f.r[2]->n, 1);
    for (i = 0; i < SINKS; i++)
        f.r[i]->n = 0;
    for (i = 0; i < KEYS; i++) {
        now = place_of(&f, i);
        must(now == at[i] || at[i] == 2);
        moved[now] += at[i] == 2;
    }
    must_eq(moved[2], 0);
    for (i = 0; i < SINKS; i++)
        must(i == 2 || moved[i] > 0); /* to all others */
    fan_end(&f);
    (void)crew;
}

BEHAVIOUR(what_has_no_key_goes_in_turn)
{
    struct fan f = fan_new();
    weir_event *e = NULL;
    int i;

    must_eq(
        weir_event_new(&e, &(weir_event_opts){.payload = &i, .size = sizeof i}),
        0);
    i = 7;
    for (i = 0; i < SINKS; i++)
        must_eq(write_number(f.s, NONE, NULL), 0);
    for (i = 0; i < SINKS; i++)
        must_eq(weir_sink_write(f.s, e, NULL), 0);
    for (i = 0; i < SINKS; i++) {
        must_eq(f.r[i]->n, 2);
        must_eq(f.r[i]->got[0], NONE);
    }
    weir_event_unref(e);
    fan_end(&f);
    (void)crew;
}

BEHAVIOUR(a_failure_is_no_close)
{
    struct fan f = fan_new();
    const int at = place_of(&f, 1);
    int i;

    f.r[at]->result = -4;
    must_eq(write_number(f.s, 1, NULL), -4);
    f.r[at]->result = 0;
    must_eq(write_number(f.s, 1, NULL), 0);
    must_eq(f.r[at]->n, 2);
    must_eq(weir_sink_close(f.s, NULL), 0);
    for (i = 0; i < SINKS; i++)
        must_eq(f.r[i]->closed, 1);
    must_eq(write_number(f.s, 1, NULL), WEIR_CLOSED);
    fan_end(&f);
    (void)crew;
}

/* ---- order --------------------------------------------------------------- */

static weir_event *keyed(int key, int n)
{
    weir_event *e = NULL;

    must_eq(weir_event_new(&e, &(weir_event_opts){.key = &key,
                                                  .key_size = sizeof key,
                                                  .payload = &n,
                                                  .size = sizeof n}),
            0);
    return e;
}

struct writer {
    weir_sink *s;
    atomic_int next;
};

static void write_in_order(void *arg)
{
    struct writer *w = arg;
    const int key = atomic_fetch_add(&w->next, 1);
    int i;

    for (i = 0; i < 200; i++) {
        weir_event *e = keyed(key, 1000 * key + i);

        must_eq(weir_sink_write(w->s, e, NULL), 0);
        weir_event_unref(e);
    }
}

/* Each key's events arrive in order, through queues that run in parallel. */
BEHAVIOUR(order_is_kept_by_key)
{
    struct recorder *r[SINKS];
    weir_queue *q[SINKS];
    weir_sink *to[SINKS];
    struct writer w = {0};
    int last[WRITERS] = {-1, -1, -1, -1}, i, j, all = 0;

    for (i = 0; i < SINKS; i++) {
        r[i] = recorder_new();
        q[i] = queue_of((weir_queue_opts){.sink = &r[i]->sink});
        to[i] = weir_queue_sink(q[i]);
    }
    must_eq(weir_by_key_new(&w.s, to, SINKS), 0);
    for (i = 0; i < WRITERS; i++)
        crew_go(crew, write_in_order, &w);
    crew_wait(crew);
    must_eq(weir_sink_close(w.s, NULL), 0);
    for (i = 0; i < SINKS; i++)
        for (j = 0; j < r[i]->n; j++, all++) {
            const int key = r[i]->got[j] / 1000;

            must_eq(r[i]->got[j] % 1000, last[key] + 1);
            last[key]++;
        }
    must_eq(all, WRITERS * 200);
    weir_sink_unref(w.s);
    for (i = 0; i < SINKS; i++) {
        weir_queue_unref(q[i]);
        recorder_end(r[i]);
    }
}

START_TEST(wrong_use_is_refused)
{
    struct recorder *r = recorder_new();
    weir_sink *const to[] = {&r->sink, NULL};
    weir_sink *s = &r->sink;

    must_eq(weir_by_key_new(&s, to, 2), WEIR_EINVAL);
    must(s == NULL);
    must_eq(weir_by_key_new(&s, to, 0), WEIR_EINVAL);
    must_eq(weir_by_key_new(NULL, to, 1), WEIR_EINVAL);
    wr_mem_fail_after(0);
    must_eq(weir_by_key_new(&s, to, 1), WEIR_ENOMEM);
    wr_mem_fail_after(-1);
    recorder_end(r);
}
END_TEST

CHECK_MAIN(CHECK_MODES(a_key_has_one_sink),
           CHECK_MODES(only_the_keys_of_a_closed_one_move),
           CHECK_MODES(what_has_no_key_goes_in_turn),
           CHECK_MODES(a_failure_is_no_close),
           CHECK_MODES(order_is_kept_by_key), CHECK_TEST(wrong_use_is_refused))
