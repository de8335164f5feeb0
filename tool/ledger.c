/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <weir.h>

#include "report.h"
#include "units.h"

enum { NAME_MOST = 200 };

static const char *const reasons[DROP_REASONS] = {
    [DROP_NEWEST] = "newest",   [DROP_OLDEST] = "oldest",
    [DROP_LATEST] = "latest",   [DROP_SAMPLED] = "sampled",
    [DROP_REFUSED] = "refused", [DROP_TOO_BIG] = "too-big",
};

void ledger_init(struct ledger *l, const char *command, const char *unit)
{
    *l = (struct ledger){.command = command, .unit = unit};
    l->began = weir_now();
}

void ledger_end(struct ledger *l)
{
    if (l->ended == 0)
        l->ended = weir_now();
}

uint64_t ledger_dropped(const struct ledger *l)
{
    uint64_t sum = 0;
    for (int i = 0; i < DROP_REASONS; i++)
        sum += l->dropped[i];
    return sum;
}

/* The ends are read before the beginning, so that the difference is never
 * negative while the run goes on. */
uint64_t ledger_inside(const struct ledger *l)
{
    uint64_t ended = l->out + l->failed + l->left + ledger_dropped(l);
    uint64_t in = l->in;
    return in > ended ? in - ended : 0;
}

bool ledger_balances(const struct ledger *l)
{
    return l->in == l->out + ledger_dropped(l) + l->failed + l->left;
}

double ledger_seconds(const struct ledger *l)
{
    int64_t until = l->ended ? l->ended : weir_now();
    return (double)(until - l->began) / (double)WEIR_SECOND;
}

/* " (newest 3, oldest 4)", or nothing. */
static void show_reasons(const struct ledger *l, char *text, size_t n)
{
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; i < DROP_REASONS; i++) {
        uint64_t count = l->dropped[i];
        if (count > 0 && at < n)
            at += (size_t)snprintf(text + at, n - at, "%s%s %" PRIu64,
                                   at ? ", " : " (", reasons[i], count);
    }
    if (at > 0 && at < n)
        snprintf(text + at, n - at, ")");
}

/* "; fill 3%, oldest 30 ms, blocked 1.2 s, p99 4.0 ms" while it goes on, then
 * "; fill at most 80%, blocked ...". */
static void show_flow(const struct ledger *l, char *text, size_t n)
{
    char blocked[24], oldest[24], p99[24], fill[64];
    text[0] = '\0';
    if (!l->look)
        return;
    struct flow_state f = l->look(l->arg);
    units_show_time(blocked, sizeof blocked, f.blocked);
    units_show_time(oldest, sizeof oldest, f.oldest);
    units_show_time(p99, sizeof p99, f.p99);
    if (l->ended)
        snprintf(fill, sizeof fill, "at most %u%%", f.highest);
    else
        snprintf(fill, sizeof fill, "%u%%, oldest %s", f.fill, oldest);
    snprintf(text, n, "; fill %s, blocked %s, p99 %s", fill, blocked, p99);
}

void ledger_show_flow(const struct ledger *l, char *text, size_t n)
{
    char blocked[24], oldest[24], p99[24];
    struct flow_state f = l->look(l->arg);
    units_show_time(blocked, sizeof blocked, f.blocked);
    units_show_time(oldest, sizeof oldest, f.oldest);
    units_show_time(p99, sizeof p99, f.p99);
    snprintf(text, n, " blocked %s oldest %s p99 %s", blocked, oldest, p99);
}

/* "NAME: ", on one line and of bounded length; or nothing. */
static void show_name(const struct ledger *l, char *text, size_t n)
{
    text[0] = '\0';
    if (!l->name)
        return;
    snprintf(text, n, "%.*s: ", NAME_MOST, l->name);
    for (char *c = text; *c; c++)
        if (iscntrl((unsigned char)*c))
            *c = ' ';
}

