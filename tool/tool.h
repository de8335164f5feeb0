/* SPDX-License-Identifier: MIT */
/* What the sub-commands share: their entries, the exit codes, the beginning
 * and the end of a run. */
#ifndef WEIR_TOOL_TOOL_H
#define WEIR_TOOL_TOOL_H

#include <stdbool.h>
#include <stdio.h>

#include "ledger.h"

/* Documented in weir(1), and stable. A signal s is 128 + s. */
enum {
    EXIT_WELL = 0,
    EXIT_USAGE = 1,
    EXIT_DROPPED = 3, /* something was dropped, under --strict              */
    EXIT_FAILED = 4,  /* a command, a file, a write or a limit              */
    EXIT_TIMEOUT = 124,
    EXIT_SIGNAL = 128
};

/* argv[0] is the name to go by. The exit status. */
int map_main(int argc, char **argv);
int buf_main(int argc, char **argv);

/* Before anything else: the standard descriptors, and what a child must get
 * back. */
void tool_setup(void);

/* Starts the runtime; EXIT_WELL, or the status to end with, said. */
int tool_start(void);

/* Opens what --stats names, before the work begins. NULL: it cannot be. */
FILE *tool_open_stats(const char *name);

/* The ledger line, the statistics (file may be NULL) and the runtime's end;
 * the status to end with. */
int tool_finish(const struct ledger *l, FILE *stats, const char *stats_name,
                int status);

/* The ledger line when there is no time for anything else. */
void tool_last_words(const struct ledger *l);

#endif
