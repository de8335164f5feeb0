/* SPDX-License-Identifier: MIT */
/*
 * A channel that lets nobody wait for long: what finds it full is dropped,
 * and who finds it empty gives up after 50 ms.
 */
#include "must.h"

WEIR_CHAN(numbers, int);

static uint64_t dropped(numbers *c)
{
    weir_chan_stats stats;

    must(weir_chan_get_stats(numbers_base(c), &stats));
    return stats.dropped;
}

int main(void)
{
    numbers *c = made(numbers_new_with((weir_chan_opts){
        .capacity = 1,
        .policy = WEIR_DROP,
        .send_timeout = 50 * WEIR_MILLISECOND,
        .recv_timeout = 50 * WEIR_MILLISECOND,
    }));
    int n;

    must(numbers_send(c, 1, NULL));
    must(numbers_send(c, 2, NULL));
    if (dropped(c) == 1)
        puts("Send dropped: buffer full");

    if (numbers_recv(c, &n, NULL) == 0)
        printf("Received: %d\n", n);
    if (numbers_recv(c, &n, NULL) == WEIR_TIMEDOUT)
        puts("Receive failed: channel empty");

    must(weir_stop(WEIR_FOREVER));
    numbers_unref(c);
    return printed();
}
