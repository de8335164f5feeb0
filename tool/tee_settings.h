/* SPDX-License-Identifier: MIT */
/* The options of `weir tee`. */
#ifndef WEIR_TOOL_TEE_SETTINGS_H
#define WEIR_TOOL_TEE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"
#include "rate.h"
#include "settings.h"

/* What the options so far say of the branches that follow. */
struct branch_settings {
    const char *name;
    struct stream_settings stream;
    bool required, append, late;
    unsigned retries;
    struct queue_opts queue; /* that stream comes to, and its rate          */
    struct rate rate;
};

struct tee_settings {
    int mark;
    struct branch_settings now;
    struct branch_settings *branches;
    int count;
    int late; /* of these                                                   */
    uint64_t keep;
    struct run_settings run;
};

/* What the command line says, to be freed; a usage error ends the process.
 * False: out of memory. */
bool tee_parse(int argc, char **argv, struct tee_settings *s);
void tee_settings_free(struct tee_settings *s);

#endif
