/// The per-thread block, shared with the assembly. It lies in the last page of the thread's alternate
/// signal stack, so that a handler finds it without FS or GS.
#pragma once

#define ALT_STACK_SIZE 0x40000
#define BLOCK_SIZE 0x1000
/// From below: a guard page, the stack, an XSAVE area, the block.
#define GUARD_SIZE 0x1000
#define XSAVE_BUFFER_SIZE 0x4000
#define SIGNAL_STACK_SIZE (ALT_STACK_SIZE - GUARD_SIZE - XSAVE_BUFFER_SIZE - BLOCK_SIZE)

#define T_HOST_FS 0
#define T_HOST_GS 8
#define T_HOST_RSP 16
#define T_HOST_RBP 24
#define T_FS 32
#define T_GS 40
#define T_RIP 48
#define T_RDI 56
#define T_RSI 64
#define T_RDX 72
#define T_R8 80
#define T_R9 88
#define T_TCS 96
#define T_CSSA 104
#define T_SIGNAL_FS 112
#define T_SIGNAL_GS 120
#define T_PENDING 128
#define T_FAULT 132
#define T_XSAVE 136
#define T_XFRM 144
#define T_EXIT 152
#define T_KIND 160
#define T_INSIDE 168
/* Registers at a fast leaf: rax rbx rcx rdx rsi rdi rbp rsp r8..r15 flags fs gs */
#define T_LEAF 176
#define L_RAX (T_LEAF + 0)
#define L_RBX (T_LEAF + 8)
#define L_RCX (T_LEAF + 16)
#define L_RDX (T_LEAF + 24)
#define L_RSI (T_LEAF + 32)
#define L_RDI (T_LEAF + 40)
#define L_RBP (T_LEAF + 48)
#define L_RSP (T_LEAF + 56)
#define L_R8 (T_LEAF + 64)
#define L_R9 (T_LEAF + 72)
#define L_R10 (T_LEAF + 80)
#define L_R11 (T_LEAF + 88)
#define L_R12 (T_LEAF + 96)
#define L_R13 (T_LEAF + 104)
#define L_R14 (T_LEAF + 112)
#define L_R15 (T_LEAF + 120)
#define L_FLAGS (T_LEAF + 128)
#define L_FS (T_LEAF + 136)
#define L_GS (T_LEAF + 144)
/* What ERESUME pops: r15 r14 r13 r12 r11 r10 r9 r8 rdi rsi rbp rbx rdx rcx rax, then an IRET frame. */
#define T_IMAGE (T_LEAF + 152)

#ifndef __ASSEMBLER__
#include "CSoftwareSGX.h"

struct leaf_registers {
  uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, flags, fs,
      gs;
};
struct resume_image {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  uint64_t rip, cs, rflags, rsp, ss;
};

struct tcs {
  uint64_t page;
  uint64_t ossa, oentry, ofsbase, ogsbase, aep;
  uint32_t nssa, cssa;
  uint32_t busy;
  uint32_t valid;
};

struct thread {
  uint64_t host_fs, host_gs, host_rsp, host_rbp;
  /// What to load at the next entry.
  uint64_t fs, gs, rip;
  uint64_t rdi, rsi, rdx, r8, r9;
  uint64_t tcs_address, cssa;
  /// FS and GS as a handler found them, or as it wants them.
  uint64_t signal_fs, signal_gs;
  /// A kick came while the thread was not inside.
  uint32_t pending;
  /// The fast leaf ended in an exception: 1, and `exit` etc. say which.
  uint32_t fault;
  uint64_t xsave, xfrm;
  uint64_t exit;
  uint64_t kind;
  /// Between the start of an entry and the end of its exit.
  uint64_t inside;
  struct leaf_registers leaf;
  struct resume_image image;
  /// Up to here the assembly knows the layout (see the assertions in machine.c).
  struct tcs *tcs;
  /// This thread's part of the statistics, and the next thread that is attached.
  struct csgx_statistics counts;
  struct thread *next;
  uint32_t vector, error_code;
  uint64_t address;
  uint32_t leaf_vector, leaf_error;
  uint64_t leaf_address;
  /// The leaf under way found the enclave's FS and GS (fast mode), not the host's.
  bool leaf_on_enclave_bases;
  void *base;
  uint64_t old_mask;
  void *old_stack_sp;
  uint64_t old_stack_size;
  int old_stack_flags;
  void *xsave_buffer;
};
#endif

#define CSGX_ASM_EEXIT 0
#define CSGX_ASM_INTERRUPTED 2
