// See CTestEnclave.h. Position-independent; the data follow the code.
#if defined(__x86_64__)
#define DATA(offset) (test_enclave_data + offset)(%rip)

  .section .rodata
  .p2align 12
  .globl test_enclave_start
test_enclave_start:

  // RAX = CSSA, RCX = where EEXIT goes. GS: 0 URSP, 8 URBP, 16 URIP, 24 stack top; from 64 on the same for
  // an exception handler.
  .globl test_enclave_entry
test_enclave_entry:
  testq %rax, %rax
  jnz 1f
  movq %rsp, %gs:0
  movq %rbp, %gs:8
  movq %rcx, %gs:16
  movq %gs:24, %rsp
  jmp 2f
1:
  movq %rsp, %gs:64
  movq %rbp, %gs:72
  movq %rcx, %gs:80
  movq %gs:88, %rsp
2:
  pushq %rax
  cmpq $11, %rdi
  ja bad
  leaq table(%rip), %r10
  movslq (%r10,%rdi,4), %r11
  addq %r10, %r11
  jmpq *%r11

  .p2align 2
table:
  .long nop_command - table
  .long leaf_command - table
  .long load_command - table
  .long store_command - table
  .long syscall_command - table
  .long run_command - table
  .long jump_command - table
  .long spin_command - table
  .long skip_command - table
  .long loop_command - table
  .long bases_command - table
  .long dirty_command - table

  // One routine for all leaves but EEXIT, one for EEXIT, as the fast mode wants them.
  .p2align 3
  .globl test_enclave_enclu
test_enclave_enclu:
  .byte 0x0F, 0x01, 0xD7, 0xC3, 0xCC, 0xCC, 0xCC, 0xCC
  .globl test_enclave_eexit
test_enclave_eexit:
  .byte 0x0F, 0x01, 0xD7, 0xC3, 0xCC, 0xCC, 0xCC, 0xCC

bad:
  movq $-1, %rdi
  .globl test_enclave_leave
test_enclave_leave:
leave:
  popq %rax
  testq %rax, %rax
  jnz 1f
  movq %gs:0, %rsp
  movq %gs:8, %rbp
  movq %gs:16, %rbx
  jmp 2f
1:
  movq %gs:64, %rsp
  movq %gs:72, %rbp
  movq %gs:80, %rbx
2:
  movl $4, %eax
  jmp test_enclave_eexit

  // All five come back one larger; R9 says CSSA.
nop_command:
  incq %rdi
  incq %rsi
  incq %rdx
  incq %r8
  movq (%rsp), %r9
  jmp leave

leaf_command:
  movq %rsi, %r12
  movq (%r12), %rax
  movq 8(%r12), %rbx
  movq 16(%r12), %rcx
  movq 24(%r12), %rdx
  callq test_enclave_enclu
  pushfq
  popq %rbx
  movq %rax, (%r12)
  movq %rbx, 8(%r12)
  xorl %edi, %edi
  jmp leave

loop_command:
  movq %rsi, %r13
  movq %rdx, %r12
1:
  movq (%r12), %rax
  movq 8(%r12), %rbx
  movq 16(%r12), %rcx
  movq 24(%r12), %rdx
  callq test_enclave_enclu
  movq 32(%r12), %rbx
  addq %rbx, 16(%r12)
  decq %r13
  jnz 1b
  movq %rax, %rdi
  jmp leave

load_command:
  movq (%rsi), %rdi
  jmp leave

store_command:
  movq %rdx, (%rsi)
  xorl %edi, %edi
  jmp leave

syscall_command:
  movl $39, %eax
  syscall
  movq %rax, %rdi
  jmp leave

jump_command:
  jmpq *%rsi

bases_command:
  rdfsbase %rdi
  rdgsbase %rsi
  jmp leave

  // Leaves with DF and AC set, MXCSR and the x87 control word changed, vector registers full.
dirty_command:
  movl $0x9F80, DATA(0x210)
  ldmxcsr DATA(0x210)
  movw $0x027F, DATA(0x210)
  fldcw DATA(0x210)
  fld1
  pcmpeqd %xmm8, %xmm8
  pushfq
  orq $0x40400, (%rsp)
  popfq
  jmp leave

  // RSI: word to watch. Every other register holds a pattern made of its number.
spin_command:
  movabsq $0x0101010101010101, %rax
  leaq (%rax,%rax), %rbx
  leaq (%rax,%rbx), %rcx
  leaq (%rax,%rcx), %rdx
  leaq (%rax,%rdx), %rdi
  leaq (%rax,%rdi), %rbp
  leaq (%rax,%rbp), %r8
  leaq (%rax,%r8), %r9
  leaq (%rax,%r9), %r10
  leaq (%rax,%r10), %r11
  leaq (%rax,%r11), %r12
  leaq (%rax,%r12), %r13
  leaq (%rax,%r13), %r14
  xorl %r15d, %r15d
  movq %rax, %xmm0
  movq %r14, %xmm15
  .globl test_enclave_spin_loop
test_enclave_spin_loop:
  incq %r15
  pushq %r15
  popq %r15
  cmpq $0, (%rsi)
  je test_enclave_spin_loop
  .globl test_enclave_spin_end
