// The ENCLU leaves that are not entries or exits (SDM vol. 3D, chapter 38.4), for both modes.
#define _GNU_SOURCE
#include "machine.h"

#include <sys/mman.h>

#define LAHF_ZF 0x40
#define LAHF_ONE 0x02
#define SGX_PAGE_ATTRIBUTES_MISMATCH 11

static __attribute__((noinline)) int64_t call_keys(struct thread *t, int leaf, const void *a,
                                                   const void *b, void *out);

// In fast mode these run between two instructions of the enclave with its vector registers loaded.
#pragma clang attribute push(__attribute__((target("general-regs-only"), no_stack_protector)), apply_to = function)

static int fault(struct thread *t, uint32_t vector, uint32_t error, uint64_t address) {
  t->leaf_vector = vector;
  t->leaf_error = error;
  t->leaf_address = address;
  return 1;
}
static int general_protection(struct thread *t) { return fault(t, 13, 0, 0); }
/// #PF with the SGX bit: the EPCM says no.
static int page_fault(struct thread *t, uint64_t address, bool write) {
  return fault(t, 14, 0x8005 | (write ? 2 : 0), address);
}

static int done(struct leaf_registers *r, uint64_t error) {
  r->rax = error;
  r->flags = LAHF_ONE | (error ? LAHF_ZF : 0);
  return 0;
}

/// Reads the flags of a SECINFO operand.
static int read_secinfo(struct thread *t, uint64_t address, uint64_t *flags) {
  if (address % 64 || !in_elrange(address, 64)) return general_protection(t);
  if (!accessible(address, CSGX_R)) return page_fault(t, address, false);
  const volatile uint64_t *p = (const volatile uint64_t *)address;
  *flags = p[0];
  if (p[1] | p[2] | p[3] | p[4] | p[5] | p[6] | p[7]) return general_protection(t);
  if (*flags & ~0xFF3Full) return general_protection(t);
  return 0;
}

