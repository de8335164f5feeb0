/* SPDX-License-Identifier: MIT */
/*
 * Options that make no sense are told by a sentence and give no channel; at
 * the edge of what makes sense there is one. Without memory there is none
 * either, and nothing is left behind.
 */
#include <weir/inplace.h>
#include "base/mem.h"
#include "flowctl.h"

static size_t any_size(const void *elem, void *arg)
{
    (void)elem;
    (void)arg;
    return 1;
}

static const struct bad {
    weir_chan_opts o;
    const char *names; /* a word that the sentence has */
} bad[] = {
    {{.elem_size = ((size_t)16 << 20) + 1}, "elem_size"},
    {{.elem_size = SIZE_MAX}, "elem_size"},
    {{.capacity = ((size_t)1 << 31) + 1}, "capacity"},
    {{.capacity = SIZE_MAX}, "capacity"},
    {{.capacity = 1, .policy = WEIR_POLICIES}, "policy"},
    {{.capacity = 1, .policy = (enum weir_policy)77}, "policy"},
    {{.capacity = 2, .policy = WEIR_LATEST}, "WEIR_LATEST"},
    {{.capacity = 2, .sample_every = 3}, "sample_every"},
    {{.capacity = 2, .policy = WEIR_DROP, .sample_every = 3}, "sample_every"},
    {{.capacity = 1, .send_timeout = -1}, "timeout"},
    {{.capacity = 1, .recv_timeout = INT64_MIN}, "timeout"},
    {{.capacity = 1, .max_bytes = 10}, "size_of"},
    {{.capacity = 1, .size_of = any_size}, "max_bytes"},
    {{.capacity = 0, .size_of = any_size, .max_bytes = 1}, "max_bytes"},
    {{.capacity = 1, .size_of = any_size, .max_bytes = SIZE_MAX}, "max_bytes"},
    {{.capacity = 1, .high = 101}, "high"},
    {{.capacity = 1, .high = UINT32_MAX}, "high"},
    {{.capacity = 1, .high = 50, .low = 50}, "low"},
    {{.capacity = 1, .high = 50, .low = 51}, "low"},
    {{.capacity = 1, .low = 10}, "low"},
    {{.capacity = 0, .high = 80, .low = 10}, "atermark"},
    {{.capacity = 0, .hooks.on_high = hear_high}, "atermark"},
    {{.capacity = 0, .hooks.on_low = hear_low}, "atermark"},
    {{.capacity = 0, .single_producer = true}, "single_producer"},
    {{.capacity = 0, .single_consumer = true}, "single_consumer"},
    {{.capacity = 2,
      .single_producer = true,
      .max_bytes = 5,
      .size_of = any_size},
     "max_bytes"},
    {{.capacity = 2, .single_consumer = true, .policy = WEIR_DROP_OLDEST},
     "single_consumer"},
    {{.capacity = 1, .single_consumer = true, .policy = WEIR_LATEST},
     "single_consumer"},
    {{.capacity = 2, .single_consumer = true, .policy = WEIR_SAMPLE},
     "single_consumer"},
};

enum { BAD = sizeof bad / sizeof bad[0] };

START_TEST(each_bad_option_is_named)
{
    const weir_chan_opts *o = &bad[_i].o;
    const char *why = weir_chan_opts_error(o);

    must(why != NULL);
    if (strstr(why, bad[_i].names) == NULL)
        ck_abort_msg("%d: \"%s\" does not name %s", _i, why, bad[_i].names);
    must(weir_chan_new_with(o) == NULL);
}
END_TEST

BEHAVIOUR(no_options)
{
    must(weir_chan_opts_error(NULL) != NULL);
    must(weir_chan_new_with(NULL) == NULL);
    must(weir_chan_new(SIZE_MAX, 1) == NULL);
    must(weir_chan_new(1, SIZE_MAX) == NULL);
    must(weir_chan_new((size_t)16 << 20, (size_t)1 << 31) == NULL);
    (void)crew;
}

