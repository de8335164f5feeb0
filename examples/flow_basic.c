/* SPDX-License-Identifier: MIT */
/* The first steps: what was sent is received, in order, and counted. */
#include "must.h"

WEIR_CHAN(numbers, int);

int main(void)
{
    numbers *c = made(numbers_new(3));
    int first, second;

    must(numbers_send(c, 1, NULL));
    must(numbers_send(c, 2, NULL));
    must(numbers_send(c, 3, NULL));
    printf("Channel length: %zu\n", numbers_len(c));

    must(numbers_recv(c, &first, NULL));
    must(numbers_recv(c, &second, NULL));
    printf("Received: %d, %d\n", first, second);
    printf("Remaining length: %zu\n", numbers_len(c));

    numbers_unref(c);
    return printed();
}
