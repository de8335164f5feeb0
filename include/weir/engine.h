/* SPDX-License-Identifier: MIT */
/*
 * Engines: what stands behind publishers and subscriptions (weir/pub.h), and
 * how one is found by the scheme of a URL. The engine `mem` is in libweir;
 * `file` and others are shared libraries of their own, loaded when the first
 * URL asks for them, so that libweir needs nothing but libc.
 *
 * For those who write one. Any task or thread.
 */
#ifndef WEIR_ENGINE_H
#define WEIR_ENGINE_H

#include <weir/policy.h>
#include <weir/pub.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- URLs ---------------------------------------------------------------- */

/* One option of a URL, percent-decoded. */
typedef struct weir_url_option {
    const char *key, *value;
} weir_url_option;

/* A parsed URL: scheme:rest?key=value&key=value. */
typedef struct weir_url {
    const char *text;   /* as it was given                                  */
    const char *scheme; /* [a-z][a-z0-9]*, at most 32 bytes                 */
    const char *rest;   /* percent-decoded; never holds a NUL               */
    const weir_url_option *options; /* no key stands there twice            */
    size_t option_count;
} weir_url;

/* Parses it: 0 and *url, which weir_url_free ends. WEIR_EINVAL, WEIR_ENOMEM:
 * *url is NULL, and why (may be NULL) says what is wrong. */
WEIR_API int weir_url_parse(weir_url **url, const char *text, weir_why *why);
WEIR_API void weir_url_free(weir_url *url);

/* 0, or WEIR_EINVAL and why: an option is none of the n known ones, nor of
 * those of weir_limits. The sentence lists them all. */
WEIR_API int weir_url_check(const weir_url *url, const char *const *known,
                            size_t n, weir_why *why);

/* The value of an option, or NULL. */
WEIR_API const char *weir_url_get(const weir_url *url, const char *key);

/* The value as a number, a size in bytes (k, M, G: powers of 1024) or a
 * duration in ns (ns, us, ms, s, m, h, d; a fraction is allowed), all > 0; or
 * as the index of one of n words. Where the option is not there, *out stays as
 * it was. 0; WEIR_EINVAL, and why names the option and the forms. */
WEIR_API int weir_url_number(const weir_url *url, const char *key,
                             uint64_t *out, weir_why *why);
WEIR_API int weir_url_size(const weir_url *url, const char *key, uint64_t *out,
                           weir_why *why);
WEIR_API int weir_url_duration(const weir_url *url, const char *key,
                               int64_t *out, weir_why *why);
WEIR_API int weir_url_word(const weir_url *url, const char *key,
                           const char *const *words, size_t n, int *out,
                           weir_why *why);

/* The options that every engine has; what the URL does not say stays as it
 * was. on_full is WEIR_BLOCK, WEIR_DROP_OLDEST or WEIR_ERROR. */
typedef struct weir_limits {
    uint64_t max_messages; /* 0: no limit                                   */
    uint64_t max_bytes;    /* 0: no limit                                   */
    int64_t max_age;       /* ns; 0: no limit                               */
    enum weir_policy on_full;
    int64_t dedup; /* ns                                                    */
} weir_limits;

/* 0; WEIR_EINVAL, and why. */
WEIR_API int weir_url_limits(const weir_url *url, weir_limits *out,
                             weir_why *why);

