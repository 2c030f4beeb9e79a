// Processes against their man pages: fork(2), vfork(2), clone(2), execve(2), wait(2), kill(2), setpgid(2), pipe(2).
// Prints the same natively and inside; numbers of processes are never printed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char *self;

#define CHECK(c) \
  do { \
    if (!(c)) { \
      printf("FAILED line %d: %s (errno %d)\n", __LINE__, #c, errno); \
      fflush(stdout); \
      failures++; \
    } \
  } while (0)
static int failures;
static volatile long bad = 8;

static void show(const char *what, int status) {
  if (WIFEXITED(status)) printf("%s: exit %d\n", what, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("%s: signal %d\n", what, WTERMSIG(status));
  else if (WIFSTOPPED(status)) printf("%s: stopped %d\n", what, WSTOPSIG(status));
  else if (WIFCONTINUED(status)) printf("%s: continued\n", what);
  fflush(stdout);
}

static int await(pid_t pid) {
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid);
  return status;
}

static int global = 1;
static char zeroed[300000];

// Memory of parent and child is their own, in every kind of mapping.
static void isolation(void) {
  int local = 1;
  char *heap = malloc(200000);
  memset(heap, 1, 200000);
  char *map = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  map[0] = 1;
  char *shared = mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  shared[0] = 1;
  char *readonly = mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  readonly[5] = 1;
  mprotect(readonly, 1 << 16, PROT_READ);
  char *gone = mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  gone[7] = 1;
  int to_child[2], to_parent[2];
  CHECK(pipe(to_child) == 0 && pipe(to_parent) == 0);
  char c = 0;
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    CHECK(local == 1 && global == 1 && heap[5] == 1 && map[0] == 1 && readonly[5] == 1 && gone[7] == 1);
    local = global = 2;
    memset(heap, 2, 200000);
    memset(zeroed, 2, sizeof zeroed);
    map[0] = 2;
    map[500000] = 2;
    shared[0] = 2;
    shared[40000] = 2;
    CHECK(mprotect(readonly, 1 << 16, PROT_READ | PROT_WRITE) == 0);
    readonly[5] = 2;
    CHECK(munmap(gone, 1 << 16) == 0);
    CHECK(write(to_parent[1], "x", 1) == 1);
    CHECK(read(to_child[0], &c, 1) == 1);
    CHECK(local == 2 && global == 2 && heap[5] == 2 && heap[199999] == 2 && map[0] == 2);
    CHECK(map[500000] == 2 && zeroed[299999] == 2 && readonly[5] == 2 && shared[1] == 7);
    local = global = 3;
    CHECK(write(to_parent[1], "y", 1) == 1);
    CHECK(read(to_child[0], &c, 1) == 1);
    CHECK(global == 3 && local == 3 && heap[1] == 2);
    exit(failures ? 99 : 42);
  }
  CHECK(local == 1 && global == 1);
  CHECK(read(to_parent[0], &c, 1) == 1);
  CHECK(local == 1 && global == 1 && heap[5] == 1 && heap[199999] == 1 && map[0] == 1);
  CHECK(map[500000] == 0 && zeroed[299999] == 0 && readonly[5] == 1 && gone[7] == 1);
  CHECK(shared[0] == 2 && shared[40000] == 2);
  shared[1] = 7;
  memset(heap, 5, 200000);
  global = 9;
  zeroed[100] = 9;
  CHECK(write(to_child[1], "x", 1) == 1);
  CHECK(read(to_parent[0], &c, 1) == 1);
  CHECK(global == 9 && heap[100] == 5 && zeroed[100] == 9 && zeroed[101] == 0);
  CHECK(write(to_child[1], "y", 1) == 1);
  show("isolation", await(pid));
  CHECK(global == 9 && heap[100] == 5 && local == 1);
  global = 1;
  memset(zeroed, 0, sizeof zeroed);
  free(heap);
}

// What madvise(2) keeps from a child.
static void advising(void) {
  char *wiped = mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *dropped = mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(wiped, 5, 1 << 16);
  memset(dropped, 6, 1 << 16);
  CHECK(madvise(wiped, 1 << 16, MADV_WIPEONFORK) == 0);
  CHECK(madvise(dropped, 1 << 16, MADV_DONTFORK) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(wiped[0] == 0 && wiped[65535] == 0);
    wiped[0] = 1;
    int fd = open("/dev/zero", O_RDONLY);
    CHECK(read(fd, dropped, 1) == -1 && errno == EFAULT);
    _exit(failures ? 99 : 51);
  }
  show("advising", await(pid));
  CHECK(wiped[0] == 5 && wiped[65535] == 5 && dropped[0] == 6 && dropped[65535] == 6);
  munmap(wiped, 1 << 16);
  munmap(dropped, 1 << 16);
}

