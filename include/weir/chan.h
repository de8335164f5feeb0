/* SPDX-License-Identifier: MIT */
/*
 * Channels: a queue of elements of one size between any number of senders
 * and receivers, tasks and threads alike. After Hoare's CSP as Go has it.
 *
 * Capacity 0 is a rendezvous: a send returns when a receiver has its
 * element. Waiters are served in the order of their coming. At any instant
 * sent = received + dropped + queued. A NULL handle, and an element pointer
 * that is NULL while the element size is not 0, are WEIR_EINVAL everywhere.
 */
#ifndef WEIR_CHAN_H
#define WEIR_CHAN_H

#include <string.h>
#include <weir/base.h>
#include <weir/ctx.h>
#include <weir/policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Options of a channel. All zero: a rendezvous of elements of size 0. */
typedef struct weir_chan_opts {
    size_t elem_size; /* bytes of an element; at most 16 MiB               */
    size_t capacity;  /* elements, at most 2^31; 0: rendezvous             */
    const char *name; /* for dumps and statistics; at most 63 bytes kept   */
    /* Called with each element that nobody received: what a policy dropped,
     * and what is left in the buffer when the last reference goes. An element
     * of a send that failed stays the caller's. Outside every lock. */
    void (*destroy)(void *elem);

    enum weir_policy policy; /* when it is full; WEIR_BLOCK                 */
    uint32_t sample_every;   /* WEIR_SAMPLE: N; 0: 10                       */
    uint64_t seed;           /* of its choices; 0: a random one             */
    weir_chan_hooks hooks;   /* who is told                                 */

    /* The longest wait of a send and of a receive, in ns; 0: no limit. With a
     * context the earlier one wins: WEIR_TIMEDOUT, or the context's error. */
    int64_t send_timeout, recv_timeout;

    /* A second limit, in bytes of all queued elements; 0: none. size_of is
     * called outside every lock, by the element's sender (select may ask more
     * than once), and must give the same answer each time; an element that is
     * larger than max_bytes is WEIR_LIMIT, one of 0 bytes counts against
     * capacity alone. Capacity must not be 0. */
    size_t max_bytes;
    size_t (*size_of)(const void *elem, void *hooks_arg);

    /* Watermarks in percent of capacity (or of max_bytes, if fuller): high
     * 1..100, low 0..high - 1. Both 0 with a hook: 80 and 50. */
    uint32_t high, low;

    /* Clocks: 0 none, 1 time every element, N one in N. Such a channel, and
     * one with max_bytes or watermarks, does each operation under its lock. */
    uint32_t timed_every;

    /* Declared use: one party at a time sends, or receives. Allows what
     * weir/inplace.h has; checked in debug builds (WEIR_EINVAL). Capacity must
     * not be 0; not with max_bytes, nor single_consumer with a policy that
     * drops the oldest. */
    bool single_producer, single_consumer;

    bool uncounted; /* the highest length is not kept                       */
} weir_chan_opts;

/* What goflow's constructor without a configuration makes: capacity 100,
 * WEIR_BLOCK. */
static inline weir_chan_opts weir_chan_opts_default(size_t elem_size)
{
    weir_chan_opts o;
    memset(&o, 0, sizeof(o));
    o.elem_size = elem_size;
    o.capacity = 100;
    return o;
}

/* What is wrong with the options, as a sentence that names the option and
 * says what it may be; NULL: nothing. Static. */
WEIR_API const char *weir_chan_opts_error(const weir_chan_opts *o);

/* A new channel with one reference, or NULL: out of memory, or a size or
 * capacity beyond the limits (in debug builds said on stderr). */
WEIR_API weir_chan *weir_chan_new(size_t elem_size, size_t capacity);

/* The same with options; NULL also when weir_chan_opts_error has something to
 * say. o is copied. */
WEIR_API weir_chan *weir_chan_new_with(const weir_chan_opts *o);

/* One more reference; returns c. */
WEIR_API weir_chan *weir_chan_ref(weir_chan *c);

/* One reference less; the last one frees the channel and destroys what is
 * queued. Nobody may wait on it then. NULL is allowed. */
WEIR_API void weir_chan_unref(weir_chan *c);

/*
 * Sends a copy of *elem, waiting for room (for a receiver at capacity 0) at
 * most until ctx ends; what happens when it is full is the channel's policy
 * (weir/policy.h). 0; WEIR_CLOSED (also for a sender that waits while another
 * closes: its element is not queued), WEIR_CANCELED, WEIR_TIMEDOUT, WEIR_FULL
 * (policy WEIR_ERROR), WEIR_LIMIT (larger than max_bytes), WEIR_EINVAL,
 * WEIR_FORKED, WEIR_ENOMEM.
 */
WEIR_API int weir_chan_send(weir_chan *c, const void *elem, weir_ctx *ctx);

/*
 * Receives into *elem (NULL discards it), waiting at most until ctx ends.
 * 0; WEIR_CLOSED (closed and drained; *elem is untouched), WEIR_CANCELED,
 * WEIR_TIMEDOUT, WEIR_EINVAL, WEIR_FORKED.
 */
