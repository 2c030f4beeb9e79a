// Waiting, futexes, threads and limits: what their man pages say of flags, order of errors and edges.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "show.h"


static void epolls(void) {
  int ep = epoll_create1(0), ev = eventfd(0, EFD_NONBLOCK), p[2], dir = open("/tmp", O_RDONLY);
  if (pipe(p)) return;
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = 7}, got[8];
  VALUE("epoll_create 0", epoll_create(0));
  VALUE("epoll_create1 flags", epoll_create1(1));
  VALUE("ctl add", epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
  VALUE("ctl add again", epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
  VALUE("ctl mod missing", epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
  VALUE("ctl del missing", epoll_ctl(ep, EPOLL_CTL_DEL, p[0], &e));
  VALUE("ctl itself", epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e));
  VALUE("ctl closed", epoll_ctl(ep, EPOLL_CTL_ADD, 999, &e));
  VALUE("ctl on no epoll", epoll_ctl(ev, EPOLL_CTL_ADD, p[0], &e));
  VALUE("ctl closed epoll", epoll_ctl(999, EPOLL_CTL_ADD, p[0], &e));
  VALUE("ctl directory", epoll_ctl(ep, EPOLL_CTL_ADD, dir, &e));
  VALUE("ctl op", epoll_ctl(ep, 9, p[0], &e));
  VALUE("ctl bad pointer", epoll_ctl(ep, EPOLL_CTL_ADD, p[0], (void *)8));
  VALUE("ctl del, no event", epoll_ctl(ep, EPOLL_CTL_DEL, ev, NULL));
  VALUE("wait 0 events", epoll_wait(ep, got, 0, 0));
  VALUE("wait -1 events", syscall(SYS_epoll_wait, ep, got, -1, 0));
  VALUE("wait bad pointer", syscall(SYS_epoll_wait, ep, 8, 1, 0));
  VALUE("wait on no epoll", epoll_wait(ev, got, 1, 0));
  VALUE("wait many", syscall(SYS_epoll_wait, ep, got, 1 << 28, 0));
  e.events = EPOLLIN | EPOLLEXCLUSIVE;
  VALUE("exclusive", epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
  e.events = EPOLLIN;
  VALUE("mod of exclusive", epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e));
  e.events = EPOLLIN | EPOLLEXCLUSIVE;
  VALUE("mod to exclusive", epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e));
  epoll_ctl(ep, EPOLL_CTL_DEL, ev, NULL);
  e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
  VALUE("exclusive one-shot", epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
  e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLET;
  VALUE("exclusive edge", epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
  epoll_ctl(ep, EPOLL_CTL_DEL, ev, NULL);
  int inner = epoll_create1(0);
  e.events = EPOLLIN | EPOLLEXCLUSIVE;
  VALUE("exclusive of an epoll", epoll_ctl(ep, EPOLL_CTL_ADD, inner, &e));
  uint64_t one = 1;
  e.events = EPOLLIN | EPOLLONESHOT;
  epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e);
  if (write(ev, &one, 8)) {}
  VALUE("one shot", epoll_wait(ep, got, 8, 0));
  VALUE("one shot spent", epoll_wait(ep, got, 8, 0));
  e.events = EPOLLIN | EPOLLET;
  epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e);
  VALUE("edge after mod", epoll_wait(ep, got, 8, 0));
  VALUE("edge again", epoll_wait(ep, got, 8, 0));
  if (write(ev, &one, 8)) {}
  VALUE("edge after a write", epoll_wait(ep, got, 8, 0));
  e.events = EPOLLIN | EPOLLOUT | EPOLLET;
  epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e);
  epoll_wait(ep, got, 8, 0);
  if (read(ev, &one, 8)) {}
  VALUE("edge: a read makes it writable", epoll_wait(ep, got, 8, 0));
  printf("  events %x data %u\n", got[0].events, got[0].data.u32);
  // A duplicate keeps what was registered alive.
  int dupped = dup(p[0]);
  e.events = EPOLLIN;
  e.data.u32 = 70;
  epoll_ctl(ep, EPOLL_CTL_DEL, ev, NULL);
  epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e);
  e.data.u32 = 71;
  VALUE("the duplicate, too", epoll_ctl(ep, EPOLL_CTL_ADD, dupped, &e));
  close(p[0]);
  if (write(p[1], "x", 1)) {}
  int n = epoll_wait(ep, got, 8, 0);
  printf("of a closed one: %d %d\n", n, n > 0 ? (int)(got[0].data.u32 + (n > 1 ? got[1].data.u32 : 0)) : 0);
  VALUE("ctl del of the closed number", epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
  close(dupped);
  VALUE("all closed", epoll_wait(ep, got, 8, 0));
  // Nested: loops and depth.
  int a = epoll_create1(0), b = epoll_create1(0), c = epoll_create1(0);
  e.events = EPOLLIN;
  VALUE("a in b", epoll_ctl(b, EPOLL_CTL_ADD, a, &e));
  VALUE("b in c", epoll_ctl(c, EPOLL_CTL_ADD, b, &e));
  VALUE("c in a", epoll_ctl(a, EPOLL_CTL_ADD, c, &e));
  VALUE("b in a", epoll_ctl(a, EPOLL_CTL_ADD, b, &e));
  int chain[8];
  for (int i = 0; i < 8; i++) chain[i] = epoll_create1(0);
  for (int i = 0; i < 7; i++) {
    char text[32];
    snprintf(text, sizeof text, "chain %d", i);
    VALUE(text, epoll_ctl(chain[i + 1], EPOLL_CTL_ADD, chain[i], &e));
  }
  for (int i = 0; i < 8; i++) close(chain[i]);
  for (int i = 0; i < 8; i++) chain[i] = epoll_create1(0);
  for (int i = 6; i >= 3; i--) {
    char text[32];
    snprintf(text, sizeof text, "from the top %d", i);
    VALUE(text, epoll_ctl(chain[i + 1], EPOLL_CTL_ADD, chain[i], &e));
  }
  epoll_ctl(a, EPOLL_CTL_ADD, ev, &e);
  if (write(ev, &one, 8)) {}
  VALUE("through two", epoll_wait(c, got, 8, 0));
  struct pollfd pf = {c, POLLIN, 0};
  VALUE("poll of an epoll", poll(&pf, 1, 0));
  struct timespec bad = {0, 1000000000};
  VALUE("pwait2 bad time", syscall(SYS_epoll_pwait2, c, got, 1, &bad, NULL, 0));
  sigset_t s;
  sigemptyset(&s);
  VALUE("pwait bad size", syscall(SYS_epoll_pwait, c, got, 1, 0, &s, 4));
  close(ep);
}

