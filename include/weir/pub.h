/* SPDX-License-Identifier: MIT */
/*
 * Publisher and subscriber: events through a topic that keeps them until they
 * have been dealt with. One interface for every engine; a URL says which, so
 * that a program moves from the embedded channel to a file, and on to a
 * broker, by another string.
 *
 *     mem:orders                     in this process (needs nothing)
 *     file:/var/lib/app/orders.db    in a file, durable (libweir-file: SQLite)
 *
 *   publish -> topic: 1 2 3 4 5 ... -> group "mail":  sub, sub   each message
 *                                   -> group "audit": sub        to one sub of
 *                                                                each group
 *
 * A topic is a log of messages with rising sequence numbers. A group has a
 * position in it and the messages that were delivered and not settled; its
 * subscriptions, in any process that the engine reaches, share the work.
 * Delivery is at least once: what is not settled in time, or was given back,
 * is delivered again, and its count of deliveries says so. Messages that have
 * the same key (of one byte or more) reach a group in the order they were
 * published: the next is delivered when the one before is settled.
 *
 * Nothing is lost unsaid: what no group wants or can handle goes to the dead
 * letters, and what a limit takes away before a group had it is counted.
 *
 * Any task or thread may make any call at any time, except for those that end
 * a handle. NULL for a handle is WEIR_EINVAL, except where it is said to be
 * allowed; ctx may be NULL. Every call may also return WEIR_FORKED, and one
 * that waits WEIR_ENOMEM or WEIR_STOPPED. The model is the publisher interface
 * of the Go guides with the delivery of JetStream's pull consumers.
 */
#ifndef WEIR_PUB_H
#define WEIR_PUB_H

#include <weir/ctx.h>
#include <weir/event.h>
#include <weir/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_pub weir_pub;
typedef struct weir_sub weir_sub;

/* What was wrong, in a sentence that names the thing and what would be
 * right. Caller-owned; "" after success. */
typedef struct weir_why {
    char text[512];
} weir_why;

/* What an engine can do. What it cannot is WEIR_UNSUPPORTED when it is asked
 * for, never left out in silence. Static. */
typedef struct weir_caps {
    const char *engine;   /* its scheme: "mem"                             */
    bool durable;         /* a message survives the process                */
    bool shared;          /* several processes may use one topic           */
    bool dedup;           /* an id is stored once                          */
    bool delay;           /* nak takes a delay                             */
    bool in_progress;     /* a delivery's time may be extended             */
    bool dead_letter;     /* it keeps dead letters itself                  */
    bool key_order;       /* the messages of a key come in order           */
    bool from_seq;        /* a group may begin at a sequence number        */
    bool from_time;       /* or at an instant                              */
    bool block;           /* a full topic can hold the publisher back      */
    bool headers;         /* an event's headers are kept                   */
    uint64_t max_message; /* bytes of an event, all of it                  */
} weir_caps;

/* ---- publishing ---------------------------------------------------------- */

/*
 * Opens a topic for publishing, and makes it if need be: 0 and *p, which
 * weir_pub_free ends. WEIR_EINVAL: the URL, or one of its options; -ENOENT: no
 * engine of that scheme; WEIR_UNSUPPORTED: on_full=block, said or not, and caps
 * say no; WEIR_ENOMEM; or what the engine returns: *p is NULL then, and why
 * (may be NULL) says what to do.
 *
 * Options, after a `?` and with `&` between them, that every engine has:
 *   max_messages=N      the topic keeps at most so many messages,
 *   max_bytes=SIZE      so many bytes of events (1048576, 64k, 2M, 1G),
 *   max_age=DURATION    none older than this (500ms, 10s, 5m, 12h, 7d)
 *   on_full=block | drop-oldest | error
 *                       what a publish does when one of the first two is
 *                       reached and no message that every group has settled
 *                       can go: waits; takes the oldest away from the groups
 *                       that have not settled it, which count it as lost;
 *                       fails with WEIR_FULL. block
 *   dedup=DURATION      how long a message's id is known; 2m
 * What every group has settled stays for replay as long as there is room. As
 * long as there is no group, nothing counts as settled. The limits are those
 * of the publisher's URL, and hold for what it publishes; unless it is said
 * otherwise `mem:` has max_bytes=64M and max_messages=1048576, `file:` no
 * limit. Names and values are percent-decoded.
 *
 * `mem:NAME`: a topic of this process that stays until weir_topic_remove.
 * `file:PATH`: also
 *   topic=NAME          one of several topics in the file; "events"
 *   sync=full | normal | off
 *                       when a publish or an ack returns, it survives the loss
 *                       of power; the crash of the process, and the loss of
 *                       power but for the last moments; the crash of the
 *                       process. full
 *   busy=DURATION       how long another process's lock is waited for; 10s
 */
