/* SPDX-License-Identifier: MIT */
#include "store/message.h"

#include <string.h>

#include "base/mem.h"

struct wr_message *wr_message_new(const void *data, size_t size)
{
    struct wr_message *m = wr_alloc(sizeof(*m) + size);
    if (!m)
        return NULL;
    m->size = size;
    m->refs = 1;
    if (data && size > 0)
        memcpy(m->bytes, data, size);
    return m;
}

struct wr_message *wr_message_ref(struct wr_message *m)
{
    __atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
    return m;
}

void wr_message_unref(struct wr_message *m)
{
    if (m && __atomic_fetch_sub(&m->refs, 1, __ATOMIC_ACQ_REL) == 1)
        wr_free(m);
}

void wr_hand_take(struct wr_hand *h, struct wr_message *m)
{
    h->message = m;
    h->offset = 0;
}

static ptrdiff_t read_some(struct wr_hand *h, void *buf, size_t size)
{
    const size_t rest = h->message->size - h->offset;
    const size_t n = size < rest ? size : rest;
    memcpy(buf, h->message->bytes + h->offset, n);
    h->offset += n;
    if (n == rest) {
        wr_message_unref(h->message);
        wr_hand_take(h, NULL);
    }
    return (ptrdiff_t)n;
}

ptrdiff_t wr_hand_read(struct wr_hand *h, void *buf, size_t size,
                       int (*fetch)(void *reader, weir_ctx *ctx), void *reader,
                       weir_ctx *ctx)
{
    int err = weir_mutex_lock(&h->turn, ctx);
    if (err)
        return err;
    err = fetch(reader, ctx);
    const ptrdiff_t n = err ? err : read_some(h, buf, size);
    weir_mutex_unlock(&h->turn);
    return n;
}

ptrdiff_t wr_hand_rest(const struct wr_hand *h)
{
    return h->message ? (ptrdiff_t)(h->message->size - h->offset) : 0;
}
