// Between user mode and the kernel: rewritten system-call sites come in here, every way back leaves here.
//
// A rewritten site is not a function call: the compiler of the payload counts on every register but RAX,
// RCX and R11, vector registers included. The kernel is compiled for baseline x86-64, so XMM0-15 and
// MXCSR are all it can change; they are saved here. Nothing is written to the user's stack (red zone).
#include "ThreadBlockOffsets.h"

    .macro SAVE_GENERAL
    movq %r15, 0(%rsp)
    movq %r14, 8(%rsp)
    movq %r13, 16(%rsp)
    movq %r12, 24(%rsp)
    movq %rbp, 32(%rsp)
    movq %rbx, 40(%rsp)
    movq %r10, 56(%rsp)
    movq %r9, 64(%rsp)
    movq %r8, 72(%rsp)
    movq %rax, REGS_RAX(%rsp)
    movq %rdx, 96(%rsp)
    movq %rsi, 104(%rsp)
    movq %rdi, 112(%rsp)
    movq %rax, REGS_ORIG_RAX(%rsp)
    movq %gs:TB_USER_RSP, %rbx
    movq %rbx, REGS_RSP(%rsp)
    xorl %ebp, %ebp
    movq %rbp, REGS_XSAVE(%rsp)
    movaps %xmm0, REGS_XMM+0(%rsp)
    movaps %xmm1, REGS_XMM+16(%rsp)
    movaps %xmm2, REGS_XMM+32(%rsp)
    movaps %xmm3, REGS_XMM+48(%rsp)
    movaps %xmm4, REGS_XMM+64(%rsp)
    movaps %xmm5, REGS_XMM+80(%rsp)
    movaps %xmm6, REGS_XMM+96(%rsp)
    movaps %xmm7, REGS_XMM+112(%rsp)
    movaps %xmm8, REGS_XMM+128(%rsp)
    movaps %xmm9, REGS_XMM+144(%rsp)
    movaps %xmm10, REGS_XMM+160(%rsp)
    movaps %xmm11, REGS_XMM+176(%rsp)
    movaps %xmm12, REGS_XMM+192(%rsp)
    movaps %xmm13, REGS_XMM+208(%rsp)
    movaps %xmm14, REGS_XMM+224(%rsp)
    movaps %xmm15, REGS_XMM+240(%rsp)
    stmxcsr REGS_MXCSR(%rsp)
    ldmxcsr kernel_mxcsr(%rip)
    .endm

    .section .text.user, "ax"
    .balign 64
    // RAX = number, RCX = return address; RSP and all else the user's.
    .globl cl_syscall_entry
cl_syscall_entry:
    movq %rsp, %gs:TB_USER_RSP
    movq %gs:TB_KERNEL_STACK_TOP, %rsp
    leaq -REGS_SIZE(%rsp), %rsp
    pushfq
    popq %r11
    cld
    movq %rcx, REGS_RCX(%rsp)
    movq %rcx, REGS_RIP(%rsp)
    movq %r11, REGS_R11(%rsp)
    movq %r11, REGS_RFLAGS(%rsp)
    SAVE_GENERAL
    movq %rsp, %rdi
    call libos_syscall
    jmp cl_exit

    // RDX = return address; EAX, ECX inputs; flags and R11 stay.
    .globl cl_cpuid_entry
cl_cpuid_entry:
    movq %rsp, %gs:TB_USER_RSP
    movq %gs:TB_KERNEL_STACK_TOP, %rsp
    leaq -REGS_SIZE(%rsp), %rsp
    movq %r11, REGS_R11(%rsp)
    pushfq
    popq %r11
    cld
    movq %rcx, REGS_RCX(%rsp)
    movq %rdx, REGS_RIP(%rsp)
    movq %r11, REGS_RFLAGS(%rsp)
    SAVE_GENERAL
    movq %rsp, %rdi
    call libos_cpuid
    jmp cl_exit

    .globl cl_xgetbv_entry
cl_xgetbv_entry:
    movq %rsp, %gs:TB_USER_RSP
    movq %gs:TB_KERNEL_STACK_TOP, %rsp
    leaq -REGS_SIZE(%rsp), %rsp
    movq %r11, REGS_R11(%rsp)
    pushfq
    popq %r11
    cld
    movq %rcx, REGS_RCX(%rsp)
    movq %rdx, REGS_RIP(%rsp)
    movq %r11, REGS_RFLAGS(%rsp)
    SAVE_GENERAL
    movq %rsp, %rdi
    call libos_xgetbv
    jmp cl_exit

    // The exception handler sends a thread that was in user mode here, its registers in place on its
    // kernel stack (RSP = cl_regs).
    .globl cl_trap_continue
