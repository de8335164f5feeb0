/* SPDX-License-Identifier: MIT */
/*
 * A record on its way through `weir map`: from the reader to a worker to the
 * delivery, owned by whoever has received it.
 */
#ifndef WEIR_TOOL_JOB_H
#define WEIR_TOOL_JOB_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

enum job_end {
    JOB_OUT,    /* it has a result                                          */
    JOB_FAILED, /* it has none, and why says why                            */
    JOB_LEFT    /* the run ended before it did                              */
};

enum job_why {
    WHY_STATUS,   /* the command's wait status is in detail                 */
    WHY_TIMEOUT,  /* it took too long                                       */
    WHY_CODE,     /* weir's code or a negated errno is in detail            */
    WHY_TOO_LONG, /* the record is beyond --max-record                      */
    WHY_NUL,      /* it has a NUL in it and cannot be an argument           */
    WHY_COMMAND,  /* its command cannot be run: detail as of WHY_CODE       */
    WHY_ANSWER,   /* the coprocess gave more than one answer                */
    WHY_DIED,     /* the coprocess gave none: its wait status is in detail  */
    WHY_SHUT      /* it closed its pipes                                    */
};

struct job {
    uint64_t number;     /* of the record in the input, from 1              */
    uint64_t turn;       /* in the output, from 1: as they were taken       */
    uint64_t place;      /* input bytes up to its end                       */
    struct bytes record; /* given back as soon as the command has run       */
    enum job_end end;
    enum job_why why;
    int detail;
    unsigned tries;
    struct bytes out, err;
};

/* NULL: out of memory. */
struct job *job_new(uint64_t number);
void job_free(struct job *j);

/* The job fails for this reason. */
void job_fail(struct job *j, enum job_why why, int detail);

/* "exit status 3", "killed by signal 9 (Killed)", "timed out", ... */
void job_reason(const struct job *j, char *text, size_t n);

/* What a wait status says, in the same words. */
void job_show_status(int status, char *text, size_t n);

#endif
