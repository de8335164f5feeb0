/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <weir.h>

#include "report.h"

static const char *const reasons[DROP_REASONS] = {
    [DROP_NEWEST] = "newest",
    [DROP_OLDEST] = "oldest",
    [DROP_REFUSED] = "refused",
    [DROP_TOO_BIG] = "too-big",
};

void ledger_init(struct ledger *l, const char *command, const char *unit)
{
    *l = (struct ledger){.command = command, .unit = unit};
    l->began = weir_now();
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
    return (double)(weir_now() - l->began) / (double)WEIR_SECOND;
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

void ledger_line(const struct ledger *l, char *text, size_t n)
{
    char why[160];
    uint64_t out = l->out, failed = l->failed, left = l->left;
    uint64_t dropped = ledger_dropped(l);
    uint64_t ended = out + failed + left + dropped;
    uint64_t in = l->in;
    show_reasons(l, why, sizeof why);
    if (in > ended)
        left += in - ended;
    snprintf(text, n,
             "in %" PRIu64 " = out %" PRIu64 " + dropped %" PRIu64
             "%s + failed %" PRIu64 " + left %" PRIu64 " (%s, %.2f s)",
             in, out, dropped, why, failed, left, l->unit, ledger_seconds(l));
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

/* A NULL anywhere in the making shows as a NULL or a short object at the
 * end; json_dumpf then fails or the object lacks that key. */
static json_t *ledger_json(const struct ledger *l, int status)
{
    json_t *o = json_object();
    json_object_set_new(o, "command", json_string(l->command));
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
    json_object_set_new(o, "seconds", json_real(ledger_seconds(l)));
    json_object_set_new(o, "exit", json_integer(status));
    return o;
}

bool ledger_write(const struct ledger *l, FILE *file, const char *name,
                  int status)
{
    json_t *o = ledger_json(l, status);
    bool written = o && json_dumpf(o, file, JSON_INDENT(2)) == 0 &&
                   fputc('\n', file) != EOF && fflush(file) == 0;
    json_decref(o);
    if (!written)
        report("cannot write --stats %s: %s", name, strerror(errno));
    return written;
}
