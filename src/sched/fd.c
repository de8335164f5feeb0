/* SPDX-License-Identifier: MIT */
/*
 * The records of descriptors and the waiting for them.
 *
 * A party that would block queues a node in the record, arms the poller for
 * what all the queued ones want, and parks. The event is reported once; the
 * worker that gets it wins everybody who waits for that direction, and each
 * tries its call again.
 *
 * Invariants, all under the record's lock
 *   1. While somebody is queued, the poller is armed for at least that
 *      direction, or an event that wins him is on its way to wr_fd_event.
 *   2. The poller is only touched while `started` is set.
 *   3. A queued node has the generation of the record, except between the two
 *      sweeps of weir_close.
 *   4. While pins > 0, weir_close does not close the descriptor.
 *
 * A file may go by plain close(2) and another come under its number: the
 * kernel has then forgotten the registration, arming adds it anew, and an
 * event of the old file that comes late only costs a vain try.
 */
#include "sched/fd.h"

#include <sys/epoll.h>
#include <weir/io.h>
#include "base/mem.h"
#include "port/io.h"
#include "sched/runtime.h"
#include "sched/signal.h"
#include "sync/park.h"

/* ---- the table ----------------------------------------------------------- */

enum {
    LEAF_BITS = 8,
    LEAF = 1 << LEAF_BITS,
    LEAVES = 1 << 14 /* 4,194,304 descriptors */
};

static struct wr_fd *leaves[LEAVES];

/* Between wr_fds_start and wr_fds_stop. Written outside the records' locks;
 * the sweep through them that follows makes it known to all. */
static uint32_t started;

struct wr_fd *wr_fd_find(int fd)
{
    unsigned i = (unsigned)fd >> LEAF_BITS;
    struct wr_fd *leaf = i < LEAVES ? wr_load_acq(&leaves[i]) : NULL;
    return leaf ? &leaf[fd % LEAF] : NULL;
}

struct wr_fd *wr_fd_get(int fd)
{
    struct wr_fd *r = wr_fd_find(fd);
    unsigned i = (unsigned)fd >> LEAF_BITS;
    if (r || i >= LEAVES)
        return r;
    struct wr_fd *seen = NULL, *leaf = wr_alloc_line(LEAF * sizeof(*leaf));
    if (leaf && !wr_cas(&leaves[i], &seen, leaf))
        wr_free(leaf);
    return wr_fd_find(fd);
}

/* ---- under the record's lock --------------------------------------------- */

static int arm(struct wr_fd *r, int fd)
{
    uint32_t events = (r->readers.head ? (uint32_t)EPOLLIN : 0) |
                      (r->writers.head ? (uint32_t)EPOLLOUT : 0);
    r->armed = 1;
    return wr_poller_arm(&wr_poller, fd, events, (uint64_t)fd);
}

static void win_all(struct wr_fd *r, int status, struct wr_wakes *wakes)
{
    wr_queue_pop_all(&r->readers, status, wakes);
    wr_queue_pop_all(&r->writers, status, wakes);
}

/* ---- waiting ------------------------------------------------------------- */

enum { BY_READ, BY_WRITE, BY_CTX };

struct fd_wait {
    struct wr_waiter waiter;
    struct wr_node read, write, end;
};

/* Queues the nodes and arms. If that fails, nobody is left queued: the
 * others learn why from their own calls. */
static int enlist(struct fd_wait *x, struct wr_fd *r, int fd,
                  uint32_t generation, int events)
{
    struct wr_wakes wakes = {0};
    int err = 0;
    wr_lock(&r->lock);
    if (r->generation != generation)
        err = WEIR_CLOSED;
    else if (!wr_load_rlx(&started))
        err = WEIR_STOPPED;
    if (!err) {
        if (events & WEIR_READABLE)
            wr_queue_push(&x->read);
        if (events & WEIR_WRITABLE)
            wr_queue_push(&x->write);
        err = arm(r, fd);
    }
    if (err) {
        wr_queue_remove(&x->read);
        wr_queue_remove(&x->write);
        win_all(r, 0, &wakes);
    }
    wr_unlock(&r->lock);
    wr_wake(&wakes);
    return err;
}

