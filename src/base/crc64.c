/* SPDX-License-Identifier: MIT */
/*
 * Sixteen bytes a step through sixteen tables ("slicing", Kounavis and Berry,
 * 2005), made when first used: 32 KiB. Where the processor multiplies without
 * carries, 64 bytes a step are folded into the next 64 ("Fast CRC Computation
 * for Generic Polynomials Using PCLMULQDQ", Gopal and others, 2009), which is
 * some five times as fast.
 *
 * Polynomials are reflected: bit 63 is the coefficient of x^0.
 */
#include "base/crc64.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>
#include <weir/once.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define FOLDS 1
#endif

#define POLYNOMIAL UINT64_C(0xc96c5795d7870f42) /* ECMA-182 */

/* table[k][b]: what the byte b leaves when k more bytes of zero follow. */
static uint64_t table[16][256];
static uint64_t fold[4];
#if defined(FOLDS)
static bool folds;
#endif
static weir_once made;

static uint64_t times_x(uint64_t a)
{
    return a >> 1 ^ (a & 1 ? POLYNOMIAL : 0);
}

static void make_table(void)
{
    for (unsigned b = 0; b < 256; b++) {
        uint64_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = times_x(crc);
        table[0][b] = crc;
    }
    for (int k = 1; k < 16; k++)
        for (int b = 0; b < 256; b++) {
            const uint64_t crc = table[k - 1][b];
            table[k][b] = crc >> 8 ^ table[0][crc & 0xff];
        }
}

static uint64_t power_of_x(int n)
{
    uint64_t a = UINT64_C(1) << 63;
    while (n-- > 0)
        a = times_x(a);
    return a;
}

/* To move 128 bits on by 512 and by 128: one factor for each half. A reflected
 * product comes out one bit lower, which the exponents make good. */
static void make(void *unused)
{
    (void)unused;
    make_table();
    fold[0] = power_of_x(512 + 64 - 1);
    fold[1] = power_of_x(512 - 1);
    fold[2] = power_of_x(128 + 64 - 1);
    fold[3] = power_of_x(128 - 1);
#ifdef FOLDS
    folds = __builtin_cpu_supports("pclmul") != 0;
#endif
}

/* ---- by tables ----------------------------------------------------------- */

/* What the eight bytes leave when so many more of zero follow. */
static uint64_t eight(uint64_t x, int zeros)
{
    uint64_t crc = 0;
    for (int i = 0; i < 8; i++)
        crc ^= table[zeros + 7 - i][x >> 8 * i & 0xff];
    return crc;
}

static uint64_t word(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return le64toh(x);
}

static uint64_t by_table(uint64_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 16; n -= 16, p += 16)
        crc = eight(crc ^ word(p), 8) ^ eight(word(p + 8), 0);
    while (n-- > 0)
        crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
    return crc;
}

/* ---- by folding ---------------------------------------------------------- */

#ifdef FOLDS
enum { LEAST = 128 };

typedef const __m128i_u *block;

/* x times the factors in k, on to what is at `next`. */
__attribute__((target("pclmul"))) static inline __m128i onto(__m128i x,
                                                             __m128i k,
                                                             __m128i next)
{
    const __m128i low = _mm_clmulepi64_si128(x, k, 0x00);
    const __m128i high = _mm_clmulepi64_si128(x, k, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* n >= LEAST. What is left, 16 bytes and a tail, goes by the table. */
__attribute__((target("pclmul"))) static uint64_t by_folding(
    uint64_t crc, const unsigned char *p, size_t n)
{
    const __m128i by_512 = _mm_loadu_si128((block)(const void *)&fold[0]);
    const __m128i by_128 = _mm_loadu_si128((block)(const void *)&fold[2]);
    unsigned char left[16];
    __m128i x[4];
    for (int i = 0; i < 4; i++)
        x[i] = _mm_loadu_si128((block)(const void *)p + i);
    x[0] = _mm_xor_si128(x[0], _mm_cvtsi64_si128((long long)crc));
    for (p += 64, n -= 64; n >= 64; p += 64, n -= 64)
        for (int i = 0; i < 4; i++)
            x[i] =
                onto(x[i], by_512, _mm_loadu_si128((block)(const void *)p + i));
    for (int i = 1; i < 4; i++)
        x[i] = onto(x[i - 1], by_128, x[i]);
    _mm_storeu_si128((__m128i_u *)(void *)left, x[3]);
    return by_table(by_table(0, left, sizeof left), p, n);
}
#endif

uint64_t wr_crc64(uint64_t crc, const void *data, size_t n)
{
    weir_once_do(&made, make, NULL);
#ifdef FOLDS
    if (folds && n >= LEAST)
        return ~by_folding(~crc, data, n);
#endif
    return ~by_table(~crc, data, n);
}
