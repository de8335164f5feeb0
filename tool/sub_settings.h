/* SPDX-License-Identifier: MIT */
/* The options of `weir sub`. */
#ifndef WEIR_TOOL_SUB_SETTINGS_H
#define WEIR_TOOL_SUB_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/pub.h>

#include "settings.h"

struct sub_settings {
    const char *url;
    weir_sub_opts opts;
    uint64_t count; /* 0: no end                                            */
    bool until_empty;
    const char *command; /* NULL: lines                                     */
    unsigned jobs;
    int64_t timeout, backoff;
    bool only_exec; /* an option of --exec was given                        */
    bool keyed;
    char mark;
    struct run_settings run;
};

/* What the command line says; a usage error ends the process. */
void sub_parse(int argc, char **argv, struct sub_settings *s);

#endif
