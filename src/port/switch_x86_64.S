/* SPDX-License-Identifier: MIT */
/*
 * The saved context, from its address upwards:
 *    0  MXCSR (4), x87 control word (2), 2 unused
 *    8  r15   16 r14   24 r13   32 r12   40 rbx   48 rbp   56 return address
 * Control words are loaded only where they differ: storing is cheap, loading
 * waits for the pipeline.
 *
 * The last step is a `ret` on purpose: all switches of tasks come from one
 * place, and the call chains above it are alike, so the processor's return
 * stack predicts it and every return after it. A jump through a register would
 * be predicted itself, but leave that stack one entry off for all returns that
 * follow (measured: 60 ns a round trip). A context's first switch has no
 * return to predict: it is a jump, and the context ends by returning. So whoever
 * waits for a new task finds the return stack as it was when that task has
 * ended (measured: 40 ns of a task started and joined).
 */
#if defined(__x86_64__) && !defined(WR_UCONTEXT)

#if defined(__CET__)
#include <cet.h>
#else
#define _CET_ENDBR
#endif

    .text
    .globl  wr_switch
    .hidden wr_switch
    .type   wr_switch, @function
    .p2align 4
wr_switch:
    .cfi_startproc
    _CET_ENDBR
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbx, 0
    pushq   %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r12, 0
    pushq   %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r13, 0
    pushq   %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r14, 0
    pushq   %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r15, 0
    subq    $8, %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
    movl    (%rsp), %eax
    movzwl  4(%rsp), %ecx
    movq    %rsp, (%rdi)
.Lload:
    leaq    wr_switch_entry(%rip), %rdx
    movq    %rsi, %rsp
    cmpl    (%rsp), %eax
    jne     2f
1:  cmpw    4(%rsp), %cx
    jne     3f
4:  addq    $8, %rsp
    .cfi_adjust_cfa_offset -8
    popq    %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore r15
    popq    %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore r14
    popq    %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore r13
    popq    %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore r12
    popq    %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbx
    popq    %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbp
    cmpq    (%rsp), %rdx
    je      5f
    ret
5:  addq    $8, %rsp
    .cfi_adjust_cfa_offset -8
    jmp     wr_switch_entry
    .cfi_adjust_cfa_offset 64
    .cfi_rel_offset rbp, 48
    .cfi_rel_offset rbx, 40
    .cfi_rel_offset r12, 32
    .cfi_rel_offset r13, 24
    .cfi_rel_offset r14, 16
    .cfi_rel_offset r15, 8
2:  ldmxcsr (%rsp)
    jmp     1b
3:  fldcw   4(%rsp)
    jmp     4b
    .cfi_endproc
    .size   wr_switch, .-wr_switch

/* First and last steps of a context: rbx holds the argument, r12 the entry,
 * whose result is where to go on. The undefined return address ends a
 * debugger's walk here. */
    .globl  wr_switch_entry
    .hidden wr_switch_entry
    .type   wr_switch_entry, @function
    .p2align 4
wr_switch_entry:
    .cfi_startproc
    .cfi_undefined rip
    _CET_ENDBR
    movq    %rbx, %rdi
    xorl    %ebp, %ebp
    callq   *%r12
    movq    %rax, %rsi
    subq    $64, %rsp /* as large as what a switch saves, for debuggers */
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
    movl    (%rsp), %eax
    movzwl  4(%rsp), %ecx
    jmp     .Lload
    .cfi_endproc
    .size   wr_switch_entry, .-wr_switch_entry

#endif
    .section .note.GNU-stack, "", @progbits
