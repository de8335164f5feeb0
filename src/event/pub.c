/* SPDX-License-Identifier: MIT */
/* Publishers, in front of any engine: what is asked for is checked, and a
 * close waits for the calls that are under way. */
#include <string.h>

#include "base/mem.h"
#include "base/misuse.h"
#include "event/engine.h"
#include "event/gate.h"

enum { ID_MAX = 255 };

struct weir_pub {
    weir_sink sink; /* first: the publisher is one */
    const weir_engine *engine;
    void *self;          /* the engine's                                 */
    struct wr_gate gate; /* of calls of the engine                       */
};

/* ---- as a sink ----------------------------------------------------------- */

static int write_event(weir_sink *s, weir_event *e, weir_ctx *ctx)
{
    const int err = weir_pub_publish((weir_pub *)s, e, NULL, ctx);
    return err == WEIR_DUPLICATE ? 0 : err;
}

static int close_sink(weir_sink *s, weir_ctx *ctx)
{
    return weir_pub_close((weir_pub *)s, ctx);
}

static void free_pub(weir_sink *s)
{
    weir_pub *p = (weir_pub *)s;
    p->engine->pub_free(p->self);
    wr_gate_fini(&p->gate);
    wr_free(p);
}

static const weir_sink_ops sink_ops = {write_event, close_sink, free_pub};

weir_sink *weir_pub_sink(weir_pub *p)
{
    return p ? &p->sink : NULL;
}

/* ---- from the opening to the end ----------------------------------------- */

/* That a full topic is to hold the publisher back, which a limit asks for that
 * says nothing else, is refused where the engine cannot do that. */
static int check_limits(const weir_engine *e, const weir_url *url,
                        weir_why *why)
{
    weir_limits l = {0};
    const int err = weir_url_limits(url, &l, why);
    if (err || e->caps.block || l.on_full != WEIR_BLOCK)
        return err;
    if (!l.max_messages && !l.max_bytes && !weir_url_get(url, "on_full"))
        return 0;
    return weir_why_set(why, WEIR_UNSUPPORTED,
                        "%s: cannot hold a publisher back: a limit needs "
                        "on_full=drop-oldest or on_full=error",
                        e->caps.engine);
}

int weir_pub_open(weir_pub **out, const char *text, weir_why *why)
{
    weir_url *url;
    const weir_engine *e;
    wr_why_clear(why);
    if (out)
        *out = NULL;
    if (!out)
        return WR_MISUSE("no place for the publisher");
    int err = wr_engine_of(&e, &url, text, why);
    if (err)
        return err;
    weir_pub *p = wr_alloc(sizeof(*p));
    err = p ? check_limits(e, url, why) : WEIR_ENOMEM;
    if (!err)
        err = e->pub_open(&p->self, url, why);
    wr_why_end(why, err, url);
    weir_url_free(url);
    if (err) {
        wr_free(p);
        return err;
    }
    p->engine = e;
    wr_gate_init(&p->gate);
    weir_sink_init(&p->sink, &sink_ops);
    *out = p;
    return 0;
}

static void shut(weir_pub *p)
{
    if (wr_gate_shut(&p->gate))
        p->engine->pub_close(p->self);
}

int weir_pub_close(weir_pub *p, weir_ctx *ctx)
{
    if (!p)
        return WR_MISUSE("no publisher");
    shut(p);
    return wr_gate_wait(&p->gate, ctx);
}

void weir_pub_free(weir_pub *p)
{
    if (!p)
        return;
    shut(p);
    weir_sink_unref(&p->sink);
}

const weir_caps *weir_pub_caps(const weir_pub *p)
{
    return p ? &p->engine->caps : NULL;
}

/* ---- publishing ---------------------------------------------------------- */

static bool adds(uint64_t *sum, uint64_t n)
{
    return !__builtin_add_overflow(*sum, n, sum);
}

/* Of all that an engine has to keep of it. */
static bool fits(const weir_event *e, uint64_t most)
{
    uint64_t size = strlen(e->type);
    bool ok = adds(&size, e->key_size) && adds(&size, e->size);
    for (size_t i = 0; ok && i < e->header_count; i++) {
        const weir_event_header *h = &e->headers[i];
        ok = adds(&size, strlen(h->name)) &&
             adds(&size, h->value ? strlen(h->value) : 0);
    }
    return ok && size <= most;
}

static int check(const weir_caps *caps, const weir_post *post)
{
    const weir_event *e = post->event;
    const size_t id = post->id ? strnlen(post->id, ID_MAX + 1) : 1;
    if (id == 0 || id > ID_MAX)
        return WR_MISUSE("an id that is empty, or longer than 255 bytes");
    if ((post->id && !caps->dedup) || (e && e->header_count && !caps->headers))
        return WEIR_UNSUPPORTED;
    return !e || fits(e, caps->max_message) ? 0 : WEIR_LIMIT;
}

/* How many of them may go to the engine; *err is why not all. */
static size_t check_all(const weir_caps *caps, weir_post *posts, size_t n,
                        int *err)
{
    size_t good = 0;
    *err = 0;
    while (good < n && (*err = check(caps, &posts[good])) == 0)
        good++;
    for (size_t i = 0; i < n; i++) {
        posts[i].seq = 0;
        posts[i].duplicate = false;
    }
    return good;
}

ptrdiff_t weir_pub_publish_n(weir_pub *p, weir_post *posts, size_t n,
                             weir_ctx *ctx)
{
    int err;
    if (!p || (n && !posts))
        return WR_MISUSE("no publisher, or nothing to publish");
    const size_t good = check_all(&p->engine->caps, posts, n, &err);
    if (good == 0)
        return err;
    if (!wr_gate_enter(&p->gate, 1))
        return WEIR_CLOSED;
    const ptrdiff_t done = p->engine->publish(p->self, posts, good, ctx);
    wr_gate_leave(&p->gate, 1);
    return done;
}

int weir_pub_publish(weir_pub *p, weir_event *e, const char *id, weir_ctx *ctx)
{
    weir_post post = {.event = e, .id = id};
    const ptrdiff_t done = weir_pub_publish_n(p, &post, 1, ctx);
    return done < 0 ? (int)done : post.duplicate ? WEIR_DUPLICATE : 0;
}
