/* SPDX-License-Identifier: MIT */
/*
 * A command for a message: the message is its standard input, and what is
 * known of it is in its environment. Exit status 0 settles the message, after
 * what the command has put out is written; anything else gives it back, with
 * a back-off. While the command runs its message's time is extended, so that
 * nobody else gets it.
 */
#ifndef WEIR_TOOL_EXEC_H
#define WEIR_TOOL_EXEC_H

#include <stdint.h>
#include <weir.h>
#include <weir/backoff.h>
#include <weir/pub.h>

#include "gate.h"
#include "ledger.h"
#include "printer.h"
#include "stop.h"

struct exec {
    const char *command; /* for the shell                              */
    int64_t timeout;     /* of one run; WEIR_FOREVER: none             */
    int64_t renewal;     /* ns between extensions; 0: none             */
    weir_backoff_opts backoff;
    uint32_t max_deliveries;
    struct gate *gate; /* how many run at once                     */
    struct printer *printer;
    struct stop *stop;
    struct ledger *ledger; /* each message ends in one of its columns       */
};

/* Runs it, settles the message and frees it. Several at once may be. */
void exec_message(const struct exec *e, weir_message *m);

#endif