/* ---- what is good, at the edge --------------------------------------------
 */

static const weir_chan_opts good[] = {
    {0},
    {.elem_size = (size_t)16 << 20, .capacity = 1},
    {.elem_size = 1, .capacity = 1, .policy = WEIR_LATEST},
    {.elem_size = 1, .policy = WEIR_LATEST},
    {.elem_size = 1, .policy = WEIR_LATEST, .high = 100},
    {.elem_size = 1, .policy = WEIR_LATEST, .single_producer = true},
    {.elem_size = 1, .policy = WEIR_DROP},
    {.elem_size = 1, .policy = WEIR_SAMPLE, .sample_every = UINT32_MAX},
    {.elem_size = 1, .capacity = 1, .high = 1},
    {.elem_size = 1, .capacity = 1, .high = 100, .low = 99},
    {.elem_size = 1, .capacity = 1, .timed_every = UINT32_MAX},
    {.elem_size = 1, .timed_every = 1},
    {.elem_size = 1, .capacity = 3, .max_bytes = 1, .size_of = any_size},
    {.elem_size = 1,
     .capacity = 3,
     .max_bytes = (size_t)INT64_MAX,
     .size_of = any_size},
    {.elem_size = 1, .capacity = 3, .send_timeout = INT64_MAX},
    {.elem_size = 1, .capacity = 3, .recv_timeout = 1},
    {.elem_size = 1,
     .capacity = 3,
     .single_producer = true,
     .single_consumer = true,
     .policy = WEIR_DROP},
    {.elem_size = 1,
     .capacity = 3,
     .single_producer = true,
     .policy = WEIR_SAMPLE},
    {.elem_size = 3, .capacity = 3, .uncounted = true},
};

enum { GOOD = sizeof good / sizeof good[0] };

START_TEST(each_good_option_works)
{
    const weir_chan_opts *o = &good[_i];
    weir_chan *c = weir_chan_new_with(o);
    char *elem = calloc(1, o->elem_size + 1);

    must(weir_chan_opts_error(o) == NULL);
    must(c != NULL && elem != NULL);
    must_eq(weir_chan_policy(c), o->policy);
    must_eq(weir_chan_elem_size(c), o->elem_size);
    if (weir_chan_cap(c) > 0) {
        must_eq(weir_chan_try_send(c, elem), 0);
        must_eq(account(c).queued, 1);
        must_eq(weir_chan_try_recv(c, elem), 0);
    }
    must_eq(weir_chan_try_recv(c, elem), WEIR_EMPTY);
    free(elem);
    weir_chan_unref(c);
}
END_TEST

BEHAVIOUR(the_default)
{
    const weir_chan_opts o = weir_chan_opts_default(sizeof(int));
    weir_chan *c = chan_of(&o);

    must_eq(weir_chan_cap(c), 100);
    must_eq(weir_chan_policy(c), WEIR_BLOCK);
    must_eq(weir_chan_elem_size(c), sizeof(int));
    must(strcmp(weir_chan_name(c), "") == 0);
    weir_chan_unref(c);
    (void)crew;
}

/* The options are copied: the caller's may change or go. */
BEHAVIOUR(copied)
{
    struct heard h = {0};
    char name[80];
    weir_chan_opts o = opts_of(WEIR_DROP, 1, &h);
    weir_chan *c;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    o.name = name;
    c = chan_of(&o);
    memset(&o, 0xff, sizeof o);
    memset(name, 0, sizeof name);
    must_eq(strlen(weir_chan_name(c)), 63);
    must_eq(send_int(c, 1), 0);
    must_eq(send_int(c, 2), 0);
    must_eq(h.drops, 1);
    weir_chan_unref(c);
    (void)crew;
}

/* ---- out of memory --------------------------------------------------------
 */

static void find_none(weir_chan *c, void *arg)
{
    (void)arg;
    ck_abort_msg("%s is still listed", weir_chan_name(c));
}

