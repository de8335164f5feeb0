/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <fcntl.h>

#include "tool.h"

/* More would not stay in the cache. */
enum { PIPE_WANTED = 128 * 1024, BLOCK_MOST = 256 * 1024, BLOCKS_LEAST = 4 };

void stream_prepare_queue(struct queue *q, struct queue_opts *o,
                          struct ledger *l, struct pool *pool)
{
    o->ledger = l;
    o->pool = pool;
    queue_init(q, o);
    l->look = queue_look;
    l->arg = q;
}

size_t stream_block_size(struct queue *const *queues, int count)
{
    uint64_t size = BLOCK_MOST;
    for (int i = 0; i < count; i++)
        if (queues[i]->o.most_bytes / BLOCKS_LEAST < size)
            size = queues[i]->o.most_bytes / BLOCKS_LEAST;
    return size > 0 ? (size_t)size : 1;
}

void stream_widen_pipe(int fd)
{
    int size = fcntl(fd, F_GETPIPE_SZ);
    if (size > 0 && size < PIPE_WANTED)
        fcntl(fd, F_SETPIPE_SZ, PIPE_WANTED);
}

void stream_say_intake(const struct intake *t)
{
    if (t->error)
        tool_say("cannot read standard input", t->error);
}
