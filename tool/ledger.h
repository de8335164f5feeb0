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
    DROP_REFUSED, /* the policy ended the run for it                        */
    DROP_TOO_BIG, /* larger than the whole buffer                           */
    DROP_REASONS
};

struct ledger {
    const char *command; /* "map", "buf"                                    */
    const char *unit;    /* "records", "bytes"                              */
    int64_t began;       /* weir_now() at the start                         */
    _Atomic uint64_t in, out, failed, left;
    _Atomic uint64_t dropped[DROP_REASONS];
    _Atomic uint64_t timed_out; /* of the failed                            */
    _Atomic uint64_t retried;   /* tries beyond a record's first            */
    _Atomic uint64_t bytes_in, bytes_out;
};

void ledger_init(struct ledger *l, const char *command, const char *unit);

uint64_t ledger_dropped(const struct ledger *l);

/* What was accepted and has not come to an end. */
uint64_t ledger_inside(const struct ledger *l);

/* Does it balance? True at every end that was not at once. */
bool ledger_balances(const struct ledger *l);

/* "in 10 = out 9 + dropped 0 + failed 1 + left 0 (records, 0.52 s)". What is
 * still inside counts as left. */
void ledger_line(const struct ledger *l, char *text, size_t n);

/* Seconds since the start. */
double ledger_seconds(const struct ledger *l);

/* The account as JSON, with the exit status. name is for the message when
 * the file cannot be written. False: not written. */
bool ledger_write(const struct ledger *l, FILE *file, const char *name,
                  int status);

#endif
