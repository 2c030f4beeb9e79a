// What interrupts the enclave: asynchronous exits, ENCLU in strict mode, kicks.
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define KICK SIGUSR2

static const int caught[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP, SIGSYS, KICK};
#define CAUGHT_COUNT (sizeof caught / sizeof caught[0])
static struct sigaction previous[CAUGHT_COUNT];
static bool installed;

int csgx_kick_signal(void) { return KICK; }

void csgx_interrupt(uintptr_t thread) { pthread_kill((pthread_t)thread, KICK); }

/// Installs the handlers, once a process.
int csgx_install_handlers_locked(void) {
  if (installed) return CSGX_OK;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = (void (*)(int, siginfo_t *, void *))(void *)csgx_signal_entry;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  for (size_t i = 0; i < CAUGHT_COUNT; i++)
    if (sigaction(caught[i], &action, &previous[i]) != 0) return CSGX_E_SIGNALS;
  installed = true;
  return CSGX_OK;
}

/// A signal that concerns host code: a kick that came too late or too early, or somebody else's fault.
__attribute__((visibility("hidden"))) void csgx_host_signal(int number, siginfo_t *info,
                                                             void *context) {
  if (number == KICK) {
    struct thread *t = csgx_self();
    if (t) __atomic_store_n(&t->pending, 1, __ATOMIC_RELEASE);
    return;
  }
  for (size_t i = 0; i < CAUGHT_COUNT; i++) {
    if (caught[i] != number) continue;
    struct sigaction *old = &previous[i];
    if (old->sa_flags & SA_SIGINFO) {
      old->sa_sigaction(number, info, context);
    } else if (old->sa_handler == SIG_IGN && info->si_code <= 0) {
      return;
    } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
      old->sa_handler(number);
    } else {
      // The default action, as soon as the mask allows: the fault happens again, a sent signal is repeated. Linux
      // lets nobody ignore a fault.
      signal(number, SIG_DFL);
      if (info->si_code <= 0) raise(number);
    }
    return;
  }
}

static void die(const char *what, uint64_t address) {
  char line[160];
  int n = snprintf(line, sizeof line, "cloister: software SGX: %s at 0x%llx\n", what,
                   (unsigned long long)address);
  if (n > 0 && write(2, line, (size_t)n) < 0) abort();
  abort();
}

static void host_bases(struct thread *t) {
  t->signal_fs = t->host_fs;
  t->signal_gs = t->host_gs;
}

/// Lets sigreturn go to a label of entry.S with a synthetic state (SDM vol. 3D, 40.3).
static void leave(struct thread *t, ucontext_t *uc, uint64_t kind) {
  greg_t *g = uc->uc_mcontext.gregs;
  t->kind = kind;
  host_bases(t);
  static const int cleared[] = {REG_RSI, REG_RDX, REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12,
                                REG_R13, REG_R14, REG_R15, REG_RBP};
  for (size_t i = 0; i < sizeof cleared / sizeof cleared[0]; i++) g[cleared[i]] = 0;
  g[REG_RAX] = 3;
  g[REG_RBX] = (greg_t)t->tcs_address;
  g[REG_RCX] = (greg_t)(uintptr_t)csgx_after_enter;
  g[REG_RDI] = (greg_t)(uintptr_t)t;
  g[REG_RSP] = (greg_t)t->host_rsp;
  g[REG_RIP] = (greg_t)(uintptr_t)csgx_aex_return;
  g[REG_EFL] = 0x202;
  // No extended state: sigreturn then loads the initial one.
  uc->uc_mcontext.fpregs = NULL;
}

struct gprsgx {
  uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rflags, rip,
      ursp, urbp;
  uint32_t exitinfo, aexnotify;
  uint64_t fsbase, gsbase;
};
_Static_assert(sizeof(struct gprsgx) == 184, "GPRSGX");
struct exinfo {
  uint64_t maddr;
  uint32_t errcd, reserved;
};

