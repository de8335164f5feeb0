/* SPDX-License-Identifier: MIT */
/*
 * Parties: a behaviour is written once and run by tasks alone, by plain
 * threads alone, and by both on the same channels.
 *
 * A crew starts parties; its mode decides what a party is. The body of a
 * behaviour is a party itself: the main task of weir_run in the mode TASKS,
 * which also proves that every task ends and that no deadlock is seen where
 * there is none; the test's own thread in the others.
 *
 * Parties check with must() and must_eq(), which may be called from any task
 * or thread and cost nothing while they hold (Check's own assertions note
 * their place in a file each time).
 */
#ifndef PARTIES_H
#define PARTIES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>
#include "weir_check.h"

/* Of a test that goes by chance: told with each failure. */
static const uint64_t *party_seed;
/* Of a test that is run for several things: which one. */
static const char *party_of;

static inline const char *party_note(void)
{
    static char note[160];
    const char *of = party_of != NULL ? party_of : "";

    if (party_seed == NULL)
        return of;
    snprintf(note, sizeof note, "%s (--seed %llu)", of,
             (unsigned long long)*party_seed);
    return note;
}

#define must(expr)                                                             \
    do {                                                                       \
        if (!(expr))                                                           \
            ck_abort_msg("%s:%d: %s%s", __FILE__, __LINE__, #expr,             \
                         party_note());                                        \
    } while (0)

#define must_eq(a, b)                                                          \
    do {                                                                       \
        const long long a_ = (long long)(a), b_ = (long long)(b);              \
        if (a_ != b_)                                                          \
            ck_abort_msg("%s:%d: %s is %lld, not %s (%lld)%s", __FILE__,       \
                         __LINE__, #a, a_, #b, b_, party_note());              \
    } while (0)

/* Who the parties are. The two mixed modes differ in who comes first, so
 * that of two parties each is once the task and once the thread. */
enum { TASKS, THREADS, MIXED, MIXED_BACK, MODES };

struct crew {
    int mode;
    void (*body)(struct crew *);
    weir_wg live;
    atomic_uint started;
    pthread_mutex_t lock;
    struct party *threads; /* to be joined; under lock */
};

#define CREW(mode_)                                                            \
    (struct crew)                                                              \
    {                                                                          \
        .mode = (mode_), .lock = PTHREAD_MUTEX_INITIALIZER                     \
    }

struct party {
    void (*fn)(void *);
    void *arg;
    struct crew *crew;
    pthread_t thread;
    struct party *next;
};

static void party_as_task(void *arg)
{
    struct party p = *(struct party *)arg;

    free(arg);
    p.fn(p.arg);
    must_eq(weir_wg_done(&p.crew->live), 0);
}

static void *party_as_thread(void *arg)
{
    struct party *p = arg;

    p->fn(p->arg);
    must_eq(weir_wg_done(&p->crew->live), 0);
    return NULL;
}

static inline void party_start_thread(struct party *p)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, (size_t)512 << 10);
    pthread_mutex_lock(&p->crew->lock);
    must_eq(pthread_create(&p->thread, &attr, party_as_thread, p), 0);
    p->next = p->crew->threads;
    p->crew->threads = p;
    pthread_mutex_unlock(&p->crew->lock);
    pthread_attr_destroy(&attr);
}

/* Will the n-th party of the crew be a task? */
static inline bool crew_is_task(const struct crew *crew, unsigned n)
{
    switch (crew->mode) {
    case TASKS:
        return true;
    case THREADS:
        return false;
    default:
        return n % 2 == (crew->mode == MIXED ? 0 : 1);
    }
}

/* Starts fn(arg) as the crew's next party. Any party may do it. */
static inline void crew_go(struct crew *crew, void (*fn)(void *), void *arg)
{
    struct party *p = malloc(sizeof *p);

    must(p != NULL);
    *p = (struct party){.fn = fn, .arg = arg, .crew = crew};
    must_eq(weir_wg_add(&crew->live, 1), 0);
    if (crew_is_task(crew, atomic_fetch_add(&crew->started, 1)))
        must_eq(weir_go(party_as_task, p), 0);
    else
        party_start_thread(p);
}

/* Waits until every party has come to its end. Called by the body, which
 * gets it at its own end anyway. */
static inline void crew_wait(struct crew *crew)
{
    struct party *p, *next;

    must_eq(weir_wg_wait(&crew->live, NULL), 0);
    for (p = crew->threads; p != NULL; p = next) {
        next = p->next;
        pthread_join(p->thread, NULL);
        free(p);
    }
    crew->threads = NULL;
}

static inline int crew_main(void *arg)
{
    struct crew *crew = arg;

    crew->body(crew);
    crew_wait(crew);
    return 0;
}

static inline void crew_run(int mode, void (*body)(struct crew *))
{
    struct crew crew = CREW(mode);

    crew.body = body;
    if (mode == TASKS) {
        must_eq(weir_run(crew_main, &crew), 0);
    } else {
        crew_main(&crew);
        must_eq(weir_stop(WEIR_FOREVER), 0);
    }
}

/* A stop that leaves tasks which all wait. A worker that the machine has not
 * let run for a second counts as kept, and is asked again. */
static inline int stop_leaving(int64_t timeout)
{
    int left;

    do
        left = weir_stop(timeout);
    while (left == WEIR_TIMEDOUT);
    return left;
}

/* A number that tasks reach easily and threads, costing more, do not. */
static inline int crew_many(const struct crew *crew, int tasks, int threads)
{
    return crew->mode == TASKS ? tasks : threads;
}

/* Lets the others get to where they wait. A chance, not a promise: it makes
 * a test sharper and may never decide whether it passes. */
static inline void settle(void)
{
    int i;

    for (i = 0; i < 50; i++)
        weir_yield();
}

/* BEHAVIOUR(name) { body that uses crew } defines the Check test of that
 * name, CHECK_MODES(name) its entry for CHECK_MAIN. */
#define BEHAVIOUR(name)                                                        \
    static void name##_body(struct crew *crew);                                \
    START_TEST(name)                                                           \
    {                                                                          \
        crew_run(_i, name##_body);                                             \
    }                                                                          \
    END_TEST                                                                   \
    static void name##_body(struct crew *crew)

#define CHECK_MODES(name) CHECK_LOOP(name, MODES)

/* What most of the tests send. */
WEIR_CHAN(ints, int);

static inline void put(ints *c, int value)
{
    must_eq(ints_send(c, value, NULL), 0);
}

static inline int get(ints *c)
{
    int value = -1;

    must_eq(ints_recv(c, &value, NULL), 0);
    return value;
}

#endif
