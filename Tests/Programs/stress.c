/* stress SEED SECONDS [OPERATIONS]: threads that use memory, files, pipes, signals and more threads at
 * random, each checking its own answers. Prints one line when all were right; a wrong answer names itself
 * and aborts. OPERATIONS are hexadecimal digits, indices of the table in work(): only those are drawn.
 *
 * The threads share nothing that would make an answer depend on their order, so a failure is the
 * system's; the seed says which operations were drawn, not how they were interleaved. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8 };
static atomic_long signals;
static double until;
static const char *chosen = "001234567889ab";
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

/* A file in memory at two addresses: what goes in at one place comes out at the others. */
static void shared(struct self *s) {
  size_t pages = 1 + draw(s) % 20, size = pages * 4096;
  int fd = memfd_create("stress", MFD_CLOEXEC);
  CHECK(fd >= 0 && ftruncate(fd, size) == 0);
  volatile uint64_t *one = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  volatile uint64_t *two = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(one != MAP_FAILED && two != MAP_FAILED);
  for (int i = 0; i < 12; i++) {
    size_t at = draw(s) % (size / 8);
    uint64_t v = draw(s), w = 0;
    switch (draw(s) % 4) {
    case 0: one[at] = v; break;
    case 1: two[at] = v; break;
    case 2: CHECK(pwrite(fd, &v, 8, at * 8) == 8); break;
    case 3:
      one[at] = v;
      CHECK(mprotect((void *)((uintptr_t)(one + at) & ~4095ul), 4096, PROT_READ) == 0);
      CHECK(mprotect((void *)((uintptr_t)(one + at) & ~4095ul), 4096, PROT_READ | PROT_WRITE) == 0);
    }
    CHECK(one[at] == v && two[at] == v && pread(fd, &w, 8, at * 8) == 8 && w == v);
  }
  one[0] = 7;
  CHECK(munmap((void *)one, size) == 0 && two[0] == 7);
  close(fd);
  CHECK(two[0] == 7 && munmap((void *)two, size) == 0);
}

/* A timer that ends in a signal for this thread, a timerfd that epoll waits for, and a sleep. */
static void timers(struct self *s) {
  sigset_t set, old;
  int number = SIGRTMIN + 1 + s->number % 8;
  sigemptyset(&set), sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, &old);
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
  event.sigev_value.sival_int = s->number;
  event._sigev_un._tid = (int)syscall(SYS_gettid);
  timer_t timer;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec soon = {.it_value.tv_nsec = 1 + draw(s) % 2000000};
  double start = now();
  CHECK(timer_settime(timer, 0, &soon, 0) == 0);
  siginfo_t info;
  struct timespec limit = {60, 0};
  int got;
  do got = sigtimedwait(&set, &info, &limit); while (got == -1 && errno == EINTR);
  CHECK(got == number && info.si_code == SI_TIMER && info.si_value.sival_int == s->number);
  CHECK(now() - start >= soon.it_value.tv_nsec / 1e9 && timer_delete(timer) == 0);
  pthread_sigmask(SIG_SETMASK, &old, 0);
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), ep = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN | (draw(s) % 2 ? EPOLLET : 0), .data.u64 = draw(s)}, out;
  CHECK(fd >= 0 && ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
  CHECK(timerfd_settime(fd, 0, &soon, 0) == 0);
  do got = epoll_wait(ep, &out, 1, 60000); while (got == -1 && errno == EINTR);
  uint64_t count = 0;
  CHECK(got == 1 && out.data.u64 == e.data.u64 && read(fd, &count, 8) == 8 && count == 1);
  CHECK(read(fd, &count, 8) == -1 && errno == EAGAIN);
  close(fd), close(ep);
}

static void *raise_event(void *argument) {
  uint64_t v = 3;
  usleep(100);
  CHECK(write((int)(uintptr_t)argument, &v, 8) == 8);
  return 0;
}

/* Another thread makes a descriptor ready. */
static void event(struct self *s) {
  int fd = eventfd(0, EFD_CLOEXEC | (draw(s) % 2 ? EFD_SEMAPHORE : 0)), got;
  struct pollfd p = {.fd = fd, .events = POLLIN};
  pthread_t t;
  /* A signal interrupts even a poll that does not wait. */
  do got = poll(&p, 1, 0); while (got == -1 && errno == EINTR);
  CHECK(got == 0 && pthread_create(&t, 0, raise_event, (void *)(uintptr_t)fd) == 0);
  do got = poll(&p, 1, 60000); while (got == -1 && errno == EINTR);
  uint64_t v = 0;
  CHECK(got == 1 && p.revents == POLLIN && read(fd, &v, 8) == 8 && (v == 3 || v == 1));
  CHECK(pthread_join(t, 0) == 0);
  close(fd);
}

static __thread sigjmp_buf back;
static __thread void *volatile where;
static void fault(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  where = info->si_addr;
  siglongjmp(back, 1);
}

/* A page that may not be touched, while other threads change theirs. */
static void guard(struct self *s) {
  char *m = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(m != MAP_FAILED && mprotect(m + 4096, 4096, PROT_NONE) == 0);
  char *volatile at = m + 4096 + draw(s) % 4096;
  m[4095] = m[8192] = 1;
  where = 0;
  if (sigsetjmp(back, 1) == 0) {
    *(volatile char *)at = 1;
    CHECK(!"a guard page can be written");
  }
  CHECK(where == at && munmap(m, 3 * 4096) == 0);
}

static void *work(void *argument) {
  struct self *s = argument;
  void (*const operations[])(struct self *) = {
      memory, file, threads_and_pipe, signal_self, locked, compute, nap, nap,
      shared, timers, event, guard};
  while (now() < until) {
    int digit = chosen[draw(s) % chosen_count];
    operations[(digit <= '9' ? digit - '0' : digit - 'a' + 10) % 12](s);
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
  struct sigaction f = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &f, 0);
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
