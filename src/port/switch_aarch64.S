/* SPDX-License-Identifier: MIT */
/*
 * The saved context, from its address upwards: d8-d15, x19-x30, FPCR, one
 * word unused: 176 bytes. The branch goes through a register other than x30
 * on purpose: a `ret` would be mispredicted.
 */
#if defined(__aarch64__) && !defined(WR_UCONTEXT)

    .text
    .globl  wr_switch
    .hidden wr_switch
    .type   wr_switch, %function
    .p2align 4
wr_switch:
    .cfi_startproc
    hint    #34
    sub     sp, sp, #176
    .cfi_adjust_cfa_offset 176
    stp     d8, d9, [sp, #0]
    stp     d10, d11, [sp, #16]
    stp     d12, d13, [sp, #32]
    stp     d14, d15, [sp, #48]
    stp     x19, x20, [sp, #64]
    stp     x21, x22, [sp, #80]
    stp     x23, x24, [sp, #96]
    stp     x25, x26, [sp, #112]
    stp     x27, x28, [sp, #128]
    stp     x29, x30, [sp, #144]
    .cfi_rel_offset x29, 144
    .cfi_rel_offset x30, 152
    mrs     x9, fpcr
    str     x9, [sp, #160]
    mov     x10, sp
    str     x10, [x0]
.Lload:
    mov     sp, x1
    ldr     x10, [sp, #160]
    cmp     x9, x10
    b.eq    1f
    msr     fpcr, x10
1:  ldp     d8, d9, [sp, #0]
    ldp     d10, d11, [sp, #16]
    ldp     d12, d13, [sp, #32]
    ldp     d14, d15, [sp, #48]
    ldp     x19, x20, [sp, #64]
    ldp     x21, x22, [sp, #80]
    ldp     x23, x24, [sp, #96]
    ldp     x25, x26, [sp, #112]
    ldp     x27, x28, [sp, #128]
    ldp     x29, x30, [sp, #144]
    add     sp, sp, #176
    .cfi_adjust_cfa_offset -176
    mov     x16, x30
    br      x16
    .cfi_endproc
    .size   wr_switch, .-wr_switch

/* First and last steps of a context: x19 holds the argument, x20 the entry,
 * whose result is where to go on. */
    .globl  wr_switch_entry
    .hidden wr_switch_entry
    .type   wr_switch_entry, %function
    .p2align 4
wr_switch_entry:
    .cfi_startproc
    .cfi_undefined x30
    hint    #34
    mov     x0, x19
    mov     x29, xzr
    blr     x20
    mov     x1, x0
    mrs     x9, fpcr
    b       .Lload
    .cfi_endproc
    .size   wr_switch_entry, .-wr_switch_entry

#endif
    .section .note.GNU-stack, "", %progbits
