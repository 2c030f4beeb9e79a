// The page map: which pages the enclave has, what they may be used for, and the page tables that follow.
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

// May run between two instructions of an enclave in fast mode: no vector registers, no libc.
#pragma clang attribute push(__attribute__((target("general-regs-only"), no_stack_protector)), apply_to = function)

/// A futex lock (0 free, 1 held, 2 held and waited for). A thread that is inside the enclave holds no
/// lock, so it may be taken in a leaf's signal handler.
void csgx_lock(void) {
  uint32_t expected = 0;
  if (__atomic_compare_exchange_n((uint32_t *)&machine.lock, &expected, 1, false, __ATOMIC_ACQUIRE,
                                  __ATOMIC_RELAXED))
    return;
  while (__atomic_exchange_n((uint32_t *)&machine.lock, 2, __ATOMIC_ACQUIRE) != 0)
    raw_syscall(SYS_futex, (long)&machine.lock, FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
}

void csgx_unlock(void) {
  if (__atomic_exchange_n((uint32_t *)&machine.lock, 0, __ATOMIC_RELEASE) == 2)
    raw_syscall(SYS_futex, (long)&machine.lock, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

int csgx_protect_raw(uint64_t address, uint64_t length, int protection) {
  __atomic_fetch_add(&machine.totals.mprotects, 1, __ATOMIC_RELAXED);
  return (int)raw_syscall(SYS_mprotect, (long)address, (long)length, protection, 0, 0, 0);
}

/// What the page tables allow: the EPCM's permissions, and nothing while a page waits for EACCEPT. In fast
/// mode a pending page is already mapped, so that EACCEPT costs no system call.
static int protection_of(uint16_t e) {
  if (!(e & CSGX_VALID) || (e & (CSGX_HIDDEN | CSGX_MODIFIED)) || (e & CSGX_PT_MASK) != CSGX_PT_REG)
    return PROT_NONE;
  if ((e & CSGX_PENDING) && machine.strict) return PROT_NONE;
  return (e & CSGX_R ? PROT_READ : 0) | (e & CSGX_W ? PROT_WRITE : 0) | (e & CSGX_X ? PROT_EXEC : 0);
}

/// The same with what is elsewhere: a page that EACCEPTCOPY has not filled, or that is not moved here yet.
static int protection_at(uint64_t address) {
  uint8_t place = csgx_place(address) & PLACE_MASK;
  return place == PLACE_NATIVE || place == PLACE_MOVED ? protection_of(epcm_at(address)) : PROT_NONE;
}

/// Makes the page tables of the range follow the EPCM, neighbours in one call.
int csgx_apply_locked(uint64_t address, uint64_t length) {
  uint64_t end = address + length;
  while (address < end) {
    int protection = protection_at(address);
    uint64_t stop = address + PAGE;
    while (stop < end && protection_at(stop) == protection) stop += PAGE;
    if (csgx_protect_raw(address, stop - address, protection) != 0) return CSGX_E_NOMEM;
    address = stop;
  }
  return CSGX_OK;
}

#pragma clang attribute pop

struct machine machine;
uint64_t csgx_elrange_size, csgx_page_count;
struct thread **csgx_threads_by_gs;

/// Nothing lies below this: vm.mmap_min_addr.
static const uint64_t lowest = 0x10000;

/// One bit for each block of ELRANGE that has or had pages, so that walking the EPCM does not touch all of it.
#define BLOCK_PAGES 2048ull
#define USED_WORDS ((1ull << 40) / PAGE / BLOCK_PAGES / 64)
static uint64_t used[USED_WORDS];

static void mark_used(uint64_t address, uint64_t length) {
  for (uint64_t b = address / PAGE / BLOCK_PAGES; b <= (address + length - 1) / PAGE / BLOCK_PAGES; b++)
    used[b / 64] |= 1ull << (b % 64);
}

static void *table(uint64_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return NULL;
  madvise(p, size, MADV_NOHUGEPAGE);
  return p;
}

int csgx_create(uint64_t size, uint32_t ssa_frame_pages, uint32_t misc_select, uint64_t xfrm,
                bool strict, bool hide_when_idle, csgx_key_leaf keys, void *context) {
  if (machine.created) return CSGX_E_BUSY;
  void *p = mmap((void *)lowest, size - lowest, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (p == MAP_FAILED) return CSGX_E_RESERVE;
  if (p != (void *)lowest) {
    munmap(p, size - lowest);
    return CSGX_E_RESERVE;
  }
  // What is committed in 2 MiB pieces takes one host page fault instead of 512, and a fifth of the time.
  madvise(p, size - lowest, MADV_HUGEPAGE);
  memset(&machine, 0, sizeof machine);
  memset(used, 0, sizeof used);
  machine.ssa_frame_pages = ssa_frame_pages;
  machine.misc_select = misc_select;
  machine.xfrm = xfrm;
  machine.xsave_size = csgx_xsave_size(xfrm);
  machine.strict = strict;
  machine.hide_when_idle = hide_when_idle;
  machine.keys = keys;
  machine.keys_context = context;
  machine.trampoline = TRAMPOLINE_UNSET;
  csgx_elrange_size = size;
  csgx_page_count = size / PAGE;
  machine.tcs_capacity = 4096;
  machine.epcm = table(csgx_page_count * sizeof *machine.epcm);
  machine.tcs_by_page = table(csgx_page_count * sizeof *machine.tcs_by_page);
  csgx_threads_by_gs = table(csgx_page_count * sizeof *csgx_threads_by_gs);
  machine.tcs = table(machine.tcs_capacity * sizeof *machine.tcs);
  machine.places = table(csgx_page_count * sizeof *machine.places);
  machine.created = true;
  if (csgx_copied_create(size) != CSGX_OK || !machine.places || !machine.epcm || !machine.tcs_by_page || !csgx_threads_by_gs || !machine.tcs) {
    csgx_destroy();
    return CSGX_E_NOMEM;
  }
  return CSGX_OK;
}

void csgx_destroy(void) {
  if (!machine.created) return;
  munmap((void *)lowest, csgx_elrange_size - lowest);
  if (machine.epcm) munmap((void *)machine.epcm, csgx_page_count * sizeof *machine.epcm);
  if (machine.tcs_by_page)
    munmap((void *)machine.tcs_by_page, csgx_page_count * sizeof *machine.tcs_by_page);
  if (machine.places) munmap((void *)machine.places, csgx_page_count * sizeof *machine.places);
  csgx_copied_destroy(csgx_elrange_size);
  if (csgx_threads_by_gs) munmap(csgx_threads_by_gs, csgx_page_count * sizeof *csgx_threads_by_gs);
  if (machine.tcs) munmap(machine.tcs, machine.tcs_capacity * sizeof *machine.tcs);
  memset(&machine, 0, sizeof machine);
  csgx_threads_by_gs = NULL;
  csgx_elrange_size = csgx_page_count = 0;
}

static bool good_range(uint64_t address, uint64_t length) {
  return address % PAGE == 0 && length % PAGE == 0 && length > 0 && address >= lowest &&
         in_elrange(address, length);
}

static uint64_t get64(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}
static uint32_t get32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}

int csgx_register_tcs_locked(uint64_t address, const uint8_t *page) {
  if (machine.tcs_count == machine.tcs_capacity) return CSGX_E_NOMEM;
  struct tcs *t = &machine.tcs[machine.tcs_count];
  *t = (struct tcs){
      .page = address,
      .ossa = get64(page + 16),
      .nssa = get32(page + 28),
      .oentry = get64(page + 32),
      .ofsbase = get64(page + 48),
      .ogsbase = get64(page + 56),
      .valid = 1,
  };
  machine.tcs_count++;
  __atomic_store_n((uint32_t *)&machine.tcs_by_page[address / PAGE], machine.tcs_count,
                   __ATOMIC_RELEASE);
  return CSGX_OK;
}

int csgx_add_pages(uint64_t address, const void *source, uint64_t length, uint64_t flags) {
  if (!good_range(address, length)) return CSGX_E_RANGE;
  int result = CSGX_OK;
  csgx_lock();
  for (uint64_t a = address; a < address + length; a += PAGE)
    if (epcm_at(a) & CSGX_VALID) result = CSGX_E_EXISTS;
  if (result == CSGX_OK && csgx_protect_raw(address, length, PROT_READ | PROT_WRITE) != 0)
    result = CSGX_E_NOMEM;
  if (result == CSGX_OK) {
    mark_used(address, length);
    static const uint8_t zeros[PAGE];
    for (uint64_t i = 0; i < length; i += PAGE) {
      const uint8_t *page = (const uint8_t *)source + i;
      // A page of zeros is already there; not touching it keeps a large fixed heap cheap.
      if (memcmp(page, zeros, PAGE) != 0) memcpy((void *)(address + i), page, PAGE);
      machine.epcm[(address + i) / PAGE] = (uint16_t)(CSGX_VALID | (flags & 0xFF07));
      if ((flags & CSGX_PT_MASK) == CSGX_PT_TCS && result == CSGX_OK)
        result = csgx_register_tcs_locked(address + i, page);
    }
  }
  csgx_unlock();
  return result;
}

/// Calls `body` for each run of valid pages, merged, in the blocks of ELRANGE that were ever used.
static int each_run(int (*body)(uint64_t, uint64_t)) {
  for (size_t word = 0; word < USED_WORDS; word++) {
    for (uint64_t bits = used[word]; bits; bits &= bits - 1) {
      uint64_t block = word * 64 + (uint64_t)__builtin_ctzll(bits);
      uint64_t a = block * BLOCK_PAGES * PAGE, end = a + BLOCK_PAGES * PAGE;
      if (end > csgx_elrange_size) end = csgx_elrange_size;
      while (a < end) {
        uint64_t start = a;
        while (a < end && (epcm_at(a) & CSGX_VALID)) a += PAGE;
        int result = a > start ? body(start, a - start) : CSGX_OK;
        if (result) return result;
        while (a < end && !(epcm_at(a) & CSGX_VALID)) a += PAGE;
      }
    }
  }
  return CSGX_OK;
}

#pragma clang attribute push(__attribute__((target("general-regs-only"), no_stack_protector)), apply_to = function)
static int hide(uint64_t address, uint64_t length) {
  return csgx_protect_raw(address, length, PROT_NONE) ? CSGX_E_NOMEM : CSGX_OK;
}

/// The page tables follow, unless the enclave is hidden at the moment.
int csgx_follow_locked(uint64_t address, uint64_t length) {
  if (machine.hide_when_idle && machine.inside == 0) return hide(address, length);
  return csgx_apply_locked(address, length);
}
#pragma clang attribute pop

int csgx_initialized(void) {
  csgx_lock();
  int result = each_run(machine.hide_when_idle ? hide : csgx_apply_locked);
  machine.initialized = result == CSGX_OK;
  csgx_unlock();
  return result;
}

void csgx_hide_enter(void) {
  csgx_lock();
  if (machine.inside++ == 0) each_run(csgx_apply_locked);
  csgx_unlock();
}

void csgx_hide_leave(void) {
  csgx_lock();
  if (--machine.inside == 0) each_run(hide);
  csgx_unlock();
}

int csgx_augment(uint64_t address, uint64_t length, bool copied) {
  if (!good_range(address, length)) return CSGX_E_RANGE;
  csgx_lock();
  int result = CSGX_OK;
  for (uint64_t a = address; a < address + length; a += PAGE)
    if (epcm_at(a) & CSGX_VALID) result = CSGX_E_EXISTS;
  if (machine.trampoline != TRAMPOLINE_UNSET && machine.trampoline < address + length &&
      machine.trampoline + PAGE > address)
    result = CSGX_E_EXISTS;
  if (result == CSGX_OK) {
    mark_used(address, length);
    for (uint64_t a = address; a < address + length; a += PAGE)
      machine.epcm[a / PAGE] = CSGX_VALID | CSGX_PENDING | CSGX_PT_REG | CSGX_R | CSGX_W;
    // What will be copied is moved here when it is there; until then the page tables say no, as they do now.
    if (copied) csgx_announce_locked(address, length);
    else if (!machine.strict) result = csgx_follow_locked(address, length);
    if (result != CSGX_OK)
      for (uint64_t a = address; a < address + length; a += PAGE) machine.epcm[a / PAGE] = 0;
  }
  csgx_unlock();
  if (result == CSGX_OK && copied) csgx_populate_beside(address, length);
  return result;
}

int csgx_restrict(uint64_t address, uint64_t length, uint64_t permissions) {
  if (!good_range(address, length)) return CSGX_E_RANGE;
  csgx_lock();
  int result = CSGX_OK;
  for (uint64_t a = address; a < address + length; a += PAGE) {
    uint16_t e = epcm_at(a);
    if (!(e & CSGX_VALID)) result = CSGX_E_MISSING;
    else if ((e & CSGX_PT_MASK) != CSGX_PT_REG || (e & (CSGX_PENDING | CSGX_MODIFIED)))
      result = CSGX_E_TYPE;
    if (result) break;
  }
  if (result == CSGX_OK) result = csgx_move_locked(address, length);
  if (result == CSGX_OK) {
    for (uint64_t a = address; a < address + length; a += PAGE) {
      uint16_t e = epcm_at(a), new;
      do {
        // Without R the driver cannot do EMODPR; only the page tables change.
        new = permissions & CSGX_R
                  ? (uint16_t)((e & ~(CSGX_HIDDEN | (7 & ~permissions))) | CSGX_PR)
                  : (uint16_t)(e | CSGX_HIDDEN);
      } while (!__atomic_compare_exchange_n((uint16_t *)&machine.epcm[a / PAGE], &e, new, false,
                                            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    }
    result = csgx_follow_locked(address, length);
  }
  csgx_unlock();
  return result;
}

int csgx_follow(uint64_t address, uint64_t length) {
  if (!good_range(address, length)) return CSGX_E_RANGE;
  csgx_lock();
  int result = CSGX_OK;
  for (uint64_t a = address; a < address + length && result == CSGX_OK; a += PAGE) {
    uint16_t e = epcm_at(a);
    if (!(e & CSGX_VALID)) result = CSGX_E_MISSING;
    else if ((e & CSGX_PT_MASK) != CSGX_PT_REG) result = CSGX_E_TYPE;
  }
  if (result == CSGX_OK) result = csgx_move_locked(address, length);
  if (result == CSGX_OK) {
    for (uint64_t a = address; a < address + length; a += PAGE)
      __atomic_fetch_and((uint16_t *)&machine.epcm[a / PAGE], (uint16_t)~CSGX_HIDDEN, __ATOMIC_ACQ_REL);
    result = csgx_follow_locked(address, length);
  }
  csgx_unlock();
  return result;
}

int csgx_modify_type(uint64_t address, uint64_t length, uint64_t type) {
  if (!good_range(address, length)) return CSGX_E_RANGE;
  uint16_t flag = (uint16_t)(type << 8);
  if (flag != CSGX_PT_TRIM && flag != CSGX_PT_TCS) return CSGX_E_TYPE;
  csgx_lock();
  int result = CSGX_OK;
  for (uint64_t a = address; a < address + length; a += PAGE) {
    uint16_t e = epcm_at(a), from = e & CSGX_PT_MASK;
    if (!(e & CSGX_VALID)) result = CSGX_E_MISSING;
    else if ((e & (CSGX_PENDING | CSGX_MODIFIED)) ||
             !(from == CSGX_PT_REG || (from == CSGX_PT_TCS && flag == CSGX_PT_TRIM)))
      result = CSGX_E_TYPE;
    else if (from == CSGX_PT_TCS && tcs_at(a) && __atomic_load_n(&tcs_at(a)->busy, __ATOMIC_ACQUIRE))
      result = CSGX_E_BUSY;
    if (result) break;
  }
  if (result == CSGX_OK) result = csgx_move_locked(address, length);
  if (result == CSGX_OK) {
    for (uint64_t a = address; a < address + length; a += PAGE) {
      if ((epcm_at(a) & CSGX_PT_MASK) == CSGX_PT_TCS)
        __atomic_store_n((uint32_t *)&machine.tcs_by_page[a / PAGE], 0, __ATOMIC_RELEASE);
      machine.epcm[a / PAGE] = CSGX_VALID | CSGX_MODIFIED | flag;
    }
    result = csgx_follow_locked(address, length);
  }
  csgx_unlock();
  return result;
}

int csgx_remove(uint64_t address, uint64_t length) {
  if (!good_range(address, length)) return CSGX_E_RANGE;
  csgx_lock();
  int result = CSGX_OK;
  for (uint64_t a = address; a < address + length; a += PAGE) {
    uint16_t e = epcm_at(a);
    if (!(e & CSGX_VALID)) result = CSGX_E_MISSING;
    // The driver removes only what was trimmed and accepted.
    else if ((e & CSGX_PT_MASK) != CSGX_PT_TRIM || (e & CSGX_MODIFIED)) result = CSGX_E_TYPE;
    if (result) break;
  }
  if (result == CSGX_OK) {
    for (uint64_t a = address; a < address + length; a += PAGE) machine.epcm[a / PAGE] = 0;
    result = csgx_forget_locked(address, length);
  }
  csgx_unlock();
  return result;
}

uint16_t csgx_epcm_entry(uint64_t address) {
  return address < csgx_elrange_size && machine.created ? epcm_at(address) : 0;
}

void csgx_add_statistics(struct csgx_statistics *to, const struct csgx_statistics *from) {
  uint64_t *a = (uint64_t *)to;
  const uint64_t *b = (const uint64_t *)from;
  for (size_t i = 0; i < sizeof *to / sizeof *a; i++) a[i] += b[i];
}

void csgx_statistics(struct csgx_statistics *out) {
  csgx_lock();
  *out = machine.totals;
  for (struct thread *t = machine.threads; t; t = t->next) csgx_add_statistics(out, &t->counts);
  csgx_unlock();
}
