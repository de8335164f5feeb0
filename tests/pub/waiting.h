/* SPDX-License-Identifier: MIT */
/* How many tasks wait, as weir_dump tells: one that waits is not on its way to
 * anything any more, and holds no lock of the library. */
#ifndef WAITING_H
#define WAITING_H

#include "../chan/parties.h"

/* On that, such as "semaphore"; NULL: on anything but a mutex. */
static inline bool tells_of_wait(const char *line, const char *on)
{
    static const char words[] = ": waits on ";
    const char *at = strstr(line, words);

    if (at == NULL)
        return false;
    at += strlen(words);
    return on != NULL ? strncmp(at, on, strlen(on)) == 0
                      : strncmp(at, "mutex", 5) != 0;
}

static inline int tasks_waiting(const char *on)
{
    char *text = NULL, *rest = NULL;
    size_t size = 0;
    int n = 0;
    FILE *f = open_memstream(&text, &size);

    must(f != NULL);
    weir_dump(f);
    must_eq(fclose(f), 0);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        n += tells_of_wait(line, on);
    free(text);
    return n;
}

/* Until so many do. */
static inline void await_waiting(const char *on, int n)
{
    while (tasks_waiting(on) != n)
        weir_yield();
}

#endif
