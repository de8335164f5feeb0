/* SPDX-License-Identifier: MIT */
/*
 * weir sub: the messages of a topic, as lines or each to a command.
 *
 *     topic --> batches --> standard output --> acks
 *     topic --> places (-j) --> a command each --> ack or nak
 *
 * A message is settled after what it was for has been done, and by nobody
 * else: what was not written, or not handled, when the run ends is given back
 * to the topic. Messages are received here rather than by weir_consumer,
 * because --count must not take one too many.
 */
#include <inttypes.h>
#include <weir.h>
#include <weir/pub.h>

#include "bytes.h"
#include "child.h"
#include "exec.h"
#include "printer.h"
#include "progress.h"
#include "report.h"
#include "sub_settings.h"
#include "tool.h"
#include "topic.h"

enum { BATCH = 256, BATCH_BYTES = 256 * 1024 };

#define DEFAULT_WAIT  (30 * WEIR_SECOND)
#define LONGEST_PAUSE (5 * WEIR_MINUTE)
/* How often --until-empty looks whether others have settled what they have. */
#define LOOK_AGAIN (100 * WEIR_MILLISECOND)

struct sub {
    const struct sub_settings *settings;
    struct ledger ledger;
    struct stop stop;
    struct printer printer;
    weir_sub *topic;
    uint64_t taken; /* messages received                                    */
    bool broken;    /* receiving or acking failed                           */

    struct bytes text; /* lines to be written                               */
    struct exec exec;
    struct gate gate;
    weir_sem places;
    weir_wg commands;
};

/* ---- receiving ----------------------------------------------------------- */

static void break_off(struct sub *s, const char *what, int code)
{
    s->broken = true;
    tool_say(what, code);
}

static void say_lost(struct sub *s)
{
    weir_sub_counts c;
    if (weir_sub_get_counts(s->topic, &c, &s->stop.input))
        return;
    report("a limit of the topic has taken %" PRIu64
           " messages before this group had them",
           c.lost);
}

/* For --until-empty: has the group dealt with all? What others have, or our
 * commands, may come back. */
static bool is_empty(struct sub *s)
{
    weir_sub_counts c;
    return weir_sub_get_counts(s->topic, &c, &s->stop.input) == 0 &&
           c.waiting == 0 && c.pending == 0;
}

/* As weir_sub_recv_n; 0: it is empty. Nobody tells when what others have is
 * settled: WEIR_TIMEDOUT then, to look again. What takes longer than that to
 * be read from the topic is had without a limit. */
static ptrdiff_t receive(struct sub *s, weir_message **m, size_t n)
{
    weir_ctx limit;
    if (!s->settings->until_empty)
        return weir_sub_recv_n(s->topic, m, n, &s->stop.input);
    if (is_empty(s))
        return 0;
    weir_ctx_init_timeout(&limit, &s->stop.input, LOOK_AGAIN);
    ptrdiff_t got = weir_sub_recv_n(s->topic, m, n, &limit);
    weir_ctx_fini(&limit);
    if (got != WEIR_TIMEDOUT)
        return got;
    int code = weir_sub_try_recv(s->topic, m);
    return code == 0 ? 1 : code == WEIR_EMPTY ? WEIR_TIMEDOUT : code;
}

/* Up to n messages; 0: the run is over. */
static size_t next(struct sub *s, weir_message **m, size_t n)
{
    const struct sub_settings *o = s->settings;
    if (o->count && n > o->count - s->taken)
        n = (size_t)(o->count - s->taken);
    while (n > 0 && !weir_ctx_err(&s->stop.input)) {
        ptrdiff_t got = receive(s, m, n);
        if (got > 0) {
            s->taken += (uint64_t)got;
            s->ledger.in += (uint64_t)got;
            return (size_t)got;
        }
        if (got == WEIR_LAGGED)
            say_lost(s);
        else if (got != WEIR_CANCELED && got != WEIR_TIMEDOUT)
            n = 0;
        if (n == 0 && got < 0)
            break_off(s, "cannot receive", (int)got);
    }
    return 0;
}

/* ---- as lines ------------------------------------------------------------ */

/* False: out of memory. */
static bool add_line(struct sub *s, const weir_message *m)
{
    static const weir_event nothing;
    const weir_event *e = m->event ? m->event : &nothing;
    size_t before = s->text.len;
    bool added = bytes_reserve(&s->text, e->key_size + e->size + 2);
    if (added && s->settings->keyed) {
        bytes_add(&s->text, e->key, e->key_size);
        bytes_add(&s->text, "\t", 1);
    }
    if (added) {
        bytes_add(&s->text, e->payload, e->size);
        bytes_add(&s->text, &s->settings->mark, 1);
        s->ledger.bytes_in += s->text.len - before;
    }
    return added;
}

/* Of n messages whose lines end there: how many lie within so many bytes. */
static size_t whole(const size_t *ends, size_t n, size_t bytes)
{
    size_t i = 0;
    while (i < n && ends[i] <= bytes)
        i++;
    return i;
}

/* Writes them, then acks those that are out. */
static void put_out(struct sub *s, weir_message **m, const size_t *ends,
                    size_t n)
{
    size_t put = printer_write(&s->printer, s->text.data, s->text.len);
    size_t out = whole(ends, n, put);
    s->ledger.bytes_out += put;
    s->ledger.out += out;
    if (printer_failed(&s->printer))
        s->ledger.failed += n - out;
    else
        s->ledger.left += n - out;
    int code = out > 0 ? weir_message_ack_n(m, out, NULL) : 0;
    if (code)
        break_off(s, "messages were written, but cannot be acked", code);
    s->text.len = 0;
}

