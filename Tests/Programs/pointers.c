/* Every system call that takes a pointer, with each of its pointers bad in nine ways: errno must be Linux's, and
 * the kernel must survive. Prints a line for each pointer: the results in the order of `kinds`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static char *good, *none, *readonly, *edge;
enum { SIZE = 65536 };
/* Descriptors by letter. */
static int file, reader, writer, ep, ev, timer, dir, one, two, notify, empty;

/* A call: its name and six arguments: p, a pointer to zeros; v, a pointer to an iovec; m, to a msghdr; P, to the path of
 * a file that is not there; D, to "/"; S, to a struct whose first 8 bytes are 8; T, to a time of zero; C, a count of
 * 4096; other letters are descriptors; anything else is a number. */
struct call { const char *name; long number; const char *arguments; };
#define CALL(name, arguments) {#name, SYS_##name, arguments}
static const struct call calls[] = {
  CALL(read, "f p C"), CALL(write, "f p C"), CALL(open, "D 0 0"), CALL(stat, "D p"), CALL(fstat, "f p"),
  CALL(lstat, "D p"), CALL(poll, "S 1 0"), CALL(rt_sigaction, "10 p p 8"), CALL(rt_sigprocmask, "0 p p 8"),
  CALL(ioctl, "r 0x541b p"), CALL(pread64, "f p C 0"), CALL(pwrite64, "f p C 0"), CALL(readv, "f v 1"),
  CALL(writev, "f v 1"), CALL(access, "D 0"), CALL(pipe, "p"), CALL(select, "1 p p p T"),
  CALL(mincore, "map 4096 p"), CALL(nanosleep, "T p"), CALL(getitimer, "0 p"), CALL(setitimer, "0 p p"),
  CALL(sendfile, "w f p 1"), CALL(uname, "p"), CALL(fcntl, "f 5 S"), CALL(getdents, "d p 4096"),
  CALL(getcwd, "p 4096"), CALL(chdir, "D"), CALL(rename, "P P"), CALL(mkdir, "D 0"), CALL(rmdir, "P"),
  CALL(creat, "D 0"), CALL(link, "P P"), CALL(unlink, "P"), CALL(symlink, "P D"), CALL(readlink, "D p 100"),
  CALL(chmod, "P 0"), CALL(chown, "P 0 0"), CALL(lchown, "P 0 0"), CALL(gettimeofday, "p p"),
  CALL(getrlimit, "7 p"), CALL(getrusage, "0 p"), CALL(sysinfo, "p"), CALL(times, "p"),
  CALL(getgroups, "20 p"), CALL(getresuid, "p p p"), CALL(getresgid, "p p p"), CALL(rt_sigpending, "p 8"),
  CALL(rt_sigtimedwait, "p p T 8"), CALL(rt_sigqueueinfo, "0 10 p"), CALL(sigaltstack, "p p"),
  CALL(utime, "P p"), CALL(mknod, "D 0100644 0"), CALL(statfs, "D p"), CALL(fstatfs, "f p"),
  CALL(sched_setparam, "0 p"), CALL(sched_getparam, "0 p"), CALL(sched_setscheduler, "0 0 p"),
  CALL(sched_rr_get_interval, "0 p"), CALL(prctl, "15 p"), CALL(prctl, "16 p"), CALL(prctl, "37 p"),
  CALL(arch_prctl, "0x1003 p"), CALL(truncate, "P 0"), CALL(setxattr, "P p p 1 0"), CALL(getxattr, "D p p 1"),
  CALL(listxattr, "D p 100"), CALL(fsetxattr, "f P p 1 0"), CALL(fgetxattr, "f P p 1"), CALL(flistxattr, "f p 100"),
  CALL(removexattr, "P P"), CALL(time, "p"), CALL(futex, "p 0 1 T 0 0"), CALL(futex, "p 1 1 0 0 0"),
  CALL(futex, "p 9 1 T 0 1"), CALL(futex, "p 3 1 1 p 0"), CALL(futex, "p 4 1 1 p 0"), CALL(futex, "p 5 1 1 p 0"),
  CALL(sched_getaffinity, "0 128 p"), CALL(sched_setaffinity, "0 0 p"), CALL(epoll_wait, "e p 4 0"),
  CALL(epoll_ctl, "e 1 r p"), CALL(epoll_pwait, "e p 4 0 p 8"), CALL(epoll_pwait2, "e p 4 T p 8"),
  CALL(set_tid_address, "0"), CALL(timer_create, "1 0 p"), CALL(timer_create, "1 p p"),
  CALL(clock_gettime, "1 p"), CALL(clock_getres, "1 p"), CALL(clock_nanosleep, "1 0 T p"),
  CALL(utimes, "P p"), CALL(waitid, "0 0 p 5 p"), CALL(wait4, "-1 p 1 p"), CALL(inotify_add_watch, "n P 1"),
  CALL(openat, "d P 0 0"), CALL(mkdirat, "d D 0"), CALL(mknodat, "d D 0 0"), CALL(fchownat, "d P 0 0 0"),
  CALL(futimesat, "d P p"), CALL(newfstatat, "d D p 0"), CALL(unlinkat, "d P 0"), CALL(renameat, "d P d P"),
  CALL(linkat, "d P d P 0"), CALL(symlinkat, "P d D"), CALL(readlinkat, "d D p 10"), CALL(fchmodat, "d P 0"),
  CALL(faccessat, "d D 0"), CALL(pselect6, "1 p p p T 0"), CALL(ppoll, "S 1 T 0 8"), CALL(get_robust_list, "0 p p"),
  CALL(splice, "f p w 0 1 2"), CALL(vmsplice, "w v 1 0"), CALL(utimensat, "d P T 0"), CALL(timerfd_settime, "t 0 p p"),
  CALL(timerfd_gettime, "t p"), CALL(signalfd4, "-1 p 8 0"), CALL(pipe2, "p 0"), CALL(preadv, "f v 1 0 0"),
  CALL(pwritev, "f v 1 0 0"), CALL(preadv2, "f v 1 0 0 0"), CALL(pwritev2, "f v 1 0 0 0"), CALL(rt_tgsigqueueinfo, "0 0 10 p"),
  CALL(prlimit64, "0 4 p p"), CALL(sched_setattr, "0 S 0"), CALL(sched_getattr, "0 p 48 0"), CALL(renameat2, "d P d P 0"),
  CALL(getrandom, "p C 0"), CALL(memfd_create, "P 0"), CALL(copy_file_range, "f p f p 0 0"), CALL(statx, "d D 0 0x7ff p"),
  CALL(openat2, "d P p 24"), CALL(faccessat2, "d D 0 0"), CALL(futex_waitv, "p 1 0 T 1"), CALL(capget, "p p"), CALL(capset, "p p"),
  CALL(getcpu, "p p 0"), CALL(setrlimit, "4 p"),   CALL(setgroups, "1 p"), CALL(statfs, "P p"),
  CALL(fchmodat2, "d P 0 0"), CALL(chroot, "P"),
  CALL(recvfrom, "1 p C 0x40 p p"), CALL(sendto, "1 p C 0x40 0 0"), CALL(recvmsg, "1 m 0x40"), CALL(sendmsg, "1 m 0x40"),
  CALL(getsockname, "1 p p"), CALL(getpeername, "1 p p"), CALL(socketpair, "1 1 0 p"), CALL(setsockopt, "1 1 7 p 4"),
  CALL(getsockopt, "1 1 7 p p"), CALL(bind, "2 p 110"), CALL(connect, "2 p 110"), CALL(accept4, "2 p p 0"),
  CALL(sendmmsg, "1 m 1 0x40"), CALL(recvmmsg, "1 m 1 0x40 0"), CALL(membarrier, "0 0"),
  CALL(personality, "0xffffffff"),
};

