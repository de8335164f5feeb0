/* SPDX-License-Identifier: MIT */
/*
 * Whether a read of a reader would not wait, for those who wait for more than
 * one thing: as a channel for select, as a descriptor for poll. Both are made
 * when asked for; others pay nothing.
 *
 * A reader that is not ready is listed with those who wait for its next byte,
 * so a write tells it only when it is reached. Each move of the reader looks
 * again. Once the stream has ended, or the reader, it is ready for good.
 *
 * The channel holds a token while the reader is ready and nobody has taken it.
 * Who takes it reads, and the read puts it back if there is more.
 */
#include "stream/stream.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <weir/chan.h>
#include "base/mem.h"
#include "base/misuse.h"

struct wr_ready {
    struct wr_reach reach;
    weir_chan *chan; /* or NULL */
    int fd;          /* or -1   */
    bool polls;      /* fd is readable */
};

static bool for_good(const weir_reader *r)
{
    return r->closed || r->stream->cancelled || r->stream->ended;
}

static void set_fd(struct wr_ready *y, bool on)
{
    eventfd_t count;
    if (y->fd < 0 || y->polls == on)
        return;
    y->polls = on;
    if (on)
        eventfd_write(y->fd, 1);
    else
        eventfd_read(y->fd, &count);
}

static void set_chan(const weir_reader *r, weir_chan *c, bool on)
{
    if (!c)
        return;
    if (for_good(r))
        weir_chan_close(c);
    else if (on)
        weir_chan_try_send(c, NULL);
    else
        weir_chan_try_recv(c, NULL);
}

void wr_ready_update(weir_reader *r)
{
    struct wr_ready *y = r->ready;
    if (!y)
        return;
    const bool on = for_good(r) || r->off < r->stream->written;
    if (y->reach.listed)
        wr_reach_unlist(&y->reach);
    set_chan(r, y->chan, on);
    set_fd(y, on);
    y->reach.need = r->off + 1;
    if (!on)
        wr_reach_list(&y->reach);
}

void wr_ready_all(weir_stream *s)
{
    for (weir_reader *r = s->readers; r; r = r->next)
        wr_ready_update(r);
}

void wr_ready_free(weir_reader *r)
{
    struct wr_ready *y = r->ready;
    if (!y)
        return;
    weir_chan_unref(y->chan);
    if (y->fd >= 0)
        close(y->fd);
    wr_free(y);
}

/* ---- asking for it ------------------------------------------------------- */

/* Under the lock. */
static struct wr_ready *get(weir_reader *r)
{
    if (r->ready)
        return r->ready;
    struct wr_ready *y = wr_alloc(sizeof *y);
    if (!y)
        return NULL;
    y->reach.reader = r;
    y->reach.silent = true;
    y->fd = -1;
    return r->ready = y;
}

static int get_chan(weir_reader *r, weir_chan **out)
{
    struct wr_ready *y = get(r);
    if (y && !y->chan) {
        y->chan = weir_chan_new(0, 1);
        wr_ready_update(r);
    }
    *out = y ? y->chan : NULL;
    return *out ? 0 : WEIR_ENOMEM;
}

static int get_fd(weir_reader *r)
{
    struct wr_ready *y = get(r);
    if (!y)
        return WEIR_ENOMEM;
    if (y->fd < 0) {
        y->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (y->fd < 0)
            return -errno;
        wr_ready_update(r);
    }
    return y->fd;
}

int weir_reader_ready(weir_reader *r, weir_chan **out)
{
    if (out)
        *out = NULL;
    if (!r || !out)
        return WR_MISUSE("no reader or no place for the channel");
    int err = weir_mutex_lock(&r->stream->lock, NULL);
    if (err)
        return err;
    err = get_chan(r, out);
    weir_mutex_unlock(&r->stream->lock);
    return err;
}

int weir_reader_fd(weir_reader *r)
{
    if (!r)
        return WR_MISUSE("no reader");
    int err = weir_mutex_lock(&r->stream->lock, NULL);
    if (err)
        return err;
    const int fd = get_fd(r);
    weir_mutex_unlock(&r->stream->lock);
    return fd;
}
