/* SPDX-License-Identifier: MIT */
/* A producer and a consumer, each a task; closing the channel ends both. */
#include "must.h"

WEIR_CHAN(numbers, int);

static void produce(void *c)
{
    for (int i = 0; i < 5; i++) {
        must(numbers_send(c, i * i, NULL));
        printf("Produced: %d\n", i * i);
    }
    must(numbers_close(c));
}

static void consume(void *c)
{
    int n;

    while (numbers_recv(c, &n, NULL) == 0)
        printf("Consumed: %d\n", n);
}

int main(void)
{
    numbers *c = made(numbers_new(10));

    must(weir_go(produce, c));
    must(weir_go(consume, c));
    must(weir_stop(WEIR_FOREVER)); /* both have ended */
    numbers_unref(c);
    return printed();
}
