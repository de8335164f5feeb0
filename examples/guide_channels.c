/* SPDX-License-Identifier: MIT */
/*
 * Channels: one without a buffer, where a send returns when its event has been
 * received; one with, where it returns while there is room; and how a receiver
 * learns that the channel is closed and empty.
 */
#include "must.h"

struct event {
    int number;
};

WEIR_CHAN(events, struct event);

static void send_one(void *c)
{
    must(events_send(c, (struct event){1}, NULL));
}

static void unbuffered(void)
{
    events *c = made(events_new(0));
    struct event e;

    if (events_try_send(c, (struct event){0}) == WEIR_FULL)
        puts("unbuffered: nobody receives");
    must(weir_go(send_one, c));
    must(events_recv(c, &e, NULL));
    printf("unbuffered: event %d, hand to hand\n", e.number);
    must(weir_stop(WEIR_FOREVER)); /* the sender has returned */
    events_unref(c);
}

static void buffered(void)
{
    events *c = made(events_new(100));
    struct event e;
    int err;

    for (int i = 1; i <= 3; i++)
        must(events_send(c, (struct event){i}, NULL));
    printf("buffered: %zu wait, there is room for %zu\n", events_len(c),
           events_cap(c));
    must(events_close(c));
    if (events_send(c, (struct event){4}, NULL) == WEIR_CLOSED)
        puts("buffered: closed, no event is taken");
    while ((err = events_recv(c, &e, NULL)) == 0)
        printf("buffered: event %d\n", e.number);
    printf("buffered: %s\n", weir_errname(err));
    events_unref(c);
}

int main(void)
{
    unbuffered();
    buffered();
    return printed();
}
