// System calls with wild numbers: whatever comes back, the kernel goes on. Each round runs in a child that may
// end in any way; what is printed is only that all of them ended. wild SEED ROUNDS [show]
//
// Only inside an enclave, where nothing but the enclave can suffer: natively, perhaps as root, nothing is called.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t state;
static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}
static char *area;
static uint64_t wild(void) {
  static const uint64_t edges[] = {0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 255, 4095, 4096, 4097, 8192, 0xFFFF, 0x10000,
                                   1u << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1ull << 32, 1ull << 40,
                                   (1ull << 40) - 4096, 1ull << 46, 0x7FFFFFFFF000, 1ull << 47, 1ull << 62,
                                   0x7FFFFFFFFFFFFFFF, 1ull << 63, -1ull, -2ull, -4095ull, -4096ull, -4097ull, -8192ull,
                                   0xFF00000000, 0xFE00000000, 0xC000000000};
  switch (next() % 8) {
  case 0: case 1: case 2: return edges[next() % (sizeof edges / sizeof *edges)];
  case 3: return (uint64_t)area + next() % 8 * 4096 + (next() % 4 ? 0 : next() % 4096);
  case 4: return next() % 12;
  case 5: return 1ull << next() % 64;
  case 6: return (uint64_t)area + 16 * 4096 - next() % 64;
  default: return next() >> next() % 64;
  }
}

int main(int count, char **arguments) {
  uint64_t seed = count > 1 ? strtoull(arguments[1], 0, 0) : 1;
  int rounds = count > 2 ? atoi(arguments[2]) : 100, show = count > 3;
  if (access("/dev/attestation", F_OK) != 0) rounds = 0;
  for (int round = 0; round < rounds; round++) {
    pid_t child = fork();
    if (child == 0) {
      state = seed * 1000003 + round * 7919 + 88172645463325252ull;
      for (int i = 0; i < 10; i++) next();
      setpgid(0, 0);
      alarm(2);
      // Descriptors that wild numbers name are its own.
      int log = dup2(2, 200), null = open("/dev/null", O_RDWR);
      for (int i = 0; i < 3; i++) dup2(null, i);
      if (!show) close(log);
      area = mmap(NULL, 32 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      munmap(area + 16 * 4096, 16 * 4096);
      for (int i = 0; i < 16 * 4096; i++) area[i] = next() % 3 ? 0 : next();
      int fds[2];
      if (pipe2(fds, O_NONBLOCK)) _exit(1);
      memfd_create("x", MFD_ALLOW_SEALING);
      syscall(SYS_epoll_create1, 0);
      syscall(SYS_eventfd2, 1, 0x800);
      open("/dev/zero", O_RDWR);
      int first = next() % 4 ? (int)(next() % 460) : -1;
      for (int i = 0; i < 60; i++) {
        int n = first >= 0 && next() % 2 ? first : (int)(next() % 460);
        switch (n) {
        case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_rt_sigqueueinfo: case SYS_rt_tgsigqueueinfo:
        case SYS_reboot: case SYS_pause: case SYS_fork: case SYS_vfork: case SYS_clone: case SYS_clone3:
        case SYS_exit: case SYS_exit_group: case SYS_unshare: case SYS_setsid: case SYS_setpgid: case SYS_alarm:
        case SYS_unlink: case SYS_unlinkat: case SYS_rmdir: case SYS_rename: case SYS_renameat: case SYS_renameat2:
        case SYS_umount2: case SYS_mount: case SYS_chroot: case SYS_pivot_root: case SYS_swapoff: case SYS_swapon:
        case SYS_sethostname: case SYS_settimeofday: case SYS_clock_settime: case SYS_init_module:
        case SYS_delete_module: case SYS_pidfd_send_signal: case SYS_rt_sigaction: case SYS_rt_sigprocmask:
        case SYS_setitimer: case SYS_munmap: case SYS_mprotect: case SYS_chmod: case SYS_fchmodat: case SYS_lchown:
        case SYS_chown: case SYS_fchownat:
          if (n != SYS_munmap && n != SYS_mprotect) continue;
          break;
        default: break;
        }
        uint64_t a[6];
        for (int j = 0; j < 6; j++) a[j] = wild();
        if (show) {
          char text[200];
          int l = snprintf(text, sizeof text, "%d: %lx %lx %lx %lx %lx %lx\n", n, a[0], a[1], a[2], a[3], a[4], a[5]);
          if (write(log, text, l) < 0) _exit(1);
        }
        syscall(n, a[0], a[1], a[2], a[3], a[4], a[5]);
      }
      _exit(0);
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    kill(-child, SIGKILL);
  }
  printf("all ended\n");
}
