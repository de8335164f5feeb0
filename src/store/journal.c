/* SPDX-License-Identifier: MIT */
/* The stream of a path: opening it, adding to it, its end and its account. */
#include "store/journal.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

enum { TOGETHER = 1024 }; /* frames up to that size are written at once     */

/* ---- its life ------------------------------------------------------------ */

struct wr_journal *wr_journal_new(struct wr_journals *of, const char *name)
{
    const size_t size = strlen(name) + 1;
    struct wr_journal *j = wr_alloc(sizeof(*j) + size);
    if (!j)
        return NULL;
    j->refs = 1;
    j->of = of;
    j->named.name = memcpy(j->name, name, size);
    __atomic_fetch_add(&of->refs, 1, __ATOMIC_RELAXED);
    return j;
}

struct wr_journal *wr_journal_ref(struct wr_journal *j)
{
    __atomic_fetch_add(&j->refs, 1, __ATOMIC_RELAXED);
    return j;
}

void wr_journal_unref(struct wr_journal *j)
{
    if (__atomic_fetch_sub(&j->refs, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    weir_stream_unref(j->stream);
    wr_journals_unref(j->of);
    wr_free(j);
}

/* ---- opening ------------------------------------------------------------- */

static int64_t length_of(weir_stream *s)
{
    weir_stream_counts counts = {0};
    weir_stream_get_counts(s, &counts);
    return counts.written;
}

/* The frame at off, where the whole ones end, is torn if there is anything. */
static int look_at_end(struct wr_torn *torn, weir_reader *r, int64_t off,
                       int64_t length)
{
    unsigned char head[WR_FRAME_HEAD];
    const int64_t n = length - off;
    const size_t there = n < WR_FRAME_HEAD ? (size_t)n : WR_FRAME_HEAD;
    if (n == 0)
        return 0;
    const ptrdiff_t got = weir_reader_read_at(r, head, there, off, there, NULL);
    if (got < (ptrdiff_t)there)
        return got < 0 ? (int)got : WEIR_CORRUPT;
    return wr_torn_set(torn, head, n);
}

static int walk(struct wr_journal *j, struct wr_frames *f)
{
    size_t size;
    bool is_message;
    int err;
    while (!(err = wr_frames_look(f, &size, &is_message, NULL))) {
        wr_frames_pass(f, size);
        j->messages += is_message;
        j->bytes += is_message ? size : 0;
    }
    return err == WEIR_EMPTY ? 0 : err;
}

/* Counts what is there, and looks at how it ends. */
static int measure(struct wr_journal *j)
{
    struct wr_frames f = {.until = length_of(j->stream)};
    int err = weir_stream_next_reader(j->stream, &f.from);
    if (err)
        return err;
    j->messages = j->bytes = 0;
    err = walk(j, &f);
    if (!err)
        err = look_at_end(&j->torn, f.from, f.off, f.until);
    weir_reader_free(f.from);
    j->counted = !err || err == WEIR_CORRUPT;
    j->broken = err == WEIR_CORRUPT ? err : 0;
    return j->counted ? 0 : err;
}

/* What was cut off is gone on with, after its last whole message. */
static int resume(struct wr_journal *j, const char *name)
{
    int err = weir_stream_resume(j->of->fs, name, NULL, NULL, &j->stream);
    if (err)
        return err;
    err = measure(j);
    if (err) {
        weir_stream_unref(j->stream);
        j->stream = NULL;
    }
    return err;
}

static bool store_is_closed(struct wr_journals *c)
{
    weir_mutex_lock(&c->lock, NULL);
    const bool closed = c->closed;
    weir_mutex_unlock(&c->lock);
    return closed;
}

int wr_journal_open(struct wr_journal *j)
{
    char escaped[WR_FILE_NAME_MAX + 1];
    const char *name = j->name;
    if (j->gone)
        return WEIR_REMOVING;
    if (store_is_closed(j->of))
        return WEIR_CLOSED;
    if (j->stream)
        return 0;
    if (j->of->files) {
        wr_file_name(escaped, name);
        name = escaped;
    }
    int err = weir_stream_new(j->of->fs, name, NULL, &j->stream);
    j->counted = !err;
    if (err == -EEXIST)
        err = weir_stream_open(j->of->fs, name, &j->stream);
    if (err == WEIR_INCOMPLETE)
        err = resume(j, name);
    return err;
}

/* ---- adding -------------------------------------------------------------- */

/* All n bytes, or fewer and why. *done: how many. */
static int put(struct wr_journal *j, const void *data, size_t n, int64_t *done)
{
    while (n > 0) {
        const ptrdiff_t got = weir_stream_write(j->stream, data, n, NULL);
        if (got <= 0)
            return (int)got;
        data = (const char *)data + got;
        n -= (size_t)got;
        *done += got;
    }
    return 0;
}

/* Completes what was torn. */
static int settle(struct wr_journal *j)
{
    const void *bytes;
    size_t n;
    int err = 0;
    while (!err && (n = wr_torn_next(&j->torn, &bytes)) > 0)
        err = put(j, bytes, n, &j->torn.have);
    return err;
}

static int put_parts(struct wr_journal *j, const unsigned char *head,
                     const void *data, size_t size, const unsigned char *tail,
                     int64_t *done)
{
    int err = put(j, head, WR_FRAME_HEAD, done);
    err = err ? err : put(j, data, size, done);
    return err ? err : put(j, tail, WR_FRAME_TAIL, done);
}

static int put_frame(struct wr_journal *j, const void *data, size_t size)
{
    unsigned char together[TOGETHER], tail[WR_FRAME_TAIL];
    int64_t done = 0;
    int err;
    wr_frame_head(together, size);
    wr_frame_tail(tail, data, size, WR_FRAME_MESSAGE, j->of->files);
    if (size + WR_FRAME_REST <= TOGETHER) {
        if (size > 0)
            memcpy(together + WR_FRAME_HEAD, data, size);
        memcpy(together + WR_FRAME_HEAD + size, tail, WR_FRAME_TAIL);
        err = put(j, together, size + WR_FRAME_REST, &done);
    } else {
        err = put_parts(j, together, data, size, tail, &done);
    }
    if (err && done > 0)
        wr_torn_set(&j->torn, together, done);
    return err;
}

static bool fits(const struct wr_journal *j, size_t size)
{
    const uint64_t max = j->of->max_bytes;
    const uint64_t frame = size + WR_FRAME_REST;
    if (max == 0)
        return true;
    const uint64_t there =
        (uint64_t)(length_of(j->stream) + j->torn.whole - j->torn.have);
    return there <= max && frame <= max - there;
}

int wr_journal_append(struct wr_journal *j, const void *data, size_t size)
{
    if (wr_journal_has_ended(j))
        return WEIR_CLOSED;
    if (j->broken)
        return j->broken;
    if (j->of->max_bytes > 0 && size + WR_FRAME_REST > j->of->max_bytes)
        return WEIR_LIMIT;
    if (!fits(j, size))
        return WEIR_FULL;
    int err = settle(j);
    if (!err)
        err = put_frame(j, data, size);
    if (err)
        return err;
    j->messages++, j->bytes += size;
    j->written++, j->written_bytes += size;
    return j->of->sync == WEIR_STORE_SYNC_MESSAGE ? weir_stream_sync(j->stream)
                                                  : 0;
}

/* ---- its end ------------------------------------------------------------- */

bool wr_journal_has_ended(const struct wr_journal *j)
{
    weir_stream_counts counts;
    return weir_stream_get_counts(j->stream, &counts) || counts.closed;
}

int wr_journal_end(struct wr_journal *j)
{
    return weir_stream_close(j->stream);
}

void wr_journal_leave(struct wr_journal *j)
{
    if (j->stream)
        weir_stream_close_with(j->stream, WEIR_CLOSED);
}

int wr_journal_stats(struct wr_journal *j, weir_store_stats *out)
{
    const int err = j->counted ? 0 : measure(j);
    if (err)
        return err;
    *out = (weir_store_stats){
        .written = j->written,
        .bytes = j->written_bytes,
        .kept = j->messages,
        .kept_bytes = j->bytes,
        .writers = j->writers,
        .readers = j->readers,
        .ended = wr_journal_has_ended(j),
        .queue = {.sent = j->messages,
                  .entered = j->messages,
                  .queued = j->messages,
                  .bytes = j->bytes,
                  .max_bytes = j->of->max_bytes},
    };
    return 0;
}
