/* SPDX-License-Identifier: MIT */
/*
 * Several stores as one: what is written goes to all of them, and an account
 * says which of them took it. After the multi package of omnistorage.
 */
#ifndef WEIR_STORE_MULTI_H
#define WEIR_STORE_MULTI_H

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of how many stores a call needs the success. */
enum weir_store_need {
    WEIR_STORE_ALL,         /* of all. It goes from one to the next, and no
                               further once one has failed                  */
    WEIR_STORE_BEST_EFFORT, /* of one, whatever the others do               */
    WEIR_STORE_QUORUM       /* of the quorum, whatever the others do        */
};

/* Options of several stores. Zero means the default. */
typedef struct weir_store_multi_opts {
    enum weir_store_need need;
    size_t quorum; /* with WEIR_STORE_QUORUM; 0: more than half of them     */
} weir_store_multi_opts;

/*
 * Makes one store of the n at stores; NULLs among them are left out. They
 * belong to it from now on and are closed and freed with it; until then they
 * may be used on their own. o may be NULL. 0; WEIR_ENOMEM; WEIR_EINVAL, also
 * without a store, with one twice, or with a quorum beyond their number: they
 * stay the caller's then.
 *
 * Writing, the opening and closing of writers, and broadcasts go to the stores
 * in their order, one after the other, each at most until the context ends; a
 * slow one is waited for. It succeeds when as many of them did as are needed,
 * else it fails with the first of their codes. What has failed may be in some
 * of the stores: nothing is taken back. Stores in which a writer could not be
 * opened are left out of it and count as failed. Messages of one writer are in
 * one order everywhere; those of several may not be.
 *
 * A reader reads from the first store that has the path, or makes it in the
 * first one that can. The account of a path is that of the first that has it.
 * It exists, is listed and is counted once when any of them has it, and deleted
 * from all; the first failure is the result. Accounts of broadcasts are added
 * up. A path must be valid in each of them.
 */
WEIR_API int weir_store_multi(weir_store **s, weir_store *const *stores,
                              size_t n, const weir_store_multi_opts *o);

/* What one store has made of the writes to all of them. */
typedef struct weir_store_share {
    uint64_t taken;   /* messages that it took                              */
    uint64_t failed;  /* that it refused, or had no writer for              */
    uint64_t skipped; /* that it was not asked for (WEIR_STORE_ALL)         */
    int err;          /* the last failure; 0: none                          */
} weir_store_share;

/* The shares of the first n stores, in their order, as they were given less
 * the NULLs; shares may be NULL when n is 0. How many stores there are;
 * WEIR_UNSUPPORTED: it is a single store; WEIR_EINVAL. */
WEIR_API ptrdiff_t weir_store_shares(const weir_store *s,
                                     weir_store_share *shares, size_t n);

/* As weir_store_write, and codes, one for each of the n stores, are what came
 * of it there: 0 or a code; WEIR_CANCELED also where it was not tried because
 * another had failed. WEIR_EINVAL also for another n. Untouched with
 * WEIR_EINVAL, WEIR_LIMIT for messages that no store takes, WEIR_UNSUPPORTED
 * (the writer of a single store), and when ctx ended before it began. */
WEIR_API int weir_store_write_each(weir_store_writer *w, const void *data,
                                   size_t size, weir_ctx *ctx, int *codes,
                                   size_t n);

#ifdef __cplusplus
}
#endif
#endif
