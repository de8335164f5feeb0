/* SPDX-License-Identifier: MIT */
/* weir_dump: every task, as the stacks show them. The text is collected first
 * and written after, so that a slow reader holds no lock. */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdlib.h>
#include "port/clock.h"
#include "sched/state.h"

static const char *const reasons[WR_REASONS] = {
    [WR_ON_NOTHING] = "nothing",
    [WR_ON_SEND] = "channel send",
    [WR_ON_RECV] = "channel receive",
    [WR_ON_SELECT] = "select",
    [WR_ON_CTX] = "context",
    [WR_ON_WG] = "wait group",
    [WR_ON_GROUP] = "group",
    [WR_ON_ONCE] = "once",
    [WR_ON_MUTEX] = "mutex",
    [WR_ON_RWMUTEX] = "rwmutex",
    [WR_ON_COND] = "condition",
    [WR_ON_SEM] = "semaphore",
    [WR_ON_BARRIER] = "barrier",
    [WR_ON_SLEEP] = "sleep",
    [WR_ON_TIMER] = "timer",
    [WR_ON_FD_READ] = "descriptor read",
    [WR_ON_FD_WRITE] = "descriptor write",
    [WR_ON_BLOCKING] = "blocking call",
};

struct dump {
    FILE *out;
    int64_t now;
    size_t tasks;
};

/* function+offset where the symbol is known, else module+offset. */
void wr_print_site(FILE *out, const void *site)
{
    Dl_info info;
    uintptr_t at = (uintptr_t)site;
    if (!site || !dladdr(site, &info)) {
        fprintf(out, "%p", site);
    } else if (info.dli_sname) {
        fprintf(out, "%s+0x%" PRIxPTR, info.dli_sname,
                at - (uintptr_t)info.dli_saddr);
    } else {
        fprintf(out, "%s+0x%" PRIxPTR, info.dli_fname,
                at - (uintptr_t)info.dli_fbase);
    }
}

static void print_wait(struct dump *d, struct wr_task *t)
{
    uint32_t reason = wr_load_rlx(&t->reason);
    fprintf(d->out, "waits on %s",
            reasons[reason < WR_REASONS ? reason : WR_ON_NOTHING]);
    const void *on = wr_load_rlx(&t->on);
    if (t->on_name[0])
        fprintf(d->out, " \"%.*s\"", (int)sizeof(t->on_name), t->on_name);
    else if (on)
        fprintf(d->out, " %p", on);
    int64_t ms = (d->now - wr_load_rlx(&t->since)) / WEIR_MILLISECOND;
    fprintf(d->out, " for %" PRId64 ".%03" PRId64 " s", ms / 1000, ms % 1000);
}

static void print_task(struct wr_task *t, void *arg)
{
    struct dump *d = arg;
    uint32_t state = wr_load_rlx(&t->state);
    if (state == WR_TASK_NONE)
        return;
    d->tasks++;
    const char *name = wr_load_rlx(&t->name);
    uint64_t id = wr_load_rlx(&t->id);
    fprintf(d->out, "task ");
    if (id)
        fprintf(d->out, "%" PRIu64, id);
    else
        fprintf(d->out, "@%p", (void *)t);
    fprintf(d->out, " %s%s%s: ", name ? "\"" : "", name ? name : "unnamed",
            name ? "\"" : "");
    if (state == WR_TASK_WAITING)
        print_wait(d, t);
    else
        fprintf(d->out, "%s", state == WR_TASK_RUNNING ? "running" : "ready");
    fprintf(d->out, "%s, spawned at ", t->pinned ? ", pinned" : "");
    wr_print_site(d->out, wr_load_rlx(&t->site));
    fputc('\n', d->out);
}

static void print_spawn(const struct wr_spawn *s, void *arg)
{
    struct dump *d = arg;
    d->tasks++;
    fprintf(d->out, "task not started: new, spawned at ");
    wr_print_site(d->out, s->site);
    fputc('\n', d->out);
}

static void print_all(struct dump *d)
{
    wr_stack_each(print_task, d);
    wr_global_each_spawn(print_spawn, d);
    for (int i = 0; i < WR_WORKERS_MAX && wr_rt.workers[i]; i++)
        wr_runq_each_spawn(&wr_rt.workers[i]->runq, print_spawn, d);
    fprintf(d->out, "weir: %zu task%s, %d worker%s, %u idle\n", d->tasks,
            d->tasks == 1 ? "" : "s", weir_workers(),
            weir_workers() == 1 ? "" : "s", wr_load_rlx(&wr_rt.idle));
}

void weir_dump(FILE *out)
{
    char *text = NULL;
    size_t size = 0;
    struct dump d = {open_memstream(&text, &size), wr_clock(), 0};
    if (!out || !d.out)
        return;
    print_all(&d);
    fclose(d.out);
    fwrite(text, 1, size, out);
    fflush(out);
    free(text);
}
