/* A just-in-time compiler in small: threads write code, make it executable, run it, make it writable again;
 * code that makes system calls, a page that is writable and executable, and one object mapped twice. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int code_seen;
static void *volatile address_seen;

static void caught(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  code_seen = info->si_code;
  address_seen = info->si_addr;
  siglongjmp(back, 1);
}

/* mov $value, %eax; ret */
static void emit(uint8_t *p, uint32_t value) {
  p[0] = 0xb8;
  memcpy(p + 1, &value, 4);
  p[5] = 0xc3;
}

static void *flip(void *argument) {
  uint32_t seed = (uint32_t)(uintptr_t)argument;
  uint8_t *page = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < 400; i++) {
    uint8_t *at = page + (i * 997) % 16000;
    emit(at, seed * 1000 + i);
    if (mprotect(page, 16384, PROT_READ | PROT_EXEC)) abort();
    sum += ((uint32_t(*)(void))at)();
    if (mprotect(page, 16384, PROT_READ | PROT_WRITE)) abort();
  }
  munmap(page, 16384);
  return (void *)(uintptr_t)sum;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &action, 0);
  pthread_t threads[6];
  uint64_t sum = 0;
  for (uintptr_t i = 0; i < 6; i++) pthread_create(&threads[i], 0, flip, (void *)(i + 1));
  for (int i = 0; i < 6; i++) {
    void *result;
    pthread_join(threads[i], &result);
    sum += (uintptr_t)result;
  }
  printf("sum %lu\n", (unsigned long)sum);

  uint8_t *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  emit(p, 7);
  if (sigsetjmp(back, 1) == 0) {
    ((int (*)(void))p)();
    puts("data was executed");
  } else
    printf("data is not executed: code %d, address %s\n", code_seen, address_seen == p ? "right" : "wrong");
  mprotect(p, 4096, PROT_READ | PROT_EXEC);
  printf("%d\n", ((int (*)(void))p)());
  if (sigsetjmp(back, 1) == 0) {
    *(volatile uint8_t *)p = 1;
    puts("code was written");
  } else
    printf("code is not written: code %d, address %s\n", code_seen, address_seen == p ? "right" : "wrong");

  uint8_t *wx = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned total = 0;
  for (uint32_t i = 0; i < 1000; i++) {
    emit(wx + i % 64 * 16, i);
    total += ((uint32_t(*)(void))(wx + i % 64 * 16))();
  }
  printf("writable and executable: %u\n", total);

  /* Code with system calls of its own: getppid a thousand times, then write(1, text, n). */
  static const uint8_t loop[] = {0x53, 0xbb, 0xe8, 0x03, 0, 0, 0xb8, 0x6e, 0, 0, 0, 0x0f, 0x05, 0xff, 0xcb, 0x75, 0xf5,
                                 0x5b, 0xc3};
  memcpy(wx, loop, sizeof loop);
  printf("getppid %s\n", ((long (*)(void))wx)() == getppid() ? "right" : "wrong");
  static const uint8_t text[] = "written by made code\n";
  uint8_t *w = wx + 256;
  uint8_t call[] = {0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0x48, 0xbe, 0, 0, 0, 0, 0, 0, 0, 0, 0xba, 0, 0, 0, 0, 0x0f, 0x05, 0xc3};
  const uint8_t *where = text;
  uint32_t size = sizeof text - 1;
  memcpy(call + 12, &where, 8);
  memcpy(call + 21, &size, 4);
  memcpy(w, call, sizeof call);
  fflush(stdout);
  printf("%ld\n", ((long (*)(void))w)());

  signal(SIGSEGV, SIG_DFL);
  /* The way of compilers that never have a page writable and executable: one object, two views. */
  int fd = memfd_create("code", MFD_CLOEXEC);
  if (ftruncate(fd, 4096)) return 1;
  uint8_t *write_view = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  uint8_t *run_view = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  total = 0;
  for (uint32_t i = 0; i < 50; i++) {
    emit(write_view + i, i);
    total += ((uint32_t(*)(void))(run_view + i))();
  }
  printf("two views: %u\n", total);
  return 0;
}
