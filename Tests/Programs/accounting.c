// What the kernel counts for a process (proc(5): io, stat, loadavg), and descriptors that run out in accept(2).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/times.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *text(const char *path) {
  static char buffer[8192];
  int fd = open(path, O_RDONLY);
  ssize_t n = fd < 0 ? 0 : read(fd, buffer, sizeof buffer - 1);
  buffer[n < 0 ? 0 : n] = 0;
  close(fd);
  return buffer;
}

static unsigned long field(const char *path, const char *name) {
  char *at = strstr(text(path), name);
  return at ? strtoul(at + strlen(name), 0, 10) : ~0ul;
}

// Field `number` of /proc/PID/stat, counted from 1.
static unsigned long stat_field(const char *path, int number) {
  char *at = strrchr(text(path), ')');
  if (!at) return ~0ul;
  for (int i = 2; i < number; i++) at = strchr(at + 1, ' ');
  return strtoul(at + 1, 0, 10);
}

static void burn(double seconds) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  double end = t.tv_sec + t.tv_nsec / 1e9 + seconds;
  do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  while (t.tv_sec + t.tv_nsec / 1e9 < end);
}

static void io(void) {
  static char block[5000];
  int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
  // Looking costs reads of its own: the difference of two looks without anything between.
  unsigned long base[4], before[4], after[4];
  const char *names[] = {"rchar: ", "wchar: ", "syscr: ", "syscw: "};
  for (int i = 0; i < 4; i++) base[i] = field("/proc/self/io", names[i]);
  for (int i = 0; i < 4; i++) before[i] = field("/proc/self/io", names[i]);
  for (int i = 0; i < 10; i++) {
    read(zero, block, sizeof block);
    pread(zero, block, 100, 0);
    write(null, block, 3000);
  }
  read(null, block, 1);  // EBADF: not counted
  pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < 100; i++) read(zero, block, 1);
    _exit(0);
  }
  waitpid(pid, 0, 0);
  for (int i = 0; i < 4; i++) after[i] = field("/proc/self/io", names[i]);
  printf("wchar %lu syscr %lu syscw %lu\n", after[1] - before[1], after[2] - before[2] - (before[2] - base[2]),
         after[3] - before[3]);
  unsigned long moved = after[0] - before[0];
  printf("rchar %s\n", moved > 51000 && moved < 52500 ? "right" : "wrong");
  close(zero), close(null);
}

static void cpu_times(void) {
  unsigned long ticks = stat_field("/proc/self/stat", 14) + stat_field("/proc/self/stat", 15);
  burn(0.3);
  ticks = stat_field("/proc/self/stat", 14) + stat_field("/proc/self/stat", 15) - ticks;
  printf("ticks %s\n", ticks >= 28 && ticks <= 300 ? "right" : "wrong");
  pid_t pid = fork();
  if (pid == 0) {
    burn(0.2);
    _exit(0);
  }
  waitpid(pid, 0, 0);
  ticks = stat_field("/proc/self/stat", 16) + stat_field("/proc/self/stat", 17);
  printf("children's ticks %s\n", ticks >= 18 && ticks <= 300 ? "right" : "wrong");
  // A process that waits uses nothing, beyond what it takes to start (an enclave counts waiting for a processor).
  int pipes[2];
  pipe(pipes);
  pid = fork();
  if (pid == 0) {
    char c;
    close(pipes[1]);
    read(pipes[0], &c, 1);
    _exit(0);
  }
  usleep(500000);
  char path[40];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  printf("waiting %s\n", stat_field(path, 14) + stat_field(path, 15) < 40 ? "right" : "wrong");
  unsigned long started = stat_field(path, 22), own = stat_field("/proc/self/stat", 22);
  printf("started %s\n", own && started >= own && started < own + 3000 ? "right" : "wrong");
  close(pipes[1]);
  waitpid(pid, 0, 0);
  double a, b, c;
  int running, all, last;
  int n = sscanf(text("/proc/loadavg"), "%lf %lf %lf %d/%d %d", &a, &b, &c, &running, &all, &last);
  printf("loadavg %d %s\n", n, running >= 1 && all >= 1 && last >= getpid() ? "right" : "wrong");
  unsigned long user = field("/proc/stat", "cpu "), made = field("/proc/stat", "processes ");
  printf("stat %s %s\n", user > 0 ? "right" : "wrong", made >= 4 ? "right" : "wrong");
  printf("%d %d\n", open("/proc/self/io", O_WRONLY), open("/proc/999999/io", O_RDONLY));
}

