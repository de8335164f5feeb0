/* SPDX-License-Identifier: MIT */
/*
 * Typed channels: WEIR_CHAN makes a type whose calls take the element by
 * value, and which mixes with the untyped calls and with select.
 */
#include "parties.h"

struct job {
    int number;
    double weight;
    const char *title;
};

WEIR_CHAN(jobs, struct job);
WEIR_CHAN(bytes, unsigned char);

static void send_jobs(void *arg)
{
    jobs *c = arg;
    int i;

    for (i = 0; i < 100; i++) {
        const struct job j = {i, i / 2.0, i % 2 ? "odd" : "even"};

        must_eq(jobs_send(c, j, NULL), 0);
    }
    must_eq(jobs_close(c), 0);
}

BEHAVIOUR(structs_by_value)
{
    jobs *c = jobs_new(3);
    struct job j;
    int i = 0;

    must_eq(weir_chan_elem_size(jobs_base(c)), sizeof(struct job));
    crew_go(crew, send_jobs, c);
    while (jobs_recv(c, &j, NULL) == 0) {
        must_eq(j.number, i);
        must(j.weight == i / 2.0);
        must_eq(strcmp(j.title, i % 2 ? "odd" : "even"), 0);
        i++;
    }
    must_eq(i, 100);
    crew_wait(crew);
    jobs_unref(c);
}

BEHAVIOUR(all_calls_of_the_type)
{
    bytes *c = bytes_new(4);
    unsigned char in[3] = {7, 8, 9}, out[4] = {0}, one = 1;
    weir_case send[] = {bytes_send_case(c, &one)};
    weir_case recv[] = {bytes_recv_case(c, &one)};

    must_eq(bytes_try_recv(c, out), WEIR_EMPTY);
    must_eq(bytes_try_send(c, 6), 0);
    must_eq(bytes_send_n(c, in, 3, NULL), 3);
    must_eq(bytes_try_send(c, 1), WEIR_FULL);
    must_eq(bytes_len(c), bytes_cap(c));
    must_eq(bytes_recv_n(c, out, 4, NULL), 4);
    must_eq(memcmp(out, "\6\7\10\11", 4), 0);
    must_eq(weir_select(send, 1, NULL), 0);
    one = 0;
    must_eq(weir_select(recv, 1, NULL), 0);
    must_eq(one, 1);
    must_eq(bytes_send_batch(c, in, 1, 3, 0, NULL), 3);
    must_eq(bytes_recv_batch(c, out, 1, 4, 0, NULL), 3);
    must_eq(memcmp(out, in, 3), 0);
    must(!bytes_is_closed(c));
    must_eq(bytes_close(c), 0);
    must(bytes_is_closed(c));
    must_eq(bytes_send(c, 1, NULL), WEIR_CLOSED);
    bytes_unref(c);
    (void)crew;
}

/* Channels are values too: the answer comes on a channel in the question. */
struct question {
    int number;
    ints *answer;
};

WEIR_CHAN(questions, struct question);

static void answer_squares(void *arg)
{
    questions *c = arg;
    struct question q;

    while (questions_recv(c, &q, NULL) == 0)
        put(q.answer, q.number * q.number);
}

BEHAVIOUR(channels_through_channels)
{
    questions *c = questions_new(0);
    ints *answer = ints_new(0);
    int i;

    crew_go(crew, answer_squares, c);
    crew_go(crew, answer_squares, c);
    for (i = 0; i < 200; i++) {
        must_eq(questions_send(c, (struct question){i, answer}, NULL), 0);
        must_eq(get(answer), i * i);
    }
    must_eq(questions_close(c), 0);
    crew_wait(crew);
    questions_unref(c);
    ints_unref(answer);
}

CHECK_MAIN(CHECK_MODES(structs_by_value), CHECK_MODES(all_calls_of_the_type),
           CHECK_MODES(channels_through_channels))
