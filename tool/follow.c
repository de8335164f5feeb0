/* SPDX-License-Identifier: MIT */
/*
 * weir follow: the lines of files as they grow.
 *
 *     FILE --> tail --> stream (bounded) --> lines --+
 *     FILE --> tail --> stream (bounded) --> lines --+--> standard output
 *
 * Each file has a stream between the task that reads it and the one that
 * writes its lines: what was read is safe from a truncation that comes while
 * the consumer hesitates, and the stream's bound is what one file may hold in
 * memory. Nothing looks at a clock: changes are told by inotify.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>
#include <weir/stream.h>

#include "lines.h"
#include "printer.h"
#include "progress.h"
#include "report.h"
#include "tail.h"
#include "tool.h"
#include "units.h"
#include "watch.h"

/* ---- options ------------------------------------------------------------- */

#define MAX_SIZE       (UINT64_C(1) << 40)
#define DEFAULT_HOLD   (UINT64_C(16) << 20)
#define DEFAULT_RECORD (UINT64_C(64) << 20)

enum {
    KEY_FROM = KEY_OWN,
    KEY_ONCE,
    KEY_NAMES,
    KEY_NO_NAMES,
    KEY_MAX_RECORD,
    KEY_HOLD
};

static const struct argp_option follow_options[] = {
    {"from", KEY_FROM, "WHERE", 0,
     "Begin with what is there (begin, the default) or with what comes (end)",
     1},
    {"once", KEY_ONCE, NULL, 0, "Stop at the end of what is there", 1},
    {"names", KEY_NAMES, NULL, 0,
     "Put the file's name in front of each line (default with several)", 2},
    {"no-names", KEY_NO_NAMES, NULL, 0, "Do not", 2},
    {"null", '0', NULL, 0, "Lines end in NUL, not in a newline", 3},
    {"max-record", KEY_MAX_RECORD, "SIZE", 0,
     "A longer line fails (default: 64M)", 3},
    {"max-bytes", KEY_HOLD, "SIZE", 0,
     "Hold at most SIZE bytes of each file (default: 16M)", 3},
    {0},
};

static const struct option_form follow_forms[] = {
    {KEY_FROM, "begin or end"},
    {KEY_MAX_RECORD, "a size from 1 to 1T, such as 4096, 10k or 64M"},
    {KEY_HOLD, "a size from 1 to 1T, such as 64k or 16M"},
    {0, NULL},
};

static const struct option_part part_follow = {follow_options, follow_forms};

struct follow_settings {
    bool from_end, once;
    int named; /* -1: when there are several                                */
    char mark;
    uint64_t max_record, max_bytes;
    const char **names;
    int count;
    struct run_settings run;
};

static bool parse_from(const struct option_set *set, const char *value)
{
    if (strcmp(value, "begin") != 0 && strcmp(value, "end") != 0)
        options_bad(set, KEY_FROM, value);
    return strcmp(value, "end") == 0;
}

static void add_name(const struct option_set *set, struct follow_settings *s,
                     const char *name)
{
    if (name[0] == '\0' || strcmp(name, "-") == 0)
        options_fail(set, "'%s' cannot be followed: only a file can", name);
    s->names[s->count++] = name;
}

static void take(const struct option_set *set, int key, const char *value,
                 void *into)
{
    struct follow_settings *s = into;
    if (run_take(set, key, value, &s->run))
        return;
    switch (key) {
    case KEY_FROM:
        s->from_end = parse_from(set, value);
        break;
    case KEY_ONCE:
        s->once = true;
        break;
    case KEY_NAMES:
    case KEY_NO_NAMES:
        s->named = key == KEY_NAMES;
        break;
    case '0':
        s->mark = '\0';
        break;
    case KEY_MAX_RECORD:
        s->max_record = options_size(set, key, value, 1, MAX_SIZE);
        break;
    case KEY_HOLD:
        s->max_bytes = options_size(set, key, value, 1, MAX_SIZE);
        break;
    default:
        add_name(set, s, value);
    }
}

static const struct option_set follow_set = {
    .name = "weir follow",
    .parts = {&part_follow, &part_run},
    .args = "FILE...",
    .doc = "Writes the lines of each FILE to standard output as it grows; "
           "also of one that is not there yet, is rotated, truncated or "
           "replaced.\vExit status: 0 all well, 1 usage, 3 lines left (with "
           "--strict), 4 a file or the output failed, 128 + N ended by signal "
           "N. weir-follow(1) says more.",
    .take = take,
};

/* ---- the run ------------------------------------------------------------- */

struct followed {
    struct tail tail;
    struct lines lines;
    weir_stream *stream;
};

struct follow {
    const struct follow_settings *settings;
    struct ledger ledger;
    struct stop stop;
    struct printer printer;
    struct watches watches;
    struct followed *files;
    bool failed;
    weir_wg tails, printers;
};

static void run_tail(void *arg)
{
    tail_run(arg);
}

static void run_lines(void *arg)
{
    lines_run(arg);
}

