// Entering and leaving the enclave. Everything between csgx_window_start and csgx_window_end may run with
// half of the enclave's state loaded; the signal handlers treat an address in there specially.
#if defined(__x86_64__)
#include "thread.h"

  .text

  // void csgx_enter_asm(struct thread *rdi, uint64_t function rsi)
  .globl csgx_enter_asm
  .hidden csgx_enter_asm
  .type csgx_enter_asm, @function
  .p2align 4
csgx_enter_asm:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  subq $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  movq %rsp, T_HOST_RSP(%rdi)
  // The untrusted RBP is the same at each entry of a thread, as with `HardwareSGX`, whose vDSO call runs on a
  // stack of its own: an enclave that was resumed leaves with the RBP of the EENTER before.
  movq %rdi, %rbp
  movq %rbp, T_HOST_RBP(%rdi)
  cmpq $3, %rsi
  je csgx_resume_start

  // EENTER: RAX = CSSA, RBX = TCS, RCX = the address after EENTER; RSP, RBP and the rest are untouched.
  .globl csgx_window_start
  .hidden csgx_window_start
csgx_window_start:
  movq %rdi, %r10
  movq T_GS(%r10), %rdx
  movq T_RIP(%r10), %r11
  movq T_CSSA(%r10), %rax
  movq T_TCS(%r10), %rbx
  leaq csgx_after_enter(%rip), %rcx
  movq T_FS(%r10), %r12
  wrfsbase %r12
  // An EEXIT leaves the enclave's GS, which the host does not use; it is nearly always the right one.
  rdgsbase %r12
  cmpq %r12, %rdx
  je 1f
  wrgsbase %rdx
1:
  movq T_RDI(%r10), %rdi
  movq T_RSI(%r10), %rsi
  movq T_RDX(%r10), %rdx
  movq T_R8(%r10), %r8
  movq T_R9(%r10), %r9
  jmpq *%r11

  // ERESUME. Everything comes from T_IMAGE and the SSA's XSAVE area; IRET sets RIP, RSP and the flags at
  // once, and nothing is read or written near the enclave's stack. RDI = thread. May be started again.
  .globl csgx_resume_start
  .hidden csgx_resume_start
csgx_resume_start:
  cmpl $0, T_PENDING(%rdi)
  jne csgx_resume_abandoned
  movq T_XSAVE(%rdi), %rcx
  movl T_XFRM(%rdi), %eax
  movl T_XFRM+4(%rdi), %edx
  xrstor64 (%rcx)
  movq T_FS(%rdi), %rax
  movq T_GS(%rdi), %rdx
  wrfsbase %rax
  wrgsbase %rdx
  leaq T_IMAGE(%rdi), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rbp
  popq %rbx
  popq %rdx
  popq %rcx
  popq %rax
  iretq
  .globl csgx_resume_end
  .hidden csgx_resume_end
csgx_resume_end:

  // A kick came before the enclave was entered: back as if it had been interrupted at once.
  // RDI = thread, FS and GS are the host's.
  .globl csgx_resume_abandoned
  .hidden csgx_resume_abandoned
csgx_resume_abandoned:
  movl $0, T_PENDING(%rdi)
  movq $CSGX_ASM_INTERRUPTED, T_KIND(%rdi)
  movq T_HOST_RSP(%rdi), %rsp
  jmp csgx_return

  // RDI = thread; FS and GS are the host's. The handlers come here after an AEX.
  .globl csgx_aex_return
  .hidden csgx_aex_return
csgx_aex_return:
  movq T_HOST_RSP(%rdi), %rsp
  jmp csgx_return

  // The address after EENTER, RBX of an EEXIT. A real EEXIT comes here by way of csgx_eexit_return with the
  // thread in R10; a plain jump to this label from the enclave is not an exit.
  .globl csgx_after_enter
  .hidden csgx_after_enter
csgx_after_enter:
  ud2

  // R10 = thread; FS is the host's.
  .globl csgx_eexit_return
  .hidden csgx_eexit_return
