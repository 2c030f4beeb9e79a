// fcntl(2) beyond locks: owners, signals, leases, notices, pipes, seals; close_range(2), dup3(2).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/close_range.h>

static volatile sig_atomic_t count, band, code, on;
static int expected_fd;
static void handler(int n, siginfo_t *i, void *c) {
  (void)n, (void)c;
  count++, band = i->si_band, code = i->si_code, on = i->si_fd == expected_fd;
}
static void plain(int n) { (void)n; count++; }
static void told(const char *what, int with_info) {
  printf("%s: %d signals", what, (int)count);
  if (count && with_info) printf(", band %x, code %d, descriptor %s", (int)band, (int)code, on ? "right" : "wrong");
  puts("");
  count = 0;
}
static long try(const char *what, long result) {
  if (result < 0) printf("%s: %s\n", what, strerror(errno));
  else printf("%s: %ld\n", what, result);
  return result;
}

static int lease_fd;
static void give_way(int n) {
  (void)n;
  count++;
  printf("asked to give way, lease is now %d\n", fcntl(lease_fd, F_GETLEASE));
}
static void *release_soon(void *argument) {
  usleep(100000);
  fcntl(lease_fd, F_SETLEASE, (int)(long)argument);
  return NULL;
}
static void *reader(void *path) {
  int fd = open(path, O_RDONLY);
  printf("reader got in: %d\n", fd >= 0);
  close(fd);
  return NULL;
}

static void owners(void) {
  int p[2];
  if (pipe(p)) exit(1);
  try("F_GETOWN", fcntl(p[0], F_GETOWN));
  try("F_SETOWN nobody", fcntl(p[0], F_SETOWN, 999999));
  try("F_SETOWN group of nobody", fcntl(p[0], F_SETOWN, -999999));
  struct f_owner_ex ex = {F_OWNER_TID, gettid()};
  try("F_SETOWN_EX", fcntl(p[0], F_SETOWN_EX, &ex));
  memset(&ex, 9, sizeof ex);
  try("F_GETOWN_EX", fcntl(p[0], F_GETOWN_EX, &ex));
  printf("%d %d\n", ex.type, ex.pid == gettid());
  ex.type = 7;
  try("F_SETOWN_EX bad", fcntl(p[0], F_SETOWN_EX, &ex));
  try("F_SETOWN_EX fault", fcntl(p[0], F_SETOWN_EX, (void *)8));
  try("F_SETSIG bad", fcntl(p[0], F_SETSIG, 65));
  signal(SIGIO, plain);
  try("F_SETOWN", fcntl(p[0], F_SETOWN, getpid()));
  printf("%d\n", fcntl(p[0], F_GETOWN) == getpid());
  try("F_SETFL", fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
  printf("%x\n", fcntl(p[0], F_GETFL));
  try("write", write(p[1], "x", 1));
  told("after a write", 0);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN + 3, &action, NULL);
  try("F_SETSIG", fcntl(p[0], F_SETSIG, SIGRTMIN + 3));
  try("F_GETSIG", fcntl(p[0], F_GETSIG));
  expected_fd = p[0];
  try("write", write(p[1], "x", 1));
  told("with information", 1);
  try("F_SETFL off", fcntl(p[0], F_SETFL, O_NONBLOCK));
  try("write", write(p[1], "x", 1));
  told("off", 1);
  try("no such command", fcntl(p[0], 999));
  try("bad descriptor", fcntl(99, F_GETFL));
  try("F_GETPIPE_SZ", fcntl(p[0], F_GETPIPE_SZ));
  try("F_SETPIPE_SZ", fcntl(p[0], F_SETPIPE_SZ, 5000));
  try("F_SETPIPE_SZ 0", fcntl(p[0], F_SETPIPE_SZ, 0));
  try("F_SETPIPE_SZ big", fcntl(p[0], F_SETPIPE_SZ, 1 << 20));
  char *block = calloc(1, 70000);
  try("write much", write(p[1], block, 70000));
  try("F_SETPIPE_SZ small", fcntl(p[0], F_SETPIPE_SZ, 4096));
  try("F_GETPIPE_SZ of no pipe", fcntl(open("/dev/null", O_RDONLY), F_GETPIPE_SZ));
  free(block);
}

