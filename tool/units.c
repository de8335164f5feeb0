/* SPDX-License-Identifier: MIT */
#include "units.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <weir/base.h>

/* What was written before the suffix: whole + part/10^digits. */
struct number {
    uint64_t whole;
    uint64_t part;
    uint64_t scale; /* 10^digits; 1 without a fraction                      */
};

/* Reads digits[.digits] and moves *text behind it. At most 9 digits of a
 * fraction, which is a nanosecond of a second. */
static bool read_number(const char **text, struct number *n)
{
    const char *p = *text;
    *n = (struct number){0, 0, 1};
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (n->whole > (UINT64_MAX - digit) / 10)
            return false;
        n->whole = n->whole * 10 + digit;
    }
    if (*p == '.') {
        if (!isdigit((unsigned char)*++p))
            return false;
        for (; isdigit((unsigned char)*p); p++) {
            if (n->scale == 1000000000)
                return false;
            n->part = n->part * 10 + (uint64_t)(*p - '0');
            n->scale *= 10;
        }
    }
    *text = p;
    return true;
}

/* n units, rounded down, when that is at most max. */
static bool scale_number(const struct number *n, uint64_t unit, uint64_t max,
                         uint64_t *out)
{
    if (n->whole > max / unit)
        return false;
    uint64_t whole = n->whole * unit;
    uint64_t part = (uint64_t)((long double)n->part * (long double)unit /
                               (long double)n->scale);
    if (part > max - whole)
        return false;
    *out = whole + part;
    return true;
}

bool units_count(const char *text, uint64_t *out)
{
    struct number n;
    if (!read_number(&text, &n) || n.scale != 1)
        return false;
    uint64_t unit = 1;
    if (*text == 'k' || *text == 'K')
        unit = 1000;
    else if (*text == 'M')
        unit = 1000000;
    else if (*text == 'G')
        unit = 1000000000;
    if (unit > 1)
        text++;
    return *text == '\0' && scale_number(&n, unit, UINT64_MAX, out);
}

/* The power of 1024 that a suffix stands for; 0 for none that is known. */
static uint64_t size_unit(const char *suffix)
{
    static const char letters[] = "kMGT";
    if (*suffix == '\0' || strcmp(suffix, "B") == 0)
        return 1;
    char letter = *suffix == 'K' ? 'k' : *suffix;
    const char *at = strchr(letters, letter);
    if (!at)
        return 0;
    const char *rest = suffix + 1;
    if (*rest && strcmp(rest, "B") != 0 && strcmp(rest, "iB") != 0)
        return 0;
    return UINT64_C(1) << (10 * (at - letters + 1));
}

bool units_size(const char *text, uint64_t *out)
{
    struct number n;
    if (!read_number(&text, &n))
        return false;
    uint64_t unit = size_unit(text);
    if (unit == 0 || (unit == 1 && n.scale != 1))
        return false;
    return scale_number(&n, unit, UINT64_MAX, out);
}

bool units_duration(const char *text, int64_t *out)
{
    static const struct {
        const char *suffix;
        int64_t unit;
    } units[] = {
        {"", WEIR_SECOND},        {"s", WEIR_SECOND},
        {"ms", WEIR_MILLISECOND}, {"m", WEIR_MINUTE},
        {"h", 60 * WEIR_MINUTE},  {"d", 24 * 60 * WEIR_MINUTE},
    };
    struct number n;
    if (!read_number(&text, &n))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        uint64_t ns;
        if (strcmp(text, units[i].suffix) != 0)
            continue;
        if (!scale_number(&n, (uint64_t)units[i].unit, INT64_MAX / 2, &ns))
            return false;
        *out = (int64_t)ns;
        return true;
    }
    return false;
}

bool units_percent(const char *text, unsigned *out)
{
    struct number n;
    if (!read_number(&text, &n) || n.scale != 1 || n.whole > 100)
        return false;
    if (*text == '%')
        text++;
    if (*text != '\0')
        return false;
    *out = (unsigned)n.whole;
    return true;
}

bool units_is_bytes(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && text[n - 1] == 'B';
}

void units_show_size(char *text, size_t n, uint64_t bytes)
{
    static const char letters[] = "kMGTPE";
    int i = -1;
    double value = (double)bytes;
    for (; value >= 1024 && i < 5; i++)
        value /= 1024;
    if (i < 0)
        snprintf(text, n, "%u", (unsigned)bytes);
    else if (value < 10 && value - (double)(int)value >= 0.05)
        snprintf(text, n, "%.1f%c", value, letters[i]);
    else
        snprintf(text, n, "%.0f%c", value, letters[i]);
}

void units_show_clock(char *text, size_t n, double seconds)
{
    double most = 100.0 * 24 * 3600;
    unsigned s = (unsigned)(seconds < most ? seconds : most);
    if (s >= 3600)
        snprintf(text, n, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, n, "%u:%02u", s / 60, s % 60);
}

void units_show_time(char *text, size_t n, int64_t ns)
{
    if (ns >= WEIR_SECOND)
        snprintf(text, n, "%.1f s", (double)ns / (double)WEIR_SECOND);
    else if (ns >= WEIR_MILLISECOND)
        snprintf(text, n, "%.1f ms", (double)ns / (double)WEIR_MILLISECOND);
    else
        snprintf(text, n, "%u us", (unsigned)(ns / 1000));
}
