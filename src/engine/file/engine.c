/* SPDX-License-Identifier: MIT */
/* The table of the engine: each call is a request to the thread of its
 * database. What a URL says is checked before a file is touched. */
#include "engine/file/file.h"

#include <errno.h>
#include <stdlib.h>

/* ---- URLs ---------------------------------------------------------------- */

/* What the URL says. */
struct place {
    const char *topic;
    enum sync sync;
    int64_t busy;
    weir_limits limits;
};

static int check_name(const char *what, const char *name, weir_why *why)
{
    const size_t size = strlen(name);
    if (size < 1 || size > NAME_LIMIT)
        return weir_why_set(why, WEIR_EINVAL,
                            "file: %s has %zu bytes, it may be 1..255", what,
                            size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 127)
            return weir_why_set(why, WEIR_EINVAL,
                                "file: %s has a control character (byte %zu)",
                                what, i + 1);
    return 0;
}

static int read_url(struct place *p, const weir_url *url, weir_why *why)
{
    static const char *const known[] = {"topic", "sync", "busy"};
    static const char *const syncs[] = {"off", "normal", "full"};
    int sync = SYNC_FULL;
    *p = (struct place){
        .topic = weir_url_get(url, "topic"),
        .busy = 10 * WEIR_SECOND,
        .limits = {.dedup = 2 * WEIR_MINUTE},
    };
    if (wr_file_forked())
        return weir_why_set(why, WEIR_FORKED, "file: %s",
                            weir_strerror(WEIR_FORKED));
    int err = weir_url_check(url, known, 3, why);
    if (!err)
        err = weir_url_word(url, "sync", syncs, 3, &sync, why);
    if (!err)
        err = weir_url_duration(url, "busy", &p->busy, why);
    if (!err)
        err = weir_url_limits(url, &p->limits, why);
    if (!p->topic)
        p->topic = "events";
    p->sync = (enum sync)sync;
    return err ? err : check_name("topic", p->topic, why);
}

/* ---- handles ------------------------------------------------------------- */

static void handle_free(struct handle *h)
{
    if (h->db)
        wr_file_db_put(h->db);
    free(h->dead);
    free(h);
}

static struct handle *handle_new(const struct place *p)
{
    struct handle *h = wr_file_alloc(sizeof(*h));
    if (!h)
        return NULL;
    h->sync = p->sync;
    h->busy = p->busy;
    h->limits = p->limits;
    h->close.kind = CLOSE;
    return h;
}

/* Asks without a context, for the answer's code. */
static int ask(struct db *db, struct request *r)
{
    wr_file_ask_surely(db, r);
    const int result = (int)r->result;
    wr_file_request_free(r);
    return result;
}

static int open_handle(struct handle *h, enum kind kind, const weir_url *url,
                       const char *topic, const weir_sub_opts *o, weir_why *why)
{
    weir_why own = {{0}};
    const int err = wr_file_db_get(&h->db, url->rest, true, why);
    if (err)
        return err;
    struct request *r = wr_file_request(kind, h, 0);
    if (!r)
        return WEIR_ENOMEM;
    r->topic = topic;
    r->opts = o;
    r->why = why ? why : &own;
    return ask(h->db, r);
}

static void close_handle(struct handle *h)
{
    if (!wr_file_forked() &&
        !__atomic_exchange_n(&h->closed, 1, __ATOMIC_ACQ_REL))
        wr_file_push(h->db, &h->close);
}

static void end_handle(struct handle *h)
{
    if (wr_file_forked())
        return; /* its thread does not live here */
    wr_file_request_init(&h->end, ASK_FREE, h);
    wr_file_ask_surely(h->db, &h->end);
    weir_ctx_fini(&h->end.done);
    handle_free(h);
}

/* ---- publishers ---------------------------------------------------------- */

static int pub_open(void **pub, const weir_url *url, weir_why *why)
{
    struct place p;
    int err = read_url(&p, url, why);
    if (err)
        return err;
    struct handle *h = handle_new(&p);
    if (!h)
        return WEIR_ENOMEM;
    err = open_handle(h, ASK_PUB_OPEN, url, p.topic, NULL, why);
    if (err)
        handle_free(h);
    else
        *pub = h;
    return err;
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

static ptrdiff_t publish(void *pub, weir_post *posts, size_t n, weir_ctx *ctx)
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
        if (wr_file_abandon(h->db, r))
            return stored ? (ptrdiff_t)stored : err;
    }
    const ptrdiff_t result = r->result;
    report(posts, r, result > 0 ? (size_t)result : 0);
    wr_file_request_free(r);
    return result;
}

static void pub_close(void *pub)
{
    close_handle(pub);
}

static void pub_free(void *pub)
{
    end_handle(pub);
}

/* ---- subscriptions ------------------------------------------------------- */

static int set_options(struct handle *h, const struct place *p,
                       const weir_sub_opts *o, weir_why *why)
{
    static const char suffix[] = ".dead";
    const size_t size = strlen(p->topic) + sizeof(suffix);
    h->ack_wait = o->ack_wait;
    h->max_deliveries = o->max_deliveries;
    h->dead =
        o->dead_letter ? wr_file_copy(o->dead_letter) : wr_file_alloc(size);
    if (!h->dead)
        return WEIR_ENOMEM;
    if (!o->dead_letter)
        stpcpy(stpcpy(h->dead, p->topic), suffix);
    return check_name("dead_letter", h->dead, why);
}

