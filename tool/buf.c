/* SPDX-License-Identifier: MIT */
/*
 * weir buf: a buffer between two programs.
 *
 *     standard input --> intake --> queue (bounded) --> outlet --> output
 *
 * Two tasks and the queue between them; the queue's policy says what happens
 * when it is full. The account is kept in bytes, or in records, and each of
 * them ends in it: written, dropped by the policy, or left in the buffer
 * when the run was ended before it was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "input.h"
#include "intake.h"
#include "limits.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "queue.h"
#include "report.h"
#include "stop.h"
#include "tool.h"
#include "units.h"

/* ---- options ------------------------------------------------------------- */

#define DEFAULT_BYTES (UINT64_C(64) << 20)
#define DEFAULT_GRACE (5 * WEIR_SECOND)
#define MAX_BYTES     (UINT64_C(1) << 40)

enum { PIPE_WANTED = 128 * 1024 };

enum {
    KEY_CAPACITY = 0x1000,
    KEY_ON_FULL,
    KEY_START_FILL,
    KEY_STALL,
    KEY_LINES,
    KEY_NULL,
    KEY_BYTES,
    KEY_GRACE,
    KEY_STATS,
    KEY_STRICT
};

static const struct argp_option buf_options[] = {
    {"capacity", KEY_CAPACITY, "SIZE", 0,
     "Hold at most SIZE bytes; with --lines or --null SIZE records, unless "
     "it ends in B (default: 64MB)",
     1},
    {"on-full", KEY_ON_FULL, "POLICY", 0,
     "When full: block the producer (default), drop what comes, drop-oldest, "
     "or end with an error",
     1},
    {"start-fill", KEY_START_FILL, "PERCENT", 0,
     "Write nothing before the buffer is that full (default: 0)", 1},
    {"bytes", KEY_BYTES, NULL, 0, "The account is in bytes (default)", 2},
    {"lines", KEY_LINES, NULL, 0, "... in lines, which stay whole", 2},
    {"null", KEY_NULL, NULL, 0, "... in records that end in NUL", 2},
    {"stall", KEY_STALL, "TIME", 0,
     "End when the consumer takes nothing for TIME while data waits", 3},
    {"grace", KEY_GRACE, "TIME", 0,
     "After SIGINT or SIGTERM write what was read within TIME (default: 5s)",
     3},
    {"strict", KEY_STRICT, NULL, 0,
     "Exit with 3 when something was dropped or left", 4},
    {"stats", KEY_STATS, "FILE", 0, "Write the account to FILE as JSON", 4},
    {"help", OPTION_HELP, NULL, 0, "Show this help", -1},
    {0},
};

static const struct option_form buf_forms[] = {
    {KEY_CAPACITY, "a size from 1 to 1T, such as 4096, 10k, 64M or 64MB, and "
                   "not above this machine's memory"},
    {KEY_ON_FULL, "one of block, drop, drop-oldest, error"},
    {KEY_START_FILL, "a share from 0 to 100, such as 50 or 50%"},
    {KEY_STALL, "a time above 0, such as 30, 1.5s, 200ms, 5m or 1h"},
    {KEY_GRACE, "a time, such as 30, 1.5s, 200ms, 5m or 1h"},
    {KEY_STATS, "a file's name"},
    {0, NULL},
};

struct buf_settings {
    const char *capacity; /* settled when the unit is known                 */
    struct queue_opts queue;
    int64_t stall;
    int64_t grace;
    bool strict;
    const char *stats;
};

static enum full_policy parse_policy(const struct option_set *set,
                                     const char *value)
{
    static const char *const names[] = {
        [FULL_BLOCK] = "block",
        [FULL_DROP] = "drop",
        [FULL_DROP_OLDEST] = "drop-oldest",
        [FULL_ERROR] = "error",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(value, names[i]) == 0)
            return (enum full_policy)i;
    options_bad(set, KEY_ON_FULL, value);
}

static unsigned parse_percent(const struct option_set *set, const char *value)
{
    unsigned percent;
    if (!units_percent(value, &percent))
        options_bad(set, KEY_START_FILL, value);
    return percent;
}

