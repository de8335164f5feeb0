/* SPDX-License-Identifier: MIT */
#include "gate.h"

#include "limits.h"
#include "report.h"

void gate_init(struct gate *g, unsigned limit)
{
    *g = (struct gate){.asked = limit, .limit = limit};
}

void gate_say_fewer(struct gate *g, int code)
{
    char why[128];
    if (atomic_exchange(&g->said, true))
        return;
    limit_text(code, why, sizeof why);
    report("cannot run %u at once: %s; going on with fewer", g->asked, why);
}

/* Waits for a place. *alone: nobody else can be inside until it is left. 0, or
 * WEIR_CANCELED: ctx ended. */
static int enter(struct gate *g, bool *alone, weir_ctx *ctx)
{
    int code = 0;
    weir_mutex_lock(&g->lock, NULL);
    while (g->running >= g->limit && !code)
        code = weir_cond_wait(&g->freed, &g->lock, ctx);
    if (!code)
        g->running++;
    *alone = g->limit == 1;
    weir_mutex_unlock(&g->lock);
    return code ? WEIR_CANCELED : 0;
}

static void leave(struct gate *g)
{
    weir_mutex_lock(&g->lock, NULL);
    g->running--;
    weir_cond_signal(&g->freed);
    weir_mutex_unlock(&g->lock);
}

/* Leaves, for want of something the others inside hold, and lets no more in
 * than these. True: the limit has become smaller. */
static bool leave_narrower(struct gate *g)
{
    weir_mutex_lock(&g->lock, NULL);
    g->running--;
    unsigned limit = g->running > 0 ? g->running : 1;
    bool narrower = limit < g->limit;
    if (narrower)
        g->limit = limit;
    weir_cond_signal(&g->freed);
    weir_mutex_unlock(&g->lock);
    return narrower;
}

int gate_run(struct gate *g, struct capture *c, const char *path,
             char *const *args, int64_t timeout, weir_ctx *work)
{
    for (;;) {
        bool alone;
        if (enter(g, &alone, work))
            return WEIR_CANCELED;
        int code = capture_run(c, path, args, timeout, work);
        if (code == 0 || c->started || !limit_is(code)) {
            leave(g);
            return code;
        }
        if (leave_narrower(g))
            gate_say_fewer(g, code);
        if (alone)
            return code;
    }
}

unsigned gate_running(struct gate *g)
{
    weir_mutex_lock(&g->lock, NULL);
    unsigned running = g->running;
    weir_mutex_unlock(&g->lock);
    return running;
}
