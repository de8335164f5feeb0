/* SPDX-License-Identifier: MIT */
/*
 * Handlers by type: a sorted array of them. A call keeps its handler by a
 * count, so that the array may change meanwhile; who takes a handler off
 * waits until nobody is inside it, and the last who lets go frees it.
 */
#include <weir/handlers.h>

#include <errno.h>
#include <string.h>
#include <weir/cond.h>
#include "base/inside.h"
#include "base/mem.h"
#include "base/misuse.h"

enum { SMALLEST = 8 };

/* Under the lock, but for what never changes. */
struct handler {
    weir_handler_fn *fn;
    void *arg;
    uint32_t users; /* the array, or who took it off; and each call */
    weir_handler_counts counts;
    char type[];
};

struct weir_handlers {
    weir_sink sink; /* first: they are one */

    weir_mutex lock; /* of all below */
    weir_cond left;  /* a call has returned */
    struct wr_inside *inside;
    bool closed;
    size_t n, size;
    struct handler **all;      /* in the order of their types */
    struct handler *otherwise; /* has no place in it          */
};

static int refuse(weir_event *e, weir_ctx *ctx, void *arg)
{
    (void)e, (void)ctx, (void)arg;
    return WEIR_UNSUPPORTED;
}

static int ignore(weir_event *e, weir_ctx *ctx, void *arg)
{
    (void)e, (void)ctx, (void)arg;
    return 0;
}

static struct handler *handler_new(const char *type, weir_handler_fn *fn,
                                   void *arg)
{
    const size_t size = strlen(type) + 1;
    struct handler *h = wr_alloc(sizeof(*h) + size);
    if (!h)
        return NULL;
    h->fn = fn;
    h->arg = arg;
    h->users = 1;
    memcpy(h->type, type, size);
    return h;
}

/* ---- the array; under the lock ------------------------------------------- */

static struct handler *keep(struct handler *h)
{
    h->users++;
    return h;
}

static void let_go(struct handler *h)
{
    if (--h->users == 0)
        wr_free(h);
}

