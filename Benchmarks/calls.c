// The fixed cost of a system call, the cheapest transfers, the clock and signals.
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t getppid_libc(long count) {
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) (void)getppid();
  return now_ns() - start;
}

// As programs without a libc have it: the instruction in the program's own text.
static uint64_t getppid_raw(long count) {
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    long result;
    __asm__ volatile("mov %1, %%eax\n\tsyscall"
                     : "=&a"(result)
                     : "i"(SYS_getppid)
                     : "rcx", "r11", "memory");
  }
  return now_ns() - start;
}

static uint64_t read_zero(long count) {
  static int fd = -1;
  if (fd < 0) CHECK((fd = open("/dev/zero", O_RDONLY)) >= 0);
  char byte;
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) CHECK(read(fd, &byte, 1) == 1);
  return now_ns() - start;
}

static uint64_t clock_vdso(long count) {
  struct timespec t;
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) clock_gettime(CLOCK_MONOTONIC, &t);
  return now_ns() - start;
}

static volatile long handled;
static void handler(int signal) { handled += signal; }

static uint64_t raise_handled(long count) {
  static int ready;
  if (!ready) {
    struct sigaction action = {.sa_handler = handler};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    ready = 1;
  }
  handled = 0;
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) raise(SIGUSR1);
  uint64_t time = now_ns() - start;
  CHECK(handled == count * SIGUSR1);
  return time;
}

const figure call_figures[] = {
    {"getppid", getppid_libc},   {"getppid-raw", getppid_raw}, {"read-zero", read_zero},
    {"clock-gettime", clock_vdso}, {"raise", raise_handled},     {NULL, NULL},
};
