/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "capture.h"
#include "coproc.h"
#include "job.h"
#include "limits.h"
#include "report.h"

void crew_fail(struct crew *c, const char *format, ...)
{
    char text[512];
    va_list args;
    if (atomic_exchange(&c->broken, true))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report("%s", text);
    weir_ctx_cancel(&c->stop->work, 0);
}

static void fail_to_run(struct crew *c, const char *name, int code)
{
    char why[128];
    limit_text(code, why, sizeof why);
    crew_fail(c, "cannot run %s: %s", name, why);
}

/* ---- a command for each record ------------------------------------------ */

/* Is the command itself at fault? */
static bool is_at_fault(int code)
{
    return code != -E2BIG && !limit_is(code);
}

/* Is it, or the machine, and will be for every record? */
static bool is_hopeless(const struct crew *c, int code)
{
    return limit_is(code) || (!c->command->by_record && is_at_fault(code));
}

static void try_command(struct crew *c, struct job *job, char **args)
{
    struct capture capture = {.out = &job->out, .err = &job->err};
    int code = 0;
    char *found = NULL;
    const char *path = c->command->path;
    if (c->command->by_record)
        path = found = command_find(args[0], &code);
    bool there = code == 0;
    if (there)
        code = gate_run(&c->gate, &capture, path, args, c->timeout,
                        &c->stop->work);
    free(found);
    if (code == WEIR_CANCELED) {
        job->end = JOB_LEFT;
    } else if (code && there && !capture.started && is_hopeless(c, code)) {
        fail_to_run(c, args[0], code);
        job->end = JOB_LEFT;
    } else if (code == WEIR_TIMEDOUT) {
        job_fail(job, WHY_TIMEOUT, 0);
    } else if (code) {
        bool at_fault = !capture.started && is_at_fault(code);
        job_fail(job, at_fault ? WHY_COMMAND : WHY_CODE, code);
    } else if (capture.status) {
        job_fail(job, WHY_STATUS, capture.status);
    } else {
        job->end = JOB_OUT;
    }
}

static void run_command(struct crew *c, struct job *job)
{
    const char *record = bytes_text(&job->record);
    if (record && strlen(record) != job->record.len) {
        job_fail(job, WHY_NUL, 0);
        return;
    }
    char **args = record ? command_with(c->command, record) : NULL;
    if (args)
        try_command(c, job, args);
    else
        job_fail(job, WHY_CODE, -ENOMEM);
    free(args);
}

/* ---- a coprocess for each worker ----------------------------------------- */

/* One after another, so that a worker whose coprocess the machine refuses
 * knows whether others go on without it. False: this worker has none. */
static bool start_coproc(struct crew *c, struct coproc *p)
{
    coproc_init(p, c->command, c->mark);
    weir_mutex_lock(&c->starting, NULL);
    int code = coproc_start(p);
    if (!code)
        c->up++;
    bool others = c->up > 0;
    weir_mutex_unlock(&c->starting);
    if (code && others && limit_is(code))
        gate_say_fewer(&c->gate, code);
    else if (code)
        fail_to_run(c, c->command->words[0], code);
    return code == 0;
}

static void ask_coproc(struct crew *c, struct coproc *p, struct job *job)
{
    int detail = 0;
    int code = coproc_ask(p, &job->record, &job->out, &job->err, c->timeout,
                          &c->stop->work, &detail);
    job->end = JOB_OUT;
    if (code == COPROC_START && !limit_is(detail)) {
        fail_to_run(c, c->command->words[0], detail);
        job->end = JOB_LEFT;
    } else if (code == WEIR_CANCELED) {
        job->end = JOB_LEFT;
    } else if (code == COPROC_START) {
        job_fail(job, WHY_CODE, detail);
    } else if (code == COPROC_DIED) {
        job_fail(job, WHY_DIED, detail);
    } else if (code == COPROC_SHUT) {
        job_fail(job, WHY_SHUT, 0);
    } else if (code == COPROC_TALKS) {
        job_fail(job, WHY_ANSWER, 0);
    } else if (code) {
        job_fail(job, code == WEIR_TIMEDOUT ? WHY_TIMEOUT : WHY_CODE, code);
    }
}

/* ---- the workers --------------------------------------------------------- */

/* Could another try end otherwise? */
static bool is_worth_a_try(const struct job *job)
{
    return job->end == JOB_FAILED &&
           (job->why == WHY_STATUS || job->why == WHY_TIMEOUT ||
            job->why == WHY_ANSWER || job->why == WHY_DIED ||
            job->why == WHY_SHUT);
}

static void finish_job(struct crew *c, struct coproc *p, struct job *job)
{
    for (;;) {
        job->tries++;
        job->out.len = 0;
        job->err.len = 0;
        if (p)
            ask_coproc(c, p, job);
        else
            run_command(c, job);
        if (!is_worth_a_try(job) || job->tries > c->retries)
            return;
        c->ledger->retried++;
    }
}

static void do_job(struct crew *c, struct coproc *p, struct job *job)
{
    if (weir_ctx_err(&c->stop->begin))
        job->end = JOB_LEFT;
    else if (job->end != JOB_FAILED)
        finish_job(c, p, job);
    bytes_free(&job->record);
    if (job->end == JOB_FAILED && c->halt == HALT_SOON)
        weir_ctx_cancel(&c->stop->begin, 0);
    if (job->end == JOB_FAILED && c->halt == HALT_NOW)
        weir_ctx_cancel(&c->stop->work, 0);
}

static void take_jobs(struct crew *c, struct coproc *p)
{
    weir_ctx *begin = &c->stop->begin;
    struct job *job;
    while (!weir_ctx_err(begin) && !weir_sem_acquire(c->window, 1, begin)) {
        if (jobs_take(c->jobs, &job, begin)) {
            weir_sem_release(c->window, 1);
            return;
        }
        do_job(c, p, job);
        weir_chan_send(c->results, &job, NULL);
    }
}

static void work(void *arg)
{
    struct crew *c = arg;
    struct coproc coproc;
    if (!c->coproc) {
        take_jobs(c, NULL);
    } else if (start_coproc(c, &coproc)) {
        take_jobs(c, &coproc);
        if (!coproc_finish(&coproc, c->stop->grace, &c->stop->work))
            c->broken = true;
    }
}

int crew_start(struct crew *c)
{
    for (unsigned i = 0; i < c->workers; i++) {
        int code = weir_wg_go(&c->done, work, c);
        if (code && i == 0)
            return code;
        if (code) {
            gate_say_fewer(&c->gate, code);
            return 0;
        }
    }
    return 0;
}

void crew_wait(struct crew *c)
{
    weir_wg_wait(&c->done, NULL);
}
