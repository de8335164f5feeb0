/* SPDX-License-Identifier: MIT */
#include "job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "limits.h"

struct job *job_new(uint64_t number)
{
    struct job *j = calloc(1, sizeof *j);
    if (j)
        j->number = number;
    return j;
}

void job_free(struct job *j)
{
    bytes_free(&j->record);
    bytes_free(&j->out);
    bytes_free(&j->err);
    free(j);
}

void job_fail(struct job *j, enum job_why why, int detail)
{
    j->end = JOB_FAILED;
    j->why = why;
    j->detail = detail;
}

void job_show_status(int status, char *text, size_t n)
{
    const char *name = sigabbrev_np(WTERMSIG(status));
    if (WIFSIGNALED(status) && name)
        snprintf(text, n, "killed by signal %d (SIG%s)", WTERMSIG(status),
                 name);
    else if (WIFSIGNALED(status))
        snprintf(text, n, "killed by signal %d", WTERMSIG(status));
    else
        snprintf(text, n, "exit status %d", WEXITSTATUS(status));
}

static void show_refusal(int code, char *text, size_t n)
{
    char why[128];
    limit_text(code, why, sizeof why);
    snprintf(text, n, "its command cannot be run: %s", why);
}

static void show_death(int status, char *text, size_t n)
{
    char how[64];
    job_show_status(status, how, sizeof how);
    snprintf(text, n, "%s, and no answer", how);
}

void job_reason(const struct job *j, char *text, size_t n)
{
    switch (j->why) {
    case WHY_STATUS:
        job_show_status(j->detail, text, n);
        break;
    case WHY_TIMEOUT:
        snprintf(text, n, "timed out (--timeout)");
        break;
    case WHY_CODE:
        if (j->detail == -E2BIG)
            snprintf(text, n, "too long to be an argument");
        else
            limit_text(j->detail, text, n);
        break;
    case WHY_TOO_LONG:
        snprintf(text, n, "the record is too long (--max-record)");
        break;
    case WHY_NUL:
        snprintf(text, n, "a NUL in it, which no argument can have");
        break;
    case WHY_COMMAND:
        show_refusal(j->detail, text, n);
        break;
    case WHY_ANSWER:
        snprintf(text, n, "the coprocess gave more than one answer");
        break;
    case WHY_DIED:
        show_death(j->detail, text, n);
        break;
    case WHY_SHUT:
        snprintf(text, n, "the coprocess closed its input or output");
        break;
    }
}
