/* SPDX-License-Identifier: MIT */
/*
 * A command as a child process: pipes, start, waiting, ending.
 *
 * A task waits on a child as it waits on anything else: on descriptors. Each
 * child leads a process group of its own, so that ending it ends what it has
 * started, and so that a Ctrl-C at the terminal reaches us alone. Until
 * child_reap its number cannot be given to another process; nothing here
 * signals one after that.
 */
#ifndef WEIR_TOOL_CHILD_H
#define WEIR_TOOL_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <weir.h>

struct child {
    pid_t pid; /* 0: none                                                   */
    int pidfd; /* -1 until somebody waits for the end                       */
    int in;    /* our ends of its pipes, non-blocking; -1: none             */
    int out;
    int err;
    int far[3];                /* its ends, until it has started            */
    char *const *env;          /* its environment; NULL: ours               */
    struct child *prev, *next; /* all that live, under the list's lock      */
};

/* Remembers what a child must get back: the signal mask and whether SIGPIPE
 * was ignored. Once, before any runtime thread exists. */
void child_setup(void);

/* The pipes of a child. Without one, its standard input is /dev/null, and its
 * standard output and error are ours. */
enum { CHILD_IN = 1, CHILD_OUT = 2, CHILD_ERR = 4 };

/* Opens those of them. 0 or a negated errno. */
int child_open(struct child *c, unsigned pipes);

/* Starts the program and closes the far ends, also on failure. 0, or a
 * negated errno: no process was made. */
int child_start(struct child *c, const char *path, char *const *args);

/* Waits until it has ended, without reaping it. 0, also when ctx has ended
 * meanwhile, WEIR_CANCELED, WEIR_TIMEDOUT. Without pidfds ctx does not count.
 */
int child_exited(struct child *c, weir_ctx *ctx);

/* Has it ended? Does not wait. */
bool child_is_dead(const struct child *c);

/* Ends it and its group: SIGTERM and a second's patience when gently, then
 * SIGKILL. It has ended on return. */
void child_end(struct child *c, bool gently);

/* Reaps one that has ended; its wait status. */
int child_reap(struct child *c);

/* Closes our ends, and the far ones of a child that was never started. */
void child_close(struct child *c);

/* SIGKILL to each group: the tool ends at once. */
void child_kill_all(void);

#endif
