// SIGSEGV, SIGFPE, SIGILL and SIGUSR1 raised, handled and survived.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf back;
static volatile sig_atomic_t last;
static void *volatile address;

static void jump(int number, siginfo_t *info, void *context) {
  last = number;
  address = info->si_addr;
  siglongjmp(back, 1);
}

static void count(int number) { last += number; }

static void skip(int number, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  c->uc_mcontext.gregs[REG_RIP] += 2; // ud2
  last = number;
}

int main(void) {
  struct sigaction a = {.sa_sigaction = jump, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &a, NULL);
  sigaction(SIGFPE, &a, NULL);
  char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!sigsetjmp(back, 1)) page[123] = 1;
  printf("SIGSEGV %d, at the right place %d\n", last == SIGSEGV, address == page + 123);
  volatile int zero = 0;
  if (!sigsetjmp(back, 1)) zero = 1000 / zero;
  printf("SIGFPE %d\n", last == SIGFPE);
  a.sa_sigaction = skip;
  sigaction(SIGILL, &a, NULL);
  __asm__ volatile("ud2");
  printf("SIGILL %d\n", last == SIGILL);
  last = 0;
  signal(SIGUSR1, count);
  for (int i = 0; i < 100; i++) raise(SIGUSR1);
  printf("SIGUSR1 %d\n", last == 100 * SIGUSR1);
  fflush(stdout);
  signal(SIGABRT, SIG_DFL);
  raise(SIGTERM);
  return 0;
}