WEIR_API int weir_pub_open(weir_pub **p, const char *url, weir_why *why);

/*
 * Publishes an event: when it returns, the engine has it as safely as the URL
 * asks for. The event is shared or copied; NULL is the empty event. id (may be
 * NULL; 1..255 bytes): a message of that id that was published before, within
 * the time of `dedup`, makes this one a duplicate, which is not stored. Waits,
 * at most until ctx ends, for room under on_full=block and for the engine; a
 * publish that ctx ended may have been stored all the same, which an id makes
 * harmless to repeat. 0: stored; WEIR_DUPLICATE (1): it was there. WEIR_CLOSED
 * (the publisher, or the topic was removed; also while it waits), WEIR_FULL,
 * WEIR_CANCELED, WEIR_TIMEDOUT, WEIR_LIMIT (larger than max_message or than
 * max_bytes), WEIR_UNSUPPORTED (an id, or headers, and caps say no),
 * WEIR_EINVAL, WEIR_ENOMEM, or what the engine returns.
 */
WEIR_API int weir_pub_publish(weir_pub *p, weir_event *e, const char *id,
                              weir_ctx *ctx);

#define WEIR_DUPLICATE 1

/* One event of many, and what became of it. */
typedef struct weir_post {
    weir_event *event;
    const char *id; /* as above                                             */
    uint64_t seq;   /* out: its number in the topic; of a duplicate that of
                       the first one, or 0 where it is not known            */
    bool duplicate; /* out                                                  */
} weir_post;

/*
 * Publishes n events in their order, as one batch where the engine can: many
 * times cheaper than one by one where storing means waiting for a disk. How
 * many, from the first on, were stored or duplicates; when that is 0 and n is
 * not, why: as weir_pub_publish.
 */
WEIR_API ptrdiff_t weir_pub_publish_n(weir_pub *p, weir_post *posts, size_t n,
                                      weir_ctx *ctx);

/* The publisher as a sink: a write publishes without an id, a close is
 * weir_pub_close. Not a reference of its own, but one may be taken: the
 * publisher then lives until it is given back. NULL for NULL. */
WEIR_API weir_sink *weir_pub_sink(weir_pub *p);

/* Publishes no more, ends the publishes that wait for room, and waits for
 * those that the engine has, at most until ctx ends. 0, also when it was
 * closed before; WEIR_CANCELED, WEIR_TIMEDOUT. */
WEIR_API int weir_pub_close(weir_pub *p, weir_ctx *ctx);

/* Closes and frees it. No other call is under way. NULL is allowed. */
WEIR_API void weir_pub_free(weir_pub *p);

/* NULL for NULL. */
WEIR_API const weir_caps *weir_pub_caps(const weir_pub *p);

/* ---- subscribing --------------------------------------------------------- */

/* Where a new group begins. */
enum weir_from {
    WEIR_FROM_BEGIN, /* the oldest message that is kept                     */
    WEIR_FROM_END,   /* what is published from now on                       */
    WEIR_FROM_SEQ,   /* the first one with that number or a higher one      */
    WEIR_FROM_TIME   /* the first one published at that instant or later    */
};

