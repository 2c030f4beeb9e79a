// A kick: the thread leaves the enclave with an asynchronous exit for the signal. The kernel would resume it
// when the handler returns, because RIP is then at the AEP, an ENCLU with RAX = ERESUME. The handler changes
// RAX, so that the ENCLU faults and the vDSO reports it.
#define _GNU_SOURCE
#include "CHardwareSGX.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>

#define KICK SIGUSR2
#define STACK_SIZE 0x10000

static uint64_t vdso_low, vdso_high;
static __thread char *stack;
static __thread volatile sig_atomic_t pending;

static void kicked(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
  uint64_t rip = (uint64_t)g[REG_RIP];
  if (rip >= vdso_low && rip + 3 <= vdso_high && memcmp((void *)rip, "\x0F\x01\xD7", 3) == 0 &&
      (uint32_t)g[REG_RAX] == 3)
    g[REG_RAX] = CHSGX_KICKED;
  else
    pending = 1;
}

int chsgx_install_kick(uint64_t vdso_start, uint64_t vdso_end) {
  vdso_low = vdso_start;
  vdso_high = vdso_end;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = kicked;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  return sigaction(KICK, &action, NULL) == 0 ? 0 : errno;
}

void chsgx_interrupt(uintptr_t thread) { pthread_kill((pthread_t)thread, KICK); }

int chsgx_attach_thread(void) {
  if (stack) return EBUSY;
  char *p = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return errno;
  mprotect(p, 0x1000, PROT_NONE);
  stack = p;
  return 0;
}

void chsgx_detach_thread(void) {
  if (stack) munmap(stack, STACK_SIZE);
  stack = NULL;
}

void *chsgx_thread_stack(void) { return stack ? stack + STACK_SIZE : NULL; }

int chsgx_take_pending(void) {
  int was = pending;
  pending = 0;
  return was;
}

uint64_t chsgx_vdso_base(void) { return getauxval(AT_SYSINFO_EHDR); }
