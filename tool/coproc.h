/* SPDX-License-Identifier: MIT */
/*
 * A command that is kept alive and answers each record with a record. Owned
 * by one worker. It is started when first needed and again after it died;
 * one that answers out of turn, or not in time, is ended, because later
 * answers could not be told from late ones.
 */
#ifndef WEIR_TOOL_COPROC_H
#define WEIR_TOOL_COPROC_H

#include "bytes.h"
#include "child.h"
#include "command.h"

struct coproc {
    const struct command *command;
    char mark; /* what ends a question and an answer                        */
    bool alive;
    struct child child;
    weir_ctx errors_end; /* ends the task that reads standard error         */
    weir_wg errors_done;
    weir_mutex lock;
    struct bytes errors; /* under the lock                                  */
};

enum {
    COPROC_DIED = -6001,  /* before it had answered                         */
    COPROC_SHUT = -6004,  /* closed its pipes and lives: was ended          */
    COPROC_TALKS = -6002, /* more than one answer, or one nobody asked for  */
    COPROC_START = -6003  /* could not be started                           */
};

void coproc_init(struct coproc *c, const struct command *command, char mark);

/* Makes sure that it runs. 0, or a negated errno. */
int coproc_start(struct coproc *c);

/*
 * Asks, and waits for the answer, which goes to *answer with its mark. 0,
 * WEIR_TIMEDOUT, WEIR_CANCELED (work ended), a negated errno, or one of the
 * above with the wait status (DIED) or the code (START) in *detail. What it
 * said on standard error since the last call goes to *err.
 */
int coproc_ask(struct coproc *c, const struct bytes *question,
               struct bytes *answer, struct bytes *err, int64_t timeout,
               weir_ctx *work, int *detail);

/* Closes its input and waits for its end, at most for patience ns and until
 * work ends; then ends it. True: it ended by itself, with exit status 0 and
 * without another word. */
bool coproc_finish(struct coproc *c, int64_t patience, weir_ctx *work);

#endif
