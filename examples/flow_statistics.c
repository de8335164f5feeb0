/* SPDX-License-Identifier: MIT */
/* The account of a channel: always kept, and always in balance. */
#include <inttypes.h>
#include "must.h"

WEIR_CHAN(numbers, int);

int main(void)
{
    numbers *c = made(numbers_new(5));
    weir_chan_stats stats;

    for (int i = 0; i < 3; i++)
        must(numbers_send(c, i, NULL));
    for (int i = 0; i < 2; i++)
        must(numbers_recv(c, NULL, NULL));

    must(weir_chan_get_stats(numbers_base(c), &stats));
    printf("Sends: %" PRIu64 "\n", stats.sent);
    printf("Receives: %" PRIu64 "\n", stats.received);
    printf("Dropped: %" PRIu64 "\n", stats.dropped);
    printf("Buffer utilization: %.1f%%\n", stats.utilization * 100);
    printf("Current length: %zu\n", numbers_len(c));

    numbers_unref(c);
    return printed();
}
