#pragma once
/// The part of the software SGX machine that cannot be Swift: entering and leaving, signal handlers,
/// the EPCM and the leaves. One enclave at a time; ELRANGE is [0, size) with size at most 2^40.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Bits of an EPCM entry: as SECINFO.FLAGS, and bit 6 for "valid".
enum {
  CSGX_R = 1,
  CSGX_W = 2,
  CSGX_X = 4,
  CSGX_PENDING = 8,
  CSGX_MODIFIED = 16,
  CSGX_PR = 32,
  CSGX_VALID = 64,
  CSGX_PT_TCS = 1 << 8,
  CSGX_PT_REG = 2 << 8,
  CSGX_PT_TRIM = 4 << 8,
  CSGX_PT_MASK = 0xFF << 8,
};

/// What a call of the machine answers; 0 is success.
enum {
  CSGX_OK = 0,
  CSGX_E_RANGE = 1,
  CSGX_E_EXISTS = 2,
  CSGX_E_MISSING = 3,
  CSGX_E_TYPE = 4,
  CSGX_E_NOMEM = 5,
  CSGX_E_RESERVE = 6,
  CSGX_E_TCS = 7,
  CSGX_E_SIGNALS = 8,
  CSGX_E_SITE = 9,
  CSGX_E_BUSY = 10,
};

/// How `csgx_enter` came back.
enum {
  CSGX_EXIT_EEXIT = 0,
  CSGX_EXIT_FAULT = 1,
  CSGX_EXIT_INTERRUPTED = 2,
  /// The leaf itself was refused; `vector` says how (below).
  CSGX_EXIT_REFUSED = 3,
};
enum {
  CSGX_REFUSED_NOT_ATTACHED = 1,
  CSGX_REFUSED_NOT_INITIALIZED = 2,
  CSGX_REFUSED_NOT_TCS = 3,
  CSGX_REFUSED_BUSY = 4,
  CSGX_REFUSED_CSSA = 5,
  CSGX_REFUSED_NOTHING_SAVED = 6,
  CSGX_REFUSED_SSA = 7,
  CSGX_REFUSED_STATE = 8,
  CSGX_REFUSED_LEAF = 9,
};

struct csgx_run {
  uint64_t tcs;
  uint64_t function;
  uint64_t rdi, rsi, rdx, r8, r9;
  uint32_t exit;
  uint32_t vector;
  uint32_t error_code;
  uint32_t reserved;
  uint64_t address;
};

/// EREPORT (leaf 0) and EGETKEY (leaf 1), done by the Swift side. `in1` and `in2` are copies of the operands;
/// `out` receives 432 or 16 bytes. Answers RAX for the leaf, or -1 for #GP.
typedef int64_t (*csgx_key_leaf)(void *context, int leaf, const uint8_t *in1, const uint8_t *in2,
                                 uint8_t *out);

/// Reserves [0x10000, size) and makes the tables.
int csgx_create(uint64_t size, uint32_t ssa_frame_pages, uint32_t misc_select, uint64_t xfrm,
                bool strict, bool hide_when_idle, csgx_key_leaf keys, void *context);
/// Unmaps everything. No thread may be inside or attached.
void csgx_destroy(void);

/// EADD: `flags` are SECINFO.FLAGS.
int csgx_add_pages(uint64_t address, const void *source, uint64_t length, uint64_t flags);
/// After EINIT: page permissions become what the EPCM says.
int csgx_initialized(void);
/// Overwrites ENCLU routines with jumps through a trampoline page at `trampoline`.
int csgx_patch_fast(const uint64_t *sites, size_t count, uint64_t trampoline);

int csgx_attach_thread(void);
void csgx_detach_thread(void);
void csgx_enter(struct csgx_run *run);
/// The signal that makes a thread leave.
int csgx_kick_signal(void);
void csgx_interrupt(uintptr_t pthread);

/// EAUG. `copied`: EACCEPTCOPY will fill the pages, and `csgx_follow` comes for all of them.
int csgx_augment(uint64_t address, uint64_t length, bool copied);
/// The page tables become what the EPCM allows: after EACCEPTCOPY or EMODPE.
int csgx_follow(uint64_t address, uint64_t length);
int csgx_restrict(uint64_t address, uint64_t length, uint64_t permissions);
int csgx_modify_type(uint64_t address, uint64_t length, uint64_t type);
int csgx_remove(uint64_t address, uint64_t length);

/// XCR0, and the size of an XSAVE area in the standard format.
uint64_t csgx_available_xfrm(void);
uint64_t csgx_xsave_area_size(uint64_t xfrm);

/// For tests and reports.
uint16_t csgx_epcm_entry(uint64_t address);
struct csgx_statistics {
  uint64_t enters, resumes, eexits, aexs, strict_leaves, fast_leaves, syscalls, kicks, mprotects;
};
void csgx_statistics(struct csgx_statistics *out);

#ifdef __cplusplus
}
#endif