// Children of children, and many at once, each with its own numbers.
static void tree(void) {
  int sum = 0;
  pid_t pids[8];
  for (int i = 0; i < 8; i++) {
    pids[i] = fork();
    if (pids[i] == 0) {
      global = i;
      pid_t inner = fork();
      if (inner == 0) {
        global += 10;
        usleep(1000);
        _exit(global);
      }
      int status = await(inner);
      _exit(WEXITSTATUS(status) + global * 2);
    }
  }
  for (int i = 0; i < 8; i++) sum += WEXITSTATUS(await(pids[i]));
  printf("tree: %d\n", sum);
  CHECK(global == 1);
  CHECK(waitpid(-1, 0, 0) == -1 && errno == ECHILD);
}

// Two that compute at the same time: both get on.
static void computing(void) {
  volatile int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t pid = fork();
  if (pid == 0) {
    while (shared[0] < 3) shared[1]++;
    _exit(5);
  }
  for (int i = 0; i < 3; i++) {
    int before = shared[1];
    while (shared[1] == before) {}
    shared[0]++;
  }
  show("computing", await(pid));
}

static void *thread_main(void *p) {
  int *stop = p;
  while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
    void *m = malloc(100);
    free(m);
  }
  return 0;
}

// A process with threads forks: only the forking one is in the child.
static void threads(void) {
  int stop = 0;
  pthread_t t[3];
  for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, thread_main, &stop);
  for (int i = 0; i < 20; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      void *m = malloc(100);
      free(m);
      _exit(i);
    }
    int status = await(pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == i);
  }
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 3; i++) pthread_join(t[i], 0);
  printf("threads\n");
}

static void spawning(void) {
  pid_t pid;
  char *argv[] = {"sh", "-c", "exit 3", 0};
  CHECK(posix_spawn(&pid, "/bin/sh", 0, 0, argv, environ) == 0);
  show("posix_spawn", await(pid));
  CHECK(posix_spawn(&pid, "/does/not/exist", 0, 0, argv, environ) == ENOENT);
  volatile int seen = 0;
  pid = vfork();
  if (pid == 0) {
    seen = 1;
    execl("/bin/true", "true", NULL);
    _exit(1);
  }
  CHECK(seen == 1);
  show("vfork", await(pid));
  pid = vfork();
  if (pid == 0) {
    seen = 2;
    _exit(7);
  }
  CHECK(seen == 2);
  show("vfork and exit", await(pid));
}

// What execve(2) keeps and resets: the new program looks at itself.
static void handler(int s) { (void)s; }

