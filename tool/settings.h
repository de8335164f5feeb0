/* SPDX-License-Identifier: MIT */
/*
 * What the options that several commands share come to: what happens when a
 * buffer is full and how fast it is emptied; what the account is kept in; how
 * a run ends and what is said of it.
 */
#ifndef WEIR_TOOL_SETTINGS_H
#define WEIR_TOOL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/policy.h>

#include "options.h"
#include "queue.h"
#include "rate.h"

enum {
    KEY_ON_FULL = 0x1000,
    KEY_MAX_BYTES,
    KEY_RATE,
    KEY_BURST,
    KEY_HIGH,
    KEY_LOW,
    KEY_CAPACITY,
    KEY_LINGER,
    KEY_BYTES,
    KEY_LINES,
    KEY_NULL,
    KEY_GRACE,
    KEY_STATS,
    KEY_STRICT,
    KEY_OWN /* from here on a command's own                                 */
};

/* --on-full, --max-bytes, --rate, --burst, --high, --low, --linger */
extern const struct option_part part_flow;

struct flow_settings {
    enum weir_policy policy;
    uint32_t sample_every;
    uint64_t max_bytes;       /* 0: not given                               */
    const char *rate, *burst; /* settled when the unit is known             */
    unsigned high, low;
    bool low_given;
    int64_t linger;
};

/* True: the option was one of these, and is taken. */
bool flow_take(const struct option_set *set, int key, const char *value,
               struct flow_settings *s);

/* Checks them against each other; bytes: the account is in bytes. */
void flow_check(const struct option_set *set, struct flow_settings *s,
                bool bytes);

/* --rate and --burst. */
struct rate flow_rate(const struct option_set *set,
                      const struct flow_settings *s, bool bytes);

/* --capacity, --bytes, --lines, --null: of what goes through as a stream. */
extern const struct option_part part_stream;

struct stream_settings {
    struct flow_settings flow;
    const char *capacity; /* settled when the unit is known                 */
    int *mark; /* of the whole run                                          */
};

bool stream_take(const struct option_set *set, int key, const char *value,
                 struct stream_settings *s);

/* What they come to, with the mark settled. */
struct queue_opts stream_queue(const struct option_set *set,
                               struct stream_settings *s);

/* --grace, --strict, --stats, --help */
extern const struct option_part part_run;

struct run_settings {
    int64_t grace;
    bool strict;
    const char *stats;
};

bool run_take(const struct option_set *set, int key, const char *value,
              struct run_settings *s);

#define DEFAULT_GRACE (5 * WEIR_SECOND)

#endif
