// Small pieces of kernel state that assembly, Swift and the vDSO share.
#ifdef CLOISTER_ENCLAVE
#include "CEnclave.h"

static uint64_t xfrm = 3;
uint64_t cl_get_xfrm(void) { return xfrm; }
void cl_set_xfrm(uint64_t value) { xfrm = value; }
extern volatile uint32_t cl_dead;
extern char cl_syscall_entry[], cl_cpuid_entry[], cl_xgetbv_entry[];
extern char cl_fill_start[], cl_fill_end[];
extern char cl_copy_fast_start[], cl_copy_fast_end[], cl_fill_fast_start[], cl_fill_fast_end[];

void cl_set_dead(void) { __atomic_store_n(&cl_dead, 1, __ATOMIC_SEQ_CST); }
int cl_is_dead(void) { return (int)cl_dead; }

static uint64_t handover[2 + CL_HANDOVER_WORDS];
uint64_t *cl_handover(void) { return handover; }

static cl_time time_record __attribute__((aligned(64)));
cl_time *cl_time_record(void) { return &time_record; }
void cl_time_begin_update(void) { __atomic_add_fetch(&time_record.sequence, 1, __ATOMIC_ACQ_REL); }
void cl_time_end_update(void) { __atomic_add_fetch(&time_record.sequence, 1, __ATOMIC_RELEASE); }
int cl_time_snapshot(cl_time *copy) {
  uint64_t before = __atomic_load_n(&time_record.sequence, __ATOMIC_ACQUIRE);
  *copy = time_record;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  uint64_t after = __atomic_load_n(&time_record.sequence, __ATOMIC_RELAXED);
  return before == after && (before & 1) == 0;
}

extern const char cl_entry[];
uint64_t cl_entry_address(void) { return (uint64_t)cl_entry; }
uint64_t cl_syscall_entry_address(void) { return (uint64_t)cl_syscall_entry; }
uint64_t cl_cpuid_entry_address(void) { return (uint64_t)cl_cpuid_entry; }
uint64_t cl_xgetbv_entry_address(void) { return (uint64_t)cl_xgetbv_entry; }
uint64_t cl_signal_trampoline_address(void) {
  return (uint64_t)cl_vdso_start + CL_VDSO_TRAMPOLINE;
}
uint64_t cl_vdso_address(void) {
  return cl_vdso_end - cl_vdso_start > 64 ? (uint64_t)cl_vdso_start : 0;
}

// The self-test image (Enclave/build --self-test) has another one, which does not return.
__attribute__((weak)) void cl_self_test(void) {}

#define GPR(frame, offset) (*(uint64_t *)((frame) + 4096 - 184 + (offset)))
#define EXINFO_ADDRESS(frame) (*(uint64_t *)((frame) + 4096 - 184 - 16))
#define EXINFO_ERROR(frame) (*(uint32_t *)((frame) + 4096 - 184 - 8))
#define WITHIN(rip, start, end) ((rip) >= (uint64_t)(start) && (rip) < (uint64_t)(end))

// Return addresses of the kernel, from the frame pointers on this thread's kernel stack at or above `low`.
int cl_backtrace(uint64_t low, uint64_t frame, uint64_t *out, int most) {
  uint64_t top = cl_block()->kernel_stack_top;
  int count = 0;
  if (low < top - CL_KERNEL_STACK_SIZE || low > top) return 0;
  while (count < most && frame >= low && frame <= top - 16 && (frame & 7) == 0) {
    const uint64_t *f = (const uint64_t *)frame;
    if (!WITHIN(f[1], cl_image_start, cl_image_end)) break;
    out[count++] = f[1];
    if (f[0] <= frame) break;
    frame = f[0];
  }
  return count;
}
int cl_own_backtrace(uint64_t *out, int most) {
  uint64_t frame = (uint64_t)__builtin_frame_address(0);
  return cl_backtrace(frame, frame, out, most);
}