static void leases(void) {
  close(open("l", O_CREAT | O_WRONLY, 0600));
  lease_fd = open("l", O_RDWR);
  try("F_GETLEASE", fcntl(lease_fd, F_GETLEASE));
  try("F_SETLEASE read, open for writing", fcntl(lease_fd, F_SETLEASE, F_RDLCK));
  try("F_SETLEASE bad", fcntl(lease_fd, F_SETLEASE, 9));
  try("F_SETLEASE unlock without one", fcntl(lease_fd, F_SETLEASE, F_UNLCK));
  try("F_SETLEASE of a directory", fcntl(open(".", O_RDONLY), F_SETLEASE, F_RDLCK));
  int other = open("l", O_RDONLY);
  try("F_SETLEASE write, open twice", fcntl(lease_fd, F_SETLEASE, F_WRLCK));
  close(other);
  try("F_SETLEASE write", fcntl(lease_fd, F_SETLEASE, F_WRLCK));
  try("F_GETLEASE", fcntl(lease_fd, F_GETLEASE));
  signal(SIGIO, give_way);
  try("open nonblocking", open("l", O_RDONLY | O_NONBLOCK));
  pthread_t t, u;
  pthread_create(&t, NULL, release_soon, (void *)F_RDLCK);
  pthread_create(&u, NULL, reader, "l");
  pthread_join(t, NULL);
  // It holds the file open for writing: nobody can have a read lease of it.
  try("F_GETLEASE", fcntl(lease_fd, F_GETLEASE));
  fcntl(lease_fd, F_SETLEASE, F_UNLCK);
  pthread_join(u, NULL);
  close(lease_fd);
  lease_fd = open("l", O_RDONLY);
  try("F_SETLEASE read", fcntl(lease_fd, F_SETLEASE, F_RDLCK));
  other = open("l", O_RDONLY);
  try("another reader", other >= 0);
  try("its lease", fcntl(other, F_SETLEASE, F_RDLCK));
  try("its write lease", fcntl(other, F_SETLEASE, F_WRLCK));
  try("open for writing", open("l", O_WRONLY | O_NONBLOCK));
  close(other);
  try("F_GETLEASE", fcntl(lease_fd, F_GETLEASE));
  pthread_create(&t, NULL, release_soon, (void *)F_UNLCK);
  try("truncate waits", truncate("l", 0));
  pthread_join(t, NULL);
  try("F_GETLEASE", fcntl(lease_fd, F_GETLEASE));
  count = 0;
}

static void notices(void) {
  mkdir("d", 0700);
  int d = open("d", O_RDONLY);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN + 4, &action, NULL);
  expected_fd = d;
  fcntl(d, F_SETSIG, SIGRTMIN + 4);
  try("F_NOTIFY of a file", fcntl(lease_fd, F_NOTIFY, DN_CREATE));
  try("F_NOTIFY", fcntl(d, F_NOTIFY, DN_CREATE | DN_RENAME));
  close(open("d/a", O_CREAT | O_WRONLY, 0600));
  told("create", 1);
  close(open("d/b", O_CREAT | O_WRONLY, 0600));
  told("once only", 1);
  try("F_NOTIFY", fcntl(d, F_NOTIFY, DN_DELETE | DN_RENAME | DN_ATTRIB | DN_MODIFY | DN_MULTISHOT));
  rename("d/a", "d/c");
  told("rename", 1);
  chmod("d/b", 0400);
  told("chmod", 1);
  truncate("d/b", 10);
  told("truncate", 1);
  unlink("d/b");
  told("unlink", 1);
  rename("d/c", "c");
  told("rename out", 1);
  rename("c", "d/c");
  told("rename in", 1);
  try("F_NOTIFY none", fcntl(d, F_NOTIFY, 0));
  unlink("d/c");
  told("no more", 1);
  close(d);
  rmdir("d");
}

