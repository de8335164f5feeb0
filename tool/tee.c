/* SPDX-License-Identifier: MIT */
/*
 * weir tee: one input to many outputs, each at its own pace.
 *
 *                                +--> queue --> outlet --> FILE
 *     standard input --> intake -+--> queue --> outlet --> '|command'
 *                                +--> queue --> outlet --> standard output
 *
 * What is read is shared by reference; each queue has its own bound and
 * policy, so that a branch that is slow or dead costs the others nothing
 * unless its policy is to block and its buffer is full. Each branch has an
 * account that balances, and an end of its own.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "branch.h"
#include "intake.h"
#include "report.h"
#include "stream.h"
#include "tool.h"
#include "units.h"

/* ---- options ------------------------------------------------------------- */

enum {
    KEY_REQUIRED = KEY_OWN,
    KEY_OPTIONAL,
    KEY_APPEND,
    KEY_LATE,
    KEY_RETRIES,
    KEY_KEEP
};

enum { MAX_BRANCHES = 1000, MAX_RETRIES = 1000, DEFAULT_RETRIES = 3 };
enum { LATE_BUFFER = 1024 * 1024 }; /* the rest is in what is kept */

#define MAX_KEEP (UINT64_C(1) << 50)

static const struct argp_option tee_options[] = {
    {"required", KEY_REQUIRED, NULL, 0,
     "When one of these branches fails, or stops to read, all end", 4},
    {"optional", KEY_OPTIONAL, NULL, 0,
     "When one fails, the others go on (default)", 4},
    {"append", KEY_APPEND, NULL, 0, "Add to files that are there", 4},
    {"late", KEY_LATE, NULL, 0,
     "What is read is kept for these branches: they get it from its start, "
     "whenever their reader comes, or their command is started again",
     5},
    {"retries", KEY_RETRIES, "N", 0,
     "With --late: start a command that fails up to N times more (default: 3)",
     5},
    {"keep", KEY_KEEP, "SIZE", 0,
     "Keep at most the first SIZE bytes for late branches (default: all)", 5},
    {0},
};

static const struct option_form tee_forms[] = {
    {KEY_RETRIES, "a whole number from 0 to 1000"},
    {KEY_KEEP, "a size from 1 to 1024T, such as 64M or 10G"},
    {0, NULL},
};

static const struct option_part part_tee = {tee_options, tee_forms};

/* What the options so far say of the branches that follow. */
struct branch_settings {
    const char *name;
    struct stream_settings stream;
    bool required, append, late;
    unsigned retries;
};

struct tee_settings {
    int mark;
    struct branch_settings now;
    struct branch_settings *branches;
    int count;
    int late; /* of these                                                   */
    uint64_t keep;
    struct run_settings run;
};

static void add_branch(const struct option_set *set, struct tee_settings *s,
                       const char *name)
{
    if (s->count == MAX_BRANCHES)
        options_fail(set, "more than %d branches", MAX_BRANCHES);
    if (name[0] == '\0' ||
        (name[0] == '|' && strspn(name + 1, " \t\n") == strlen(name + 1)))
        options_fail(set, "'%s' is not a branch: FILE, '|command' or -", name);
    if (s->now.late && s->now.stream.flow.policy != WEIR_BLOCK)
        options_fail(set, "option --late needs --on-full block for %s", name);
    s->now.name = name;
    s->late += s->now.late;
    s->branches[s->count++] = s->now;
}

static void take(const struct option_set *set, int key, const char *value,
                 void *into)
{
    struct tee_settings *s = into;
    if (stream_take(set, key, value, &s->now.stream) ||
        run_take(set, key, value, &s->run))
        return;
    switch (key) {
    case KEY_REQUIRED:
    case KEY_OPTIONAL:
        s->now.required = key == KEY_REQUIRED;
        break;
    case KEY_APPEND:
        s->now.append = true;
        break;
    case KEY_LATE:
        s->now.late = true;
        break;
    case KEY_RETRIES:
        s->now.retries =
            (unsigned)options_count(set, key, value, 0, MAX_RETRIES);
        break;
    case KEY_KEEP:
        s->keep = options_size(set, key, value, 1, MAX_KEEP);
        break;
    default:
        add_branch(set, s, value);
    }
}