/// The XSAVE area of a signal frame: fxsave image, software bytes at 464, header at 512.
static void save_extended_state(uint8_t *area, const uint8_t *frame) {
  uint32_t magic, size = 512;
  uint64_t features = 3;
  memcpy(&magic, frame + 464, 4);
  if (magic == 0x46505853) {
    memcpy(&features, frame + 472, 8);
    memcpy(&size, frame + 480, 4);
  }
  if (size > machine.xsave_size) size = (uint32_t)machine.xsave_size;
  memcpy(area, frame, 464);
  memset(area + 464, 0, 48);
  if (size > 512) memcpy(area + 512, frame + 512, size - 512);
  else memset(area + 512, 0, 64);
  memset(area + size, 0, machine.xsave_size - size);
  uint64_t header[2];
  memcpy(header, area + 512, sizeof header);
  header[0] = magic == 0x46505853 ? header[0] & machine.xfrm : 3;
  header[1] = 0;
  memcpy(area + 512, header, sizeof header);
  memset(area + 528, 0, 48);
}

static uint64_t frame_address(struct tcs *c, uint32_t index) {
  return c->ossa + (uint64_t)index * machine.ssa_frame_pages * PAGE;
}

/// AEX. `vector` is -1 for an interrupt.
static void aex(struct thread *t, ucontext_t *uc, int vector, uint32_t error, uint64_t address) {
  COUNT(t, aexs);
  struct tcs *c = t->tcs;
  greg_t *g = uc->uc_mcontext.gregs;
  uint64_t frame = frame_address(c, c->cssa);
  uint64_t end = frame + (uint64_t)machine.ssa_frame_pages * PAGE;
  struct gprsgx *s = (struct gprsgx *)(end - sizeof *s);
  // EENTER has checked the frame; a machine whose SSA went away since then would lose the enclave.
  for (uint64_t a = frame; a < end; a += PAGE)
    if (!accessible(a, CSGX_R | CSGX_W)) die("no SSA frame for an asynchronous exit", a);
  s->rax = (uint64_t)g[REG_RAX];
  s->rcx = (uint64_t)g[REG_RCX];
  s->rdx = (uint64_t)g[REG_RDX];
  s->rbx = (uint64_t)g[REG_RBX];
  s->rsp = (uint64_t)g[REG_RSP];
  s->rbp = (uint64_t)g[REG_RBP];
  s->rsi = (uint64_t)g[REG_RSI];
  s->rdi = (uint64_t)g[REG_RDI];
  s->r8 = (uint64_t)g[REG_R8];
  s->r9 = (uint64_t)g[REG_R9];
  s->r10 = (uint64_t)g[REG_R10];
  s->r11 = (uint64_t)g[REG_R11];
  s->r12 = (uint64_t)g[REG_R12];
  s->r13 = (uint64_t)g[REG_R13];
  s->r14 = (uint64_t)g[REG_R14];
  s->r15 = (uint64_t)g[REG_R15];
  s->rflags = (uint64_t)g[REG_EFL];
  s->rip = (uint64_t)g[REG_RIP];
  s->ursp = t->host_rsp;
  s->urbp = t->host_rbp;
  s->fsbase = t->signal_fs;
  s->gsbase = t->signal_gs;
  s->aexnotify = 0;
  // SDM vol. 3D, table "EXITINFO": only these vectors; #GP and #PF only with MISCSELECT.EXINFO.
  static const uint32_t reported = 1u << 0 | 1u << 1 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 16 |
                                   1u << 17 | 1u << 19;
  bool exinfo = machine.misc_select & 1;
  bool valid = vector >= 0 && ((reported >> vector & 1) || ((vector == 13 || vector == 14) && exinfo));
  s->exitinfo = valid ? 1u << 31 | (vector == 3 ? 6u : 3u) << 8 | (uint32_t)vector : 0;
  if (exinfo && (vector == 13 || vector == 14)) {
    struct exinfo *x = (struct exinfo *)(end - sizeof *s - sizeof *x);
    *x = (struct exinfo){.maddr = vector == 14 ? address : 0, .errcd = error};
  }
  save_extended_state((uint8_t *)frame, (const uint8_t *)uc->uc_mcontext.fpregs);
  c->cssa++;
  t->vector = (uint32_t)vector;
  t->error_code = error;
  t->address = vector == 14 ? address & ~(PAGE - 1) : 0;
  leave(t, uc, vector < 0 ? CSGX_EXIT_INTERRUPTED : CSGX_EXIT_FAULT);
}

