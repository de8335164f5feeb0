/* SPDX-License-Identifier: MIT */
/*
 * A process of its own for what ends one, or for what must be the only
 * thread: a test's process has the watchdog's beside it, which counts as one
 * that could still wake a task. What it writes to standard error is read.
 */
#ifndef CHILD_H
#define CHILD_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "weir_check.h"

/* The thread sanitizer takes the threads of a child for the watchdog of the
 * parent, whose identity they may get. */
#if defined(__SANITIZE_THREAD__)
#define CHILD_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHILD_WATCHED 1
#endif
#endif

enum { CHILD_LIMIT = 50, CHILD_TEXT = 1 << 16 };

struct child {
    int status;            /* as from waitpid */
    char text[CHILD_TEXT]; /* the first of its standard error */
};

static inline void child_main(int out, int (*fn)(void *), void *arg)
{
    dup2(out, STDERR_FILENO);
    close(out);
    signal(SIGALRM, SIG_DFL);
    alarm(check_is_slow() ? 3 * CHILD_LIMIT : CHILD_LIMIT);
    int result = fn(arg);
    fflush(NULL);
    _exit(result);
}

/* Reads to the end, keeps what fits. */
static inline void child_read(struct child *c, int in)
{
    char spare[512];
    size_t have = 0;
    ssize_t n;

    while (have < sizeof c->text - 1 &&
           (n = read(in, c->text + have, sizeof c->text - 1 - have)) > 0)
        have += (size_t)n;
    c->text[have] = 0;
    while (read(in, spare, sizeof spare) > 0)
        ;
}

static inline void child_skip(void)
{
#if defined(CHILD_WATCHED)
    printf("skipped: threads of a fork under the thread sanitizer\n");
    exit(EXIT_SUCCESS);
#endif
}

/* Runs fn(arg) in a new process, whose exit status is the result. Where that
 * cannot be, the test ends here. */
static inline void child_run(struct child *c, int (*fn)(void *), void *arg)
{
    int ends[2];
    pid_t pid;

    child_skip();
    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(ends[0]);
        child_main(ends[1], fn, arg);
    }
    close(ends[1]);
    child_read(c, ends[0]);
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &c->status, 0), pid);
}

/* Its exit status; a failure that shows its words, if it has none. */
static inline int child_exit(const struct child *c)
{
    if (!WIFEXITED(c->status))
        ck_abort_msg("ended by signal %d; it said:\n%s", WTERMSIG(c->status),
                     c->text);
    return WEXITSTATUS(c->status);
}

static inline void child_says(const struct child *c, const char *words)
{
    if (!strstr(c->text, words))
        ck_abort_msg("it should have said: %s\nit said:\n%s", words, c->text);
}

static inline void child_does_not_say(const struct child *c, const char *words)
{
    if (strstr(c->text, words))
        ck_abort_msg("it should not have said: %s\nit said:\n%s", words,
                     c->text);
}

#endif
