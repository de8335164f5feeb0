/* SPDX-License-Identifier: MIT */
/*
 * Whole lines from a stream to standard output, with the stream's name in
 * front where there are several. Beginnings of lines whose end never comes
 * are not written. What the output takes no more is left, or has failed; it
 * is read to the stream's end all the same, so that the account has it.
 */
#ifndef WEIR_TOOL_LINES_H
#define WEIR_TOOL_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <weir.h>

#include "bytes.h"
#include "ledger.h"
#include "printer.h"

struct lines {
    weir_reader *reader;
    const char *name; /* for messages                                       */
    bool named;       /* it stands in front of each line                    */
    char mark;        /* what ends a line                                   */
    uint64_t most;    /* bytes of one, without its mark                     */
    struct printer *printer;
    struct ledger *ledger; /* its columns but in                            */

    struct bytes held; /* the beginning of a line                           */
    struct bytes text; /* lines to be written                               */
    bool skipping;     /* the rest of one that is too long                  */
};

/* Until the stream ends. */
void lines_run(struct lines *l);

#endif
