/* SPDX-License-Identifier: MIT */
/* A reader: the message in hand, and where the next one comes from. */
#include <weir/select.h>

#include "base/mem.h"
#include "store/path.h"

/* ---- coming and going ---------------------------------------------------- */

int wr_reader_open(struct wr_reader **out, struct wr_path *p)
{
    struct wr_reader *r = wr_alloc(sizeof(*r));
    if (!r)
        return WEIR_ENOMEM;
    *r = (struct wr_reader){.path = p, .done = WEIR_CTX_INIT};
    int err = weir_mutex_lock(&p->lock, NULL);
    if (!err) {
        if (p->opts.persistent)
            r->position = p->log.first;
        else
            err = wr_lane_take(p, &r->lane);
        p->readers += !err;
        weir_mutex_unlock(&p->lock);
    }
    if (err) {
        wr_free(r);
        return err;
    }
    wr_path_ref(p);
    *out = r;
    return 0;
}

int wr_reader_close(void *reader)
{
    struct wr_reader *r = reader;
    struct wr_path *p = r->path;
    int err = weir_mutex_lock(&p->lock, NULL);
    if (err)
        return err;
    bool drain = false;
    if (!r->closed) {
        r->closed = true;
        p->readers--;
        drain = r->lane && wr_lane_leave(p, r->lane);
        weir_ctx_cancel(&r->done, 0);
        weir_cond_broadcast(&p->news);
    }
    weir_mutex_unlock(&p->lock);
    if (drain)
        wr_lane_drain(p, r->lane);
    return 0;
}

void wr_reader_free(void *reader)
{
    struct wr_reader *r = reader;
    wr_message_unref(r->hand.message);
    if (r->lane) {
        weir_mutex_lock(&r->path->lock, NULL);
        wr_lane_unref(r->path, r->lane);
        weir_mutex_unlock(&r->path->lock);
    }
    weir_ctx_fini(&r->done);
    wr_path_unref(r->path);
    wr_free(r);
}

/* ---- reading ------------------------------------------------------------- */

static int lane_next(struct wr_reader *r, struct wr_message **m, weir_ctx *ctx)
{
    weir_case cs[] = {WEIR_RECV(r->lane->chan, m), WEIR_DONE(&r->done)};
    int err = weir_chan_try_recv(r->lane->chan, m);
    if (err != WEIR_EMPTY)
        return err;
    const int i = weir_select_with(cs, 2, ctx, WEIR_SELECT_ORDERED);
    if (i < 0)
        return i;
    return i == 0 ? cs[0].status : WEIR_CLOSED;
}

/* With the turn: has r a message in hand? */
static int fetch(void *reader, weir_ctx *ctx)
{
    struct wr_reader *r = reader;
    if (weir_ctx_err(&r->done))
        return WEIR_CLOSED;
    if (r->hand.message)
        return 0;
    struct wr_message *m = NULL;
    int err = r->lane ? lane_next(r, &m, ctx) : wr_log_next(r, &m, ctx);
    if (!err)
        wr_hand_take(&r->hand, m);
    return err;
}

ptrdiff_t wr_reader_read(void *reader, void *buf, size_t size, weir_ctx *ctx)
{
    struct wr_reader *r = reader;
    return wr_hand_read(&r->hand, buf, size, fetch, r, ctx);
}

ptrdiff_t wr_reader_rest(const void *reader)
{
    const struct wr_reader *r = reader;
    return wr_hand_rest(&r->hand);
}
