/* SPDX-License-Identifier: MIT */
/*
 * One call on a descriptor by one party: tried without blocking, repeated
 * after each wait, and given to the blocking pool where the file has no way
 * not to block.
 */
#ifndef WR_SCHED_IO_H
#define WR_SCHED_IO_H

#include "port/io.h"
#include "sched/fd.h"

enum { WR_IO_LATER = -6002 }; /* no errno */

struct wr_io {
    int fd;
    int events; /* WEIR_READABLE or WEIR_WRITABLE: what it may wait for     */
    struct wr_fd *record;
    uint32_t generation; /* the record's at the beginning                   */
    bool file;           /* never worth polling                             */
    int64_t pause;       /* the last one after WR_IO_LATER, ns              */
    /* The call without blocking; -EAGAIN: wait; WR_IO_MAY_BLOCK: use plain;
     * WR_IO_LATER: no event tells when, so again after a pause. */
    ssize_t (*attempt)(struct wr_io *);
    ssize_t (*plain)(struct wr_io *);
};

/* With fd, events and the two calls filled in: the call's result, or a code
 * of wr_fd_wait. */
ssize_t wr_io_run(struct wr_io *io, weir_ctx *ctx);

/* Its first half: fills in the rest. 0, or a negative code. */
int wr_io_begin(struct wr_io *io);

/* Is it ready for what it may wait for? For an attempt whose only other way
 * is to block: WR_IO_MAY_BLOCK if so, -EAGAIN if not, or a negated errno. */
ssize_t wr_io_glance(const struct wr_io *io);

#endif
