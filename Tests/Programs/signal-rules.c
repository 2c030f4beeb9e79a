// Signals and timers as their man pages say: flags, queues, codes, who is interrupted and who restarts.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <linux/futex.h>

#include "show.h"


static sigjmp_buf back;
static volatile int number, code, value, sender, entered, depth, deepest;
static void *volatile where;
static void note(int s, siginfo_t *i, void *c) {
  (void)c;
  number = s;
  code = i->si_code;
  value = i->si_value.sival_int;
  sender = i->si_pid;
  where = i->si_addr;
  entered++;
}
static void jump(int s, siginfo_t *i, void *c) {
  note(s, i, c);
  siglongjmp(back, 1);
}
static void on(int s, void (*f)(int, siginfo_t *, void *), int flags) {
  struct sigaction a = {.sa_sigaction = f, .sa_flags = SA_SIGINFO | flags};
  sigaction(s, &a, NULL);
}

static void actions(void) {
  struct sigaction a = {.sa_handler = SIG_IGN}, old;
  for (int s = -1; s <= 66; s++) {
    int r = sigaction(s, NULL, &old), q = syscall(SYS_rt_sigaction, s, NULL, NULL, 8);
    if (r || q) printf("sigaction %d: %d %d %s\n", s, r, q, name(errno));
  }
  VALUE("SIGKILL ignored", sigaction(SIGKILL, &a, NULL));
  VALUE("SIGSTOP ignored", sigaction(SIGSTOP, &a, NULL));
  VALUE("rt_sigaction, other size", syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
  VALUE("rt_sigaction, bad pointer", syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8));
  VALUE("rt_sigaction, bad old", syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8));
  VALUE("rt_sigaction SIGKILL, bad pointer", syscall(SYS_rt_sigaction, SIGKILL, 8, NULL, 8));
  on(SIGUSR1, note, SA_NODEFER | SA_ONSTACK | SA_RESTART | 0x400 | 0x800);
  struct { void *h; unsigned long f; void *r; uint64_t m; } k = {0};
  syscall(SYS_rt_sigaction, SIGUSR1, NULL, &k, 8);
  printf("flags kept: %lx\n", k.f & ~0x04000000ul);
  sigset_t all, got;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  sigprocmask(SIG_SETMASK, NULL, &got);
  printf("blocked KILL %d STOP %d 32 %d\n", sigismember(&got, SIGKILL), sigismember(&got, SIGSTOP),
         ((unsigned char *)&got)[3] >> 7 & 1);
  VALUE("mask, bad how", syscall(SYS_rt_sigprocmask, 7, &all, NULL, 8));
  VALUE("mask, bad how, no set", syscall(SYS_rt_sigprocmask, 7, NULL, NULL, 8));
  VALUE("mask, bad size", syscall(SYS_rt_sigprocmask, 0, &all, NULL, 16));
  VALUE("mask, bad set", syscall(SYS_rt_sigprocmask, 0, 8, NULL, 8));
  sigemptyset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
}

