// Files that are kept, `kept-files MODE DIR MIB FILES`, each mode in a process of its own:
//   write   a big file in a row, pages of another one at random, FILES small files
//   stream  reads the big file twice (and once more for the cache between), then pages of it at random
//   read    pages of the big file at random, nothing of which is cached, then all small files
// Each figure is a line: name, value, unit. What was written is on the medium when the time is taken. The time is the
// thread's own processor time with KEPT_FILES=cpu, for busy machines.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 20, PAGE = 4096, SMALL = 1000, PAGES = 20000 };
static char buffer[PIECE];
static int directory;

static double now(void) {
  struct timespec t;
  clock_gettime(getenv("KEPT_FILES") ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void must(int good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static int file(const char *format, int i, int flags) {
  char name[64];
  snprintf(name, sizeof name, format, i / 1000, i);
  int fd = openat(directory, name, flags, 0644);
  must(fd >= 0, name);
  return fd;
}

static void write_all(off_t size, int files) {
  unsigned seed = 7;
  for (size_t i = 0; i < sizeof buffer; i += 4) memcpy(buffer + i, &(unsigned){rand_r(&seed)}, 4);
  double start = now();
  int fd = openat(directory, "big", O_RDWR | O_CREAT | O_TRUNC, 0644);
  must(fd >= 0, "big");
  for (off_t done = 0; done < size; done += PIECE) must(write(fd, buffer, PIECE) == PIECE, "write");
  must(fsync(fd) == 0, "fsync");
  printf("write %.3f GB/s\n", size / (now() - start) / 1e9);
  close(fd);
  fd = openat(directory, "pages", O_RDWR | O_CREAT | O_TRUNC, 0644);
  must(fd >= 0, "pages");
  for (off_t done = 0; done < size / 4; done += PIECE) must(write(fd, buffer, PIECE) == PIECE, "write");
  must(fsync(fd) == 0, "fsync");
  start = now();
  for (int i = 0; i < PAGES; i++)
    must(pwrite(fd, buffer + rand_r(&seed) % 255 * PAGE, PAGE, (off_t)(rand_r(&seed) % (size / 4 / PAGE)) * PAGE) == PAGE, "pwrite");
  must(fsync(fd) == 0, "fsync");
  printf("random-write %.3f us\n", (now() - start) / PAGES * 1e6);
  close(fd);
  start = now();
  for (int i = 0; i < files; i++) {
    char name[64];
    snprintf(name, sizeof name, "d%d", i / 1000);
    if (i % 1000 == 0) must(mkdirat(directory, name, 0755) == 0, name);
    fd = file("d%d/f%d", i, O_WRONLY | O_CREAT | O_EXCL);
    must(write(fd, buffer + i % 4096, SMALL) == SMALL, "write");
    close(fd);
  }
  must(syncfs(directory) == 0, "syncfs");
  printf("create %.3f us\n", (now() - start) / files * 1e6);
}

static void read_all(off_t size, int files) {
  int fd = openat(directory, "big", O_RDONLY);
  must(fd >= 0, "big");
  unsigned seed = 3;
  double start = now();
  for (int i = 0; i < PAGES; i++)
    must(pread(fd, buffer, PAGE, (off_t)(rand_r(&seed) % (size / PAGE)) * PAGE) == PAGE, "pread");
  printf("random-first %.3f us\n", (now() - start) / PAGES * 1e6);
  close(fd);
  start = now();
  for (int i = 0; i < files; i++) {
    fd = file("d%d/f%d", i, O_RDONLY);
    must(read(fd, buffer, PAGE) == SMALL, "read");
    close(fd);
  }
  printf("read-small %.3f us\n", (now() - start) / files * 1e6);
}

static void stream(off_t size) {
  int fd = openat(directory, "big", O_RDONLY);
  must(fd >= 0, "big");
  for (int round = 0; round < 3; round++) {
    double start = now();
    off_t total = 0;
    ssize_t n;
    lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, buffer, sizeof buffer)) > 0) total += n;
    must(n == 0 && total == size, "read");
    // The first reading fills the cache with what is read again, so the third one is the cached one.
    if (round != 1) printf("%s %.3f GB/s\n", round ? "again" : "first", size / (now() - start) / 1e9);
  }
  unsigned seed = 5;
  double start = now();
  for (int i = 0; i < PAGES; i++)
    must(pread(fd, buffer, PAGE, (off_t)(rand_r(&seed) % (size / PAGE)) * PAGE) == PAGE, "pread");
  printf("random %.3f us\n", (now() - start) / PAGES * 1e6);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  directory = open(argv[2], O_RDONLY | O_DIRECTORY);
  must(directory >= 0, argv[2]);
  off_t size = atoll(argv[3]) << 20;
  if (!strcmp(argv[1], "write")) write_all(size, atoi(argv[4]));
  else if (!strcmp(argv[1], "read")) read_all(size, atoi(argv[4]));
  else stream(size);
  return 0;
}
