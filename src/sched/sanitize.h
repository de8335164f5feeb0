/* SPDX-License-Identifier: MIT */
/*
 * What the sanitizers and valgrind must be told about switching stacks. Each
 * is a no-op in a build without it. A context is told about when it starts to
 * exist, before and after each switch, and when it ends.
 */
#ifndef WR_SCHED_SANITIZE_H
#define WR_SCHED_SANITIZE_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define WR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WR_ASAN 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define WR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WR_TSAN 1
#endif
#endif

#if defined(WR_ASAN)
#include <sanitizer/asan_interface.h>
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(WR_TSAN)
#include <sanitizer/tsan_interface.h>
#endif
#if defined(WR_HAVE_VALGRIND)
#include <valgrind/valgrind.h>
#endif

/* For a look at data that its owner may change meanwhile: a glance. */
#if defined(WR_TSAN)
#define WR_NO_TSAN __attribute__((no_sanitize("thread")))
#else
#define WR_NO_TSAN
#endif

/* For functions that begin on one stack's terms and end on another's: the
 * sanitizers' own entries and exits would be counted to the wrong one. */
#if defined(__clang__)
#define WR_UNSANITIZED __attribute__((disable_sanitizer_instrumentation))
#else
#define WR_UNSANITIZED                                                         \
    __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

/* A place to stand: what wr_switch saved, and the sanitizers' view of it. */
struct wr_context {
    void *sp;
#if defined(WR_ASAN)
    void *fake;
    const void *bottom;
    size_t size;
#endif
#if defined(WR_TSAN)
    void *fiber;
#endif
};

/* A stack of ours comes into use with the bounds given. */
static inline void wr_context_open(struct wr_context *c, void *bottom,
                                   size_t size)
{
    (void)c, (void)bottom, (void)size;
#if defined(WR_ASAN)
    ASAN_UNPOISON_MEMORY_REGION(bottom, size);
    c->fake = NULL;
    c->bottom = bottom;
    c->size = size;
#endif
#if defined(WR_TSAN)
    c->fiber = __tsan_create_fiber(0);
#endif
}

/* The thread's own stack, before the first switch away from it. */
static inline void wr_context_adopt(struct wr_context *c)
{
    (void)c;
#if defined(WR_ASAN)
    pthread_attr_t attr;
    void *bottom;
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &bottom, &c->size);
    pthread_attr_destroy(&attr);
    c->fake = NULL;
    c->bottom = bottom;
#endif
#if defined(WR_TSAN)
    c->fiber = __tsan_get_current_fiber();
#endif
}

/* Nobody stands on it any more. */
static inline void wr_context_close(struct wr_context *c)
{
    (void)c;
#if defined(WR_TSAN)
    __tsan_destroy_fiber(c->fiber);
#endif
}

static inline WR_UNSANITIZED void wr_context_leave(struct wr_context *from,
                                                   struct wr_context *to,
                                                   int for_good)
{
    (void)from, (void)to, (void)for_good;
#if defined(WR_ASAN)
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake, to->bottom,
                                   to->size);
#endif
#if defined(WR_TSAN)
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
}

/* First thing on the new stack. */
static inline WR_UNSANITIZED void wr_context_arrive(struct wr_context *self)
{
    (void)self;
#if defined(WR_ASAN)
    __sanitizer_finish_switch_fiber(self->fake, NULL, NULL);
#endif
}

/* For valgrind: stacks are registered slab by slot at their first use. */
static inline void wr_stack_announce(void *bottom, size_t size)
{
    (void)bottom, (void)size;
#if defined(WR_HAVE_VALGRIND)
    VALGRIND_STACK_REGISTER(bottom, (char *)bottom + size);
#endif
}

#endif
