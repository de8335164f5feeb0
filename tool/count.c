/* SPDX-License-Identifier: MIT */
#include "count.h"

#include <string.h>

typedef unsigned char lanes __attribute__((vector_size(16)));

enum { LANES = 16, ROUNDS = 255 };

/* A comparison gives -1 in the lanes that are equal; subtracting it counts,
 * for as many rounds as a lane cannot overflow in. */
static uint64_t count_rounds(const char *data, size_t rounds, lanes wanted)
{
    lanes sum = {0};
    uint64_t total = 0;
    for (size_t i = 0; i < rounds; i++) {
        lanes v;
        memcpy(&v, data + i * LANES, LANES);
        sum -= (lanes)(v == wanted);
    }
    for (int i = 0; i < LANES; i++)
        total += sum[i];
    return total;
}

uint64_t count_byte(const char *data, size_t n, char byte)
{
    lanes wanted;
    uint64_t total = 0;
    memset(&wanted, (unsigned char)byte, sizeof wanted);
    for (size_t rounds; (rounds = n / LANES) > 0;) {
        if (rounds > ROUNDS)
            rounds = ROUNDS;
        total += count_rounds(data, rounds, wanted);
        data += rounds * LANES;
        n -= rounds * LANES;
    }
    for (size_t i = 0; i < n; i++)
        total += data[i] == byte;
    return total;
}