static void nest(int s, siginfo_t *i, void *c) {
  (void)i; (void)c;
  if (++depth > deepest) deepest = depth;
  if (++entered < 4) raise(s);
  depth--;
}
static int on_stack;
static char alternate[65536];
static void stacked(int s, siginfo_t *i, void *c) {
  (void)s; (void)i; (void)c;
  char here;
  stack_t st;
  sigaltstack(NULL, &st);
  on_stack = &here >= alternate && &here < alternate + sizeof alternate;
  printf("on it %d, flags %x, change: ", on_stack, st.ss_flags);
  stack_t other = {.ss_sp = malloc(65536), .ss_size = 65536};
  VALUE("", sigaltstack(&other, NULL));
}
static void flags_of_actions(void) {
  on(SIGUSR1, nest, 0);
  deepest = entered = 0;
  raise(SIGUSR1);
  printf("deferred depth %d\n", deepest);
  on(SIGUSR1, nest, SA_NODEFER);
  deepest = entered = 0;
  raise(SIGUSR1);
  printf("SA_NODEFER depth %d\n", deepest);
  on(SIGUSR1, note, SA_RESETHAND);
  raise(SIGUSR1);
  struct sigaction a;
  sigaction(SIGUSR1, NULL, &a);
  printf("SA_RESETHAND: default %d, siginfo flag %d\n", a.sa_handler == SIG_DFL, (a.sa_flags & SA_SIGINFO) != 0);
  stack_t s = {.ss_sp = alternate, .ss_size = 100};
  VALUE("sigaltstack too small", sigaltstack(&s, NULL));
  s.ss_flags = 77;
  s.ss_size = sizeof alternate;
  VALUE("sigaltstack bad flags", sigaltstack(&s, NULL));
  s.ss_flags = SS_ONSTACK;
  VALUE("sigaltstack SS_ONSTACK", sigaltstack(&s, NULL));
  s.ss_flags = 0;
  VALUE("sigaltstack", sigaltstack(&s, NULL));
  on(SIGUSR1, stacked, SA_ONSTACK);
  raise(SIGUSR1);
  s.ss_flags = 1u << 31;
  VALUE("SS_AUTODISARM", sigaltstack(&s, NULL));
  raise(SIGUSR1);
  sigaltstack(NULL, &s);
  printf("afterwards ours %d flags %x\n", s.ss_sp == alternate, s.ss_flags);
  s.ss_flags = SS_DISABLE;
  sigaltstack(&s, NULL);
}

static volatile int zero;
static void faults(void) {
  int all[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (unsigned i = 0; i < 5; i++) on(all[i], jump, SA_NODEFER);
#define FAULT(text, ...)                                                                                  \
  do {                                                                                                       \
    number = code = 0;                                                                                       \
    if (!sigsetjmp(back, 1)) { __VA_ARGS__; }                                                                     \
    printf("%s: signal %d code %d\n", text, number, code);                                                   \
  } while (0)
  char *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(p + 4096, 4096);
  FAULT("write to read-only", *(volatile char *)p = 1);
  printf("  at %d\n", where == p);
  FAULT("unmapped", (void)*(volatile char *)(p + 4096 + 5));
  printf("  at %ld\n", (long)((char *)where - p));
  FAULT("null", *(volatile int *)0 = 1);
  FAULT("execute data", ((void (*)(void))p)());
  printf("  at %d\n", where == p);
  FAULT("execute nothing", ((void (*)(void))(p + 4096))());
  FAULT("kernel address", (void)*(volatile char *)0xFFFF800000000000ul);
  FAULT("not canonical", (void)*(volatile char *)0x8000000000000000ul);
  printf("  at %d\n", where == NULL);
  FAULT("integer division", zero = 1 / zero);
  FAULT("overflow of division", { volatile int m = -1, n = 1u << 31; zero = n / m; });
  FAULT("ud2", __asm__ volatile("ud2"));
  FAULT("int3", __asm__ volatile("int3"));
  FAULT("hlt", __asm__ volatile("hlt"));
  FAULT("cli", __asm__ volatile("cli"));
  FAULT("x87", {
    volatile unsigned short cw = 0x37B;
    __asm__ volatile("fninit; fldcw %0; fldz; fld1; fdivp; fwait" : : "m"(cw));
  });
  __asm__ volatile("fninit");
  FAULT("sse division", {
    volatile unsigned m = 0x1F80 & ~0x200;
    __asm__ volatile("ldmxcsr %0; pxor %%xmm1, %%xmm1; mov $1, %%eax; cvtsi2ss %%eax, %%xmm0; divss %%xmm1, %%xmm0"
                     : : "m"(m) : "xmm0", "xmm1", "eax");
  });
  FAULT("sse invalid", {
    volatile unsigned m = 0x1F80 & ~0x80;
    __asm__ volatile("ldmxcsr %0; pxor %%xmm1, %%xmm1; pxor %%xmm0, %%xmm0; divss %%xmm1, %%xmm0" : : "m"(m) : "xmm0", "xmm1");
  });
  FAULT("alignment", {
    char buffer[64];
    void *odd = (void *)(((uintptr_t)buffer & ~15ul) + 17);
    __asm__ volatile("movaps (%0), %%xmm0" : : "r"(odd) : "xmm0");
  });
  FAULT("single step", __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "memory", "cc"));
  for (unsigned i = 0; i < 5; i++) signal(all[i], SIG_DFL);
}

