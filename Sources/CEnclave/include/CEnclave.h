// What Swift cannot say: the thread block behind GS, register frames, and the routines of the
// assembly corner. Compiled freestanding into the enclave (CLOISTER_ENCLAVE) and, with a thread-local
// block in place of GS, into the plain-Swift tests.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "ThreadBlockOffsets.h"

// Swift's optimiser does not inline these by itself: its functions have other target attributes.
#define CL_INLINE static inline __attribute__((always_inline))

#pragma clang assume_nonnull begin

/// User registers as they lie on the kernel stack while a thread is in the kernel; xmm0...15 and
/// MXCSR because the kernel itself uses them (a system call keeps every vector register).
typedef struct {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
  uint64_t rax, rcx, rdx, rsi, rdi;
  uint64_t orig_rax;
  uint64_t rip, rflags, rsp;
  /// Address of a saved XSAVE area to be restored instead of xmm/mxcsr, or 0.
  uint64_t xsave;
  uint64_t xmm[32];
  uint32_t mxcsr, reserved;
  /// EXITINFO, EXINFO.MADDR and EXINFO.ERRCD of the exception that brought the thread here, or 0.
  uint64_t exit_info;
  uint64_t fault_address, fault_error;
} cl_regs;

/// The block that GS points to (one page per TCS, ThreadBlockOffsets.h has the offsets for assembly).
typedef struct {
  uint64_t self;
  uint64_t index;
  uint64_t state;
  uint64_t kernel_stack_top;
  uint64_t user_rsp;
  uint64_t syscall_entry;
  uint64_t cpuid_entry;
  uint64_t xgetbv_entry;
  uint64_t untrusted_rsp;
  uint64_t untrusted_rbp;
  uint64_t kernel_rsp;
  uint64_t host_buffer;
  uint64_t fs_base;
  uint64_t task;
  uint64_t work;
  uint64_t exception_stack_top;
  uint64_t exception_untrusted_rsp;
  uint64_t exception_untrusted_rbp;
  uint64_t exit_rip;
  uint64_t exit_rsp;
  uint64_t ssa_base;
  uint64_t xsave_area;
  uint64_t parker;
  uint64_t exception_depth;
  uint64_t copy_active;
  uint64_t host_buffer_size;
  uint64_t start_argument;
  uint64_t kernel_fault_rip;
  uint64_t return_address;
  uint64_t exception_return_address;
  uint64_t time_record;
  /// BoringSSL's thread-local pointers (Enclave/boringssl/Platform.cc).
  uint64_t crypto_local[8];
} cl_thread_block;

