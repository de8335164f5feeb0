/* SPDX-License-Identifier: MIT */
/*
 * A sub-command's options: argp for the parsing and the help, and error
 * messages that name the option and the form it takes. Every usage error
 * ends the process with status 1.
 */
#ifndef WEIR_TOOL_OPTIONS_H
#define WEIR_TOOL_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/* What an option's value must be: "a whole number from 1 to 4096". */
struct option_form {
    int key;
    const char *form;
};

/* Options that belong together; several commands may share them. */
struct option_part {
    const struct argp_option *options; /* ended by zero                      */
    const struct option_form *forms;   /* ended by key 0                     */
};

enum { OPTION_PARTS = 4 };

struct option_set {
    const char *name; /* "weir map"                                          */
    const struct option_part *parts[OPTION_PARTS]; /* ended by NULL          */
    bool in_order; /* options and arguments are taken as they stand          */
    const char *args; /* "[FILE...] -- COMMAND [ARG...]"    */
    const char *doc;
    /* Takes one option, or an argument with key ARGP_KEY_ARG. */
    void (*take)(const struct option_set *set, int key, const char *value,
                 void *into);
};

/* The key of --help, which one of the parts lists. */
enum { OPTION_HELP = 0x2000 };

/* Parses argv[1..argc-1]; --help prints the help and ends with 0. */
void options_parse(const struct option_set *set, int argc, char **argv,
                   void *into);

/* The value is not of the option's form. */
_Noreturn void options_bad(const struct option_set *set, int key,
                           const char *value);

/* Any other usage error. */
__attribute__((format(printf, 2, 3))) _Noreturn void options_fail(
    const struct option_set *set, const char *format, ...);

/* A count, size or duration within bounds, or options_bad. */
uint64_t options_count(const struct option_set *set, int key, const char *value,
                       uint64_t min, uint64_t max);
uint64_t options_size(const struct option_set *set, int key, const char *value,
                      uint64_t min, uint64_t max);
int64_t options_duration(const struct option_set *set, int key,
                         const char *value, int64_t min);

#endif
