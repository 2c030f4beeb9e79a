#if defined(__x86_64__)
  .text
  // int chsgx_enter(RDI vdso, RSI run, RDX registers, ECX function, R8 stack_top)
  .globl chsgx_enter
  .type chsgx_enter, @function
chsgx_enter:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rdi, %rax
  movq %rdx, %r12
  // On the other stack: where we came from, our registers, and the call's seventh argument on top.
  movq %rsp, -8(%r8)
  movq %r12, -16(%r8)
  leaq -32(%r8), %rsp
  movq %rsp, %rbp
  subq $8, %rsp
  pushq %rsi
  movq 0(%r12), %rdi
  movq 8(%r12), %rsi
  movq 16(%r12), %rdx
  movq 24(%r12), %r8
  movq 32(%r12), %r9
  callq *%rax
  // The vDSO keeps RSP; RDI, RSI, RDX, R8, R9 are the enclave's.
  cld
  movq 32(%rsp), %r12
  movq %rdi, 0(%r12)
  movq %rsi, 8(%r12)
  movq %rdx, 16(%r12)
  movq %r8, 24(%r12)
  movq %r9, 32(%r12)
  movq 40(%rsp), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size chsgx_enter, .-chsgx_enter
  .section .note.GNU-stack, "", @progbits
#endif