/* The end of a wait, under the lock, which it gives back: its error, or
 * WEIR_CLOSED, or 0: the record is pinned for the caller's call. */
static int pin_unlock(struct wr_fd *r, uint32_t generation, int err)
{
    if (!err && r->generation != generation)
        err = WEIR_CLOSED;
    if (!err)
        r->pins++;
    wr_unlock(&r->lock);
    return err;
}

/* Takes the nodes back and, if an event came, pins the record. */
static int leave(struct fd_wait *x, struct wr_fd *r, uint32_t generation,
                 uint32_t won)
{
    int err;
    wr_lock(&r->lock);
    wr_queue_remove(&x->read);
    wr_queue_remove(&x->write);
    err = won == BY_READ    ? x->read.status
          : won == BY_WRITE ? x->write.status
                            : x->end.status;
    return pin_unlock(r, generation, err);
}

static int wait_live(struct fd_wait *x, struct wr_fd *r, int fd,
                     uint32_t generation, int events)
{
    int err = enlist(x, r, fd, generation, events);
    if (err)
        return err;
    wr_outside_enter();
    uint32_t won = wr_park(
        &x->waiter, events & WEIR_READABLE ? WR_ON_FD_READ : WR_ON_FD_WRITE,
        (const void *)(intptr_t)fd);
    wr_outside_leave();
    return leave(x, r, generation, won);
}

int wr_fd_wait(struct wr_fd *r, int fd, uint32_t generation, int events,
               weir_ctx *ctx)
{
    struct fd_wait x;
    weir_ctx *live = wr_ctx_live(ctx);
    int err = wr_runtime_need();
    if (!err)
        err = wr_can_wait();
    if (err)
        return err;
    wr_waiter_init(&x.waiter);
    wr_node_init(&x.read, &x.waiter, &r->readers, &r->lock, BY_READ, NULL);
    wr_node_init(&x.write, &x.waiter, &r->writers, &r->lock, BY_WRITE, NULL);
    if (live && (err = wr_ctx_watch(live, &x.end, &x.waiter, BY_CTX)) != 0)
        return err;
    err = wait_live(&x, r, fd, generation, events);
    if (live) {
        wr_lock(x.end.lock);
        wr_queue_remove(&x.end);
        wr_unlock(x.end.lock);
    }
    return err;
}

/* Queued and unlocked: until the time is over, which ends `soon`. */
static int pause_until(struct wr_wait *w, struct wr_fd *r, int fd,
                       uint32_t generation, weir_ctx *soon, weir_ctx *ctx)
{
    int err = wr_wait_park(w, soon, WR_ON_FD_WRITE, (const void *)(intptr_t)fd);
    if (!err)
        return w->node.status;
    if (err == WEIR_TIMEDOUT)
        err = weir_ctx_err(ctx);
    return pin_unlock(r, generation, err);
}

int wr_fd_pause(struct wr_fd *r, int fd, uint32_t generation, int64_t ns,
                weir_ctx *ctx)
{
    struct wr_wait w;
    weir_ctx soon;
    int err = wr_can_wait();
    if (!err)
        err = weir_ctx_init_timeout(&soon, ctx, ns);
    if (err)
        return err;
    wr_wait_init(&w, &r->others, &r->lock, NULL);
    wr_lock(&r->lock);
    bool open = r->generation == generation;
    if (open)
        wr_queue_push(&w.node);
    wr_unlock(&r->lock);
    err = open ? pause_until(&w, r, fd, generation, &soon, ctx) : WEIR_CLOSED;
    weir_ctx_fini(&soon);
    return err;
}

void wr_fd_unpin(struct wr_fd *r)
{
    struct wr_wakes wakes = {0};
    wr_lock(&r->lock);
    if (--r->pins == 0)
        wr_queue_pop_all(&r->closers, 0, &wakes);
    wr_unlock(&r->lock);
    wr_wake(&wakes);
}

/* ---- the worker's side --------------------------------------------------- */