/* Writes a sentence into why (may be NULL), cut to fit; returns code. */
WEIR_API int weir_why_set(weir_why *why, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- engines ------------------------------------------------------------- */

/* What a message's handle looks like to its engine, which makes it: the engine
 * embeds it as the first field of its own, and fills in `message`. */
typedef struct weir_delivery {
    weir_message message; /* what the subscriber sees; first                */
    weir_sub *sub_;       /* private to the front                           */
    uint32_t state_;
} weir_delivery;

/* What is to become of deliveries. */
enum weir_settle {
    WEIR_SETTLE_ACK,
    WEIR_SETTLE_NAK, /* with a delay                                        */
    WEIR_SETTLE_TERM,
    WEIR_SETTLE_IN_PROGRESS
};

/*
 * What an engine does. Arguments have been checked: handles, ids, options and
 * sizes against caps. Unless said otherwise the calls may come from any number
 * of parties at a time, wait at most until ctx ends, and keep the contract of
 * their public counterparts, codes included. The front counts a subscription's
 * own messages, holds max_in_flight, sees to it that each delivery is settled
 * once, and closes before it frees.
 */
typedef struct weir_engine {
    /* Of the structure, for engines that are older or newer than the library:
     * sizeof(weir_engine). */
    size_t size;
    weir_caps caps; /* caps.engine is the scheme                            */

    int (*pub_open)(void **pub, const weir_url *url, weir_why *why);
    /* Of posts: event (may be NULL) and id are set; sets seq and duplicate. */
    ptrdiff_t (*publish)(void *pub, weir_post *posts, size_t n, weir_ctx *ctx);
    /* Publishes that wait return WEIR_CLOSED; does not wait for them. */
    void (*pub_close)(void *pub);
    /* No call is under way. */
    void (*pub_free)(void *pub);

    /* The defaults of *o have been filled in, except for names. */
    int (*sub_open)(void **sub, const weir_url *url, const weir_sub_opts *o,
                    weir_why *why);
    /* At most n (> 0) deliveries; waits for the first one, unless now. How
     * many; WEIR_EMPTY (now). At most max_in_flight in all are asked for. */
    ptrdiff_t (*recv)(void *sub, weir_delivery **d, size_t n, bool now,
                      weir_ctx *ctx);
    /* Settles n (> 0) deliveries, all or none; sets codes[i] to 0 or
     * WEIR_EXPIRED. 0, or why none is. Also after sub_close. */
    int (*settle)(void *sub, weir_delivery *const *d, size_t n,
                  enum weir_settle how, int64_t delay, int *codes,
                  weir_ctx *ctx);
    /* Ends a delivery; one that is not settled (give_back) comes again at
     * once. Does not wait. Also after sub_close. */
    void (*delivery_free)(void *sub, weir_delivery *d, bool give_back);
    /* A recv that waits returns WEIR_CLOSED; what was fetched ahead is given
     * back; a group of its own ends at sub_free. Does not wait. */
    void (*sub_close)(void *sub);
    /* No call is under way and every delivery was freed. By whoever freed the
     * last one, which may be after the user's weir_sub_free. */
    void (*sub_free)(void *sub);
    /* The group's part of the counts: waiting, pending, dead, lost; the others
     * are not looked at. Also after sub_close, or WEIR_CLOSED then. */
    int (*sub_counts)(void *sub, weir_sub_counts *out, weir_ctx *ctx);

    int (*topic_counts)(const weir_url *url, weir_topic_counts *out,
                        weir_why *why);
    int (*topic_remove)(const weir_url *url, weir_why *why);
    int (*group_remove)(const weir_url *url, const char *group, weir_why *why);
} weir_engine;

/*
 * Makes an engine known by its scheme; it must stay valid as long as the
 * process. Needed for engines of a program's own and for those linked
 * statically. 0; -EEXIST: the scheme is taken; WEIR_ENOMEM; WEIR_EINVAL, also
 * when a call is missing.
 */
WEIR_API int weir_engine_register(const weir_engine *e);

/*
 * The engine of a scheme: 0 and *e. One that is not known is looked for as
 * the shared library libweir-SCHEME.so.MAJOR, beside libweir and where the
 * system's loader looks, which has to have
 *     const weir_engine *weir_SCHEME_engine(void);
 * -ENOENT: there is none; WEIR_EINVAL: no scheme, or what was found is not an
 * engine for this library; why (may be NULL) says which.
 */
WEIR_API int weir_engine_find(const weir_engine **e, const char *scheme,
                              weir_why *why);

#ifdef __cplusplus
}
#endif
#endif
