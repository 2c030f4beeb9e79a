// Entry and exit of the enclave. Attacks defended against (mission-users-attacks, rows 3, 5, 7):
// (a) RSP, RBP, flags, MXCSR and x87 state at EENTER are the host's: nothing is pushed before our own
//     stack is loaded, flags and MXCSR are set, the program's extended state is restored from our copy;
// (b) entries in the wrong order: each thread block has a state, every other entry is refused;
// (c) an exception entry while the interrupted code is in an entry or exit window: resumed untouched,
//     on the state in the block only; the handler has a stack of its own and runs once (CSSA 1);
// (d) register content leaking at EEXIT: every register is cleared or meant for the host.
#include "ThreadBlockOffsets.h"

    .section .text.entry, "ax"
    .balign 64
    .globl cl_entry
    .type cl_entry, @function
cl_entry:
    // RAX = CSSA, RCX = address after EENTER, RSP/RBP = the host's.
    cld
    testq %rax, %rax
    jnz exception_entry
    cmpl $0, cl_dead(%rip)
    jne refuse_dead
    movq %gs:TB_STATE, %rax
    cmpq $TS_HOST_CALL, %rax
    je return_from_host
    cmpq $TS_STARTABLE, %rax
    je start_thread
    cmpq $TS_UNUSED, %rax
    jne refuse
    cmpq $0, %gs:TB_INDEX
    jne refuse
    // Thread 0, once: the very first entry.
    movl $1, %eax
    xchgl %eax, cl_booted(%rip)
    testl %eax, %eax
    jne refuse
    movq %rsp, %gs:TB_UNTRUSTED_RSP
    movq %rbp, %gs:TB_UNTRUSTED_RBP
    movq %rcx, %gs:TB_RETURN_ADDRESS
    movabsq $(LAYOUT_KERNEL_STACK0 + LAYOUT_EXCEPTION_STACK_TOP), %rax
    movq %rax, %gs:TB_EXCEPTION_STACK_TOP
    movabsq $(LAYOUT_KERNEL_STACK0 + LAYOUT_KERNEL_STACK_TOP), %rax
    movq %rax, %gs:TB_KERNEL_STACK_TOP
    leaq -REGS_SIZE(%rax), %rsp
    movq $TS_RUNNING, %gs:TB_STATE
    call clean_state
    xorl %ebp, %ebp
    call libos_boot
    ud2

start_thread:
    movq %rsp, %gs:TB_UNTRUSTED_RSP
    movq %rbp, %gs:TB_UNTRUSTED_RBP
    movq %rcx, %gs:TB_RETURN_ADDRESS
    movq %gs:TB_KERNEL_STACK_TOP, %rsp
    leaq -REGS_SIZE(%rsp), %rsp
    movq $TS_RUNNING, %gs:TB_STATE
    call clean_state
    xorl %ebp, %ebp
    call libos_thread_start
    movq %gs:TB_START_ARGUMENT, %rdi
    testq %rdi, %rdi
    jz 1f
    call libos_kernel_thread
    ud2
1:  movq %gs:TB_FS_BASE, %rax
    wrfsbase %rax
    jmp cl_exit_restart

    // Flags and MXCSR as compiled code expects them; x87 and vector registers initial.
clean_state:
    pushq $2
    popfq
    // fall through
    .globl cl_xrstor_initial
cl_xrstor_initial:
    movq %rdx, %r8
    movl $-1, %eax
    movl $-1, %edx
    xrstor64 initial_state(%rip)
    movq %r8, %rdx
    ret

refuse:
    xorl %esi, %esi
    jmp leave_refused
refuse_dead:
    movl $2, %esi
leave_refused:
    movq %rcx, %rbx
    movl $3, %edi
    movl $4, %eax
    jmp cl_enclu_exit

    // A host call is over. Only what lies in the block is trusted.
return_from_host:
    movq %rsp, %gs:TB_UNTRUSTED_RSP
    movq %rbp, %gs:TB_UNTRUSTED_RBP
    movq %rcx, %gs:TB_RETURN_ADDRESS
    movq %gs:TB_KERNEL_RSP, %rsp
    movq $TS_RUNNING, %gs:TB_STATE
    movq %gs:TB_FS_BASE, %rax
    wrfsbase %rax
    movl $-1, %eax
    movl $-1, %edx
    xrstor64 (%rsp)
    movq 2816(%rsp), %rsp
    popfq
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

    // void cl_host_exit(void)
    .globl cl_host_exit
