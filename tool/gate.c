/* SPDX-License-Identifier: MIT */
#include "gate.h"

void gate_init(struct gate *g, unsigned limit)
{
    *g = (struct gate){.limit = limit};
}

int gate_enter(struct gate *g, bool *alone, weir_ctx *ctx)
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

void gate_leave(struct gate *g)
{
    weir_mutex_lock(&g->lock, NULL);
    g->running--;
    weir_cond_signal(&g->freed);
    weir_mutex_unlock(&g->lock);
}

bool gate_leave_narrower(struct gate *g)
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

unsigned gate_running(struct gate *g)
{
    weir_mutex_lock(&g->lock, NULL);
    unsigned running = g->running;
    weir_mutex_unlock(&g->lock);
    return running;
}
