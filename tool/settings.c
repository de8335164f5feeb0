/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "units.h"

#define DEFAULT_BYTES (UINT64_C(64) << 20)
#define MAX_BYTES     (UINT64_C(1) << 40)
#define MAX_SAMPLE    1000000
#define BURST_TIME    (100 * WEIR_MILLISECOND)

enum { DEFAULT_SAMPLE = 10 };

/* ---- flow ---------------------------------------------------------------- */

static const struct argp_option flow_options[] = {
    {"on-full", KEY_ON_FULL, "POLICY", 0,
     "When full: block the producer (default), drop what comes, drop-oldest, "
     "end with an error, keep only the latest, or sample[=N]: keep one in N",
     1},
    {"max-bytes", KEY_MAX_BYTES, "SIZE", 0,
     "Hold at most SIZE bytes, whatever the capacity", 1},
    {"high", KEY_HIGH, "PERCENT", 0,
     "When it is that full read no more until it is down to --low", 1},
    {"low", KEY_LOW, "PERCENT", 0,
     "When it is down to that, after --high, read on (default: half of it)", 1},
    {"rate", KEY_RATE, "RATE", 0,
     "Pass on at most so many records a second, or bytes when it ends in B; "
     "/m and /h: in a minute, an hour",
     2},
    {"burst", KEY_BURST, "N", 0,
     "With --rate: so many at once after a pause (default: a tenth of a "
     "second's)",
     2},
    {"linger", KEY_LINGER, "TIME", 0,
     "Let a little wait up to TIME for more, so that more is written at once "
     "(default: 0)",
     2},
    {0},
};

static const struct option_form flow_forms[] = {
    {KEY_ON_FULL, "one of block, drop, drop-oldest, error, latest, sample, "
                  "sample=N with N from 1 to 1000000"},
    {KEY_MAX_BYTES, "a size from 1 to 1T, such as 4096, 10k or 64M, and not "
                    "above this machine's memory"},
    {KEY_HIGH, "a share from 1 to 100, such as 80 or 80%"},
    {KEY_LOW, "a share from 0 to 99, such as 50 or 50%"},
    {KEY_RATE, "a number above 0, such as 100, 10k, 64kB or 1.5MB, and /s, /m "
               "or /h behind it"},
    {KEY_BURST, "a number above 0 of the same kind as --rate, such as 100 or "
                "64kB"},
    {KEY_LINGER, "a time, such as 5ms, 200ms or 1.5s"},
    {0, NULL},
};

const struct option_part part_flow = {flow_options, flow_forms};

static void parse_policy(const struct option_set *set, const char *value,
                         struct flow_settings *s)
{
    static const char sample[] = "sample=";
    size_t n = strlen(sample);
    s->sample_every = 0;
    if (strncmp(value, sample, n) == 0) {
        uint64_t every;
        s->policy = WEIR_SAMPLE;
        if (!units_count(value + n, &every) || every < 1 || every > MAX_SAMPLE)
            options_bad(set, KEY_ON_FULL, value);
        s->sample_every = (uint32_t)every;
    } else if (weir_policy_parse(value, &s->policy)) {
        options_bad(set, KEY_ON_FULL, value);
    } else if (s->policy == WEIR_SAMPLE) {
        s->sample_every = DEFAULT_SAMPLE;
    }
}

static uint64_t most_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || size <= 0)
        return MAX_BYTES;
    uint64_t memory = (uint64_t)pages * (uint64_t)size;
    return memory < MAX_BYTES ? memory : MAX_BYTES;
}

static unsigned percent(const struct option_set *set, int key,
                        const char *value, unsigned min, unsigned max)
{
    unsigned p;
    if (!units_percent(value, &p) || p < min || p > max)
        options_bad(set, key, value);
    return p;
}

bool flow_take(const struct option_set *set, int key, const char *value,
               struct flow_settings *s)
{
    switch (key) {
    case KEY_ON_FULL:
        parse_policy(set, value, s);
        return true;
    case KEY_MAX_BYTES:
        s->max_bytes = options_size(set, key, value, 1, most_memory());
        return true;
    case KEY_HIGH:
        s->high = percent(set, key, value, 1, 100);
        return true;
    case KEY_LOW:
        s->low = percent(set, key, value, 0, 99);
        s->low_given = true;
        return true;
    case KEY_RATE:
        s->rate = value;
        return true;
    case KEY_BURST:
        s->burst = value;
        return true;
    case KEY_LINGER:
        s->linger = options_duration(set, key, value, 0);
        return true;
    default:
        return false;
    }
}

void flow_check(const struct option_set *set, struct flow_settings *s,
                bool bytes)
{
    const char *name = weir_policy_name(s->policy);
    if (bytes && (s->policy == WEIR_LATEST || s->policy == WEIR_SAMPLE))
        options_fail(set, "option --on-full: %s needs --lines or --null", name);
    if ((s->high || s->low_given) && s->policy != WEIR_BLOCK)
        options_fail(set,
                     "options --high and --low need --on-full block: with %s "
                     "the input is never paused",
                     name);
    if (s->burst && !s->rate)
        options_fail(set, "option --burst needs --rate");
    if (s->low_given && !s->high)
        s->high = 100;
    if (!s->low_given)
        s->low = s->high / 2;
    if (s->high && s->low >= s->high)
        options_fail(set, "option --low: %u is not below --high, which is %u",
                     s->low, s->high);
}

