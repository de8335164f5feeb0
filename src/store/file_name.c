/* SPDX-License-Identifier: MIT */
/*
 * The file of a path: its bytes, those that are more than letters, digits,
 * '-', '_' and '.' (not as the first) as '%' and two digits, and ".msgs". One
 * path has one name and the other way round, and none has a '/'.
 */
#include <string.h>
#include <weir/store.h>

#include "store/journal.h"

#define SUFFIX ".msgs"

enum { SUFFIX_LENGTH = sizeof(SUFFIX) - 1 };

static bool is_plain(unsigned char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           (c == '.' && !first);
}

static size_t escaped_length(const char *path)
{
    size_t n = 0;
    for (const char *at = path; *at; at++)
        n += is_plain((unsigned char)*at, at == path) ? 1 : 3;
    return n;
}

void wr_file_name(char *out, const char *path)
{
    static const char digits[] = "0123456789ABCDEF";
    for (const char *at = path; *at; at++) {
        const unsigned char c = (unsigned char)*at;
        if (is_plain(c, at == path)) {
            *out++ = *at;
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    memcpy(out, SUFFIX, sizeof(SUFFIX));
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 55 : -1;
}

/* Not every name is one that wr_file_name makes; so it makes this one. */
bool wr_file_path(char *out, const char *name)
{
    char again[WR_FILE_NAME_MAX + 1];
    const char *at = name;
    char *to = out;
    const size_t length = strlen(name);
    if (length <= SUFFIX_LENGTH || length > WR_FILE_NAME_MAX)
        return false;
    while (at < name + length - SUFFIX_LENGTH) {
        const bool escaped = at[0] == '%';
        if (escaped && (digit(at[1]) < 0 || digit(at[2]) < 0))
            return false;
        *to++ = escaped ? (char)(digit(at[1]) * 16 + digit(at[2])) : *at;
        at += escaped ? 3 : 1;
    }
    *to = '\0';
    if (wr_file_path_error(out))
        return false;
    wr_file_name(again, out);
    return strcmp(again, name) == 0;
}

static const char *part_error(const char *part, size_t n)
{
    if (n == 0)
        return "a path with an empty part: \"//\", or '/' at its end";
    if (n == 1 && part[0] == '.')
        return "a path with a part \".\"";
    if (n == 2 && part[0] == '.' && part[1] == '.')
        return "a path that climbs: it has a part \"..\"";
    return NULL;
}

const char *wr_file_path_error(const char *path)
{
    const char *error = NULL;
    if (path[0] == '/')
        return "an absolute path: it begins with '/'";
    for (const char *at = path; at && !error;) {
        const char *end = strchr(at, '/');
        error = part_error(at, end ? (size_t)(end - at) : strlen(at));
        at = end ? end + 1 : NULL;
    }
    if (!error && escaped_length(path) > WR_FILE_NAME_MAX - SUFFIX_LENGTH)
        return "a path that is too long for the name of a file: 250 bytes, in "
               "which all but letters, digits, '-', '_' and '.' count three "
               "times";
    return error;
}
