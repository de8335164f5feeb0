/* SPDX-License-Identifier: MIT */
#include "delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "limits.h"
#include "output.h"
#include "report.h"

enum { BATCH_BYTES = 256 * 1024 };

/* Enters the job in the ledger and gives its place back. */
static void enter(struct delivery *d, struct job *job)
{
    struct ledger *l = d->ledger;
    if (job->end == JOB_OUT)
        l->out++;
    else if (job->end == JOB_FAILED)
        l->failed++;
    else
        l->left++;
    if (job->end == JOB_FAILED && job->why == WHY_TIMEOUT)
        l->timed_out++;
    if (job->place > d->place)
        d->place = job->place;
    job_free(job);
    weir_sem_release(d->free, 1);
}

/* The output cannot be written. A reader that went away is no error: the
 * run ends because nobody wants the rest. */
static void give_up(struct delivery *d, int code)
{
    char why[128];
    d->closed = true;
    if (code == -EPIPE || code == WEIR_CANCELED) {
        weir_ctx_cancel(&d->stop->work, 0);
        return;
    }
    limit_text(code, why, sizeof why);
    report("cannot write standard output: %s", why);
    d->broken = true;
    weir_ctx_cancel(&d->stop->work, 0);
}

/* Writes the batch; the bytes that went out. */
static size_t write_batch(struct delivery *d)
{
    struct iovec parts[DELIVERY_BATCH];
    struct iovec *v = parts;
    int n = 0;
    size_t sum = 0;
    for (int i = 0; i < d->batched; i++)
        if (d->batch[i]->out.len > 0)
            parts[n++] =
                (struct iovec){d->batch[i]->out.data, d->batch[i]->out.len};
    while (n > 0 && !d->closed) {
        ssize_t put = output_writev(STDOUT_FILENO, v, n, &d->stop->work);
        if (put < 0) {
            give_up(d, (int)put);
        } else {
            sum += (size_t)put;
            output_advance(&v, &n, (size_t)put);
        }
    }
    return sum;
}

static void flush(struct delivery *d)
{
    if (d->batched == 0)
        return;
    if (d->batched_bytes > 0 && isatty(STDOUT_FILENO))
        report_clear_for_output();
    size_t put = write_batch(d);
    d->ledger->bytes_out += put;
    for (int i = 0; i < d->batched; i++) {
        struct job *job = d->batch[i];
        bool whole = job->out.len <= put;
        put -= whole ? job->out.len : put;
        if (!whole)
            job->end = JOB_LEFT;
        enter(d, job);
    }
    d->batched = 0;
    d->batched_bytes = 0;
}

static void report_failure(const struct job *job)
{
    char why[256], prefix[48], more[96];
    int at = 0;
    job_reason(job, why, sizeof why);
    more[0] = '\0';
    if (job->tries > 1)
        at = snprintf(more, sizeof more, ", %u tries", job->tries);
    if (job->out.len > 0)
        snprintf(more + at, sizeof more - (size_t)at,
                 ", %zu bytes of output not passed on", job->out.len);
    report("record %" PRIu64 " failed: %s%s", job->number, why, more);
    snprintf(prefix, sizeof prefix, "record %" PRIu64 ": ", job->number);
    report_lines(prefix, job->err.data, job->err.len);
}

static void deliver(struct delivery *d, struct job *job)
{
    if (job->end == JOB_FAILED)
        report_failure(job);
    else if (job->end == JOB_OUT)
        report_raw(job->err.data, job->err.len);
    if (job->end == JOB_OUT && d->closed && job->out.len > 0)
        job->end = JOB_LEFT;
    if (job->end != JOB_OUT) {
        enter(d, job);
        return;
    }
    if (d->batched == 0 && d->linger > 0)
        d->batch_since = weir_now();
    d->batch[d->batched++] = job;
    d->batched_bytes += job->out.len;
    if (d->batched == DELIVERY_BATCH || d->batched_bytes >= BATCH_BYTES)
        flush(d);
}

/* Puts the job in its place and delivers what is in order now. */
static void sort_in(struct delivery *d, struct job *job)
{
    d->ring[job->turn % d->window] = job;
    d->waiting++;
    for (;;) {
        struct job **place = &d->ring[d->next % d->window];
        if (!*place || (*place)->turn != d->next)
            return;
        job = *place;
        *place = NULL;
        d->waiting--;
        d->next++;
        deliver(d, job);
    }
}

/* May the batch wait for more? Not when it holds so much of the window that
 * there can be none. */
static bool lingers(const struct delivery *d)
{
    return d->linger > 0 && !d->closed &&
           (size_t)d->batched + d->waiting < d->window;
}

/* The next result; WEIR_TIMEDOUT when the batch has waited long enough. */
static int next_result(struct delivery *d, struct job **job)
{
    weir_ctx limit;
    if (weir_chan_len(d->results) == 0 && !lingers(d))
        flush(d);
    if (d->batched == 0)
        return weir_chan_recv(d->results, job, NULL);
    int rc = weir_ctx_init_deadline(&limit, NULL, d->batch_since + d->linger);
    if (rc)
        return rc;
    rc = weir_chan_recv(d->results, job, &limit);
    weir_ctx_fini(&limit);
    return rc;
}

static void keep_delivering(void *arg)
{
    struct delivery *d = arg;
    struct job *job;
    int rc;
    while ((rc = next_result(d, &job)) != WEIR_CLOSED) {
        if (rc)
            flush(d);
        else if (d->ordered)
            sort_in(d, job);
        else
            deliver(d, job);
    }
    flush(d);
}

int delivery_start(struct delivery *d)
{
    d->next = 1;
    if (d->ordered) {
        d->ring = calloc(d->window, sizeof(struct job *));
        if (!d->ring)
            return WEIR_ENOMEM;
    }
    return weir_wg_go(&d->done, keep_delivering, d);
}

void delivery_wait(struct delivery *d)
{
    weir_wg_wait(&d->done, NULL);
    free(d->ring);
    d->ring = NULL;
}
