// The assembly corner's routines for the plain-Swift tests: no GS, no faults, no enclave.
#ifndef CLOISTER_ENCLAVE
#include "CEnclave.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

cl_thread_block *cl_block(void) {
  static __thread cl_thread_block block;
  block.self = (uint64_t)&block;
  return &block;
}
__attribute__((target("rdrnd"))) int cl_rdrand(uint64_t *value) {
  unsigned long long v;
  for (int i = 0; i < 10; i++)
    if (__builtin_ia32_rdrand64_step(&v)) { *value = v; return 1; }
  return 0;
}
uint64_t cl_copy_user(void *d, const void *s, uint64_t n) { memmove(d, s, n); return 0; }
uint64_t cl_fill_user(void *d, uint64_t n, uint8_t b) { memset(d, b, n); return 0; }
uint64_t cl_load_user32(const uint32_t *a, uint32_t *v) { *v = __atomic_load_n(a, __ATOMIC_SEQ_CST); return 0; }
uint64_t cl_cas_user32(uint32_t *a, uint32_t *e, uint32_t d) {
  __atomic_compare_exchange_n(a, e, d, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return 0;
}
uint64_t cl_get_xfrm(void) { return 3; }
__attribute__((target("fxsr"))) void cl_xsave(void *area) {
  __builtin_ia32_fxsave64(area);
  *(uint64_t *)((char *)area + 512) = 3;
}
void cl_xsave_part(void *area, uint64_t mask) { *(uint64_t *)((char *)area + 512) = 3 & mask; }
void cl_vzeroupper(void) {}
// FS is this process's own here.
void cl_write_fs_base(uint64_t base) { cl_block()->fs_base = base; }
uint64_t cl_syscall_entry_address(void) { return 0xFF00001000; }
uint64_t cl_signal_trampoline_address(void) { return 0xFF00002000; }
long syscall(long number, ...);
long cl_native_syscall(long n, unsigned long a0, unsigned long a1, unsigned long a2,
                       unsigned long a3, unsigned long a4, unsigned long a5) {
  long r = syscall(n, a0, a1, a2, a3, a4, a5);
  return r == -1 ? -errno : r;
}
#endif
