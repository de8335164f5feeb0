/* SPDX-License-Identifier: MIT */
/*
 * A task that parks with a pthread mutex held blocks every thread that wants
 * the mutex, and may come back on a thread that does not own it. Debug builds
 * stand before the C library's calls and note who holds what; a park looks.
 *
 * Each thread has a list of what was locked on it, and by which task; it is
 * short, and what does not fit goes unseen. Only mutexes that a task locked
 * count: a host may well hold one while it runs the tasks. A place is reported
 * once, however often it is passed.
 *
 * Price: it works where the library is linked statically. The shared one
 * exports nothing but weir_*, so the program's own calls go past it.
 */
#include "sched/held.h"

#if defined(WEIR_DEBUG)

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include "port/symbol.h"

enum { HELD = 16, PLACES = 256 };

struct held {
    const void *mutex, *where;
    const struct wr_task *task;
};

static __thread struct held held[HELD];
static const void *reported[PLACES];

/* Noted for plain threads too would be noted in vain. */
static WR_NOINLINE void note(const void *mutex, const void *where)
{
    const struct wr_task *t = wr_task_self();
    for (int i = 0; t && i < HELD; i++) {
        if (!held[i].mutex) {
            held[i] = (struct held){mutex, where, t};
            return;
        }
    }
}

/* The newest of them: a recursive mutex is there more than once. */
static WR_NOINLINE void forget(const void *mutex)
{
    for (int i = HELD - 1; i >= 0; i--) {
        if (held[i].mutex == mutex) {
            held[i].mutex = NULL;
            return;
        }
    }
}

static bool first_time(const void *where)
{
    const void **slot = &reported[(uintptr_t)where % PLACES];
    if (wr_load_rlx(slot) == where)
        return false;
    wr_store_rlx(slot, where);
    return true;
}

static void report(const struct wr_task *t, const struct held *h)
{
    char spawned[WR_SYMBOL_MAX], locked[WR_SYMBOL_MAX];
    const char *name = wr_load_rlx(&t->name);
    wr_symbol(t->site, spawned, sizeof(spawned));
    wr_symbol(h->where, locked, sizeof(locked));
    fprintf(stderr,
            "weir: task %s%s%s, spawned at %s, waits with a pthread mutex "
            "held (%p, locked at %s)\n",
            name ? "\"" : "", name ? name : "unnamed", name ? "\"" : "",
            spawned, h->mutex, locked);
}

WR_NOINLINE void wr_held_check(const struct wr_task *t)
{
    for (int i = 0; i < HELD; i++) {
        struct held h = held[i];
        if (!h.mutex || h.task != t)
            continue;
        held[i].mutex = NULL; /* it may be unlocked on another thread */
        if (first_time(h.where))
            report(t, &h);
    }
}

/* ---- before the C library ------------------------------------------------ */

typedef int call(pthread_mutex_t *);
typedef int timed_call(pthread_mutex_t *, const struct timespec *);

/* Called before anything of ours is set up, by whoever locks first. */
static void *next_call(void **cache, const char *name)
{
    void *fn = wr_load_rlx(cache);
    if (!fn) {
        fn = dlsym(RTLD_NEXT, name);
        wr_store_rlx(cache, fn);
    }
    return fn;
}

#define HELD_API __attribute__((visibility("default")))
#define WHERE    __builtin_return_address(0)

HELD_API int pthread_mutex_lock(pthread_mutex_t *m)
{
    static void *next;
    call *fn = (call *)(uintptr_t)next_call(&next, "pthread_mutex_lock");
    int err = fn(m);
    if (err == 0)
        note(m, WHERE);
    return err;
}

HELD_API int pthread_mutex_trylock(pthread_mutex_t *m)
{
    static void *next;
    call *fn = (call *)(uintptr_t)next_call(&next, "pthread_mutex_trylock");
    int err = fn(m);
    if (err == 0)
        note(m, WHERE);
    return err;
}

HELD_API int pthread_mutex_timedlock(pthread_mutex_t *m,
                                     const struct timespec *until)
{
    static void *next;
    timed_call *fn =
        (timed_call *)(uintptr_t)next_call(&next, "pthread_mutex_timedlock");
    int err = fn(m, until);
    if (err == 0)
        note(m, WHERE);
    return err;
}

HELD_API int pthread_mutex_unlock(pthread_mutex_t *m)
{
    static void *next;
    call *fn = (call *)(uintptr_t)next_call(&next, "pthread_mutex_unlock");
    forget(m);
    return fn(m);
}

#endif
