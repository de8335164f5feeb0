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
#include <weir.h>

#include "child.h"
#include "crew.h"
#include "delivery.h"
#include "input.h"
#include "job.h"
#include "jobs.h"
#include "limits.h"
#include "map_settings.h"
#include "progress.h"
#include "records.h"
#include "report.h"
#include "tool.h"

struct map {
    const struct map_settings *settings;
    struct ledger ledger;
    struct stop stop;
    struct input input;
    struct records records;
    struct command command;
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
        jobs_init(&m->jobs, s->capacity, &s->flow, &s->rate, &m->ledger) ||
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
static int map_with(struct map *m)
{
    const struct map_settings *s = m->settings;
    struct ledger *ledgers[] = {&m->ledger};
    char what[512];
    snprintf(what, sizeof what, "cannot run %s", s->command[0]);
    int code = command_init(&m->command, s->word_count, s->command, s->coproc);
    if (code) {
        tool_say(what, code);
        return EXIT_FAILED;
    }
    ledger_init(&m->ledger, "map", "records");
    return tool_run(&(struct tool_run){.settings = &s->run,
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
    struct map_settings s;
    report_name("weir map");
    if (!map_parse(argc, argv, &s)) {
        report("out of memory");
        return EXIT_FAILED;
    }
    struct map m = {.settings = &s};
    int code = map_with(&m);
    command_fini(&m.command);
    map_settings_free(&s);
    return code;
}
