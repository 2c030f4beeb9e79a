// pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), CLONE_PIDFD and waitid(P_PIDFD).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIDFD 3  // P_PIDFD
static const char *name(long n) { return n < 0 ? strerrorname_np(errno) : "ok"; }
#define SAY(what, call)                        \
  do {                                         \
    errno = 0;                                 \
    long n_ = (long)(call);                    \
    printf("%s: %s\n", what, name(n_));        \
  } while (0)

static int pidfd_open_(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }
static int send_(int fd, int sig, siginfo_t *info, unsigned flags) {
  return (int)syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}
static int getfd_(int fd, int wanted, unsigned flags) { return (int)syscall(SYS_pidfd_getfd, fd, wanted, flags); }
static short look(int fd, int timeout) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  poll(&p, 1, timeout);
  return p.revents;
}

struct clone_args3 {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static pid_t child(void) {
  pid_t pid = fork();
  if (pid == 0) {
    for (;;) pause();
  }
  return pid;
}

static void *sleeper(void *p) {
  *(pid_t *)p = (pid_t)syscall(SYS_gettid);
  for (;;) pause();
  return p;
}

static void opening(void) {
  SAY("open 0", pidfd_open_(0, 0));
  SAY("open -1", pidfd_open_(-1, 0));
  SAY("open a number nobody has", pidfd_open_(4000000, 0));
  SAY("open with a bad flag", pidfd_open_(getpid(), 1));
  volatile pid_t tid = 0;
  pthread_t t;
  pthread_create(&t, 0, sleeper, (void *)&tid);
  while (!tid) usleep(1000);
  int fd = pidfd_open_(tid, 0);
  printf("open a thread: %s\n", fd < 0 && (errno == EINVAL || errno == ENOENT) ? "refused" : "taken");
  fd = pidfd_open_(getpid(), 0);
  printf("own: %d %x\n", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL) & O_ACCMODE);
  char c;
  SAY("read", read(fd, &c, 1));
  SAY("write", write(fd, &c, 1));
  printf("own poll %x\n", look(fd, 0));
  SAY("own signal 0", send_(fd, 0, 0, 0));
  char path[40], text[200];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(path, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  printf("%s\n", text);
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  FILE *f = fopen(path, "r");
  while (f && fgets(text, sizeof text, f))
    if (!strncmp(text, "Pid:", 4)) printf("fdinfo %d\n", atoi(text + 4) == getpid());
  if (f) fclose(f);
  close(fd);
}

static void ending(void) {
  pid_t pid = child();
  int fd = pidfd_open_(pid, 0);
  int dir, ep = epoll_create1(0);
  char path[40];
  snprintf(path, sizeof path, "/proc/%d", pid);
  dir = open(path, O_RDONLY | O_DIRECTORY);
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = 7}, got = {0};
  epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
  printf("alive %x %d\n", look(fd, 0), epoll_wait(ep, &got, 1, 0));
  SAY("bad signal", send_(fd, 65, 0, 0));
  SAY("bad flags", send_(fd, SIGTERM, 0, 0x10));
  SAY("not a pidfd", send_(0, SIGTERM, 0, 0));
  SAY("closed", send_(99, SIGTERM, 0, 0));
  siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
  SAY("info of another signal", send_(fd, SIGTERM, &info, 0));
  info.si_signo = SIGTERM, info.si_code = SI_USER;
  SAY("info of the kernel's", send_(fd, SIGTERM, &info, 0));
  SAY("info nowhere", send_(fd, SIGTERM, (void *)8, 0));
  SAY("signal 0 through /proc", send_(dir, 0, 0, 0));
  siginfo_t w = {0};
  SAY("nothing yet", waitid(PIDFD, (id_t)fd, &w, WEXITED | WNOHANG));
  printf("%d\n", w.si_pid);
  SAY("terminate", send_(fd, SIGTERM, 0, 0));
  printf("ended %x\n", look(fd, 5000));
  int events = epoll_wait(ep, &got, 1, 5000);
  printf("epoll %d %u\n", events, got.data.u32);
  SAY("signal to a zombie", send_(fd, SIGTERM, 0, 0));
  SAY("wait", waitid(PIDFD, (id_t)fd, &w, WEXITED | WNOWAIT));
  printf("%d %d %d\n", w.si_pid == pid, w.si_code, w.si_status);
  SAY("wait", waitid(PIDFD, (id_t)fd, &w, WEXITED));
  SAY("again", waitid(PIDFD, (id_t)fd, &w, WEXITED));
  printf("gone %d\n", !!(look(fd, 0) & POLLIN));
  SAY("signal to what is gone", send_(fd, SIGTERM, 0, 0));
  SAY("and through /proc", send_(dir, 0, 0, 0));
  SAY("getfd of what is gone", getfd_(fd, 0, 0));
  SAY("wait of a file", waitid(PIDFD, 0, &w, WEXITED));
  SAY("wait of nothing", waitid(PIDFD, 99, &w, WEXITED));
  SAY("wait of -1", waitid(PIDFD, (id_t)-1, &w, WEXITED));
  close(fd), close(dir), close(ep);

