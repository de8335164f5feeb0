/* SPDX-License-Identifier: MIT */
/* The option strings of the backend "channel". A number is decimal digits and
 * nothing else; what does not parse is an error, never a default. */
#include <string.h>

#include "store/store.h"

#define MOST_MESSAGES (UINT64_C(1) << 31)
#define MOST_BYTES    (UINT64_C(1) << 62)

static bool number(const char *s, uint64_t most, size_t *out)
{
    uint64_t n = 0;
    for (; *s >= '0' && *s <= '9' && n <= most; s++)
        n = 10 * n + (uint64_t)(*s - '0');
    if (*s != '\0' || n == 0 || n > most || n > SIZE_MAX)
        return false;
    *out = (size_t)n;
    return true;
}

static const char *buffer_size(weir_store_channel_opts *o, const char *v)
{
    return number(v, MOST_MESSAGES, &o->buffer_size)
               ? NULL
               : "buffer_size must be a number from 1 to 2147483648";
}

static const char *keep_messages(weir_store_channel_opts *o, const char *v)
{
    return number(v, MOST_MESSAGES, &o->keep_messages)
               ? NULL
               : "keep_messages must be a number from 1 to 2147483648";
}

static const char *keep_bytes(weir_store_channel_opts *o, const char *v)
{
    return number(v, MOST_BYTES, &o->keep_bytes)
               ? NULL
               : "keep_bytes must be a number from 1 to 2^62";
}

static const char *buffer_bytes(weir_store_channel_opts *o, const char *v)
{
    return number(v, MOST_BYTES, &o->buffer_bytes)
               ? NULL
               : "buffer_bytes must be a number from 1 to 2^62";
}

static const char *persistent(weir_store_channel_opts *o, const char *v)
{
    o->persistent = strcmp(v, "true") == 0 || strcmp(v, "1") == 0;
    if (o->persistent || strcmp(v, "false") == 0 || strcmp(v, "0") == 0)
        return NULL;
    return "persistent must be true, 1, false or 0";
}

static const char *readers(weir_store_channel_opts *o, const char *v)
{
    o->all_readers = strcmp(v, "all") == 0;
    if (o->all_readers || strcmp(v, "compete") == 0)
        return NULL;
    return "readers must be compete or all";
}

static const char *policy(weir_store_channel_opts *o, const char *v)
{
    return weir_policy_parse(v, &o->policy) == 0
               ? NULL
               : "policy must be block, drop, drop-oldest, error, latest or "
                 "sample";
}

static const struct {
    const char *key;
    const char *(*read)(weir_store_channel_opts *, const char *value);
} known[] = {
    {"buffer_size", buffer_size},
    {"persistent", persistent},
    {"readers", readers},
    {"policy", policy},
    {"keep_messages", keep_messages},
    {"keep_bytes", keep_bytes},
    {"buffer_bytes", buffer_bytes},
};

enum { KNOWN = sizeof(known) / sizeof(known[0]) };

static size_t place_of(const char *key)
{
    size_t i = 0;
    while (i < KNOWN && strcmp(known[i].key, key) != 0)
        i++;
    return i;
}

/* What is wrong, or NULL. seen: a bit for each option that came before. */
static const char *read_one(weir_store_channel_opts *o,
                            const weir_store_option *option, unsigned *seen)
{
    const size_t i = place_of(option->key);
    if (i == KNOWN)
        return "an unknown option: there are buffer_size, buffer_bytes, "
               "persistent, readers, policy, keep_messages and keep_bytes";
    if (*seen & 1U << i)
        return "an option stands there twice";
    if (!option->value)
        return "an option has no value";
    *seen |= 1U << i;
    return known[i].read(o, option->value);
}

int wr_store_channel_parse(weir_store_channel_opts *o,
                           const weir_store_option *options, const char **why)
{
    unsigned seen = 0;
    *o = (weir_store_channel_opts){0};
    for (; options->key; options++) {
        const char *wrong = read_one(o, options, &seen);
        if (wrong) {
            *why = wrong;
            return WEIR_EINVAL;
        }
    }
    return 0;
}
