/* SPDX-License-Identifier: MIT */
/*
 * The last stage of `weir map`: puts jobs back into input order, writes the
 * results whole, reports the failures and enters each job in the ledger.
 *
 * A ring of `window` places holds what came early. No more than `window`
 * jobs are taken and not delivered, and they are taken in order, so two jobs
 * never meet in one place. A job's place in the window is given back when it
 * has been written, not before: a consumer that does not read holds the
 * workers back.
 */
#ifndef WEIR_TOOL_DELIVERY_H
#define WEIR_TOOL_DELIVERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <weir.h>

#include "job.h"
#include "ledger.h"
#include "stop.h"

enum { DELIVERY_BATCH = 64 };

struct delivery {
    weir_chan *results; /* struct job *                                     */
    weir_sem *free;     /* the window's places                              */
    size_t window;
    bool ordered;
    int64_t linger; /* ns that results may wait to be written together  */
    struct stop *stop;
    struct ledger *ledger;

    /* The delivery's own. */
    struct job **ring;
    uint64_t next; /* turn of the job to deliver next, when ordered         */
    struct job *batch[DELIVERY_BATCH]; /* to be written together            */
    int batched;
    size_t batched_bytes;
    int64_t batch_since;
    bool closed;              /* nobody reads our output any more            */
    atomic_bool broken;       /* it cannot be written                        */
    _Atomic uint64_t place;   /* input bytes delivered up to here            */
    _Atomic uint64_t waiting; /* jobs in the ring                           */
    weir_wg done;
};

/* 0, or WEIR_ENOMEM. It ends when results is closed and empty. */
int delivery_start(struct delivery *d);
void delivery_wait(struct delivery *d);

#endif
