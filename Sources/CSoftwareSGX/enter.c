// Host threads, and their way in: the checks of EENTER and ERESUME.
#define _GNU_SOURCE
#include "machine.h"

#include <cpuid.h>
#include <errno.h>
#include <immintrin.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define CHECK(field, offset) _Static_assert(offsetof(struct thread, field) == offset, #field)
CHECK(host_fs, T_HOST_FS);
CHECK(host_gs, T_HOST_GS);
CHECK(host_rsp, T_HOST_RSP);
CHECK(host_rbp, T_HOST_RBP);
CHECK(fs, T_FS);
CHECK(gs, T_GS);
CHECK(rip, T_RIP);
CHECK(rdi, T_RDI);
CHECK(r9, T_R9);
CHECK(tcs_address, T_TCS);
CHECK(cssa, T_CSSA);
CHECK(signal_fs, T_SIGNAL_FS);
CHECK(signal_gs, T_SIGNAL_GS);
CHECK(pending, T_PENDING);
CHECK(fault, T_FAULT);
CHECK(xsave, T_XSAVE);
CHECK(xfrm, T_XFRM);
CHECK(kind, T_KIND);
CHECK(inside, T_INSIDE);
CHECK(leaf, T_LEAF);
CHECK(image, T_IMAGE);
_Static_assert(sizeof(struct thread) <= BLOCK_SIZE, "one page");

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

int csgx_install_handlers_locked(void);

static __thread struct thread *self;
struct thread *csgx_self(void) { return self; }

static uint64_t read_fs(void) {
  uint64_t v;
  __asm__ volatile("rdfsbase %0" : "=r"(v));
  return v;
}
static uint64_t read_gs(void) {
  uint64_t v;
  __asm__ volatile("rdgsbase %0" : "=r"(v));
  return v;
}

uint64_t csgx_xsave_size(uint64_t xfrm) {
  uint64_t size = 512 + 64;
  for (uint32_t i = 2; i < 63; i++) {
    if (!(xfrm >> i & 1)) continue;
    uint32_t a, b, c, d;
    __cpuid_count(0xD, i, a, b, c, d);
    if (!(c & 1) && (uint64_t)a + b > size) size = (uint64_t)a + b;
  }
  return size;
}

uint64_t csgx_xsave_area_size(uint64_t xfrm) { return csgx_xsave_size(xfrm); }