static bool is_enclu(uint64_t rip) {
  if (!in_elrange(rip, 3)) return false;
  for (uint64_t a = rip & ~(PAGE - 1); a <= rip + 2; a += PAGE)
    if (!accessible(a, CSGX_X)) return false;
  const uint8_t *p = (const uint8_t *)rip;
  return p[0] == 0x0F && p[1] == 0x01 && p[2] == 0xD7;
}

static void strict_eexit(struct thread *t, ucontext_t *uc) {
  greg_t *g = uc->uc_mcontext.gregs;
  if ((uint64_t)g[REG_RBX] != (uintptr_t)csgx_after_enter) {
    // The CPU goes wherever RBX says.
    g[REG_RIP] = g[REG_RBX];
    host_bases(t);
    return;
  }
  if ((uint64_t)g[REG_RBP] != t->host_rbp)
    die("EEXIT with another RBP than at EENTER, on which the vDSO relies,", (uint64_t)g[REG_RIP]);
  g[REG_RCX] = (greg_t)(uintptr_t)csgx_after_enter;
  g[REG_RIP] = (greg_t)(uintptr_t)csgx_eexit_return;
  g[REG_R10] = (greg_t)(uintptr_t)t;
  host_bases(t);
}

/// ENCLU raised #UD (or #GP on a CPU with SGX).
static void strict_leaf(struct thread *t, ucontext_t *uc) {
  greg_t *g = uc->uc_mcontext.gregs;
  COUNT(t, strict_leaves);
  if ((uint32_t)g[REG_RAX] == 4) {
    strict_eexit(t, uc);
    return;
  }
  t->leaf_on_enclave_bases = false;
  struct leaf_registers *r = &t->leaf;
  r->rax = (uint64_t)g[REG_RAX];
  r->rbx = (uint64_t)g[REG_RBX];
  r->rcx = (uint64_t)g[REG_RCX];
  r->rdx = (uint64_t)g[REG_RDX];
  r->flags = (uint64_t)g[REG_EFL] & 0xFF;
  if (csgx_leaf(t, r)) {
    aex(t, uc, (int)t->leaf_vector, t->leaf_error, t->leaf_address);
    return;
  }
  g[REG_RAX] = (greg_t)r->rax;
  g[REG_EFL] = (g[REG_EFL] & ~0x8D5) | (greg_t)(r->flags & 0xD5);
  g[REG_RIP] += 3;
}

/// A fast leaf is over, but an AEX is due: its registers are in the block.
static void fast_leaf_exit(struct thread *t, ucontext_t *uc) {
  greg_t *g = uc->uc_mcontext.gregs;
  struct leaf_registers *r = &t->leaf;
  g[REG_RAX] = (greg_t)r->rax;
  g[REG_RBX] = (greg_t)r->rbx;
  g[REG_RCX] = (greg_t)r->rcx;
  g[REG_RDX] = (greg_t)r->rdx;
  g[REG_RSI] = (greg_t)r->rsi;
  g[REG_RDI] = (greg_t)r->rdi;
  g[REG_RBP] = (greg_t)r->rbp;
  g[REG_R8] = (greg_t)r->r8;
  g[REG_R9] = (greg_t)r->r9;
  g[REG_R10] = (greg_t)r->r10;
  g[REG_R11] = (greg_t)r->r11;
  g[REG_R12] = (greg_t)r->r12;
  g[REG_R13] = (greg_t)r->r13;
  g[REG_R14] = (greg_t)r->r14;
  g[REG_R15] = (greg_t)r->r15;
  g[REG_RSP] = (greg_t)r->rsp;
  g[REG_EFL] = (greg_t)(0x202 | (r->flags & 0xD5));
  t->signal_fs = r->fs;
  t->signal_gs = r->gs;
  if (t->fault) {
    t->fault = 0;
    // The routines are all alike, so ERESUME tries the leaf again.
    g[REG_RIP] = (greg_t)machine.fast_site;
    aex(t, uc, (int)t->leaf_vector, t->leaf_error, t->leaf_address);
  } else {
    t->pending = 0;
    g[REG_RIP] = (greg_t)(*(const uint64_t *)r->rsp);
    g[REG_RSP] += 8;
    aex(t, uc, -1, 0, 0);
  }
}

