/* SPDX-License-Identifier: MIT */
/* A subscription. */
#include "engine/file/handle.h"

int wr_file_sub_open(void **sub, const weir_url *url, const weir_sub_opts *o,
                     weir_why *why)
{
    return wr_file_handle_open(sub, url, o, why);
}

ptrdiff_t wr_file_sub_recv(void *sub, weir_delivery **d, size_t n, bool now,
                           weir_ctx *ctx)
{
    struct handle *h = sub;
    if (wr_file_forked())
        return WEIR_FORKED;
    struct request *r = wr_file_request(ASK_RECV, h, 0);
    if (!r)
        return WEIR_ENOMEM;
    r->n = n;
    r->now = now;
    const int err = wr_file_ask(h->db, r, ctx);
    if (err)
        return err;
    const ptrdiff_t result = r->result;
    for (struct delivery *got = r->got; got; got = got->next)
        *d++ = &got->face;
    wr_file_request_free(r);
    return result;
}

int wr_file_sub_settle(void *sub, weir_delivery *const *d, size_t n,
                       enum weir_settle how, int64_t delay, int *codes,
                       weir_ctx *ctx)
{
    struct handle *h = sub;
    if (wr_file_forked())
        return WEIR_FORKED;
    struct request *r =
        wr_file_request(ASK_SETTLE, h, n * sizeof(struct claim));
    if (!r)
        return WEIR_ENOMEM;
    r->claims = (struct claim *)(void *)(r + 1);
    r->n = n;
    r->how = how;
    r->delay = delay;
    for (size_t i = 0; i < n; i++)
        r->claims[i] = (struct claim){.seq = d[i]->message.seq,
                                      .deliveries = d[i]->message.deliveries};
    const int err = wr_file_ask(h->db, r, ctx);
    if (err)
        return err;
    const int result = (int)r->result;
    for (size_t i = 0; i < n && !result; i++)
        codes[i] = r->claims[i].code;
    wr_file_request_free(r);
    return result;
}

void wr_file_sub_delivery_free(void *sub, weir_delivery *face, bool give_back)
{
    struct handle *h = sub;
    struct delivery *d = (struct delivery *)(void *)face;
    if (!give_back || wr_file_forked()) {
        wr_file_delivery_free(d);
        return;
    }
    d->job.kind = GIVE_BACK;
    wr_file_push(h->db, &d->job);
}

int wr_file_sub_counts(void *sub, weir_sub_counts *out, weir_ctx *ctx)
{
    struct handle *h = sub;
    if (wr_file_forked())
        return WEIR_FORKED;
    struct request *r = wr_file_request(ASK_COUNTS, h, 0);
    if (!r)
        return WEIR_ENOMEM;
    const int err = wr_file_ask(h->db, r, ctx);
    if (err)
        return err;
    const int result = (int)r->result;
    if (!result) {
        out->waiting = r->counts.waiting;
        out->pending = r->counts.pending;
        out->dead = r->counts.dead;
        out->lost = r->counts.lost;
    }
    wr_file_request_free(r);
    return result;
}
