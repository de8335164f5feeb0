/* SPDX-License-Identifier: MIT */
#include "map_settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

enum { MAX_WORKERS = 4096, MAX_RECORDS = 1000000, MAX_RETRIES = 1000 };

#define MAX_RECORD     (UINT64_C(1) << 40)
#define DEFAULT_RECORD (UINT64_C(64) << 20)

enum {
    KEY_ORDERED = KEY_OWN,
    KEY_UNORDERED,
    KEY_WINDOW,
    KEY_RETRIES,
    KEY_TIMEOUT,
    KEY_HALT,
    KEY_COPROC,
    KEY_MAX_RECORD
};

static const struct argp_option map_options[] = {
    {"jobs", 'j', "N", 0, "Run N commands at once (default: processors)", 1},
    {"ordered", KEY_ORDERED, NULL, 0, "Results in input order (default)", 1},
    {"unordered", KEY_UNORDERED, NULL, 0, "Results as they finish", 1},
    {"window", KEY_WINDOW, "N", 0,
     "At most N records begun and not written (default: 8 a worker, at least "
     "64)",
     1},
    {"capacity", KEY_CAPACITY, "N", 0,
     "At most N records read and not begun (default: as the window)", 1},
    {"null", '0', NULL, 0, "Records end in NUL, not in a newline", 2},
    {"max-record", KEY_MAX_RECORD, "SIZE", 0,
     "A longer record fails (default: 64M)", 2},
    {"coproc", KEY_COPROC, NULL, 0,
     "Keep one process a worker, which answers each record with one", 3},
    {"retries", KEY_RETRIES, "N", 0,
     "Try a record that failed up to N times more (default: 0)", 4},
    {"timeout", KEY_TIMEOUT, "TIME", 0,
     "End a command that takes longer; its record fails", 4},
    {"halt", KEY_HALT, "WHEN", 0,
     "When a record fails: never stop (default), stop soon (finish what "
     "runs), stop now (end what runs)",
     4},
    {0},
};

static const struct option_form map_forms[] = {
    {'j', "a whole number from 1 to 4096"},
    {KEY_WINDOW, "a whole number from 1 to 1000000"},
    {KEY_CAPACITY, "a whole number from 1 to 1000000"},
    {KEY_RETRIES, "a whole number from 0 to 1000"},
    {KEY_TIMEOUT, "a time above 0, such as 30, 1.5s, 200ms, 5m or 1h"},
    {KEY_HALT, "one of never, soon, now"},
    {KEY_MAX_RECORD, "a size from 1 to 1T, such as 4096, 10k or 64M"},
    {0, NULL},
};

static const struct option_part part_map = {map_options, map_forms};

static enum halt parse_halt(const struct option_set *set, const char *value)
{
    static const char *const names[] = {"never", "soon", "now"};
    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0)
            return (enum halt)i;
    options_bad(set, KEY_HALT, value);
}

static void take(const struct option_set *set, int key, const char *value,
                 void *into)
{
    struct map_settings *s = into;
    if (flow_take(set, key, value, &s->flow) ||
        run_take(set, key, value, &s->run))
        return;
    switch (key) {
    case 'j':
        s->jobs = (unsigned)options_count(set, key, value, 1, MAX_WORKERS);
        break;
    case KEY_ORDERED:
    case KEY_UNORDERED:
        s->unordered = key == KEY_UNORDERED;
        break;
    case KEY_WINDOW:
        s->window = options_count(set, key, value, 1, MAX_RECORDS);
        break;
    case KEY_CAPACITY:
        s->capacity = options_count(set, key, value, 1, MAX_RECORDS);
        break;
    case '0':
        s->mark = '\0';
        break;
    case KEY_MAX_RECORD:
        s->max_record = options_size(set, key, value, 1, MAX_RECORD);
        break;
    case KEY_COPROC:
        s->coproc = true;
        break;
    case KEY_RETRIES:
        s->retries = (unsigned)options_count(set, key, value, 0, MAX_RETRIES);
        break;
    case KEY_TIMEOUT:
        s->timeout = options_duration(set, key, value, 1);
        break;
    case KEY_HALT:
        s->halt = parse_halt(set, value);
        break;
    default:
        s->files[s->file_count++] = (char *)(uintptr_t)value;
    }
}

static const struct option_set map_set = {
    .name = "weir map",
    .parts = {&part_map, &part_flow, &part_run},
    .args = "[FILE...] -- COMMAND [ARG...]",
    .doc = "Runs COMMAND for each record of the FILEs or of standard input: "
           "the record takes the place of each {}, or is the last "
           "argument.\vExit status: 0 all well, 1 usage, 3 records dropped or "
           "left (with --strict), 4 a command failed, 124 commands timed "
           "out, 128 + N ended by signal N. weir-map(1) says more.",
    .take = take,
};

/* The index of the first "--", which must have a command behind it. */
static int find_command(int argc, char **argv)
{
    int at = 1;
    while (at < argc && strcmp(argv[at], "--") != 0)
        at++;
    return at;
}

static void settle_defaults(struct map_settings *s)
{
    uint64_t most = (uint64_t)s->jobs * 8;
    if (s->jobs == 0) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);
        s->jobs = n > 0 ? (unsigned)n : 1;
        most = (uint64_t)s->jobs * 8;
    }
    if (s->window == 0)
        s->window = most > 64 ? most : 64;
    if (s->capacity == 0)
        s->capacity = s->window;
}

bool map_parse(int argc, char **argv, struct map_settings *s)
{
    int at = find_command(argc, argv);
    *s = (struct map_settings){.mark = '\n',
                               .max_record = DEFAULT_RECORD,
                               .timeout = WEIR_FOREVER,
                               .run = {.grace = DEFAULT_GRACE},
                               .files = calloc((size_t)argc, sizeof(char *)),
                               .command = argv + at + 1,
                               .word_count = argc - at - 1};
    if (!s->files)
        return false;
    options_parse(&map_set, at, argv, s);
    if (s->word_count <= 0)
        options_fail(&map_set, "no command: weir map [OPTION...] %s",
                     map_set.args);
    settle_defaults(s);
    flow_check(&map_set, &s->flow, false);
    s->rate = flow_rate(&map_set, &s->flow, false);
    return true;
}

void map_settings_free(struct map_settings *s)
{
    free(s->files);
}
