/* SPDX-License-Identifier: MIT */
/* The first context of a stack, laid out as the switch of this machine's .S
 * file expects it; ucontext for machines that have none. */
#include "port/switch.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && !defined(WR_UCONTEXT)

enum { FLAGS = 0x3f }; /* of MXCSR: what has happened, no setting */

static uint32_t settings;
static uint16_t x87_settings;

void wr_switch_entry(void);

static uint32_t mxcsr_now(void)
{
    uint32_t word;
    __asm__ volatile("stmxcsr %0" : "=m"(word));
    return word;
}

void wr_switch_adopt(void)
{
    settings = mxcsr_now() & ~(uint32_t)FLAGS;
    __asm__ volatile("fnstcw %0" : "=m"(x87_settings));
}

void wr_switch_reset(void)
{
    uint32_t now = mxcsr_now(), fresh = settings | (now & FLAGS);
    uint16_t x87;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    if (now != fresh)
        __asm__ volatile("ldmxcsr %0" : : "m"(fresh));
    if (x87 != x87_settings)
        __asm__ volatile("fldcw %0" : : "m"(x87_settings));
}

/* With the flags that there are: to load other ones takes its time. */
void *wr_switch_prepare(void *top, void *(*entry)(void *), void *arg)
{
    uint64_t *frame = (uint64_t *)top - 8;
    frame[0] = settings | (mxcsr_now() & FLAGS) | (uint64_t)x87_settings << 32;
    frame[4] = (uint64_t)(uintptr_t)entry;
    frame[5] = (uint64_t)(uintptr_t)arg;
    frame[6] = 0;
    frame[7] = (uint64_t)(uintptr_t)wr_switch_entry;
    return frame;
}

#elif defined(__aarch64__) && !defined(WR_UCONTEXT)

static uint64_t settings;

void wr_switch_entry(void);

void wr_switch_adopt(void)
{
    __asm__ volatile("mrs %0, fpcr" : "=r"(settings));
}

void wr_switch_reset(void)
{
    uint64_t now;
    __asm__ volatile("mrs %0, fpcr" : "=r"(now));
    if (now != settings)
        __asm__ volatile("msr fpcr, %0" : : "r"(settings));
}

void *wr_switch_prepare(void *top, void *(*entry)(void *), void *arg)
{
    uint64_t *frame = (uint64_t *)top - 22;
    memset(frame, 0, 22 * sizeof(*frame));
    frame[8] = (uint64_t)(uintptr_t)arg;
    frame[9] = (uint64_t)(uintptr_t)entry;
    frame[19] = (uint64_t)(uintptr_t)wr_switch_entry;
    frame[20] = settings;
    return frame;
}

#else

#include <ucontext.h>

void wr_switch_adopt(void)
{
}

void wr_switch_reset(void)
{
}

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