static void take(const struct option_set *set, int key, const char *value,
                 void *into)
{
    struct buf_settings *s = into;
    switch (key) {
    case KEY_CAPACITY:
        s->capacity = value;
        break;
    case KEY_ON_FULL:
        s->queue.policy = parse_policy(set, value);
        break;
    case KEY_START_FILL:
        s->queue.start_fill = parse_percent(set, value);
        break;
    case KEY_STALL:
        s->stall = options_duration(set, key, value, 1);
        break;
    case KEY_LINES:
        s->queue.mark = '\n';
        break;
    case KEY_NULL:
        s->queue.mark = '\0';
        break;
    case KEY_BYTES:
        s->queue.mark = -1;
        break;
    case KEY_GRACE:
        s->grace = options_duration(set, key, value, 0);
        break;
    case KEY_STRICT:
        s->strict = true;
        break;
    case KEY_STATS:
        s->stats = value;
        break;
    default:
        options_fail(set,
                     "'%s' is not an option: weir buf reads standard "
                     "input and writes standard output",
                     value);
    }
}

static const struct option_set buf_set = {
    .name = "weir buf",
    .options = buf_options,
    .forms = buf_forms,
    .args = "",
    .doc = "Copies standard input to standard output through a buffer, so "
           "that neither side waits for the other's pauses.\vExit status: 0 "
           "all well, 1 usage, 3 dropped or left (with --strict, and "
           "whenever --on-full error ended it), 4 reading or writing failed, "
           "124 --stall, 128 + N ended by signal N. weir-buf(1) says more.",
    .take = take,
};

static uint64_t memory_of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : MAX_BYTES;
}

/* Records are bounded in number as asked, and in bytes by the default. */
static void settle_capacity(struct buf_settings *s)
{
    uint64_t memory = memory_of_machine();
    if (!s->capacity)
        return;
    if (s->queue.mark < 0 || units_is_bytes(s->capacity))
        s->queue.most_bytes =
            options_size(&buf_set, KEY_CAPACITY, s->capacity, 1,
                         memory < MAX_BYTES ? memory : MAX_BYTES);
    else
        s->queue.most_units =
            options_count(&buf_set, KEY_CAPACITY, s->capacity, 1, memory);
}

/* ---- the run ------------------------------------------------------------- */

struct buf {
    const struct buf_settings *settings;
    struct ledger ledger;
    struct stop stop;
    struct progress progress;
    struct queue queue;
    struct intake intake;
    uint64_t input_size; /* 0: not known                                    */
    bool stalled;
    int write_error;
    weir_wg reader, writer;
};

/* One write; the bytes, or a code. A stall is WEIR_TIMEDOUT. */
static ssize_t write_some(struct buf *b, const char *data, size_t n)
{
    struct iovec v = {(char *)(uintptr_t)data, n};
    weir_ctx limit;
    if (b->settings->stall == WEIR_FOREVER)
        return output_writev(&v, 1, &b->stop.work);
    weir_ctx_init_timeout(&limit, &b->stop.work, b->settings->stall);
    ssize_t put = output_writev(&v, 1, &limit);
    weir_ctx_fini(&limit);
    return put;
}

/* Writes the chunk; what is not written stays in it. */
static int write_chunk(struct buf *b, struct chunk *c)
{
    while (c->start < c->end) {
        const char *at = c->data + c->start;
        ssize_t put = write_some(b, at, c->end - c->start);
        if (put < 0)
            return (int)put;
        uint64_t units = queue_count(&b->queue, at, (size_t)put);
        c->start += (size_t)put;
        if (c->start == c->end)
            units = c->units;
        c->units -= units;
        b->ledger.out += units;
        b->ledger.bytes_out += (uint64_t)put;
        queue_done(&b->queue, (uint64_t)put, units);
    }
    b->ledger.out += c->units;
    queue_done(&b->queue, 0, c->units);
    c->units = 0;
    return 0;
}

/* The output takes no more. A reader that went away is no error. */
static void give_up(struct buf *b, int code)
{
    char why[128];
    limit_text(code, why, sizeof why);
    if (code == WEIR_TIMEDOUT && !weir_ctx_err(&b->stop.work)) {
        report("stalled: the consumer took nothing for the time of --stall");
        b->stalled = true;
    } else if (code != -EPIPE && code != WEIR_CANCELED &&
               code != WEIR_TIMEDOUT) {
        report("cannot write standard output: %s", why);
        b->write_error = code;
    }
    weir_ctx_cancel(&b->stop.work, 0);
}

static void write_all(void *arg)
{
    struct buf *b = arg;
    struct chunk *c;
    int code = 0;
    while (!code && (c = queue_take(&b->queue, &b->stop.work))) {
        code = write_chunk(b, c);
        if (code)
            give_up(b, code);
        b->ledger.left += c->units;
        queue_recycle(&b->queue, c);
    }
}

static void read_all(void *arg)
{
    intake_run(arg);
}

