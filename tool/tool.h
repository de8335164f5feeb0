/* SPDX-License-Identifier: MIT */
/* What the sub-commands share: their entries, the exit codes, the beginning
 * and the end of a run. */
#ifndef WEIR_TOOL_TOOL_H
#define WEIR_TOOL_TOOL_H

#include <stdbool.h>
#include <stdio.h>

#include "ledger.h"
#include "settings.h"
#include "stop.h"

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
int tee_main(int argc, char **argv);
int follow_main(int argc, char **argv);
int pub_main(int argc, char **argv);
int sub_main(int argc, char **argv);

/* Before anything else: the standard descriptors, and what a child must get
 * back. */
void tool_setup(void);

/* A run of a command, between its options and its exit status. */
struct tool_run {
    const struct run_settings *settings;
    struct ledger *const *ledgers; /* one, or one for each branch           */
    int count;
    struct stop *stop;
    void *arg; /* of all below                                              */
    int (*prepare)(void *arg); /* 0; a code, why it cannot begin; or an exit
                                  status, when that has been said           */
    int (*work)(void *arg);    /* with signals watched; 0, or a code        */
    void (*release)(void *arg);
    int (*status)(const void *arg); /* to end with, when no signal came     */
    void (*show)(void *arg, char *line, size_t n); /* the progress line     */
    void (*snapshot)(void *arg); /* on SIGUSR1; NULL: the ledgers           */
    void (*at_once)(void *arg);  /* before the last words; may be NULL      */
};

/* Opens the statistics, starts the runtime, watches for signals, shows the
 * progress, does the work, closes the account, stops the runtime. The exit
 * status. */
int tool_run(const struct tool_run *r);

/* "NAME: why", for a code. */
void tool_say(const char *what, int code);

#endif
