/* SPDX-License-Identifier: MIT */
#include "tee_settings.h"

#include <stdlib.h>
#include <string.h>
#include <weir.h>

enum {
    KEY_REQUIRED = KEY_OWN,
    KEY_OPTIONAL,
    KEY_APPEND,
    KEY_LATE,
    KEY_RETRIES,
    KEY_KEEP
};

enum { MAX_BRANCHES = 1000, MAX_RETRIES = 1000, DEFAULT_RETRIES = 3 };
enum { LATE_BUFFER = 1024 * 1024 }; /* the rest is in what is kept */

#define MAX_KEEP (UINT64_C(1) << 50)

static const struct argp_option tee_options[] = {
    {"required", KEY_REQUIRED, NULL, 0,
     "When one of these branches fails, or stops to read, all end", 4},
    {"optional", KEY_OPTIONAL, NULL, 0,
     "When one fails, the others go on (default)", 4},
    {"append", KEY_APPEND, NULL, 0, "Add to files that are there", 4},
    {"late", KEY_LATE, NULL, 0,
     "What is read is kept for these branches: they get it from its start, "
     "whenever their reader comes, or their command is started again",
     5},
    {"retries", KEY_RETRIES, "N", 0,
     "With --late: start a command that fails up to N times more (default: 3)",
     5},
    {"keep", KEY_KEEP, "SIZE", 0,
     "Keep at most the first SIZE bytes for late branches (default: all)", 5},
    {0},
};

static const struct option_form tee_forms[] = {
    {KEY_RETRIES, "a whole number from 0 to 1000"},
    {KEY_KEEP, "a size from 1 to 1024T, such as 64M or 10G"},
    {0, NULL},
};

static const struct option_part part_tee = {tee_options, tee_forms};

static void add_branch(const struct option_set *set, struct tee_settings *s,
                       const char *name)
{
    if (s->count == MAX_BRANCHES)
        options_fail(set, "more than %d branches", MAX_BRANCHES);
    if (name[0] == '\0' ||
        (name[0] == '|' && strspn(name + 1, " \t\n") == strlen(name + 1)))
        options_fail(set, "'%s' is not a branch: FILE, '|command' or -", name);
    if (s->now.late && s->now.stream.flow.policy != WEIR_BLOCK)
        options_fail(set, "option --late needs --on-full block for %s", name);
    s->now.name = name;
    s->late += s->now.late;
    s->branches[s->count++] = s->now;
}

static void take(const struct option_set *set, int key, const char *value,
                 void *into)
{
    struct tee_settings *s = into;
    if (stream_take(set, key, value, &s->now.stream) ||
        run_take(set, key, value, &s->run))
        return;
    switch (key) {
    case KEY_REQUIRED:
    case KEY_OPTIONAL:
        s->now.required = key == KEY_REQUIRED;
        break;
    case KEY_APPEND:
        s->now.append = true;
        break;
    case KEY_LATE:
        s->now.late = true;
        break;
    case KEY_RETRIES:
        s->now.retries =
            (unsigned)options_count(set, key, value, 0, MAX_RETRIES);
        break;
    case KEY_KEEP:
        s->keep = options_size(set, key, value, 1, MAX_KEEP);
        break;
    default:
        add_branch(set, s, value);
    }
}

static const struct option_set tee_set = {
    .name = "weir tee",
    .parts = {&part_flow, &part_stream, &part_tee, &part_run},
    .in_order = true,
    .args = "[OPTION...] BRANCH...",
    .doc = "Copies standard input to each BRANCH: a FILE, a '|command' for "
           "the shell, or - for standard output. The options of a buffer, "
           "--required and --append hold for the branches behind them.\vExit "
           "status: 0 all well, 1 usage, 3 dropped or left (with --strict, and "
           "whenever --on-full error ended a branch), 4 a branch failed or "
           "reading did, 128 + N ended by signal N. weir-tee(1) says more.",
    .take = take,
};

/* With the mark of the run known. */
static void settle_branch(struct branch_settings *b)
{
    bool bytes = *b->stream.mark < 0;
    b->queue = stream_queue(&tee_set, &b->stream);
    b->rate = flow_rate(&tee_set, &b->stream.flow, bytes);
    if (b->late)
        b->queue.most_bytes = LATE_BUFFER;
}

bool tee_parse(int argc, char **argv, struct tee_settings *s)
{
    *s = (struct tee_settings){.mark = -1,
                               .run = {.grace = DEFAULT_GRACE},
                               .now.retries = DEFAULT_RETRIES,
                               .now.stream.mark = &s->mark,
                               .branches =
                                   calloc((size_t)argc, sizeof *s->branches)};
    if (!s->branches)
        return false;
    options_parse(&tee_set, argc, argv, s);
    if (s->count == 0)
        options_fail(&tee_set,
                     "no branch: weir tee %s, each a FILE, a '|command' or -",
                     tee_set.args);
    for (int i = 0; i < s->count; i++)
        settle_branch(&s->branches[i]);
    return true;
}

void tee_settings_free(struct tee_settings *s)
{
    free(s->branches);
}
