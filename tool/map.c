/* SPDX-License-Identifier: MIT */
/*
 * weir map: a command for each record, several at once, results in order.
 *
 *     reader --> jobs (bounded) --> crew of workers --> results --> delivery
 *                                        ^                             |
 *                                        +---- places in the window ---+
 *
 * A job is owned by whoever holds it; channels hand it over. The reader
 * stops where jobs is full, the workers where the window is: so memory is
 * bounded by capacity + window records and their results, however slow one
 * record is. Each job that was read ends in the ledger: delivered, failed,
 * or left when the run was ended before it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "child.h"
#include "crew.h"
#include "delivery.h"
#include "input.h"
#include "job.h"
#include "jobs.h"
#include "limits.h"
#include "options.h"
#include "progress.h"
#include "records.h"
#include "report.h"
#include "tool.h"
#include "units.h"

/* ---- options ------------------------------------------------------------- */

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

struct map_settings {
    unsigned jobs;
    bool unordered;
    struct flow_settings flow;
    uint64_t window, capacity;
    char mark;
    uint64_t max_record;
    bool coproc;
    unsigned retries;
    int64_t timeout;
    enum halt halt;
    struct run_settings run;
    char **files; /* the names among argv                                   */
    int file_count;
};

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

/* ---- the run ------------------------------------------------------------- */

struct map {
    const struct map_settings *settings;
    struct ledger ledger;
    struct stop stop;
    struct input input;
    struct records records;
    struct command command;
    struct rate rate;
    struct jobs jobs;
    weir_chan *results;
    weir_sem window;
    struct crew crew;
    struct delivery delivery;
    weir_wg reader;
};

static bool offer(struct map *m, struct job *job)
{
    m->ledger.in++;
    job->place = m->records.given;
    int code = jobs_put(&m->jobs, job, &m->stop.begin);
    if (code && code != WEIR_FULL) {
        m->ledger.left++;
        job_free(job);
    }
    return code == 0;
}

/* Reads one record and sends it on; false: that was the last. */
static bool read_one(struct map *m, uint64_t number)
{
    struct job *job = job_new(number);
    if (!job) {
        crew_fail(&m->crew, "out of memory");
        return false;
    }
    int got = records_next(&m->records, &job->record, &m->stop.input);
    if (got == RECORDS_TOO_LONG)
        job_fail(job, WHY_TOO_LONG, 0);
    else if (got == WEIR_ENOMEM)
        job_fail(job, WHY_CODE, got);
    else if (got != RECORDS_ONE) {
        job_free(job);
        return false;
    }
    return offer(m, job);
}

static void read_all(void *arg)
{
    struct map *m = arg;
    uint64_t number = 1;
    while (!weir_ctx_err(&m->stop.input) && read_one(m, number))
        number++;
    m->ledger.bytes_in = m->input.read;
    jobs_close(&m->jobs);
}

static void show(void *arg, char *line, size_t n)
{
    struct map *m = arg;
    struct ledger *l = &m->ledger;
    char eta[48], flow[80];
    double seconds = ledger_seconds(l);
    uint64_t done = l->out + l->failed;
    progress_eta(eta, sizeof eta, m->delivery.place, m->input.total, seconds);
    ledger_show_flow(l, flow, sizeof flow);
    snprintf(line, n,
             "weir map: %" PRIu64 " records %.1f/s fill %zu%% running %u "
             "dropped %" PRIu64 " failed %" PRIu64 "%s%s",
             done, seconds > 0 ? (double)done / seconds : 0,
             100 * weir_chan_len(m->jobs.chan) / weir_chan_cap(m->jobs.chan),
             gate_running(&m->crew.gate), ledger_dropped(l),
             (uint64_t)l->failed, eta, flow);
}

static void show_snapshot(void *arg)
{
    struct map *m = arg;
    char line[LEDGER_LINE];
    ledger_line(&m->ledger, line, sizeof line);
    report_now(
        "%s, queued %zu of %zu, running %u, waiting for their turn %" PRIu64,
        line, weir_chan_len(m->jobs.chan), weir_chan_cap(m->jobs.chan),
        gate_running(&m->crew.gate), (uint64_t)m->delivery.waiting);
}

static void kill_children(void *arg)
{
    (void)arg;
    child_kill_all();
}

