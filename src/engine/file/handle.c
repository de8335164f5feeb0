/* SPDX-License-Identifier: MIT */
/* Handles: what a URL says, and the life of one. */
#include "engine/file/handle.h"

#include <stdlib.h>

/* ---- URLs ---------------------------------------------------------------- */

int wr_file_check_name(const char *what, const char *name, weir_why *why)
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

int wr_file_read_url(struct place *p, const weir_url *url, weir_why *why)
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
    return err ? err : wr_file_check_name("topic", p->topic, why);
}

/* ---- handles ------------------------------------------------------------- */

void wr_file_handle_free(struct handle *h)
{
    if (h->db)
        wr_file_db_put(h->db);
    free(h->dead);
    free(h);
}

struct handle *wr_file_handle_new(const struct place *p)
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

int wr_file_handle_open(struct handle *h, enum kind kind, const weir_url *url,
                        const char *topic, const weir_sub_opts *o,
                        weir_why *why)
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
    r->why->text[0] = 0;
    return ask(h->db, r);
}

void wr_file_handle_close(void *handle)
{
    struct handle *h = handle;
    if (!wr_file_forked() &&
        !__atomic_exchange_n(&h->closed, 1, __ATOMIC_ACQ_REL))
        wr_file_push(h->db, &h->close);
}

void wr_file_handle_end(void *handle)
{
    struct handle *h = handle;
    if (wr_file_forked())
        return; /* its thread does not live here */
    wr_file_request_init(&h->end, ASK_FREE, h);
    wr_file_ask_surely(h->db, &h->end);
    weir_ctx_fini(&h->end.done);
    wr_file_handle_free(h);
}
