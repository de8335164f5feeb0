/* SPDX-License-Identifier: MIT */
/*
 * A file that grows, by its name: read as it grows into a stream, through
 * truncation, rotation and absence.
 *
 *     open --> copy to its end --> wait for a poke --> look at the name
 *       ^            ^                                   |
 *       |            +---- the same, or cut short -------+
 *       +----------------- another file that is not empty
 *
 * Every look comes after the watches are set and before the copy, so that
 * what happens after them pokes. The old file is read on until the one that
 * has taken its name has something in it: a writer that goes over to the new
 * file writes no more to the old one then.
 */
#ifndef WEIR_TOOL_TAIL_H
#define WEIR_TOOL_TAIL_H

#include <stdbool.h>
#include <sys/types.h>
#include <weir.h>
#include <weir/stream.h>

#include "ledger.h"
#include "stop.h"
#include "watch.h"

struct tail {
    const char *name;
    char mark;     /* what ends a line: it never lies across two files      */
    bool from_end; /* of what is there at first only what comes             */
    bool once;     /* to the end of what is there; watches nothing          */
    struct stop *stop;
    struct ledger *ledger; /* in and bytes_in                               */
    weir_stream *stream;   /* closed at the end                             */

    /* The tail's own. */
    weir_chan *poke;
    struct watch *way; /* the directories on the way to it, from the first  */
    size_t way_length;
    struct watch here, next; /* it, and its successor                       */
    int fd;                  /* -1: none                            */
    dev_t device;
    ino_t inode;
    off_t at;
    bool begun;    /* the first look is over                                */
    bool replaced; /* the name has another file, with something in it       */
    bool open;     /* the last line has no end                              */
    int said;      /* what was said of it last                              */
    bool failed;   /* it could not be read                                  */
    char *buffer;
};

/* With the name set. 0, WEIR_ENOMEM. */
int tail_init(struct tail *t, struct watches *watches);
void tail_fini(struct tail *t);

/* Until the input is ended, or with `once` until its end. */
void tail_run(struct tail *t);

#endif
