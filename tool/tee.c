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
#include <unistd.h>
#include <weir.h>

#include "branch.h"
#include "intake.h"
#include "report.h"
#include "stream.h"
#include "tee_settings.h"
#include "tool.h"
#include "units.h"

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
    struct queue_opts o = s->queue;
    const char *unit = o.mark < 0 ? "bytes" : "records";
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
    b->outlet.rate = s->rate;
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
    struct tee_settings s;
    report_name("weir tee");
    if (!tee_parse(argc, argv, &s)) {
        report("out of memory");
        return EXIT_FAILED;
    }
    struct tee t = {.settings = &s, .count = s.count};
    int code = tee_with(&t);
    free(t.branches);
    free(t.queues);
    free(t.ledgers);
    tee_settings_free(&s);
    return code;
}
