/* SPDX-License-Identifier: MIT */
/* Options as strings. A number is decimal digits and nothing else; what does
 * not parse is an error, never a default. */
#include <string.h>

#include "store/store.h"

bool wr_option_number(const char *value, uint64_t most, uint64_t *out)
{
    uint64_t n = 0;
    for (; *value >= '0' && *value <= '9' && n <= most; value++)
        n = 10 * n + (uint64_t)(*value - '0');
    if (*value != '\0' || n == 0 || n > most || n > SIZE_MAX)
        return false;
    *out = n;
    return true;
}

/* What is wrong, or NULL. seen: a bit for each option that came before. */
static const char *read_one(void *opts, const struct wr_option *known,
                            const char *unknown,
                            const weir_store_option *option, uint32_t *seen)
{
    size_t i = 0;
    while (known[i].key && strcmp(known[i].key, option->key) != 0)
        i++;
    if (!known[i].key)
        return unknown;
    if (*seen & UINT32_C(1) << i)
        return known[i].twice;
    if (!option->value)
        return known[i].without;
    *seen |= UINT32_C(1) << i;
    return known[i].read(opts, option->value);
}

int wr_options_read(void *opts, const struct wr_option *known,
                    const char *unknown, const weir_store_option *options,
                    const char **why)
{
    uint32_t seen = 0;
    for (; options->key; options++) {
        const char *wrong = read_one(opts, known, unknown, options, &seen);
        if (wrong) {
            *why = wrong;
            return WEIR_EINVAL;
        }
    }
    return 0;
}
