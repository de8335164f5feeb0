/* SPDX-License-Identifier: MIT */
/* The environment of a command that handles a message: ours, and WEIR_SEQ,
 * WEIR_DELIVERIES, WEIR_TIME (seconds since 1970), and if it has them
 * WEIR_KEY, WEIR_TYPE, WEIR_ID, and WEIR_HEADER_NAME for each header. */
#ifndef WEIR_TOOL_SURROUNDINGS_H
#define WEIR_TOOL_SURROUNDINGS_H

#include <weir/pub.h>

struct surroundings {
    char **all; /* NULL-ended                                               */
    size_t own; /* the first of them, which are freed                       */
};

/* 0, WEIR_ENOMEM; to be freed in both cases. */
int surroundings_init(struct surroundings *s, const weir_message *m);
void surroundings_free(struct surroundings *s);

#endif