/* Where the type is, or would be. */
static size_t place_of(const weir_handlers *h, const char *type)
{
    size_t low = 0, high = h->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(h->all[middle]->type, type) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct handler *find(const weir_handlers *h, const char *type)
{
    const size_t at = place_of(h, type);
    return at < h->n && strcmp(h->all[at]->type, type) == 0 ? h->all[at] : NULL;
}

static int grow(weir_handlers *h)
{
    const size_t size = h->size ? 2 * h->size : SMALLEST;
    if (h->n < h->size)
        return 0;
    struct handler **all = wr_alloc(size * sizeof(*all));
    if (!all)
        return WEIR_ENOMEM;
    if (h->n)
        memcpy(all, h->all, h->n * sizeof(*all));
    wr_free(h->all);
    h->all = all;
    h->size = size;
    return 0;
}

static int insert(weir_handlers *h, struct handler *one)
{
    const size_t at = place_of(h, one->type);
    if (h->closed)
        return WEIR_CLOSED;
    if (find(h, one->type))
        return -EEXIST;
    int err = grow(h);
    if (err)
        return err;
    memmove(&h->all[at + 1], &h->all[at], (h->n - at) * sizeof(*h->all));
    h->all[at] = one;
    h->n++;
    return 0;
}

/* Takes the type's handler off; it is the caller's. */
static struct handler *extract(weir_handlers *h, const char *type)
{
    const size_t at = place_of(h, type);
    struct handler *one = find(h, type);
    if (!one)
        return NULL;
    h->n--;
    memmove(&h->all[at], &h->all[at + 1], (h->n - at) * sizeof(*h->all));
    return one;
}

/* ---- calls --------------------------------------------------------------- */

static int begin(weir_handlers *h, const weir_event *e, struct handler **out,
                 struct wr_inside *me)
{
    int err = weir_mutex_lock(&h->lock, NULL);
    if (err)
        return err;
    if (h->closed) {
        err = WEIR_CLOSED;
    } else {
        struct handler *one = find(h, e ? e->type : "");
        *out = keep(one ? one : h->otherwise);
        wr_inside_enter(&h->inside, me);
        (*out)->counts.calls++;
        (*out)->counts.running++;
    }
    weir_mutex_unlock(&h->lock);
    return err;
}

static void end(weir_handlers *h, struct handler *one,
                const struct wr_inside *me, int code)
{
    weir_mutex_lock(&h->lock, NULL);
    wr_inside_leave(&h->inside, me);
    one->counts.running--;
    ++*(code ? &one->counts.failed : &one->counts.handled);
    weir_cond_broadcast(&h->left);
    let_go(one);
    weir_mutex_unlock(&h->lock);
}

static int handle(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    weir_handlers *h = (weir_handlers *)s;
    struct handler *one;
    struct wr_inside me;
    int code = begin(h, e, &one, &me);
    if (code)
        return code;
    code = one->fn(e, ctx, one->arg);
    end(h, one, &me, code);
    return code;
}

/* Waits for a call to return; not from within one. Under the lock. */
static int wait_for_one(weir_handlers *h, weir_ctx *ctx)
{
    return wr_inside_has_me(h->inside)
               ? WEIR_DEADLOCK
               : weir_cond_wait(&h->left, &h->lock, ctx);
}

static int close_all(weir_sink *s, weir_ctx *ctx)
{
    weir_handlers *h = (weir_handlers *)s;
    int err = weir_mutex_lock(&h->lock, NULL);
    if (err)
        return err;
    h->closed = true;
    while (h->inside && !err)
        err = wait_for_one(h, ctx);
    weir_mutex_unlock(&h->lock);
    return err;
}

static void free_all(weir_sink *s)
{
    weir_handlers *h = (weir_handlers *)s;
    for (size_t i = 0; i < h->n; i++)
        let_go(h->all[i]);
    let_go(h->otherwise);
    wr_free(h->all);
    wr_free(h);
}

static const weir_sink_ops ops = {handle, close_all, free_all};

/* ---- the face ------------------------------------------------------------ */

int weir_handlers_new(weir_handlers **out, const weir_handlers_opts *o)
{
    static const weir_handlers_opts defaults;
    if (!out)
        return WR_MISUSE("no place for it");
    *out = NULL;
    o = o ? o : &defaults;
    weir_handlers *h = wr_alloc(sizeof(*h));
    if (!h)
        return WEIR_ENOMEM;
    weir_sink_init(&h->sink, &ops);
    weir_handler_fn *const none = o->ignore ? ignore : refuse;
    h->otherwise = handler_new("", o->otherwise ? o->otherwise : none, o->arg);
    if (!h->otherwise) {
        wr_free(h);
        return WEIR_ENOMEM;
    }
    *out = h;
    return 0;
}

weir_sink *weir_handlers_sink(weir_handlers *h)
{
    return h ? &h->sink : NULL;
}

void weir_handlers_unref(weir_handlers *h)
{
    if (h)
        weir_sink_unref(&h->sink);
}

int weir_handlers_on(weir_handlers *h, const char *type, weir_handler_fn *fn,
                     void *arg)
{
    if (!h || !type || !fn)
        return WR_MISUSE("no handlers, no type, or no function");
    struct handler *one = handler_new(type, fn, arg);
    if (!one)
        return WEIR_ENOMEM;
    int err = weir_mutex_lock(&h->lock, NULL);
    if (!err) {
        err = insert(h, one);
        weir_mutex_unlock(&h->lock);
    }
    if (err)
        wr_free(one);
    return err;
}

int weir_handlers_off(weir_handlers *h, const char *type, weir_ctx *ctx)
{
    if (!h || !type)
        return WR_MISUSE("no handlers, or no type");
    int err = weir_mutex_lock(&h->lock, NULL);
    if (err)
        return err;
    struct handler *one = extract(h, type);
    while (one && one->counts.running && !err)
        err = wait_for_one(h, ctx);
    if (one)
        let_go(one);
    weir_mutex_unlock(&h->lock);
    return one ? err : WEIR_EMPTY;
}

int weir_handlers_get_counts(weir_handlers *h, const char *type,
                             weir_handler_counts *out)
{
    if (!h || !out)
        return WR_MISUSE("no handlers, or no place for the counts");
    int err = weir_mutex_lock(&h->lock, NULL);
    if (err)
        return err;
    const struct handler *one = type ? find(h, type) : h->otherwise;
    if (one)
        *out = one->counts;
    weir_mutex_unlock(&h->lock);
    return one ? 0 : WEIR_EMPTY;
}