WEIR_API int weir_chan_recv(weir_chan *c, void *elem, weir_ctx *ctx);

/* The same without waiting: WEIR_FULL, or WEIR_EMPTY, in its place. */
WEIR_API int weir_chan_try_send(weir_chan *c, const void *elem);
WEIR_API int weir_chan_try_recv(weir_chan *c, void *elem);

/*
 * Sends n elements in order, waiting for room as often as need be. The
 * number sent, n unless something ended the call early; when that number is
 * 0, the reason instead (as weir_chan_send).
 */
WEIR_API ptrdiff_t weir_chan_send_n(weir_chan *c, const void *elems, size_t n,
                                    weir_ctx *ctx);

/*
 * Receives up to n elements: waits for the first, takes what else is there.
 * The number received (1..n; 0 only for n = 0), or a code as weir_chan_recv.
 */
WEIR_API ptrdiff_t weir_chan_recv_n(weir_chan *c, void *elems, size_t n,
                                    weir_ctx *ctx);

/*
 * Receives up to max elements: waits for at least min (1..max), as
 * weir_chan_recv does, and once it has them at most linger ns for more. How
 * many: below min only when the channel was closed or ctx ended meanwhile;
 * when that number is 0 the reason instead. WEIR_EINVAL also for min outside
 * 1..max. In the statistics and for the hooks the time for more is that of a
 * select: it counts neither as blocked nor as timed out.
 */
WEIR_API ptrdiff_t weir_chan_recv_batch(weir_chan *c, void *elems, size_t min,
                                        size_t max, int64_t linger,
                                        weir_ctx *ctx);

/* The same for sending: at least min of the max elements, waiting for room,
 * and of the others those that find room within linger ns. */
WEIR_API ptrdiff_t weir_chan_send_batch(weir_chan *c, const void *elems,
                                        size_t min, size_t max, int64_t linger,
                                        weir_ctx *ctx);

/* Without waiting: how many went through, or the reason for none. */
WEIR_API ptrdiff_t weir_chan_try_send_n(weir_chan *c, const void *elems,
                                        size_t n);
WEIR_API ptrdiff_t weir_chan_try_recv_n(weir_chan *c, void *elems, size_t n);

/*
 * Closes: no send succeeds from now on, every waiter wakes, receivers drain
 * what is queued and then get WEIR_CLOSED. Idempotent. 0, WEIR_EINVAL.
 */
WEIR_API int weir_chan_close(weir_chan *c);

/* A glance, without a lock: closed? how many queued? how much room in all?
 * On NULL: true, 0, 0. */
WEIR_API bool weir_chan_is_closed(const weir_chan *c);
WEIR_API size_t weir_chan_len(const weir_chan *c);
WEIR_API size_t weir_chan_cap(const weir_chan *c);

/* The size of an element, and the name ("" without one). */
WEIR_API size_t weir_chan_elem_size(const weir_chan *c);
WEIR_API const char *weir_chan_name(const weir_chan *c);

/* The watermark `high` was reached, and since then not `low`. */
WEIR_API bool weir_chan_is_high(const weir_chan *c);

/* WEIR_BLOCK for NULL. */
WEIR_API enum weir_policy weir_chan_policy(const weir_chan *c);

/*
 * A typed channel: WEIR_CHAN(jobs, struct job) at file scope makes the type
 * `jobs` and jobs_new(capacity), jobs_new_with(options), jobs_send(c, job, ctx)
 * by value, jobs_recv(c, &job, ctx), jobs_try_send, jobs_try_recv, jobs_send_n,
 * jobs_recv_n, jobs_send_batch, jobs_recv_batch, jobs_close, jobs_is_closed,
 * jobs_len, jobs_cap, jobs_unref, jobs_base(c) for the calls above, and
 * jobs_send_case / jobs_recv_case for weir_select.
 */
