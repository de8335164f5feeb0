/* SPDX-License-Identifier: MIT */
/*
 * Switching from one stack to another. What a call must keep is kept: the
 * callee-saved registers and the floating-point control words (x86-64: MXCSR
 * and the x87 control word; aarch64: FPCR). Signal masks are not switched.
 */
#ifndef WR_PORT_SWITCH_H
#define WR_PORT_SWITCH_H

#include <stddef.h>

/* Saves the caller's context on its stack, stores where in *from, and goes
 * on in the context at to. Returns when somebody switches back. */
void wr_switch(void **from, void *to);

/* Fresh contexts get the floating-point control words that the caller has now.
 * By ucontext, those of whoever prepares them. */
void wr_switch_adopt(void);
/* Makes the running context fresh in that respect. */
void wr_switch_reset(void);

/* Prepares a context on an empty stack that ends below top (aligned to 16):
 * the first switch to it calls entry(arg). What entry returns is the saved
 * context to go on with; its own stack is left for good. */
void *wr_switch_prepare(void *top, void *(*entry)(void *), void *arg);

#endif