/* The n-th allocation fails, until there are enough. */
BEHAVIOUR(no_memory_for_a_channel)
{
    const weir_chan_opts o = {.elem_size = 8,
                              .capacity = 4,
                              .name = "poor",
                              .policy = WEIR_DROP_OLDEST,
                              .timed_every = 1,
                              .max_bytes = 100,
                              .size_of = any_size};
    weir_chan *c = NULL;
    int n;

    for (n = 0; c == NULL; n++) {
        wr_mem_fail_after(n);
        c = weir_chan_new_with(&o);
        wr_mem_fail_after(-1);
        must(n < 20);
    }
    must(n >= 4); /* the channel, what it has of flow, its clocks, its ring */
    weir_chan_unref(c);
    must_eq(weir_chan_each(find_none, NULL), 0);
    (void)crew;
}

/* A large element that is dropped is copied for its hook: without memory it
 * is not dropped. */
BEHAVIOUR(no_memory_for_a_drop)
{
    enum { SIZE = 5000 };
    static const enum weir_policy drops[] = {WEIR_DROP, WEIR_DROP_OLDEST};
    int i;

    for (i = 0; i < 2; i++) {
        struct heard h = {0};
        weir_chan_opts o = opts_of(drops[i], 1, &h);
        static char elem[SIZE];
        weir_chan *c;

        o.elem_size = SIZE;
        c = chan_of(&o);
        must_eq(weir_chan_send(c, elem, NULL), 0);
        wr_mem_fail_after(0);
        must_eq(weir_chan_send(c, elem, NULL), WEIR_ENOMEM);
        must_eq(weir_chan_try_send(c, elem), WEIR_ENOMEM);
        wr_mem_fail_after(-1);
        must_eq(account(c).sent, 1);
        must_eq(account(c).dropped, 0);
        must_eq(weir_chan_send(c, elem, NULL), 0);
        must_eq(h.drops, 1);
        weir_chan_unref(c);
    }
    (void)crew;
}

/* Without memory for the runtime, which keeps the time, a call with a limit
 * fails, and takes nothing down with it. */
START_TEST(no_memory_for_a_limit)
{
    weir_chan_opts o = {.elem_size = sizeof(int),
                        .capacity = 1,
                        .send_timeout = WEIR_MINUTE,
                        .recv_timeout = WEIR_MINUTE,
                        .single_producer = true,
                        .single_consumer = true};
    weir_chan *c = chan_of(&o);
    int v[4] = {0};
    void *p;

    wr_mem_fail_after(0);
    must_eq(weir_chan_recv(c, v, NULL), WEIR_ENOMEM);
    must_eq(weir_chan_peek(c, &p, NULL), WEIR_ENOMEM);
    must_eq(weir_chan_recv_batch(c, v, 1, 4, WEIR_MINUTE, NULL), WEIR_ENOMEM);
    must_eq(weir_chan_send(c, v, NULL), 0);
    must_eq(weir_chan_send(c, v, NULL), WEIR_ENOMEM);
    must_eq(weir_chan_reserve(c, &p, NULL), WEIR_ENOMEM);
    /* What it has it keeps, though there is no time for more. */
    must_eq(weir_chan_recv_batch(c, v, 1, 4, WEIR_MINUTE, NULL), 1);
    must_eq(weir_chan_send_batch(c, v, 1, 4, WEIR_MINUTE, NULL), 1);
    wr_mem_fail_after(-1);
    must_eq(account(c).queued, 1);
    weir_chan_unref(c);
}
END_TEST

CHECK_MAIN(CHECK_LOOP(each_bad_option_is_named, BAD),
           CHECK_LOOP(each_good_option_works, GOOD), CHECK_MODES(no_options),
           CHECK_MODES(the_default), CHECK_MODES(copied),
           CHECK_MODES(no_memory_for_a_channel),
           CHECK_MODES(no_memory_for_a_drop), CHECK_TEST(no_memory_for_a_limit))
