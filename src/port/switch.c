/* SPDX-License-Identifier: MIT */
/* The first context of a stack, laid out as the switch of this machine's .S
 * file expects it; ucontext for machines that have none. */
#include "port/switch.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && !defined(WR_UCONTEXT)

void wr_switch_entry(void);

void *wr_switch_prepare(void *top, void *(*entry)(void *), void *arg)
{
    uint64_t *frame = (uint64_t *)top - 8;
    uint32_t mxcsr;
    uint16_t fcw;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    __asm__ volatile("fnstcw %0" : "=m"(fcw));
    frame[0] = mxcsr | (uint64_t)fcw << 32;
    frame[4] = (uint64_t)(uintptr_t)entry;
    frame[5] = (uint64_t)(uintptr_t)arg;
    frame[6] = 0;
    frame[7] = (uint64_t)(uintptr_t)wr_switch_entry;
    return frame;
}

#elif defined(__aarch64__) && !defined(WR_UCONTEXT)

void wr_switch_entry(void);

void *wr_switch_prepare(void *top, void *(*entry)(void *), void *arg)
{
    uint64_t *frame = (uint64_t *)top - 22;
    memset(frame, 0, 22 * sizeof(*frame));
    frame[8] = (uint64_t)(uintptr_t)arg;
    frame[9] = (uint64_t)(uintptr_t)entry;
    frame[19] = (uint64_t)(uintptr_t)wr_switch_entry;
    __asm__ volatile("mrs %0, fpcr" : "=r"(frame[20]));
    return frame;
}

#else

#include <ucontext.h>

/* A context is a ucontext_t at the saved address. */
static void start(unsigned lo_entry, unsigned hi_entry, unsigned lo_arg,
                  unsigned hi_arg)
{
    uintptr_t entry = (uintptr_t)((uint64_t)hi_entry << 32 | lo_entry);
    uintptr_t arg = (uintptr_t)((uint64_t)hi_arg << 32 | lo_arg);
    setcontext(((void *(*)(void *))entry)((void *)arg));
}

void *wr_switch_prepare(void *top, void *(*entry)(void *), void *arg)
{
    enum { WINDOW = 12288 };
    uint64_t e = (uintptr_t)entry, a = (uintptr_t)arg;
    uintptr_t at = ((uintptr_t)top - sizeof(ucontext_t)) & ~(uintptr_t)63;
    ucontext_t *ctx = (ucontext_t *)at;
    getcontext(ctx);
    ctx->uc_stack.ss_sp = (char *)at - WINDOW;
    ctx->uc_stack.ss_size = WINDOW;
    ctx->uc_link = NULL;
    makecontext(ctx, (void (*)(void))start, 4, (unsigned)e, (unsigned)(e >> 32),
                (unsigned)a, (unsigned)(a >> 32));
    return ctx;
}

void wr_switch(void **from, void *to)
{
    ucontext_t here;
    *from = &here;
    swapcontext(&here, (ucontext_t *)to);
}

#endif
