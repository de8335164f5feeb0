/* SPDX-License-Identifier: MIT */
/* The checksum, against its definition, a bit at a time. */
#include "base/crc64.h"
#include "../chan/parties.h"
#include "base/rand.h"

static uint64_t by_bits(uint64_t crc, const unsigned char *p, size_t n)
{
    int bit;

    crc = ~crc;
    while (n-- > 0) {
        crc ^= *p++;
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT64_C(0xc96c5795d7870f42) : 0);
    }
    return ~crc;
}

static void fill(unsigned char *p, size_t n)
{
    uint64_t state = 1;

    while (n-- > 0)
        *p++ = (unsigned char)wr_rand_below(&state, 256);
}

START_TEST(it_is_the_one_of_xz)
{
    must(wr_crc64(0, "123456789", 9) == UINT64_C(0x995dc9bbdf1939fa));
    must(wr_crc64(0, "", 0) == 0);
}
END_TEST

START_TEST(each_length_at_each_place)
{
    unsigned char buf[1200];
    size_t n, at;

    fill(buf, sizeof buf);
    for (n = 0; n < 700; n++)
        for (at = 0; at < 5; at++)
            must(wr_crc64(n * 77, buf + at, n) == by_bits(n * 77, buf + at, n));
}
END_TEST

START_TEST(it_chains)
{
    unsigned char buf[1200];
    size_t n;

    fill(buf, sizeof buf);
    for (n = 0; n <= sizeof buf; n += 7)
        must(wr_crc64(wr_crc64(0, buf, n), buf + n, sizeof buf - n) ==
             wr_crc64(0, buf, sizeof buf));
}
END_TEST

CHECK_MAIN(CHECK_TEST(it_is_the_one_of_xz),
           CHECK_TEST(each_length_at_each_place), CHECK_TEST(it_chains))
