// The LibOS's vDSO (vdso(7)): time without entering the kernel, and the signal trampoline's unwind
// information (Trampoline.S). It runs as part of the program; all it touches of the kernel is the time
// record, whose address every thread block holds (TB_TIME_RECORD), and the kernel's entry.
//
// The record says when it is stale; then, and for every clock that is not simple, the call goes to the kernel.
#include <stdint.h>
#include "../../Sources/CEnclave/include/ThreadBlockOffsets.h"

struct timespec { int64_t tv_sec, tv_nsec; };
struct timeval { int64_t tv_sec, tv_usec; };

// CEnclave.h, cl_time.
struct time_record {
  uint64_t sequence, valid, tsc_base, monotonic_base, realtime_offset, multiplier, resync_ticks;
};

#define EXPORT __attribute__((visibility("default")))

static inline const volatile struct time_record *record(void) {
  const volatile struct time_record *r;
  __asm__("mov %%gs:%c1, %0" : "=r"(r) : "i"(TB_TIME_RECORD));
  return r;
}

static inline long kernel_call2(long number, long a, long b) {
  register long ra __asm__("rdi") = a;
  register long rb __asm__("rsi") = b;
  long result = number;
  __asm__ volatile(
      "lea 1f(%%rip), %%rcx\n\tjmp *%%gs:%c3\n1:"
      : "+a"(result) : "r"(ra), "r"(rb), "i"(TB_SYSCALL_ENTRY) : "rcx", "r11", "memory");
  return result;
}

// 1: *ns is CLOCK_MONOTONIC, *offset what makes it CLOCK_REALTIME.
static inline int now(uint64_t *ns, uint64_t *offset) {
  const volatile struct time_record *r = record();
  for (int tries = 0; tries < 100; tries++) {
    uint64_t before = r->sequence;
    if (before & 1) continue;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint64_t valid = r->valid, base = r->tsc_base, monotonic = r->monotonic_base;
    uint64_t realtime = r->realtime_offset, multiplier = r->multiplier, limit = r->resync_ticks;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (r->sequence != before) continue;
    uint64_t tsc = __builtin_ia32_rdtsc();
    uint64_t ticks = tsc > base ? tsc - base : 0;
    if (!valid || ticks > limit) return 0;
    *ns = monotonic + (uint64_t)(((unsigned __int128)ticks * multiplier) >> 32);
    *offset = realtime;
    return 1;
  }
  return 0;
}

EXPORT int __vdso_clock_gettime(int clock, struct timespec *t) {
  uint64_t ns, offset;
  // CLOCK_REALTIME 0, MONOTONIC 1, MONOTONIC_RAW 4, REALTIME_COARSE 5, MONOTONIC_COARSE 6, BOOTTIME 7.
  if (clock >= 0 && clock <= 7 && ((1 << clock) & 0xF3) && now(&ns, &offset)) {
    if (clock == 0 || clock == 5) ns += offset;
    t->tv_sec = (int64_t)(ns / 1000000000u);
    t->tv_nsec = (int64_t)(ns % 1000000000u);
    return 0;
  }
  return (int)kernel_call2(228, clock, (long)t);
}

EXPORT int __vdso_gettimeofday(struct timeval *t, void *zone) {
  uint64_t ns, offset;
  if (t && !zone && now(&ns, &offset)) {
    ns += offset;
    t->tv_sec = (int64_t)(ns / 1000000000u);
    t->tv_usec = (int64_t)(ns % 1000000000u) / 1000;
    return 0;
  }
  return (int)kernel_call2(96, (long)t, (long)zone);
}

EXPORT int64_t __vdso_time(int64_t *t) {
  uint64_t ns, offset;
  if (!now(&ns, &offset)) return kernel_call2(201, (long)t, 0);
  int64_t s = (int64_t)((ns + offset) / 1000000000u);
  if (t) *t = s;
  return s;
}

EXPORT int __vdso_clock_getres(int clock, struct timespec *t) { return (int)kernel_call2(229, clock, (long)t); }

EXPORT int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused) {
  (void)unused;
  return (int)kernel_call2(309, (long)cpu, (long)node);
}

int clock_gettime(int, struct timespec *) __attribute__((weak, alias("__vdso_clock_gettime"), visibility("default")));
int gettimeofday(struct timeval *, void *) __attribute__((weak, alias("__vdso_gettimeofday"), visibility("default")));
int64_t time(int64_t *) __attribute__((weak, alias("__vdso_time"), visibility("default")));
int clock_getres(int, struct timespec *) __attribute__((weak, alias("__vdso_clock_getres"), visibility("default")));
int getcpu(unsigned *, unsigned *, void *) __attribute__((weak, alias("__vdso_getcpu"), visibility("default")));
