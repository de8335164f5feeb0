/* SPDX-License-Identifier: MIT */
/* A log of events that is damaged, cut off or dropped: each time it is said,
 * and the rest goes on. */
#include <errno.h>
#include "tee.h"

/* The bytes of n numbered events. */
static size_t frames_of(unsigned char *to, size_t room, int n)
{
    weir_stream *st = stream_of((weir_stream_opts){0});
    weir_sink *s = tee_of((weir_tee_opts){.stream = st});
    weir_reader *bytes = NULL;
    ptrdiff_t got;
    int i;

    for (i = 0; i < n; i++)
        must_eq(write_number(s, i, NULL), 0);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(weir_stream_next_reader(st, &bytes), 0);
    got = weir_reader_read_at(bytes, to, room, 0, room, NULL);
    must(got > 0 && (size_t)got < room);
    weir_reader_free(bytes);
    weir_sink_unref(s);
    weir_stream_unref(st);
    return (size_t)got;
}

/* Reads the bytes, which come piece by piece, as a log. */
static struct log log_of_bytes(weir_stream **st, const unsigned char *bytes,
                               size_t n)
{
    *st = stream_of((weir_stream_opts){.segment = 64});
    must_eq(weir_stream_write(*st, bytes, n, NULL), (ptrdiff_t)n);
    must_eq(weir_stream_close(*st), 0);
    return log_of(*st);
}

START_TEST(damage_anywhere_costs_one_event)
{
    unsigned char bytes[1000];
    const size_t n = frames_of(bytes, sizeof bytes, 5), one = n / 5;
    size_t at;

    must_eq(n % 5, 0);
    for (at = 0; at < n; at++) {
        const int hit = (int)(at / one);
        weir_stream *st;
        struct log l;
        int i;

        bytes[at] ^= 0x20;
        l = log_of_bytes(&st, bytes, n);
        for (i = 0; i < 5; i++)
            must_eq(next_number(&l), i == hit ? -EBADMSG : i);
        must_eq(next_number(&l), END);
        must_eq(weir_event_reader_skipped(l.events), (int64_t)one);
        log_end(&l);
        weir_stream_unref(st);
        bytes[at] ^= 0x20;
    }
}
END_TEST

START_TEST(each_damage_is_told)
{
    unsigned char bytes[1000];
    const size_t n = frames_of(bytes, sizeof bytes, 5), one = n / 5;
    weir_stream *st;
    struct log l;
    int i;

    bytes[one + 30] ^= 1;
    bytes[3 * one + 2] ^= 1;
    l = log_of_bytes(&st, bytes, n);
    for (i = 0; i < 5; i++)
        must_eq(next_number(&l), i % 2 ? -EBADMSG : i);
    must_eq(next_number(&l), END);
    log_end(&l);
    weir_stream_unref(st);
}
END_TEST

START_TEST(a_log_that_was_cut_off)
{
    unsigned char bytes[1000];
    const size_t n = frames_of(bytes, sizeof bytes, 3), one = n / 3;
    size_t cut;

    for (cut = 2 * one; cut < n; cut++) {
        weir_stream *st;
        struct log l = log_of_bytes(&st, bytes, cut);

        must_eq(next_number(&l), 0);
        must_eq(next_number(&l), 1);
        if (cut > 2 * one)
            must_eq(next_number(&l), -EBADMSG);
        must_eq(next_number(&l), END);
        log_end(&l);
        weir_stream_unref(st);
    }
}
END_TEST

/* Any bytes: no crash, no loop, and in the end the end. */
START_TEST(anything_may_be_in_the_stream)
{
    unsigned char bytes[4000];
    uint64_t seed = 1;
    int round, i;

    for (round = 0; round < check_scale(300); round++) {
        const size_t n = frames_of(bytes, sizeof bytes, 20);
        weir_stream *st;
        struct log l;
        int code, events = 0, errors = 0;

        for (i = 0; i < 1 + round % 40; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            bytes[(seed >> 33) % n] = (unsigned char)(seed >> 20);
        }
        l = log_of_bytes(&st, bytes, n);
        while ((code = next_number(&l)) != END) {
            must(code >= 0 || code == -EBADMSG);
            *(code < 0 ? &errors : &events) += 1;
        }
        must(events <= 20 && errors <= 20);
        must(events == 20 || errors > 0);
        log_end(&l);
        weir_stream_unref(st);
    }
}
END_TEST

/* The writer drops the oldest bytes under a reader that is too slow. */
BEHAVIOUR(a_reader_that_lags_goes_on_at_the_next_frame)
{
    weir_stream *st = stream_of((weir_stream_opts){
        .max_bytes = 1000, .policy = WEIR_DROP_OLDEST, .segment = 128});
    weir_sink *s = tee_of((weir_tee_opts){.stream = st});
    struct log l = log_of(st);
    int i, n;

    must_eq(write_number(s, 0, NULL), 0);
    must_eq(next_number(&l), 0);
    for (i = 1; i < 200; i++)
        must_eq(write_number(s, i, NULL), 0);
    must_eq(next_number(&l), WEIR_LAGGED);
    n = next_number(&l);
    must(n > 1 && n < 200);
    for (i = n + 1; i < 200; i++)
        must_eq(next_number(&l), i);
    must_eq(weir_sink_close(s, NULL), 0);
    must_eq(next_number(&l), END);
    log_end(&l);
    weir_sink_unref(s);
    weir_stream_unref(st);
    must_eq(alive, 0);
    (void)crew;
}

CHECK_MAIN(CHECK_TEST(damage_anywhere_costs_one_event),
           CHECK_TEST(each_damage_is_told), CHECK_TEST(a_log_that_was_cut_off),
           CHECK_TEST(anything_may_be_in_the_stream),
           CHECK_MODES(a_reader_that_lags_goes_on_at_the_next_frame))