/* Options of a subscription. Zero means the default. */
typedef struct weir_sub_opts {
    /* The name of its group (1..255 bytes, no control characters), which
     * stays, with its position, when its subscriptions are closed. NULL: a
     * group of its own, which ends with it; that of a process that died within
     * 30 s. */
    const char *group;
    enum weir_from from; /* where the group begins if it is new             */
    uint64_t seq;        /* of WEIR_FROM_SEQ                                */
    int64_t time;        /* of WEIR_FROM_TIME: ns since 1970, UTC           */

    uint32_t max_in_flight; /* messages received here and not settled;
                               0: 256                                       */
    int64_t ack_wait; /* ns after which a message that was delivered here and
                         not settled is delivered again; 0: 30 s            */
    /* A message that has been delivered so many times and comes back once
     * more, is dead; 0: never. One that is not settled in time dies then, by
     * the least such number of the subscriptions that are open. */
    uint32_t max_deliveries;
    /* The topic for the dead, another one in the same engine and place (a name
     * as that of a group); NULL: the name of the topic with ".dead" behind it.
     * Its messages are the events as they were, with headers more:
     * weir-dead-topic, -group, -seq, -deliveries, -reason ("deliveries" or
     * "term"). */
    const char *dead_letter;
} weir_sub_opts;

/* Subscribes to a topic, which is made if need be; o may be NULL: 0 and *s,
 * which weir_sub_free ends. As weir_pub_open; also WEIR_UNSUPPORTED: the
 * engine cannot do what o asks for. Of the options of the URL, limits and
 * dedup do nothing here. */
WEIR_API int weir_sub_open(weir_sub **s, const char *url,
                           const weir_sub_opts *o, weir_why *why);

/* A message, delivered to one subscription: to be read only, and valid until
 * weir_message_free. Its event may be kept longer by a reference. */
typedef struct weir_message {
    weir_event *event;
    uint64_t seq;        /* its number in the topic; they rise, with gaps   */
    uint32_t deliveries; /* to this group, this one included                */
    int64_t published;   /* ns since 1970, UTC                              */
    const char *id;      /* NULL: without one                               */
} weir_message;

/*
 * Receives the next message, waiting for one, and for less than max_in_flight
 * here, at most until ctx ends: 0 and *m. WEIR_CLOSED (also while it waits),
 * WEIR_LAGGED: a limit took messages that this group had not settled
 * (weir_sub_get_counts says how many), go on; WEIR_CANCELED, WEIR_TIMEDOUT,
 * WEIR_EINVAL, WEIR_ENOMEM, or what the engine returns.
 */
WEIR_API int weir_sub_recv(weir_sub *s, weir_message **m, weir_ctx *ctx);

/* Up to n of them; waits only for the first. How many, or as weir_sub_recv. */
WEIR_API ptrdiff_t weir_sub_recv_n(weir_sub *s, weir_message **m, size_t n,
                                   weir_ctx *ctx);

/* Without waiting for a message to come: WEIR_EMPTY. */
WEIR_API int weir_sub_try_recv(weir_sub *s, weir_message **m);

/*
 * Settles a message: it has been dealt with. When this returns 0 the group
 * never gets it again. WEIR_EXPIRED: ack_wait had passed, and it was or will
 * be delivered again; WEIR_EMPTY: it was, or is being, settled; WEIR_CANCELED,
 * WEIR_TIMEDOUT: it may have been stored all the same; or what the engine
 * returns: it may be tried again. The subscription may be closed, or freed.
 */
WEIR_API int weir_message_ack(weir_message *m, weir_ctx *ctx);

/* Settles n messages of one subscription at once. 0: each is settled, or had
 * expired or been settled before. Otherwise as weir_message_ack. */
WEIR_API int weir_message_ack_n(weir_message *const *m, size_t n,
                                weir_ctx *ctx);

/* Gives it back: it is delivered again after `delay` ns (>= 0), those of its
 * key behind it after it; or it is dead, after max_deliveries. As
 * weir_message_ack; WEIR_UNSUPPORTED: a delay, and caps say no. */
