/* SPDX-License-Identifier: MIT */
/* A publisher. */
#include "engine/file/handle.h"

int wr_file_pub_open(void **pub, const weir_url *url, weir_why *why)
{
    return wr_file_handle_open(pub, url, NULL, why);
}

static size_t ids_size(const weir_post *posts, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += posts[i].id ? strlen(posts[i].id) + 1 : 0;
    return size;
}

static struct request *publish_request(struct handle *h, const weir_post *posts,
                                       size_t n)
{
    struct request *r = wr_file_request(
        ASK_PUBLISH, h, n * sizeof(struct item) + ids_size(posts, n));
    if (!r)
        return NULL;
    r->items = (struct item *)(void *)(r + 1);
    r->n = n;
    char *ids = (char *)(r->items + n);
    for (size_t i = 0; i < n; i++) {
        r->items[i].event = weir_event_ref(posts[i].event);
        if (!posts[i].id)
            continue;
        r->items[i].id = ids;
        ids = stpcpy(ids, posts[i].id) + 1;
    }
    return r;
}

static void report(weir_post *posts, const struct request *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        posts[i].seq = r->items[i].seq;
        posts[i].duplicate = r->items[i].duplicate;
    }
}

ptrdiff_t wr_file_pub_publish(void *pub, weir_post *posts, size_t n,
                              weir_ctx *ctx)
{
    struct handle *h = pub;
    if (wr_file_forked())
        return WEIR_FORKED;
    if (__atomic_load_n(&h->closed, __ATOMIC_ACQUIRE))
        return WEIR_CLOSED;
    struct request *r = publish_request(h, posts, n);
    if (!r)
        return WEIR_ENOMEM;
    const int err = wr_file_submit(h->db, r, ctx);
    if (err) {
        const size_t stored = __atomic_load_n(&r->stored, __ATOMIC_ACQUIRE);
        report(posts, r, stored);
        if (wr_file_abandon(r))
            return stored ? (ptrdiff_t)stored : err;
    }
    const ptrdiff_t result = r->result;
    report(posts, r, result > 0 ? (size_t)result : 0);
    wr_file_request_free(r);
    return result;
}
