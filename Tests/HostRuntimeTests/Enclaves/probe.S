// An enclave that has been taken over: it jumps to a SYSCALL instruction of the host and makes the system
// calls of its table there. Exits with the number of those that were not refused with EPERM.
//
// The test fills in `gadget` (the address of "syscall; ret" in the host) and the table.
  .text
  .globl entry
entry:
  movq %rcx, %r15
  testq %rax, %rax
  jnz fault
  movq %rdi, %r14                 // the buffer
  movabsq $0xFE00040000-64, %rsp
  leaq table(%rip), %r12
  movq count(%rip), %r13
  xorl %ebx, %ebx
1:
  testq %r13, %r13
  jz 3f
  movq (%r12), %rax
  movq 8(%r12), %rdi
  movq 16(%r12), %rsi
  movq 24(%r12), %rdx
  movq 32(%r12), %r10
  movq 40(%r12), %r8
  movq 48(%r12), %r9
  callq *gadget(%rip)
  movq %rax, 56(%r12)
  cmpq $-1, %rax
  je 2f
  incq %rbx
2:
  addq $64, %r12
  decq %r13
  jmp 1b
3:
  movq $0, (%r14)                 // exit(number of failures)
  movq %rbx, 8(%r14)
  movl $1, %edi
  jmp leave
fault:
  movl $3, %edi                   // refused
  movl $99, %esi
leave:
  movq %r15, %rbx
  movl $4, %eax
  callq enclu
  .p2align 3
enclu:
  enclu
  ret
  .fill 4, 1, 0xCC

  .section .note.cloister, "a", @note
  .p2align 2
  .long 9, 16, 1
  .asciz "Cloister"
  .p2align 2
  .quad sites, 1
  .section .rodata, "a"
  .p2align 3
sites:
  .quad enclu

  .data
gadget: .quad 0
count: .quad 0
table: .fill 64 * 32, 1, 0