  // Waiting in another thread's poll while the process ends, and a pidfd that does not block.
  pid = child();
  fd = pidfd_open_(pid, O_NONBLOCK);
  printf("nonblocking %d\n", fd >= 0);
  SAY("wait", waitid(PIDFD, (id_t)fd, &w, WEXITED));
  pid_t killer = fork();
  if (killer == 0) {
    usleep(100000);
    send_(fd, SIGKILL, 0, 0);
    _exit(0);
  }
  printf("killed %x\n", look(fd, 5000));
  SAY("wait", waitid(PIDFD, (id_t)fd, &w, WEXITED));
  printf("%d %d\n", w.si_code, w.si_status);
  waitpid(killer, 0, 0);
  close(fd);
  fd = pidfd_open_(getppid(), 0);
  SAY("wait of no child", waitid(PIDFD, (id_t)fd, &w, WEXITED));
  close(fd);
}

static void *stack_top(void) {
  return (char *)mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + (1 << 16);
}
static int run(void *p) { return p ? *(int *)p : 9; }

static void cloning(void) {
  int fd = -7;
  int status = 21;
  pid_t pid = clone(run, stack_top(), CLONE_PIDFD | CLONE_VM | SIGCHLD, &status, &fd);
  printf("clone %d %d %d\n", pid > 0, fd >= 0, fcntl(fd, F_GETFD));
  siginfo_t w = {0};
  SAY("wait", waitid(PIDFD, (id_t)fd, &w, WEXITED));
  printf("%d %d\n", w.si_pid == pid, w.si_status);
  close(fd);
  SAY("with CLONE_PARENT_SETTID",
      clone(run, stack_top(), CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd));
  SAY("nowhere", clone(run, stack_top(), CLONE_PIDFD | SIGCHLD, 0, (int *)8));
  SAY("with CLONE_DETACHED", clone(run, stack_top(), CLONE_PIDFD | 0x400000 | SIGCHLD, 0, &fd));

  // clone3, as a fork: the child does not see the number, and has no such descriptor.
  int both[2] = {-5, -6};
  struct clone_args3 a = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .exit_signal = SIGCHLD};
  a.pidfd = (uint64_t)(uintptr_t)&both[0];
  a.parent_tid = (uint64_t)(uintptr_t)&both[1];
  int next = dup(0);
  close(next);
  pid = (pid_t)syscall(SYS_clone3, &a, sizeof a);
  if (pid == 0) _exit(both[0] == -5 && both[1] == -6 && fcntl(next, F_GETFD) < 0 ? 3 : 4);
  printf("clone3 %d %d %d\n", pid > 0, both[0] == next, both[1] == pid);
  SAY("wait", waitid(PIDFD, (id_t)both[0], &w, WEXITED));
  printf("%d %d\n", w.si_pid == pid, w.si_status);
  close(both[0]);
  a.parent_tid = a.pidfd;
  SAY("both at one place", syscall(SYS_clone3, &a, sizeof a));
  a.flags = CLONE_PIDFD, a.parent_tid = 0, a.pidfd = 0;
  SAY("clone3 nowhere", syscall(SYS_clone3, &a, sizeof a));
  SAY("no child came of it", waitpid(-1, 0, WNOHANG));
}

static void taking(void) {
  int pair[2], back[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  pipe(back);
  pid_t pid = fork();
  if (pid == 0) {
    int p[2];
    pipe(p);
    dup2(p[0], 50), close(p[0]);
    write(p[1], "from the child", 14);
    write(back[1], "x", 1);
    char c;
    close(pair[0]);
    read(pair[1], &c, 1);
    _exit(0);
  }
  char buffer[32] = "";
  read(back[0], buffer, 1);
  int fd = pidfd_open_(pid, 0);
  int taken = getfd_(fd, 50, 0);
  printf("taken %d %d\n", taken >= 0, fcntl(taken, F_GETFD));
  read(taken, buffer, sizeof buffer - 1);
  printf("%s\n", buffer);
  SAY("not open there", getfd_(fd, 51, 0));
  SAY("flags", getfd_(fd, 50, 1));
  SAY("not a pidfd", getfd_(0, 0, 0));
  close(pair[0]), close(pair[1]);
  waitpid(pid, 0, 0);
  int self = pidfd_open_(getpid(), 0);
  int own = getfd_(self, back[0], 0);
  printf("own %d\n", own >= 0 && own != back[0]);
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  opening();
  ending();
  cloning();
  taking();
  return 0;
}