static void seals(void) {
  int m = memfd_create("name", MFD_ALLOW_SEALING);
  try("F_GET_SEALS", fcntl(m, F_GET_SEALS));
  try("write", write(m, "hello", 5));
  try("F_ADD_SEALS", fcntl(m, F_ADD_SEALS, F_SEAL_GROW));
  try("write over", pwrite(m, "HELLO", 5, 0));
  try("write more", pwrite(m, "HELLO!", 6, 0));
  try("grow", ftruncate(m, 10));
  try("shrink", ftruncate(m, 4));
  try("F_ADD_SEALS", fcntl(m, F_ADD_SEALS, F_SEAL_SHRINK));
  try("shrink", ftruncate(m, 3));
  void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
  try("F_ADD_SEALS with a mapping", fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
  munmap(p, 4096);
  try("F_ADD_SEALS", fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
  try("write", pwrite(m, "x", 1, 0));
  try("punch", fallocate(m, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
  try("map", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0) == MAP_FAILED ? -1 : 0);
  try("F_ADD_SEALS unknown", fcntl(m, F_ADD_SEALS, 1 << 20));
  try("F_ADD_SEALS seal", fcntl(m, F_ADD_SEALS, F_SEAL_SEAL));
  try("F_ADD_SEALS more", fcntl(m, F_ADD_SEALS, F_SEAL_GROW));
  try("F_GET_SEALS", fcntl(m, F_GET_SEALS));
  try("F_GET_SEALS of a file", fcntl(open("l", O_RDWR), F_GET_SEALS));
}

static void descriptors(void) {
  int a = open("/dev/null", O_RDWR);
  try("dup3 same", dup3(a, a, 0));
  try("dup3 flags", dup3(a, 50, O_NONBLOCK));
  try("dup3", dup3(a, 50, O_CLOEXEC) - 50);
  try("F_GETFD", fcntl(50, F_GETFD));
  try("dup2 too high", dup2(a, 1 << 20));
  try("F_DUPFD", fcntl(a, F_DUPFD, 60) - 60);
  try("F_DUPFD_CLOEXEC", fcntl(a, F_DUPFD_CLOEXEC, 60) - 61);
  try("F_DUPFD too high", fcntl(a, F_DUPFD, 1 << 20));
  try("close_range backwards", close_range(60, 50, 0));
  try("close_range flags", close_range(50, 61, 8));
  try("close_range cloexec", close_range(50, 60, CLOSE_RANGE_CLOEXEC));
  try("F_GETFD", fcntl(60, F_GETFD));
  try("close_range", close_range(51, ~0u, 0));
  try("F_GETFD", fcntl(60, F_GETFD));
  try("F_GETFD", fcntl(50, F_GETFD));
  int o = open(".", O_PATH);
  printf("%x\n", fcntl(o, F_GETFL));
  try("read of O_PATH", read(o, &a, 1));
  try("F_SETFL of O_PATH", fcntl(o, F_SETFL, 0));
  try("fchdir of O_PATH", fchdir(o));
  struct stat s;
  try("fstat of O_PATH", fstat(o, &s));
  try("fchmod of O_PATH", fchmod(o, 0700));
  try("fsync of O_PATH", fsync(o));
  try("fsync of a pipe", fsync(0 * pipe((int[2]){0}) + 50));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  char base[] = "/dev/shm/descriptors-XXXXXX";
  if (!mkdtemp(base) || chdir(base)) return 1;
  owners();
  leases();
  notices();
  seals();
  descriptors();
  unlink("l");
  chdir("/");
  rmdir(base);
  return 0;
}
