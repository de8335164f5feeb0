/* SPDX-License-Identifier: MIT */
#include "sub_settings.h"

#include <string.h>
#include <weir.h>

#include "moment.h"

enum { MAX_JOBS = 4096 };

#define MAX_COUNT UINT64_C(1000000000000)

enum {
    KEY_FROM = KEY_OWN,
    KEY_UNTIL_EMPTY,
    KEY_EXEC,
    KEY_ACK_WAIT,
    KEY_MAX_DELIVERIES,
    KEY_DEAD_LETTER,
    KEY_BACKOFF,
    KEY_TIMEOUT,
    KEY_KEYED
};

static const struct argp_option sub_options[] = {
    {"group", 'g', "NAME", 0,
     "Share the messages with the others of this group, whose position stays "
     "(default: all messages, from --from on)",
     1},
    {"from", KEY_FROM, "WHERE", 0,
     "Where a new group begins: begin (default), end, a message's number, or "
     "a time",
     1},
    {"count", 'n', "N", 0, "End after N messages", 2},
    {"until-empty", KEY_UNTIL_EMPTY, NULL, 0,
     "End when the group has dealt with all messages", 2},
    {"exec", KEY_EXEC, "COMMAND", 0,
     "Run COMMAND for each message, which is its standard input; 0 acks", 3},
    {"jobs", 'j', "N", 0, "With --exec: N commands at once (default: 1)", 3},
    {"timeout", KEY_TIMEOUT, "TIME", 0,
     "With --exec: end a command that takes longer; it has failed", 3},
    {"backoff", KEY_BACKOFF, "TIME", 0,
     "With --exec: pause before a message comes again, doubled each time "
     "(default: 1s)",
     3},
    {"ack-wait", KEY_ACK_WAIT, "TIME", 0,
     "Deliver again what is not acked within TIME (default: 30s)", 4},
    {"max-deliveries", KEY_MAX_DELIVERIES, "N", 0,
     "What has been delivered N times goes to the dead letters", 4},
    {"dead-letter", KEY_DEAD_LETTER, "NAME", 0,
     "The topic for the dead (default: the topic's name with .dead)", 4},
    {"keyed", KEY_KEYED, NULL, 0, "Each line is KEY, a tab, and the message",
     5},
    {"null", '0', NULL, 0, "Lines end in NUL, not in a newline", 5},
    {0},
};

static const struct option_form sub_forms[] = {
    {'g', "a name of 1 to 255 bytes"},
    {KEY_FROM, "begin, end, a message's number, or a time: 10m (ago), "
               "@1700000000 or 2026-11-21T10:00:00Z"},
    {'n', "a whole number from 1 to 1000000000000"},
    {KEY_EXEC, "a command for the shell"},
    {'j', "a whole number from 1 to 4096"},
    {KEY_TIMEOUT, "a time above 0, such as 30, 1.5s, 200ms, 5m or 1h"},
    {KEY_BACKOFF, "a time, such as 0, 200ms, 5s or 1m"},
    {KEY_ACK_WAIT, "a time above 0, such as 30, 1.5s, 200ms, 5m or 1h"},
    {KEY_MAX_DELIVERIES, "a whole number from 1 to 1000000"},
    {KEY_DEAD_LETTER, "a topic's name"},
    {0, NULL},
};

static const struct option_part part_sub = {sub_options, sub_forms};

static const char *text_of(const struct option_set *set, int key,
                           const char *value)
{
    if (value[0] == '\0' || (key == 'g' && strlen(value) > 255))
        options_bad(set, key, value);
    return value;
}

/* True: it was one of --exec's. */
static bool take_exec(const struct option_set *set, int key, const char *value,
                      struct sub_settings *s)
{
    switch (key) {
    case KEY_EXEC:
        s->command = text_of(set, key, value);
        return true;
    case 'j':
        s->jobs = (unsigned)options_count(set, key, value, 1, MAX_JOBS);
        break;
    case KEY_TIMEOUT:
        s->timeout = options_duration(set, key, value, 1);
        break;
    case KEY_BACKOFF:
        s->backoff = options_duration(set, key, value, 0);
        break;
    default:
        return false;
    }
    s->only_exec = true;
    return true;
}

static void take(const struct option_set *set, int key, const char *value,
                 void *into)
{
    struct sub_settings *s = into;
    if (run_take(set, key, value, &s->run) || take_exec(set, key, value, s))
        return;
    switch (key) {
    case 'g':
        s->opts.group = text_of(set, key, value);
        break;
    case KEY_FROM:
        if (!moment_parse(value, &s->opts))
            options_bad(set, key, value);
        break;
    case 'n':
        s->count = options_count(set, key, value, 1, MAX_COUNT);
        break;
    case KEY_UNTIL_EMPTY:
        s->until_empty = true;
        break;
    case KEY_ACK_WAIT:
        s->opts.ack_wait = options_duration(set, key, value, 1);
        break;
    case KEY_MAX_DELIVERIES:
        s->opts.max_deliveries =
            (uint32_t)options_count(set, key, value, 1, 1000000);
        break;
    case KEY_DEAD_LETTER:
        s->opts.dead_letter = text_of(set, key, value);
        break;
    case KEY_KEYED:
        s->keyed = true;
        break;
    case '0':
        s->mark = '\0';
        break;
    default:
        if (s->url)
            options_fail(set, "%s: there is one topic, %s", value, s->url);
        s->url = value;
    }
}

static const struct option_set sub_set = {
    .name = "weir sub",
    .parts = {&part_sub, &part_run},
    .args = "URL",
    .doc = "Writes the messages of the topic at URL, such as file:PATH, to "
           "standard output, a line each, or runs a command for each.\vExit "
           "status: 0 all well, 1 usage, 3 messages left (with --strict), 4 a "
           "command, the topic or the output failed, 128 + N ended by signal "
           "N. weir-sub(1) says more.",
    .take = take,
};

static void check(const struct sub_settings *s)
{
    if (!s->url)
        options_fail(&sub_set, "no topic: weir sub [OPTION...] %s",
                     sub_set.args);
    if (s->only_exec && !s->command)
        options_fail(&sub_set,
                     "options --jobs, --timeout and --backoff need --exec");
    if (s->command && (s->keyed || s->mark == '\0'))
        options_fail(&sub_set, "options --keyed and --null are for lines, not "
                               "for --exec");
}

void sub_parse(int argc, char **argv, struct sub_settings *s)
{
    *s = (struct sub_settings){.jobs = 1,
                               .timeout = WEIR_FOREVER,
                               .backoff = WEIR_SECOND,
                               .mark = '\n',
                               .run = {.grace = DEFAULT_GRACE}};
    options_parse(&sub_set, argc, argv, s);
    check(s);
}