static const char *const kinds[] = {"null", "one", "unmapped", "closed", "read-only", "crossing", "high", "non-canonical", "kernel"};

static uintptr_t bad(int kind, int size) {
  switch (kind) {
  case 0: return 0;
  case 1: return 1;
  case 2: return (uintptr_t)edge + 4096;
  case 3: return (uintptr_t)none;
  case 4: return (uintptr_t)readonly;
  case 5: return (uintptr_t)edge + 4096 - size;
  case 6: return 0xffff800000001000;
  case 7: return 0x8000000000000000;
  default: return 0xff00001000; /* where an enclave has its kernel */
  }
}

static void fixtures(void) {
  memset(good, 0, SIZE);
  struct iovec *v = (void *)(good + 1024);
  v->iov_base = good + 4096, v->iov_len = 16;
  struct msghdr *m = (void *)(good + 2048);
  m->msg_iov = v, m->msg_iovlen = 1;
  strcpy(good + 3000, "/does/not/exist");
  strcpy(good + 3100, "/");
  *(uint64_t *)(good + 3200) = 8;
  memset(edge, 0, 4096);
}

static int descriptor(char c) {
  switch (c) {
  case 'f': return file;
  case 'r': return reader;
  case 'w': return writer;
  case 'e': return ep;
  case 'd': return dir;
  case 't': return timer;
  case 'n': return notify;
  default: return -1;
  }
}

