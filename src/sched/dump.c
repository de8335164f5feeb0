/* SPDX-License-Identifier: MIT */
/*
 * weir_dump: every task, as the stacks show them, and the new ones that wait
 * in queues. Rows are copied under the locks that keep stacks and queues in
 * place, and formatted and written after: neither a slow reader nor the
 * search for a symbol holds a worker up. Two passes, since nothing may be
 * allocated under those locks.
 */
#include <inttypes.h>
#include "base/mem.h"
#include "port/clock.h"
#include "port/symbol.h"
#include "sched/fd.h"
#include "sched/gdb_table.h"
#include "sched/state.h"

enum {
    NEW = 100, /* beside enum wr_task_state: in a queue, without a stack */
    SITES = 64,
    SLACK = 256
};

struct row {
    uint64_t id;
    const void *task, *site, *on;
    int64_t since;
    uint8_t state, reason;
    bool pinned, named;
    char name[40];
    char on_name[32];
};

struct rows {
    struct row *row;
    size_t room, seen;
};

/* ---- collecting ---------------------------------------------------------- */

/* Of a name that changes meanwhile some mixture is shown. */
static WR_NO_TSAN void copy_name(char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; i < size - 1 && from[i]; i++)
        to[i] = from[i];
    to[i] = 0;
}

static WR_NO_TSAN void add_task(struct wr_task *t, void *arg)
{
    struct rows *rows = arg;
    uint32_t state = wr_load_rlx(&t->state);
    if (state == WR_TASK_NONE || rows->seen++ >= rows->room)
        return;
    struct row *r = &rows->row[rows->seen - 1];
    uint32_t reason = wr_load_rlx(&t->reason);
    const char *name = wr_load_rlx(&t->name);
    r->state = (uint8_t)state;
    r->reason = (uint8_t)(reason < WR_REASONS ? reason : WR_ON_NOTHING);
    r->id = wr_load_rlx(&t->id);
    r->task = t;
    r->site = wr_load_rlx(&t->site);
    r->on = wr_load_rlx(&t->on);
    r->since = wr_load_rlx(&t->since);
    r->pinned = t->pinned;
    r->named = name != NULL;
    if (name)
        copy_name(r->name, sizeof(r->name), name);
    copy_name(r->on_name, sizeof(r->on_name), t->on_name);
}

static void add_new(const struct wr_spawn *s, void *arg)
{
    struct rows *rows = arg;
    if (rows->seen++ >= rows->room)
        return;
    struct row *r = &rows->row[rows->seen - 1];
    r->state = NEW;
    r->site = s->site;
}

static void collect(struct rows *rows)
{
    rows->seen = 0;
    wr_stack_each(add_task, rows);
    wr_global_each_spawn(add_new, rows);
    for (int i = 0; i < WR_WORKERS_MAX && wr_rt.workers[i]; i++)
        wr_runq_each_spawn(&wr_rt.workers[i]->runq, add_new, rows);
}

/* ---- printing ------------------------------------------------------------ */

/* Many tasks come from few places. */
struct site_name {
    const void *site;
    char text[WR_SYMBOL_MAX];
};

static const char *site_text(struct site_name *names, const void *site)
{
    struct site_name *n = &names[(uintptr_t)site / 4 % SITES];
    if (n->site != site || !site) {
        n->site = site;
        wr_symbol(site, n->text, sizeof(n->text));
    }
    return n->text;
}

static void print_wait(FILE *out, const struct row *r, int64_t now)
{
    int64_t ms = now > r->since ? (now - r->since) / WEIR_MILLISECOND : 0;
    fprintf(out, "waits on %s", wr_reason_names[r->reason]);
    if (r->on_name[0])
        fprintf(out, " \"%s\"", r->on_name);
    else if (r->reason == WR_ON_FD_READ || r->reason == WR_ON_FD_WRITE)
        fprintf(out, " %d", wr_fd_number(r->on));
    else if (r->on)
        fprintf(out, " %p", r->on);
    fprintf(out, " for %" PRId64 ".%03" PRId64 " s", ms / 1000, ms % 1000);
}

static void print_row(FILE *out, const struct row *r, int64_t now)
{
    if (r->state == NEW) {
        fprintf(out, "task not started: new");
        return;
    }
    if (r->id)
        fprintf(out, "task %" PRIu64, r->id);
    else
        fprintf(out, "task @%p", r->task);
    if (r->named)
        fprintf(out, " \"%s\": ", r->name);
    else
        fprintf(out, " unnamed: ");
    if (r->state == WR_TASK_WAITING)
        print_wait(out, r, now);
    else
        fprintf(out, "%s", r->state == WR_TASK_RUNNING ? "running" : "ready");
    if (r->pinned)
        fprintf(out, ", pinned");
}

static void print_end(FILE *out, const struct rows *rows)
{
    size_t shown = rows->seen < rows->room ? rows->seen : rows->room;
    int workers = weir_workers();
    if (shown < rows->seen)
        fprintf(out, "weir: %zu more are not shown\n", rows->seen - shown);
    fprintf(out, "weir: %zu task%s, %d worker%s, %u idle\n", rows->seen,
            rows->seen == 1 ? "" : "s", workers, workers == 1 ? "" : "s",
            wr_load_rlx(&wr_rt.idle));
}

static void print_rows(FILE *out, const struct rows *rows,
                       struct site_name *names)
{
    int64_t now = wr_clock();
    for (size_t i = 0; i < rows->seen && i < rows->room; i++) {
        print_row(out, &rows->row[i], now);
        fprintf(out, ", spawned at %s\n", site_text(names, rows->row[i].site));
    }
    print_end(out, rows);
}

static void dump(FILE *out)
{
    struct rows rows = {0};
    collect(&rows);
    size_t room = rows.seen + rows.seen / 8 + SLACK;
    size_t names = SITES * sizeof(struct site_name);
    char *memory = wr_alloc(names + room * sizeof(struct row));
    if (!memory) {
        fprintf(out, "weir: no memory to show %zu tasks\n", rows.seen);
        return;
    }
    rows = (struct rows){(struct row *)(void *)(memory + names), room, 0};
    collect(&rows);
    print_rows(out, &rows, (struct site_name *)(void *)memory);
    wr_free(memory);
}

void weir_dump(FILE *out)
{
    if (!out)
        return;
    if (wr_forked())
        fprintf(out, "weir: a fork's child has no tasks\n");
    else
        dump(out);
    fflush(out);
}
