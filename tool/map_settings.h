/* SPDX-License-Identifier: MIT */
/* The options of `weir map`. */
#ifndef WEIR_TOOL_MAP_SETTINGS_H
#define WEIR_TOOL_MAP_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "crew.h"
#include "rate.h"
#include "settings.h"

struct map_settings {
    unsigned jobs;
    bool unordered;
    struct flow_settings flow;
    struct rate rate; /* that flow comes to                                 */
    uint64_t window, capacity;
    char mark;
    uint64_t max_record;
    bool coproc;
    unsigned retries;
    int64_t timeout;
    enum halt halt;
    struct run_settings run;
    char **files; /* the names among argv                                   */
    int file_count;
    char **command; /* the rest of argv, with at least one word             */
    int word_count;
};

/* What the command line says, to be freed; a usage error ends the process.
 * False: out of memory. */
bool map_parse(int argc, char **argv, struct map_settings *s);
void map_settings_free(struct map_settings *s);

#endif
