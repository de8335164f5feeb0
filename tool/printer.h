/* SPDX-License-Identifier: MIT */
/*
 * Standard output, shared by several who write to it: each piece comes out
 * whole and at once. When it takes no more the run is over: quietly when
 * nobody reads any more, which of a pipe is seen also while there is nothing
 * to write.
 */
#ifndef WEIR_TOOL_PRINTER_H
#define WEIR_TOOL_PRINTER_H

#include <stddef.h>
#include <weir.h>

#include "stop.h"

struct printer {
    struct stop *stop;
    weir_mutex turn;
    _Atomic int error; /* what ended it: -EPIPE, WEIR_CANCELED, or why      */
    weir_ctx end;      /* of the task that looks for its reader             */
    weir_wg watcher;
};

/* With signals watched; and when nobody writes any more. */
void printer_start(struct printer *p, struct stop *stop);
void printer_finish(struct printer *p);

/* Writes n bytes: how many went out. Fewer when the output takes no more,
 * which is said, and ends the run; or when the run was broken off. */
size_t printer_write(struct printer *p, const void *data, size_t n);

/* It could not be written, and not because nobody wanted it. */
bool printer_failed(const struct printer *p);

#endif