WEIR_API int weir_message_nak(weir_message *m, int64_t delay, weir_ctx *ctx);

/* Nobody can handle it: it goes to the dead letters at once. As
 * weir_message_ack; WEIR_UNSUPPORTED: caps have no dead letters. */
WEIR_API int weir_message_term(weir_message *m, weir_ctx *ctx);

/* More time: its ack_wait begins anew. As weir_message_ack; WEIR_UNSUPPORTED:
 * caps say no. */
WEIR_API int weir_message_in_progress(weir_message *m, weir_ctx *ctx);

/* Ends the handle. A message that was not settled is delivered again at once,
 * as after a nak; where that cannot be stored, after ack_wait. Does not wait.
 * NULL is allowed. */
WEIR_API void weir_message_free(weir_message *m);

/*
 * Receives no more: calls that wait return WEIR_CLOSED, and what was fetched
 * but not received is given back. Then waits until every message that was
 * received here has been settled or freed, at most until ctx ends. 0, also
 * when it was closed before; WEIR_CANCELED, WEIR_TIMEDOUT: those messages may
 * still be settled; WEIR_DEADLOCK: from a handler of a consumer of it
 * (weir/consumer.h), whose own message it would wait for.
 */
WEIR_API int weir_sub_close(weir_sub *s, weir_ctx *ctx);

/* Closes it, without waiting for messages, and lets it go: it ends with the
 * last of its messages, which may still be settled and are to be freed. No
 * other call that takes it is under way. NULL is allowed. */
WEIR_API void weir_sub_free(weir_sub *s);

/* NULL for NULL. */
WEIR_API const weir_caps *weir_sub_caps(const weir_sub *s);

/* How a subscription and its group stand. */
typedef struct weir_sub_counts {
    /* this subscription, since it was opened; in every snapshot
     *   received = acked + naked + termed + expired + returned + in_flight */
    uint64_t received, redelivered; /* of these: not for the first time     */
    uint64_t acked, naked, termed;
    uint64_t expired;   /* settled too late                                 */
    uint64_t returned;  /* freed before they were settled                   */
    uint64_t in_flight; /* received, neither settled nor freed              */
    /* its group, in all processes */
    uint64_t waiting; /* messages that it has not been delivered, or was and
                         gave back                                          */
    uint64_t pending; /* delivered and not settled                          */
    uint64_t dead;    /* that went to the dead letters                      */
    uint64_t lost;    /* that a limit took before they were settled         */
} weir_sub_counts;

/* 0, WEIR_EINVAL, or what the engine returns (WEIR_CLOSED: the topic or the
 * group was removed, or the engine has none for a subscription that was
 * closed): the subscription's own counts are set then, too. waiting and
 * pending are 0 in the same call only when the group has dealt with all. */
WEIR_API int weir_sub_get_counts(weir_sub *s, weir_sub_counts *out,
                                 weir_ctx *ctx);

/* ---- topics -------------------------------------------------------------- */

/* How a topic stands. */
typedef struct weir_topic_counts {
    uint64_t messages, bytes; /* that it keeps                             */
    uint64_t first, last;     /* their numbers; last: of the newest ever   */
    uint64_t groups;          /* those without a name included             */
} weir_topic_counts;

/* 0; -ENOENT: there is none; otherwise as weir_pub_open. */
WEIR_API int weir_topic_get_counts(const char *url, weir_topic_counts *out,
                                   weir_why *why);

/* Takes a topic away with all its messages and groups: its publishers and
 * subscriptions get WEIR_CLOSED. 0; -ENOENT: there is none; otherwise as
 * weir_pub_open. */
WEIR_API int weir_topic_remove(const char *url, weir_why *why);

/* Takes a group of a topic away, its position and what is pending; its
 * subscriptions get WEIR_CLOSED. Begins anew when it is subscribed to again.
 * 0; -ENOENT; otherwise as weir_pub_open. */
WEIR_API int weir_group_remove(const char *url, const char *group,
                               weir_why *why);

#ifdef __cplusplus
}
#endif
#endif
