/* SPDX-License-Identifier: MIT */
/*
 * The workers of `weir map`: each takes a job when the delivery has room for
 * one more, brings it to an end and hands it on.
 *
 * A worker takes its place in the window before it takes a job, and jobs are
 * taken in order; so the oldest job that is not delivered always has a
 * place, and the window cannot fill with jobs that wait for it.
 */
#ifndef WEIR_TOOL_CREW_H
#define WEIR_TOOL_CREW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <weir.h>

#include "command.h"
#include "gate.h"
#include "jobs.h"
#include "ledger.h"
#include "stop.h"

enum halt { HALT_NEVER, HALT_SOON, HALT_NOW };

struct crew {
    const struct command *command;
    unsigned workers;
    unsigned retries;
    int64_t timeout; /* of one try, ns                                      */
    enum halt halt;
    bool coproc;
    char mark;
    struct jobs *jobs;  /* taken from                                       */
    weir_chan *results; /* struct job *, given to                           */
    weir_sem *window;
    struct stop *stop;
    struct ledger *ledger;

    struct gate gate; /* initialised with as many places as workers         */

    /* The crew's own. */
    weir_mutex starting; /* coprocesses are started one after another       */
    unsigned up;         /* coprocesses that have started; under it         */
    weir_wg done;
    atomic_bool broken; /* something is wrong that is no record's fault     */
};

/* Starts the workers, which end when jobs is closed and empty, or nothing
 * new is to be begun. 0, or why not even one could be started. */
int crew_start(struct crew *c);

void crew_wait(struct crew *c);

/* Ends the run for a reason that has nothing to do with a record. */
__attribute__((format(printf, 2, 3))) void crew_fail(struct crew *c,
                                                     const char *format, ...);

#endif