static const struct option_set tee_set = {
    .name = "weir tee",
    .parts = {&part_flow, &part_stream, &part_tee, &part_run},
    .in_order = true,
    .args = "[OPTION...] BRANCH...",
    .doc = "Copies standard input to each BRANCH: a FILE, a '|command' for "
           "the shell, or - for standard output. The options of a buffer, "
           "--required and --append hold for the branches behind them.\vExit "
           "status: 0 all well, 1 usage, 3 dropped or left (with --strict, and "
           "whenever --on-full error ended a branch), 4 a branch failed or "
           "reading did, 128 + N ended by signal N. weir-tee(1) says more.",
    .take = take,
};

/* ---- the run ------------------------------------------------------------- */

struct tee {
    const struct tee_settings *settings;
    struct stop stop;
    struct pool pool;
    struct branch *branches;
    struct queue **queues; /* of those that are not late                    */
    int queue_count;
    struct ledger **ledgers;
    int count;
    struct intake intake;
    struct keep keep;
    _Atomic int alive;  /* branches that have not ended                     */
    atomic_bool broken; /* a required branch has failed                     */
    weir_ctx over;      /* ends with the run                                */
    weir_wg reader, writers, ender;
};

/* What a task of a branch is started with. */
struct errand {
    struct tee *tee;
    struct branch *branch;
};

/* Gives the other branches the grace to write what was read. */
static void end_others(void *arg)
{
    struct tee *t = arg;
    if (weir_sleep(t->settings->run.grace, &t->over) == 0)
        weir_ctx_cancel(&t->stop.work, 0);
}

static void end_all(struct tee *t, const struct branch *b)
{
    if (atomic_exchange(&t->broken, true))
        return;
    report("%s is required: ending", b->name);
    weir_ctx_cancel(&t->stop.input, 0);
    if (weir_wg_go(&t->ender, end_others, t))
        weir_ctx_cancel(&t->stop.work, 0);
}

/* The branch has ended. With the last one there is nobody to read for. */
static void settle(struct tee *t, const struct branch *b)
{
    if (b->late.keep)
        t->keep.wanted--;
    if (b->required && b->ledger.status != EXIT_WELL)
        end_all(t, b);
    if (atomic_fetch_sub(&t->alive, 1) == 1)
        weir_ctx_cancel(&t->stop.input, 0);
}

static void run_branch(void *arg)
{
    const struct errand *e = arg;
    branch_run(e->branch);
    settle(e->tee, e->branch);
}

static void read_all(void *arg)
{
    intake_run(arg);
}

static void start_branches(struct tee *t, struct errand *errands)
{
    t->alive = t->count;
    for (int i = 0; i < t->count; i++) {
        errands[i] = (struct errand){t, &t->branches[i]};
        int code = weir_wg_go(&t->writers, run_branch, &errands[i]);
        if (code) {
            branch_fail(&t->branches[i], code);
            settle(t, &t->branches[i]);
        }
    }
}

static int work(void *arg)
{
    struct tee *t = arg;
    struct errand *errands = calloc((size_t)t->count, sizeof *errands);
    if (!errands)
        return WEIR_ENOMEM;
    weir_ctx_init(&t->over, NULL);
    start_branches(t, errands);
    int code = weir_wg_go(&t->reader, read_all, &t->intake);
    if (code)
        intake_cancel(&t->intake);
    weir_wg_wait(&t->reader, NULL);
    weir_wg_wait(&t->writers, NULL);
    for (int i = 0; i < t->count; i++)
        branch_settle(&t->branches[i]);
    weir_ctx_cancel(&t->over, 0);
    weir_wg_wait(&t->ender, NULL);
    weir_ctx_fini(&t->over);
    free(errands);
    stream_say_intake(&t->intake);
    return code;
}

/* ---- looking ------------------------------------------------------------- */

static size_t show_branch(const struct branch *b, char *text, size_t n)
{
    const struct ledger *l = &b->ledger;
    struct flow_state f = l->look(l->arg);
    uint64_t dropped = ledger_dropped(l);
    int len = snprintf(text, n, " %.16s %u%%%s", b->name, f.fill,
                       l->ended ? " ended" : "");
    if (dropped > 0 && len > 0 && (size_t)len < n)
        len +=
            snprintf(text + len, n - (size_t)len, " dropped %" PRIu64, dropped);
    return len > 0 && (size_t)len < n ? (size_t)len : n;
}

static void show(void *arg, char *line, size_t n)
{
    struct tee *t = arg;
    const struct ledger *l = t->ledgers[0];
    char rate[16], bytes[16];
    double seconds = ledger_seconds(l);
    units_show_size(bytes, sizeof bytes, l->bytes_in);
    units_show_size(rate, sizeof rate,
                    seconds > 0 ? (uint64_t)((double)l->bytes_in / seconds)
                                : 0);
    size_t at = (size_t)snprintf(line, n, "weir tee: %" PRIu64 " %s %sB %sB/s",
                                 (uint64_t)l->in, l->unit, bytes, rate);
    for (int i = 0; i < t->count && at < n; i++)
        at += show_branch(&t->branches[i], line + at, n - at);
}