static int parse(const struct call *call, uint64_t *value, int *is_pointer) {
  char text[100], *save, *word;
  strcpy(text, call->arguments);
  int n = 0;
  for (word = strtok_r(text, " ", &save); word; word = strtok_r(0, " ", &save), n++) {
    int letter = word[1] ? 0 : word[0];
    is_pointer[n] = 1;
    switch (letter) {
    case 'p': value[n] = (uintptr_t)good + 8192 + 4096 * n; continue;
    case 'v': value[n] = (uintptr_t)good + 1024; continue;
    case 'm': value[n] = (uintptr_t)good + 2048; continue;
    case 'P': value[n] = (uintptr_t)good + 3000; continue;
    case 'D': value[n] = (uintptr_t)good + 3100; continue;
    case 'S': value[n] = (uintptr_t)good + 3200; continue;
    case 'T': value[n] = (uintptr_t)good + 3300; continue;
    }
    is_pointer[n] = 0;
    if (letter == 'C') value[n] = 4096;
    else if (strcmp(word, "map") == 0) value[n] = (uintptr_t)good;
    else if (letter >= 'a' && letter <= 'z') value[n] = descriptor(letter);
    else value[n] = strtoull(word, 0, 0);
  }
  /* Sockets are the first argument of theirs. */
  if (strstr("recvfrom sendto recvmsg sendmsg getsockname getpeername setsockopt getsockopt sendmmsg recvmmsg", call->name)) value[0] = one;
  if (strstr("bind connect accept4", call->name)) value[0] = two;
  return n;
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  // Linux's flags of no alternate stack at all are whatever an ancestor had: execve(2) leaves them.
  sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, 0);
  good = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  none = mmap(0, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  readonly = mmap(0, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  edge = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(edge + 4096, 2 * 4096);
  int p[2], s[2];
  if (pipe2(p, O_NONBLOCK)) return 1;
  reader = p[0], writer = p[1];
  ep = epoll_create1(0), ev = eventfd(1, EFD_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  dir = open("/", O_RDONLY | O_DIRECTORY), notify = inotify_init1(IN_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(ep, EPOLL_CTL_ADD, ev, &event);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s)) return 1;
  one = s[0], two = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  signal(SIGALRM, SIG_IGN), signal(SIGPIPE, SIG_IGN), signal(SIGUSR1, SIG_IGN), signal(10, SIG_IGN);
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    uint64_t value[6] = {0};
    int is_pointer[6] = {0};
    for (int slot = 0; slot < 6; slot++) {
      file = memfd_create("file", 0);
      if (ftruncate(file, 65536)) return 1;
      int n = parse(&calls[i], value, is_pointer);
      if (slot >= n || !is_pointer[slot]) {
        close(file);
        continue;
      }
      printf("%s %d:", calls[i].name, slot);
      for (int kind = 0; kind < 9; kind++) {
        if (kind == 0 && value[slot] == (uintptr_t)good + 3300) {
          printf(" -"); /* no time limit */
          continue;
        }
        fixtures();
        parse(&calls[i], value, is_pointer);
        if (write(s[1], "12345678", 8) < 0 || write(writer, "12345678", 8) < 0) {
          char drain[4096];
          while (read(reader, drain, sizeof drain) > 0) {}
          while (read(one, drain, sizeof drain) > 0) {}
        }
        value[slot] = bad(kind, 2);
        fflush(stdout);
        long result = syscall(calls[i].number, value[0], value[1], value[2], value[3], value[4], value[5]);
        printf(" %s", result < 0 ? strerrorname_np(errno) : "ok");
        if (result > 8 && (calls[i].number == SYS_memfd_create || calls[i].number == SYS_open ||
                           calls[i].number == SYS_signalfd4 || calls[i].number == SYS_openat))
          close(result);
      }
      printf("\n");
      close(file);
    }
  }
  (void)kinds, (void)empty;
  puts("alive");
  return 0;
}
