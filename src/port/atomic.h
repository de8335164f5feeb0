/* SPDX-License-Identifier: MIT */
/*
 * Every atomic access of the library, by name, so that an access can be
 * found, traced, or replaced by a simulator in one place. On plain integers
 * and pointers: the public headers stay free of _Atomic and work in C++.
 *
 * Suffixes say the ordering: rlx, acq, rel; a read-modify-write without one
 * is sequentially consistent, which costs nothing more on x86-64. There are
 * no fences: a thread sanitizer cannot see them.
 */
#ifndef WR_PORT_ATOMIC_H
#define WR_PORT_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define wr_load_rlx(p)     __atomic_load_n((p), __ATOMIC_RELAXED)
#define wr_load_acq(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define wr_load(p)         __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define wr_store_rlx(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define wr_store_rel(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define wr_store(p, v)     __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)

#define wr_xchg(p, v)      __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define wr_xchg_acq(p, v)  __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define wr_add(p, v)       __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define wr_sub(p, v)       __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)
#define wr_or(p, v)        __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define wr_and(p, v)       __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)

/* Sets *p to want if it is *seen; else fails and stores what it is in *seen. */
#define wr_cas(p, seen, want)                                                  \
    __atomic_compare_exchange_n((p), (seen), (want), false, __ATOMIC_SEQ_CST,  \
                                __ATOMIC_ACQUIRE)

/* Bounds the compiler, not the machine: for protocols that pair with
 * membarrier. */
#define wr_compiler_barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)

#define WR_CACHE_LINE         64
#define WR_ALIGNED            __attribute__((aligned(WR_CACHE_LINE)))
#define WR_NOINLINE           __attribute__((noinline))
#define wr_likely(x)          __builtin_expect(!!(x), 1)
#define wr_unlikely(x)        __builtin_expect(!!(x), 0)

/* A hint inside a bounded spin. */
static inline void wr_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
