/* SPDX-License-Identifier: MIT */
#include "intake.h"

#include <stdlib.h>
#include <unistd.h>

#include "input.h"

/* Less room in a block than this share of it is not read into. */
enum { ROOM_SHARE = 4 };

/* As read; an error is remembered and looks like the end. */
static size_t read_some(struct intake *t, char *data, size_t n)
{
    if (weir_ctx_err(t->input))
        return 0;
    ssize_t got = t->read ? t->read(t->arg, data, n, t->input)
                          : input_read_fd(STDIN_FILENO, data, n, t->input);
    if (got < 0 && got != WEIR_CANCELED && got != WEIR_TIMEDOUT)
        t->error = (int)got;
    return got > 0 ? (size_t)got : 0;
}

/* Makes sure that *b has room. False: it is over. */
static bool ensure_block(struct intake *t, struct block **b)
{
    if (*b && (*b)->size - (*b)->used > (*b)->size / ROOM_SHARE)
        return true;
    block_unref(*b);
    *b = pool_get(t->pool, t->pool->size);
    if (*b)
        return true;
    for (int i = 0; i < t->count; i++)
        queue_press(t->queues[i]);
    int code = pool_wait(t->pool, b, t->input);
    if (code == WEIR_ENOMEM)
        t->error = code;
    return code == 0;
}

static void account(struct intake *t, uint64_t units, size_t bytes)
{
    for (int i = 0; i < t->count; i++) {
        t->queues[i]->o.ledger->in += units;
        t->queues[i]->o.ledger->bytes_in += bytes;
    }
}

/* Puts until nothing is left. False: the queue will take no more. */
static bool put_all(struct intake *t, struct queue *q, struct span s,
                    int64_t now)
{
    int code = 0;
    while (s.start < s.end && !code) {
        code = queue_wait_room(q, t->work);
        if (!code)
            code = queue_put(q, &s, now);
    }
    if (code && s.start < s.end)
        q->o.ledger->left += s.units;
    if (code == WEIR_ENOMEM)
        t->error = code;
    return code == 0;
}

static bool is_kept(const struct intake *t)
{
    return t->keep && t->keep->wanted > 0;
}

/* Hands the span to every queue. False: none takes anything any more. */
static bool offer(struct intake *t, const struct span *s)
{
    int64_t now = weir_now();
    bool some = is_kept(t);
    if (t->keep)
        keep_put(t->keep, span_at(s, 0), span_length(s));
    struct span *rest = t->rests;
    for (int i = 0; i < t->count; i++) {
        rest[i] = *s;
        if (queue_put(t->queues[i], &rest[i], now) == 0)
            some = true;
    }
    for (int i = 0; i < t->count; i++)
        if (rest[i].start < rest[i].end &&
            put_all(t, t->queues[i], rest[i], now))
            some = true;
    return some && !t->error;
}

static bool all_dead(const struct intake *t)
{
    if (is_kept(t))
        return false;
    for (int i = 0; i < t->count; i++)
        if (!queue_is_dead(t->queues[i]))
            return false;
    return true;
}

/* Reads and hands over once; *open: the last byte is no mark. */
static bool read_once(struct intake *t, struct block **b, bool *open)
{
    if (!ensure_block(t, b))
        return false;
    struct block *into = *b;
    char *at = into->data + into->used;
    size_t n = read_some(t, at, into->size - into->used);
    if (n == 0)
        return false;
    struct span s = {.block = into, .start = into->used};
    s.end = into->used += n;
    s.units = span_count(t->mark, at, n);
    *open = t->mark >= 0 && at[n - 1] != (char)t->mark;
    account(t, s.units, n);
    return offer(t, &s);
}

/* open: the last record has no mark. */
static void close_all(struct intake *t, bool open)
{
    for (int i = 0; i < t->count; i++)
        queue_close(t->queues[i], open);
    if (t->keep)
        keep_close(t->keep, open);
}

void intake_cancel(struct intake *t)
{
    close_all(t, false);
}

void intake_run(struct intake *t)
{
    struct block *b = NULL;
    bool open = false;
    t->rests = calloc((size_t)t->count + 1, sizeof *t->rests);
    if (!t->rests)
        t->error = WEIR_ENOMEM;
    while (!t->error && !all_dead(t) && read_once(t, &b, &open))
        continue;
    block_unref(b);
    free(t->rests);
    if (open)
        account(t, 1, 0);
    close_all(t, open);
}
