/// What the C files of the machine share.
#pragma once
#include <signal.h>
#include <sys/types.h>
#include "thread.h"

#define PAGE 4096ull
#define TRAMPOLINE_UNSET UINT64_MAX

struct machine {
  bool created, initialized, strict, hide_when_idle;
  uint32_t ssa_frame_pages, misc_select;
  uint64_t xfrm;
  /// Bytes of an XSAVE area with the enclave's XFRM, in the standard format.
  uint64_t xsave_size;
  /// One entry a page: bits as SECINFO.FLAGS, CSGX_VALID, CSGX_HIDDEN. Guarded by `lock`, except that
  /// EACCEPT, EMODPE and EACCEPTCOPY change one entry by compare-and-swap, as the CPU does.
  _Atomic uint16_t *epcm;
  /// Number of the TCS in that page, plus one. Guarded by `lock` for writing.
  _Atomic uint32_t *tcs_by_page;
  /// Where the content of a page is (copied.c): PLACE_NATIVE and so on, one byte a page. Guarded by `lock`, except
  /// that a leaf takes an announced page for itself by compare-and-swap and says when it is filled.
  _Atomic uint8_t *places;
  struct tcs *tcs;
  uint32_t tcs_count, tcs_capacity;
  /// Guards the EPCM's bulk changes and the page tables.
  _Atomic uint32_t lock;
  uint32_t inside;
  csgx_key_leaf keys;
  void *keys_context;
  /// An ENCLU routine, for the RIP of a fast leaf that faults.
  uint64_t fast_site;
  uint64_t trampoline;
  /// Of threads that have left, and what no thread did; guarded by `lock`.
  struct csgx_statistics totals;
  struct thread *threads;
};

/// EPCM bit 7, ours: the page tables forbid everything (mprotect PROT_NONE), the EPCM does not.
#define CSGX_HIDDEN 0x80

/// Where the content of a page is (copied.c).
enum {
  /// In ELRANGE's own mapping, or nowhere.
  PLACE_NATIVE = 0,
  /// Augmented for EACCEPTCOPY, whose batch `csgx_follow` will move; no access until then.
  PLACE_ANNOUNCED = 1,
  /// A leaf is filling it beside ELRANGE.
  PLACE_FILLING = 2,
  /// Accepted and complete, but still beside ELRANGE.
  PLACE_FILLED = 3,
  /// Moved into ELRANGE.
  PLACE_MOVED = 4,
  PLACE_MASK = 7,
  /// In 2 MiB that were augmented in one piece.
  PLACE_LARGE = 8,
};

extern struct machine machine;
extern uint64_t csgx_elrange_size, csgx_page_count;
extern struct thread **csgx_threads_by_gs;

// Labels of entry.S.
void csgx_enter_asm(struct thread *, uint64_t function);
void csgx_signal_entry(void);
void csgx_fast_leaf(void);
extern char csgx_window_start[], csgx_window_end[], csgx_resume_start[], csgx_resume_end[],
    csgx_resume_abandoned[], csgx_aex_return[], csgx_after_enter[], csgx_eexit_return[],
    csgx_leaf_return_start[], csgx_leaf_return_end[], csgx_leaf_trap[];

struct thread *csgx_self(void);

// epcm.c; callers hold the lock where the name ends in _locked.
void csgx_lock(void);
void csgx_unlock(void);
int csgx_apply_locked(uint64_t address, uint64_t length);
int csgx_follow_locked(uint64_t address, uint64_t length);
int csgx_protect_raw(uint64_t address, uint64_t length, int protection);
int csgx_register_tcs_locked(uint64_t address, const uint8_t *page);
void csgx_add_statistics(struct csgx_statistics *to, const struct csgx_statistics *from);
void csgx_hide_enter(void);
void csgx_hide_leave(void);

// copied.c
int csgx_copied_create(uint64_t size);
void csgx_copied_destroy(uint64_t size);
/// Pages of an augmentation that EACCEPTCOPY will fill.
void csgx_announce_locked(uint64_t address, uint64_t length);
void csgx_populate_beside(uint64_t address, uint64_t length);
bool csgx_change_place(uint64_t page, uint8_t from, uint8_t to);
/// Copies the page at `source` to where page `page` is filled.
void csgx_fill(uint64_t page, uint8_t place, uint64_t source);
/// Moves the filled pages of a range into ELRANGE; their page tables must follow.
int csgx_move_locked(uint64_t address, uint64_t length);
/// Moves one page there if it is filled: somebody touches it before its batch is moved. Whether it was.
bool csgx_settle(uint64_t address);
/// The range has no pages any more.
int csgx_forget_locked(uint64_t address, uint64_t length);

static inline uint8_t csgx_place(uint64_t page) {
  return __atomic_load_n((uint8_t *)&machine.places[page / PAGE], __ATOMIC_ACQUIRE);
}
static inline void csgx_set_place(uint64_t page, uint8_t place) {
  __atomic_store_n((uint8_t *)&machine.places[page / PAGE], place, __ATOMIC_RELEASE);
}

static inline uint16_t epcm_at(uint64_t address) {
  return __atomic_load_n((uint16_t *)&machine.epcm[address / PAGE], __ATOMIC_ACQUIRE);
}
static inline bool in_elrange(uint64_t address, uint64_t length) {
  return address < csgx_elrange_size && length <= csgx_elrange_size - address;
}
/// An ordinary page that has all of `permissions` and may be used.
static inline bool accessible(uint64_t address, uint16_t permissions) {
  if (address >= csgx_elrange_size) return false;
  uint16_t e = epcm_at(address);
  if ((e & (CSGX_VALID | CSGX_PENDING | CSGX_MODIFIED | CSGX_PT_MASK | CSGX_HIDDEN |
            permissions)) != (CSGX_VALID | CSGX_PT_REG | permissions))
    return false;
  if ((csgx_place(address) & PLACE_MASK) == PLACE_FILLED) csgx_settle(address);
  return true;
}
static inline struct tcs *tcs_at(uint64_t address) {
  if (address >= csgx_elrange_size || address % PAGE) return NULL;
  uint32_t i = __atomic_load_n((uint32_t *)&machine.tcs_by_page[address / PAGE], __ATOMIC_ACQUIRE);
  return i ? &machine.tcs[i - 1] : NULL;
}

/// Carries out one leaf other than EENTER, ERESUME and EEXIT. 0, or 1 with `leaf_vector` and so on set.
int csgx_leaf(struct thread *t, struct leaf_registers *r);
uint64_t csgx_xsave_size(uint64_t xfrm);

static inline long raw_syscall(long n, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
/// Counted without a lock in the thread's own block; `csgx_statistics` adds them up.
#define COUNT(t, field) ((t)->counts.field++)