/// The interrupted instruction is one of entry.S, with half of the state switched.
static void window_signal(int number, siginfo_t *info, ucontext_t *uc, struct thread *t) {
  greg_t *g = uc->uc_mcontext.gregs;
  char *rip = (char *)g[REG_RIP];
  bool resuming = rip >= csgx_resume_start && rip < csgx_resume_end;
  if (number == KICK || info->si_code <= 0) {
    if (number == KICK) __atomic_store_n(&t->pending, 1, __ATOMIC_RELEASE);
    else csgx_host_signal(number, info, uc);
    if (number == KICK && resuming) {
      g[REG_RDI] = (greg_t)(uintptr_t)t;
      g[REG_RIP] = (greg_t)(uintptr_t)csgx_resume_abandoned;
      uc->uc_mcontext.fpregs = NULL;
      g[REG_EFL] = 0x202;
      host_bases(t);
    } else if (number == KICK && rip >= csgx_leaf_return_start && rip < csgx_leaf_return_end) {
      g[REG_RBX] = (greg_t)(uintptr_t)t;
      g[REG_RIP] = (greg_t)(uintptr_t)csgx_leaf_return_start;
    }
    return;
  }
  if (rip == csgx_leaf_trap) {
    fast_leaf_exit(t, uc);
  } else if (resuming) {
    // XRSTOR or IRET did not like what is saved: the leaf is refused with #GP.
    t->vector = CSGX_REFUSED_STATE;
    leave(t, uc, CSGX_EXIT_REFUSED);
  } else {
    die("the enclave jumped into the machine, or left with a broken GS or stack,", (uint64_t)rip);
  }
}

/// Called by csgx_signal_entry with the host's FS and GS; `signal_fs` and `signal_gs` say what they were and
/// take what they shall be.
__attribute__((visibility("hidden"))) void csgx_enclave_signal(int number, siginfo_t *info,
                                                                ucontext_t *uc, struct thread *t) {
  greg_t *g = uc->uc_mcontext.gregs;
  uint64_t rip = (uint64_t)g[REG_RIP];
  int saved_errno = errno;
  if (rip >= csgx_elrange_size) {
    window_signal(number, info, uc, t);
  } else if (number == KICK) {
    COUNT(t, kicks);
    t->pending = 0;
    aex(t, uc, -1, 0, 0);
  } else if (info->si_code <= 0) {
    // Sent by somebody, not caused by the enclave.
    csgx_host_signal(number, info, uc);
  } else if (number == SIGSYS) {
    // SYSCALL (or INT 0x80) was stopped by Syscall User Dispatch; the CPU says #UD at the instruction.
    COUNT(t, syscalls);
    g[REG_RIP] -= 2;
    aex(t, uc, 6, 0, 0);
  } else {
    int vector = number == SIGILL ? 6 : (int)g[REG_TRAPNO];
    if ((vector == 6 || vector == 13) && is_enclu(rip)) {
      strict_leaf(t, uc);
    } else if (vector == 14 && in_elrange((uint64_t)g[REG_CR2], 1) && csgx_settle((uint64_t)g[REG_CR2])) {
      // Accepted with its content, but the page tables had not followed: the CPU would not have faulted.
    } else {
      uint32_t error = vector == 13 || vector == 14 || vector == 17 ? (uint32_t)g[REG_ERR] : 0;
      aex(t, uc, vector, error, (uint64_t)g[REG_CR2]);
    }
  }
  errno = saved_errno;
}
