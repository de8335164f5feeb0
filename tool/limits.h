/* SPDX-License-Identifier: MIT */
/* Says which limit of the process stands behind a failure. */
#ifndef WEIR_TOOL_LIMITS_H
#define WEIR_TOOL_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

/* Is this code (a negated errno or weir's) the reaching of a limit that goes
 * away when others give back what they hold? */
bool limit_is(int code);

/* What code means, with the limit's name and value where it is one: "no more
 * open files: the limit of open files is 32 (ulimit -n)". */
void limit_text(int code, char *text, size_t n);

#endif