static int sub_open(void **sub, const weir_url *url, const weir_sub_opts *o,
                    weir_why *why)
{
    struct place p;
    int err = read_url(&p, url, why);
    if (err)
        return err;
    struct handle *h = handle_new(&p);
    if (!h)
        return WEIR_ENOMEM;
    err = set_options(h, &p, o, why);
    if (!err)
        err = open_handle(h, ASK_SUB_OPEN, url, p.topic, o, why);
    if (err)
        handle_free(h);
    else
        *sub = h;
    return err;
}

static ptrdiff_t recv(void *sub, weir_delivery **d, size_t n, bool now,
                      weir_ctx *ctx)
{
    struct handle *h = sub;
    if (wr_file_forked())
        return WEIR_FORKED;
    struct request *r = wr_file_request(ASK_RECV, h, 0);
    if (!r)
        return WEIR_ENOMEM;
    r->n = n;
    r->now = now;
    const int err = wr_file_ask(h->db, r, ctx);
    if (err)
        return err;
    const ptrdiff_t result = r->result;
    for (struct delivery *got = r->got; got; got = got->next)
        *d++ = &got->face;
    wr_file_request_free(r);
    return result;
}

static struct delivery *delivery_of(weir_delivery *d)
{
    return (struct delivery *)(void *)d;
}

static int settle(void *sub, weir_delivery *const *d, size_t n,
                  enum weir_settle how, int64_t delay, int *codes,
                  weir_ctx *ctx)
{
    struct handle *h = sub;
    if (wr_file_forked())
        return WEIR_FORKED;
    struct request *r =
        wr_file_request(ASK_SETTLE, h, n * sizeof(struct claim));
    if (!r)
        return WEIR_ENOMEM;
    r->claims = (struct claim *)(void *)(r + 1);
    r->n = n;
    r->how = how;
    r->delay = delay;
    for (size_t i = 0; i < n; i++)
        r->claims[i] = (struct claim){.seq = d[i]->message.seq,
                                      .deliveries = d[i]->message.deliveries};
    const int err = wr_file_ask(h->db, r, ctx);
    if (err)
        return err;
    const int result = (int)r->result;
    for (size_t i = 0; i < n && !result; i++)
        codes[i] = r->claims[i].code;
    wr_file_request_free(r);
    return result;
}

static void delivery_free(void *sub, weir_delivery *face, bool give_back)
{
    struct handle *h = sub;
    struct delivery *d = delivery_of(face);
    if (!give_back || wr_file_forked()) {
        wr_file_delivery_free(d);
        return;
    }
    d->job.kind = GIVE_BACK;
    wr_file_push(h->db, &d->job);
}

static void sub_close(void *sub)
{
    close_handle(sub);
}

static void sub_free(void *sub)
{
    end_handle(sub);
}

static int sub_counts(void *sub, weir_sub_counts *out, weir_ctx *ctx)
{
    struct handle *h = sub;
    if (wr_file_forked())
        return WEIR_FORKED;
    struct request *r = wr_file_request(ASK_COUNTS, h, 0);
    if (!r)
        return WEIR_ENOMEM;
    const int err = wr_file_ask(h->db, r, ctx);
    if (err)
        return err;
    const int result = (int)r->result;
    if (!result) {
        out->waiting = r->counts.waiting;
        out->pending = r->counts.pending;
        out->dead = r->counts.dead;
        out->lost = r->counts.lost;
    }
    wr_file_request_free(r);
    return result;
}

/* ---- topics -------------------------------------------------------------- */

static int about_topic(enum kind kind, const weir_url *url, const char *group,
                       weir_topic_counts *out, weir_why *why)
{
    struct place p;
    struct db *db;
    weir_why own = {{0}};
    int err = read_url(&p, url, why);
    if (!err)
        err = wr_file_db_get(&db, url->rest, false, why);
    if (err)
        return err;
    struct request *r = wr_file_request(kind, NULL, 0);
    if (r) {
        r->topic = p.topic;
        r->group = group;
        r->sync = p.sync;
        r->busy = p.busy;
        r->why = why ? why : &own;
        wr_file_ask_surely(db, r);
        err = (int)r->result;
        if (!err && out)
            *out = r->topic_counts;
        wr_file_request_free(r);
    }
    wr_file_db_put(db);
    return r ? err : WEIR_ENOMEM;
}

static int topic_counts(const weir_url *url, weir_topic_counts *out,
                        weir_why *why)
{
    return about_topic(ASK_TOPIC_COUNTS, url, NULL, out, why);
}

static int topic_remove(const weir_url *url, weir_why *why)
{
    return about_topic(ASK_TOPIC_REMOVE, url, NULL, NULL, why);
}

static int group_remove(const weir_url *url, const char *group, weir_why *why)
{
    return about_topic(ASK_GROUP_REMOVE, url, group, NULL, why);
}

/* ---- the table ----------------------------------------------------------- */

const weir_engine *weir_file_engine(void)
{
    static const weir_engine engine = {
        .size = sizeof(engine),
        .caps = {.engine = "file",
                 .durable = true,
                 .shared = true,
                 .dedup = true,
                 .delay = true,
                 .in_progress = true,
                 .dead_letter = true,
                 .key_order = true,
                 .from_seq = true,
                 .from_time = true,
                 .block = true,
                 .headers = true,
                 .max_message = UINT64_C(512) << 20},
        .pub_open = pub_open,
        .publish = publish,
        .pub_close = pub_close,
        .pub_free = pub_free,
        .sub_open = sub_open,
        .recv = recv,
        .settle = settle,
        .delivery_free = delivery_free,
        .sub_close = sub_close,
        .sub_free = sub_free,
        .sub_counts = sub_counts,
        .topic_counts = topic_counts,
        .topic_remove = topic_remove,
        .group_remove = group_remove,
    };
    return &engine;
}
