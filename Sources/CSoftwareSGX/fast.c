// Fast mode: the enclave's ENCLU routines become jumps to host code.
#define _GNU_SOURCE
#include "machine.h"

#include <string.h>
#include <sys/mman.h>

/// `ENCLU; ret; int3 x 4`, as every routine of a measured image is written.
static const uint8_t routine[8] = {0x0F, 0x01, 0xD7, 0xC3, 0xCC, 0xCC, 0xCC, 0xCC};

static int patch(uint64_t site, uint64_t trampoline) {
  uint64_t page = site & ~(PAGE - 1);
  if (site % 8 || !in_elrange(site, 8) || !accessible(site, CSGX_X)) return CSGX_E_SITE;
  if (!(epcm_at(site) & CSGX_R) || memcmp((void *)site, routine, 8) != 0) return CSGX_E_SITE;
  int64_t distance = (int64_t)(trampoline - (site + 5));
  if (distance != (int32_t)distance) return CSGX_E_SITE;
  uint8_t jump[8] = {0xE9, 0, 0, 0, 0, 0xCC, 0xCC, 0xCC};
  int32_t displacement = (int32_t)distance;
  memcpy(jump + 1, &displacement, 4);
  if (csgx_protect_raw(page, PAGE, PROT_READ | PROT_WRITE) != 0) return CSGX_E_NOMEM;
  memcpy((void *)site, jump, 8);
  return csgx_apply_locked(page, PAGE);
}

int csgx_patch_fast(const uint64_t *sites, size_t count, uint64_t trampoline) {
  if (!machine.initialized || count == 0) return CSGX_E_MISSING;
  if (trampoline % PAGE || !in_elrange(trampoline, PAGE)) return CSGX_E_RANGE;
  csgx_lock();
  int result = CSGX_OK;
  if (epcm_at(trampoline) & CSGX_VALID) result = CSGX_E_EXISTS;
  // A fast leaf finds its thread by GS, so no two threads may share one.
  for (uint32_t i = 0; i < machine.tcs_count && !result; i++) {
    uint64_t page = machine.tcs[i].ogsbase / PAGE;
    if (page >= csgx_page_count || csgx_threads_by_gs[page]) result = CSGX_E_TCS;
    else csgx_threads_by_gs[page] = (struct thread *)1;
  }
  for (uint32_t i = 0; i < machine.tcs_count; i++)
    if (machine.tcs[i].ogsbase / PAGE < csgx_page_count)
      csgx_threads_by_gs[machine.tcs[i].ogsbase / PAGE] = NULL;
  if (!result && csgx_protect_raw(trampoline, PAGE, PROT_READ | PROT_WRITE) != 0) result = CSGX_E_NOMEM;
  if (!result) {
    // jmp *2(%rip); .p2align 3; .quad csgx_fast_leaf. Aligned, because the enclave may leave with AC set.
    static const uint8_t jump[6] = {0xFF, 0x25, 2, 0, 0, 0};
    void (*target)(void) = csgx_fast_leaf;
    memset((void *)trampoline, 0xCC, PAGE);
    memcpy((void *)trampoline, jump, 6);
    memcpy((void *)(trampoline + 8), &target, 8);
    csgx_protect_raw(trampoline, PAGE, PROT_READ | PROT_EXEC);
    machine.trampoline = trampoline;
    machine.fast_site = sites[0];
    machine.strict = false;
    for (size_t i = 0; i < count && !result; i++) result = patch(sites[i], trampoline);
  }
  csgx_unlock();
  return result;
}
