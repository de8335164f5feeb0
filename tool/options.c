/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

enum { USAGE_ERROR = 1, OPTIONS_MOST = 40 };

/* What the parser hands from call to call. */
struct parse {
    const struct option_set *set;
    void *into;
};

void options_fail(const struct option_set *set, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s: ", set->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nTry '%s --help'.\n", set->name);
    exit(USAGE_ERROR);
}

static const char *form_of(const struct option_set *set, int key)
{
    for (int i = 0; i < OPTION_PARTS && set->parts[i]; i++)
        for (const struct option_form *f = set->parts[i]->forms; f->key; f++)
            if (f->key == key)
                return f->form;
    return "a value";
}

/* The options of all parts, ended by zero: made by options_parse. */
static struct argp_option all[OPTIONS_MOST];

static void gather(const struct option_set *set)
{
    int n = 0;
    for (int i = 0; i < OPTION_PARTS && set->parts[i]; i++)
        for (const struct argp_option *o = set->parts[i]->options; o->name; o++)
            if (n < OPTIONS_MOST - 1)
                all[n++] = *o;
}

static const struct argp_option *by_key(int key)
{
    const struct argp_option *o = all;
    while (o->key != key)
        o++;
    return o;
}

void options_bad(const struct option_set *set, int key, const char *value)
{
    const struct argp_option *o = by_key(key);
    options_fail(set, "option --%s: '%s' is not %s", o->name, value,
                 form_of(set, key));
}

static _Noreturn void fail_without_value(const struct option_set *set,
                                         const struct argp_option *o)
{
    options_fail(set, "option --%s needs a value: --%s %s, %s", o->name,
                 o->name, o->arg, form_of(set, o->key));
}

/* The option a word such as --win or -xj means; NULL: none, or several. */
static const struct argp_option *meant_by(const char *word)
{
    const struct argp_option *found = NULL;
    bool whole_name = strncmp(word, "--", 2) == 0;
    size_t len = strcspn(word + 2, "=");
    for (const struct argp_option *o = all; o->name; o++) {
        if (!whole_name && o->key == word[strlen(word) - 1])
            return o;
        if (!whole_name || strncmp(o->name, word + 2, len) != 0)
            continue;
        if (o->name[len] == '\0')
            return o;
        if (found)
            return NULL;
        found = o;
    }
    return found;
}

/* getopt gave up on a word; argp tells only where it stood. */
static _Noreturn void explain(const struct option_set *set,
                              const struct argp_state *state)
{
    int at = state->next - 1;
    if (at < 1 || state->argv[at][0] != '-')
        at = state->next < state->argc ? state->next : at;
    const char *word = state->argv[at];
    const struct argp_option *o = meant_by(word);
    if (o && o->arg && !strchr(word, '='))
        fail_without_value(set, o);
    if (o && !o->arg && strchr(word, '='))
        options_fail(set, "option --%s takes no value", o->name);
    options_fail(set, "unknown option %s", word);
}

static void help(const struct option_set *set, const struct argp *argp)
{
    char name[32];
    snprintf(name, sizeof name, "%s", set->name);
    argp_help(argp, stdout,
              ARGP_HELP_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG |
                  ARGP_HELP_POST_DOC,
              name);
    exit(fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
}

static error_t parse_one(int key, char *value, struct argp_state *state)
{
    const struct parse *p = state->input;
    if (key == ARGP_KEY_ERROR)
        explain(p->set, state);
    if (key == OPTION_HELP)
        help(p->set, state->root_argp);
    if (key > 0 && key < 0x1000000) {
        p->set->take(p->set, key, value, p->into);
        return 0;
    }
    if (key == ARGP_KEY_ARG) {
        p->set->take(p->set, ARGP_KEY_ARG, value, p->into);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

void options_parse(const struct option_set *set, int argc, char **argv,
                   void *into)
{
    struct parse p = {set, into};
    const struct argp argp = {.options = all,
                              .parser = parse_one,
                              .args_doc = set->args,
                              .doc = set->doc};
    unsigned flags = ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT |
                     (set->in_order ? ARGP_IN_ORDER : 0);
    argp_err_exit_status = USAGE_ERROR;
    gather(set);
    if (argp_parse(&argp, argc, argv, flags, NULL, &p))
        options_fail(set, "the options cannot be understood");
}

uint64_t options_count(const struct option_set *set, int key, const char *value,
                       uint64_t min, uint64_t max)
{
    uint64_t n;
    if (!units_count(value, &n) || n < min || n > max)
        options_bad(set, key, value);
    return n;
}

uint64_t options_size(const struct option_set *set, int key, const char *value,
                      uint64_t min, uint64_t max)
{
    uint64_t n;
    if (!units_size(value, &n) || n < min || n > max)
        options_bad(set, key, value);
    return n;
}

int64_t options_duration(const struct option_set *set, int key,
                         const char *value, int64_t min)
{
    int64_t ns;
    if (!units_duration(value, &ns) || ns < min)
        options_bad(set, key, value);
    return ns;
}
