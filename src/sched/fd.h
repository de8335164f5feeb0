/* SPDX-License-Identifier: MIT */
/*
 * Waiting for descriptors: what the calls of weir/io.h, the runtime and the
 * signals share.
 *
 * One record for each descriptor number that was ever used, in a two-level
 * table: found without a lock, made at first use, never freed. It outlives the
 * files that come and go under its number, so nothing in it is trusted
 * further than a wrong guess can do harm.
 */
#ifndef WR_SCHED_FD_H
#define WR_SCHED_FD_H

#include <weir/ctx.h>
#include "port/atomic.h"
#include "sched/wait.h"

/* How to write without blocking: only a call for sockets, which others refuse,
 * or a quiet one keeps a socket's SIGPIPE away. */
enum wr_fd_writes {
    WR_WRITES_ANYHOW, /* as a socket, and if it is none as another          */
    WR_WRITES_QUIETLY,
    WR_WRITES_ALOUD /* the quiet call was refused                           */
};

struct wr_fd {
    WR_ALIGNED uint32_t lock;
    uint32_t turn[2];    /* locks: one call that might block at a time, by
                            direction: reading, writing                     */
    uint32_t generation; /* weir_close calls so far; written under lock     */
    uint32_t not_file;   /* a guess: no regular file; relaxed               */
    uint32_t writes;     /* a guess: enum wr_fd_writes; relaxed             */
    uint32_t armed;      /* the poller may know the descriptor; under lock  */
    uint32_t pins;       /* parties between a wait and its call; under lock */
    struct wr_queue readers, writers; /* all four under the lock            */
    struct wr_queue others;           /* in a pause: no event wins these    */
    struct wr_queue closers;          /* wait until pins is 0               */
};

/* The record of a number >= 0, if there is one. */
struct wr_fd *wr_fd_find(int fd);

/* The same, made at need; NULL: out of memory, or beyond the table. */
struct wr_fd *wr_fd_get(int fd);

static inline uint32_t wr_fd_generation(const struct wr_fd *r)
{
    return wr_load_acq(&r->generation);
}

/*
 * Waits until fd may be ready for one of the events (WEIR_READABLE,
 * WEIR_WRITABLE); the caller tries its call again and may have to wait again.
 * generation is what it was when the caller's operation began.
 *
 * 0: the record is pinned. Until wr_fd_unpin, weir_close holds back, so the
 * call cannot hit another file that has got the same number; it must not
 * block. Else no pin: WEIR_CLOSED (weir_close came since then), WEIR_CANCELED,
 * WEIR_TIMEDOUT, WEIR_STOPPED, WEIR_FORKED, WEIR_ENOMEM, or a negated errno:
 * -EPERM where epoll refuses the kind.
 */
int wr_fd_wait(struct wr_fd *r, int fd, uint32_t generation, int events,
               weir_ctx *ctx);
void wr_fd_unpin(struct wr_fd *r);

/* The same where no event tells of it: waits ns nanoseconds. */
int wr_fd_pause(struct wr_fd *r, int fd, uint32_t generation, int64_t ns,
                weir_ctx *ctx);

/* In a dump, the object of WR_ON_FD_READ and WR_ON_FD_WRITE is the number. */
static inline int wr_fd_number(const void *on)
{
    return (int)(intptr_t)on;
}

/* ---- the poller's tokens ------------------------------------------------- */

/* A descriptor's token is its number; what else is watched has this bit. */
#define WR_TOKEN_SIGNALS (UINT64_C(1) << 32)

/* ---- the runtime's side -------------------------------------------------- */

/* Once the poller is open, before workers run: arms what tasks left over from
 * an earlier run wait for. */
void wr_fds_start(void);

/* Once the workers are joined, before the poller is closed: threads that wait
 * get WEIR_STOPPED, tasks stay for the next start. */
void wr_fds_stop(void);

#endif
