/* SPDX-License-Identifier: MIT */
/* WEIR_ERROR: a full channel refuses, and the sender decides what to do. */
#include "must.h"

WEIR_CHAN(numbers, int);

int main(void)
{
    numbers *c = made(numbers_new_with((weir_chan_opts){
        .capacity = 2,
        .policy = WEIR_ERROR,
    }));

    must(numbers_send(c, 1, NULL));
    must(numbers_send(c, 2, NULL));
    printf("Buffer full: %zu/%zu\n", numbers_len(c), numbers_cap(c));

    if (numbers_send(c, 3, NULL) == WEIR_FULL)
        puts("Send failed: channel is full");
    printf("Buffer still has: %zu items\n", numbers_len(c));

    numbers_unref(c);
    return printed();
}