#define CL_ASSERT_OFFSET(field, constant) \
  _Static_assert(offsetof(cl_thread_block, field) == constant, #field)
CL_ASSERT_OFFSET(state, TB_STATE);
CL_ASSERT_OFFSET(kernel_stack_top, TB_KERNEL_STACK_TOP);
CL_ASSERT_OFFSET(user_rsp, TB_USER_RSP);
CL_ASSERT_OFFSET(syscall_entry, TB_SYSCALL_ENTRY);
CL_ASSERT_OFFSET(cpuid_entry, TB_CPUID_ENTRY);
CL_ASSERT_OFFSET(xgetbv_entry, TB_XGETBV_ENTRY);
CL_ASSERT_OFFSET(untrusted_rsp, TB_UNTRUSTED_RSP);
CL_ASSERT_OFFSET(untrusted_rbp, TB_UNTRUSTED_RBP);
CL_ASSERT_OFFSET(kernel_rsp, TB_KERNEL_RSP);
CL_ASSERT_OFFSET(host_buffer, TB_HOST_BUFFER);
CL_ASSERT_OFFSET(fs_base, TB_FS_BASE);
CL_ASSERT_OFFSET(work, TB_WORK);
CL_ASSERT_OFFSET(exception_stack_top, TB_EXCEPTION_STACK_TOP);
CL_ASSERT_OFFSET(exception_untrusted_rsp, TB_EXCEPTION_UNTRUSTED_RSP);
CL_ASSERT_OFFSET(exception_untrusted_rbp, TB_EXCEPTION_UNTRUSTED_RBP);
CL_ASSERT_OFFSET(exit_rip, TB_EXIT_RIP);
CL_ASSERT_OFFSET(exit_rsp, TB_EXIT_RSP);
CL_ASSERT_OFFSET(exception_depth, TB_EXCEPTION_DEPTH);
CL_ASSERT_OFFSET(host_buffer_size, TB_HOST_BUFFER_SIZE);
CL_ASSERT_OFFSET(time_record, TB_TIME_RECORD);
CL_ASSERT_OFFSET(return_address, TB_RETURN_ADDRESS);
CL_ASSERT_OFFSET(exception_return_address, TB_EXCEPTION_RETURN_ADDRESS);
_Static_assert(offsetof(cl_regs, rax) == REGS_RAX, "rax");
_Static_assert(offsetof(cl_regs, rip) == REGS_RIP, "rip");
_Static_assert(offsetof(cl_regs, rsp) == REGS_RSP, "rsp");
_Static_assert(offsetof(cl_regs, xsave) == REGS_XSAVE, "xsave");
_Static_assert(offsetof(cl_regs, xmm) == REGS_XMM, "xmm");
_Static_assert(offsetof(cl_regs, mxcsr) == REGS_MXCSR, "mxcsr");
_Static_assert(sizeof(cl_regs) == REGS_SIZE, "size");

#ifdef CLOISTER_ENCLAVE
CL_INLINE cl_thread_block *cl_block(void) {
  cl_thread_block *b;
  __asm__("mov %%gs:0, %0" : "=r"(b));
  return b;
}
#else
cl_thread_block *cl_block(void);
#endif

/// A load that the compiler does not merge with its neighbours.
CL_INLINE uint64_t cl_load64(const uint64_t *p) {
  uint64_t v;
  __asm__("movq %1, %0" : "=r"(v) : "m"(*p));
  return v;
}
CL_INLINE void cl_pause(void) { __builtin_ia32_pause(); }
CL_INLINE uint64_t cl_rdtsc(void) { return __builtin_ia32_rdtsc(); }

/// Nothing, except in the self-test image.
void cl_self_test(void);

/// RDRAND with the ten tries of the SDM (Vol. 1, 7.3.17.1). 1: `*value` is set.
int cl_rdrand(uint64_t *value);

/// Copies between kernel and user memory, forward. Returns the number of bytes that could NOT be
/// copied because a page was missing or protected (0: all). The fault address is not needed: it is
/// the first byte not copied.
uint64_t cl_copy_user(void *destination, const void *source, uint64_t count);
/// Same for filling with a byte.
uint64_t cl_fill_user(void *destination, uint64_t count, uint8_t byte);
/// Aligned 4-byte atomics on user memory, for futexes. Return 0, or 1 on a fault.
uint64_t cl_load_user32(const uint32_t *address, uint32_t *value);
uint64_t cl_cas_user32(uint32_t *address, uint32_t *expected, uint32_t desired);

/// Writes to and reads of untrusted memory: aligned 8-byte words only (INTEL-SA-00615, SA-00657).
void cl_host_write(void *host_destination, const void *source, uint64_t count);
void cl_host_read(void *destination, const void *host_source, uint64_t count);

CL_INLINE uint64_t cl_host_read64(const uint64_t *p) { return *(const volatile uint64_t *)p; }
CL_INLINE void cl_host_write64(uint64_t *p, uint64_t v) { *(volatile uint64_t *)p = v; }

/// Where the first entry's handover (HostCall.swift) is copied: the count, a word, 64 entries of 24 bytes.
#define CL_HANDOVER_WORDS 192
uint64_t *cl_handover(void);

/// Leaves with ExitReason.hostCall and comes back when the host has entered the TCS again.
void cl_host_exit(void);
/// Leaves for good: ExitReason.refused with this code in RSI.
_Noreturn void cl_leave_dead(uint64_t code);

/// ENCLU leaves. EACCEPT and EACCEPTCOPY return the SGX error code in RAX (0: fine).
uint64_t cl_eaccept(const void *secinfo, uint64_t address);
uint64_t cl_emodpe(const void *secinfo, uint64_t address);
uint64_t cl_eacceptcopy(const void *secinfo, uint64_t address, uint64_t source);
uint64_t cl_ereport(const void *targetinfo, const void *reportdata, void *report);
uint64_t cl_egetkey(const void *keyrequest, void *key);

/// Goes to user mode with these registers; never returns to the caller.
_Noreturn void cl_enter_user(cl_regs *regs);
/// Where a thread's registers lie while it is in the kernel: always the same place on its stack.
static inline cl_regs *cl_regs_at(uint64_t kernel_stack_top) {
  return (cl_regs *)(kernel_stack_top - REGS_SIZE);
}
/// Leaves with ExitReason.hostCall for good: the TCS is free when the host has it.
_Noreturn void cl_thread_exit(void);
uint64_t cl_read_fs_base(void);
/// Leaves from the exception handler for good, after a fault of the kernel at `rip`.
#define CL_KERNEL_STACK_SIZE 0x20000  // EnclaveLayout.kernelStackSize
int cl_backtrace(uint64_t low, uint64_t frame, uint64_t *out, int most);
int cl_own_backtrace(uint64_t *out, int most);
/// Before the end: what the kernel was doing, into the host's buffer (EnclaveRuntime/Backtrace.swift).
void libos_last_words(uint64_t rip, uint64_t rsp, uint64_t rbp);
_Noreturn void cl_kernel_fault(uint64_t rip, uint64_t address);
/// Bounds of code with special treatment by the exception handler.
extern char cl_exit_window2_start[], cl_exit_window2_end[];
extern char cl_exit_window_start[], cl_exit_window_end[], cl_exit_restart[];
extern char cl_copy_start[], cl_copy_end[], cl_copy_fault[], cl_atomic_start[], cl_atomic_end[], cl_atomic_fault[];
extern char cl_trap_continue[];

/// XSAVE and XRSTOR with the enclave's XFRM (`cl_get_xfrm`), standard format, 64-byte aligned area.
uint64_t cl_get_xfrm(void);
void cl_set_xfrm(uint64_t xfrm);
void cl_xsave(void *area);
/// XSAVE of the components in `mask` only.
void cl_xsave_part(void *area, uint64_t mask);
void cl_vzeroupper(void);
void cl_xrstor_initial(void);
void cl_write_fs_base(uint64_t base);

/// Linker-provided bounds of the enclave image (addresses of these symbols).
extern char cl_image_start[], cl_image_end[], cl_vdso_start[], cl_vdso_end[];
uint64_t cl_syscall_entry_address(void);
/// Where EENTER goes.
uint64_t cl_entry_address(void);
uint64_t cl_signal_trampoline_address(void);
uint64_t cl_vdso_address(void);
uint64_t cl_cpuid_entry_address(void);
uint64_t cl_xgetbv_entry_address(void);

/// The time record (one cache line of kernel memory, read by the vDSO as well).
typedef struct {
  uint64_t sequence;
  uint64_t valid;
  uint64_t tsc_base;
  uint64_t monotonic_base;
  uint64_t realtime_offset;
  uint64_t multiplier;
  uint64_t resync_ticks;
} cl_time;
cl_time *cl_time_record(void);
void cl_time_begin_update(void);
void cl_time_end_update(void);
/// 1: `*copy` is consistent.
int cl_time_snapshot(cl_time *copy);

static inline void cl_store_state(cl_thread_block *b, uint64_t state) {
  __atomic_store_n(&b->state, state, __ATOMIC_SEQ_CST);
}
static inline uint64_t cl_load_state(cl_thread_block *b) {
  return __atomic_load_n(&b->state, __ATOMIC_SEQ_CST);
}
/// Work flags of a thread block, seen by its exit path.
static inline void cl_set_work(cl_thread_block *b, uint64_t work) {
  __atomic_store_n(&b->work, work, __ATOMIC_SEQ_CST);
}

void cl_set_dead(void);
int cl_is_dead(void);
/// EACCEPT and EMODPE of one page with these SECINFO flags.
uint64_t cl_accept_page(uint64_t flags, uint64_t address);
void cl_extend_page(uint64_t flags, uint64_t address);
/// EACCEPTCOPY: the pending page at `address` is accepted with the content of the page at `source` and these flags.
uint64_t cl_accept_copy(uint64_t flags, uint64_t address, uint64_t source);

#ifndef CLOISTER_ENCLAVE
/// The host's own kernel, which the plain-Swift tests compare answers with. Negative errno on failure.
long cl_native_syscall(long number, unsigned long a0, unsigned long a1, unsigned long a2,
                       unsigned long a3, unsigned long a4, unsigned long a5);
#endif

#pragma clang assume_nonnull end
