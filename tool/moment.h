/* SPDX-License-Identifier: MIT */
/* Where a subscription begins, as people write it. */
#ifndef WEIR_TOOL_MOMENT_H
#define WEIR_TOOL_MOMENT_H

#include <stdbool.h>
#include <weir/pub.h>

/*
 * "begin"; "end"; a message's number; or a time: one of the past hour as 60m,
 * seconds since 1970 as @1700000000, the local clock's 2026-11-21T10:00:00
 * (or a blank for the T; without the seconds; the date alone), with a Z at the
 * end UTC. Sets from, seq and time of *o; false: it is none of these.
 */
bool moment_parse(const char *text, weir_sub_opts *o);

#endif
