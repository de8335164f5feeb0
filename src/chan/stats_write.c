/* SPDX-License-Identifier: MIT */
/*
 * The statistics of all named channels as text: a table of fields, and two
 * ways to write it. All snapshots are taken first, one a channel, so that what
 * is written of a channel adds up.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <weir/stats.h>

#include "base/mem.h"
#include "base/misuse.h"

/* ---- the fields ---------------------------------------------------------- */

enum kind { COUNTER, GAUGE, COUNTER_NS, GAUGE_NS };

struct field {
    const char *name;
    const char *help;
    enum kind kind;
    size_t offset;
};

#define FIELD(name, kind, help)                                                \
    {                                                                          \
#name, help, kind, offsetof(weir_chan_stats, name)                     \
    }

static const struct field fields[] = {
    FIELD(sent, COUNTER, "Elements of sends that succeeded."),
    FIELD(received, COUNTER, "Elements that a receiver took."),
    FIELD(entered, COUNTER, "Elements that entered the channel."),
    FIELD(queued, GAUGE, "Elements in the buffer."),
    FIELD(timed_out, COUNTER, "Calls that ran out of time."),
    FIELD(canceled, COUNTER, "Calls that were cancelled."),
    FIELD(refused, COUNTER, "Sends that found no room."),
    FIELD(blocked_sends, COUNTER, "Sends that had to wait."),
    FIELD(blocked_recvs, COUNTER, "Receives that had to wait."),
    FIELD(highest, GAUGE, "Greatest number of elements ever in the buffer."),
    FIELD(capacity, GAUGE, "Elements that the buffer holds."),
    FIELD(bytes, GAUGE, "Bytes in the buffer."),
    FIELD(highest_bytes, GAUGE, "Greatest number of bytes ever in the buffer."),
    FIELD(max_bytes, GAUGE, "Bytes that the buffer holds; 0 is no limit."),
    FIELD(average_send, GAUGE_NS, "Mean time of a timed send."),
    FIELD(average_recv, GAUGE_NS, "Mean time of a timed receive."),
    FIELD(blocked_send, COUNTER_NS, "Time that senders waited."),
    FIELD(blocked_recv, COUNTER_NS, "Time that receivers waited."),
    FIELD(last_send, GAUGE_NS, "Monotonic time of the last timed send."),
    FIELD(last_recv, GAUGE_NS, "Monotonic time of the last timed receive."),
    FIELD(oldest, GAUGE_NS, "Age of the oldest timed element in the buffer."),
};

static const struct quantile {
    const char *value;
    const char *name;
    size_t offset;
} quantiles[] = {
    {"0.5", "p50", offsetof(weir_chan_stats, residence_p50)},
    {"0.9", "p90", offsetof(weir_chan_stats, residence_p90)},
    {"0.99", "p99", offsetof(weir_chan_stats, residence_p99)},
    {"0.999", "p999", offsetof(weir_chan_stats, residence_p999)},
    {"1", "max", offsetof(weir_chan_stats, residence_max)},
};

enum {
    FIELDS = sizeof(fields) / sizeof(fields[0]),
    QUANTILES = sizeof(quantiles) / sizeof(quantiles[0])
};

static uint64_t value_at(const weir_chan_stats *s, size_t offset)
{
    return *(const uint64_t *)(const void *)((const char *)s + offset);
}

/* ---- the snapshots ------------------------------------------------------- */

struct sample {
    char name[64];
    uint64_t id;
    enum weir_policy policy;
    bool closed;
    weir_chan_stats stats;
};

struct samples {
    struct sample *at;
    size_t n, room;
    bool no_memory;
};

static bool grow(struct samples *all)
{
    size_t room = all->room ? 2 * all->room : 16;
    struct sample *at = wr_alloc(room * sizeof(*at));
    if (!at)
        return false;
    if (all->n > 0)
        memcpy(at, all->at, all->n * sizeof(*at));
    wr_free(all->at);
    all->at = at;
    all->room = room;
    return true;
}

static void take(weir_chan *c, void *arg)
{
    struct samples *all = arg;
    if (all->n == all->room && (all->no_memory || !grow(all))) {
        all->no_memory = true;
        return;
    }
    struct sample *s = &all->at[all->n++];
    snprintf(s->name, sizeof(s->name), "%s", weir_chan_name(c));
    s->id = weir_chan_id(c);
    s->policy = weir_chan_policy(c);
    s->closed = weir_chan_is_closed(c);
    (void)weir_chan_get_stats(c, &s->stats);
}

/* ---- Prometheus ---------------------------------------------------------- */

/* Bytes of the character at s in UTF-8; 0: it is none. A name may be in
 * another encoding, or have been cut in the middle of a character. */
static int utf8_length(const unsigned char *s)
{
    int n = s[0] < 0x80                   ? 1
            : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
            : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
            : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                          : 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool wrong =
        (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90);
    return wrong ? 0 : n;
}

/* One character as it is, or a question mark; what follows it. */
static const char *put_character(FILE *out, const char *text)
{
    int n = utf8_length((const unsigned char *)text);
    if (n == 0) {
        fputc('?', out);
        return text + 1;
    }
    fwrite(text, 1, (size_t)n, out);
    return text + n;
}

/* A backslash, a quote and a new line are escaped; other control characters
 * have no form there and become a question mark. */
static void put_label(FILE *out, const char *text)
{
    while (*text) {
        if ((unsigned char)*text >= ' ' && *text != '"' && *text != '\\') {
            text = put_character(out, text);
            continue;
        }
        if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else
            fputc('?', out);
        text++;
    }
}

static void put_labels(FILE *out, const struct sample *s)
{
    fputs("{channel=\"", out);
    put_label(out, s->name);
    fprintf(out, "\",id=\"%" PRIu64 "\"", s->id);
}