/* What it could not be started for ends the run. */
static int start_file(struct follow *f, struct followed *one)
{
    int code = weir_wg_go(&f->printers, run_lines, &one->lines);
    if (!code)
        code = weir_wg_go(&f->tails, run_tail, &one->tail);
    if (code)
        weir_stream_close(one->stream);
    return code;
}

static void finish_watching(struct follow *f)
{
    if (f->watches.fd >= 0)
        watches_finish(&f->watches);
    f->watches.fd = -1;
}

static int work(void *arg)
{
    struct follow *f = arg;
    int code = 0;
    printer_start(&f->printer, &f->stop);
    for (int i = 0; i < f->settings->count && !code; i++)
        code = start_file(f, &f->files[i]);
    if (code) {
        tool_say("cannot start", code);
        f->failed = true;
        weir_ctx_cancel(&f->stop.work, 0);
    }
    weir_wg_wait(&f->tails, NULL);
    weir_wg_wait(&f->printers, NULL);
    printer_finish(&f->printer);
    finish_watching(f);
    return 0;
}

static void show(void *arg, char *line, size_t n)
{
    const struct follow *f = arg;
    const struct ledger *l = &f->ledger;
    char bytes[16];
    double seconds = ledger_seconds(l);
    units_show_size(bytes, sizeof bytes, l->bytes_out);
    snprintf(line, n,
             "weir follow: %" PRIu64 " lines %sB %.1f/s failed %" PRIu64,
             (uint64_t)l->out, bytes,
             seconds > 0 ? (double)l->out / seconds : 0, (uint64_t)l->failed);
}

static int status(const void *arg)
{
    const struct follow *f = arg;
    bool failed =
        f->failed || f->ledger.failed > 0 || printer_failed(&f->printer);
    for (int i = 0; i < f->settings->count; i++)
        failed = failed || f->files[i].tail.failed;
    return failed ? EXIT_FAILED : EXIT_WELL;
}

/* ---- set-up -------------------------------------------------------------- */

static int prepare_file(struct follow *f, struct followed *one,
                        const char *name)
{
    const struct follow_settings *s = f->settings;
    const weir_stream_opts o = {
        .trim = true, .max_bytes = (int64_t)s->max_bytes, .policy = WEIR_BLOCK};
    one->tail.name = one->lines.name = name;
    int code = weir_stream_new_mem(name, &o, &one->stream);
    if (!code)
        code = weir_stream_next_reader(one->stream, &one->lines.reader);
    if (!code)
        code = tail_init(&one->tail, &f->watches);
    one->tail.mark = one->lines.mark = s->mark;
    one->tail.from_end = s->from_end;
    one->tail.once = s->once;
    one->tail.stop = &f->stop;
    one->tail.stream = one->stream;
    one->tail.ledger = one->lines.ledger = &f->ledger;
    one->lines.named = s->named < 0 ? s->count > 1 : s->named;
    one->lines.most = s->max_record;
    one->lines.printer = &f->printer;
    return code;
}

static int prepare(void *arg)
{
    struct follow *f = arg;
    int code = f->settings->once ? 0 : watches_start(&f->watches);
    if (code)
        return code;
    f->files = calloc((size_t)f->settings->count, sizeof *f->files);
    if (!f->files)
        return WEIR_ENOMEM;
    for (int i = 0; i < f->settings->count && !code; i++)
        code = prepare_file(f, &f->files[i], f->settings->names[i]);
    return code;
}

static void release(void *arg)
{
    struct follow *f = arg;
    for (int i = 0; f->files && i < f->settings->count; i++) {
        tail_fini(&f->files[i].tail);
        weir_reader_free(f->files[i].lines.reader);
        weir_stream_unref(f->files[i].stream);
    }
    free(f->files);
    finish_watching(f);
}

int follow_main(int argc, char **argv)
{
    struct follow_settings s = {.named = -1,
                                .mark = '\n',
                                .max_record = DEFAULT_RECORD,
                                .max_bytes = DEFAULT_HOLD,
                                .run = {.grace = DEFAULT_GRACE},
                                .names = calloc((size_t)argc, sizeof(char *))};
    struct follow f = {.settings = &s, .watches = {.fd = -1}};
    struct ledger *ledgers[] = {&f.ledger};
    report_name("weir follow");
    if (!s.names) {
        report("out of memory");
        return EXIT_FAILED;
    }
    options_parse(&follow_set, argc, argv, &s);
    if (s.count == 0)
        options_fail(&follow_set, "no file: weir follow [OPTION...] %s",
                     follow_set.args);
    ledger_init(&f.ledger, "follow", "records");
    int code = tool_run(&(struct tool_run){.settings = &s.run,
                                           .ledgers = ledgers,
                                           .count = 1,
                                           .stop = &f.stop,
                                           .arg = &f,
                                           .prepare = prepare,
                                           .work = work,
                                           .release = release,
                                           .status = status,
                                           .show = show});
    free(s.names);
    return code;
}
