/* SPDX-License-Identifier: MIT */
#include "intake.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"

/* As read; an error is remembered and looks like the end. */
static size_t read_some(struct intake *t, char *data, size_t n)
{
    if (weir_ctx_err(t->input))
        return 0;
    ssize_t got = input_read_fd(STDIN_FILENO, data, n, t->input);
    if (got < 0 && got != WEIR_CANCELED && got != WEIR_TIMEDOUT)
        t->error = (int)got;
    if (got <= 0)
        return 0;
    t->ledger->bytes_in += (uint64_t)got;
    return (size_t)got;
}

/* ---- block --------------------------------------------------------------- */

/* The last record may lack its mark: it counts, though not a byte comes. */
static void put_unmarked(struct intake *t, struct chunk *c)
{
    t->ledger->in++;
    c->units = 1;
    queue_put(t->queue, c);
}

static void read_blocking(struct intake *t)
{
    struct queue *q = t->queue;
    struct chunk *c = NULL;
    bool open = false; /* the last byte read is no mark                     */
    uint64_t room;
    while ((room = queue_wait_room(q, t->input)) > 0) {
        int code = c ? 0 : queue_chunk(q, &c, t->input);
        if (code)
            t->error = code == WEIR_ENOMEM ? code : 0;
        if (code)
            return;
        size_t n = read_some(t, c->data, room < c->size ? room : c->size);
        if (n == 0)
            break;
        open = q->o.mark >= 0 && c->data[n - 1] != (char)q->o.mark;
        c->end = n;
        c->units = queue_count(q, c->data, n);
        t->ledger->in += c->units;
        queue_put(q, c);
        c = NULL;
    }
    if (open && (c || queue_chunk(q, &c, NULL) == 0)) {
        put_unmarked(t, c);
        c = NULL;
    }
    if (c)
        queue_recycle(q, c);
}

/* ---- the policies that drop ---------------------------------------------- */

/* Twice the space, within the bound of the whole queue; false: no more. */
static bool grow(const struct queue *q, struct chunk *c)
{
    uint64_t size = (uint64_t)c->size * 2;
    if (size > q->o.most_bytes)
        size = q->o.most_bytes;
    if (size <= c->size)
        return false;
    char *data = realloc(c->data, (size_t)size);
    if (!data)
        return false;
    c->data = data;
    c->size = (size_t)size;
    return true;
}

/* Bytes up to and with the last mark; 0: no record ends here. */
static size_t whole_records(const struct queue *q, const struct chunk *c)
{
    if (q->o.mark < 0)
        return c->end;
    const char *mark = memrchr(c->data, q->o.mark, c->end);
    return mark ? (size_t)(mark - c->data) + 1 : 0;
}

/* Puts the first n bytes and moves what lies behind to a new chunk. */
static bool put_whole(struct intake *t, struct chunk **c, size_t n)
{
    struct queue *q = t->queue;
    struct chunk *full = *c, *next;
    size_t rest = full->end - n;
    int code = queue_chunk(q, &next, t->input);
    if (!code && rest > next->size) {
        char *data = realloc(next->data, full->size);
        if (data) {
            next->data = data;
            next->size = full->size;
        } else {
            queue_recycle(q, next);
            code = WEIR_ENOMEM;
        }
    }
    if (code) {
        t->error = code == WEIR_ENOMEM ? code : 0;
        return false;
    }
    memcpy(next->data, full->data + n, rest);
    next->end = rest;
    full->end = n;
    full->units = queue_count(q, full->data, n);
    t->ledger->in += full->units;
    t->overrun = !queue_put(q, full);
    *c = next;
    return !t->overrun;
}

/* The chunk holds the front of a record larger than the queue: skips to the
 * record's end and leaves in the chunk what comes behind it. */
static void skip_record(struct intake *t, struct chunk *c)
{
    int mark = t->queue->o.mark;
    t->ledger->in++;
    t->ledger->dropped[DROP_TOO_BIG]++;
    for (;;) {
        c->end = read_some(t, c->data, c->size);
        if (c->end == 0)
            return;
        const char *at = memchr(c->data, mark, c->end);
        if (!at)
            continue;
        size_t gone = (size_t)(at - c->data) + 1;
        c->end -= gone;
        memmove(c->data, at + 1, c->end);
        return;
    }
}

/* What has no mark at the end of the input is a record all the same. */
static void put_rest(struct intake *t, struct chunk *c)
{
    if (c->end == 0) {
        queue_recycle(t->queue, c);
        return;
    }
    c->units = t->queue->o.mark < 0 ? c->end : 1;
    t->ledger->in += c->units;
    t->overrun = !queue_put(t->queue, c) || t->overrun;
}

static void read_dropping(struct intake *t)
{
    struct queue *q = t->queue;
    struct chunk *c;
    t->error = queue_chunk(q, &c, t->input);
    if (t->error)
        return;
    for (;;) {
        if (c->end == c->size && !grow(q, c))
            skip_record(t, c);
        size_t n = read_some(t, c->data + c->end, c->size - c->end);
        c->end += n;
        size_t whole = whole_records(q, c);
        if (n == 0 || (whole > 0 && !put_whole(t, &c, whole)))
            break;
    }
    if (t->overrun)
        queue_recycle(q, c);
    else
        put_rest(t, c);
}

void intake_run(struct intake *t)
{
    if (t->queue->o.policy == FULL_BLOCK)
        read_blocking(t);
    else
        read_dropping(t);
    queue_close(t->queue);
}