static bool in_seconds(enum kind k)
{
    return k == COUNTER_NS || k == GAUGE_NS;
}

static bool only_grows(enum kind k)
{
    return k == COUNTER || k == COUNTER_NS;
}

/* By hand: printf's decimal point is the locale's. */
static void put_seconds(FILE *out, int64_t ns)
{
    fprintf(out, "%" PRId64 ".%09" PRId64, ns / WEIR_SECOND, ns % WEIR_SECOND);
}

static void put_value(FILE *out, uint64_t value, bool seconds)
{
    fputs("} ", out);
    if (seconds)
        put_seconds(out, (int64_t)value);
    else
        fprintf(out, "%" PRIu64, value);
    fputc('\n', out);
}

static void put_name(FILE *out, const struct field *f)
{
    fprintf(out, "weir_channel_%s%s%s", f->name,
            in_seconds(f->kind) ? "_seconds" : "",
            only_grows(f->kind) ? "_total" : "");
}

static void put_family(FILE *out, const struct field *f,
                       const struct samples *all)
{
    fputs("# HELP ", out);
    put_name(out, f);
    fprintf(out, " %s\n# TYPE ", f->help);
    put_name(out, f);
    fputs(only_grows(f->kind) ? " counter\n" : " gauge\n", out);
    for (size_t i = 0; i < all->n; i++) {
        put_name(out, f);
        put_labels(out, &all->at[i]);
        put_value(out, value_at(&all->at[i].stats, f->offset),
                  in_seconds(f->kind));
    }
}

static void put_dropped(FILE *out, const struct sample *s)
{
    for (int i = 0; i < WEIR_DROPS; i++) {
        fputs("weir_channel_dropped_total", out);
        put_labels(out, s);
        fprintf(out, ",reason=\"%s\"", weir_drop_name((enum weir_drop)i));
        put_value(out, s->stats.dropped_by[i], false);
    }
}

static void put_residence(FILE *out, const struct sample *s)
{
    for (int i = 0; i < QUANTILES; i++) {
        fputs("weir_channel_residence_seconds", out);
        put_labels(out, s);
        fprintf(out, ",quantile=\"%s\"", quantiles[i].value);
        put_value(out, value_at(&s->stats, quantiles[i].offset), true);
    }
}

static void write_prometheus(FILE *out, const struct samples *all)
{
    for (int i = 0; i < FIELDS; i++)
        put_family(out, &fields[i], all);
    fputs("# HELP weir_channel_dropped_total "
          "Elements that were dropped, by reason.\n"
          "# TYPE weir_channel_dropped_total counter\n",
          out);
    for (size_t i = 0; i < all->n; i++)
        put_dropped(out, &all->at[i]);
    fputs("# HELP weir_channel_residence_seconds "
          "How long timed elements stayed in the buffer.\n"
          "# TYPE weir_channel_residence_seconds gauge\n",
          out);
    for (size_t i = 0; i < all->n; i++)
        put_residence(out, &all->at[i]);
}

/* ---- JSON ---------------------------------------------------------------- */

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    while (*text) {
        if ((unsigned char)*text >= ' ' && *text != '"' && *text != '\\') {
            text = put_character(out, text);
            continue;
        }
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else
            fprintf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        text++;
    }
    fputc('"', out);
}

static void put_by_name(FILE *out, const char *name, uint64_t value)
{
    fprintf(out, ", \"%s\": %" PRIu64, name, value);
}

static void put_object(FILE *out, const struct sample *k)
{
    const weir_chan_stats *s = &k->stats;
    fputs("{\"name\": ", out);
    put_string(out, k->name);
    fprintf(out, ", \"id\": %" PRIu64 ", \"policy\": \"%s\", \"closed\": %s",
            k->id, weir_policy_name(k->policy), k->closed ? "true" : "false");
    for (int i = 0; i < FIELDS; i++)
        fprintf(out, ", \"%s%s\": %" PRIu64, fields[i].name,
                in_seconds(fields[i].kind) ? "_ns" : "",
                value_at(s, fields[i].offset));
    int share = (int)(s->utilization * 10000 + 0.5);
    fprintf(out, ", \"utilization\": %d.%04d, \"dropped\": {\"all\": %" PRIu64,
            share / 10000, share % 10000, s->dropped);
    for (int i = 0; i < WEIR_DROPS; i++)
        put_by_name(out, weir_drop_name((enum weir_drop)i), s->dropped_by[i]);
    fputs("}, \"residence_ns\": {\"of\": \"timed\"", out);
    for (int i = 0; i < QUANTILES; i++)
        put_by_name(out, quantiles[i].name, value_at(s, quantiles[i].offset));
    fputs("}}", out);
}

static void write_json(FILE *out, const struct samples *all)
{
    fputc('[', out);
    for (size_t i = 0; i < all->n; i++) {
        fputs(i > 0 ? ",\n  " : "\n  ", out);
        put_object(out, &all->at[i]);
    }
    fputs(all->n > 0 ? "\n]\n" : "]\n", out);
}

int weir_stats_write(FILE *out, enum weir_stats_format format)
{
    struct samples all = {0};
    if (!out || (unsigned)format > WEIR_STATS_JSON)
        return WR_MISUSE("no file, or an unknown format");
    (void)weir_chan_each(take, &all);
    errno = 0;
    if (!all.no_memory && format == WEIR_STATS_JSON)
        write_json(out, &all);
    else if (!all.no_memory)
        write_prometheus(out, &all);
    wr_free(all.at);
    if (all.no_memory)
        return WEIR_ENOMEM;
    if (fflush(out) == 0 && !ferror(out))
        return 0;
    return errno ? -errno : -EIO;
}