test_enclave_spin_end:
  subq %rax, %r14
  cmpq %r13, %r14
  jne spin_bad
  subq %rax, %r13
  cmpq %r12, %r13
  jne spin_bad
  subq %rax, %r12
  cmpq %r11, %r12
  jne spin_bad
  subq %rax, %r11
  cmpq %r10, %r11
  jne spin_bad
  subq %rax, %r10
  cmpq %r9, %r10
  jne spin_bad
  subq %rax, %r9
  cmpq %r8, %r9
  jne spin_bad
  subq %rax, %r8
  cmpq %rbp, %r8
  jne spin_bad
  subq %rax, %rbp
  cmpq %rdi, %rbp
  jne spin_bad
  subq %rax, %rdi
  cmpq %rdx, %rdi
  jne spin_bad
  subq %rax, %rdx
  cmpq %rcx, %rdx
  jne spin_bad
  subq %rax, %rcx
  cmpq %rbx, %rcx
  jne spin_bad
  subq %rax, %rbx
  cmpq %rax, %rbx
  jne spin_bad
  movq %xmm0, %rdx
  cmpq %rax, %rdx
  jne spin_bad
  movq %xmm15, %rdx
  imulq $13, %rax, %rcx
  cmpq %rcx, %rdx
  jne spin_bad
  movq %r15, %rsi
  xorl %edi, %edi
  jmp leave
spin_bad:
  movl $1, %edi
  jmp leave

  // SSA[0] of this TCS: GS + 32 holds the address of its GPRSGX.
skip_command:
  movq %gs:32, %r10
  addq %rsi, 136(%r10)
  xorl %edi, %edi
  jmp leave

run_command:
  cmpq $8, %rsi
  ja bad
  leaq instructions(%rip), %r10
  movslq (%r10,%rsi,4), %r11
  addq %r10, %r11
  movq %r11, DATA(0x200)
  movq %rsp, DATA(0x208)
  movl $7, %eax
  xorl %edx, %edx
  xrstor64 DATA(0x1000)
  pushq DATA(128)
  movq DATA(0), %rax
  movq DATA(8), %rcx
  movq DATA(16), %rdx
  movq DATA(24), %rbx
  movq DATA(40), %rbp
  movq DATA(48), %rsi
  movq DATA(56), %rdi
  movq DATA(64), %r8
  movq DATA(72), %r9
  movq DATA(80), %r10
  movq DATA(88), %r11
  movq DATA(96), %r12
  movq DATA(104), %r13
  movq DATA(112), %r14
  movq DATA(120), %r15
  popfq
  jmpq *DATA(0x200)
done:
  movq %rax, DATA(0x100)
  movq %rsp, DATA(0x120)
  pushfq
  popq DATA(0x180)
  // The flags that were under test must not hurt what follows.
  pushq $2
  popfq
  movq %rcx, DATA(0x108)
  movq %rdx, DATA(0x110)
  movq %rbx, DATA(0x118)
  movq %rbp, DATA(0x128)
  movq %rsi, DATA(0x130)
  movq %rdi, DATA(0x138)
  movq %r8, DATA(0x140)
  movq %r9, DATA(0x148)
  movq %r10, DATA(0x150)
  movq %r11, DATA(0x158)
  movq %r12, DATA(0x160)
  movq %r13, DATA(0x168)
  movq %r14, DATA(0x170)
  movq %r15, DATA(0x178)
  movl $7, %eax
  xorl %edx, %edx
  xsave64 DATA(0x2000)
  movl $0x1F80, DATA(0x210)
  ldmxcsr DATA(0x210)
  fninit
  movq DATA(0x208), %rsp
  xorl %edi, %edi
  jmp leave

  .p2align 2
instructions:
  .long done - instructions
  .long i_ud2 - instructions
  .long i_int3 - instructions
  .long i_div - instructions
  .long i_syscall - instructions
  .long i_null - instructions
  .long i_noncanonical - instructions
  .long i_int80 - instructions
  .long i_loop - instructions

  // Each one is two bytes long (what TEST_SKIP adds), INT3 excepted, and eight from the next.
  .p2align 3
  .globl test_enclave_run_instructions
test_enclave_run_instructions:
i_ud2:
  ud2
  jmp done
  .p2align 3
i_int3:
  int3
  jmp done
  .p2align 3
i_div:
  .byte 0xF7, 0xF1
  jmp done
  .p2align 3
i_syscall:
  syscall
  jmp done
  .p2align 3
i_null:
  .byte 0x8B, 0x06
  jmp done
  .p2align 3
i_noncanonical:
  .byte 0x8B, 0x07
  jmp done
  .p2align 3
i_int80:
  int $0x80
  jmp done
  .p2align 3
i_loop:
  jmp i_loop
  jmp done

  .org test_enclave_start + 0x2000, 0xCC
  .globl test_enclave_data
test_enclave_data:
  .fill 0x6000, 1, 0
  .globl test_enclave_end
test_enclave_end:
  .section .note.GNU-stack, "", @progbits
#endif
