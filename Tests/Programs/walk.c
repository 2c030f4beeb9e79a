// Prints everything that can be known of a tree of files: names, attributes, targets, and a checksum of each content,
// read whole through read(2) and again through mmap(2). The first error ends it with status 1.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static sigjmp_buf bus;
static void on_bus(int n) { (void)n; siglongjmp(bus, 1); }

static void fail(const char *what, const char *path) {
  printf("ERROR %s %s: %s\n", what, path, strerror(errno));
  fflush(stdout);
  exit(1);
}

static uint64_t sum(uint64_t h, const unsigned char *p, size_t n) {
  for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3ull;
  return h;
}

static void content(const char *path, off_t size) {
  static unsigned char buffer[100000];
  int fd = open(path, O_RDONLY);
  if (fd < 0) fail("open", path);
  uint64_t h = 0xcbf29ce484222325ull;
  ssize_t n;
  off_t total = 0;
  while ((n = read(fd, buffer, sizeof buffer)) > 0) {
    h = sum(h, buffer, n);
    total += n;
  }
  if (n < 0) fail("read", path);
  if (total != size) fail("size", path);
  printf(" %016llx", (unsigned long long)h);
  if (size > 0) {
    unsigned char *p = mmap(0, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) fail("mmap", path);
    if (sigsetjmp(bus, 1)) {
      errno = EIO;
      fail("mapped", path);
    }
    if (sum(0xcbf29ce484222325ull, p, size) != h) fail("mapping", path);
    munmap(p, size);
  }
  close(fd);
}

static dev_t device;

// Stays on one file system.
static void walk(const char *path) {
  struct stat s;
  if (lstat(path, &s) < 0) fail("lstat", path);
  if (s.st_dev != device) return;
  printf("%s %o %u:%u %lld %ld.%09ld %lu", path, s.st_mode, s.st_uid, s.st_gid,
         S_ISDIR(s.st_mode) ? 0 : (long long)s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec,
         (unsigned long)s.st_nlink);
  if (S_ISLNK(s.st_mode)) {
    char target[5000];
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0) fail("readlink", path);
    target[n] = 0;
    printf(" -> %s", target);
  }
  char names[1000], value[1000];
  ssize_t length = llistxattr(path, names, sizeof names);
  for (ssize_t at = 0; at < length; at += strlen(names + at) + 1) {
    ssize_t n = lgetxattr(path, names + at, value, sizeof value);
    if (n < 0) fail("getxattr", path);
    printf(" %s=%.*s", names + at, (int)n, value);
  }
  if (S_ISREG(s.st_mode)) content(path, s.st_size);
  printf("\n");
  if (!S_ISDIR(s.st_mode)) return;
  struct dirent **list;
  int count = scandir(path, &list, 0, alphasort);
  if (count < 0) fail("scandir", path);
  for (int i = 0; i < count; i++) {
    if (!strcmp(list[i]->d_name, ".") || !strcmp(list[i]->d_name, "..")) continue;
    char child[5000];
    snprintf(child, sizeof child, "%s/%s", path, list[i]->d_name);
    struct stat s;
    if (lstat(child, &s) < 0) fail("lstat", child);
    if (s.st_dev == device && list[i]->d_ino != s.st_ino) fail("d_ino", child);
    walk(child);
  }
  char missing[5000];
  snprintf(missing, sizeof missing, "%s/there-is-no-such-name", path);
  if (lstat(missing, &s) == 0 || errno != ENOENT) fail("missing", missing);
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOLBF, 0);
  signal(SIGBUS, on_bus);
  for (int i = 1; i < argc; i++) {
    struct stat s;
    if (lstat(argv[i], &s) < 0) fail("lstat", argv[i]);
    device = s.st_dev;
    walk(argv[i]);
  }
  printf("arguments %d, environment %s, all read\n", argc, getenv("CANARY") ? getenv("CANARY") : "none");
  return 0;
}
