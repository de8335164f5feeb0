/* SPDX-License-Identifier: MIT */
#include "exec.h"

#include <inttypes.h>
#include <stdio.h>

#include "capture.h"
#include "job.h"
#include "limits.h"
#include "report.h"
#include "surroundings.h"
#include "units.h"

/* ---- running ------------------------------------------------------------- */

/* The task that extends a message's time while its command runs. */
struct renewal {
    weir_message *message;
    int64_t period;
    weir_ctx over;
    weir_wg done;
};

static void renew(void *arg)
{
    struct renewal *r = arg;
    while (weir_sleep(r->period, &r->over) == 0)
        if (weir_message_in_progress(r->message, &r->over))
            return;
}

static int start_renewal(struct renewal *r, weir_message *m, int64_t period)
{
    *r = (struct renewal){.message = m, .period = period};
    weir_ctx_init(&r->over, NULL);
    return period > 0 ? weir_wg_go(&r->done, renew, r) : 0;
}

static void finish_renewal(struct renewal *r)
{
    weir_ctx_cancel(&r->over, 0);
    weir_wg_wait(&r->done, NULL);
    weir_ctx_fini(&r->over);
}

/* As capture_run. */
static int run(const struct exec *e, weir_message *m, struct capture *c)
{
    static char shell[] = "sh", flag[] = "-c";
    char *words[] = {shell, flag, (char *)(uintptr_t)e->command, NULL};
    struct surroundings around;
    struct renewal renewal;
    int code = surroundings_init(&around, m);
    c->env = around.all;
    if (!code) {
        code = start_renewal(&renewal, m, e->renewal);
        if (!code)
            code = gate_run(e->gate, c, "/bin/sh", words, e->timeout,
                            &e->stop->work);
        finish_renewal(&renewal);
    }
    surroundings_free(&around);
    return code;
}

/* ---- settling ------------------------------------------------------------ */

static void show_reason(int code, int status, char *text, size_t n)
{
    if (code == WEIR_TIMEDOUT)
        snprintf(text, n, "timed out (--timeout)");
    else if (code)
        limit_text(code, text, n);
    else
        job_show_status(status, text, n);
}

/* Its settling could not be stored; it comes again, or may. */
static void say_unsettled(const weir_message *m, int code)
{
    if (code)
        report("message %" PRIu64 ": cannot be settled: %s", m->seq,
               weir_strerror(code));
}

static void succeed(const struct exec *e, weir_message *m, struct bytes *out,
                    const struct bytes *err)
{
    report_raw(err->data, err->len);
    size_t put = printer_write(e->printer, out->data, out->len);
    e->ledger->bytes_out += put;
    if (put < out->len) {
        e->ledger->left++;
        return;
    }
    int code = weir_message_ack(m, NULL);
    say_unsettled(m, code);
    if (code)
        e->ledger->failed++;
    else
        e->ledger->out++;
}

static void fail(const struct exec *e, weir_message *m, const char *why,
                 const struct bytes *err)
{
    weir_backoff backoff;
    char prefix[48], again[24];
    bool dead = e->max_deliveries && m->deliveries >= e->max_deliveries;
    weir_backoff_init(&backoff, &e->backoff);
    int64_t delay =
        e->backoff.factor > 0 ? weir_backoff_after(&backoff, m->deliveries) : 0;
    units_show_time(again, sizeof again, delay);
    e->ledger->failed++;
    if (dead)
        report("message %" PRIu64 " failed: %s; delivery %u, the last: it "
               "goes to the dead letters",
               m->seq, why, m->deliveries);
    else
        report("message %" PRIu64 " failed: %s; delivery %u, again in %s",
               m->seq, why, m->deliveries, again);
    snprintf(prefix, sizeof prefix, "message %" PRIu64 ": ", m->seq);
    report_lines(prefix, err->data, err->len);
    say_unsettled(m, weir_message_nak(m, delay, NULL));
}

void exec_message(const struct exec *e, weir_message *m)
{
    struct bytes out = {NULL, 0, 0}, err = {NULL, 0, 0};
    struct capture c = {.out = &out, .err = &err, .in = ""};
    char why[128];
    if (m->event && m->event->size > 0) {
        c.in = m->event->payload;
        c.in_size = m->event->size;
    }
    int code = run(e, m, &c);
    if (code == WEIR_CANCELED) {
        e->ledger->left++;
    } else if (code || c.status) {
        e->ledger->timed_out += code == WEIR_TIMEDOUT;
        show_reason(code, c.status, why, sizeof why);
        fail(e, m, why, &err);
    } else {
        succeed(e, m, &out, &err);
    }
    bytes_free(&out);
    bytes_free(&err);
    weir_message_free(m);
}
