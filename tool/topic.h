/* SPDX-License-Identifier: MIT */
/* What `weir pub` and `weir sub` do alike with the URL of a topic. */
#ifndef WEIR_TOOL_TOPIC_H
#define WEIR_TOOL_TOPIC_H

#include <weir/pub.h>

/* Does the URL name a topic that another command can reach? 0, or the exit
 * status to end with, which has been said. */
int topic_check(const char *url);

/* It could not be opened: says so. The exit status. */
int topic_failed(const char *url, int code, const weir_why *why);

#endif
