/* SPDX-License-Identifier: MIT */
/* What the publisher's parts share: the engine in the library, and how a URL
 * becomes an engine. */
#ifndef WR_EVENT_ENGINE_H
#define WR_EVENT_ENGINE_H

#include <weir/engine.h>

enum {
    WR_SCHEME_MAX = 32,
    WR_NAME_MAX = 255, /* of a group, an id */
    WR_SHOWN = 100     /* bytes of a URL or a value in a sentence */
};

/* The engine `mem`. */
const weir_engine *wr_mem_engine(void);

/* [a-z][a-z0-9]*, at most WR_SCHEME_MAX bytes. */
bool wr_scheme_ok(const char *s);

/* Of a group, or of a topic for dead letters. */
bool wr_group_name_ok(const char *name);
#define WR_NAME_RULE                                                           \
    "the name of a group has 1 to 255 bytes, and no control characters"

/* why may be NULL. */
void wr_why_clear(weir_why *why);

/* What why is to say after a call of an engine with this code. */
void wr_why_end(weir_why *why, int code, const weir_url *url);

/* Writes "a, b and c", where last is " and ", as far as it fits. */
void wr_list_words(char *to, size_t size, const char *const *words, size_t n,
                   const char *last);

/* Parses the text and finds its engine. 0, and *url is to be freed; otherwise
 * as weir_pub_open. */
int wr_engine_of(const weir_engine **e, weir_url **url, const char *text,
                 weir_why *why);

#endif
