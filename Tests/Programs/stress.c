/* stress SEED SECONDS [OPERATIONS]: threads that use memory, files, pipes, signals and more threads at
 * random, each checking its own answers. Prints one line when all were right; a wrong answer names itself
 * and aborts. OPERATIONS are digits, indices of the table in work(): only those are drawn.
 *
 * The threads share nothing that would make an answer depend on their order, so a failure is the
 * system's; the seed says which operations were drawn, not how they were interleaved. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8 };
static atomic_long signals;
static double until;
static const char *chosen = "001234567";
static size_t chosen_count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long guarded, guarded_again;

struct self {
  uint64_t random;
  unsigned long steps;
  int number;
};

#define CHECK(what)                                                                     \
  do {                                                                                  \
    if (!(what)) {                                                                      \
      fprintf(stderr, "stress: line %d: %s (errno %d)\n", __LINE__, #what, errno);      \
      abort();                                                                          \
    }                                                                                   \
  } while (0)

static uint64_t draw(struct self *s) { /* xorshift64 */
  s->random ^= s->random << 13;
  s->random ^= s->random >> 7;
  return s->random ^= s->random << 17;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

/* Fills with what only this offset and key can hold. */
static void fill(uint64_t *words, size_t count, uint64_t key) {
  for (size_t i = 0; i < count; i++) words[i] = key + i * 0x9e3779b97f4a7c15u;
}

static int holds(const uint64_t *words, size_t count, uint64_t key) {
  for (size_t i = 0; i < count; i++)
    if (words[i] != key + i * 0x9e3779b97f4a7c15u) return 0;
  return 1;
}

/* mmap, mprotect, mremap, munmap and MADV_DONTNEED on a few pages. */
static void memory(struct self *s) {
  size_t pages = 1 + draw(s) % 40, size = pages * 4096, count = size / 8;
  uint64_t key = draw(s), *m;
  m = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(m != MAP_FAILED);
  CHECK(m[0] == 0 && m[count - 1] == 0 && m[draw(s) % count] == 0);
  fill(m, count, key);
  CHECK(mprotect(m, size, PROT_READ) == 0);
  CHECK(holds(m, count, key));
  CHECK(mprotect(m, size, PROT_READ | PROT_WRITE) == 0);
  if (draw(s) % 2) {
    uint64_t *larger = mremap(m, size, size * 3, MREMAP_MAYMOVE);
    CHECK(larger != MAP_FAILED);
    m = larger;
    CHECK(holds(m, count, key) && m[count * 3 - 1] == 0);
    CHECK(munmap((char *)m + size, size * 2) == 0);
  }
  if (draw(s) % 2) {
    size_t page = draw(s) % pages;
    CHECK(madvise((char *)m + page * 4096, 4096, MADV_DONTNEED) == 0);
    CHECK(m[page * 512] == 0 && m[page * 512 + 511] == 0);
  } else {
    CHECK(holds(m, count, key));
  }
  CHECK(munmap(m, size) == 0);
}

/* A file of its own in /tmp: write, read elsewhere, truncate, map, rename, unlink. */
static void file(struct self *s) {
  char name[64], other[64];
  uint64_t words[2048], again[2048], key = draw(s);
  size_t count = 1 + draw(s) % 2048, offset = draw(s) % 100000;
  snprintf(name, sizeof name, "/tmp/stress-%d-%d-a", (int)getpid(), s->number);
  snprintf(other, sizeof other, "/tmp/stress-%d-%d-b", (int)getpid(), s->number);
  int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0);
  fill(words, count, key);
  CHECK(pwrite(fd, words, count * 8, offset) == (ssize_t)(count * 8));
  CHECK(rename(name, other) == 0);
  CHECK(access(name, F_OK) == -1 && errno == ENOENT);
  CHECK(pread(fd, again, count * 8, offset) == (ssize_t)(count * 8));
  CHECK(memcmp(words, again, count * 8) == 0);
  struct stat st;
  CHECK(stat(other, &st) == 0 && st.st_size == (off_t)(offset + count * 8));
  char *m = mmap(0, offset + count * 8, PROT_READ, MAP_PRIVATE, fd, 0);
  CHECK(m != MAP_FAILED);
  CHECK(memcmp(m + offset, words, count * 8) == 0);
  CHECK(offset == 0 || m[offset - 1] == 0);
  CHECK(munmap(m, offset + count * 8) == 0);
  CHECK(ftruncate(fd, offset) == 0);
  CHECK(pread(fd, again, 8, offset) == 0);
  CHECK(unlink(other) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0);
  CHECK(close(fd) == 0);
}

