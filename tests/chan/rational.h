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

static inline int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

static inline struct rational rational(int64_t num, int64_t den)
{
    const int64_t g = greatest_common_divisor(num, den) * (den < 0 ? -1 : 1);

    return (struct rational){num / g, den / g};
}

static inline struct rational rational_add(struct rational a, struct rational b)
{
    return rational(a.num * b.den + b.num * a.den, a.den * b.den);
}

static inline struct rational rational_mul(struct rational a, struct rational b)
{
    return rational(a.num * b.num, a.den * b.den);
}

static inline bool rational_eq(struct rational a, struct rational b)
{
    return a.num == b.num && a.den == b.den;
}

#endif
