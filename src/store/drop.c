/* SPDX-License-Identifier: MIT */
/*
 * Telling of what was dropped. Whoever drops counts under the path's lock,
 * keeps the message, and tells of it when it has no lock any more. The calls
 * of on_drop are on a list, so that a write from within one is known and no
 * path calls itself for ever.
 */
#include "store/path.h"

enum { VICTIMS = sizeof(((struct wr_victims *)0)->list) / sizeof(void *) };

bool wr_drop_inside(struct wr_path *p)
{
    if (!p->opts.on_drop)
        return false;
    weir_mutex_lock(&p->lock, NULL);
    const bool inside = wr_inside_has_me(p->reporting);
    weir_mutex_unlock(&p->lock);
    return inside;
}

void wr_drop_tell(struct wr_path *p, const struct wr_message *m,
                  enum weir_drop reason)
{
    struct wr_inside me;
    if (!p->opts.on_drop)
        return;
    weir_mutex_lock(&p->lock, NULL);
    wr_inside_enter(&p->reporting, &me);
    weir_mutex_unlock(&p->lock);
    p->opts.on_drop(p->name, m->bytes, m->size, reason, p->opts.arg);
    weir_mutex_lock(&p->lock, NULL);
    wr_inside_leave(&p->reporting, &me);
    weir_mutex_unlock(&p->lock);
}

bool wr_victims_full(const struct wr_victims *v)
{
    return v->n == VICTIMS;
}

void wr_victims_tell(struct wr_path *p, struct wr_victims *v,
                     enum weir_drop reason)
{
    for (size_t i = 0; i < v->n; i++) {
        wr_drop_tell(p, v->list[i], reason);
        wr_message_unref(v->list[i]);
    }
    v->n = 0;
}