cl_trap_continue:
    cld
    ldmxcsr kernel_mxcsr(%rip)
    xorl %ebp, %ebp
    movq %rsp, %rdi
    call libos_trap
    jmp cl_exit

    // _Noreturn void cl_enter_user(cl_regs *): the registers already lie at their place.
    .globl cl_enter_user
cl_enter_user:
    movq %gs:TB_FS_BASE, %rax
    wrfsbase %rax
    // fall through

    // The way out. Everything is read from cl_regs, nothing there changes: an asynchronous exit inside
    // the window starts over here, so that work that arrived after the check is seen.
    .globl cl_exit_restart
cl_exit_restart:
    movq %gs:TB_KERNEL_STACK_TOP, %rsp
    leaq -REGS_SIZE(%rsp), %rsp
cl_exit:
    .globl cl_exit_window_start
cl_exit_window_start:
    cmpq $0, %gs:TB_WORK
    jne exit_work
    movq REGS_XSAVE(%rsp), %rcx
    testq %rcx, %rcx
    jnz restore_extended
    movaps REGS_XMM+0(%rsp), %xmm0
    movaps REGS_XMM+16(%rsp), %xmm1
    movaps REGS_XMM+32(%rsp), %xmm2
    movaps REGS_XMM+48(%rsp), %xmm3
    movaps REGS_XMM+64(%rsp), %xmm4
    movaps REGS_XMM+80(%rsp), %xmm5
    movaps REGS_XMM+96(%rsp), %xmm6
    movaps REGS_XMM+112(%rsp), %xmm7
    movaps REGS_XMM+128(%rsp), %xmm8
    movaps REGS_XMM+144(%rsp), %xmm9
    movaps REGS_XMM+160(%rsp), %xmm10
    movaps REGS_XMM+176(%rsp), %xmm11
    movaps REGS_XMM+192(%rsp), %xmm12
    movaps REGS_XMM+208(%rsp), %xmm13
    movaps REGS_XMM+224(%rsp), %xmm14
    movaps REGS_XMM+240(%rsp), %xmm15
    ldmxcsr REGS_MXCSR(%rsp)
restore_general:
    movq REGS_RIP(%rsp), %rax
    movq %rax, %gs:TB_EXIT_RIP
    // POPFQ takes 5 ns. Of flags that only SF, ZF, AF, PF and CF are set in (TEST leaves OF clear) SAHF is enough.
    movl REGS_RFLAGS(%rsp), %eax
    testl $~0x2D7, %eax
    jnz restore_flags
    movb %al, %ah
    sahf
restore_registers:
    movq 0(%rsp), %r15
    movq 8(%rsp), %r14
    movq 16(%rsp), %r13
    movq 24(%rsp), %r12
    movq 32(%rsp), %rbp
    movq 40(%rsp), %rbx
    movq REGS_R11(%rsp), %r11
    movq 56(%rsp), %r10
    movq 64(%rsp), %r9
    movq 72(%rsp), %r8
    movq REGS_RAX(%rsp), %rax
    movq REGS_RCX(%rsp), %rcx
    movq 96(%rsp), %rdx
    movq 104(%rsp), %rsi
    movq 112(%rsp), %rdi
    movq REGS_RSP(%rsp), %rsp
    jmpq *%gs:TB_EXIT_RIP
restore_flags:
    pushq REGS_RFLAGS(%rsp)
    popfq
    jmp restore_registers
    .globl cl_exit_window_end
cl_exit_window_end:

restore_extended:
    .globl cl_exit_window2_start
cl_exit_window2_start:
    movl $-1, %eax
    movl $-1, %edx
    xrstor64 (%rcx)
    jmp restore_general
    .globl cl_exit_window2_end
cl_exit_window2_end:

exit_work:
    ldmxcsr kernel_mxcsr(%rip)
    movq %rsp, %rdi
    call libos_return_work
    jmp cl_exit_restart

    // uint64_t cl_copy_user(void *d, const void *s, uint64_t n)
    .globl cl_copy_user
