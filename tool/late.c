/* SPDX-License-Identifier: MIT */
#include "late.h"

static ssize_t read_kept(void *arg, char *data, size_t n, weir_ctx *ctx)
{
    struct late *l = arg;
    return weir_reader_read(l->reader, data, n, ctx);
}

static void run(void *arg)
{
    intake_run(arg);
}

static void clear(struct ledger *l)
{
    l->in = l->out = l->failed = l->left = 0;
    l->bytes_in = l->bytes_out = 0;
    for (int i = 0; i < DROP_REASONS; i++)
        l->dropped[i] = 0;
}

int late_begin(struct late *l, struct queue *q, weir_ctx *work)
{
    l->passes++;
    l->queue = q;
    l->intake = (struct intake){.queues = &l->queue,
                                .count = 1,
                                .pool = q->o.pool,
                                .mark = q->o.mark,
                                .input = &l->over,
                                .work = &l->over,
                                .read = read_kept,
                                .arg = l};
    clear(q->o.ledger);
    queue_reopen(q);
    int code = weir_stream_next_reader(l->keep->stream, &l->reader);
    if (code)
        return code;
    weir_ctx_init(&l->over, work);
    code = weir_wg_go(&l->done, run, &l->intake);
    if (code)
        late_end(l);
    return code;
}

int late_end(struct late *l)
{
    weir_ctx_cancel(&l->over, 0);
    weir_wg_wait(&l->done, NULL);
    weir_ctx_fini(&l->over);
    weir_reader_free(l->reader);
    return l->intake.error;
}

/* A record that was cut off where the keeping ended counts as read. */
void late_settle(const struct late *l, struct ledger *ledger, bool failed)
{
    const struct keep *k = l->keep;
    uint64_t rest = k->total - ledger->in;
    uint64_t unread = k->units > ledger->in ? k->units - ledger->in : 0;
    ledger->in += rest;
    *(failed ? &ledger->failed : &ledger->left) += unread;
    *(failed ? &ledger->failed : &ledger->dropped[DROP_REFUSED]) +=
        rest - unread;
}
