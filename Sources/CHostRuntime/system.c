#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CHostRuntime.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static long negative(long r) { return r < 0 ? -errno : r; }

int clh_futex_wait(const uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                       .tv_nsec = (long)(timeout_ns % 1000000000u)};
  return (int)negative(syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
                               timeout_ns == UINT64_MAX ? NULL : &t, NULL, 0));
}

int clh_futex_wake(const uint32_t *word, int count) {
  return (int)negative(syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0));
}

uint32_t clh_load(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
void clh_store(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }
uint32_t clh_fetch_or(uint32_t *word, uint32_t bits) {
  return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}
uint32_t clh_fetch_and(uint32_t *word, uint32_t bits) {
  return __atomic_fetch_and(word, bits, __ATOMIC_SEQ_CST);
}
uint32_t clh_exchange(uint32_t *word, uint32_t value) {
  return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}
int clh_compare_exchange(uint32_t *word, uint32_t expected, uint32_t desired) {
  return __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST);
}
uint64_t clh_load64(const void *at) { return *(const volatile uint64_t *)at; }
void clh_store64(void *at, uint64_t value) { *(volatile uint64_t *)at = value; }

pid_t clh_fork(void) { return (pid_t)negative(fork()); }
void clh_close_from(int first, int except) {
  if (except >= first) {
    if (except > first) syscall(SYS_close_range, first, except - 1, 0);
    first = except + 1;
  }
  syscall(SYS_close_range, first, ~0u, 0);
}
int clh_socketpair(int pair[2]) {
  return (int)negative(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
}
int clh_eventfd(void) { return (int)negative(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
int clh_memfd(const char *name) { return (int)negative(memfd_create(name, MFD_CLOEXEC)); }
int clh_openat(int directory, const char *path, int flags, int mode) {
  return (int)negative(openat(directory, path, flags, mode));
}
long clh_getdents64(int fd, void *buffer, size_t size) {
  return negative(syscall(SYS_getdents64, fd, buffer, size));
}
int clh_die_with_parent(void) { return (int)negative(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)); }
int clh_not_dumpable(void) { return (int)negative(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)); }
int clh_no_new_privileges(void) { return (int)negative(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }
long clh_terminal_size(int fd) {
  struct winsize w;
  if (ioctl(fd, TIOCGWINSZ, &w) < 0) return -errno;
  return (long)w.ws_row << 16 | w.ws_col;
}

int clh_ppoll(void *set, unsigned count, uint64_t timeout_ns) {
  struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                       .tv_nsec = (long)(timeout_ns % 1000000000u)};
  return (int)negative(ppoll(set, count, timeout_ns == UINT64_MAX ? NULL : &t, NULL));
}

long clh_read(int fd, void *bytes, size_t size) { return negative(read(fd, bytes, size)); }
long clh_write(int fd, const void *bytes, size_t size) { return negative(write(fd, bytes, size)); }
long clh_read_now(int fd, void *bytes, size_t size) {
  struct iovec v = {bytes, size};
  return negative(preadv2(fd, &v, 1, -1, RWF_NOWAIT));
}
long clh_write_now(int fd, const void *bytes, size_t size) {
  struct iovec v = {(void *)bytes, size};
  return negative(pwritev2(fd, &v, 1, -1, RWF_NOWAIT));
}

long clh_file_mode(int fd) {
  struct stat status;
  return syscall(SYS_fstat, fd, &status) < 0 ? -errno : (long)status.st_mode;
}

long clh_filesystem_type(const char *path) {
  struct statfs fs;
  return statfs(path, &fs) < 0 ? -errno : (long)fs.f_type;
}

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

long clh_send_message(int socket, const void *bytes, size_t size, int fd) {
  struct iovec v = {.iov_base = (void *)bytes, .iov_len = size};
  union control control = {0};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
  if (fd >= 0) {
    m.msg_control = control.bytes;
    m.msg_controllen = sizeof control.bytes;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
  }
  long r;
  do r = sendmsg(socket, &m, MSG_NOSIGNAL);
  while (r < 0 && errno == EINTR);
  return negative(r);
}

long clh_receive_message(int socket, void *bytes, size_t size, int *fd) {
  struct iovec v = {.iov_base = bytes, .iov_len = size};
  union control control = {0};
  struct msghdr m = {.msg_iov = &v,
                     .msg_iovlen = 1,
                     .msg_control = control.bytes,
                     .msg_controllen = sizeof control.bytes};
  *fd = -1;
  long r;
  do r = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
  while (r < 0 && errno == EINTR);
  if (r < 0) return -errno;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int)))
      memcpy(fd, CMSG_DATA(c), sizeof *fd);
  return r;
}

/// What the kernel knows: the first page of a perf mapping says how to turn TSC into nanoseconds
/// (perf_event_open(2), cap_user_time).
static uint64_t kernel_tsc_frequency(void) {
  struct perf_event_attr attributes = {.type = PERF_TYPE_SOFTWARE,
                                       .size = sizeof attributes,
                                       .config = PERF_COUNT_SW_DUMMY,
                                       .exclude_kernel = 1,
                                       .exclude_hv = 1};
  int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (fd < 0) return 0;
  uint64_t frequency = 0;
  struct perf_event_mmap_page *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) {
    if (page->cap_user_time && page->time_mult)
      frequency = (uint64_t)(((__uint128_t)1000000000u << page->time_shift) / page->time_mult);
    munmap(page, 4096);
  }
  close(fd);
  return frequency;
}

void clh_tsc_sample(uint64_t *tsc, uint64_t *monotonic_ns) {
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < 8; i++) {
    struct timespec t;
    uint64_t before = __rdtsc();
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t after = __rdtsc();
    if (after - before >= best) continue;
    best = after - before;
    *tsc = before + best / 2;
    *monotonic_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
  }
}

uint64_t clh_tsc_frequency(void) {
  unsigned a, b, c, d;
  if (__get_cpuid_count(0x15, 0, &a, &b, &c, &d) && a && b && c) return (uint64_t)c * b / a;
  __cpuid(1, a, b, c, d);
  if (c >> 31 & 1) {
    __cpuid(0x40000000, a, b, c, d);
    if (a >= 0x40000010 && a < 0x40001000) {
      __cpuid(0x40000010, a, b, c, d);
      if (a) return (uint64_t)a * 1000;
    }
  }
  return kernel_tsc_frequency();
}

void clh_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]) {
  __cpuid_count(leaf, subleaf, out[0], out[1], out[2], out[3]);
}

uint64_t clh_xcr0(void) {
  unsigned a, b, c, d;
  __cpuid(1, a, b, c, d);
  if (!(c >> 27 & 1)) return 0;
  __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  return (uint64_t)d << 32 | a;
}

int clh_seccomp(const void *instructions, unsigned short count) {
  struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)instructions};
  return (int)negative(
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
}

long clh_syscall(long number, long a, long b, long c, long d, long e, long f) {
  return negative(syscall(number, a, b, c, d, e, f));
}

__asm__(".text\nclh_gadget: syscall\nret\n");
extern const char clh_gadget[] __attribute__((visibility("hidden")));
uint64_t clh_syscall_gadget(void) { return (uint64_t)clh_gadget; }
