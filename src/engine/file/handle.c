/* SPDX-License-Identifier: MIT */
/* Handles: what a URL says, and the life of one. */
#include "engine/file/handle.h"

#include <stdlib.h>

/* ---- URLs ---------------------------------------------------------------- */

/* 0; WEIR_EINVAL, and why: it is empty, too long, or has control characters.
 * `what` says what it is the name of. */
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
    return err ? err : check_name("topic", p->topic, why);
}

/* ---- opening ------------------------------------------------------------- */

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
    h->look.kind = LOOK;
    return h;
}

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
    if (strcmp(h->dead, p->topic) == 0)
        return weir_why_set(why, WEIR_EINVAL,
                            "file: dead_letter is %s, the topic itself: it "
                            "cannot have its own dead letters",
                            p->topic);
    return check_name("dead_letter", h->dead, why);
}

/* Opens the database, and the topic there. */
static int open_in(struct handle *h, const weir_url *url, const char *topic,
                   const weir_sub_opts *o, weir_why *why)
{
    weir_why own = {{0}};
    const int err = wr_file_db_get(&h->db, url->rest, true, why);
    if (err)
        return err;
    struct request *r = wr_file_request(o ? ASK_SUB_OPEN : ASK_PUB_OPEN, h, 0);
    if (!r)
        return WEIR_ENOMEM;
    r->topic = topic;
    r->opts = o;
    r->why = why ? why : &own;
    r->why->text[0] = 0;
    wr_file_ask_surely(h->db, r);
    const int result = (int)r->result;
    wr_file_request_free(r);
    return result;
}

int wr_file_handle_open(void **handle, const weir_url *url,
                        const weir_sub_opts *o, weir_why *why)
{
    struct place p;
    int err = wr_file_read_url(&p, url, why);
    if (err)
        return err;
    struct handle *h = handle_new(&p);
    if (!h)
        return WEIR_ENOMEM;
    err = o ? set_options(h, &p, o, why) : 0;
    if (!err)
        err = open_in(h, url, p.topic, o, why);
    if (err)
        handle_free(h);
    else
        *handle = h;
    return err;
}

/* ---- the end ------------------------------------------------------------- */

void wr_file_handle_close(void *handle)
{
    struct handle *h = handle;
    if (wr_file_forked())
        return;
    __atomic_store_n(&h->closed, 1, __ATOMIC_RELEASE);
    wr_file_look_for(h);
}

void wr_file_handle_end(void *handle)
{
    struct handle *h = handle;
    if (wr_file_forked())
        return; /* its thread does not live here */
    wr_file_request_init(&h->end, ASK_FREE, h);
    wr_file_ask_surely(h->db, &h->end);
    weir_ctx_fini(&h->end.done);
    handle_free(h);
}