#define WEIR_CHAN(name, type)                                                  \
    typedef struct name##_chan_ name;                                          \
    __attribute__((unused)) static inline weir_chan *name##_base(name *c)      \
    {                                                                          \
        return (weir_chan *)(void *)c;                                         \
    }                                                                          \
    __attribute__((unused)) static inline name *name##_new(size_t capacity)    \
    {                                                                          \
        return (name *)(void *)weir_chan_new(sizeof(type), capacity);          \
    }                                                                          \
    __attribute__((unused)) static inline name *name##_new_with(               \
        weir_chan_opts o)                                                      \
    {                                                                          \
        o.elem_size = sizeof(type);                                            \
        return (name *)(void *)weir_chan_new_with(&o);                         \
    }                                                                          \
    __attribute__((unused)) static inline int name##_send(name *c, type elem,  \
                                                          weir_ctx *ctx)       \
    {                                                                          \
        return weir_chan_send(name##_base(c), &elem, ctx);                     \
    }                                                                          \
    __attribute__((unused)) static inline int name##_recv(name *c, type *elem, \
                                                          weir_ctx *ctx)       \
    {                                                                          \
        return weir_chan_recv(name##_base(c), elem, ctx);                      \
    }                                                                          \
    __attribute__((unused)) static inline int name##_try_send(name *c,         \
                                                              type elem)       \
    {                                                                          \
        return weir_chan_try_send(name##_base(c), &elem);                      \
    }                                                                          \
    __attribute__((unused)) static inline int name##_try_recv(name *c,         \
                                                              type *elem)      \
    {                                                                          \
        return weir_chan_try_recv(name##_base(c), elem);                       \
    }                                                                          \
    __attribute__((unused)) static inline ptrdiff_t name##_send_n(             \
        name *c, type const *elems, size_t n, weir_ctx *ctx)                   \
    {                                                                          \
        return weir_chan_send_n(name##_base(c), elems, n, ctx);                \
    }                                                                          \
    __attribute__((unused)) static inline ptrdiff_t name##_recv_n(             \
        name *c, type *elems, size_t n, weir_ctx *ctx)                         \
    {                                                                          \
        return weir_chan_recv_n(name##_base(c), elems, n, ctx);                \
    }                                                                          \
    __attribute__((unused)) static inline ptrdiff_t name##_send_batch(         \
        name *c, type const *elems, size_t min, size_t max, int64_t linger,    \
        weir_ctx *ctx)                                                         \
    {                                                                          \
        return weir_chan_send_batch(name##_base(c), elems, min, max, linger,   \
                                    ctx);                                      \
    }                                                                          \
    __attribute__((unused)) static inline ptrdiff_t name##_recv_batch(         \
        name *c, type *elems, size_t min, size_t max, int64_t linger,          \
        weir_ctx *ctx)                                                         \
    {                                                                          \
        return weir_chan_recv_batch(name##_base(c), elems, min, max, linger,   \
                                    ctx);                                      \
    }                                                                          \
    __attribute__((unused)) static inline int name##_close(name *c)            \
    {                                                                          \
        return weir_chan_close(name##_base(c));                                \
    }                                                                          \
    __attribute__((unused)) static inline size_t name##_len(name *c)           \
    {                                                                          \
        return weir_chan_len(name##_base(c));                                  \
    }                                                                          \
    __attribute__((unused)) static inline size_t name##_cap(name *c)           \
    {                                                                          \
        return weir_chan_cap(name##_base(c));                                  \
    }                                                                          \
    __attribute__((unused)) static inline bool name##_is_closed(name *c)       \
    {                                                                          \
        return weir_chan_is_closed(name##_base(c));                            \
    }                                                                          \
    __attribute__((unused)) static inline void name##_unref(name *c)           \
    {                                                                          \
        weir_chan_unref(name##_base(c));                                       \
    }                                                                          \
    __attribute__((unused)) static inline struct weir_case name##_send_case(   \
        name *c, type const *elem)                                             \
    {                                                                          \
        return WEIR_SEND(name##_base(c), elem);                                \
    }                                                                          \
    __attribute__((unused)) static inline struct weir_case name##_recv_case(   \
        name *c, type *elem)                                                   \
    {                                                                          \
        return WEIR_RECV(name##_base(c), elem);                                \
    }                                                                          \
    struct name##_chan_

/* ---- the cases of weir_select (weir/select.h) --------------------------- */

enum weir_case_kind {
    WEIR_CASE_NONE_, /* switched off                                        */
    WEIR_CASE_RECV_,
    WEIR_CASE_SEND_,
    WEIR_CASE_DONE_,
    WEIR_CASE_TIMEOUT_
};

typedef struct weir_case {
    enum weir_case_kind kind;
    int status;      /* out, of the chosen case: 0 or WEIR_CLOSED; of DONE
                        WEIR_CANCELED or WEIR_TIMEDOUT; of TIMEOUT 0        */
    void *object;    /* the channel or context; NULL switches the case off  */
    void *elem;      /* received into, or sent from                         */
    int64_t timeout; /* of TIMEOUT, ns from the call                        */
} weir_case;

static inline weir_case weir_case_(enum weir_case_kind kind, void *object,
                                   const void *elem, int64_t timeout)
{
    weir_case c;
    c.kind = kind;
    c.status = 0;
    c.object = object;
    c.elem = (void *)(uintptr_t)elem;
    c.timeout = timeout;
    return c;
}

/* Receive from c into *p; send a copy of *p to c; ctx has ended; ns
 * nanoseconds are over (0: at once, which makes it one of those ready). */
#define WEIR_RECV(c, p)  weir_case_(WEIR_CASE_RECV_, (c), (p), 0)
#define WEIR_SEND(c, p)  weir_case_(WEIR_CASE_SEND_, (c), (p), 0)
#define WEIR_DONE(ctx)   weir_case_(WEIR_CASE_DONE_, (ctx), NULL, 0)
#define WEIR_TIMEOUT(ns) weir_case_(WEIR_CASE_TIMEOUT_, NULL, NULL, (ns))

#ifdef __cplusplus
}
#endif
#endif