/* Takes "/s", "/m" or "/h" off the text's end; its length, or 0: there is
 * something else. */
static int64_t take_period(char *text)
{
    char *slash = strchr(text, '/');
    int64_t per = WEIR_SECOND;
    if (!slash)
        return per;
    if (slash[1] == 'm')
        per = WEIR_MINUTE;
    else if (slash[1] == 'h')
        per = 60 * WEIR_MINUTE;
    else if (slash[1] != 's')
        return 0;
    *slash = '\0';
    return slash[2] == '\0' ? per : 0;
}

static bool parse_amount(const char *text, bool bytes, uint64_t *out)
{
    return (bytes ? units_size(text, out) : units_count(text, out)) &&
           *out > 0 && *out <= MAX_BYTES;
}

struct rate flow_rate(const struct option_set *set,
                      const struct flow_settings *s, bool bytes)
{
    struct rate r = {0};
    char text[64];
    if (!s->rate)
        return r;
    if (strlen(s->rate) >= sizeof text)
        options_bad(set, KEY_RATE, s->rate);
    r.per = take_period(strcpy(text, s->rate));
    r.bytes = bytes || units_is_bytes(text);
    if (r.per == 0 || !parse_amount(text, r.bytes, &r.rate))
        options_bad(set, KEY_RATE, s->rate);
    r.burst = rate_within(&r, BURST_TIME);
    if (r.burst == 0)
        r.burst = 1;
    if (s->burst && !parse_amount(s->burst, r.bytes, &r.burst))
        options_bad(set, KEY_BURST, s->burst);
    return r;
}

/* ---- streams ------------------------------------------------------------- */

static const struct argp_option stream_options[] = {
    {"capacity", KEY_CAPACITY, "SIZE", 0,
     "Hold at most SIZE bytes; with --lines or --null SIZE records, unless "
     "it ends in B (default: 64MB)",
     1},
    {"bytes", KEY_BYTES, NULL, 0, "The account is in bytes (default)", 3},
    {"lines", KEY_LINES, NULL, 0, "... in lines, which stay whole", 3},
    {"null", KEY_NULL, NULL, 0, "... in records that end in NUL", 3},
    {0},
};

static const struct option_form stream_forms[] = {
    {KEY_CAPACITY, "a size from 1 to 1T, such as 4096, 10k, 64M or 64MB, and "
                   "not above this machine's memory"},
    {0, NULL},
};

const struct option_part part_stream = {stream_options, stream_forms};

bool stream_take(const struct option_set *set, int key, const char *value,
                 struct stream_settings *s)
{
    switch (key) {
    case KEY_CAPACITY:
        s->capacity = value;
        return true;
    case KEY_BYTES:
        *s->mark = -1;
        return true;
    case KEY_LINES:
        *s->mark = '\n';
        return true;
    case KEY_NULL:
        *s->mark = '\0';
        return true;
    default:
        return flow_take(set, key, value, &s->flow);
    }
}

/* Records are bounded in number as asked, and in bytes by the default. */
struct queue_opts stream_queue(const struct option_set *set,
                               struct stream_settings *s)
{
    bool bytes = *s->mark < 0;
    flow_check(set, &s->flow, bytes);
    struct queue_opts o = {.most_bytes = DEFAULT_BYTES,
                           .most_units = UINT64_MAX,
                           .mark = *s->mark,
                           .policy = s->flow.policy,
                           .sample_every = s->flow.sample_every,
                           .high = s->flow.high,
                           .low = s->flow.low,
                           .linger = s->flow.linger};
    if (s->capacity && (bytes || units_is_bytes(s->capacity)))
        o.most_bytes =
            options_size(set, KEY_CAPACITY, s->capacity, 1, most_memory());
    else if (s->capacity)
        o.most_units =
            options_count(set, KEY_CAPACITY, s->capacity, 1, most_memory());
    if (s->flow.policy == WEIR_LATEST)
        o.most_units = 1;
    if (s->flow.max_bytes &&
        (s->flow.max_bytes < o.most_bytes || !bytes || !s->capacity))
        o.most_bytes = s->flow.max_bytes;
    return o;
}

/* ---- the run ------------------------------------------------------------- */

static const struct argp_option run_options[] = {
    {"grace", KEY_GRACE, "TIME", 0,
     "After SIGINT or SIGTERM finish what was read within TIME (default: 5s)",
     8},
    {"strict", KEY_STRICT, NULL, 0,
     "Exit with 3 when something was dropped or left", 9},
    {"stats", KEY_STATS, "FILE", 0, "Write the account to FILE as JSON", 9},
    {"help", OPTION_HELP, NULL, 0, "Show this help", -1},
    {0},
};

static const struct option_form run_forms[] = {
    {KEY_GRACE, "a time, such as 30, 1.5s, 200ms, 5m or 1h"},
    {KEY_STATS, "a file's name"},
    {0, NULL},
};

const struct option_part part_run = {run_options, run_forms};

bool run_take(const struct option_set *set, int key, const char *value,
              struct run_settings *s)
{
    switch (key) {
    case KEY_GRACE:
        s->grace = options_duration(set, key, value, 0);
        return true;
    case KEY_STRICT:
        s->strict = true;
        return true;
    case KEY_STATS:
        s->stats = value;
        return true;
    default:
        return false;
    }
}
