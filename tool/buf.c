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
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#include "input.h"
#include "intake.h"
#include "outlet.h"
#include "progress.h"
#include "report.h"
#include "stream.h"
#include "tool.h"
#include "units.h"

/* ---- options ------------------------------------------------------------- */

enum { KEY_START_FILL = KEY_OWN, KEY_STALL };

static const struct argp_option buf_options[] = {
    {"start-fill", KEY_START_FILL, "PERCENT", 0,
     "Write nothing before the buffer is that full (default: 0)", 1},
    {"stall", KEY_STALL, "TIME", 0,
     "End when the consumer takes nothing for TIME while data waits", 8},
    {0},
};

static const struct option_form buf_forms[] = {
    {KEY_START_FILL, "a share from 0 to 100, such as 50 or 50%"},
    {KEY_STALL, "a time above 0, such as 30, 1.5s, 200ms, 5m or 1h"},
    {0, NULL},
};

static const struct option_part part_buf = {buf_options, buf_forms};

struct buf_settings {
    int mark;
    struct stream_settings stream;
    unsigned start_fill;
    int64_t stall;
    struct run_settings run;
};

static void take(const struct option_set *set, int key, const char *value,
                 void *into)
{
    struct buf_settings *s = into;
    if (stream_take(set, key, value, &s->stream) ||
        run_take(set, key, value, &s->run))
        return;
    if (key == KEY_STALL)
        s->stall = options_duration(set, key, value, 1);
    else if (key != KEY_START_FILL)
        options_fail(set,
                     "'%s' is not an option: weir buf reads standard "
                     "input and writes standard output",
                     value);
    else if (!units_percent(value, &s->start_fill))
        options_bad(set, key, value);
}

static const struct option_set buf_set = {
    .name = "weir buf",
    .parts = {&part_flow, &part_stream, &part_buf, &part_run},
    .args = "",
    .doc = "Copies standard input to standard output through a buffer, so "
           "that neither side waits for the other's pauses.\vExit status: 0 "
           "all well, 1 usage, 3 dropped or left (with --strict, and "
           "whenever --on-full error ended it), 4 reading or writing failed, "
           "124 --stall, 128 + N ended by signal N. weir-buf(1) says more.",
    .take = take,
};

/* ---- the run ------------------------------------------------------------- */

struct buf {
    const struct buf_settings *settings;
    struct queue_opts opts;
    struct ledger ledger;
    struct stop stop;
    struct pool pool;
    struct queue queue;
    struct queue *queues[1];
    struct intake intake;
    struct outlet outlet;
    enum outlet_end end;
    uint64_t input_size; /* 0: not known                                    */
    weir_wg reader, writer;
};

static void write_all(void *arg)
{
    struct buf *b = arg;
    b->end = outlet_run(&b->outlet);
    if (b->end == OUTLET_STALLED)
        report("stalled: the consumer took nothing for the time of --stall");
    else if (b->end == OUTLET_BROKEN)
        tool_say("cannot write standard output", b->outlet.error);
    if (b->end != OUTLET_WELL)
        weir_ctx_cancel(&b->stop.work, 0);
}

static void read_all(void *arg)
{
    intake_run(arg);
}

static void show(void *arg, char *line, size_t n)
{
    struct buf *b = arg;
    struct ledger *l = &b->ledger;
    char eta[48], rate[16], bytes[16], flow[80];
    double seconds = ledger_seconds(l);
    uint64_t out = l->bytes_out;
    progress_eta(eta, sizeof eta, out, b->input_size, seconds);
    units_show_size(bytes, sizeof bytes, out);
    units_show_size(rate, sizeof rate,
                    seconds > 0 ? (uint64_t)((double)out / seconds) : 0);
    ledger_show_flow(l, flow, sizeof flow);
    snprintf(line, n,
             "weir buf: %" PRIu64 " %s %sB %sB/s fill %u%% dropped %" PRIu64
             " failed %" PRIu64 "%s%s",
             (uint64_t)l->out, l->unit, bytes, rate, queue_look(&b->queue).fill,
             ledger_dropped(l), (uint64_t)l->failed, eta, flow);
}

static int work(void *arg)
{
    struct buf *b = arg;
    int code = weir_wg_go(&b->writer, write_all, b);
    if (code)
        return code;
    code = weir_wg_go(&b->reader, read_all, &b->intake);
    if (code)
        queue_close(&b->queue, false);
    weir_wg_wait(&b->reader, NULL);
    weir_wg_wait(&b->writer, NULL);
    stream_say_intake(&b->intake);
    if (b->queue.overrun)
        report("the buffer was full: ended, as --on-full error says");
    return code;
}

static int status(const void *arg)
{
    const struct buf *b = arg;
    if (b->end == OUTLET_BROKEN || b->intake.error)
        return EXIT_FAILED;
    if (b->end == OUTLET_STALLED)
        return EXIT_TIMEOUT;
    return b->queue.overrun ? EXIT_DROPPED : EXIT_WELL;
}

static int prepare(void *arg)
{
    struct buf *b = arg;
    stream_prepare_queue(&b->queue, &b->opts, &b->ledger, &b->pool);
    pool_init(&b->pool, stream_block_size(b->queues, 1));
    b->intake = (struct intake){.queues = b->queues,
                                .count = 1,
                                .pool = &b->pool,
                                .mark = b->opts.mark,
                                .input = &b->stop.input,
                                .work = &b->stop.work};
    b->outlet.queue = &b->queue;
    b->outlet.fd = STDOUT_FILENO;
    b->outlet.work = &b->stop.work;
    b->outlet.stall = b->settings->stall;
    b->input_size = input_size(STDIN_FILENO);
    stream_widen_pipe(STDIN_FILENO);
    stream_widen_pipe(STDOUT_FILENO);
    return 0;
}

static void release(void *arg)
{
    struct buf *b = arg;
    queue_fini(&b->queue);
    pool_fini(&b->pool);
}

int buf_main(int argc, char **argv)
{
    struct buf_settings s = {
        .mark = -1, .stall = WEIR_FOREVER, .run = {.grace = DEFAULT_GRACE}};
    static struct buf b;
    struct ledger *ledgers[] = {&b.ledger};
    s.stream.mark = &s.mark;
    report_name("weir buf");
    options_parse(&buf_set, argc, argv, &s);
    b.settings = &s;
    b.opts = stream_queue(&buf_set, &s.stream);
    b.opts.start_fill = s.start_fill;
    b.outlet.rate = flow_rate(&buf_set, &s.stream.flow, s.mark < 0);
    b.queues[0] = &b.queue;
    ledger_init(&b.ledger, "buf", s.mark < 0 ? "bytes" : "records");
    return tool_run(&(struct tool_run){.settings = &s.run,
                                       .ledgers = ledgers,
                                       .count = 1,
                                       .stop = &b.stop,
                                       .arg = &b,
                                       .prepare = prepare,
                                       .work = work,
                                       .release = release,
                                       .status = status,
                                       .show = show});
}
