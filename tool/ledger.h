/* SPDX-License-Identifier: MIT */
/*
 * The account of a run. Whatever was accepted from the input ends in exactly
 * one of the other columns, so that at the end
 *
 *     in = out + dropped (by reason) + failed + left
 *
 * and each column is counted where the thing happens, none is computed from
 * the others. While the run goes on, what is still inside shows as left.
 * Every call may be made from any task or thread.
 */
#ifndef WEIR_TOOL_LEDGER_H
#define WEIR_TOOL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum drop_reason {
    DROP_NEWEST,  /* the policy refused what came to a full buffer          */
    DROP_OLDEST,  /* the policy made room for what came                     */
    DROP_LATEST,  /* a newer one took its place                             */
    DROP_SAMPLED, /* not chosen, or made room for one that was              */
    DROP_REFUSED, /* the policy ended the run for it                        */
    DROP_TOO_BIG, /* larger than the whole buffer                           */
    DROP_REASONS
};

/* How the buffer in front of the work stands. */
struct flow_state {
    unsigned fill, highest; /* percent of the nearer bound                  */
    int64_t blocked;        /* ns that the input has waited for room        */
    int64_t oldest;         /* age of what has waited the longest, ns       */
    int64_t p99;            /* of the times that things waited, ns          */
};

struct ledger {
    const char *command;   /* "map", "buf", "tee"                           */
    const char *unit;      /* "records", "bytes"                            */
    const char *name;      /* of one among several; NULL: there is one      */
    int64_t began;         /* weir_now() at the start                       */
    _Atomic int64_t ended; /* and at the end; 0: it goes on                 */
    char end[128];         /* how, for people; stands once it has ended     */
    int status;            /* the same as an exit status                    */

    struct flow_state (*look)(void *arg); /* at the buffer; NULL: none      */
    void *arg;

    _Atomic uint64_t in, out, failed, left;
    _Atomic uint64_t dropped[DROP_REASONS];
    _Atomic uint64_t timed_out; /* of the failed                            */
    _Atomic uint64_t retried;   /* tries beyond a record's first            */
    _Atomic uint64_t bytes_in, bytes_out;
};

void ledger_init(struct ledger *l, const char *command, const char *unit);

/* It is over: end and status stand. Idempotent. */
void ledger_end(struct ledger *l);

uint64_t ledger_dropped(const struct ledger *l);

/* What was accepted and has not come to an end. */
uint64_t ledger_inside(const struct ledger *l);

/* Does it balance? True at every end that was not at once. */
bool ledger_balances(const struct ledger *l);

enum { LEDGER_LINE = 900 };

/* "in 10 = out 9 + dropped 0 + failed 1 + left 0 (records, 0.52 s)", how the
 * buffer stands or stood, and the end. What is still inside counts as left. At
 * most LEDGER_LINE bytes. */
void ledger_line(const struct ledger *l, char *text, size_t n);

/* " blocked 1.2 s oldest 30 ms p99 4.0 ms", for the progress line. */
void ledger_show_flow(const struct ledger *l, char *text, size_t n);

/* Seconds from the start to the end, or until now. */
double ledger_seconds(const struct ledger *l);

/* The accounts as JSON, with the exit status: one, or those of the branches.
 * name is for the message when the file cannot be written. False: it is not. */
bool ledger_write(struct ledger *const *ls, int count, FILE *file,
                  const char *name, int status);

#endif