cl_copy_user:
    // Short copies by words: REP MOVSB alone takes 7 ns. A fault there goes on at cl_copy_start, which
    // finds the first byte that cannot be touched.
    movq %rdx, %rcx
    cmpq $256, %rdx
    ja cl_copy_start
    .globl cl_copy_fast_start
cl_copy_fast_start:
    cmpq $8, %rcx
    jb 2f
1:  movq (%rsi), %rax
    movq %rax, (%rdi)
    addq $8, %rsi
    addq $8, %rdi
    subq $8, %rcx
    cmpq $8, %rcx
    jae 1b
2:  testq %rcx, %rcx
    jz cl_copy_end
3:  movb (%rsi), %al
    movb %al, (%rdi)
    incq %rsi
    incq %rdi
    decq %rcx
    jnz 3b
    jmp cl_copy_end
    .globl cl_copy_fast_end
cl_copy_fast_end:
    .globl cl_copy_start
cl_copy_start:
    rep movsb
    .globl cl_copy_end
cl_copy_end:
    xorl %eax, %eax
    ret
    // uint64_t cl_fill_user(void *d, uint64_t n, uint8_t b)
    .globl cl_fill_user
cl_fill_user:
    movq %rsi, %rcx
    movzbl %dl, %eax
    cmpq $256, %rsi
    ja cl_fill_start
    movabsq $0x0101010101010101, %r8
    imulq %rax, %r8
    .globl cl_fill_fast_start
cl_fill_fast_start:
    cmpq $8, %rcx
    jb 2f
1:  movq %r8, (%rdi)
    addq $8, %rdi
    subq $8, %rcx
    cmpq $8, %rcx
    jae 1b
2:  testq %rcx, %rcx
    jz cl_fill_end
3:  movb %al, (%rdi)
    incq %rdi
    decq %rcx
    jnz 3b
    jmp cl_fill_end
    .globl cl_fill_fast_end
cl_fill_fast_end:
    .globl cl_fill_start
cl_fill_start:
    rep stosb
    .globl cl_fill_end
cl_fill_end:
    xorl %eax, %eax
    ret
    // A fault in one of the two: RCX bytes are left.
    .globl cl_copy_fault
cl_copy_fault:
    movq %rcx, %rax
    ret

    // uint64_t cl_load_user32(const uint32_t *a, uint32_t *v)
    .globl cl_load_user32
cl_load_user32:
    .globl cl_atomic_start
cl_atomic_start:
    movl (%rdi), %ecx
    movl %ecx, (%rsi)
    xorl %eax, %eax
    ret
    // uint64_t cl_cas_user32(uint32_t *a, uint32_t *expected, uint32_t desired)
    .globl cl_cas_user32
cl_cas_user32:
    movl (%rsi), %eax
    lock cmpxchgl %edx, (%rdi)
    movl %eax, (%rsi)
    xorl %eax, %eax
    ret
    .globl cl_atomic_end
cl_atomic_end:
    .globl cl_atomic_fault
cl_atomic_fault:
    movl $1, %eax
    ret

    // void cl_host_write(void *d, const void *s, uint64_t n): aligned 8-byte stores; the last word is padded.
    .globl cl_host_write
cl_host_write:
    movq %rdx, %rcx
    shrq $3, %rcx
    rep movsq
    andl $7, %edx
    jz 2f
    xorl %eax, %eax
    xorl %ecx, %ecx
1:  movzbl (%rsi), %r8d
    shlq %cl, %r8
    orq %r8, %rax
    incq %rsi
    addl $8, %ecx
    decl %edx
    jnz 1b
    movq %rax, (%rdi)
2:  ret

    // void cl_host_read(void *d, const void *s, uint64_t n): aligned 8-byte loads.
    .globl cl_host_read
cl_host_read:
    movq %rdx, %rcx
    shrq $3, %rcx
    rep movsq
    andl $7, %edx
    jz 2f
    movq (%rsi), %rax
1:  movb %al, (%rdi)
    shrq $8, %rax
    incq %rdi
    decl %edx
    jnz 1b
2:  ret

    .globl cl_xsave
cl_xsave:
    movl $-1, %eax
    movl $-1, %edx
    xsave64 (%rdi)
    ret
    .globl cl_xsave_part
