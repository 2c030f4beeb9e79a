#define _GNU_SOURCE
#include "CTestEnclave.h"

#include <asm/prctl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static timer_t timer;

int test_start_kicks(int signal_number, long interval_ns) {
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = signal_number;
  event._sigev_un._tid = (int)syscall(SYS_gettid);
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return -1;
  struct itimerspec when = {{0, interval_ns}, {0, interval_ns}};
  return timer_settime(timer, 0, &when, NULL);
}

void test_stop_kicks(void) { timer_delete(timer); }

uint32_t test_host_mxcsr(void) {
  uint32_t v;
  __asm__ volatile("stmxcsr %0" : "=m"(v));
  return v;
}

uint16_t test_host_x87_control(void) {
  uint16_t v;
  __asm__ volatile("fnstcw %0" : "=m"(v));
  return v;
}

uint64_t test_host_flags(void) {
  uint64_t v;
  __asm__ volatile("pushfq; popq %0" : "=r"(v));
  return v;
}

uint8_t test_host_x87_tags(void) {
  struct {
    uint8_t bytes[512];
  } __attribute__((aligned(16))) area;
  __asm__ volatile("fxsave64 %0" : "=m"(area));
  return area.bytes[4];
}

static uint64_t base(int which) {
  uint64_t v = 0;
  syscall(SYS_arch_prctl, which, &v);
  return v;
}
uint64_t test_host_fs(void) { return base(ARCH_GET_FS); }
uint64_t test_host_gs(void) { return base(ARCH_GET_GS); }
void test_set_host_gs(uint64_t base) { syscall(SYS_arch_prctl, ARCH_SET_GS, base); }

static uint64_t expected;
static void leave_at_once(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  _exit((uint64_t)(uintptr_t)info->si_addr == expected ? 7 : 8);
}
void test_exit_on_fault(uint64_t address) {
  expected = address;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = leave_at_once;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, NULL);
}

void test_call(uint64_t address) {
  void (*volatile function)(void) = (void (*)(void))(uintptr_t)address;
  function();
}