// The exception handler: runs at CSSA 1 on its own stack, allocates nothing, makes no host call. It only
// redirects the interrupted context in SSA frame 0; the work is done at CSSA 0 (User.S, libos_trap).
void libos_exception(void) {
  cl_thread_block *block = cl_block();
  char *frame = (char *)(block->self - 4 * 4096);  // SSA frame 0: EnclaveLayout.threadBlockOffset
  uint64_t rip = GPR(frame, 136);
  uint32_t info = *(uint32_t *)(frame + 4096 - 184 + 160);
  int is_exception = (info >> 31) & 1;
  // Used up: if the host interrupts the thread before it runs on, this is not an exception any more.
  *(uint32_t *)(frame + 4096 - 184 + 160) = 0;

  if (WITHIN(rip, cl_exit_window_start, cl_exit_window_end) ||
      WITHIN(rip, cl_exit_window2_start, cl_exit_window2_end)) {
    if (!is_exception) {
      // On its way to user mode: look at the pending work again.
      GPR(frame, 136) = (uint64_t)cl_exit_restart;
      return;
    }
  } else if (is_exception && (WITHIN(rip, cl_copy_start, cl_copy_end) ||
                              WITHIN(rip, cl_fill_start, cl_fill_end))) {
    GPR(frame, 136) = (uint64_t)cl_copy_fault;
    return;
  } else if (is_exception && WITHIN(rip, cl_copy_fast_start, cl_copy_fast_end)) {
    // The same copy byte by byte, from where it stands, to find out how far it can go.
    GPR(frame, 136) = (uint64_t)cl_copy_start;
    return;
  } else if (is_exception && WITHIN(rip, cl_fill_fast_start, cl_fill_fast_end)) {
    GPR(frame, 136) = (uint64_t)cl_fill_start;
    return;
  } else if (is_exception && WITHIN(rip, cl_atomic_start, cl_atomic_end)) {
    GPR(frame, 136) = (uint64_t)cl_atomic_fault;
    return;
  }
  if (WITHIN(rip, cl_image_start, cl_image_end) && !WITHIN(rip, cl_vdso_start, cl_vdso_end)) {
    if (!is_exception) return;  // the kernel was interrupted: it looks at its flags when it leaves
    // A fault of the kernel itself: nothing may run on. The host shows the address.
    cl_set_dead();
    block->kernel_fault_rip = rip;
    libos_last_words(rip, GPR(frame, 32), GPR(frame, 40));
    cl_kernel_fault(rip, EXINFO_ADDRESS(frame));
  }

  // User mode: its registers go to where a thread's registers lie in the kernel, and the thread
  // continues in cl_trap_continue on its kernel stack.
  cl_regs *regs = cl_regs_at(block->kernel_stack_top);
  regs->rax = GPR(frame, 0);
  regs->rcx = GPR(frame, 8);
  regs->rdx = GPR(frame, 16);
  regs->rbx = GPR(frame, 24);
  regs->rsp = GPR(frame, 32);
  regs->rbp = GPR(frame, 40);
  regs->rsi = GPR(frame, 48);
  regs->rdi = GPR(frame, 56);
  regs->r8 = GPR(frame, 64);
  regs->r9 = GPR(frame, 72);
  regs->r10 = GPR(frame, 80);
  regs->r11 = GPR(frame, 88);
  regs->r12 = GPR(frame, 96);
  regs->r13 = GPR(frame, 104);
  regs->r14 = GPR(frame, 112);
  regs->r15 = GPR(frame, 120);
  regs->rflags = GPR(frame, 128);
  regs->rip = rip;
  regs->orig_rax = (uint64_t)-1;
  regs->exit_info = info;
  regs->fault_address = is_exception ? EXINFO_ADDRESS(frame) : 0;
  regs->fault_error = is_exception ? EXINFO_ERROR(frame) : 0;
  regs->xsave = block->xsave_area;
  block->fs_base = GPR(frame, 168);
  void *to = (void *)block->xsave_area;
  const void *from = frame;
  uint64_t n = 3584;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
  GPR(frame, 136) = (uint64_t)cl_trap_continue;
  GPR(frame, 32) = (uint64_t)regs;
  GPR(frame, 128) = 2;
}
#endif
