/* SPDX-License-Identifier: MIT */
/* The options of the backend "channel". */
#include <string.h>

#include "store/store.h"

#define MOST_MESSAGES (UINT64_C(1) << 31)

/* A number into a size_t: is it one? */
static bool size(const char *value, uint64_t most, size_t *out)
{
    uint64_t n;
    if (!wr_option_number(value, most, &n))
        return false;
    *out = (size_t)n;
    return true;
}

static const char *buffer_size(void *opts, const char *v)
{
    weir_store_channel_opts *o = opts;
    return size(v, MOST_MESSAGES, &o->buffer_size)
               ? NULL
               : "buffer_size must be a number from 1 to 2147483648";
}

static const char *buffer_bytes(void *opts, const char *v)
{
    weir_store_channel_opts *o = opts;
    return size(v, WR_MOST_BYTES, &o->buffer_bytes)
               ? NULL
               : "buffer_bytes must be a number from 1 to 2^62";
}

static const char *keep_messages(void *opts, const char *v)
{
    weir_store_channel_opts *o = opts;
    return size(v, MOST_MESSAGES, &o->keep_messages)
               ? NULL
               : "keep_messages must be a number from 1 to 2147483648";
}

static const char *keep_bytes(void *opts, const char *v)
{
    weir_store_channel_opts *o = opts;
    return size(v, WR_MOST_BYTES, &o->keep_bytes)
               ? NULL
               : "keep_bytes must be a number from 1 to 2^62";
}

static const char *persistent(void *opts, const char *v)
{
    weir_store_channel_opts *o = opts;
    o->persistent = strcmp(v, "true") == 0 || strcmp(v, "1") == 0;
    if (o->persistent || strcmp(v, "false") == 0 || strcmp(v, "0") == 0)
        return NULL;
    return "persistent must be true, 1, false or 0";
}

static const char *readers(void *opts, const char *v)
{
    weir_store_channel_opts *o = opts;
    o->all_readers = strcmp(v, "all") == 0;
    if (o->all_readers || strcmp(v, "compete") == 0)
        return NULL;
    return "readers must be compete or all";
}

static const char *policy(void *opts, const char *v)
{
    weir_store_channel_opts *o = opts;
    return weir_policy_parse(v, &o->policy) == 0
               ? NULL
               : "policy must be block, drop, drop-oldest, error, latest or "
                 "sample";
}

int wr_store_channel_parse(weir_store_channel_opts *o,
                           const weir_store_option *options, const char **why)
{
    static const struct wr_option known[] = {
        WR_OPTION("buffer_size", buffer_size),
        WR_OPTION("buffer_bytes", buffer_bytes),
        WR_OPTION("persistent", persistent),
        WR_OPTION("readers", readers),
        WR_OPTION("policy", policy),
        WR_OPTION("keep_messages", keep_messages),
        WR_OPTION("keep_bytes", keep_bytes),
        {NULL, NULL, NULL, NULL},
    };
    *o = (weir_store_channel_opts){0};
    return wr_options_read(
        o, known,
        "an unknown option: there are buffer_size, buffer_bytes, persistent, "
        "readers, policy, keep_messages and keep_bytes",
        options, why);
}
