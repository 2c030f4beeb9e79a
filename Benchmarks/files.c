// Storms of file operations in the directory BENCH_DIRECTORY, which must be a tmpfs.
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// At most this many files at a time; longer storms go in rounds whose preparation is not timed.
enum { most = 4096 };
static char names[most][64], others[most][64];

static char directory[40];
static void clean(void) { rmdir(directory); }

static void prepare(void) {
  static int ready;
  if (ready) return;
  const char *base = getenv("BENCH_DIRECTORY");
  CHECK(snprintf(directory, sizeof directory, "%s/bench-%d", base ? base : "/tmp", getpid()) < 30);
  CHECK(mkdir(directory, 0700) == 0);
  atexit(clean);
  for (int i = 0; i < most; i++) {
    snprintf(names[i], sizeof names[i], "%s/file-%d", directory, i);
    snprintf(others[i], sizeof others[i], "%s/other-%d", directory, i);
  }
  ready = 1;
}

static void create(long n) {
  for (long i = 0; i < n; i++) {
    int fd = open(names[i], O_CREAT | O_EXCL | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
  }
}
static void stat_each(long n) {
  struct stat s;
  for (long i = 0; i < n; i++) CHECK(stat(names[i], &s) == 0);
}
static void stat_missing(long n) {
  struct stat s;
  for (long i = 0; i < n; i++) CHECK(stat(others[i], &s) != 0);
}
static void rename_each(long n) {
  for (long i = 0; i < n; i++) CHECK(rename(names[i], others[i]) == 0);
}
static void rename_back(long n) {
  for (long i = 0; i < n; i++) CHECK(rename(others[i], names[i]) == 0);
}
static void unlink_each(long n) {
  for (long i = 0; i < n; i++) CHECK(unlink(names[i]) == 0);
}
static void open_close(long n) {
  for (long i = 0; i < n; i++) {
    int fd = open(names[i], O_RDONLY);
    CHECK(fd >= 0);
    close(fd);
  }
}
static void nothing(long n) { (void)n; }

// The directory is left as it was found: empty.
static uint64_t storm(long count, void (*before)(long), void (*timed)(long), void (*after)(long)) {
  prepare();
  uint64_t total = 0;
  while (count > 0) {
    long n = count < most ? count : most;
    before(n);
    uint64_t start = now_ns();
    timed(n);
    total += now_ns() - start;
    after(n);
    count -= n;
  }
  return total;
}
static void back_and_unlink(long n) {
  rename_back(n);
  unlink_each(n);
}

static uint64_t file_create(long n) { return storm(n, nothing, create, unlink_each); }
static uint64_t file_stat(long n) { return storm(n, create, stat_each, unlink_each); }
static uint64_t file_missing(long n) { return storm(n, nothing, stat_missing, nothing); }
static uint64_t file_rename(long n) { return storm(n, create, rename_each, back_and_unlink); }
static uint64_t file_unlink(long n) { return storm(n, create, unlink_each, nothing); }
static uint64_t file_open_close(long n) { return storm(n, create, open_close, unlink_each); }

// A file of 64 MiB is mapped, read once and unmapped: nanoseconds for each page of it.
static uint64_t mmap_read(long n) {
  enum { megabytes = 64 };
  static char *name;
  prepare();
  static char block[1 << 20];
  if (!name) {
    name = names[0];
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
    CHECK(fd >= 0);
    for (int i = 0; i < megabytes; i++) {
      memset(block, i + 1, sizeof block);
      CHECK(write(fd, block, sizeof block) == sizeof block);
    }
    close(fd);
  }
  long pages = (megabytes << 20) / 4096, done = 0;
  uint64_t total = 0;
  while (done < n) {
    uint64_t sum = 0, start = now_ns();
    int fd = open(name, O_RDONLY);
    const uint64_t *p = mmap(NULL, megabytes << 20, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    close(fd);
    for (long i = 0; i < (megabytes << 20) / 8; i++) sum += p[i];
    CHECK(munmap((void *)p, megabytes << 20) == 0);
    total += now_ns() - start;
    CHECK(sum != 0);
    done += pages;
  }
  // The caller wants the time of n pages.
  return total * (uint64_t)n / (uint64_t)done;
}
static void remove_mapped(void) { unlink(names[0]); }
static uint64_t file_mmap_read(long n) {
  uint64_t took = mmap_read(n);
  static int once;
  if (!once) once = 1, atexit(remove_mapped);
  return took;
}

const figure file_figures[] = {
    {"mmap-read", file_mmap_read},
    {"create", file_create}, {"stat", file_stat},     {"stat-missing", file_missing},
    {"rename", file_rename}, {"unlink", file_unlink}, {"open-close", file_open_close},
    {NULL, NULL},
};