static bool swap(uint64_t page, uint16_t *old, uint16_t new) {
  return __atomic_compare_exchange_n((uint16_t *)&machine.epcm[page / PAGE], old, new, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/// What EACCEPT demands of a page that becomes a TCS: the fields that EADD would refuse or clear are as EADD leaves
/// them. Of FLAGS only AEXNOTIFY may be set; STATE, CSSA (it is cleared, and below NSSA) and AEP are 0; bases and OSSA
/// are page-aligned; the rest is zero.
static bool is_legal_tcs(const uint64_t *tcs) {
  if (tcs[0] || tcs[1] & ~2ull || tcs[5]) return false;
  uint32_t cssa = (uint32_t)tcs[3], nssa = (uint32_t)(tcs[3] >> 32);
  if (cssa >= nssa || (tcs[2] | tcs[6] | tcs[7]) & (PAGE - 1)) return false;
  if ((tcs[8] & 0xFFF) != 0xFFF || (tcs[8] >> 32 & 0xFFF) != 0xFFF) return false;
  for (size_t i = 9; i < PAGE / 8; i++)
    if (tcs[i]) return false;
  return true;
}

static int eaccept(struct thread *t, struct leaf_registers *r) {
  uint64_t flags, page = r->rcx;
  int result = read_secinfo(t, r->rbx, &flags);
  if (result) return result;
  if (page % PAGE || !in_elrange(page, PAGE)) return general_protection(t);
  uint16_t type = flags & CSGX_PT_MASK, state = flags & (CSGX_PENDING | CSGX_MODIFIED | CSGX_PR);
  bool legal = (type == CSGX_PT_REG && !(state & CSGX_MODIFIED) && state != 0) ||
               ((type == CSGX_PT_TCS || type == CSGX_PT_TRIM) && state == CSGX_MODIFIED);
  if (!legal) return general_protection(t);
  uint16_t e = epcm_at(page);
  if (!(e & CSGX_VALID)) return page_fault(t, page, false);
  uint16_t hidden = e & CSGX_HIDDEN;
  if ((e & 0xFF3F) != (uint16_t)flags) return done(r, SGX_PAGE_ATTRIBUTES_MISMATCH);
  uint16_t new = (uint16_t)((flags & ~(CSGX_PENDING | CSGX_MODIFIED | CSGX_PR)) | CSGX_VALID | hidden);
  if (type == CSGX_PT_TCS) {
    csgx_lock();
    result = csgx_protect_raw(page, PAGE, PROT_READ) == 0 ? CSGX_OK : CSGX_E_NOMEM;
    if (result == CSGX_OK && !is_legal_tcs((const uint64_t *)page)) result = CSGX_E_TCS;
    if (result == CSGX_OK) result = csgx_register_tcs_locked(page, (const uint8_t *)page);
    csgx_protect_raw(page, PAGE, PROT_NONE);
    csgx_unlock();
    if (result) return general_protection(t);
  }
  // A page that was announced for EACCEPTCOPY is accepted as zeros all the same.
  uint8_t place = csgx_place(page);
  bool announced = (place & PLACE_MASK) == PLACE_ANNOUNCED;
  if (announced && !csgx_change_place(page, place, PLACE_NATIVE))
    return done(r, SGX_PAGE_ATTRIBUTES_MISMATCH);
  if (!swap(page, &e, new)) return done(r, SGX_PAGE_ATTRIBUTES_MISMATCH);
  if ((machine.strict || announced) && type == CSGX_PT_REG && (state & CSGX_PENDING)) {
    csgx_lock();
    csgx_apply_locked(page, PAGE);
    csgx_unlock();
  }
  return done(r, 0);
}

static int emodpe(struct thread *t, struct leaf_registers *r) {
  uint64_t flags, page = r->rcx;
  int result = read_secinfo(t, r->rbx, &flags);
  if (result) return result;
  if (page % PAGE || !in_elrange(page, PAGE)) return general_protection(t);
  uint16_t add = flags & 7;
  if ((add & CSGX_W) && !(add & CSGX_R)) return general_protection(t);
  uint16_t e = epcm_at(page);
  do {
    if (!(e & CSGX_VALID) || (e & (CSGX_PENDING | CSGX_MODIFIED)) ||
        (e & CSGX_PT_MASK) != CSGX_PT_REG)
      return page_fault(t, page, false);
  } while (!swap(page, &e, e | add));
  // The page tables follow when the host is asked to (`restrictPermissions`), as on hardware.
  return 0;
}

static int eacceptcopy(struct thread *t, struct leaf_registers *r) {
  uint64_t flags, page = r->rcx, source = r->rdx;
  int result = read_secinfo(t, r->rbx, &flags);
  if (result) return result;
  if (page % PAGE || source % PAGE || !in_elrange(page, PAGE) || !in_elrange(source, PAGE))
    return general_protection(t);
  uint16_t want = flags & 7;
  if ((flags & ~7ull) != CSGX_PT_REG || ((want & CSGX_W) && !(want & CSGX_R)))
    return general_protection(t);
  if (!accessible(source, CSGX_R)) return page_fault(t, source, false);
  uint16_t e = epcm_at(page);
  if (!(e & CSGX_VALID)) return page_fault(t, page, true);
  if ((e & ~CSGX_HIDDEN) !=
      (CSGX_VALID | CSGX_PENDING | CSGX_PT_REG | CSGX_R | CSGX_W))
    return done(r, SGX_PAGE_ATTRIBUTES_MISMATCH);
  uint16_t accepted = (uint16_t)(CSGX_VALID | CSGX_PT_REG | want | (e & CSGX_HIDDEN));
  uint8_t place = csgx_place(page), large = place & PLACE_LARGE;
  // The page's state changes hands by one exchange: two leaves on one page exclude each other, as on the CPU.
  if ((place & PLACE_MASK) == PLACE_ANNOUNCED) {
    if (!csgx_change_place(page, place, PLACE_FILLING | large))
      return done(r, SGX_PAGE_ATTRIBUTES_MISMATCH);
    csgx_fill(page, place, source);
    swap(page, &e, accepted);
    csgx_set_place(page, PLACE_FILLED | large);
    return done(r, 0);
  }
  csgx_lock();
  bool mine = csgx_place(page) == PLACE_NATIVE && epcm_at(page) == e;
  if (mine) {
    csgx_fill(page, PLACE_NATIVE, source);
    csgx_set_place(page, PLACE_FILLED);
    result = csgx_move_locked(page, PAGE);
    if (!result) {
      swap(page, &e, accepted);
      csgx_follow_locked(page, PAGE);
    } else {
      csgx_set_place(page, PLACE_NATIVE);
    }
  }
  csgx_unlock();
  if (!mine) return done(r, SGX_PAGE_ATTRIBUTES_MISMATCH);
  return result ? page_fault(t, page, true) : done(r, 0);
}

/// A readable (or writable) operand of EREPORT and EGETKEY: aligned, in one page.
static int operand(struct thread *t, uint64_t address, uint64_t size, uint64_t alignment, bool write) {
  if (address % alignment || !in_elrange(address, size)) return general_protection(t);
  if (!accessible(address, write ? CSGX_R | CSGX_W : CSGX_R)) return page_fault(t, address, write);
  return 0;
}

static int ereport(struct thread *t, struct leaf_registers *r) {
  int result = operand(t, r->rbx, 512, 512, false);
  if (!result) result = operand(t, r->rcx, 64, 128, false);
  if (!result) result = operand(t, r->rdx, 432, 512, true);
  if (result) return result;
  if (call_keys(t, 0, (void *)r->rbx, (void *)r->rcx, (void *)r->rdx) < 0)
    return general_protection(t);
  r->flags = LAHF_ONE;
  return 0;
}

static int egetkey(struct thread *t, struct leaf_registers *r) {
  int result = operand(t, r->rbx, 512, 512, false);
  if (!result) result = operand(t, r->rcx, 16, 16, true);
  if (result) return result;
  int64_t answer = call_keys(t, 1, (void *)r->rbx, 0, (void *)r->rcx);
  if (answer < 0) return general_protection(t);
  return done(r, (uint64_t)answer);
}

int csgx_leaf(struct thread *t, struct leaf_registers *r) {
  switch ((uint32_t)r->rax) {
  case 0: return ereport(t, r);
  case 1: return egetkey(t, r);
  case 5: return eaccept(t, r);
  case 6: return emodpe(t, r);
  case 7: return eacceptcopy(t, r);
  // EENTER and ERESUME inside an enclave, and leaves that this machine does not have.
  default: return general_protection(t);
  }
}

/// Called by csgx_fast_leaf on the host's stack, with the enclave's FS and GS: no thread-local variables and no
/// stack protector from here on.
__attribute__((visibility("hidden"))) void csgx_leaf_fast(struct thread *t) {
  COUNT(t, fast_leaves);
  t->leaf_on_enclave_bases = true;
  t->fault = (uint32_t)csgx_leaf(t, &t->leaf);
}

/// Everything the compiler's code and libraries may use is put aside around `call_keys`.
static void save_vectors(struct thread *t) {
  __asm__ volatile("xsave64 (%0)" : : "r"(t->xsave_buffer), "a"(-1), "d"(-1) : "memory");
}
static void restore_vectors(struct thread *t) {
  __asm__ volatile("xrstor64 (%0)" : : "r"(t->xsave_buffer), "a"(-1), "d"(-1) : "memory");
}
static int64_t call_keys_saved(struct thread *t, int leaf, const void *a, const void *b, void *out);
static __attribute__((noinline)) int64_t call_keys(struct thread *t, int leaf, const void *a,
                                                   const void *b, void *out) {
  save_vectors(t);
  // While GS is the enclave's, a signal handler finds the thread by it: GS changes last, and back first.
  bool switched = t->leaf_on_enclave_bases;
  if (switched) {
    __asm__ volatile("wrfsbase %0" : : "r"(t->host_fs) : "memory");
    __asm__ volatile("wrgsbase %0" : : "r"(t->host_gs) : "memory");
  }
  int64_t answer = call_keys_saved(t, leaf, a, b, out);
  if (switched) {
    __asm__ volatile("wrgsbase %0" : : "r"(t->leaf.gs) : "memory");
    __asm__ volatile("wrfsbase %0" : : "r"(t->leaf.fs) : "memory");
  }
  restore_vectors(t);
  return answer;
}
#pragma clang attribute pop

/// MXCSR and the x87 control word are the enclave's until here.
static __attribute__((noinline)) int64_t call_keys_saved(struct thread *t, int leaf, const void *a,
                                                         const void *b, void *out) {
  (void)t;
  uint32_t mxcsr = 0x1F80;
  uint16_t control = 0x37F;
  __asm__ volatile("ldmxcsr %0; fninit; fldcw %1" : : "m"(mxcsr), "m"(control));
  return machine.keys(machine.keys_context, leaf, a, b, out);
}