uint64_t csgx_available_xfrm(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

/// Signals with a handler of the host's own would run on the enclave's FS: they go to other threads.
static void block_handled_signals(sigset_t *set) {
  sigemptyset(set);
  for (int n = 1; n < NSIG; n++) {
    struct sigaction a;
    if (n == SIGKILL || n == SIGSTOP || sigaction(n, NULL, &a) != 0) continue;
    if ((void *)a.sa_sigaction == (void *)csgx_signal_entry) continue;
    if (a.sa_handler != SIG_DFL && a.sa_handler != SIG_IGN) sigaddset(set, n);
  }
}

int csgx_attach_thread(void) {
  if (self) return CSGX_E_BUSY;
  if (!machine.created) return CSGX_E_MISSING;
  csgx_lock();
  int installed = csgx_install_handlers_locked();
  csgx_unlock();
  if (installed != CSGX_OK) return CSGX_E_SIGNALS;
  // An aligned region: guard page, stack, XSAVE buffer, block.
  char *raw = mmap(NULL, 2 * ALT_STACK_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return CSGX_E_NOMEM;
  char *base = (char *)(((uintptr_t)raw + ALT_STACK_SIZE - 1) & ~(uintptr_t)(ALT_STACK_SIZE - 1));
  if (base > raw) munmap(raw, (size_t)(base - raw));
  char *end = base + ALT_STACK_SIZE;
  munmap(end, (size_t)(raw + 2 * ALT_STACK_SIZE - end));
  if (mprotect(base + GUARD_SIZE, ALT_STACK_SIZE - GUARD_SIZE, PROT_READ | PROT_WRITE) != 0) {
    munmap(base, ALT_STACK_SIZE);
    return CSGX_E_NOMEM;
  }
  // clone(2) passes on the creator's GS, which an EEXIT may have left as the enclave's.
  if (read_gs() < csgx_elrange_size) __asm__ volatile("wrgsbase %0" : : "r"(0ul));
  struct thread *t = (struct thread *)(end - BLOCK_SIZE);
  memset(t, 0, sizeof *t);
  t->base = base;
  t->host_fs = read_fs();
  t->host_gs = read_gs();
  t->xfrm = machine.xfrm;
  t->xsave_buffer = end - BLOCK_SIZE - XSAVE_BUFFER_SIZE;
  stack_t stack = {.ss_sp = base + GUARD_SIZE, .ss_size = SIGNAL_STACK_SIZE};
  stack_t old;
  if (sigaltstack(&stack, &old) != 0) {
    munmap(base, ALT_STACK_SIZE);
    return CSGX_E_SIGNALS;
  }
  t->old_stack_sp = old.ss_sp;
  t->old_stack_size = old.ss_size;
  t->old_stack_flags = old.ss_flags & SS_DISABLE;
  // A SYSCALL below the end of ELRANGE raises SIGSYS; above it, nothing changes.
  if (prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, csgx_elrange_size, (1ul << 47) - csgx_elrange_size, 0)) {
    sigaltstack(&old, NULL);
    munmap(base, ALT_STACK_SIZE);
    return CSGX_E_SIGNALS;
  }
  sigset_t block, before;
  block_handled_signals(&block);
  pthread_sigmask(SIG_BLOCK, &block, &before);
  memcpy(&t->old_mask, &before, sizeof t->old_mask);
  sigemptyset(&block);
  sigaddset(&block, csgx_kick_signal());
  for (int n = 0; n < 6; n++) sigaddset(&block, (int[]){SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP, SIGSYS}[n]);
  pthread_sigmask(SIG_UNBLOCK, &block, NULL);
  csgx_lock();
  t->next = machine.threads;
  machine.threads = t;
  csgx_unlock();
  self = t;
  return CSGX_OK;
}

void csgx_detach_thread(void) {
  struct thread *t = self;
  if (!t) return;
  sigset_t kick, mask;
  sigemptyset(&kick);
  sigaddset(&kick, csgx_kick_signal());
  pthread_sigmask(SIG_BLOCK, &kick, NULL);
  self = NULL;
  // EEXIT leaves the enclave's.
  __asm__ volatile("wrgsbase %0" : : "r"(t->host_gs));
  prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
  csgx_lock();
  for (struct thread **link = &machine.threads; *link; link = &(*link)->next) {
    if (*link != t) continue;
    *link = t->next;
    csgx_add_statistics(&machine.totals, &t->counts);
    break;
  }
  csgx_unlock();
  // Any TCS that this thread used last still names it, unless another thread enters it just now.
  for (uint32_t i = 0; i < machine.tcs_count; i++) {
    uint64_t page = machine.tcs[i].ogsbase / PAGE;
    struct thread *mine = t;
    if (page < csgx_page_count)
      __atomic_compare_exchange_n(&csgx_threads_by_gs[page], &mine, NULL, false, __ATOMIC_ACQ_REL,
                                  __ATOMIC_RELAXED);
  }
  stack_t old = {.ss_sp = t->old_stack_sp, .ss_size = t->old_stack_size, .ss_flags = t->old_stack_flags};
  sigaltstack(&old, NULL);
  sigemptyset(&mask);
  memcpy(&mask, &t->old_mask, sizeof t->old_mask);
  munmap(t->base, ALT_STACK_SIZE);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void refuse(struct csgx_run *run, uint32_t why) {
  run->exit = CSGX_EXIT_REFUSED;
  run->vector = why;
}

static bool frame_accessible(struct tcs *c, uint32_t index) {
  uint64_t size = (uint64_t)machine.ssa_frame_pages * PAGE, frame = c->ossa + index * size;
  if (!in_elrange(frame, size)) return false;
  for (uint64_t a = frame; a < frame + size; a += PAGE)
    if (!accessible(a, CSGX_R | CSGX_W)) return false;
  return true;
}

struct gprsgx {
  uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rflags, rip,
      ursp, urbp;
  uint32_t exitinfo, aexnotify;
  uint64_t fsbase, gsbase;
};

/// ERESUME: what SSA[CSSA - 1] says. The kernel lets user code set only these flags with IRET.
static void load_frame(struct thread *t, struct tcs *c) {
  uint64_t size = (uint64_t)machine.ssa_frame_pages * PAGE;
  uint64_t frame = c->ossa + (c->cssa - 1) * size;
  const struct gprsgx *s = (const struct gprsgx *)(frame + size - sizeof *s);
  struct resume_image *i = &t->image;
  *i = (struct resume_image){
      .r15 = s->r15, .r14 = s->r14, .r13 = s->r13, .r12 = s->r12, .r11 = s->r11, .r10 = s->r10,
      .r9 = s->r9, .r8 = s->r8, .rdi = s->rdi, .rsi = s->rsi, .rbp = s->rbp, .rbx = s->rbx,
      .rdx = s->rdx, .rcx = s->rcx, .rax = s->rax, .rip = s->rip, .rsp = s->rsp,
      .rflags = (s->rflags & 0x240DD5) | 0x202,
  };
  uint16_t cs, ss;
  __asm__("movw %%cs, %0; movw %%ss, %1" : "=r"(cs), "=r"(ss));
  i->cs = cs;
  i->ss = ss;
  t->fs = s->fsbase;
  t->gs = s->gsbase;
  t->xsave = frame;
}

void csgx_enter(struct csgx_run *run) {
  struct thread *t = self;
  if (!t) return refuse(run, CSGX_REFUSED_NOT_ATTACHED);
  if (!machine.initialized) return refuse(run, CSGX_REFUSED_NOT_INITIALIZED);
  if (run->function != 2 && run->function != 3) return refuse(run, CSGX_REFUSED_LEAF);
  struct tcs *c = tcs_at(run->tcs);
  if (!c || (epcm_at(run->tcs) & (CSGX_VALID | CSGX_MODIFIED | CSGX_PT_MASK)) !=
                (CSGX_VALID | CSGX_PT_TCS))
    return refuse(run, CSGX_REFUSED_NOT_TCS);
  uint32_t idle = 0;
  if (!__atomic_compare_exchange_n(&c->busy, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    return refuse(run, CSGX_REFUSED_BUSY);

  bool resume = run->function == 3;
  uint32_t refused = 0;
  if (resume && c->cssa == 0) refused = CSGX_REFUSED_NOTHING_SAVED;
  else if (!resume && c->cssa >= c->nssa) refused = CSGX_REFUSED_CSSA;
  else if (!frame_accessible(c, resume ? c->cssa - 1 : c->cssa)) refused = CSGX_REFUSED_SSA;
  if (refused) {
    __atomic_store_n(&c->busy, 0, __ATOMIC_RELEASE);
    return refuse(run, refused);
  }
  if (machine.hide_when_idle) csgx_hide_enter();

  t->tcs = c;
  t->tcs_address = run->tcs;
  t->fault = 0;
  if (c->ogsbase / PAGE < csgx_page_count) {
    struct thread **entry = &csgx_threads_by_gs[c->ogsbase / PAGE];
    if (__atomic_load_n(entry, __ATOMIC_RELAXED) != t) __atomic_store_n(entry, t, __ATOMIC_RELEASE);
  }
  if (resume) {
    COUNT(t, resumes);
    load_frame(t, c);
    // The frame is free again; XRSTOR reads it before anything can overwrite it.
    c->cssa--;
  } else {
    COUNT(t, enters);
    t->pending = 0;
    t->cssa = c->cssa;
    t->fs = c->ofsbase;
    t->gs = c->ogsbase;
    t->rip = c->oentry;
    t->rdi = run->rdi;
    t->rsi = run->rsi;
    t->rdx = run->rdx;
    t->r8 = run->r8;
    t->r9 = run->r9;
  }
  uint32_t cssa_before = c->cssa + (resume ? 1 : 0);
  t->inside = 1;
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  csgx_enter_asm(t, run->function);
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  t->inside = 0;

  run->exit = (uint32_t)t->kind;
  switch (t->kind) {
  case CSGX_EXIT_EEXIT:
    COUNT(t, eexits);
    run->rdi = t->rdi;
    run->rsi = t->rsi;
    run->rdx = t->rdx;
    run->r8 = t->r8;
    run->r9 = t->r9;
    break;
  case CSGX_EXIT_REFUSED:
    c->cssa = cssa_before;
    run->vector = t->vector;
    break;
  case CSGX_EXIT_INTERRUPTED:
    // A kick before ERESUME got inside: as if the interrupt had come at its first instruction.
    if (c->cssa < cssa_before) c->cssa = cssa_before;
    break;
  default:
    run->vector = t->vector;
    run->error_code = t->error_code;
    run->address = t->address;
  }
  if (machine.hide_when_idle) csgx_hide_leave();
  __atomic_store_n(&c->busy, 0, __ATOMIC_RELEASE);
}