csgx_eexit_return:
  movq %rdi, T_RDI(%r10)
  movq %rsi, T_RSI(%r10)
  movq %rdx, T_RDX(%r10)
  movq %r8, T_R8(%r10)
  movq %r9, T_R9(%r10)
  movq $CSGX_ASM_EEXIT, T_KIND(%r10)
  movq T_HOST_RSP(%r10), %rsp
csgx_return:
  cld
  // AC would make the host's unaligned accesses fault.
  pushfq
  testl $0x40000, (%rsp)
  jz 1f
  andq $~0x40000, (%rsp)
  popfq
  subq $8, %rsp
1:
  addq $8, %rsp
  ldmxcsr (%rsp)
  // An x87 stack that is not empty would spoil the host's arithmetic.
  emms
  fldcw 4(%rsp)
  addq $8, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size csgx_enter_asm, .-csgx_enter_asm

  // Where the fast mode's trampolines go. The enclave called its ENCLU routine; FS, GS and the stack are
  // its own. EEXIT is done here, the other leaves in C on the host's stack (writing a base costs as much as
  // a whole EACCEPT, so they keep the enclave's).
  .globl csgx_fast_leaf
  .hidden csgx_fast_leaf
  .type csgx_fast_leaf, @function
  .p2align 4
csgx_fast_leaf:
  cmpl $4, %eax
  jne csgx_fast_other
  rdgsbase %r10
  shrq $12, %r10
  cmpq csgx_page_count(%rip), %r10
  jae csgx_fast_lost
  movq csgx_threads_by_gs(%rip), %r11
  movq (%r11,%r10,8), %r10
  testq %r10, %r10
  jz csgx_fast_lost
  leaq csgx_after_enter(%rip), %r11
  cmpq %r11, %rbx
  jne csgx_fast_foreign
  movq T_HOST_FS(%r10), %r11
  wrfsbase %r11
  jmp csgx_eexit_return

  // EEXIT to an address that is not the one after EENTER: the CPU would go there.
csgx_fast_foreign:
  movq T_HOST_FS(%r10), %r11
  wrfsbase %r11
  movq T_HOST_GS(%r10), %r11
  wrgsbase %r11
  jmpq *%rbx

  // The enclave moved GS: this machine cannot find the thread. Documented; strict mode has no such limit.
  .globl csgx_fast_lost
  .hidden csgx_fast_lost
csgx_fast_lost:
  ud2

csgx_fast_other:
  pushq %r11
  rdgsbase %r11
  shrq $12, %r11
  cmpq csgx_page_count(%rip), %r11
  jae csgx_fast_lost
  pushq %r10
  movq csgx_threads_by_gs(%rip), %r10
  movq (%r10,%r11,8), %r11
  testq %r11, %r11
  jz csgx_fast_lost
  movq %rax, L_RAX(%r11)
  movq %rbx, L_RBX(%r11)
  movq %rcx, L_RCX(%r11)
  movq %rdx, L_RDX(%r11)
  movq %rsi, L_RSI(%r11)
  movq %rdi, L_RDI(%r11)
  movq %rbp, L_RBP(%r11)
  movq %r8, L_R8(%r11)
  movq %r9, L_R9(%r11)
  movq (%rsp), %rax
  movq %rax, L_R10(%r11)
  movq 8(%rsp), %rax
  movq %rax, L_R11(%r11)
  movq %r12, L_R12(%r11)
  movq %r13, L_R13(%r11)
  movq %r14, L_R14(%r11)
  movq %r15, L_R15(%r11)
  addq $16, %rsp
  movq %rsp, L_RSP(%r11)
  movq %r11, %rbx
  lahf
  movzbl %ah, %eax
  movq %rax, L_FLAGS(%rbx)
  rdfsbase %rax
  movq %rax, L_FS(%rbx)
  rdgsbase %rax
  movq %rax, L_GS(%rbx)
  // FS and GS stay: the C code for leaves uses neither, but for keys, where it switches them itself.
  movq T_HOST_RSP(%rbx), %rsp
  andq $-16, %rsp
  cld
  movq %rbx, %rdi
  callq csgx_leaf_fast

  // Back into the enclave. RBX = thread; everything comes from its block, so that a handler may start this
  // again from the top.
  .globl csgx_leaf_return_start
  .hidden csgx_leaf_return_start
