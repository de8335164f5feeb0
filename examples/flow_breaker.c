/* SPDX-License-Identifier: MIT */
/*
 * A circuit breaker before a queue that refuses when it is full: after three
 * refusals in a row callers are turned away without asking it, and after five
 * seconds one of them may try again. The clock is one that the program sets,
 * so nobody waits.
 */
#include "must.h"

WEIR_CHAN(requests, int);

static int64_t the_time;

static int64_t clock_now(void)
{
    return the_time;
}

static void say_change(weir_breaker *b, enum weir_breaker_state from,
                       enum weir_breaker_state to, void *arg)
{
    (void)b, (void)arg;
    printf("Breaker: %s -> %s\n", weir_breaker_state_name(from),
           weir_breaker_state_name(to));
}

struct request {
    int number;
    requests *queue;
};

static int enqueue(void *arg)
{
    const struct request *r = arg;

    return requests_send(r->queue, r->number, NULL);
}

static void handle(weir_breaker *b, requests *queue, int number)
{
    struct request r = {number, queue};
    int code = weir_breaker_call(b, enqueue, &r);

    if (code == WEIR_LIMIT || code == WEIR_BUSY)
        printf("Request %d: service overloaded\n", number);
    else if (code == WEIR_FULL)
        printf("Request %d: queue full\n", number);
    else if (must(code) == 0)
        printf("Request %d: accepted\n", number);
}

int main(void)
{
    requests *queue = made(requests_new_with((weir_chan_opts){
        .capacity = 2,
        .policy = WEIR_ERROR,
    }));
    const weir_breaker_opts opts = {
        .failures = 3,
        .open_for = 5 * WEIR_SECOND,
        .on_change = say_change,
        .now = clock_now,
    };
    weir_breaker b;

    must(weir_breaker_init(&b, &opts));
    for (int i = 1; i <= 7; i++)
        handle(&b, queue, i);

    must(requests_recv(queue, NULL, NULL)); /* the service recovers */
    handle(&b, queue, 8);
    the_time += 5 * WEIR_SECOND;
    handle(&b, queue, 9);

    requests_unref(queue);
    return printed();
}
