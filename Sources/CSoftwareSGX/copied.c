// EACCEPTCOPY: pages that appear with their content.
//
// The CPU gives nobody a page before EACCEPTCOPY has filled it. Page tables are one for all threads of the process, so
// here a page is filled beside ELRANGE, where the enclave cannot look, and then moved to its place by mremap: who
// touches the address meanwhile faults, who sees the page sees all of it.
//
// A page at address `a` is filled at `beside + a`. That keeps the distance constant, so that the kernel can merge
// neighbours that were moved one after the other into one mapping. There are two such places, because 2 MiB that are
// augmented in one piece should become one large page of the host's, and small pieces should not.
//
// The host moves a batch with one call: pages of an augmentation that was announced as "to be copied" stay closed
// until `csgx_follow`, or until somebody touches them after their EACCEPTCOPY. All others are moved by the leaf.
#define _GNU_SOURCE
#include "machine.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define LARGE_PAGE (2ull << 20)

static uint64_t beside[2];

/// Room of ELRANGE's size at the same place within a GiB.
static uint64_t reserve(uint64_t size, int advice) {
  const uint64_t alignment = 1ull << 30;
  // Writable for good, and only what a batch touches is ever there: it moves away again.
  void *p = mmap(NULL, size + alignment, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return 0;
  uint64_t start = ((uint64_t)p + alignment - 1) & ~(alignment - 1);
  if (start > (uint64_t)p) munmap(p, start - (uint64_t)p);
  if ((uint64_t)p + alignment > start) munmap((void *)(start + size), (uint64_t)p + alignment - start);
  madvise((void *)start, size, advice);
  return start;
}

int csgx_copied_create(uint64_t size) {
  beside[0] = reserve(size, MADV_NOHUGEPAGE);
  beside[1] = reserve(size, MADV_HUGEPAGE);
  if (beside[0] && beside[1]) return CSGX_OK;
  csgx_copied_destroy(size);
  return CSGX_E_RESERVE;
}

void csgx_copied_destroy(uint64_t size) {
  for (int i = 0; i < 2; i++)
    if (beside[i]) munmap((void *)beside[i], size);
  beside[0] = beside[1] = 0;
}

// May run between two instructions of an enclave in fast mode: no vector registers, no libc.
#pragma clang attribute push(__attribute__((target("general-regs-only"), no_stack_protector)), apply_to = function)

void csgx_announce_locked(uint64_t address, uint64_t length) {
  uint64_t end = address + length;
  for (uint64_t a = address; a < end; a += PAGE) {
    uint64_t piece = a & ~(LARGE_PAGE - 1);
    bool large = piece >= address && end - piece >= LARGE_PAGE;
    csgx_set_place(a, (uint8_t)(PLACE_ANNOUNCED | (large ? PLACE_LARGE : 0)));
  }
}

bool csgx_change_place(uint64_t page, uint8_t from, uint8_t to) {
  return __atomic_compare_exchange_n((uint8_t *)&machine.places[page / PAGE], &from, to, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void csgx_fill(uint64_t page, uint8_t place, uint64_t source) {
  uint64_t to = beside[place & PLACE_LARGE ? 1 : 0] + page, from = source, count = PAGE / 8;
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

/// Page table entries for what is announced in [address, address + length), in one go instead of a fault a page. Only
/// a help: without MADV_POPULATE_WRITE (Linux 5.14) the faults come.
void csgx_populate_beside(uint64_t address, uint64_t length) {
  uint64_t a = address, end = address + length;
  while (a < end) {
    uint8_t place = csgx_place(a);
    uint64_t start = a;
    while (a < end && csgx_place(a) == place) a += PAGE;
    if ((place & PLACE_MASK) != PLACE_ANNOUNCED) continue;
    raw_syscall(SYS_madvise, (long)(beside[place & PLACE_LARGE ? 1 : 0] + start), (long)(a - start),
                23 /* MADV_POPULATE_WRITE */, 0, 0, 0);
  }
}

int csgx_move_locked(uint64_t address, uint64_t length) {
  uint64_t a = address, end = address + length;
  while (a < end) {
    uint8_t place = csgx_place(a);
    uint64_t start = a;
    a += PAGE;
    if ((place & PLACE_MASK) != PLACE_FILLED) continue;
    while (a < end && csgx_place(a) == place) a += PAGE;
    // The pages of a run arrive writable, complete as they are; what the EPCM says of them follows.
    long moved = raw_syscall(SYS_mremap, (long)(beside[place & PLACE_LARGE ? 1 : 0] + start),
                             (long)(a - start), (long)(a - start),
                             MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, (long)start, 0);
    if (moved != (long)start) return CSGX_E_NOMEM;
    for (uint64_t p = start; p < a; p += PAGE)
      csgx_set_place(p, (uint8_t)(PLACE_MOVED | (place & PLACE_LARGE)));
  }
  return CSGX_OK;
}

bool csgx_settle(uint64_t address) {
  uint64_t page = address & ~(PAGE - 1);
  csgx_lock();
  bool filled = (csgx_place(page) & PLACE_MASK) == PLACE_FILLED;
  bool ok = !filled || (csgx_move_locked(page, PAGE) == CSGX_OK && csgx_follow_locked(page, PAGE) == CSGX_OK);
  csgx_unlock();
  return filled && ok;
}

#pragma clang attribute pop

int csgx_forget_locked(uint64_t address, uint64_t length) {
  bool native = true;
  for (uint64_t a = address; a < address + length; a += PAGE) {
    if (!csgx_place(a)) continue;
    native = false;
    csgx_set_place(a, PLACE_NATIVE);
  }
  if (native) {
    // Trimmed pages are closed already (`csgx_modify_type`).
    return madvise((void *)address, length, MADV_DONTNEED) != 0 ? CSGX_E_NOMEM : CSGX_OK;
  }
  // What was moved here is a mapping of another kind and would never merge with its neighbours again.
  void *p = mmap((void *)address, length, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (p == MAP_FAILED) return CSGX_E_NOMEM;
  madvise(p, length, MADV_HUGEPAGE);
  return CSGX_OK;
}