csgx_leaf_return_start:
  movl T_PENDING(%rbx), %eax
  orl T_FAULT(%rbx), %eax
  jnz csgx_leaf_slow
  movb L_FLAGS(%rbx), %ah
  testb $0, %al
  sahf
  movq L_RAX(%rbx), %rax
  movq L_RCX(%rbx), %rcx
  movq L_RDX(%rbx), %rdx
  movq L_RSI(%rbx), %rsi
  movq L_RDI(%rbx), %rdi
  movq L_RBP(%rbx), %rbp
  movq L_R8(%rbx), %r8
  movq L_R9(%rbx), %r9
  movq L_R10(%rbx), %r10
  movq L_R11(%rbx), %r11
  movq L_R12(%rbx), %r12
  movq L_R13(%rbx), %r13
  movq L_R14(%rbx), %r14
  movq L_R15(%rbx), %r15
  movq L_RSP(%rbx), %rsp
  movq L_RBX(%rbx), %rbx
  ret
  .globl csgx_leaf_return_end
  .hidden csgx_leaf_return_end
csgx_leaf_return_end:

  // A kick is pending or the leaf faulted: an AEX is due. The trap's handler takes the registers from the
  // block (RBX).
csgx_leaf_slow:
  .globl csgx_leaf_trap
  .hidden csgx_leaf_trap
csgx_leaf_trap:
  ud2
  .size csgx_fast_leaf, .-csgx_fast_leaf
  .globl csgx_window_end
  .hidden csgx_window_end
csgx_window_end:
  nop

  // Signal handler: RDI signal, RSI siginfo, RDX ucontext, on the alternate stack if the enclave was
  // interrupted. The registers need not be kept, sigreturn restores them.
  .globl csgx_signal_entry
  .hidden csgx_signal_entry
  .type csgx_signal_entry, @function
  .p2align 4
csgx_signal_entry:
  // The kernel clears DF but not AC.
  pushfq
  andq $~0x40000, (%rsp)
  popfq
  // The block lies above the thread's alternate stack, and the kernel says which one the thread has (uc_stack).
  // Neither GS nor RIP tells: clone(2) passes on the creator's GS, and a broken pointer may lead host code
  // below the end of ELRANGE. No block but the thread's own is looked at: another may just go away.
  movq %rsp, %rcx
  andq $-ALT_STACK_SIZE, %rcx
  leaq GUARD_SIZE(%rcx), %rax
  cmpq %rax, 16(%rdx)
  jne csgx_host_signal
  cmpq $SIGNAL_STACK_SIZE, 32(%rdx)
  jne csgx_host_signal
  addq $(ALT_STACK_SIZE - BLOCK_SIZE), %rcx
  cmpq $0, T_INSIDE(%rcx)
  je csgx_host_signal
  movq 168(%rdx), %rax
  cmpq csgx_elrange_size(%rip), %rax
  jb 1f
  leaq csgx_window_start(%rip), %r8
  cmpq %r8, %rax
  jb 2f
  leaq csgx_window_end(%rip), %r8
  cmpq %r8, %rax
  jb 1f
  // Host code. It may be that of a fast leaf, which runs on the enclave's FS and GS; the GS tells.
2:
  rdgsbase %rax
  shrq $12, %rax
  cmpq csgx_page_count(%rip), %rax
  jae csgx_host_signal
  movq csgx_threads_by_gs(%rip), %r8
  cmpq %rcx, (%r8,%rax,8)
  jne csgx_host_signal
1:
  rdfsbase %rax
  movq %rax, T_SIGNAL_FS(%rcx)
  rdgsbase %rax
  movq %rax, T_SIGNAL_GS(%rcx)
  movq T_HOST_FS(%rcx), %rax
  wrfsbase %rax
  movq T_HOST_GS(%rcx), %rax
  wrgsbase %rax
  pushq %rbx
  movq %rcx, %rbx
  callq csgx_enclave_signal
  movq T_SIGNAL_FS(%rbx), %rax
  wrfsbase %rax
  movq T_SIGNAL_GS(%rbx), %rax
  wrgsbase %rax
  popq %rbx
  ret
  .size csgx_signal_entry, .-csgx_signal_entry

  .section .note.GNU-stack, "", @progbits
#endif
