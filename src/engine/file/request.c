/* SPDX-License-Identifier: MIT */
/*
 * Requests: how they reach the thread, and how the answer comes back.
 *
 * The inbox is a stack that any party pushes on; the thread takes all of it
 * and turns it round. No wake-up is lost: the thread sets `asleep` and then
 * looks at the inbox once more before it sleeps; who pushes looks at `asleep`
 * afterwards. Both orders are sequentially consistent, so one sees the other.
 */
#include "engine/file/file.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- lists --------------------------------------------------------------- */

void wr_file_jobs_add(struct jobs *list, struct job *j)
{
    j->next = NULL;
    if (list->first)
        list->last->next = j;
    else
        list->first = j;
    list->last = j;
}

void wr_file_jobs_put_first(struct jobs *list, struct job *j)
{
    j->next = list->first;
    if (!list->first)
        list->last = j;
    list->first = j;
}

struct job *wr_file_jobs_pop(struct jobs *list)
{
    struct job *j = list->first;
    if (j)
        list->first = j->next;
    return j;
}

void wr_file_jobs_move(struct jobs *to, struct jobs *from)
{
    if (!from->first)
        return;
    if (to->first)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    from->first = NULL;
}

/* ---- the inbox ----------------------------------------------------------- */

static void wake(struct db *db)
{
    const uint64_t one = 1;
    if (__atomic_exchange_n(&db->asleep, 0, __ATOMIC_SEQ_CST))
        while (write(db->wake_fd, &one, sizeof(one)) < 0)
            ; /* interrupted: there is no other reason */
}

void wr_file_push(struct db *db, struct job *j)
{
    j->next = __atomic_load_n(&db->inbox, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&db->inbox, &j->next, j, true,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
    if (__atomic_load_n(&db->asleep, __ATOMIC_SEQ_CST))
        wake(db);
}

struct jobs wr_file_take(struct db *db)
{
    struct jobs list = {0};
    struct job *j = __atomic_exchange_n(&db->inbox, NULL, __ATOMIC_SEQ_CST);
    list.last = j;
    while (j) {
        struct job *older = j->next;
        j->next = list.first;
        list.first = j;
        j = older;
    }
    return list;
}

/* ---- requests ------------------------------------------------------------ */

void wr_file_request_init(struct request *r, enum kind kind, struct handle *h)
{
    r->job.kind = kind;
    r->handle = h;
    r->asked = wr_file_clock();
    if (h) {
        r->sync = h->sync;
        r->busy = h->busy;
    }
    weir_ctx_init(&r->done, NULL);
}

struct request *wr_file_request(enum kind kind, struct handle *h, size_t extra)
{
    struct request *r = wr_file_alloc(sizeof(*r) + extra);
    if (r)
        wr_file_request_init(r, kind, h);
    return r;
}

void wr_file_request_free(struct request *r)
{
    weir_ctx_fini(&r->done);
    if (r->job.kind == ASK_PUBLISH)
        for (size_t i = 0; i < r->n; i++)
            weir_event_unref(r->items[i].event);
    free(r);
}

/* That `done` has ended is the answer: what the state says comes before. */
static void await_answer(struct request *r)
{
    while (weir_ctx_err(&r->done) == 0 &&
           weir_ctx_wait(&r->done, NULL) != WEIR_CANCELED)
        weir_yield(); /* no memory to wait with */
}

int wr_file_submit(struct db *db, struct request *r, weir_ctx *ctx)
{
    int err = weir_ctx_err(ctx);
    if (err)
        return err;
    __atomic_store_n(&r->state, PENDING, __ATOMIC_RELAXED);
    wr_file_push(db, &r->job);
    err = weir_ctx_wait(&r->done, ctx);
    return weir_ctx_err(&r->done) ? 0 : err;
}

bool wr_file_abandon(struct request *r)
{
    struct handle *h = r->handle;
    uint32_t state = PENDING;
    if (__atomic_compare_exchange_n(&r->state, &state, ABANDONED, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        wr_file_look_for(h);
        return true;
    }
    if (state == UNASKED)
        wr_file_request_free(r);
    else
        await_answer(r);
    return state == UNASKED;
}

int wr_file_ask(struct db *db, struct request *r, weir_ctx *ctx)
{
    const int err = wr_file_submit(db, r, ctx);
    return err && wr_file_abandon(r) ? err : 0;
}

void wr_file_ask_surely(struct db *db, struct request *r)
{
    if (wr_file_submit(db, r, NULL))
        await_answer(r);
}

bool wr_file_claim(struct request *r)
{
    uint32_t state = PENDING;
    return __atomic_compare_exchange_n(&r->state, &state, CLAIMED, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
           state == CLAIMED;
}

/* What was received for nobody goes back, as if it had never been. */
static void return_unseen(struct db *db, struct delivery *d)
{
    while (d) {
        struct delivery *next = d->next;
        d->unseen = true;
        d->job.kind = GIVE_BACK;
        wr_file_jobs_add(&db->todo, &d->job);
        d = next;
    }
}

void wr_file_answer(struct db *db, struct request *r)
{
    if (__atomic_exchange_n(&r->state, ANSWERED, __ATOMIC_ACQ_REL) !=
        ABANDONED) {
        weir_ctx_cancel(&r->done, 0);
        return;
    }
    return_unseen(db, r->got);
    wr_file_request_free(r);
}
