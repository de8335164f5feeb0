/* SPDX-License-Identifier: MIT */
/* What the options of a URL say. What does not parse is an error that names
 * it, and the forms that do; never a default. */
#include <string.h>

#include "base/misuse.h"
#include "event/engine.h"

/* ---- amounts ------------------------------------------------------------- */

struct unit {
    const char *suffix;
    uint64_t size;
};

/* Reads decimal digits and moves *s behind them: false when there are none,
 * or the number passes max. */
static bool read_digits(const char **s, uint64_t max, uint64_t *out)
{
    const char *at = *s;
    uint64_t n = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        const uint64_t digit = (uint64_t)(*at - '0');
        if (n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    const bool any = at != *s;
    *s = at;
    *out = n;
    return any;
}

/* digits[.digits]: whole + part / scale. */
struct amount {
    uint64_t whole, part, scale;
};

static bool read_amount(const char **s, struct amount *a)
{
    const uint64_t most_part = 999999999;
    a->part = 0;
    a->scale = 1;
    if (!read_digits(s, INT64_MAX, &a->whole))
        return false;
    if (**s != '.')
        return true;
    const char *from = ++*s;
    if (!read_digits(s, most_part, &a->part))
        return false;
    for (; from < *s && a->scale <= most_part; from++)
        a->scale *= 10;
    return from == *s;
}

/* Above 0, at most max, and no part of the smallest unit. */
static bool multiply(const struct amount *a, uint64_t unit, uint64_t max,
                     uint64_t *out)
{
    __extension__ typedef unsigned __int128 wide;
    const wide n = (wide)a->whole * unit + (wide)a->part * unit / a->scale;
    if (n == 0 || n > max || (unit == 1 && a->scale != 1))
        return false;
    *out = (uint64_t)n;
    return true;
}

/* A number followed by the suffix of one of the units. */
static bool read_units(const char *s, const struct unit *units, size_t n,
                       uint64_t max, uint64_t *out)
{
    struct amount a;
    if (!read_amount(&s, &a))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, units[i].suffix) == 0)
            return multiply(&a, units[i].size, max, out);
    return false;
}

/* ---- one option ---------------------------------------------------------- */

static int bad_value(const weir_url *url, const char *key, const char *forms,
                     weir_why *why)
{
    return weir_why_set(why, WEIR_EINVAL, "%.40s=%.*s in the URL \"%.*s\": %s",
                        key, WR_SHOWN, weir_url_get(url, key), WR_SHOWN,
                        url->text, forms);
}

int weir_url_number(const weir_url *url, const char *key, uint64_t *out,
                    weir_why *why)
{
    static const struct unit one[] = {{"", 1}};
    wr_why_clear(why);
    if (!url || !key || !out)
        return WR_MISUSE("no URL, no option, or no place for its value");
    const char *s = weir_url_get(url, key);
    if (!s || read_units(s, one, 1, INT64_MAX, out))
        return 0;
    return bad_value(url, key, "it has to be a whole number above 0", why);
}

int weir_url_size(const weir_url *url, const char *key, uint64_t *out,
                  weir_why *why)
{
    static const struct unit units[] = {
        {"", 1}, {"k", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};
    wr_why_clear(why);
    if (!url || !key || !out)
        return WR_MISUSE("no URL, no option, or no place for its value");
    const char *s = weir_url_get(url, key);
    if (!s || read_units(s, units, 4, INT64_MAX, out))
        return 0;
    return bad_value(url, key,
                     "it has to be a number of bytes above 0, such as "
                     "1048576, 64k, 2M or 1G",
                     why);
}

int weir_url_duration(const weir_url *url, const char *key, int64_t *out,
                      weir_why *why)
{
    static const struct unit units[] = {
        {"ns", WEIR_NANOSECOND},  {"us", WEIR_MICROSECOND},
        {"ms", WEIR_MILLISECOND}, {"s", WEIR_SECOND},
        {"m", WEIR_MINUTE},       {"h", 60 * WEIR_MINUTE},
        {"d", 1440 * WEIR_MINUTE}};
    uint64_t ns;
    wr_why_clear(why);
    if (!url || !key || !out)
        return WR_MISUSE("no URL, no option, or no place for its value");
    const char *s = weir_url_get(url, key);
    if (!s)
        return 0;
    if (!read_units(s, units, sizeof(units) / sizeof(units[0]), INT64_MAX / 2,
                    &ns))
        return bad_value(url, key,
                         "it has to be a time above 0 with one of ns, us, ms, "
                         "s, m, h and d behind it, such as 500ms or 1.5h",
                         why);
    *out = (int64_t)ns;
    return 0;
}

int weir_url_word(const weir_url *url, const char *key,
                  const char *const *words, size_t n, int *out, weir_why *why)
{
    char forms[200] = "it has to be ";
    const size_t used = strlen(forms);
    wr_why_clear(why);
    if (!url || !key || !out || !words || !n)
        return WR_MISUSE("no URL, no option, no words, or no place for one");
    const char *s = weir_url_get(url, key);
    if (!s)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], s) == 0) {
            *out = (int)i;
            return 0;
        }
    wr_list_words(forms + used, sizeof(forms) - used, words, n, " or ");
    return bad_value(url, key, forms, why);
}

/* ---- the options of every engine ----------------------------------------- */

static int read_on_full(const weir_url *url, enum weir_policy *out,
                        weir_why *why)
{
    static const char *const words[] = {"block", "drop-oldest", "error"};
    static const enum weir_policy policies[] = {WEIR_BLOCK, WEIR_DROP_OLDEST,
                                                WEIR_ERROR};
    int i = -1;
    const int err = weir_url_word(url, "on_full", words, 3, &i, why);
    if (!err && i >= 0)
        *out = policies[i];
    return err;
}

int weir_url_limits(const weir_url *url, weir_limits *out, weir_why *why)
{
    wr_why_clear(why);
    if (!url || !out)
        return WR_MISUSE("no URL, or no place for the limits");
    weir_limits l = *out;
    int err = weir_url_number(url, "max_messages", &l.max_messages, why);
    if (!err)
        err = weir_url_size(url, "max_bytes", &l.max_bytes, why);
    if (!err)
        err = weir_url_duration(url, "max_age", &l.max_age, why);
    if (!err)
        err = read_on_full(url, &l.on_full, why);
    if (!err)
        err = weir_url_duration(url, "dedup", &l.dedup, why);
    if (!err)
        *out = l;
    return err;
}
