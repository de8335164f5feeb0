/* SPDX-License-Identifier: MIT */
/*
 * URLs of topics: scheme:rest?key=value&key=value. What does not parse is an
 * error that names it. What an option's value may be is in url_value.c.
 *
 * A parsed URL is one piece of memory: the record, its options, the text as it
 * was given, and the text once more, cut up and decoded in place.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "event/engine.h"

#define SHOW "\"%.*s\""

/* ---- sentences ----------------------------------------------------------- */

/* What a URL holds is anybody's: nothing of it steers a terminal. */
static void defuse(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            *text = '?';
}

int weir_why_set(weir_why *why, int code, const char *format, ...)
{
    va_list args;
    if (!why || !format)
        return code;
    va_start(args, format);
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    defuse(why->text);
    return code;
}

void wr_why_clear(weir_why *why)
{
    if (why)
        why->text[0] = '\0';
}

void wr_why_end(weir_why *why, int code, const weir_url *url)
{
    if (!code)
        wr_why_clear(why);
    else if (why && !why->text[0])
        weir_why_set(why, code, SHOW ": %s", WR_SHOWN, url->text,
                     weir_strerror(code));
}

/* ---- the text ------------------------------------------------------------ */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place: false for a % that is not followed by two digits, or by 00. */
static bool decode(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (*s != '%') {
            *to++ = *s;
            continue;
        }
        const int high = digit_of(s[1]);
        const int low = high < 0 ? -1 : digit_of(s[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *to++ = (char)(high * 16 + low);
        s += 2;
    }
    *to = '\0';
    return true;
}

bool wr_scheme_ok(const char *s)
{
    if (!s || *s < 'a' || *s > 'z')
        return false;
    const char *end = s;
    while ((*end >= 'a' && *end <= 'z') || (*end >= '0' && *end <= '9'))
        end++;
    return *end == '\0' && end - s <= WR_SCHEME_MAX;
}

/* Cuts s at its first c: what is behind it, or NULL. */
static char *cut(char *s, char c)
{
    char *at = strchr(s, c);
    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

static int bad_option(const weir_url *u, const char *option, const char *what,
                      weir_why *why)
{
    return weir_why_set(why, WEIR_EINVAL,
                        "the option " SHOW " of the URL " SHOW " %s", WR_SHOWN,
                        option, WR_SHOWN, u->text, what);
}

static int parse_option(weir_url *u, weir_url_option *o, char *text,
                        weir_why *why)
{
    char *value = cut(text, '=');
    if (!value || !*text)
        return bad_option(u, text, "is not of the form key=value", why);
    if (!decode(text) || !decode(value))
        return bad_option(
            u, text, "has a % without two hexadecimal digits, or %00", why);
    if (weir_url_get(u, text))
        return bad_option(u, text, "stands there twice", why);
    *o = (weir_url_option){text, value};
    u->option_count++;
    return 0;
}

static int parse_options(weir_url *u, weir_url_option *options, char *query,
                         weir_why *why)
{
    int err = 0;
    while (query && !err) {
        char *next = cut(query, '&');
        err = parse_option(u, &options[u->option_count], query, why);
        query = next;
    }
    return err;
}

static int parse(weir_url *u, weir_url_option *options, char *s, weir_why *why)
{
    char *rest = cut(s, ':');
    if (!rest || !wr_scheme_ok(s))
        return weir_why_set(
            why, WEIR_EINVAL,
            SHOW " is no URL: it has to begin with a scheme of small letters "
                 "and digits and a colon, such as mem: or file:",
            WR_SHOWN, u->text);
    char *query = cut(rest, '?');
    if (!decode(rest))
        return weir_why_set(why, WEIR_EINVAL,
                            "the URL " SHOW " has a %% without two "
                            "hexadecimal digits, or %%00; a %% itself is %%25",
                            WR_SHOWN, u->text);
    u->scheme = s;
    u->rest = rest;
    return parse_options(u, options, query, why);
}

static size_t count_options(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == '&';
    return n;
}

int weir_url_parse(weir_url **url, const char *text, weir_why *why)
{
    wr_why_clear(why);
    if (url)
        *url = NULL;
    if (!url || !text)
        return weir_why_set(why, WR_MISUSE("no place for it, or no text"),
                            "there is no URL");
    const size_t n = count_options(text), size = strlen(text) + 1;
    weir_url *u = wr_alloc(sizeof(*u) + n * sizeof(weir_url_option) + 2 * size);
    if (!u)
        return weir_why_set(why, WEIR_ENOMEM, "no memory for a URL");
    weir_url_option *options = (weir_url_option *)(u + 1);
    char *copy = (char *)(options + n);
    u->options = options;
    u->text = memcpy(copy, text, size);
    const int err = parse(u, options, memcpy(copy + size, text, size), why);
    if (err)
        wr_free(u);
    else
        *url = u;
    return err;
}

void weir_url_free(weir_url *url)
{
    wr_free(url);
}

const char *weir_url_get(const weir_url *url, const char *key)
{
    for (size_t i = 0; url && key && i < url->option_count; i++)
        if (strcmp(url->options[i].key, key) == 0)
            return url->options[i].value;
    return NULL;
}

/* ---- which options there are --------------------------------------------- */

static const char *const common[] = {"max_messages", "max_bytes", "max_age",
                                     "on_full", "dedup"};

enum { COMMON = sizeof(common) / sizeof(common[0]) };

static bool is_among(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

void wr_list_words(char *to, size_t size, const char *const *words, size_t n,
                   const char *last)
{
    size_t at = 0;
    to[0] = '\0';
    for (size_t i = 0; i < n && at < size; i++) {
        const char *before = i == 0 ? "" : i + 1 < n ? ", " : last;
        const int len = snprintf(to + at, size - at, "%s%s", before, words[i]);
        at += len > 0 ? (size_t)len : 0;
    }
}

static int unknown(const weir_url *url, const char *key,
                   const char *const *known, size_t n, weir_why *why)
{
    char ours[128], theirs[160];
    wr_list_words(ours, sizeof(ours), common, COMMON, n ? ", " : " and ");
    wr_list_words(theirs, sizeof(theirs), known, n, " and ");
    return weir_why_set(why, WEIR_EINVAL,
                        "the URL " SHOW " has an unknown option " SHOW
                        ": %s: knows %s%s%s",
                        WR_SHOWN, url->text, 40, key, url->scheme, ours,
                        n > 1   ? ", "
                        : n > 0 ? " and "
                                : "",
                        theirs);
}

int weir_url_check(const weir_url *url, const char *const *known, size_t n,
                   weir_why *why)
{
    wr_why_clear(why);
    if (!url || (n && !known))
        return WR_MISUSE("no URL, or no options");
    for (size_t i = 0; i < url->option_count; i++) {
        const char *key = url->options[i].key;
        if (!is_among(key, common, COMMON) && !is_among(key, known, n))
            return unknown(url, key, known, n, why);
    }
    return 0;
}
