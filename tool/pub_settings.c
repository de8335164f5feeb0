/* SPDX-License-Identifier: MIT */
#include "pub_settings.h"

#include <stdlib.h>
#include <string.h>
#include <weir.h>

enum { NUMBER_MOST = 21 };

#define MAX_RECORD     (UINT64_C(1) << 40)
#define DEFAULT_RECORD (UINT64_C(64) << 20)

enum { KEY_KEYED = KEY_OWN, KEY_ID, KEY_MAX_RECORD };

static const struct argp_option pub_options[] = {
    {"key", 'k', "KEY", 0, "The messages' key", 1},
    {"keyed", KEY_KEYED, NULL, 0, "Each line is KEY, a tab, and the message",
     1},
    {"type", 't', "TYPE", 0, "The messages' type", 1},
    {"header", 'H', "NAME=VALUE", 0, "A header of the messages; repeatable", 1},
    {"body", 'm', "TEXT", 0,
     "A message; repeatable. Standard input is not read then", 2},
    {"id", KEY_ID, "ID", 0,
     "Identify the messages, so that none is stored twice: line N by ID-N, a "
     "single --body by ID",
     2},
    {"null", '0', NULL, 0, "Lines end in NUL, not in a newline", 3},
    {"max-record", KEY_MAX_RECORD, "SIZE", 0,
     "A longer line fails (default: 64M)", 3},
    {0},
};

static const struct option_form pub_forms[] = {
    {'k', "a key of at least one byte"},
    {'t', "a type"},
    {'H', "a name, =, and a value"},
    {'m', "a text"},
    {KEY_ID, "an id of 1 to 234 bytes"},
    {KEY_MAX_RECORD, "a size from 1 to 1T, such as 4096, 10k or 64M"},
    {0, NULL},
};

static const struct option_part part_pub = {pub_options, pub_forms};

static void add_header(const struct option_set *set, struct pub_settings *s,
                       const char *value)
{
    char *equals = strchr(value, '=');
    if (!equals || equals == value)
        options_bad(set, 'H', value);
    if (s->event.header_count == PUB_HEADERS)
        options_fail(set, "more than %d headers", PUB_HEADERS);
    *equals = '\0'; /* the words of a command line may be written */
    s->headers[s->event.header_count++] =
        (weir_event_header){.name = value, .value = equals + 1};
}

static void take_text(const struct option_set *set, int key, const char *value,
                      struct pub_settings *s)
{
    if (key == 'k') {
        s->event.key = value;
        s->event.key_size = strlen(value);
    } else if (key == 't') {
        s->event.type = value;
    } else {
        s->id = value;
    }
    if (value[0] == '\0' ||
        (key == KEY_ID && strlen(value) + NUMBER_MOST > PUB_ID_MOST))
        options_bad(set, key, value);
}

static void take(const struct option_set *set, int key, const char *value,
                 void *into)
{
    struct pub_settings *s = into;
    if (run_take(set, key, value, &s->run))
        return;
    switch (key) {
    case 'k':
    case 't':
    case KEY_ID:
        take_text(set, key, value, s);
        break;
    case KEY_KEYED:
        s->keyed = true;
        break;
    case 'H':
        add_header(set, s, value);
        break;
    case 'm':
        s->bodies[s->body_count++] = value;
        break;
    case '0':
        s->mark = '\0';
        break;
    case KEY_MAX_RECORD:
        s->max_record = options_size(set, key, value, 1, MAX_RECORD);
        break;
    default:
        if (s->url)
            s->files[s->file_count++] = (char *)(uintptr_t)value;
        else
            s->url = value;
    }
}

static const struct option_set pub_set = {
    .name = "weir pub",
    .parts = {&part_pub, &part_run},
    .args = "URL [FILE...]",
    .doc = "Publishes each line of the FILEs or of standard input to the "
           "topic at URL, such as file:PATH.\vExit status: 0 all well, 1 "
           "usage, 3 the topic was full (on_full=error), or messages left "
           "(with --strict), 4 publishing or reading failed, 128 + N ended by "
           "signal N. weir-pub(1) says more.",
    .take = take,
};

static void check(const struct pub_settings *s)
{
    if (!s->url)
        options_fail(&pub_set, "no topic: weir pub [OPTION...] %s",
                     pub_set.args);
    if (s->keyed && s->event.key)
        options_fail(&pub_set, "options --key and --keyed: one of them");
    if (s->body_count > 0 && s->file_count > 0)
        options_fail(&pub_set, "option --body and %s: one of them",
                     s->files[0]);
}

bool pub_parse(int argc, char **argv, struct pub_settings *s)
{
    *s = (struct pub_settings){
        .mark = '\n',
        .max_record = DEFAULT_RECORD,
        .event.headers = s->headers,
        .run = {.grace = DEFAULT_GRACE},
        .bodies = calloc((size_t)argc, sizeof *s->bodies),
        .files = calloc((size_t)argc, sizeof *s->files),
    };
    if (!s->bodies || !s->files)
        return false;
    options_parse(&pub_set, argc, argv, s);
    check(s);
    return true;
}

void pub_settings_free(struct pub_settings *s)
{
    free(s->bodies);
    free(s->files);
}
