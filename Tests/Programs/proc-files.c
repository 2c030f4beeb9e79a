// /proc/PID as programs read it: fdinfo, links to files that moved or are gone, names with odd bytes, zombies.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 20], base[] = "/dev/shm/proc-files-XXXXXX";

static ssize_t get(const char *path) {
  int f = open(path, O_RDONLY);
  ssize_t n = 0, r = 0;
  if (f < 0) return -errno;
  while (n < (ssize_t)sizeof text - 1 && (r = read(f, text + n, sizeof text - 1 - (size_t)n)) > 0) n += r;
  close(f);
  text[n] = 0;
  for (ssize_t i = 0; i < n; i++)
    if (!text[i]) text[i] = '@';
  return r < 0 ? -errno : n;
}
static const char *own(const char *format, int n) {
  static char path[64];
  snprintf(path, sizeof path, format, n);
  return path;
}
// The link's text without what differs from run to run: the folder's name, numbers of inodes.
static void link_of(const char *what, const char *path) {
  char to[600], *s = to;
  ssize_t n = readlink(path, to, sizeof to - 1);
  if (n < 0) { printf("%s: %s\n", what, strerror(errno)); return; }
  to[n] = 0;
  if (!strncmp(s, base, strlen(base))) s += strlen(base);
  char *bracket = strchr(s, '[');
  if (bracket && bracket[1] >= '0' && bracket[1] <= '9') *bracket = 0;
  struct stat l;
  lstat(path, &l);
  printf("%s: %s, mode %o\n", what, s, l.st_mode);
}
static void lines(const char *key) {
  char *rest = NULL;
  get("/proc/self/status");
  for (char *l = strtok_r(text, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest))
    if (!strncmp(l, key, strlen(key))) printf("%s|\n", l);
}
// Without the C library's own two signals, which whoever started this may have left ignored.
static void ignored_signals(void) {
  get("/proc/self/status");
  const char *line = strstr(text, "\nSigIgn:");
  if (line) printf("SigIgn %lx\n", strtoul(line + 8, NULL, 16) & ~(3ul << 31));
}
static void info(const char *what, int fd) {
  link_of(what, own("/proc/self/fd/%d", fd));
  get(own("/proc/self/fdinfo/%d", fd));
  char *rest = NULL;
  for (char *l = strtok_r(text, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest)) {
    char kind[20], type[20], start[20], end[20], *ino = strstr(l, "ino:");
    int number, pid;
    if (sscanf(l, "lock: %d: %19s ADVISORY %19s %d %*s %19s %19s", &number, kind, type, &pid, start, end) == 6)
      printf("  lock %d %s %s %s %s-%s\n", number, kind, type, pid == getpid() ? "ours" : pid == -1 ? "-1" : "?", start, end);
    else if (!strncmp(l, "eventfd-id", 10) || !strncmp(l, "mnt_id", 6)) printf("  %.6s\n", l);
    else {
      if (ino) *ino = 0;
      printf("  %s\n", l);
    }
  }
}

static void status(void) {
  prctl(PR_SET_NAME, "a)\nUid:\t0\\");
  lines("Name:"), lines("Uid:\t0\\");
  get("/proc/self/comm"), printf("comm %s", text);
  int f = open("/proc/self/comm", O_WRONLY);
  printf("written %zd\n", write(f, "new name of a process\n", 22));
  close(f);
  lines("Name:");
  char name[17] = "";
  prctl(PR_GET_NAME, name);
  puts(name);
  umask(027);
  signal(SIGUSR1, SIG_IGN);
  sigset_t s;
  sigemptyset(&s), sigaddset(&s, SIGUSR2), sigaddset(&s, 40);
  sigprocmask(SIG_BLOCK, &s, NULL);
  raise(40);
  lines("Umask"), lines("SigPnd"), lines("ShdPnd"), lines("SigBlk"), ignored_signals(), lines("SigCgt"), lines("Threads"), lines("Uid"), lines("Kthread"),
      lines("Seccomp_filters"), lines("CoreDumping");
}