static void print(struct sub *s, weir_message **m, size_t n)
{
    size_t ends[BATCH], first = 0;
    for (size_t i = 0; i < n; i++) {
        if (!add_line(s, m[i])) {
            break_off(s, "cannot hold a message", WEIR_ENOMEM);
            s->ledger.left += n - i;
            n = i;
            break;
        }
        ends[i] = s->text.len;
        if (s->text.len >= BATCH_BYTES) {
            put_out(s, m + first, ends + first, i + 1 - first);
            first = i + 1;
        }
    }
    if (first < n)
        put_out(s, m + first, ends + first, n - first);
}

static void print_all(struct sub *s)
{
    weir_message *m[BATCH];
    size_t n;
    while (!s->broken && (n = next(s, m, BATCH)) > 0) {
        print(s, m, n);
        for (size_t i = 0; i < n; i++)
            weir_message_free(m[i]);
    }
    bytes_free(&s->text);
}

/* ---- to commands --------------------------------------------------------- */

struct errand {
    struct sub *sub;
    weir_message *message;
};

static void run_errand(void *arg)
{
    struct errand *e = arg;
    exec_message(&e->sub->exec, e->message);
    weir_sem_release(&e->sub->places, 1);
    weir_wg_done(&e->sub->commands);
}

static void exec_all(struct sub *s)
{
    struct errand e = {.sub = s};
    while (!weir_sem_acquire(&s->places, 1, &s->stop.input) &&
           next(s, &e.message, 1) > 0) {
        weir_wg_add(&s->commands, 1);
        if (weir_go_copy(run_errand, &e, sizeof e))
            run_errand(&e);
    }
    weir_wg_wait(&s->commands, NULL);
}

static void prepare_exec(struct sub *s)
{
    const struct sub_settings *o = s->settings;
    const weir_caps *caps = weir_sub_caps(s->topic);
    int64_t wait = o->opts.ack_wait ? o->opts.ack_wait : DEFAULT_WAIT;
    s->exec = (struct exec){
        .command = o->command,
        .timeout = o->timeout,
        .renewal = caps->in_progress ? wait / 3 + 1 : 0,
        .backoff = {.factor = caps->delay ? o->backoff : 0,
                    .max =
                        LONGEST_PAUSE > o->backoff ? LONGEST_PAUSE : o->backoff,
                    .jitter = WEIR_JITTER_HALF},
        .max_deliveries = o->opts.max_deliveries,
        .gate = &s->gate,
        .printer = &s->printer,
        .stop = &s->stop,
        .ledger = &s->ledger,
    };
    gate_init(&s->gate, o->jobs);
    s->places = (weir_sem)WEIR_SEM_INIT((int64_t)o->jobs);
}

/* ---- its frame ----------------------------------------------------------- */

static void close_topic(struct sub *s)
{
    weir_sub_counts c = {0};
    weir_sub_get_counts(s->topic, &c, NULL);
    weir_sub_free(s->topic); /* waits, so not after the runtime's end */
    s->topic = NULL;
    if (c.redelivered + c.expired > 0)
        snprintf(s->ledger.end, sizeof s->ledger.end,
                 "%" PRIu64 " delivered again, %" PRIu64 " too late",
                 c.redelivered, c.expired);
}

static int work(void *arg)
{
    struct sub *s = arg;
    printer_start(&s->printer, &s->stop);
    if (s->settings->command)
        exec_all(s);
    else
        print_all(s);
    printer_finish(&s->printer);
    close_topic(s);
    return 0;
}

static void show(void *arg, char *line, size_t n)
{
    const struct sub *s = arg;
    const struct ledger *l = &s->ledger;
    double seconds = ledger_seconds(l);
    snprintf(line, n,
             "weir sub: %" PRIu64 " messages %.1f/s running %" PRIu64
             " failed %" PRIu64,
             (uint64_t)l->out, seconds > 0 ? (double)l->out / seconds : 0,
             ledger_inside(l), (uint64_t)l->failed);
}

static int status(const void *arg)
{
    const struct sub *s = arg;
    return s->broken || s->ledger.failed > 0 || printer_failed(&s->printer)
               ? EXIT_FAILED
               : EXIT_WELL;
}

static int prepare(void *arg)
{
    struct sub *s = arg;
    const struct sub_settings *o = s->settings;
    weir_why why = {""};
    int code = topic_check(o->url);
    if (code)
        return code;
    code = weir_sub_open(&s->topic, o->url, &o->opts, &why);
    if (code)
        return topic_failed(o->url, code, &why);
    prepare_exec(s);
    return 0;
}

static void release(void *arg)
{
    struct sub *s = arg;
    weir_sub_free(s->topic);
}

static void kill_children(void *arg)
{
    (void)arg;
    child_kill_all();
}

int sub_main(int argc, char **argv)
{
    struct sub_settings o;
    struct sub s = {.settings = &o};
    struct ledger *ledgers[] = {&s.ledger};
    report_name("weir sub");
    sub_parse(argc, argv, &o);
    o.opts.max_in_flight = o.command ? o.jobs : BATCH;
    ledger_init(&s.ledger, "sub", "records");
    return tool_run(&(struct tool_run){.settings = &o.run,
                                       .ledgers = ledgers,
                                       .count = 1,
                                       .stop = &s.stop,
                                       .arg = &s,
                                       .prepare = prepare,
                                       .work = work,
                                       .release = release,
                                       .status = status,
                                       .show = show,
                                       .at_once = kill_children});
}
