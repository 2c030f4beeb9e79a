#pragma once
/// The vDSO call of a CPU with SGX, and the signal that interrupts it.
#include <stdint.h>

/// `struct sgx_enclave_run` (arch/x86/include/uapi/asm/sgx.h).
struct chsgx_run {
  uint64_t tcs;
  uint32_t function;
  uint16_t exception_vector;
  uint16_t exception_error_code;
  uint64_t exception_addr;
  uint64_t user_handler;
  uint64_t user_data;
  uint8_t reserved[216];
};

struct chsgx_registers {
  uint64_t rdi, rsi, rdx, r8, r9;
};

/// What RAX is set to at the AEP by a kick: no such leaf, so that ENCLU raises #GP and the vDSO returns.
#define CHSGX_KICKED 0x4B43

/// `__vdso_sgx_enter_enclave`, on a stack of the thread's own, so that the untrusted RSP and RBP are the same at
/// each entry.
int chsgx_enter(const void *vdso, struct chsgx_run *run, struct chsgx_registers *registers,
                uint32_t function, void *stack_top);

/// Installs the kick's handler; once a process. 0 or an errno.
int chsgx_install_kick(uint64_t vdso_start, uint64_t vdso_end);
void chsgx_interrupt(uintptr_t thread);

/// The stack for `chsgx_enter`, and whether a kick came while the thread was not at the AEP.
void *chsgx_thread_stack(void);
int chsgx_attach_thread(void);
void chsgx_detach_thread(void);
int chsgx_take_pending(void);

/// Where the vDSO's ELF image lies, or 0.
uint64_t chsgx_vdso_base(void);