static void polls(void) {
  int p[2], sp[2], ev = eventfd(0, 0), closed = dup(0);
  if (pipe(p) || socketpair(AF_UNIX, SOCK_STREAM, 0, sp)) return;
  close(closed);
  int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR), file = open("/tmp", O_RDONLY);
  int tfd = timerfd_create(CLOCK_MONOTONIC, 0);
  struct { const char *n; int fd; } kinds[] = {{"pipe read end", p[0]}, {"pipe write end", p[1]}, {"socket", sp[0]},
      {"eventfd", ev}, {"zero", zero}, {"null", null}, {"directory", file}, {"timerfd", tfd}, {"closed", closed}, {"-1", -1}};
  for (int round = 0; round < 3; round++) {
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
      struct pollfd f = {kinds[i].fd, 0x7FFF & ~POLLREMOVE, -1};
      int r = poll(&f, 1, 0);
      printf("%s: %d %x\n", kinds[i].n, r, f.revents & 0xFFFF);
    }
    if (round == 0) {
      if (write(p[1], "x", 1) || write(sp[1], "x", 1)) {}
      uint64_t most = UINT64_MAX - 1;
      if (write(ev, &most, 8)) {}
    } else {
      close(p[1]);
      kinds[1].fd = -1;
      close(sp[1]);
    }
  }
  VALUE("poll too many", syscall(SYS_poll, NULL, 2000000, 0));
  VALUE("poll bad pointer", syscall(SYS_poll, 8, 1, 0));
  VALUE("poll none", poll(NULL, 0, 1));
  struct timespec bad = {0, -1};
  VALUE("ppoll bad time", ppoll(NULL, 0, &bad, NULL));
  VALUE("ppoll bad size", syscall(SYS_ppoll, NULL, 0, NULL, &bad, 4));
  fd_set set;
  FD_ZERO(&set);
  FD_SET(closed, &set);
  VALUE("select closed", select(closed + 1, &set, NULL, NULL, &(struct timeval){0, 0}));
  VALUE("select negative", select(-1, NULL, NULL, NULL, &(struct timeval){0, 0}));
  VALUE("select bad time", select(0, NULL, NULL, NULL, &(struct timeval){-1, 0}));
  struct timeval tv = {0, 20000000};
  VALUE("select far usec", select(0, NULL, NULL, NULL, &(struct timeval){0, 1000}));
  (void)tv;
  VALUE("eventfd flags", eventfd(0, 7777));
  uint64_t v = UINT64_MAX;
  int nb = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
  VALUE("eventfd write -1", write(nb, &v, 8));
  VALUE("eventfd short", write(nb, &v, 4));
  VALUE("eventfd empty", read(nb, &v, 8));
  v = UINT64_MAX - 1;
  VALUE("eventfd fill", write(nb, &v, 8));
  v = 1;
  VALUE("eventfd full", write(nb, &v, 8));
  VALUE("eventfd semaphore", read(nb, &v, 8));
  printf("  %llu\n", (unsigned long long)v);
}