static void *write_all(void *argument) {
  int fd = *(int *)argument;
  uint64_t words[4096];
  fill(words, 4096, 7);
  for (size_t done = 0; done < sizeof words;) {
    ssize_t n = write(fd, (char *)words + done, sizeof words - done);
    if (n < 0 && errno == EINTR) continue;
    CHECK(n > 0);
    done += n;
  }
  close(fd);
  return argument;
}

/* A new thread writes 32 KiB into a pipe; this one reads them in pieces of any size. */
static void threads_and_pipe(struct self *s) {
  int fds[2];
  pthread_t thread;
  char got[4096 * 8 + 1];
  size_t have = 0;
  void *result;
  CHECK(pipe2(fds, O_CLOEXEC) == 0);
  int error = pthread_create(&thread, 0, write_all, &fds[1]);
  CHECK(error == 0);
  for (;;) {
    ssize_t n = read(fds[0], got + have, 1 + draw(s) % (sizeof got - have));
    if (n < 0 && errno == EINTR) continue;
    CHECK(n >= 0);
    if (n == 0) break;
    have += n;
    CHECK(have <= 4096 * 8);
  }
  CHECK(have == 4096 * 8 && holds((uint64_t *)got, 4096, 7));
  CHECK(pthread_join(thread, &result) == 0 && result == &fds[1]);
  CHECK(close(fds[0]) == 0);
}

static void handler(int number) {
  (void)number;
  atomic_fetch_add(&signals, 1);
}

static void signal_self(struct self *s) {
  long before = atomic_load(&signals);
  CHECK(pthread_kill(pthread_self(), draw(s) % 2 ? SIGUSR1 : SIGUSR2) == 0);
  CHECK(atomic_load(&signals) > before);
}

static void locked(struct self *s) {
  for (unsigned i = draw(s) % 200; i > 0; i--) {
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(guarded == guarded_again);
    guarded++;
    if (i % 16 == 0) sched_yield();
    guarded_again++;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
  }
}

/* Vector code across system calls and interrupts: the answer is known. */
static void compute(struct self *s) {
  double a[64], sum = 0;
  for (int i = 0; i < 64; i++) a[i] = i;
  for (int round = 0; round < 200; round++) {
    for (int i = 0; i < 64; i++) a[i] = a[i] * 0.5 + i * 0.5;
    if (draw(s) % 64 == 0) getppid();
  }
  for (int i = 0; i < 64; i++) sum += a[i];
  CHECK(sum == 2016);
}

static void nap(struct self *s) {
  double start = now();
  struct timespec t = {0, (long)(draw(s) % 2000000)};
  while (nanosleep(&t, &t) && errno == EINTR) {}
  CHECK(now() >= start);
}

static void *work(void *argument) {
  struct self *s = argument;
  void (*const operations[])(struct self *) = {
      memory, file, threads_and_pipe, signal_self, locked, compute, nap, nap};
  while (now() < until) {
    operations[chosen[draw(s) % chosen_count] & 7](s);
    s->steps++;
  }
  return 0;
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], 0, 10) : 1;
  until = now() + (argc > 2 ? atof(argv[2]) : 1);
  if (argc > 3) chosen = argv[3];
  chosen_count = strlen(chosen);
  struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &a, 0), sigaction(SIGUSR2, &a, 0);
  pthread_t threads[THREADS];
  struct self selves[THREADS];
  unsigned long steps = 0;
  for (int i = 0; i < THREADS; i++) {
    selves[i] = (struct self){(seed * THREADS + i + 1) * 0x9e3779b97f4a7c15u, 0, i};
    CHECK(pthread_create(&threads[i], 0, work, &selves[i]) == 0);
  }
  /* Other threads' signals interrupt whatever they are doing. */
  struct self mine = {seed | 1, 0, THREADS};
  while (now() < until) {
    usleep(500 + draw(&mine) % 1000);
    if (now() + 0.05 < until) pthread_kill(threads[draw(&mine) % THREADS], SIGUSR1);
  }
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], 0) == 0);
    steps += selves[i].steps;
  }
  CHECK(guarded == guarded_again);
  if (argc > 3) printf("operations %s: %lu steps, %ld signals\n", chosen, steps, atomic_load(&signals));
  puts("stress: all right");
  return 0;
}