static void descriptors(int family) {
  int server = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0);
  struct sockaddr_storage name = {.ss_family = (sa_family_t)family};
  socklen_t length = sizeof(struct sockaddr_in);
  if (family == AF_UNIX) {
    struct sockaddr_un *un = (void *)&name;
    snprintf(un->sun_path + 1, 30, "accounting-%d", getpid());
    length = sizeof(sa_family_t) + 20;
  } else {
    ((struct sockaddr_in *)&name)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  if (bind(server, (void *)&name, length) || listen(server, 5)) printf("listen: %s\n", strerror(errno));
  if (family == AF_INET) getsockname(server, (void *)&name, &length);
  if (connect(client, (void *)&name, length)) printf("connect: %s\n", strerror(errno));
  write(client, "kept", 4);
  struct rlimit old, none;
  getrlimit(RLIMIT_NOFILE, &old);
  none = old;
  none.rlim_cur = (rlim_t)client + 1;
  setrlimit(RLIMIT_NOFILE, &none);
  for (int i = 0; i < 3; i++) {
    int n = accept(server, 0, 0);
    printf("full: %d %s\n", n, n < 0 ? strerror(errno) : "");
  }
  setrlimit(RLIMIT_NOFILE, &old);
  int taken = accept4(server, 0, 0, SOCK_CLOEXEC);
  char buffer[8] = "";
  read(taken, buffer, sizeof buffer - 1);
  printf("then: %s %d %d\n", buffer, taken == client + 1, fcntl(taken, F_GETFD));
  // A number that was kept for an accept that failed is free again.
  fcntl(server, F_SETFL, O_NONBLOCK);
  int none_there = accept(server, 0, 0);
  printf("%d %s\n", none_there, strerror(errno));
  int next = dup(0);
  printf("%d\n", next - taken);
  close(next), close(taken), close(client), close(server);
}

// The kernel's share of the time: there is one, the three ways to ask agree, and a child's goes to its parent.
static int close_to(long a, long b) { return labs(a - b) <= 5; }
static void work_in_kernel(void) {
  struct rusage r;
  do {
    for (int i = 0; i < 20; i++) {
      char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
      munmap(p, 4 << 20);
    }
    getrusage(RUSAGE_SELF, &r);
  } while (r.ru_stime.tv_sec * 1000000 + r.ru_stime.tv_usec < 300000);
}
static void system_time(void) {
  work_in_kernel();
  struct rusage r;
  struct tms t;
  long stat[2] = {stat_field("/proc/self/stat", 14), stat_field("/proc/self/stat", 15)};
  times(&t);
  getrusage(RUSAGE_SELF, &r);
  long user = r.ru_utime.tv_sec * 100 + r.ru_utime.tv_usec / 10000;
  long system = r.ru_stime.tv_sec * 100 + r.ru_stime.tv_usec / 10000;
  printf("system time: %d, times %d %d, stat %d %d\n", system >= 30, close_to(t.tms_utime, user),
         close_to(t.tms_stime, system), close_to(stat[0], user), close_to(stat[1], system));
  if (fork() == 0) {
    work_in_kernel();
    _exit(0);
  }
  wait(NULL);
  getrusage(RUSAGE_CHILDREN, &r);
  times(&t);
  system = r.ru_stime.tv_sec * 100 + r.ru_stime.tv_usec / 10000;
  printf("of children: %d %d\n", system >= 29, close_to(t.tms_cstime, system));
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  io();
  cpu_times();
  system_time();
  descriptors(AF_UNIX);
  descriptors(AF_INET);
  return 0;
}