cl_host_exit:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushfq
    rdfsbase %rax
    movq %rax, %gs:TB_FS_BASE
    // The program's extended state (a system call keeps it) goes to the stack, and the registers are cleared.
    movq %rsp, %rcx
    leaq -2880(%rsp), %rsp
    andq $-64, %rsp
    movq %rcx, 2816(%rsp)
    xorl %eax, %eax
    movq %rax, 512(%rsp)
    movq %rax, 520(%rsp)
    movq %rax, 528(%rsp)
    movq %rax, 536(%rsp)
    movq %rax, 544(%rsp)
    movq %rax, 552(%rsp)
    movq %rax, 560(%rsp)
    movq %rax, 568(%rsp)
    movl $-1, %eax
    movl $-1, %edx
    xsave64 (%rsp)
    xrstor64 initial_state(%rip)
    movq %rsp, %gs:TB_KERNEL_RSP
    movl $1, %edi
    xorl %esi, %esi
leave_for_host:
    movq $TS_HOST_CALL, %gs:TB_STATE
scrub_and_leave:
    movq %gs:TB_RETURN_ADDRESS, %rbx
    movq %rbx, %rcx
    movq %gs:TB_UNTRUSTED_RSP, %rsp
    movq %gs:TB_UNTRUSTED_RBP, %rbp
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    movl $4, %eax
    jmp cl_enclu_exit

    // _Noreturn void cl_thread_exit(void): from here on this stack is not used any more.
    .globl cl_thread_exit
cl_thread_exit:
    movl $-1, %eax
    movl $-1, %edx
    xrstor64 initial_state(%rip)
    movl $1, %edi
    xorl %esi, %esi
    movq $TS_UNUSED, %gs:TB_STATE
    jmp scrub_and_leave

    // _Noreturn void cl_leave_dead(uint64_t code)
    .globl cl_leave_dead
cl_leave_dead:
    movq %rdi, %rsi
    movl $3, %edi
    movq $TS_DEAD, %gs:TB_STATE
    movl $-1, %eax
    movl $-1, %edx
    xrstor64 initial_state(%rip)
    jmp scrub_and_leave

    // CSSA > 0: an asynchronous exit happened on this TCS.
exception_entry:
    cmpq $1, %rax
    jne nested
    cmpq $TS_RUNNING, %gs:TB_STATE
    jne resume_untouched
    movq %rsp, %gs:TB_EXCEPTION_UNTRUSTED_RSP
    movq %rbp, %gs:TB_EXCEPTION_UNTRUSTED_RBP
    movq %rcx, %gs:TB_EXCEPTION_RETURN_ADDRESS
    movq %gs:TB_EXCEPTION_STACK_TOP, %rsp
    call clean_state
    xorl %ebp, %ebp
    call libos_exception
    call clean_state
    movq %gs:TB_EXCEPTION_RETURN_ADDRESS, %rcx
    movq %gs:TB_EXCEPTION_UNTRUSTED_RSP, %rsp
    movq %gs:TB_EXCEPTION_UNTRUSTED_RBP, %rbp
resume_untouched:
    movq %rcx, %rbx
    movl $2, %edi
    xorl %esi, %esi
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    xorl %r11d, %r11d
    xorl %r12d, %r12d
    xorl %r13d, %r13d
    xorl %r14d, %r14d
    xorl %r15d, %r15d
    movl $4, %eax
    jmp cl_enclu_exit
    // The handler itself (or this code) was interrupted: it goes on. A fault of the handler is the end.
    // Frame CSSA-1 lies CSSA-5 pages from the thread block (EnclaveLayout: four frames before it).
nested:
    movq %rax, %rdx
    subq $5, %rdx
    shlq $12, %rdx
    addq %gs:TB_SELF, %rdx
    testl $0x80000000, (4096 - 184 + 160)(%rdx)
    jz resume_untouched
    movl $3, %esi
    jmp leave_refused


    // _Noreturn void cl_kernel_fault(uint64_t rip, uint64_t address): RSI, RDX to the host.
    .globl cl_kernel_fault
cl_kernel_fault:
    movq %rdi, %r8
    movq %rsi, %r9
    movq %gs:TB_EXCEPTION_RETURN_ADDRESS, %rcx
    movq %gs:TB_EXCEPTION_UNTRUSTED_RSP, %rsp
    movq %gs:TB_EXCEPTION_UNTRUSTED_RBP, %rbp
    movq %rcx, %rbx
    movl $3, %edi
    movl $4, %esi
    movl $4, %eax
    jmp cl_enclu_exit

    .section .rodata.entry, "a"
    .balign 64
    // XSTATE_BV = 0: XRSTOR puts every component of XFRM in its initial state; MXCSR from here.
initial_state:
    .zero 24
    .long 0x1F80
    .zero 4096 - 28

    .section .bss.entry, "aw", @nobits
    .globl cl_booted
cl_booted:
    .zero 4
    .globl cl_dead
cl_dead:
    .zero 4
