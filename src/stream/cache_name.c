/* SPDX-License-Identifier: MIT */
/* Keys as names of files: "%xx" for what is no letter, digit, '-', '_' or '.',
 * or a '.' at the start; then '~' and the number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "stream/cache.h"

enum { KEY_MOST = 237 };

static bool plain(const char *key, const char *c)
{
    return (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
           (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' ||
           (*c == '.' && c > key);
}

int wr_cache_name(const char *key, uint64_t number, char name[WR_CACHE_NAME])
{
    size_t n = 0;
    for (const char *c = key; *c; c++) {
        if (n + (plain(key, c) ? 1 : 3) > KEY_MOST)
            return WEIR_LIMIT;
        if (plain(key, c))
            name[n++] = *c;
        else
            n += (size_t)sprintf(name + n, "%%%02x", (unsigned char)*c);
    }
    sprintf(name + n, "~%llx", (unsigned long long)number);
    return 0;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'W' : -1;
}

/* The text before the mark, decoded. */
static bool decode(const char *at, const char *end, char *key)
{
    for (; at < end; at++) {
        if (*at != '%') {
            *key++ = *at;
            continue;
        }
        if (end - at < 3 || digit(at[1]) < 0 || digit(at[2]) < 0)
            return false;
        *key++ = (char)(digit(at[1]) * 16 + digit(at[2]));
        at += 2;
    }
    *key = 0;
    return true;
}

/* What reads as a key and a number must also be written that way. */
bool wr_cache_parse(const char *name, char key[WR_CACHE_NAME], uint64_t *number)
{
    char again[WR_CACHE_NAME];
    const char *end = strrchr(name, '~');
    if (!end || strlen(name) >= WR_CACHE_NAME || digit(end[1]) < 0 ||
        !decode(name, end, key))
        return false;
    *number = strtoull(end + 1, NULL, 16);
    return wr_cache_name(key, *number, again) == 0 && strcmp(name, again) == 0;
}