static void descriptors(void) {
  sigset_t s;
  sigemptyset(&s), sigaddset(&s, SIGUSR2);
  int f = open("a name\nof two lines", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600), p[2];
  if (write(f, "12345", 5) != 5 || pipe(p)) exit(1);
  info("file", f);
  flock(f, LOCK_EX);
  struct flock l = {.l_type = F_RDLCK, .l_start = 1, .l_len = 3};
  fcntl(f, F_SETLK, &l);
  l.l_type = F_WRLCK, l.l_start = 100, l.l_len = 0;
  fcntl(f, F_SETLK, &l);
  l.l_start = 10, l.l_len = 5;
  fcntl(f, F_OFD_SETLK, &l);
  info("locked", f);
  info("pipe, read", p[0]), info("pipe, write", p[1]);
  int e = eventfd(255, EFD_SEMAPHORE), o = epoll_create1(EPOLL_CLOEXEC);
  info("eventfd", e);
  struct epoll_event v = {EPOLLIN | EPOLLET, {.u64 = 0xabcdef0123}};
  epoll_ctl(o, EPOLL_CTL_ADD, e, &v);
  info("epoll", o);
  int t = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
  timerfd_settime(t, TFD_TIMER_ABSTIME, &(struct itimerspec){{5, 6}, {1, 0}}, NULL);
  uint64_t ticks;
  if (read(t, &ticks, 8) != 8) puts("no ticks");
  timerfd_settime(t, TFD_TIMER_ABSTIME, &(struct itimerspec){{0, 0}, {0, 0}}, NULL);
  info("timerfd", t);
  info("signalfd", signalfd(-1, &s, SFD_CLOEXEC));
  int n = inotify_init1(IN_NONBLOCK);
  info("inotify", n);
  info("directory", open(".", O_RDONLY | O_DIRECTORY));
  info("O_PATH", open("a name\nof two lines", O_PATH | O_NOFOLLOW));
  info("memfd", memfd_create("name", MFD_ALLOW_SEALING));
  info("write only", open("a name\nof two lines", O_WRONLY));
  unlink("a name\nof two lines");
  info("deleted", f);
  struct stat st;
  int r = stat(own("/proc/self/fd/%d", f), &st);
  printf("stat %d, links %ld, size %ld\n", r, (long)st.st_nlink, (long)st.st_size);
  int again = open(own("/proc/self/fd/%d", f), O_RDONLY);
  printf("opened again: %zd bytes\n", read(again, text, 100));
  if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, f, 0) == MAP_FAILED) exit(1);
  get("/proc/self/maps");
  printf("mapped: %d\n", strstr(text, "a name\\012of two lines (deleted)\n") != NULL);
  r = open(own("/proc/self/fd/%d", e), O_RDWR), printf("open of an eventfd: %d %s\n", r, strerror(errno));
  r = open("/proc/self/fd/01", O_RDONLY), printf("fd/01: %d %s\n", r, strerror(errno));
  r = open("/proc/self/fd/999", O_RDONLY), printf("fd/999: %d %s\n", r, strerror(errno));
  r = unlink("/proc/self/fd/1"), printf("unlink: %d %s\n", r, strerror(errno));
  r = mkdir("/proc/x", 0700), printf("mkdir: %d %s\n", r, strerror(errno));
}

static void again(void) {
  link_of("exe", "/proc/self/exe");
  rename("program", "moved");
  link_of("exe moved", "/proc/self/exe");
  unlink("moved");
  link_of("exe deleted", "/proc/self/exe");
  int f = open("/proc/self/exe", O_RDONLY);
  printf("it can be read: %zd %.3s\n", read(f, text, 4), text + 1);
  get("/proc/self/auxv");
  printf("auxv: %d\n", text[0] != 0);
  link_of("cwd", "/proc/self/cwd");
  char deleted[80];
  snprintf(deleted, sizeof deleted, "%s-moved", base);
  rename(base, deleted);
  link_of("cwd moved", "/proc/self/cwd");
  rmdir(deleted);
  link_of("cwd deleted", "/proc/self/cwd");
  printf("getcwd %s\n", getcwd(text, 100) ? "" : strerror(errno));
}

static void zombies(void) {
  fflush(stdout);
  pid_t child = fork();
  if (!child) pause(), _exit(0);
  get(own("/proc/%d/cmdline", child)), printf("cmdline %s\n", strchr(text, '@') ? "is there" : text);
  kill(child, SIGKILL);
  siginfo_t i;
  waitid(P_PID, (id_t)child, &i, WEXITED | WNOWAIT);
  ssize_t n = get(own("/proc/%d/cmdline", child));
  printf("cmdline of a zombie: %zd\n", n);
  n = get(own("/proc/%d/maps", child)), printf("maps: %zd\n", n);
  link_of("exe", own("/proc/%d/exe", child));
  get(own("/proc/%d/stat", child));
  char *state = strrchr(text, ')');
  printf("state %.3s\n", state);
  int d = open(own("/proc/%d", child), O_RDONLY);
  waitpid(child, NULL, 0);
  int r = openat(d, "limits", O_RDONLY);
  printf("below a process that is gone: %d %s\n", r, strerror(errno));
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (count > 1) {
    strcpy(base, arguments[1]);
    again();
    return 0;
  }
  if (!mkdtemp(base) || chdir(base)) return perror(base), 1;
  status(), descriptors(), zombies();
  // The program itself, from a copy that goes away.
  int from = open(arguments[0], O_RDONLY), to = open("program", O_CREAT | O_WRONLY, 0700);
  for (ssize_t n; (n = read(from, text, sizeof text)) > 0;)
    if (write(to, text, (size_t)n) != n) return 1;
  close(from), close(to);
  execl("program", "program", base, NULL);
  return perror("program"), 1;
}
