/* SPDX-License-Identifier: MIT */
/* The options of `weir pub`. */
#ifndef WEIR_TOOL_PUB_SETTINGS_H
#define WEIR_TOOL_PUB_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/event.h>

#include "settings.h"

enum { PUB_HEADERS = 100, PUB_ID_MOST = 255 };

struct pub_settings {
    const char *url;
    bool keyed;
    weir_event_opts event; /* what all messages have                        */
    weir_event_header headers[PUB_HEADERS];
    const char *id;
    char mark;
    uint64_t max_record;
    const char **bodies;
    int body_count;
    char **files;
    int file_count;
    struct run_settings run;
};

/* What the command line says, to be freed; a usage error ends the process. The
 * words of the command line are written to. False: out of memory. */
bool pub_parse(int argc, char **argv, struct pub_settings *s);
void pub_settings_free(struct pub_settings *s);

#endif