static uint32_t word, other_word, pi;
static void *hold(void *unused) {
  (void)unused;
  syscall(SYS_futex, &pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  usleep(100000);
  if ((long)unused) return NULL;  // ends as the owner
  syscall(SYS_futex, &pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
  return NULL;
}
static void *wait_requeue(void *unused) {
  (void)unused;
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec += 2;
  long r = syscall(SYS_futex, &word, FUTEX_WAIT_REQUEUE_PI, word, &t, &pi, 0);
  int mine = (pi & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid);
  if (!r) syscall(SYS_futex, &pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
  return (void *)(long)(r == 0 && mine);
}
static void futexes(void) {
  struct timespec t = {0, 1000000}, bad = {0, 1000000000};
#define FUTEX(text, ...) VALUE(text, syscall(SYS_futex, __VA_ARGS__))
  FUTEX("wait, other value", &word, FUTEX_WAIT, 1, NULL, NULL, 0);
  FUTEX("wait, timeout", &word, FUTEX_WAIT, 0, &t, NULL, 0);
  FUTEX("wait, bad time", &word, FUTEX_WAIT, 0, &bad, NULL, 0);
  FUTEX("wait, bad time, other value", &word, FUTEX_WAIT, 1, &bad, NULL, 0);
  FUTEX("wait, odd", (char *)&word + 1, FUTEX_WAIT, 0, &t, NULL, 0);
  FUTEX("wait, null", NULL, FUTEX_WAIT, 0, &t, NULL, 0);
  FUTEX("wake, null", NULL, FUTEX_WAKE, 1, NULL, NULL, 0);
  FUTEX("wake, odd", (char *)&word + 2, FUTEX_WAKE, 1, NULL, NULL, 0);
  FUTEX("wake none", &word, FUTEX_WAKE, 1, NULL, NULL, 0);
  FUTEX("bitset 0", &word, FUTEX_WAIT_BITSET, 0, &t, NULL, 0);
  FUTEX("wake bitset 0", &word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0);
  FUTEX("op 99", &word, 99, 0, NULL, NULL, 0);
  FUTEX("fd", &word, FUTEX_FD, 0, NULL, NULL, 0);
  FUTEX("wait with CLOCK_REALTIME", &word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &t, NULL, 0);
  FUTEX("wake with CLOCK_REALTIME", &word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0);
  FUTEX("cmp_requeue, other value", &word, FUTEX_CMP_REQUEUE, 1, 1, &other_word, 1);
  FUTEX("cmp_requeue, none", &word, FUTEX_CMP_REQUEUE, 1, 1, &other_word, 0);
  FUTEX("cmp_requeue, negative", &word, FUTEX_CMP_REQUEUE, -1, 1, &other_word, 0);
  FUTEX("cmp_requeue, negative 2", &word, FUTEX_CMP_REQUEUE, 1, -1, &other_word, 0);
  FUTEX("requeue to itself", &word, FUTEX_REQUEUE, 1, 1, &word, 0);
  FUTEX("wake_op bad", &word, FUTEX_WAKE_OP, 1, 1, &other_word, 0xF0000000 | 0x0F000000);
  FUTEX("wake_op", &word, FUTEX_WAKE_OP, 1, 1, &other_word, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0));
  printf("  word 2 is %u\n", other_word);
  other_word = 0;
  FUTEX("unlock_pi, not mine", &pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
  FUTEX("lock_pi", &pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  FUTEX("lock_pi again", &pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  FUTEX("trylock_pi again", &pi, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0);
  FUTEX("unlock_pi", &pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
  pi = 999999;
  FUTEX("lock_pi of nobody's", &pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  pi = 0;
  pthread_t thread;
  pthread_create(&thread, NULL, hold, NULL);
  usleep(30000);
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  FUTEX("lock_pi, time over", &pi, FUTEX_LOCK_PI, 0, &soon, NULL, 0);
  FUTEX("trylock_pi, held", &pi, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0);
  FUTEX("unlock_pi of another's", &pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
  FUTEX("lock_pi, waits", &pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  pthread_join(thread, NULL);
  printf("  mine %d\n", (pi & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid));
  FUTEX("unlock", &pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
  pthread_create(&thread, NULL, hold, (void *)1);
  usleep(30000);
  FUTEX("lock_pi, owner ends", &pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  pthread_join(thread, NULL);
  pi = 0;
  FUTEX("lock for requeue", &pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
  pthread_t two[2];
  for (int i = 0; i < 2; i++) pthread_create(&two[i], NULL, wait_requeue, NULL);
  usleep(50000);
  FUTEX("requeue_pi wakes 2", &word, FUTEX_CMP_REQUEUE_PI, 2, 1, &pi, 0);
  FUTEX("requeue_pi same", &word, FUTEX_CMP_REQUEUE_PI, 1, 1, &word, 0);
  FUTEX("requeue_pi", &word, FUTEX_CMP_REQUEUE_PI, 1, 10, &pi, 0);
  FUTEX("requeue unlock", &pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
  for (int i = 0; i < 2; i++) {
    void *r;
    pthread_join(two[i], &r);
    printf("  got it %ld\n", (long)r);
  }
  struct { uint64_t val, uaddr; uint32_t flags, reserved; } w[2] = {
      {0, (uint64_t)&word, 2 | 128, 0}, {0, (uint64_t)&other_word, 2, 0}};
  clock_gettime(CLOCK_MONOTONIC, &t);
#define WAITV(text, ...) VALUE(text, syscall(449, __VA_ARGS__))
  WAITV("waitv, time over", w, 2, 0, &t, CLOCK_MONOTONIC);
  WAITV("waitv none", w, 0, 0, &t, CLOCK_MONOTONIC);
  WAITV("waitv 129", w, 129, 0, &t, CLOCK_MONOTONIC);
  WAITV("waitv flags", w, 2, 1, &t, CLOCK_MONOTONIC);
  WAITV("waitv clock", w, 2, 0, &t, 7);
  w[1].val = 9;
  WAITV("waitv other value", w, 2, 0, &t, CLOCK_MONOTONIC);
  w[1].reserved = 1;
  WAITV("waitv reserved", w, 2, 0, &t, CLOCK_MONOTONIC);
  w[1].reserved = 0;
  w[1].flags = 1;
  WAITV("waitv size", w, 2, 0, &t, CLOCK_MONOTONIC);
}

static int nothing(void *unused) { return (int)(long)unused; }
static void clones(void) {
  static char stack[65536];
#define CLONE(text, flags) VALUE(text, clone(nothing, stack + sizeof stack, flags, NULL))
  CLONE("clone SIGHAND without VM", CLONE_SIGHAND | SIGCHLD);
  CLONE("clone THREAD without SIGHAND", CLONE_THREAD | CLONE_VM | SIGCHLD);
  CLONE("clone FS and NEWNS", CLONE_FS | CLONE_NEWNS | SIGCHLD);
  CLONE("clone PIDFD and DETACHED", CLONE_PIDFD | CLONE_DETACHED | SIGCHLD);
  struct { uint64_t flags, pidfd, child, parent, exit_signal, stack, size, tls, set_tid, set_tid_size, cgroup; } a = {0};
#define CLONE3(text, ...) VALUE(text, syscall(SYS_clone3, __VA_ARGS__))
  CLONE3("clone3 size 8", &a, 8);
  CLONE3("clone3 huge", &a, 5000);
  CLONE3("clone3 bad pointer", 8, sizeof a);
  a.exit_signal = 65;
  CLONE3("clone3 exit signal", &a, sizeof a);
  a.exit_signal = 0;
  a.flags = 0xFF;
  CLONE3("clone3 low flags", &a, sizeof a);
  a.flags = 0;
  a.stack = 0x1000;
  CLONE3("clone3 stack without size", &a, sizeof a);
  a.stack = 0;
  a.size = 4096;
  CLONE3("clone3 size without stack", &a, sizeof a);
  a.size = 0;
  a.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
  a.exit_signal = SIGCHLD;
  CLONE3("clone3 thread with exit signal", &a, sizeof a);
  a.flags = 1ull << 32 | CLONE_SIGHAND | CLONE_VM;
  CLONE3("clone3 clear sighand and share", &a, sizeof a);
  a.flags = 1ull << 40;
  CLONE3("clone3 unknown flag", &a, sizeof a);
  struct { char a[88]; uint64_t more; } big = {.more = 1};
  CLONE3("clone3 more set", &big, sizeof big);
  VALUE("unshare 0", unshare(0));
  VALUE("unshare unknown", unshare(0x40));
  VALUE("set_robust_list size", syscall(SYS_set_robust_list, &a, 5));
  VALUE("membarrier query flags", syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 1, 0));
  VALUE("membarrier unknown", syscall(SYS_membarrier, 1 << 20, 0, 0));
  VALUE("membarrier not registered", syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  VALUE("membarrier register", syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
  VALUE("membarrier", syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  VALUE("membarrier global", syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
  VALUE("sched_getscheduler", sched_getscheduler(0));
  VALUE("sched_getscheduler nobody", sched_getscheduler(999999));
  VALUE("sched_getscheduler -1", sched_getscheduler(-1));
  struct sched_param sp = {0};
  VALUE("batch", sched_setscheduler(0, SCHED_BATCH, &sp));
  VALUE("batch now", sched_getscheduler(0));
  VALUE("unknown policy", sched_setscheduler(0, 99, &sp));
  sp.sched_priority = 1;
  VALUE("other with priority", sched_setscheduler(0, SCHED_OTHER, &sp));
  sp.sched_priority = 0;
  VALUE("fifo with 0", sched_setscheduler(0, SCHED_FIFO, &sp));
  VALUE("other", sched_setscheduler(0, SCHED_OTHER, &sp));
  VALUE("priority max", sched_get_priority_max(SCHED_FIFO));
  VALUE("priority max unknown", sched_get_priority_max(77));
  VALUE("priority min other", sched_get_priority_min(SCHED_OTHER));
  struct timespec ts;
  VALUE("rr interval nobody", sched_rr_get_interval(999999, &ts));
  struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t r, d, p; } sa = {48, 0, 0, 0, 0, 0, 0, 0};
  VALUE("setattr flags", syscall(SYS_sched_setattr, 0, &sa, 1));
  sa.size = 10;
  VALUE("setattr size", syscall(SYS_sched_setattr, 0, &sa, 0));
  VALUE("getattr small", syscall(SYS_sched_getattr, 0, &sa, 10, 0));
  VALUE("getattr", syscall(SYS_sched_getattr, 0, &sa, 48, 0));
  printf("  size %u policy %u nice %d\n", sa.size, sa.policy, sa.nice);
  unsigned long mask[16] = {0};
  VALUE("getaffinity small", syscall(SYS_sched_getaffinity, 0, 4, mask));
  VALUE("getaffinity odd", syscall(SYS_sched_getaffinity, 0, 9, mask));
  memset(mask, 0, sizeof mask);
  VALUE("setaffinity none", syscall(SYS_sched_setaffinity, 0, 8, mask));
  VALUE("setaffinity nobody", syscall(SYS_sched_setaffinity, 999999, 8, mask));
  mask[0] = 1;
  VALUE("setaffinity 0", syscall(SYS_sched_setaffinity, 0, 8, mask));
  mask[0] = 0;
  syscall(SYS_sched_getaffinity, 0, 8, mask);
  printf("  affinity %lx cpu %d\n", mask[0], sched_getcpu());
  VALUE("getpriority", getpriority(PRIO_PROCESS, 0));
  VALUE("getpriority which", getpriority(9, 0));
  VALUE("getpriority nobody", getpriority(PRIO_PROCESS, 999999));
  VALUE("setpriority", setpriority(PRIO_PROCESS, 0, 100));
  VALUE("getpriority now", getpriority(PRIO_PROCESS, 0));
}

static void controls(void) {
  char text[64] = "";
  VALUE("prctl unknown", prctl(9999, 0, 0, 0, 0));
  VALUE("PDEATHSIG 65", prctl(PR_SET_PDEATHSIG, 65));
  int n = -1;
  VALUE("PDEATHSIG", prctl(PR_SET_PDEATHSIG, SIGUSR1));
  VALUE("get PDEATHSIG", prctl(PR_GET_PDEATHSIG, &n));
  printf("  %d\n", n);
  prctl(PR_SET_PDEATHSIG, 0);
  VALUE("DUMPABLE 2", prctl(PR_SET_DUMPABLE, 2));
  VALUE("DUMPABLE 0", prctl(PR_SET_DUMPABLE, 0));
  VALUE("get DUMPABLE", prctl(PR_GET_DUMPABLE));
  prctl(PR_SET_DUMPABLE, 1);
  VALUE("NAME", prctl(PR_SET_NAME, "a name that is too long"));
  VALUE("get NAME", prctl(PR_GET_NAME, text));
  printf("  %s\n", text);
  VALUE("NAME bad", prctl(PR_SET_NAME, 8));
  VALUE("KEEPCAPS 2", prctl(PR_SET_KEEPCAPS, 2));
  VALUE("KEEPCAPS", prctl(PR_GET_KEEPCAPS));
  VALUE("NO_NEW_PRIVS 2", prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
  VALUE("NO_NEW_PRIVS args", prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
  VALUE("get NO_NEW_PRIVS", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  VALUE("get NO_NEW_PRIVS args", prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
  VALUE("CHILD_SUBREAPER", prctl(PR_SET_CHILD_SUBREAPER, 1));
  n = -1;
  VALUE("get CHILD_SUBREAPER", prctl(PR_GET_CHILD_SUBREAPER, &n));
  printf("  %d\n", n);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  VALUE("TIMERSLACK", prctl(PR_GET_TIMERSLACK));
  VALUE("set TIMERSLACK", prctl(PR_SET_TIMERSLACK, 1000));
  VALUE("TIMERSLACK now", prctl(PR_GET_TIMERSLACK));
  VALUE("TIMERSLACK 0", prctl(PR_SET_TIMERSLACK, 0));
  VALUE("TIMERSLACK default", prctl(PR_GET_TIMERSLACK));
  VALUE("TSC", prctl(PR_GET_TSC, &n));
  VALUE("CAPBSET_READ 99", prctl(PR_CAPBSET_READ, 99));
  VALUE("SECUREBITS", prctl(PR_GET_SECUREBITS));
  VALUE("THP_DISABLE", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  VALUE("TID_ADDRESS", prctl(PR_GET_TID_ADDRESS, 8));
  VALUE("MCE_KILL_GET", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
  VALUE("UNALIGN", prctl(PR_GET_UNALIGN, &n));
  VALUE("FPEMU", prctl(PR_GET_FPEMU, &n));
  VALUE("ENDIAN", prctl(PR_GET_ENDIAN, &n));
  VALUE("TIMING", prctl(PR_GET_TIMING));
  VALUE("set TIMING", prctl(PR_SET_TIMING, 1));
  VALUE("CAP_AMBIENT bad", prctl(PR_CAP_AMBIENT, 9, 0, 0, 0));
  VALUE("personality", personality(0xFFFFFFFF));
  VALUE("set personality", personality(0x0040000));
  VALUE("personality now", personality(0xFFFFFFFF));
  personality(0);
  struct rusage ru;
  VALUE("getrusage 5", getrusage(5, &ru));
  VALUE("getrusage bad", syscall(SYS_getrusage, 0, 8));
  struct rlimit l;
  VALUE("getrlimit 16", syscall(SYS_getrlimit, 16, &l));
  VALUE("prlimit nobody", syscall(SYS_prlimit64, 999999, 0, NULL, &l));
  VALUE("setrlimit soft above hard", setrlimit(RLIMIT_CORE, &(struct rlimit){5, 4}));
  struct utsname u;
  VALUE("uname bad", syscall(SYS_uname, 8));
  uname(&u);
  printf("%s %s\n", u.sysname, u.machine);
  VALUE("sysinfo bad", syscall(SYS_sysinfo, 8));
  VALUE("umask", umask(027));
  VALUE("umask high bits", umask(07777));
  VALUE("umask now", umask(022));
  VALUE("getcpu null", syscall(SYS_getcpu, NULL, NULL, NULL));
  VALUE("getcpu bad", syscall(SYS_getcpu, 8, NULL, NULL));
  VALUE("getgroups -1", syscall(SYS_getgroups, -1, NULL));
  VALUE("setgroups many", syscall(SYS_setgroups, 70000, NULL));
  VALUE("arch_prctl", syscall(SYS_arch_prctl, 0x9999, 0));
  VALUE("arch_prctl kernel", syscall(SYS_arch_prctl, 0x1002, 0xFFFF800000000000ul));
  VALUE("set_tid_address", syscall(SYS_set_tid_address, 8) == getpid());
  syscall(SYS_set_tid_address, 0);
}

static void *spin(void *until) {
  while (!*(volatile int *)until) {}
  return NULL;
}
static void cpu_clocks(void) {
  volatile int stop = 0;
  pthread_t thread;
  sigset_t s;
  sigemptyset(&s);
  sigaddset(&s, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &s, NULL);
  pthread_create(&thread, NULL, spin, (void *)&stop);
  clockid_t clock;
  VALUE("pthread_getcpuclockid", pthread_getcpuclockid(thread, &clock));
  struct timespec a, b;
  clock_gettime(clock, &a);
  usleep(300000);
  clock_gettime(clock, &b);
  double took = b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9;
  printf("another thread's clock runs: %d\n", took > 0 && took < 2);
  timer_t t;
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  VALUE("timer on it", timer_create(clock, &e, &t));
  timer_settime(t, 0, &(struct itimerspec){{0, 0}, {0, 20000000}}, NULL);
  siginfo_t info;
  VALUE("expires", sigtimedwait(&s, &info, &(struct timespec){5, 0}));
  stop = 1;
  pthread_join(thread, NULL);
  usleep(50000);  // joined is not yet gone
  VALUE("clock of a thread that ended", clock_gettime(clock, &a));
  clockid_t nobody;
  VALUE("clock_getcpuclockid nobody", clock_getcpuclockid(999999, &nobody));
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 1 << 16);
  alarm(50);
  epolls();
  polls();
  futexes();
  clones();
  controls();
  cpu_clocks();
}