static void kill_children(void *arg)
{
    (void)arg;
    child_kill_all();
}

static int status(const void *arg)
{
    const struct tee *t = arg;
    int worst = t->intake.error ? EXIT_FAILED : EXIT_WELL;
    for (int i = 0; i < t->count; i++)
        if (t->ledgers[i]->status > worst)
            worst = t->ledgers[i]->status;
    return worst;
}

/* ---- set-up -------------------------------------------------------------- */

static void prepare_branch(struct tee *t, int i)
{
    struct branch_settings *s = &t->settings->branches[i];
    struct branch *b = &t->branches[i];
    struct queue_opts o = stream_queue(&tee_set, &s->stream);
    const char *unit = o.mark < 0 ? "bytes" : "records";
    if (s->late)
        o.most_bytes = LATE_BUFFER;
    *b = (struct branch){.name = s->name,
                         .append = s->append,
                         .required = s->required,
                         .work = &t->stop.work,
                         .fd = -1};
    ledger_init(&b->ledger, "tee", unit);
    b->ledger.name = b->name;
    stream_prepare_queue(&b->queue, &o, &b->ledger, &t->pool);
    b->outlet.queue = &b->queue;
    b->outlet.work = b->work;
    b->outlet.stall = WEIR_FOREVER;
    b->outlet.rate = flow_rate(&tee_set, &s->stream.flow, o.mark < 0);
    t->ledgers[i] = &b->ledger;
    if (s->late)
        b->late = (struct late){.keep = &t->keep, .retries = s->retries};
    else
        t->queues[t->queue_count++] = &b->queue;
}

static int prepare(void *arg)
{
    struct tee *t = arg;
    pool_init(&t->pool, stream_block_size(t->queues, t->queue_count));
    t->intake = (struct intake){.queues = t->queues,
                                .count = t->queue_count,
                                .keep = t->settings->late ? &t->keep : NULL,
                                .pool = &t->pool,
                                .mark = t->settings->mark,
                                .input = &t->stop.input,
                                .work = &t->stop.work};
    stream_widen_pipe(STDIN_FILENO);
    return t->settings->late ? keep_init(&t->keep, t->settings->mark,
                                         t->settings->keep, t->settings->late)
                             : 0;
}

static void release(void *arg)
{
    struct tee *t = arg;
    for (int i = 0; i < t->count; i++)
        queue_fini(&t->branches[i].queue);
    keep_fini(&t->keep);
    pool_fini(&t->pool);
}

/* With the settings made, memory for the branches, and every branch ready. */
static int tee_with(struct tee *t)
{
    size_t n = (size_t)t->count;
    t->branches = calloc(n, sizeof *t->branches);
    t->queues = calloc(n, sizeof *t->queues);
    t->ledgers = calloc(n, sizeof *t->ledgers);
    if (!t->branches || !t->queues || !t->ledgers) {
        report("out of memory");
        return EXIT_FAILED;
    }
    for (int i = 0; i < t->count; i++)
        prepare_branch(t, i);
    return tool_run(&(struct tool_run){.settings = &t->settings->run,
                                       .ledgers = t->ledgers,
                                       .count = t->count,
                                       .stop = &t->stop,
                                       .arg = t,
                                       .prepare = prepare,
                                       .work = work,
                                       .release = release,
                                       .status = status,
                                       .show = show,
                                       .at_once = kill_children});
}

int tee_main(int argc, char **argv)
{
    struct tee_settings s = {.mark = -1,
                             .run = {.grace = DEFAULT_GRACE},
                             .now.retries = DEFAULT_RETRIES,
                             .branches =
                                 calloc((size_t)argc, sizeof *s.branches)};
    struct tee t = {.settings = &s};
    s.now.stream.mark = &s.mark;
    report_name("weir tee");
    if (!s.branches) {
        report("out of memory");
        return EXIT_FAILED;
    }
    options_parse(&tee_set, argc, argv, &s);
    if (s.count == 0)
        options_fail(&tee_set,
                     "no branch: weir tee %s, each a FILE, a '|command' or -",
                     tee_set.args);
    t.count = s.count;
    int code = tee_with(&t);
    free(t.branches);
    free(t.queues);
    free(t.ledgers);
    free(s.branches);
    return code;
}