static void prepare_crew(struct map *m)
{
    const struct map_settings *s = m->settings;
    m->crew = (struct crew){
        .command = &m->command,
        .workers = s->jobs,
        .retries = s->retries,
        .timeout = s->timeout,
        .halt = s->halt,
        .coproc = s->coproc,
        .mark = s->mark,
        .jobs = &m->jobs,
        .results = m->results,
        .window = &m->window,
        .stop = &m->stop,
        .ledger = &m->ledger,
    };
    gate_init(&m->crew.gate, s->jobs);
    m->delivery = (struct delivery){
        .results = m->results,
        .free = &m->window,
        .window = s->window,
        .ordered = !s->unordered,
        .linger = s->flow.linger,
        .stop = &m->stop,
        .ledger = &m->ledger,
    };
}

/* What was read and never begun. */
static void count_left(struct map *m)
{
    struct job *job;
    while (weir_chan_try_recv(m->jobs.chan, &job) == 0) {
        m->ledger.left++;
        job_free(job);
    }
}

/* Starts the stages from the last to the first and sees them end from the
 * first to the last. */
static int work(void *arg)
{
    struct map *m = arg;
    char why[128];
    int code = delivery_start(&m->delivery);
    if (!code) {
        code = crew_start(&m->crew);
        if (!code)
            code = weir_wg_go(&m->reader, read_all, m);
        if (code)
            jobs_close(&m->jobs);
        weir_wg_wait(&m->reader, NULL);
        crew_wait(&m->crew);
        count_left(m);
        weir_chan_close(m->results);
        delivery_wait(&m->delivery);
    }
    if (m->jobs.overrun)
        report("the queue was full: ended, as --on-full error says");
    if (code) {
        limit_text(code, why, sizeof why);
        crew_fail(&m->crew, "cannot start: %s", why);
    }
    return 0;
}

static int prepare(void *arg)
{
    struct map *m = arg;
    const struct map_settings *s = m->settings;
    input_init(&m->input, s->files, s->file_count);
    m->results =
        weir_chan_new_with(&(weir_chan_opts){.elem_size = sizeof(struct job *),
                                             .capacity = DELIVERY_BATCH,
                                             .name = "results"});
    m->window = (weir_sem)WEIR_SEM_INIT((int64_t)s->window);
    if (!records_init(&m->records, &m->input, s->mark, s->max_record) ||
        jobs_init(&m->jobs, s->capacity, &s->flow, &m->rate, &m->ledger) ||
        !m->results)
        return WEIR_ENOMEM;
    prepare_crew(m);
    return 0;
}

static int status(const void *arg)
{
    const struct map *m = arg;
    const struct ledger *l = &m->ledger;
    if (m->crew.broken || m->delivery.broken || m->input.unreadable ||
        l->failed > l->timed_out)
        return EXIT_FAILED;
    if (l->timed_out > 0)
        return EXIT_TIMEOUT;
    return m->jobs.overrun ? EXIT_DROPPED : EXIT_WELL;
}

static void release(void *arg)
{
    struct map *m = arg;
    records_fini(&m->records);
    jobs_fini(&m->jobs);
    weir_chan_unref(m->results);
}

/* With the settings made: finds the command, then runs. */
static int map_with(struct map *m, int argc, char **argv)
{
    struct ledger *ledgers[] = {&m->ledger};
    char what[512];
    snprintf(what, sizeof what, "cannot run %s", argv[0]);
    int code = command_init(&m->command, argc, argv, m->settings->coproc);
    if (code) {
        tool_say(what, code);
        return EXIT_FAILED;
    }
    ledger_init(&m->ledger, "map", "records");
    return tool_run(&(struct tool_run){.settings = &m->settings->run,
                                       .ledgers = ledgers,
                                       .count = 1,
                                       .stop = &m->stop,
                                       .arg = m,
                                       .prepare = prepare,
                                       .work = work,
                                       .release = release,
                                       .status = status,
                                       .show = show,
                                       .snapshot = show_snapshot,
                                       .at_once = kill_children});
}

int map_main(int argc, char **argv)
{
    struct map_settings s = {.mark = '\n',
                             .max_record = DEFAULT_RECORD,
                             .timeout = WEIR_FOREVER,
                             .run = {.grace = DEFAULT_GRACE},
                             .files = calloc((size_t)argc, sizeof(char *))};
    int at = find_command(argc, argv);
    report_name("weir map");
    if (!s.files) {
        report("out of memory");
        return EXIT_FAILED;
    }
    options_parse(&map_set, at, argv, &s);
    if (at + 1 >= argc)
        options_fail(&map_set, "no command: weir map [OPTION...] %s",
                     map_set.args);
    settle_defaults(&s);
    flow_check(&map_set, &s.flow, false);
    struct map m = {.settings = &s,
                    .rate = flow_rate(&map_set, &s.flow, false)};
    int code = map_with(&m, argc - at - 1, argv + at + 1);
    command_fini(&m.command);
    free(s.files);
    return code;
}