static void executing(void) {
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, 0);
    raise(SIGTERM);
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&stack, 0);
    int a = open("/dev/null", O_RDONLY), b = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char x[16], y[16];
    sprintf(x, "%d", a);
    sprintf(y, "%d", b);
    umask(0123);
    if (chdir("/etc")) _exit(1);
    struct itimerval timer = {{0, 0}, {1000, 0}};
    setitimer(ITIMER_REAL, &timer, 0);
    char *argv[] = {"looks", "--look", x, y, 0}, *envp[] = {"A=1", "B=two", 0};
    execve(self, argv, envp);
    _exit(1);
  }
  show("executing", await(pid));
  pid = fork();
  if (pid == 0) {
    char *argv[] = {"x", 0};
    CHECK(execve("/does/not/exist", argv, environ) == -1 && errno == ENOENT);
    CHECK(execve("/etc", argv, environ) == -1 && errno == EACCES);
    CHECK(execve("/etc/passwd", argv, environ) == -1 && errno == EACCES);
    CHECK(execve("/etc/passwd/x", argv, environ) == -1 && errno == ENOTDIR);
    CHECK(execve((char *)bad, argv, environ) == -1 && errno == EFAULT);
    CHECK(execve("/bin/true", (char **)bad, environ) == -1 && errno == EFAULT);
    CHECK(execve("", argv, environ) == -1 && errno == ENOENT);
    int fd = open("/tmp/garbage", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    CHECK(write(fd, "\1\2\3\4", 4) == 4);
    CHECK(execve("/tmp/garbage", argv, environ) == -1 && errno == ETXTBSY);
    close(fd);
    CHECK(execve("/tmp/garbage", argv, environ) == -1 && errno == ENOEXEC);
    fd = open("/tmp/loop", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    CHECK(write(fd, "#!/tmp/loop\n", 12) == 12);
    close(fd);
    CHECK(execve("/tmp/loop", argv, environ) == -1 && errno == ELOOP);
    fd = open("/tmp/script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    CHECK(write(fd, "#!/does/not/exist -x\n", 21) == 21);
    close(fd);
    CHECK(execve("/tmp/script", argv, environ) == -1 && errno == ENOENT);
    char *large = malloc(200001);
    memset(large, 'x', 200000);
    large[200000] = 0;
    char *big[] = {"x", large, 0};
    CHECK(execve("/bin/true", big, environ) == -1 && errno == E2BIG);
    fd = open("/tmp/script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    char text[300];
    int n = sprintf(text, "#! %s  --script  and more \n", self);
    CHECK(write(fd, text, n) == n);
    close(fd);
    char *args[] = {"renamed", "one", "two words", 0};
    execve("/tmp/script", args, environ);
    _exit(1);
  }
  show("failing executions", await(pid));
  pid = fork();
  if (pid == 0) {
    int fd = open("/bin/true", O_PATH | O_CLOEXEC);
    char *argv[] = {"x", 0};
    syscall(SYS_execveat, fd, "", argv, environ, 0);
    CHECK(errno == ENOENT);
    CHECK(syscall(SYS_execveat, fd, "", argv, environ, 0x8000 | AT_EMPTY_PATH) == -1 && errno == EINVAL);
    syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
    _exit(1);
  }
  show("execveat", await(pid));
  unlink("/tmp/garbage");
  unlink("/tmp/loop");
  unlink("/tmp/script");
}

static void *sleeper(void *p) {
  pause();
  return p;
}
static void *executor(void *p) {
  char *argv[] = {"sh", "-c", "exit 17", 0};
  execve("/bin/sh", argv, environ);
  return p;
}

// execve from a thread that is not the first: the process keeps its number.
static void executing_thread(void) {
  pid_t pid = fork();
  if (pid == 0) {
    pthread_t t[4];
    for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, sleeper, 0);
    pthread_create(&t[3], 0, executor, 0);
    pause();
    _exit(1);
  }
  show("execve of a thread", await(pid));
}

static void waiting(void) {
  siginfo_t info;
  int go[2];
  CHECK(pipe(go) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    char c;
    raise(SIGSTOP);
    _exit(read(go[0], &c, 1) == 1 ? 4 : 5);
  }
  int status;
  CHECK(waitpid(pid, &status, WUNTRACED) == pid);
  show("stopped", status);
  CHECK(waitpid(pid, &status, WNOHANG) == 0);
  kill(pid, SIGCONT);
  CHECK(waitpid(pid, &status, WCONTINUED) == pid);
  show("continued", status);
  CHECK(write(go[1], "x", 1) == 1);
  memset(&info, 0, sizeof info);
  CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
  printf("waitid: %d %d %d\n", info.si_signo, info.si_code, info.si_status);
  CHECK(info.si_pid == pid);
  show("after WNOWAIT", await(pid));
  CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
  CHECK(waitpid(-1, &status, 0x40000000 | 0x100) == -1 && errno == EINVAL);

  for (int s = 1; s <= 15; s++) {
    if (s == SIGSTOP) continue;
    pid = fork();
    if (pid == 0) {
      for (;;) pause();
    }
    kill(pid, s);
    status = await(pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == s);
  }
  // A child that computes is killed as well.
  pid = fork();
  if (pid == 0) {
    for (;;) {}
  }
  usleep(1000);
  kill(pid, SIGKILL);
  show("killed while computing", await(pid));
  pid = fork();
  if (pid == 0) *(volatile int *)16 = 1;
  show("fault", await(pid));

  signal(SIGCHLD, SIG_IGN);
  pid = fork();
  if (pid == 0) _exit(0);
  CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
  signal(SIGCHLD, SIG_DFL);

  // Orphans: the grandchild outlives its parent and gets another one.
  int p[2];
  CHECK(pipe(p) == 0);
  pid = fork();
  if (pid == 0) {
    pid_t middle = getpid();
    if (fork() == 0) {
      while (getppid() == middle) usleep(1000);
      CHECK(write(p[1], "o", 1) == 1);
      _exit(0);
    }
    _exit(6);
  }
  show("parent of an orphan", await(pid));
  char c = 0;
  CHECK(read(p[0], &c, 1) == 1 && c == 'o');
  CHECK(waitpid(-1, 0, 0) == -1 && errno == ECHILD);
  close(p[0]);
  close(p[1]);
}

static volatile sig_atomic_t children;
static void on_child(int s, siginfo_t *info, void *u) {
  (void)s, (void)u;
  if (info->si_code == CLD_EXITED && info->si_status == 11) children++;
}

static void child_signal(void) {
  struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGCHLD, &action, 0);
  pid_t pid = fork();
  if (pid == 0) _exit(11);
  while (!children) usleep(1000);
  show("SIGCHLD", await(pid));
  signal(SIGCHLD, SIG_DFL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid = fork();
  if (pid == 0) {
    if (fork() == 0) {
      usleep(10000);
      _exit(12);
    }
    _exit(13);
  }
  int status, sum = 0;
  while (waitpid(-1, &status, 0) > 0) sum += WEXITSTATUS(status);
  printf("subreaper: %d\n", sum);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void groups(void) {
  pid_t pid = fork();
  if (pid == 0) {
    CHECK(setsid() == getpid());
    CHECK(getpgrp() == getpid() && getsid(0) == getpid());
    CHECK(setsid() == -1 && errno == EPERM);
    pid_t a = fork();
    if (a == 0) {
      CHECK(setpgid(0, 0) == 0 && getpgrp() == getpid());
      for (;;) pause();
    }
    while (getpgid(a) != a) usleep(1000);
    pid_t b = fork();
    if (b == 0) {
      for (;;) pause();
    }
    CHECK(setpgid(b, a) == 0 && getpgid(b) == a);
    CHECK(kill(-a, SIGTERM) == 0);
    int status;
    CHECK(waitpid(-a, &status, 0) > 0 && WTERMSIG(status) == SIGTERM);
    CHECK(waitpid(-a, &status, 0) > 0 && WTERMSIG(status) == SIGTERM);
    CHECK(kill(-a, 0) == -1 && errno == ESRCH);
    _exit(failures ? 99 : 21);
  }
  show("groups", await(pid));
}

// A process-shared mutex and condition, and a futex, across fork.
static void sharing(void) {
  struct {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int turn, word;
  } *s = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t ma;
  pthread_mutexattr_init(&ma);
  pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&s->mutex, &ma);
  pthread_condattr_t ca;
  pthread_condattr_init(&ca);
  pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(&s->condition, &ca);
  pid_t pid = fork();
  int me = pid == 0;
  for (int i = 0; i < 50; i++) {
    pthread_mutex_lock(&s->mutex);
    while (s->turn % 2 != me) pthread_cond_wait(&s->condition, &s->mutex);
    s->turn++;
    pthread_cond_signal(&s->condition);
    pthread_mutex_unlock(&s->mutex);
  }
  if (pid == 0) _exit(s->turn == 100 ? 31 : 32);
  show("sharing", await(pid));
  CHECK(s->turn == 100);
}

// A raw clone with CLONE_VM: the child shares everything and does not stop the parent.
static volatile int clone_word;
static int clone_main(void *p) {
  clone_word = *(int *)p;
  return 9;
}
static void cloning(void) {
  char *stack = malloc(65536);
  int value = 77;
  pid_t pid = clone(clone_main, stack + 65536, CLONE_VM | SIGCHLD, &value);
  show("clone", await(pid));
  CHECK(clone_word == 77);
  pid = clone(clone_main, stack + 65536, CLONE_VM, &value);
  int status;
  CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
  CHECK(waitpid(pid, &status, __WALL) == pid);
  CHECK(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0) == -1 && errno == EINVAL);
  CHECK(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0) == -1 && errno == EINVAL);
}

