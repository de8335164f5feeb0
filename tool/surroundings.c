/* SPDX-License-Identifier: MIT */
#include "surroundings.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

enum { OWN_MOST = 6 }; /* but for headers */

/* False: out of memory. */
__attribute__((format(printf, 2, 3))) static bool add(struct surroundings *s,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool added = vasprintf(&s->all[s->own], format, args) >= 0;
    va_end(args);
    if (added)
        s->own++;
    else
        s->all[s->own] = NULL;
    return added;
}

/* What a name may not have becomes an underscore. */
static bool add_header(struct surroundings *s, const weir_event_header *h)
{
    if (!add(s, "WEIR_HEADER_%s=%s", h->name, h->value ? h->value : ""))
        return false;
    char *c = s->all[s->own - 1] + strlen("WEIR_HEADER_");
    for (size_t n = strlen(h->name); n > 0; n--, c++)
        *c =
            isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return true;
}

/* A key with a NUL in it cannot be in an environment. */
static bool add_event(struct surroundings *s, const weir_event *e)
{
    bool well = true;
    if (e->key_size > 0 && !memchr(e->key, 0, e->key_size))
        well = add(s, "WEIR_KEY=%.*s", (int)e->key_size, (const char *)e->key);
    if (well && e->type[0])
        well = add(s, "WEIR_TYPE=%s", e->type);
    for (size_t i = 0; well && i < e->header_count; i++)
        well = add_header(s, &e->headers[i]);
    return well;
}

static bool add_message(struct surroundings *s, const weir_message *m)
{
    return add(s, "WEIR_SEQ=%" PRIu64, m->seq) &&
           add(s, "WEIR_DELIVERIES=%" PRIu32, m->deliveries) &&
           add(s, "WEIR_TIME=%" PRId64 ".%09" PRId64,
               m->published / WEIR_SECOND, m->published % WEIR_SECOND) &&
           (!m->id || add(s, "WEIR_ID=%s", m->id)) &&
           (!m->event || add_event(s, m->event));
}

/* Is it one that says something of a message, from around us? */
static bool is_stale(const char *variable)
{
    static const char *const names[] = {
        "WEIR_SEQ=", "WEIR_DELIVERIES=", "WEIR_TIME=",  "WEIR_ID=",
        "WEIR_KEY=", "WEIR_TYPE=",       "WEIR_HEADER_"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

int surroundings_init(struct surroundings *s, const weir_message *m)
{
    size_t headers = m->event ? m->event->header_count : 0;
    size_t ours = 0;
    while (environ[ours])
        ours++;
    *s = (struct surroundings){NULL, 0};
    s->all = calloc(ours + OWN_MOST + headers + 1, sizeof *s->all);
    if (!s->all || !add_message(s, m))
        return WEIR_ENOMEM;
    char **at = s->all + s->own;
    for (size_t i = 0; i < ours; i++)
        if (!is_stale(environ[i]))
            *at++ = environ[i];
    return 0;
}

void surroundings_free(struct surroundings *s)
{
    for (size_t i = 0; i < s->own; i++)
        free(s->all[i]);
    free(s->all);
}
