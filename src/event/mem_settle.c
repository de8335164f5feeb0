/* SPDX-License-Identifier: MIT */
/* Settling, and giving back. */
#include <weir/time.h>

#include "base/mem.h"
#include "event/mem_topic.h"

enum { DIES = 1 }; /* a code for the time between */

/* The row of a delivery if it still is the current one of its message. One
 * whose time is over is somebody else's from here on. */
static struct wr_mem_row *current(struct wr_mem_sub *s, weir_delivery *d,
                                  int64_t now)
{
    struct wr_mem_row *r = ((struct wr_mem_delivery *)d)->row;
    if (!r || r->due > now)
        return r;
    wr_mem_row_detach(r);
    wr_mem_row_set(s->group, r, WR_MEM_WAITING, 0);
    return NULL;
}

static void give_back(struct wr_mem_sub *s, struct wr_mem_row *r, int64_t due)
{
    wr_mem_row_detach(r);
    wr_mem_row_set(s->group, r, WR_MEM_WAITING, due);
}

static bool is_dead(const struct wr_mem_sub *s, const struct wr_mem_row *r,
                    enum weir_settle how)
{
    if (how != WEIR_SETTLE_NAK)
        return how == WEIR_SETTLE_TERM;
    return s->max_deliveries && r->deliveries >= s->max_deliveries;
}

/* Those that die, first: that may fail, and then nothing has been done. */
static int bury(struct wr_mem_sub *s, weir_delivery *const *d, size_t n,
                enum weir_settle how, int64_t now, int *codes)
{
    struct wr_mem_row *r, *next, *dying = NULL;
    for (size_t i = 0; i < n; i++) {
        r = current(s, d[i], now);
        codes[i] = r && is_dead(s, r, how) ? DIES : 0;
        if (codes[i] == DIES)
            wr_mem_row_dies(s->group, r, &dying);
    }
    if (!dying)
        return 0;
    const int err =
        wr_mem_bury(s, &dying, how == WEIR_SETTLE_TERM ? "term" : "deliveries");
    for (r = dying; r; r = next) {
        next = r->dying;
        wr_mem_row_set(s->group, r, WR_MEM_IN_FLIGHT, r->due);
    }
    return err;
}

static int settle_one(struct wr_mem_sub *s, weir_delivery *d,
                      enum weir_settle how, int64_t delay, int64_t now)
{
    struct wr_mem_row *r = current(s, d, now);
    if (!r)
        return WEIR_EXPIRED;
    if (how == WEIR_SETTLE_ACK) {
        wr_mem_row_remove(s->group, r);
        wr_mem_row_free(s->topic, r);
    } else if (how == WEIR_SETTLE_NAK) {
        give_back(s, r, delay ? wr_mem_after(now, delay) : 0);
    } else {
        wr_mem_row_set(s->group, r, WR_MEM_IN_FLIGHT,
                       wr_mem_after(now, s->ack_wait));
    }
    return 0;
}

int wr_mem_settle(struct wr_mem_sub *s, weir_delivery *const *d, size_t n,
                  enum weir_settle how, int64_t delay, int *codes)
{
    int err = wr_mem_enter(s->topic);
    if (err)
        return err;
    int64_t now = weir_now();
    const bool may_die = how == WEIR_SETTLE_NAK || how == WEIR_SETTLE_TERM;
    err = may_die ? bury(s, d, n, how, now, codes) : 0;
    for (size_t i = 0; !err && i < n; i++)
        codes[i] = may_die && codes[i] == DIES
                       ? 0
                       : settle_one(s, d[i], how, delay, now);
    wr_mem_settled_some(s->topic);
    wr_mem_leave(s->topic);
    return err;
}

/* Locked. A handle goes without having been settled. */
static void abandon(struct wr_mem_sub *s, struct wr_mem_row *r)
{
    struct wr_mem_row *dying = NULL;
    if (!is_dead(s, r, WEIR_SETTLE_NAK)) {
        give_back(s, r, 0);
        return;
    }
    wr_mem_row_detach(r);
    wr_mem_row_dies(s->group, r, &dying);
    if (wr_mem_bury(s, &dying, "deliveries") && dying)
        wr_mem_row_set(s->group, r, WR_MEM_IN_FLIGHT, r->due);
    wr_mem_settled_some(s->topic);
}

void wr_mem_delivery_free(struct wr_mem_sub *s, weir_delivery *face,
                          bool give_back_)
{
    struct wr_mem_delivery *d = (struct wr_mem_delivery *)face;
    if (give_back_ && wr_mem_enter(s->topic) == 0) {
        if (d->row)
            abandon(s, d->row);
        wr_mem_leave(s->topic);
    }
    weir_event_unref(face->message.event);
    wr_mem_id_unref(d->id);
    wr_mem_delivery_put(s, d);
}
