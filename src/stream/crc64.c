/* SPDX-License-Identifier: MIT */
/*
 * Eight bytes a step through eight tables ("slicing by 8", Kounavis and Berry,
 * 2005), made when first used: 16 KiB.
 */
#include "stream/crc64.h"

#include <endian.h>
#include <string.h>
#include <weir/once.h>

#define POLYNOMIAL UINT64_C(0xc96c5795d7870f42) /* ECMA-182, reflected */

/* table[k][b]: what the byte b leaves when k more bytes of zero follow. */
static uint64_t table[8][256];
static weir_once made;

static void make(void *unused)
{
    (void)unused;
    for (unsigned b = 0; b < 256; b++) {
        uint64_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][b] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (unsigned b = 0; b < 256; b++) {
            const uint64_t crc = table[k - 1][b];
            table[k][b] = crc >> 8 ^ table[0][crc & 0xff];
        }
}

static uint64_t eight(uint64_t x)
{
    return table[7][x & 0xff] ^ table[6][x >> 8 & 0xff] ^
           table[5][x >> 16 & 0xff] ^ table[4][x >> 24 & 0xff] ^
           table[3][x >> 32 & 0xff] ^ table[2][x >> 40 & 0xff] ^
           table[1][x >> 48 & 0xff] ^ table[0][x >> 56];
}

uint64_t wr_crc64(uint64_t crc, const void *data, size_t n)
{
    const unsigned char *p = data;
    weir_once_do(&made, make, NULL);
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t x;
        memcpy(&x, p, sizeof x);
        crc = eight(crc ^ le64toh(x));
    }
    while (n-- > 0)
        crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
    return ~crc;
}
