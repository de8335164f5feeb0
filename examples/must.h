/* SPDX-License-Identifier: MIT */
/*
 * How the small examples deal with failures: a call that cannot fail here
 * must not, and if it does the program says which one and ends. A program
 * that has something better to do looks at the code instead.
 */
#ifndef MUST_H
#define MUST_H

#include <stdio.h>
#include <stdlib.h>
#include <weir.h>

/* The result of a weir call, which is no failure. */
#define must(call) must_(call, #call)

/* What a constructor made, which is not NULL. */
#define made(call) made_(call, #call)

static inline ptrdiff_t must_(ptrdiff_t code, const char *call)
{
    if (code >= 0)
        return code;
    fprintf(stderr, "%s: %s\n", call, weir_strerror((int)code));
    exit(EXIT_FAILURE);
}

static inline void *made_(void *object, const char *call)
{
    if (object)
        return object;
    fprintf(stderr, "%s: nothing was made\n", call);
    exit(EXIT_FAILURE);
}

/* main's result: success, if all that was printed has been written. */
static inline int printed(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_SUCCESS;
    perror("standard output");
    return EXIT_FAILURE;
}

#endif
