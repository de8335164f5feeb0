/* SPDX-License-Identifier: MIT */
/*
 * The command of `weir map`: its words, where a record goes among them, and
 * the program that its first word names.
 */
#ifndef WEIR_TOOL_COMMAND_H
#define WEIR_TOOL_COMMAND_H

#include <stdbool.h>

struct command {
    char **words; /* NULL-ended; the caller's                               */
    int count;
    char *path;     /* of the program; NULL while a record names it        */
    bool marked;    /* some word has {}                                    */
    bool by_record; /* the first word has {}                               */
};

/* Takes the words and finds the program, unless a record names it. With
 * literal, {} means nothing. 0, or a negated errno: it is not there, or may
 * not be run. */
int command_init(struct command *c, int count, char **words, bool literal);
void command_fini(struct command *c);

/* The words with the record in its place (in the place of each {}, else
 * behind the last word), NULL-ended, in one block to be freed. NULL: out of
 * memory. */
char **command_with(const struct command *c, const char *record);

/* The path of a program as execvp would look for it, to be freed; or NULL
 * with the reason in *code. */
char *command_find(const char *name, int *code);

#endif
