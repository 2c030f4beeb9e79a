// Linked with --wrap=cl_rdrand: an RDRAND that is broken. Which way, the macro BROKEN says:
//   0  it always clears CF, as an exhausted generator does
//   1  it delivers for as long as an enclave takes to start (100,000 draws), and then never again
//   2  it delivers the same number each time
//   3  bit 17 of what it delivers is always 0
//   4  it clears CF nine times of ten, as a busy generator may: nothing must stop
#include <stdint.h>
int __real_cl_rdrand(uint64_t *value);
int __wrap_cl_rdrand(uint64_t *value);
int __wrap_cl_rdrand(uint64_t *value) {
  static int draws;
  int now = __atomic_fetch_add(&draws, 1, __ATOMIC_RELAXED);
  switch (BROKEN) {
  case 0: return 0;
  case 1: return now < 100000 ? __real_cl_rdrand(value) : 0;
  case 2: *value = 0x5bd1e995a54ff53aull; return 1;
  case 3:
    if (!__real_cl_rdrand(value)) return 0;
    *value &= ~(1ull << 17);
    return 1;
  default: {
    // Counted for each thread (by its stack): one that draws beside others must get its tenth too.
    static int own[1024];
    int mine = __atomic_fetch_add(&own[((uintptr_t)__builtin_frame_address(0) >> 16) % 1024], 1, __ATOMIC_RELAXED);
    return mine % 10 == 9 ? __real_cl_rdrand(value) : 0;
  }
  }
}
