// What BoringSSL asks of an operating system, inside the enclave: locks, once, thread-local pointers, randomness
// and the processor's features. It stands in place of BoringSSL's own thread_pthread.cc, getentropy.cc,
// urandom.cc, fork_detect.cc, forkunsafe.cc and cpu_intel.cc, which would call libc or execute CPUID and XGETBV
// (illegal in an enclave).
#include "crypto/bcm_support.h"
#include "crypto/fipsmodule/rand/internal.h"
#include "crypto/internal.h"

extern "C" {
#include "CEnclave.h"
void cl_random_fill(void *p, long n);
void cl_yield(void);
}

// The locks guard a few instructions each (reference lists, tables built once), so they spin; after a while the
// processor is given away, because the holder's host thread may have been descheduled.
namespace {
struct RWLock {
  uint32_t readers;  // top bit: a writer
};
static_assert(sizeof(RWLock) <= sizeof(CRYPTO_MUTEX), "the lock lies in pthread_rwlock_t's room");
constexpr uint32_t kWriter = 1u << 31;

RWLock *of(CRYPTO_MUTEX *m) { return reinterpret_cast<RWLock *>(m); }

void wait(int &spins) {
  if (++spins < 200) {
    cl_pause();
  } else {
    spins = 0;
    cl_yield();
  }
}
}  // namespace

void CRYPTO_MUTEX_init(CRYPTO_MUTEX *m) { of(m)->readers = 0; }
void CRYPTO_MUTEX_cleanup(CRYPTO_MUTEX *m) {}
void CRYPTO_MUTEX_lock_read(CRYPTO_MUTEX *m) {
  int spins = 0;
  for (;;) {
    uint32_t v = __atomic_load_n(&of(m)->readers, __ATOMIC_RELAXED);
    if (!(v & kWriter) && __atomic_compare_exchange_n(&of(m)->readers, &v, v + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return;
    wait(spins);
  }
}
void CRYPTO_MUTEX_lock_write(CRYPTO_MUTEX *m) {
  int spins = 0;
  for (;;) {
    uint32_t v = 0;
    if (__atomic_compare_exchange_n(&of(m)->readers, &v, kWriter, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
    wait(spins);
  }
}
void CRYPTO_MUTEX_unlock_read(CRYPTO_MUTEX *m) { __atomic_sub_fetch(&of(m)->readers, 1, __ATOMIC_RELEASE); }
void CRYPTO_MUTEX_unlock_write(CRYPTO_MUTEX *m) { __atomic_store_n(&of(m)->readers, 0, __ATOMIC_RELEASE); }

// 0 not run, 1 running, 2 done.
void CRYPTO_once(CRYPTO_once_t *once, void (*init)(void)) {
  auto *state = reinterpret_cast<uint32_t *>(once);
  static_assert(sizeof(CRYPTO_once_t) >= 4 && CRYPTO_ONCE_INIT == 0, "once");
  if (__atomic_load_n(state, __ATOMIC_ACQUIRE) == 2) return;
  uint32_t expected = 0;
  if (__atomic_compare_exchange_n(state, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
    init();
    __atomic_store_n(state, 2, __ATOMIC_RELEASE);
    return;
  }
  int spins = 0;
  while (__atomic_load_n(state, __ATOMIC_ACQUIRE) != 2) wait(spins);
}

// The pointers stay with the thread's slot when its thread ends, and serve the next thread in that slot: an error
// queue and a generator that reseeds itself. So no destructor is ever called.
static_assert(NUM_OPENSSL_THREAD_LOCALS <= sizeof(cl_thread_block::crypto_local) / 8, "crypto_local");
void *CRYPTO_get_thread_local(thread_local_data_t index) {
  return reinterpret_cast<void *>(cl_block()->crypto_local[index]);
}
int CRYPTO_set_thread_local(thread_local_data_t index, void *value, thread_local_destructor_t) {
  cl_block()->crypto_local[index] = reinterpret_cast<uint64_t>(value);
  return 1;
}

// Randomness: RDRAND, through the one function that retries it, tests it at start and stops the enclave when it
// does not deliver. There is no fork to detect: a generation of 0 makes BoringSSL draw from here for each request.
void CRYPTO_init_sysrand(void) {}
void CRYPTO_sysrand(uint8_t *out, size_t n) { cl_random_fill(out, static_cast<long>(n)); }
void CRYPTO_sysrand_for_seed(uint8_t *out, size_t n) { CRYPTO_sysrand(out, n); }
int CRYPTO_sysrand_if_available(uint8_t *out, size_t n) {
  CRYPTO_sysrand(out, n);
  return 1;
}
uint64_t CRYPTO_get_fork_generation(void) { return 0; }
int rand_fork_unsafe_buffering_enabled(void) { return 0; }

// The processor. `cl_crypto_start` runs at boot, before the first use; until then the portable code is chosen.
extern "C" {
uint64_t cl_gate_mask;
int cl_gate_compact;

void cl_crypto_start(
    uint32_t leaf1_eax, uint32_t leaf1_ecx, uint32_t leaf1_edx, uint32_t leaf7_ebx, uint32_t leaf7_ecx, int is_intel,
    uint64_t xfrm, int has_xsavec) {
  // Components whose layout the gate's area holds, without x87 and SSE.
  cl_gate_mask = xfrm & 0xE4;
  cl_gate_compact = has_xsavec;
  const uint32_t bit = 1;
  // BoringSSL's meanings of bits that CPUID reserves (crypto/internal.h): leaf 1 EDX 30 Intel, ECX 11 AMD XOP,
  // leaf 7 EBX 14 ZMM registers are better avoided.
  leaf1_edx = (leaf1_edx & ~(bit << 30)) | (is_intel ? bit << 30 : 0);
  leaf1_ecx &= ~(bit << 11);
  leaf7_ebx &= ~(bit << 14);
  if ((xfrm & 6) != 6) {
    leaf1_ecx &= ~(bit << 28 | bit << 12);
    leaf7_ebx &= ~(bit << 5);
    leaf7_ecx &= ~(bit << 9 | bit << 10);
  }
  if ((xfrm & 0xE6) != 0xE6) {
    leaf7_ebx &= ~(bit << 16 | bit << 17 | bit << 21 | bit << 26 | bit << 27 | bit << 28 | bit << 30 | bit << 31);
    leaf7_ecx &= ~(bit << 1 | bit << 6 | bit << 11 | bit << 12 | bit << 14);
  }
  // Intel processors from Skylake server to Tiger Lake lower their clock for ZMM registers.
  uint32_t family = leaf1_eax >> 8 & 15;
  uint32_t model = (leaf1_eax >> 4 & 15) | (leaf1_eax >> 12 & 0xF0);
  if (is_intel && family == 6) {
    static const uint8_t models[] = {85, 106, 108, 125, 126, 140, 141};
    for (uint32_t m : models) {
      if (model == m) leaf7_ebx |= bit << 14;
    }
  }
  OPENSSL_ia32cap_P[0] = leaf1_edx;
  OPENSSL_ia32cap_P[1] = leaf1_ecx;
  OPENSSL_ia32cap_P[2] = leaf7_ebx;
  OPENSSL_ia32cap_P[3] = leaf7_ecx;
}
}
void OPENSSL_cpuid_setup(void) {}
