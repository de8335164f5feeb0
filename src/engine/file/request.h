/* SPDX-License-Identifier: MIT */
/* What a party asks for, and how it gets to the thread and back. */
#ifndef WR_ENGINE_FILE_REQUEST_H
#define WR_ENGINE_FILE_REQUEST_H

#include <weir/ctx.h>
#include <weir/engine.h>

struct db;
struct handle;
struct delivery;

enum kind {
    ASK_PUB_OPEN,
    ASK_SUB_OPEN,
    ASK_PUBLISH,
    ASK_RECV,
    ASK_SETTLE,
    ASK_COUNTS,
    ASK_TOPIC_COUNTS,
    ASK_TOPIC_REMOVE,
    ASK_GROUP_REMOVE,
    ASK_FREE, /* the end of a handle                                      */
    /* These have no answer and are not requests. */
    GIVE_BACK, /* a delivery                                              */
    LOOK,      /* at those who wait by a handle                           */
    STOP       /* the thread                                              */
};

/* What reaches the thread; the first field of what it is. */
struct job {
    struct job *next;
    enum kind kind;
};

struct jobs {
    struct job *first, *last;
};

enum sync { SYNC_OFF, SYNC_NORMAL, SYNC_FULL };

/* Of a publish: one event. */
struct item {
    weir_event *event; /* a reference                                     */
    const char *id;
    uint64_t seq;
    bool duplicate;
};

/* Of a settle: one delivery. */
struct claim {
    uint64_t seq;
    uint32_t deliveries;
    int code;
};

/* CLAIMED: the caller waits for the answer whatever its context does. */
enum { UNASKED, PENDING, CLAIMED, ANSWERED, ABANDONED };

struct request {
    struct job job;
    uint32_t state; /* who takes it from PENDING, decides                   */
    weir_ctx done;  /* ends with the answer                                 */
    struct handle *handle;
    enum sync sync;
    int64_t busy;    /* as the URL has it                                   */
    int64_t give_up; /* on weir_now; 0: it has not met a lock               */
    int64_t asked;   /* wall clock                                          */
    ptrdiff_t result;
    weir_why *why; /* of the caller, who waits without a context; or NULL   */
    size_t n;
    /* publish: items [0, stored) are in the file, [stored, at) in the
     * transaction */
    struct item *items;
    size_t stored, at;
    /* recv */
    struct delivery *got;
    bool now;
    /* settle */
    enum weir_settle how;
    int64_t delay;
    struct claim *claims;
    /* open, counts, remove */
    const weir_sub_opts *opts;
    const char *topic, *group;
    weir_sub_counts counts;
    weir_topic_counts topic_counts;
};

/* ---- from the caller to the thread --------------------------------------- */

/* A request with so many bytes behind it; NULL: no memory. h may be NULL. */
struct request *wr_file_request(enum kind kind, struct handle *h, size_t extra);
void wr_file_request_init(struct request *r, enum kind kind, struct handle *h);
void wr_file_request_free(struct request *r);
/* Pushes it and waits for the answer, at most until ctx ends. 0; otherwise
 * why there is none: it was not even pushed when ctx had ended before. */
int wr_file_submit(struct db *db, struct request *r, weir_ctx *ctx);
/* After that, of one with a handle: true: r is gone; false: the answer has come
 * after all. */
bool wr_file_abandon(struct request *r);
/* Both: 0, and r is answered; otherwise r is gone. */
int wr_file_ask(struct db *db, struct request *r, weir_ctx *ctx);
/* Without a context, whatever it takes. */
void wr_file_ask_surely(struct db *db, struct request *r);

void wr_file_push(struct db *db, struct job *j);
/* The thread's: what came, in its order. */
struct jobs wr_file_take(struct db *db);
/* The thread's: what is told once is to be heard. False: it was abandoned. */
bool wr_file_claim(struct request *r);
/* The thread's: gives the answer in r->result; r is not its any more. */
void wr_file_answer(struct db *db, struct request *r);

static inline struct request *request_of(struct job *j)
{
    return (struct request *)(void *)j;
}

static inline bool is_abandoned(const struct request *r)
{
    return __atomic_load_n(&r->state, __ATOMIC_ACQUIRE) == ABANDONED;
}

void wr_file_jobs_add(struct jobs *list, struct job *j);
void wr_file_jobs_put_first(struct jobs *list, struct job *j);
struct job *wr_file_jobs_pop(struct jobs *list);
/* Moves all of `from` behind those of `to`. */
void wr_file_jobs_move(struct jobs *to, struct jobs *from);

#endif
