/* SPDX-License-Identifier: MIT */
/*
 * What the traffic of test_chan.c goes over, and its account: channels with
 * elements that carry their sender, their number and a pattern, and a mark
 * for each that has arrived.
 */
#ifndef ROAD_H
#define ROAD_H

#include "stress.h"

enum {
    CHANNELS = 4, /* at most, in a round                        */
    SENDERS = 6,  /* and receivers                              */
    QUOTA = 400,  /* elements of one sender on one channel      */
    BATCH = 9,    /* elements in one call                       */
    RESTART = 20, /* rounds between two restarts of the runtime */
    PAYLOAD = 5   /* words behind the number, at most           */
};

struct elem {
    uint32_t sender;
    uint32_t number;
    uint64_t payload[PAYLOAD]; /* as much of it as the channel carries */
};

struct road {
    weir_chan *c;
    size_t size; /* of an element */
    atomic_uchar seen[SENDERS][QUOTA];
    atomic_long received;
    uint32_t sent[SENDERS]; /* each by its sender */
};

struct world {
    struct road roads[CHANNELS];
    int n;
    weir_ctx ctx; /* above those of the single operations */
    atomic_bool over;
};

struct party_of {
    struct world *w;
    struct chance chance;
    int self;                        /* a sender's number           */
    int road;                        /* of one that serves only it  */
    int64_t last[CHANNELS][SENDERS]; /* a receiver's: seen so far   */
    bool closed[CHANNELS];           /* as this party has found it  */
};

/* ---- elements ----------------------------------------------------------- */

static inline uint64_t word_of(uint32_t sender, uint32_t number, size_t i)
{
    struct chance c = {(uint64_t)sender << 40 | (uint64_t)number << 8 | i};

    return draw(&c);
}

static inline size_t words_on(const struct road *r)
{
    return (r->size - offsetof(struct elem, payload)) / sizeof(uint64_t);
}

static inline void elem_write(const struct road *r, void *at, uint32_t sender,
                              uint32_t number)
{
    struct elem e = {sender, number, {0}};
    size_t i;

    for (i = 0; i < words_on(r); i++)
        e.payload[i] = word_of(sender, number, i);
    memcpy(at, &e, r->size);
}

/* One element has come: whole, for the first time, after its elder. */
static inline void elem_arrived(struct party_of *p, int road, const void *at)
{
    struct road *r = &p->w->roads[road];
    struct elem e;
    size_t i;

    memcpy(&e, at, r->size);
    must(e.sender < SENDERS && e.number < QUOTA);
    for (i = 0; i < words_on(r); i++)
        must(e.payload[i] == word_of(e.sender, e.number, i));
    must(atomic_exchange(&r->seen[e.sender][e.number], 1) == 0);
    must(p->last[road][e.sender] < (int64_t)e.number);
    p->last[road][e.sender] = e.number;
    atomic_fetch_add(&r->received, 1);
}

/* ---- a road begins and ends --------------------------------------------- */

static inline void road_open(struct road *r, struct chance *chance, int i)
{
    static const size_t capacities[] = {0, 0, 1, 1, 2, 3, 8, 100};
    char name[24];
    weir_chan_opts o = {.name = name};

    snprintf(name, sizeof name, "road %d", i);
    r->size = offsetof(struct elem, payload) +
              (size_t)below(chance, PAYLOAD + 1) * sizeof(uint64_t);
    o.elem_size = r->size;
    o.capacity = capacities[below(chance, 8)];
    r->c = weir_chan_new_with(&o);
    must(r->c != NULL);
}

/* Everything that was sent has arrived, and nothing else. */
static inline void road_close(struct road *r)
{
    weir_chan_stats st;
    long sent_in_all = 0;
    int s, i;

    for (s = 0; s < SENDERS; s++) {
        sent_in_all += r->sent[s];
        for (i = 0; i < QUOTA; i++)
            must_eq(r->seen[s][i], i < (int)r->sent[s]);
    }
    must_eq(r->received, sent_in_all);
    must_eq(weir_chan_get_stats(r->c, &st), 0);
    must_eq(st.sent, sent_in_all);
    must_eq(st.received, sent_in_all);
    must_eq(st.queued, 0);
    must_eq(weir_chan_try_send(r->c, r), WEIR_CLOSED);
    weir_chan_unref(r->c);
}

#endif