cl_xsave_part:
    movq %rsi, %rax
    movq %rsi, %rdx
    shrq $32, %rdx
    xsave64 (%rdi)
    ret
    .globl cl_vzeroupper
cl_vzeroupper:
    vzeroupper
    ret
    .globl cl_write_fs_base
cl_write_fs_base:
    wrfsbase %rdi
    movq %rdi, %gs:TB_FS_BASE
    ret
    .globl cl_read_fs_base
cl_read_fs_base:
    rdfsbase %rax
    ret
    .globl cl_rdrand
cl_rdrand:
    movl $10, %ecx
1:  rdrand %rax
    jc 2f
    pause
    decl %ecx
    jnz 1b
    xorl %eax, %eax
    ret
2:  movq %rax, (%rdi)
    movl $1, %eax
    ret

    // ENCLU, one routine for all leaves but EEXIT, one for EEXIT; 8 bytes each so that the software machine's
    // fast mode can replace them by a jump (their addresses are in the image's note).
    .balign 8
    .globl cl_enclu
cl_enclu:
    .byte 0x0F, 0x01, 0xD7
    ret
    .byte 0xCC, 0xCC, 0xCC, 0xCC
    .balign 8
    .globl cl_enclu_exit
cl_enclu_exit:
    .byte 0x0F, 0x01, 0xD7
    ret
    .byte 0xCC, 0xCC, 0xCC, 0xCC

    // uint64_t cl_accept_page(uint64_t flags, uint64_t address)
    .globl cl_accept_page
cl_accept_page:
    movl $5, %r8d
    jmp .Lwith_secinfo
    // uint64_t cl_accept_copy(uint64_t flags, uint64_t address, uint64_t source): RDX = source already
    .globl cl_accept_copy
cl_accept_copy:
    movl $7, %r8d
    // ENCLU leaf r8d with RBX = a SECINFO of these flags, RCX = the page.
.Lwith_secinfo:
    pushq %rbx
    leaq -136(%rsp), %rsp
    movq %rsp, %rbx
    addq $63, %rbx
    andq $-64, %rbx
    movq %rdi, (%rbx)
    xorl %eax, %eax
    movq %rax, 8(%rbx)
    movq %rax, 16(%rbx)
    movq %rax, 24(%rbx)
    movq %rax, 32(%rbx)
    movq %rax, 40(%rbx)
    movq %rax, 48(%rbx)
    movq %rax, 56(%rbx)
    movq %rsi, %rcx
    movl %r8d, %eax
    call cl_enclu
    leaq 136(%rsp), %rsp
    popq %rbx
    ret
    .globl cl_extend_page
cl_extend_page:
    pushq %rbx
    leaq -136(%rsp), %rsp
    movq %rsp, %rbx
    addq $63, %rbx
    andq $-64, %rbx
    movq %rdi, (%rbx)
    xorl %eax, %eax
    movq %rax, 8(%rbx)
    movq %rax, 16(%rbx)
    movq %rax, 24(%rbx)
    movq %rax, 32(%rbx)
    movq %rax, 40(%rbx)
    movq %rax, 48(%rbx)
    movq %rax, 56(%rbx)
    movq %rsi, %rcx
    movl $6, %eax
    call cl_enclu
    leaq 136(%rsp), %rsp
    popq %rbx
    ret
    // uint64_t cl_ereport(const void *targetinfo, const void *reportdata, void *report)
    .globl cl_ereport
cl_ereport:
    pushq %rbx
    movq %rdi, %rbx
    movq %rsi, %rcx
    xorl %eax, %eax
    call cl_enclu
    popq %rbx
    ret
    // uint64_t cl_egetkey(const void *keyrequest, void *key)
    .globl cl_egetkey
cl_egetkey:
    pushq %rbx
    movq %rdi, %rbx
    movq %rsi, %rcx
    movl $1, %eax
    call cl_enclu
    popq %rbx
    ret

    .section .rodata.user, "a"
    .balign 4
kernel_mxcsr:
    .long 0x1F80

    // Where the host finds the ENCLU routines: a note, name "Cloister", type 1, {address, count}.
    .section .rodata.enclu, "a"
    .balign 8
enclu_sites:
    .quad cl_enclu, cl_enclu_exit
    .section .note.cloister, "a", @note
    .balign 4
    .long 9
    .long 16
    .long 1
    .asciz "Cloister"
    .balign 4
    .quad enclu_sites
    .quad 2
