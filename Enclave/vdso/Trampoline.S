// Where signal handlers return to: rt_sigreturn(2) without a trap. The frame description lets unwinders walk
// through a handler into the code that was interrupted (System V ABI, "signal frame"): RSP points at the
// ucontext here, so the interrupted registers lie at fixed offsets in uc_mcontext (sigcontext of
// arch/x86/include/uapi/asm/sigcontext.h).
#include "../../Sources/CEnclave/include/ThreadBlockOffsets.h"

    .text
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_escape 0x0f, 4, 0x77, 0xa0, 0x1, 0x06
    .cfi_escape 0x10, 8, 2, 0x77, 0x28  // r8
    .cfi_escape 0x10, 9, 2, 0x77, 0x30  // r9
    .cfi_escape 0x10, 10, 2, 0x77, 0x38  // r10
    .cfi_escape 0x10, 11, 3, 0x77, 0xc0, 0x0  // r11
    .cfi_escape 0x10, 12, 3, 0x77, 0xc8, 0x0  // r12
    .cfi_escape 0x10, 13, 3, 0x77, 0xd0, 0x0  // r13
    .cfi_escape 0x10, 14, 3, 0x77, 0xd8, 0x0  // r14
    .cfi_escape 0x10, 15, 3, 0x77, 0xe0, 0x0  // r15
    .cfi_escape 0x10, 5, 3, 0x77, 0xe8, 0x0  // rdi
    .cfi_escape 0x10, 4, 3, 0x77, 0xf0, 0x0  // rsi
    .cfi_escape 0x10, 6, 3, 0x77, 0xf8, 0x0  // rbp
    .cfi_escape 0x10, 3, 3, 0x77, 0x80, 0x1  // rbx
    .cfi_escape 0x10, 1, 3, 0x77, 0x88, 0x1  // rdx
    .cfi_escape 0x10, 0, 3, 0x77, 0x90, 0x1  // rax
    .cfi_escape 0x10, 2, 3, 0x77, 0x98, 0x1  // rcx
    .cfi_escape 0x10, 7, 3, 0x77, 0xa0, 0x1  // rsp
    .cfi_escape 0x10, 16, 3, 0x77, 0xa8, 0x1  // rip
    // Unwinders look one byte before a return address.
    nop
    .globl __cloister_rt_sigreturn
    .type __cloister_rt_sigreturn, @function
__cloister_rt_sigreturn:
    movl $15, %eax
    leaq 1f(%rip), %rcx
    jmpq *%gs:TB_SYSCALL_ENTRY
1:  ud2
    .cfi_endproc
    .size __cloister_rt_sigreturn, . - __cloister_rt_sigreturn
    .section .note.GNU-stack, "", @progbits
