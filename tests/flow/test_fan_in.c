/* SPDX-License-Identifier: MIT */
/*
 * Fans to one: all of every in arrives; shares are fair, in turn or by weight;
 * the merge ends with the last in, or with the context.
 */
#include "fans.h"

/* ---- many to one --------------------------------------------------------- */

BEHAVIOUR(in_merges_until_all_have_ended)
{
    struct side ins = side_of(WIDE, 4);
    ints *out = ints_new(0);
    weir_fan *f;
    int v;

    must_eq(weir_fan_in(&f, ins.base, WIDE, ints_base(out), NULL), 0);
    put(ins.c[1], 5);
    must_eq(get(out), 5);
    ints_close(ins.c[1]);
    put(ins.c[0], 6);
    must_eq(get(out), 6);
    put(ins.c[2], 7);
    ints_close(ins.c[2]);
    ints_close(ins.c[0]);
    must_eq(get(out), 7);
    must_eq(ints_recv(out, &v, NULL), WEIR_CLOSED);
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

BEHAVIOUR(in_takes_turns)
{
    struct side ins = side_of(WIDE, 10);
    ints *out = ints_new(0);
    weir_fan *f;
    int i, turn[WIDE];

    fill(&ins, 10);
    close_all(&ins);
    must_eq(weir_fan_in(&f, ins.base, WIDE, ints_base(out), NULL), 0);
    for (i = 0; i < WIDE; i++)
        turn[i] = get(out);
    must(turn[0] != turn[1] && turn[1] != turn[2] && turn[0] != turn[2]);
    for (; i < 10 * WIDE; i++)
        must_eq(get(out), turn[i % WIDE]);
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

BEHAVIOUR(in_shares_by_weight)
{
    const uint32_t weights[WIDE] = {1, 2, 5};
    struct side ins = side_of(WIDE, 100);
    ints *out = ints_new(0);
    weir_fan *f;
    int i, share[WIDE + 1] = {0};

    fill(&ins, 100);
    must_eq(weir_fan_in(&f, ins.base, WIDE, ints_base(out),
                        &(weir_fan_opts){.weights = weights}),
            0);
    for (i = 0; i < 80; i++)
        share[get(out)]++;
    for (i = 0; i < WIDE; i++) /* of 80: 10, 20, 50, one more or less */
        must(abs(share[i + 1] - 10 * (int)weights[i]) <= 1);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

BEHAVIOUR(shares_stay_when_one_has_ended)
{
    const uint32_t weights[WIDE] = {8, 1, 4};
    struct side ins = side_of(WIDE, 100);
    ints *out = ints_new(0);
    weir_fan *f;
    int i, share[WIDE + 1] = {0};

    fill(&ins, 100);
    while (ints_len(ins.c[0]) > 0)
        get(ins.c[0]);
    ints_close(ins.c[0]);
    must_eq(weir_fan_in(&f, ins.base, WIDE, ints_base(out),
                        &(weir_fan_opts){.weights = weights}),
            0);
    for (i = 0; i < 50; i++)
        share[get(out)]++;
    must(abs(share[2] - 10) <= 1);
    must(abs(share[3] - 40) <= 1);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

BEHAVIOUR(idle_time_is_no_claim)
{
    const uint32_t weights[2] = {1, 1};
    struct side ins = side_of(2, 200);
    ints *out = ints_new(0);
    weir_fan *f;
    int i, share[3] = {0};

    for (i = 0; i < 200; i++)
        put(ins.c[0], 1);
    must_eq(weir_fan_in(&f, ins.base, 2, ints_base(out),
                        &(weir_fan_opts){.weights = weights}),
            0);
    for (i = 0; i < 100; i++)
        must_eq(get(out), 1);
    for (i = 0; i < 100; i++)
        put(ins.c[1], 2);
    for (i = 0; i < 40; i++)
        share[get(out)]++;
    must(abs(share[1] - share[2]) <= 2);
    must_eq(weir_fan_free(f), 0);
    side_unref(&ins);
    ints_unref(out);
    (void)crew;
}

/* ---- or done ------------------------------------------------------------- */

BEHAVIOUR(or_done_ends_with_either)
{
    weir_ctx ctx = WEIR_CTX_INIT;
    ints *in = ints_new(0), *out = ints_new(0);
    weir_fan *f;
    int v;

    must_eq(weir_or_done(&f, ints_base(in), ints_base(out), NULL), 0);
    put(in, 4);
    must_eq(get(out), 4);
    ints_close(in);
    must_eq(ints_recv(out, &v, NULL), WEIR_CLOSED);
    must_eq(weir_fan_join(f), 0);
    must_eq(weir_fan_free(f), 0);
    ints_unref(in);
    ints_unref(out);

    in = ints_new(0);
    out = ints_new(0);
    must_eq(weir_or_done(&f, ints_base(in), ints_base(out),
                         &(weir_fan_opts){.ctx = &ctx}),
            0);
    put(in, 4);
    must_eq(get(out), 4);
    must_eq(weir_ctx_cancel(&ctx, 31), 0);
    must_eq(ints_recv(out, &v, NULL), WEIR_CLOSED);
    must_eq(weir_fan_join(f), 31);
    must(!weir_chan_is_closed(ints_base(in)));
    must_eq(weir_fan_free(f), 0);
    must_eq(weir_ctx_fini(&ctx), 0);
    ints_unref(in);
    ints_unref(out);
    (void)crew;
}

CHECK_MAIN(CHECK_MODES(in_merges_until_all_have_ended),
           CHECK_MODES(in_takes_turns), CHECK_MODES(in_shares_by_weight),
           CHECK_MODES(shares_stay_when_one_has_ended),
           CHECK_MODES(idle_time_is_no_claim),
           CHECK_MODES(or_done_ends_with_either))