// Two programs at the same fixed address.
static void colliding(void) {
  char *at = (char *)0x20000000;
  char *m = mmap(at, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  CHECK(m == at);
  memset(m, 3, 1 << 20);
  int p[2], q[2];
  CHECK(pipe(p) == 0 && pipe(q) == 0);
  char a[16], b[16];
  sprintf(a, "%d", p[1]);
  sprintf(b, "%d", q[0]);
  pid_t pid;
  char *argv[] = {"fixed", "--fixed", a, b, 0};
  CHECK(posix_spawn(&pid, self, 0, 0, argv, environ) == 0);
  char c;
  CHECK(read(p[0], &c, 1) == 1);
  CHECK(m[0] == 3 && m[1048575] == 3);
  memset(m, 4, 1 << 20);
  CHECK(write(q[1], "x", 1) == 1);
  show("colliding", await(pid));
  CHECK(m[0] == 4 && m[1048575] == 4);
  munmap(m, 1 << 20);
}

static int fixed(char **argv) {
  char *at = (char *)0x20000000;
  char *m = mmap(at, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (m != at || m[0] || m[1048575]) return 1;
  memset(m, 8, 1 << 20);
  char c;
  if (write(atoi(argv[2]), "x", 1) != 1 || read(atoi(argv[3]), &c, 1) != 1) return 2;
  return m[0] == 8 && m[1048575] == 8 ? 23 : 3;
}

static int look(int argc, char **argv) {
  for (int i = 0; i < argc; i++)
    if (i != 2 && i != 3) printf("argument %s\n", argv[i]);
  for (char **e = environ; *e; e++) printf("environment %s\n", *e);
  struct sigaction a;
  sigaction(SIGUSR1, 0, &a);
  printf("SIGUSR1 %s\n", a.sa_handler == SIG_DFL ? "default" : "other");
  sigaction(SIGUSR2, 0, &a);
  printf("SIGUSR2 %s\n", a.sa_handler == SIG_IGN ? "ignored" : "other");
  sigset_t set;
  sigprocmask(SIG_BLOCK, 0, &set);
  printf("SIGTERM blocked %d\n", sigismember(&set, SIGTERM));
  sigpending(&set);
  printf("SIGTERM pending %d\n", sigismember(&set, SIGTERM));
  stack_t stack;
  sigaltstack(0, &stack);
  printf("stack disabled %d\n", stack.ss_flags == SS_DISABLE);
  printf("kept %d closed %d\n", fcntl(atoi(argv[2]), F_GETFD), fcntl(atoi(argv[3]), F_GETFD));
  printf("umask %o\n", umask(0));
  char buffer[100];
  printf("cwd %s\n", getcwd(buffer, sizeof buffer));
  struct itimerval timer;
  getitimer(ITIMER_REAL, &timer);
  printf("timer runs %d\n", timer.it_value.tv_sec > 900);
  prctl(PR_GET_NAME, buffer);
  printf("name %s\n", buffer);
  FILE *f = fopen("/proc/self/cmdline", "r");
  size_t n = fread(buffer, 1, 6, f);
  printf("cmdline %zu %s\n", n, buffer);
  fclose(f);
  ssize_t l = readlink("/proc/self/exe", buffer, sizeof buffer - 1);
  buffer[l < 0 ? 0 : l] = 0;
  printf("exe %s\n", strrchr(buffer, '/') ? strrchr(buffer, '/') : buffer);
  return 33;
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOLBF, 0);
  static char path[4096];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  path[n] = 0;
  self = path;
  if (argc > 1 && !strcmp(argv[1], "--look")) return look(argc, argv);
  if (argc > 1 && !strcmp(argv[1], "--fixed")) return fixed(argv);
  if (argc > 1 && !strcmp(argv[1], "--script  and more")) {
    for (int i = 1; i < argc; i++) printf("script argument %s\n", argv[i]);
    return 34;
  }
  struct {
    const char *name;
    void (*run)(void);
  } all[] = {{"isolation", isolation}, {"advising", advising}, {"tree", tree}, {"computing", computing}, {"threads", threads},
             {"spawning", spawning}, {"executing", executing}, {"executing_thread", executing_thread},
             {"waiting", waiting}, {"child_signal", child_signal}, {"groups", groups}, {"sharing", sharing},
             {"cloning", cloning}, {"colliding", colliding}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (argc < 2 || !strcmp(argv[1], all[i].name)) all[i].run();
  printf("%d failures\n", failures);
  return failures != 0;
}