static int order[64], ordered;
static void in_order(int s, siginfo_t *i, void *c) {
  (void)c;
  if (ordered < 64) order[ordered++] = s * 1000 + i->si_value.sival_int;
}
static void queues(void) {
  sigset_t all, none, some;
  sigfillset(&all);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &all, NULL);
  int signals[] = {SIGRTMIN + 2, SIGUSR2, SIGRTMIN, SIGTERM, SIGRTMAX, SIGUSR1};
  for (unsigned i = 0; i < 6; i++) {
    struct sigaction a = {.sa_sigaction = in_order, .sa_flags = SA_SIGINFO};
    sigfillset(&a.sa_mask);
    sigaction(signals[i], &a, NULL);
  }
  for (int v = 1; v <= 3; v++)
    for (unsigned i = 0; i < 6; i++) {
      union sigval sv = {.sival_int = v};
      if (sigqueue(getpid(), signals[i], sv)) printf("sigqueue %s\n", name(errno));
    }
  sigpending(&some);
  printf("pending %d %d %d\n", sigismember(&some, SIGUSR1), sigismember(&some, SIGRTMIN), sigismember(&some, SIGHUP));
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int i = 0; i < ordered; i++) printf("%d ", order[i]);
  printf("\n");
  sigprocmask(SIG_SETMASK, &all, NULL);
  union sigval sv = {.sival_int = 9};
  sigqueue(getpid(), SIGRTMIN + 1, sv);
  sigqueue(getpid(), SIGUSR1, sv);
  raise(SIGUSR2);
  siginfo_t info;
  for (int i = 0; i < 3; i++) {
    int r = sigwaitinfo(&all, &info);
    printf("waited %d code %d pid %d uid %d value %d\n", r, info.si_code, info.si_pid == getpid(), info.si_uid == getuid(),
           info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
  }
  struct timespec t = {0, 1000000}, bad = {0, 1000000000};
  VALUE("sigtimedwait", sigtimedwait(&all, &info, &t));
  VALUE("sigtimedwait bad time", sigtimedwait(&all, &info, &bad));
  VALUE("sigqueue 0", sigqueue(getpid(), 0, sv));
  VALUE("sigqueue 65", sigqueue(getpid(), 65, sv));
  VALUE("sigqueue nobody", sigqueue(999999, SIGUSR1, sv));
  VALUE("kill 65", kill(getpid(), 65));
  VALUE("kill nobody", kill(999999, 0));
  VALUE("kill nobody, bad signal", kill(999999, 65));
  VALUE("kill INT_MIN", kill(-2147483647 - 1, 0));
  VALUE("tgkill bad", syscall(SYS_tgkill, getpid(), 999999, 0));
  VALUE("tgkill 0", syscall(SYS_tgkill, 0, getpid(), 0));
  VALUE("tgkill other group", syscall(SYS_tgkill, 1, getpid(), 0));
  VALUE("tkill 0", syscall(SYS_tkill, 0, 0));
  siginfo_t forged = {.si_code = 5};
  VALUE("rt_sigqueueinfo code > 0 to itself", syscall(SYS_rt_sigqueueinfo, getpid(), SIGURG, &forged));
  forged.si_code = SI_TKILL;
  VALUE("rt_sigqueueinfo SI_TKILL to itself", syscall(SYS_rt_sigqueueinfo, getpid(), SIGURG, &forged));
  forged.si_code = 0;
  VALUE("rt_sigqueueinfo SI_USER to the parent", syscall(SYS_rt_sigqueueinfo, getppid(), SIGURG, &forged));
  forged.si_code = SI_TKILL;
  VALUE("rt_sigqueueinfo SI_TKILL to the parent", syscall(SYS_rt_sigqueueinfo, getppid(), SIGURG, &forged));
  forged.si_code = SI_QUEUE;
  VALUE("rt_tgsigqueueinfo", syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGURG, &forged));
  VALUE("rt_tgsigqueueinfo 0", syscall(SYS_rt_tgsigqueueinfo, 0, getpid(), SIGURG, &forged));
  VALUE("rt_sigqueueinfo bad pointer", syscall(SYS_rt_sigqueueinfo, getpid(), SIGURG, 8));
  while (sigtimedwait(&all, &info, &(struct timespec){0, 0}) > 0) {}
  if (fork() == 0) {
    struct rlimit l = {10, 10};
    setrlimit(RLIMIT_SIGPENDING, &l);
    int n = 0;
    while (n < 20000 && sigqueue(getpid(), SIGRTMIN, sv) == 0) n++;
    printf("queue full: %s, below 11: %d\n", name(errno), n <= 10);
    VALUE("kill still goes", kill(getpid(), SIGRTMIN + 5));
    VALUE("and tgkill of real-time", syscall(SYS_tgkill, getpid(), getpid(), SIGRTMIN + 6));
    int got = 0;
    while (sigtimedwait(&all, &info, &(struct timespec){0, 0}) > 0) got++;
    printf("got two more: %d\n", got == n + 1 || got == n + 2);
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  int fd = signalfd(-1, &all, SFD_NONBLOCK);
  sigqueue(getpid(), SIGRTMIN, sv);
  raise(SIGUSR1);
  kill(getpid(), SIGTERM);
  struct signalfd_siginfo f[4];
  VALUE("signalfd short read", read(fd, f, 100));
  VALUE("signalfd read", read(fd, f, sizeof f) / (long)sizeof *f);
  for (int i = 0; i < 3; i++)
    printf("  %u code %d pid %d uid %d int %d\n", f[i].ssi_signo, f[i].ssi_code, f[i].ssi_pid == (unsigned)getpid(),
           f[i].ssi_uid == getuid(), f[i].ssi_code == SI_QUEUE ? f[i].ssi_int : 0);
  VALUE("signalfd empty", read(fd, f, sizeof f));
  VALUE("signalfd bad flags", signalfd(-1, &all, 1));
  VALUE("signalfd of something else", signalfd(0, &all, 0));
  VALUE("signalfd write", write(fd, f, 128));
  close(fd);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// The table of signal(7): every call that waits, a handler with and without SA_RESTART.
static int ends[2], pair[2], ep, ev, tfd, fifo_locked, msq, sem;
static pthread_t waker;
static pid_t tid;
static int stage;
static void *wake(void *unused) {
  (void)unused;
  int me = stage;
  usleep(30000);
  syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
  usleep(60000);
  // Whoever restarted is let go by something else.
  if (me != stage) return NULL;
  uint64_t one = 1;
  switch (me / 2) {
  case 0: if (write(ends[1], "x", 1)) {} break;
  case 1: if (send(pair[1], "x", 1, 0)) {} break;
  case 2: if (write(ev, &one, 8)) {} break;
  case 3: flock(fifo_locked, LOCK_UN); break;
  case 5: syscall(SYS_futex, &stage, FUTEX_WAKE, 1, 0, 0, 0); break;
  default: break;
  }
  usleep(50000);
  if (me == stage) syscall(SYS_tgkill, getpid(), tid, SIGUSR2);
  return NULL;
}
static const char *table[] = {"read of a pipe", "recv", "read of an eventfd", "flock", "wait4", "futex", "poll", "select",
                              "epoll_wait", "nanosleep", "clock_nanosleep", "pause", "sigsuspend", "sigtimedwait",
                              "ppoll", "pselect", "recv with SO_RCVTIMEO", "accept", "connect-less recvmsg",
                              "read of a timerfd", "sem_wait futex bitset", "io through readv", "waitid", "fcntl lock",
                              "epoll_pwait2", "absolute clock_nanosleep", "msgrcv", "semop", "read of a signalfd"};
static long wait_in(int n, int listener, int other) {
  char byte;
  uint64_t eight;
  struct timespec t = {0, 120000000}, rest = {0, 0};
  struct timeval tv = {0, 120000};
  struct pollfd p = {.fd = other, .events = POLLIN};
  fd_set set;
  FD_ZERO(&set);
  FD_SET(other, &set);
  struct epoll_event event;
  sigset_t none, hup;
  sigemptyset(&none);
  sigemptyset(&hup);
  sigaddset(&hup, SIGHUP);
  struct iovec v = {&byte, 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
  siginfo_t si;
  long r = -1;
  switch (n) {
  case 0: return read(ends[0], &byte, 1);
  case 1: return recv(pair[0], &byte, 1, 0);
  case 2: return read(ev, &eight, 8);
  case 3: {
    int again = open("/tmp/cloister-signal-rules-lock", O_RDWR);
    r = flock(again, LOCK_EX);
    int e = errno;
    close(again);
    errno = e;
    return r;
  }
  case 4: return wait4(-1, NULL, 0, NULL);
  case 5: return syscall(SYS_futex, &stage, FUTEX_WAIT, stage, NULL, 0, 0);
  case 6: return poll(&p, 1, 120);
  case 7: return select(other + 1, &set, NULL, NULL, &tv);
  case 8: return epoll_wait(ep, &event, 1, 120);
  case 9: r = nanosleep(&t, &rest); break;
  case 10: errno = r = clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &rest); break;
  case 11: return pause();
  case 12: return sigsuspend(&none);
  case 13: return sigtimedwait(&hup, &si, &t);
  case 14: return ppoll(&p, 1, &t, NULL);
  case 15: return pselect(other + 1, &set, NULL, NULL, &t, NULL);
  case 16: {
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 120000}, sizeof tv);
    r = recv(pair[0], &byte, 1, 0);
    int e = errno;
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 0}, sizeof tv);
    errno = e;
    return r;
  }
  case 17: return accept(listener, NULL, NULL);
  case 18: return recvmsg(pair[0], &m, 0);
  case 19: return read(tfd, &eight, 8);
  case 20: return syscall(SYS_futex, &stage, FUTEX_WAIT_BITSET, stage, NULL, 0, -1);
  case 21: return readv(ends[0], &v, 1);
  case 22: return waitid(P_ALL, 0, &si, WEXITED);
  case 23: {
    struct flock l = {.l_type = F_WRLCK};
    int again = open("/tmp/cloister-signal-rules-lock", O_RDWR);
    r = fcntl(again, F_OFD_SETLKW, &l);
    int e = errno;
    close(again);
    errno = e;
    return r;
  }
  case 24: return syscall(SYS_epoll_pwait2, ep, &event, 1, &t, NULL, 0);
  case 25: {
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 120000000;
    if (t.tv_nsec >= 1000000000) { t.tv_sec++; t.tv_nsec -= 1000000000; }
    rest.tv_nsec = 5;
    errno = r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &rest);
    printf("[rest %s] ", rest.tv_nsec == 5 ? "untouched" : "changed");
    return r ? -1 : 0;
  }
  case 26: {
    struct { long type; char text[8]; } msg;
    return msgrcv(msq, &msg, 8, 0, 0);
  }
  case 27: {
    struct sembuf b = {0, -1, 0};
    return semop(sem, &b, 1);
  }
  case 28: {
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGHUP);
    int fd = signalfd(-1, &s, 0);
    struct signalfd_siginfo i;
    r = read(fd, &i, sizeof i);
    int e = errno;
    close(fd);
    errno = e;
    return r;
  }
  }
  if (r) printf("[rest %s] ", rest.tv_nsec > 40000000 && rest.tv_nsec < 110000000 ? "right" : "wrong");
  return r ? -1 : 0;
}
static void restarts(void) {
  if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) exit(1);
  ep = epoll_create1(0);
  ev = eventfd(0, 0);
  tfd = timerfd_create(CLOCK_MONOTONIC, 0);
  int other = eventfd(0, 0);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0cloister-signal-rules"};
  if (bind(listener, (void *)&a, sizeof a) || listen(listener, 1)) perror("listen");
  msq = msgget(IPC_PRIVATE, 0600);
  sem = semget(IPC_PRIVATE, 1, 0600);
  fifo_locked = open("/tmp/cloister-signal-rules-lock", O_RDWR | O_CREAT, 0600);
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  tid = syscall(SYS_gettid);
  int ofd_blocked = 0;
  for (int n = 0; n < 29; n++)  // System V messages and semaphores: not inside
    for (int restart = 0; restart < 2; restart++) {
      if (n == 3) flock(fifo_locked, LOCK_EX);
      if (n == 23 && !ofd_blocked) {
        flock(fifo_locked, LOCK_UN);
        struct flock l = {.l_type = F_WRLCK};
        fcntl(fifo_locked, F_OFD_SETLKW, &l);
        ofd_blocked = 1;
      }
      if (n == 26 || n == 27) continue;
      on(SIGUSR1, note, restart ? SA_RESTART : 0);
      on(SIGUSR2, note, 0);
      stage = n * 2 + restart;
      entered = 0;
      pthread_create(&waker, NULL, wake, NULL);
      printf("%s%s: ", table[n], restart ? ", SA_RESTART" : "");
      errno = 0;
      long r = wait_in(n, listener, other);
      int e = errno, count = entered;
      stage = -1;
      pthread_join(waker, NULL);
      printf("%ld %s after %d\n", r, r < 0 ? name(e) : "", count);
      fflush(stdout);
    }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  if (msq >= 0) msgctl(msq, IPC_RMID, NULL);
  if (sem >= 0) semctl(sem, 0, IPC_RMID);
  unlink("/tmp/cloister-signal-rules-lock");
}