static void show_status(void *arg, char *line, size_t n)
{
    struct buf *b = arg;
    struct ledger *l = &b->ledger;
    char eta[48], rate[16], bytes[16];
    double seconds = ledger_seconds(l);
    uint64_t out = l->bytes_out;
    progress_eta(eta, sizeof eta, out, b->input_size, seconds);
    units_show_size(bytes, sizeof bytes, out);
    units_show_size(rate, sizeof rate,
                    seconds > 0 ? (uint64_t)((double)out / seconds) : 0);
    snprintf(line, n,
             "weir buf: %" PRIu64 " %s %sB %sB/s fill %u%% dropped %" PRIu64
             " failed %" PRIu64 "%s",
             (uint64_t)l->out, l->unit, bytes, rate, queue_fill(&b->queue),
             ledger_dropped(l), (uint64_t)l->failed, eta);
}

static void show_snapshot(void *arg)
{
    struct buf *b = arg;
    char line[512];
    ledger_line(&b->ledger, line, sizeof line);
    report_now("%s, fill %u%%", line, queue_fill(&b->queue));
}

static void end_at_once(void *arg)
{
    struct buf *b = arg;
    tool_last_words(&b->ledger);
}

static int run_stages(struct buf *b)
{
    int code = weir_wg_go(&b->writer, write_all, b);
    if (code)
        return code;
    code = weir_wg_go(&b->reader, read_all, &b->intake);
    if (code)
        queue_close(&b->queue);
    weir_wg_wait(&b->reader, NULL);
    weir_wg_wait(&b->writer, NULL);
    b->ledger.left += queue_drain(&b->queue);
    return code;
}

static int exit_status(const struct buf *b)
{
    const struct ledger *l = &b->ledger;
    if (b->stop.signal)
        return EXIT_SIGNAL + b->stop.signal;
    if (b->write_error || b->intake.error)
        return EXIT_FAILED;
    if (b->stalled)
        return EXIT_TIMEOUT;
    if (b->intake.overrun)
        return EXIT_DROPPED;
    if (b->settings->strict && ledger_dropped(l) + l->left > 0)
        return EXIT_DROPPED;
    return EXIT_WELL;
}

static void report_intake(const struct intake *t)
{
    char why[128];
    if (t->error) {
        limit_text(t->error, why, sizeof why);
        report("cannot read standard input: %s", why);
    }
    if (t->overrun)
        report("the buffer was full: ended, as --on-full error says");
}

/* Half as many wake-ups for the same bytes; more would not stay in the
 * cache. What is no pipe, or may not grow, stays as it is. */
static void widen_pipe(int fd)
{
    int size = fcntl(fd, F_GETPIPE_SZ);
    if (size > 0 && size < PIPE_WANTED)
        fcntl(fd, F_SETPIPE_SZ, PIPE_WANTED);
}

/* 0, or why it could not begin. */
static int run(struct buf *b)
{
    struct queue_opts o = b->settings->queue;
    ledger_init(&b->ledger, "buf", o.mark < 0 ? "bytes" : "records");
    o.ledger = &b->ledger;
    queue_init(&b->queue, &o);
    b->intake = (struct intake){
        .queue = &b->queue, .ledger = &b->ledger, .input = &b->stop.input};
    b->input_size = input_size(STDIN_FILENO);
    widen_pipe(STDIN_FILENO);
    widen_pipe(STDOUT_FILENO);
    int code =
        stop_start(&b->stop, b->settings->grace, show_snapshot, end_at_once, b);
    if (!code) {
        progress_start(&b->progress, show_status, b);
        code = run_stages(b);
        progress_finish(&b->progress);
        stop_finish(&b->stop);
    }
    queue_fini(&b->queue);
    return code;
}

static int buf_with(struct buf *b, FILE *stats)
{
    char why[160];
    int status = tool_start();
    if (status)
        return status;
    int code = run(b);
    if (code) {
        limit_text(code, why, sizeof why);
        report("cannot start: %s", why);
        return EXIT_FAILED;
    }
    report_intake(&b->intake);
    return tool_finish(&b->ledger, stats, b->settings->stats, exit_status(b));
}

int buf_main(int argc, char **argv)
{
    struct buf_settings s = {.queue = {.most_bytes = DEFAULT_BYTES,
                                       .most_units = UINT64_MAX,
                                       .mark = -1},
                             .stall = WEIR_FOREVER,
                             .grace = DEFAULT_GRACE};
    struct buf b = {.settings = &s};
    report_name("weir buf");
    options_parse(&buf_set, argc, argv, &s);
    settle_capacity(&s);
    FILE *stats = s.stats ? tool_open_stats(s.stats) : NULL;
    int status = EXIT_USAGE;
    if (stats || !s.stats)
        status = buf_with(&b, stats);
    if (stats)
        fclose(stats);
    return status;
}