void wr_fd_event(uint64_t token, uint32_t events, struct wr_wakes *wakes)
{
    if (token == WR_TOKEN_SIGNALS) {
        wr_signals_event();
        return;
    }
    struct wr_fd *r = wr_fd_find((int)token);
    bool both = events & (EPOLLERR | EPOLLHUP);
    wr_lock(&r->lock);
    if (both || events & EPOLLIN)
        wr_queue_pop_all(&r->readers, 0, wakes);
    if (both || events & EPOLLOUT)
        wr_queue_pop_all(&r->writers, 0, wakes);
    if ((r->readers.head || r->writers.head) && arm(r, (int)token) != 0)
        win_all(r, 0, wakes);
    wr_unlock(&r->lock);
}

/* ---- closing ------------------------------------------------------------- */

/*
 * The first sweep: ends the waits that began before, and lets whoever had
 * begun his call but not yet his wait see a new generation. Then waits until
 * nobody has the record pinned; each pin lasts for a call that does not block.
 */
static void end_all(struct wr_fd *r, int fd)
{
    struct wr_wakes wakes = {0};
    struct wr_waiter w;
    struct wr_node n;
    wr_waiter_init(&w);
    wr_node_init(&n, &w, &r->closers, &r->lock, 0, NULL);
    bool wait = wr_can_wait() == 0;
    wr_lock(&r->lock);
    wr_store_rel(&r->generation, r->generation + 1);
    wr_store_rlx(&r->not_file, 0);
    wr_store_rlx(&r->writes, WR_WRITES_ANYHOW);
    win_all(r, WEIR_CLOSED, &wakes);
    wr_queue_pop_all(&r->others, WEIR_CLOSED, &wakes);
    if (r->armed && wr_load_rlx(&started))
        wr_poller_forget(&wr_poller, fd);
    r->armed = 0;
    wait = wait && r->pins > 0;
    if (wait)
        wr_queue_push(&n);
    wr_unlock(&r->lock);
    wr_wake(&wakes);
    if (wait) {
        wr_outside_enter();
        wr_park(&w, WR_ON_FD_WRITE, (const void *)(intptr_t)fd);
        wr_outside_leave();
        wr_node_leave(&n, 0);
    }
}

/* The second sweep: sends those away who began their call after the first,
 * so that nobody waits for a file that is gone. */
static void end_late(struct wr_fd *r)
{
    struct wr_wakes wakes = {0};
    wr_lock(&r->lock);
    win_all(r, 0, &wakes);
    wr_unlock(&r->lock);
    wr_wake(&wakes);
}

int weir_close(int fd)
{
    struct wr_fd *r = fd < 0 || wr_forked() ? NULL : wr_fd_find(fd);
    if (!r)
        return wr_io_close(fd);
    end_all(r, fd);
    int err = wr_io_close(fd);
    end_late(r);
    return err;
}

/* ---- the runtime's side -------------------------------------------------- */

static void each_record(void (*fn)(struct wr_fd *, int, struct wr_wakes *))
{
    for (int i = 0; i < LEAVES; i++) {
        struct wr_fd *leaf = wr_load_acq(&leaves[i]);
        for (int k = 0; leaf && k < LEAF; k++) {
            struct wr_wakes wakes = {0};
            wr_lock(&leaf[k].lock);
            fn(&leaf[k], i * LEAF + k, &wakes);
            wr_unlock(&leaf[k].lock);
            wr_wake(&wakes);
        }
    }
}

static void rearm(struct wr_fd *r, int fd, struct wr_wakes *wakes)
{
    r->armed = 0;
    if ((r->readers.head || r->writers.head) && arm(r, fd) != 0)
        win_all(r, 0, wakes);
}

static void end_threads(struct wr_queue *q, struct wr_wakes *wakes)
{
    for (struct wr_node *n = q->head, *next; n; n = next) {
        next = n->next;
        if (n->waiter->task)
            continue;
        wr_queue_remove(n);
        n->status = WEIR_STOPPED;
        wr_win(n->waiter, n->index, wakes);
    }
}

static void end_waits(struct wr_fd *r, int fd, struct wr_wakes *wakes)
{
    (void)fd;
    end_threads(&r->readers, wakes);
    end_threads(&r->writers, wakes);
    end_threads(&r->others, wakes);
}

void wr_fds_start(void)
{
    wr_store(&started, 1);
    each_record(rearm);
}

void wr_fds_stop(void)
{
    wr_store(&started, 0);
    each_record(end_waits);
}
