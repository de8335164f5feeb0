/* SPDX-License-Identifier: MIT */
/*
 * Rational numbers in lowest terms, the coefficients of power series. Enough
 * for some ten terms; the denominator is above 0.
 */
#ifndef RATIONAL_H
#define RATIONAL_H

#include <stdint.h>
#include <stdbool.h>

struct rational {
    int64_t num;
    int64_t den;
};

/* What a sum or product is before it is brought to lowest terms. */
__extension__ typedef __int128 rational_wide;

static inline rational_wide greatest_common_divisor(rational_wide a,
                                                    rational_wide b)
{
    while (b != 0) {
        const rational_wide rest = a % b;

        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

static inline struct rational rational(rational_wide num, rational_wide den)
{
    const rational_wide g =
        greatest_common_divisor(num, den) * (den < 0 ? -1 : 1);

    return (struct rational){(int64_t)(num / g), (int64_t)(den / g)};
}

static inline struct rational rational_add(struct rational a, struct rational b)
{
    const rational_wide left = (rational_wide)a.num * b.den;
    const rational_wide right = (rational_wide)b.num * a.den;

    return rational(left + right, (rational_wide)a.den * b.den);
}

static inline struct rational rational_mul(struct rational a, struct rational b)
{
    return rational((rational_wide)a.num * b.num, (rational_wide)a.den * b.den);
}

static inline bool rational_eq(struct rational a, struct rational b)
{
    return a.num == b.num && a.den == b.den;
}

#endif
