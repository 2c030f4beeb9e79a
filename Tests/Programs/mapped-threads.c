// Many threads read mappings that nobody has touched yet. A page must appear with its content: who sees it at all
// sees all of it, never zeros that are still to be overwritten.
//
// mapped-threads [ROUNDS [THREADS [BIG]]]: rounds of each kind; the kinds that have failed are printed. BIG is the size
// in MiB of the file that the last part maps as a whole.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define WORDS (PAGE / 8)
#define PIECE (1ul << 20)
// Content of the small file; its mappings are longer, so that nobody takes them for small.
#define SMALL (8ul << 20)
#define LONG (320ul << 20)

static int thread_count = 6;
static pthread_barrier_t barrier;
static volatile uint64_t *base;
static size_t bytes;
static atomic_ulong wrong;
static atomic_int stop;

// Never zero, another for each word.
static uint64_t word(size_t i) { return (i + 1) * 0x9E3779B97F4A7C15ul | 1; }

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int make(const char *path, size_t size) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) die(path);
  unlink(path);
  uint64_t *piece = malloc(PIECE);
  for (size_t at = 0; at < size; at += PIECE) {
    for (size_t i = 0; i < PIECE / 8; i++) piece[i] = word(at / 8 + i);
    if (write(fd, piece, PIECE) != (ssize_t)PIECE) die("write");
  }
  free(piece);
  return fd;
}

// All in the same order, so that all are in the page that is on its way; the last words of it come last.
static void *reader(void *number) {
  unsigned n = (unsigned)(uintptr_t)number;
  pthread_barrier_wait(&barrier);
  unsigned long bad = 0;
  for (size_t page = 0; page < bytes / PAGE; page++) {
    size_t first = page * WORDS, any = first + (page * 7 + n * 61) % WORDS;
    bad += base[first + WORDS - 1] != word(first + WORDS - 1);
    bad += base[any] != word(any);
  }
  atomic_fetch_add(&wrong, bad);
  return NULL;
}

static void together(void *(*body)(void *)) {
  pthread_t threads[64];
  pthread_barrier_init(&barrier, NULL, (unsigned)thread_count);
  for (int i = 0; i < thread_count; i++)
    if (pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)i)) die("pthread_create");
  for (int i = 0; i < thread_count; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&barrier);
}

static void verdict(const char *what) {
  unsigned long n = atomic_exchange(&wrong, 0);
  printf("%s: %s\n", what, n ? "WRONG" : "right");
  if (n) fprintf(stderr, "%s: %lu words were wrong\n", what, n);
}

static void fresh(const char *what, int fd, size_t length, size_t content, int protection, int flags, int rounds) {
  for (int i = 0; i < rounds; i++) {
    void *p = mmap(NULL, length, protection, flags, fd, 0);
    if (p == MAP_FAILED) die("mmap");
    base = p;
    bytes = content;
    together(reader);
    munmap(p, length);
  }
  verdict(what);
}

// A mapping that was read is replaced or moved while others read on: old or new content, never anything else.
static void *rereader(void *number) {
  (void)number;
  unsigned long bad = 0;
  while (!atomic_load(&stop))
    for (size_t page = 0; page < bytes / PAGE; page++) {
      size_t last = page * WORDS + WORDS - 1;
      bad += base[last] != word(last);
    }
  atomic_fetch_add(&wrong, bad);
  return NULL;
}

static void during(const char *what, void (*change)(int), int rounds) {
  pthread_t threads[64];
  atomic_store(&stop, 0);
  for (int i = 0; i < thread_count; i++)
    if (pthread_create(&threads[i], NULL, rereader, NULL)) die("pthread_create");
  for (int i = 0; i < rounds; i++) change(i);
  atomic_store(&stop, 1);
  for (int i = 0; i < thread_count; i++) pthread_join(threads[i], NULL);
  verdict(what);
}

static int file;
static void discard(int round) {
  (void)round;
  if (madvise((void *)base, bytes, MADV_DONTNEED)) die("madvise");
  usleep(2000);
}
static void replace(int round) {
  (void)round;
  if (mmap((void *)base, bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == MAP_FAILED) die("mmap");
  usleep(2000);
}
static void move(int round) {
  (void)round;
  uint64_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) die("mmap");
  for (size_t i = 0; i < bytes / 8; i++) p[i] = word(i);
  if (mremap(p, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)base) == MAP_FAILED) die("mremap");
}

// Two mappings of one object: what one writes the other sees, rising.
#define COUNTERS 64
static volatile uint64_t *writable;
static void *watcher(void *number) {
  (void)number;
  uint64_t seen[COUNTERS] = {0};
  unsigned long bad = 0;
  pthread_barrier_wait(&barrier);
  while (!atomic_load(&stop))
    for (int i = 0; i < COUNTERS; i++) {
      uint64_t now = base[i * WORDS + WORDS - 1];
      bad += now == 0 || now < seen[i];
      seen[i] = now;
    }
  atomic_fetch_add(&wrong, bad);
  return NULL;
}
static void *writer(void *number) {
  if (number) return watcher(number);
  pthread_barrier_wait(&barrier);
  for (uint64_t round = 2; round < 400; round++)
    for (int i = 0; i < COUNTERS; i++) writable[i * WORDS + WORDS - 1] = round;
  atomic_store(&stop, 1);
  return NULL;
}
static void shared(const char *what, int fd) {
  void *a = mmap(NULL, LONG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  void *b = mmap(NULL, LONG, PROT_READ, MAP_SHARED, fd, 0);
  if (a == MAP_FAILED || b == MAP_FAILED) die("mmap");
  writable = a;
  base = b;
  for (int i = 0; i < COUNTERS; i++) writable[i * WORDS + WORDS - 1] = 1;
  atomic_store(&stop, 0);
  together(writer);
  verdict(what);
  munmap(a, LONG);
  munmap(b, LONG);
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 8;
  if (argc > 2) thread_count = atoi(argv[2]);
  size_t big = (argc > 3 ? (size_t)atol(argv[3]) : 272) << 20;
  if (thread_count < 2 || thread_count > 64 || rounds < 1) return 2;

  file = make("/tmp/mapped-threads.small", SMALL);
  fresh("private", file, LONG, SMALL, PROT_READ, MAP_PRIVATE, rounds);
  fresh("private, writable", file, LONG, SMALL, PROT_READ | PROT_WRITE, MAP_PRIVATE, rounds);
  fresh("shared", file, LONG, SMALL, PROT_READ, MAP_SHARED, rounds);
  fresh("shared, writable", file, LONG, SMALL, PROT_READ | PROT_WRITE, MAP_SHARED, rounds);

  bytes = 1ul << 20;
  base = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  if (base == MAP_FAILED) die("mmap");
  during("discarded", discard, rounds * 4);
  during("replaced", replace, rounds * 4);
  during("moved", move, rounds * 4);
  munmap((void *)base, bytes);

  int counters = memfd_create("counters", 0);
  if (counters < 0 || ftruncate(counters, COUNTERS * PAGE)) die("memfd");
  shared("two mappings of a memfd", counters);
  if (ftruncate(file, COUNTERS * PAGE)) die("ftruncate");
  shared("two mappings of a file", file);
  close(file);

  int fd = make("/tmp/mapped-threads.big", big);
  fresh("big", fd, big, big, PROT_READ, MAP_PRIVATE, 1);
  return 0;
}
