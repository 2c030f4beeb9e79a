/* Raises SIGSEGV, SIGFPE, SIGILL and SIGTRAP and handles them: numbers, codes, addresses, and a handler
 * that repairs the context and goes on. sigaction(2), sigaltstack(2). */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf back;
static volatile sig_atomic_t number, code, on_alternate;
static void *volatile address;
static char stack[65536];
static uintptr_t target;

static void catch(int sig, siginfo_t *info, void *context) {
  char here;
  (void)context;
  number = sig;
  code = info->si_code;
  address = info->si_addr;
  on_alternate = &here >= stack && &here < stack + sizeof stack;
  siglongjmp(back, 1);
}

static void skip(int sig, siginfo_t *info, void *context) {
  (void)sig, (void)info;
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2; /* ud2 */
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 77;
}

static void unprotect(int sig, siginfo_t *info, void *context) {
  (void)sig, (void)context;
  mprotect((void *)((uintptr_t)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static void install(int sig, void (*handler)(int, siginfo_t *, void *)) {
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_sigaction = handler;
  a.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(sig, &a, 0);
}

#define TRY(name, statement)                                                                   \
  do {                                                                                         \
    number = 0;                                                                                \
    if (!sigsetjmp(back, 1)) { statement; }                                                    \
    printf("%s: signal %d code %d address %s alternate %d\n", name, (int)number, (int)code,    \
           !number ? "-" : (uintptr_t)address == target ? "right" : "other", (int)on_alternate); \
  } while (0)

int main(void) {
  stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&s, 0);
  install(SIGSEGV, catch), install(SIGFPE, catch), install(SIGILL, catch), install(SIGTRAP, catch);
  setvbuf(stdout, 0, _IONBF, 0);

  char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  volatile char sink;
  target = 16;
  TRY("null read", sink = *(volatile char *)target);
  target = (uintptr_t)page + 5;
  TRY("read-only write", *(volatile char *)target = 1);
  munmap(page + 4096, 4096);
  target = (uintptr_t)page + 4096;
  TRY("unmapped read", sink = *(volatile char *)target);
  TRY("non-canonical", sink = *(volatile char *)0x8000000000000000ul);
  target = (uintptr_t)page;
  TRY("execute data", ((void (*)(void))page)());
  target = 0;
  TRY("divide by zero", __asm__ volatile("xor %%ecx,%%ecx; cltd; idiv %%ecx" ::: "rax", "rcx", "rdx"));
  TRY("ud2", __asm__ volatile("ud2"));
  TRY("int3", __asm__ volatile("int3"));
  TRY("raise", raise(SIGSEGV));

  install(SIGILL, skip);
  int rax;
  __asm__ volatile("xor %%eax,%%eax; ud2" : "=a"(rax));
  printf("skipped, rax %d\n", rax);
  install(SIGSEGV, unprotect);
  page[9] = 'x';
  printf("repaired, byte %c\n", page[9]);

  (void)sink;
  signal(SIGSEGV, SIG_DFL);
  puts("now for real");
  *(volatile char *)16 = 1;
  return 0;
}
