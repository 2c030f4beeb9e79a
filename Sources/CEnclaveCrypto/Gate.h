// The gate (DESIGN, section 11, "Registers"). Linux keeps every vector register across a system call; the entry
// code saves XMM0-15 and MXCSR, because the kernel, compiled for baseline x86-64, touches nothing else. BoringSSL's
// assembly uses YMM, ZMM and mask registers, and VEX-encoded instructions clear the upper halves. So what enters
// it saves the extended state on its own stack first, and restores it before it returns:
//
//   GATE;           declares and saves
//   ...
//   UNGATE;         restores; on every way out
//
// x87 (component 0) and SSE (component 1) are left out: BoringSSL on x86-64 uses no x87, and XMM0-15 and MXCSR lie
// in the thread's cl_regs already. Saving also takes away whatever of the secret was left in wide registers.
#pragma once
#ifdef CLOISTER_ENCLAVE
#include <stdint.h>

// Components 2 (AVX) and 5...7 (AVX-512) end at 2688 (SDM Vol. 1, 13.4; EnclaveLayout's SSA frame holds them).
typedef struct {
  __attribute__((aligned(64))) uint8_t bytes[2752];
} cl_gate_area;

/// The mask of what must be saved: XFRM without x87 and SSE. 0 before cl_crypto_start: then no wide code runs.
extern uint64_t cl_gate_mask;
extern int cl_gate_compact;

static inline __attribute__((always_inline)) void cl_gate_enter(cl_gate_area *a) {
  uint64_t mask = cl_gate_mask;
  if (mask == 0) return;
  // XRSTOR faults on a header that is not zero, and may load MXCSR (SDM Vol. 1, 13.8).
  uint64_t *header = (uint64_t *)(a->bytes + 512);
  for (int i = 0; i < 8; i++) header[i] = 0;
  __asm__ volatile("stmxcsr %0" : "=m"(*(uint32_t *)(a->bytes + 24)));
  if (cl_gate_compact)
    __asm__ volatile("xsavec64 (%0)" : : "r"(a->bytes), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
  else
    __asm__ volatile("xsave64 (%0)" : : "r"(a->bytes), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
}
static inline __attribute__((always_inline)) void cl_gate_leave(const cl_gate_area *a) {
  uint64_t mask = cl_gate_mask;
  if (mask == 0) return;
  __asm__ volatile("xrstor64 (%0)" : : "r"(a->bytes), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
}
#define GATE              \
  cl_gate_area gate_area; \
  cl_gate_enter(&gate_area)
#define UNGATE cl_gate_leave(&gate_area)
#else
#define GATE ((void)0)
#define UNGATE ((void)0)
#endif