static void timers(void) {
  sigset_t all;
  sigemptyset(&all);
  sigaddset(&all, SIGRTMIN);
  sigaddset(&all, SIGALRM);
  sigprocmask(SIG_BLOCK, &all, NULL);
  timer_t t;
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 42};
  VALUE("timer_create", timer_create(CLOCK_MONOTONIC, &e, &t));
  struct itimerspec i = {{0, 5000000}, {0, 5000000}}, now;
  VALUE("timer_settime", timer_settime(t, 0, &i, NULL));
  usleep(52000);
  siginfo_t info;
  int got = sigwaitinfo(&all, &info);
  printf("timer: %d code %d value %d overrun %d same %d\n", got == SIGRTMIN, info.si_code, info.si_value.sival_int,
         info.si_overrun >= 7, info.si_overrun == timer_getoverrun(t));
  VALUE("one pending at most", sigtimedwait(&all, &info, &(struct timespec){0, 0}) == -1 || 1);
  timer_gettime(t, &now);
  printf("interval %ld, left below %d\n", now.it_interval.tv_nsec, now.it_value.tv_nsec <= 5000000);
  i.it_value.tv_nsec = 1000000000;
  VALUE("timer_settime bad", timer_settime(t, 0, &i, NULL));
  i.it_value.tv_nsec = -1;
  VALUE("timer_settime negative", timer_settime(t, 0, &i, NULL));
  VALUE("timer_settime flags", timer_settime(t, 77, &(struct itimerspec){{0, 0}, {0, 0}}, NULL));
  VALUE("timer_settime null", syscall(SYS_timer_settime, 0, 0, NULL, NULL));
  VALUE("timer_delete", timer_delete(t));
  VALUE("timer gone", syscall(SYS_timer_gettime, 99, &now));
  e.sigev_signo = 0;
  VALUE("timer_create signal 0", timer_create(CLOCK_MONOTONIC, &e, &t));
  e.sigev_signo = 65;
  VALUE("timer_create signal 65", timer_create(CLOCK_MONOTONIC, &e, &t));
  e.sigev_signo = SIGRTMIN;
  e.sigev_notify = 77;
  VALUE("timer_create notify 77", timer_create(CLOCK_MONOTONIC, &e, &t));
  e.sigev_notify = SIGEV_NONE;
  VALUE("timer_create none", timer_create(CLOCK_MONOTONIC, &e, &t));
  timer_settime(t, 0, &(struct itimerspec){{0, 0}, {100, 0}}, NULL);
  timer_gettime(t, &now);
  printf("left %d\n", now.it_value.tv_sec >= 99);
  timer_delete(t);
  struct { union sigval v; int signo, notify, tid, pad[11]; } k = {{.sival_int = 3}, SIGRTMIN, 4, 0, {0}};
  int id;
  k.tid = 999999;
  VALUE("SIGEV_THREAD_ID nobody", syscall(SYS_timer_create, CLOCK_MONOTONIC, &k, &id));
  k.tid = syscall(SYS_gettid);
  VALUE("SIGEV_THREAD_ID", syscall(SYS_timer_create, CLOCK_MONOTONIC, &k, &id));
  syscall(SYS_timer_settime, id, 0, &(struct itimerspec){{0, 0}, {0, 1000000}}, NULL);
  sigwaitinfo(&all, &info);
  printf("to the thread: %d value %d\n", info.si_code, info.si_value.sival_int);
  int clocks[] = {0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, -1, 99};
  for (unsigned c = 0; c < sizeof clocks / sizeof *clocks; c++) {
    struct timespec ts;
    if (clocks[c] == 8 || clocks[c] == 9) continue;  // needs a capability
    if (clocks[c] == 2) continue;
    errno = 0;
    int r = syscall(SYS_timer_create, clocks[c], NULL, &id), e1 = errno;
    errno = 0;
    int q = syscall(SYS_clock_gettime, clocks[c], &ts), e2 = errno;
    errno = 0;
    int g = syscall(SYS_clock_getres, clocks[c], &ts), e3 = errno;
    errno = 0;
    int s = syscall(SYS_clock_nanosleep, clocks[c], 0, &(struct timespec){0, 1}, NULL), e4 = errno;
    errno = 0;
    int f = timerfd_create(clocks[c], 0), e5 = errno;
    printf("clock %d: %d %s, %d %s, %d %s %ld, %d %s, %d %s\n", clocks[c], r, name(e1), q, name(e2), g, name(e3),
           g ? 0 : ts.tv_nsec, s, name(e4), f >= 0, name(e5));
    close(f);
  }
  VALUE("setitimer which", setitimer(3, &(struct itimerval){{0, 0}, {0, 0}}, NULL));
  VALUE("setitimer usec", setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 1000000}}, NULL));
  VALUE("setitimer null", syscall(SYS_setitimer, ITIMER_REAL, NULL, NULL));
  struct itimerval it = {{0, 0}, {50, 0}}, old;
  setitimer(ITIMER_REAL, &it, NULL);
  VALUE("alarm says what was left", alarm(0));
  getitimer(ITIMER_REAL, &old);
  printf("none left %ld %ld\n", old.it_value.tv_sec, old.it_value.tv_usec);
  ualarm(1000, 0);
  sigwaitinfo(&all, &info);
  printf("ITIMER_REAL: %d code %d\n", info.si_signo, info.si_code);
  int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
  VALUE("timerfd flags", timerfd_create(CLOCK_REALTIME, 1));
  VALUE("timerfd settime flags", timerfd_settime(fd, 8, &i, NULL));
  VALUE("cancel on set, relative", timerfd_settime(fd, TFD_TIMER_CANCEL_ON_SET, &(struct itimerspec){{0, 0}, {1, 0}}, NULL));
  VALUE("cancel on set", timerfd_settime(fd, 3, &(struct itimerspec){{0, 0}, {2000000000, 0}}, NULL));
  uint64_t n;
  VALUE("timerfd not yet", read(fd, &n, 8));
  VALUE("timerfd short", read(fd, &n, 4));
  timerfd_settime(fd, 0, &(struct itimerspec){{0, 5000000}, {0, 1}}, NULL);
  usleep(52000);
  VALUE("timerfd", read(fd, &n, 8));
  printf("expirations %d\n", n >= 9 && n <= 14);
  VALUE("timerfd_settime of something else", timerfd_settime(0, 0, &i, NULL));
  VALUE("nanosleep bad", nanosleep(&(struct timespec){0, 1000000000}, NULL));
  VALUE("nanosleep negative", nanosleep(&(struct timespec){-1, 0}, NULL));
  VALUE("nanosleep null", syscall(SYS_nanosleep, NULL, NULL));
  VALUE("absolute past", clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &(struct timespec){1, 0}, NULL));
  VALUE("clock_nanosleep flags", syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 2, &(struct timespec){0, 1}, NULL));
  VALUE("sleep on own cpu clock", syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &(struct timespec){0, 1}, NULL));
  sigprocmask(SIG_UNBLOCK, &all, NULL);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 1 << 16);
  actions();
  flags_of_actions();
  faults();
  queues();
  timers();
  restarts();
}