void ledger_line(const struct ledger *l, char *text, size_t n)
{
    char name[NAME_MOST + 3], why[160], flow[192];
    uint64_t out = l->out, failed = l->failed, left = l->left;
    uint64_t dropped = ledger_dropped(l);
    uint64_t gone = out + failed + left + dropped;
    uint64_t in = l->in;
    bool ended = l->ended != 0;
    show_name(l, name, sizeof name);
    show_reasons(l, why, sizeof why);
    show_flow(l, flow, sizeof flow);
    if (in > gone)
        left += in - gone;
    snprintf(text, n,
             "%sin %" PRIu64 " = out %" PRIu64 " + dropped %" PRIu64
             "%s + failed %" PRIu64 " + left %" PRIu64 " (%s, %.2f s)%s%s%s",
             name, in, out, dropped, why, failed, left, l->unit,
             ledger_seconds(l), flow, ended && l->end[0] ? "; " : "",
             ended ? l->end : "");
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *dropped_json(const struct ledger *l)
{
    json_t *o = json_object();
    for (int i = 0; i < DROP_REASONS; i++)
        json_object_set_new(o, reasons[i], number(l->dropped[i]));
    return o;
}

static void add_seconds(json_t *o, const char *key, int64_t ns)
{
    json_object_set_new(o, key, json_real((double)ns / (double)WEIR_SECOND));
}

static void add_flow(json_t *o, const struct ledger *l)
{
    if (!l->look)
        return;
    struct flow_state f = l->look(l->arg);
    json_object_set_new(o, "fill", json_integer(f.fill));
    json_object_set_new(o, "highest_fill", json_integer(f.highest));
    add_seconds(o, "blocked", f.blocked);
    add_seconds(o, "oldest", f.oldest);
    add_seconds(o, "residence_p99", f.p99);
}

/* A NULL anywhere in the making shows as a NULL or a short object at the
 * end; json_dumpf then fails or the object lacks that key. */
static json_t *ledger_json(const struct ledger *l, int status)
{
    json_t *o = json_object();
    json_object_set_new(o, "command", json_string(l->command));
    if (l->name) {
        json_object_set_new(o, "branch", json_string(l->name));
        json_object_set_new(o, "end", json_string(l->end));
    }
    json_object_set_new(o, "unit", json_string(l->unit));
    json_object_set_new(o, "in", number(l->in));
    json_object_set_new(o, "out", number(l->out));
    json_object_set_new(o, "dropped", number(ledger_dropped(l)));
    json_object_set_new(o, "dropped_by_reason", dropped_json(l));
    json_object_set_new(o, "failed", number(l->failed));
    json_object_set_new(o, "left", number(l->left));
    json_object_set_new(o, "timed_out", number(l->timed_out));
    json_object_set_new(o, "retried", number(l->retried));
    json_object_set_new(o, "bytes_in", number(l->bytes_in));
    json_object_set_new(o, "bytes_out", number(l->bytes_out));
    add_flow(o, l);
    json_object_set_new(o, "seconds", json_real(ledger_seconds(l)));
    json_object_set_new(o, "exit", json_integer(status));
    return o;
}

static json_t *branches_json(struct ledger *const *ls, int count, int status)
{
    json_t *o = json_object(), *list = json_array();
    json_object_set_new(o, "command", json_string(ls[0]->command));
    for (int i = 0; i < count; i++)
        json_array_append_new(list, ledger_json(ls[i], ls[i]->status));
    json_object_set_new(o, "branches", list);
    json_object_set_new(o, "seconds", json_real(ledger_seconds(ls[0])));
    json_object_set_new(o, "exit", json_integer(status));
    return o;
}

bool ledger_write(struct ledger *const *ls, int count, FILE *file,
                  const char *name, int status)
{
    json_t *o = ls[0]->name ? branches_json(ls, count, status)
                            : ledger_json(ls[0], status);
    bool written = o && json_dumpf(o, file, JSON_INDENT(2)) == 0 &&
                   fputc('\n', file) != EOF && fflush(file) == 0;
    json_decref(o);
    if (!written)
        report("cannot write --stats %s: %s", name, strerror(errno));
    return written;
}
