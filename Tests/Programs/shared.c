/* MAP_SHARED (mmap(2)): every mapping of a file, read(2), write(2), ftruncate(2) see the same bytes at once. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(what) ((what) ? (void)0 : (printf("line %d: %s (errno %d)\n", __LINE__, #what, errno), exit(1)))
enum { P = 4096 };
static sigjmp_buf back;
static volatile int code, number;
static void *volatile where;

static void caught(int n, siginfo_t *info, void *context) {
  (void)context;
  number = n, code = info->si_code, where = info->si_addr;
  siglongjmp(back, 1);
}

static const char *touch(volatile char *p, int write) {
  static char text[100];
  if (sigsetjmp(back, 1) == 0) {
    if (write) *p = 1; else (void)*p;
    return "fine";
  }
  snprintf(text, sizeof text, "signal %d code %d address %s", number, code, where == (void *)p ? "right" : "wrong");
  return text;
}

static void *map(int fd, size_t n, int prot, off_t offset) {
  void *p = mmap(0, n, prot, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, offset);
  CHECK(p != MAP_FAILED);
  return p;
}

/* Two views of one page, a thread on each: a ticket lock kept in the page makes them take turns. */
struct turns { atomic_int turn; int count; };
static void *play(void *argument) {
  struct turns *t = argument;
  int me = (uintptr_t)t >> 12 & 1 ? 0 : 1;
  (void)me;
  for (int i = 0; i < 300; i++) {
    int expected;
    do expected = 0; while (!atomic_compare_exchange_strong(&t->turn, &expected, 1));
    t->count++;
    atomic_store(&t->turn, 0);
  }
  return 0;
}

static void *sleeper(void *argument) {
  atomic_uint *word = argument;
  while (atomic_load(word) == 0) syscall(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
  return 0;
}

static int writer_fd;
static void *append(void *argument) {
  for (int i = 0; i < 200; i++) {
    uint32_t v = i;
    CHECK(pwrite(writer_fd, &v, 4, (uintptr_t)argument) == 4);
  }
  return 0;
}

int main(void) {
  setvbuf(stdout, 0, _IOLBF, 0);
  struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &action, 0), sigaction(SIGBUS, &action, 0);
  int fd = memfd_create("pages", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CHECK(ftruncate(fd, 40 * P) == 0);
  char *a = map(fd, 40 * P, PROT_READ | PROT_WRITE, 0), *b = map(fd, 10 * P, PROT_READ | PROT_WRITE, 5 * P);
  for (int i = 0; i < 40; i++) a[i * P + i] = i + 1;
  for (int i = 0; i < 10; i++) CHECK(b[i * P + i + 5] == i + 6);
  for (int i = 0; i < 10; i++) b[i * P] = 100 + i, CHECK(a[(i + 5) * P] == 100 + i), a[(i + 5) * P] = i, CHECK(b[i * P] == i);
  char buffer[2 * P];
  a[P - 1] = 'x', a[P] = 'y';
  CHECK(pread(fd, buffer, 2, P - 1) == 2 && buffer[0] == 'x' && buffer[1] == 'y');
  CHECK(pwrite(fd, "zw", 2, 6 * P - 1) == 2 && a[6 * P - 1] == 'z' && b[P] == 'w');
  puts("two views agree");

  CHECK(pwrite(fd, a + 5 * P, 3 * P, 6 * P) == 3 * P);
  CHECK(pread(fd, b, P, 20 * P) == P && a[5 * P + 20] == a[20 * P + 20]);
  puts("a view as the buffer of its own file");

  CHECK(ftruncate(fd, 7 * P + 100) == 0);
  printf("beyond the end: %s\n", touch(a + 8 * P, 0));
  printf("beyond the end, write: %s\n", touch(b + 9 * P, 1));
  printf("in the last page: %s %d\n", touch(a + 7 * P + 200, 1), a[7 * P + 200]);
  CHECK(ftruncate(fd, 40 * P) == 0);
  printf("grown again: %s %d\n", touch(a + 30 * P, 0), a[30 * P + 30]);
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5 * P, P) == 0 && b[0] == 0 && b[5] == 0);
  puts("a hole is zeros");

  CHECK(mprotect(b, P, PROT_READ) == 0);
  printf("write to a read-only page: %s\n", touch(b, 1));
  a[5 * P] = 55;
  CHECK(b[0] == 55 && mprotect(b, P, PROT_NONE) == 0);
  printf("read of a closed page: %s\n", touch(b, 0));
  CHECK(a[5 * P] == 55 && mprotect(b, P, PROT_READ | PROT_WRITE) == 0 && b[0] == 55);
  char *c = mremap(b, 10 * P, 20 * P, MREMAP_MAYMOVE);
  CHECK(c != MAP_FAILED && c[0] == 55 && (c[15 * P] = 9) && a[20 * P] == 9);
  char *d = mmap(a + 39 * P, P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
  CHECK(d == a + 39 * P && d[0] == a[0] && (d[77] = 7) && a[77] == 7);
  char *e = mremap(a, 0, 2 * P, MREMAP_MAYMOVE);
  CHECK(e != MAP_FAILED && e != a && e[77] == 7 && (e[78] = 8) && a[78] == 8 && d[78] == 8);
  puts("moved, doubled and laid over itself");
  CHECK(munmap(c, 20 * P) == 0 && a[20 * P] == 9 && msync(a, 39 * P, MS_SYNC) == 0);
  CHECK(madvise(a, 30 * P, MADV_DONTNEED) == 0 && a[20 * P] == 9 && a[77] == 7);
  unsigned char residency[40];
  CHECK(mincore(a, 39 * P, residency) == 0);
  printf("resident: %d\n", residency[0] & 1);

  /* The last mapping and the last descriptor go separately. */
  int other = dup(fd);
  close(fd);
  CHECK(munmap(a, 39 * P) == 0 && pread(other, buffer, 1, 20 * P) == 1 && buffer[0] == 9);
  close(other);
  CHECK(d[77] == 7 && e[78] == 8);
  puts("content outlives mappings and descriptors");

  char path[] = "/tmp/cloister-shared-XXXXXX";
  fd = mkstemp(path);
  CHECK(fd >= 0 && write(fd, "0123456789", 10) == 10);
  char *f = map(fd, P, PROT_READ | PROT_WRITE, 0);
  int ro = open(path, O_RDONLY);
  char *g = map(ro, P, PROT_READ, 0);
  CHECK(mmap(0, P, PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED && errno == EACCES);
  CHECK(mprotect(g, P, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
  f[3] = 'X';
  CHECK(g[3] == 'X' && pread(ro, buffer, 100, 0) == 10 && buffer[3] == 'X');
  struct stat before, after;
  fstat(fd, &before);
  printf("size %ld blocks %ld\n", (long)before.st_size, (long)before.st_blocks);
  usleep(20000);
  munmap(f, P), f = map(fd, P, PROT_READ | PROT_WRITE, 0);
  f[4] = 'Z';
  fstat(fd, &after);
  printf("a store changes the time of modification: %d\n",
         after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec);
  CHECK(write(fd, "ABC", 3) == 3 && memcmp(g, "012XZ56789ABC", 13) == 0);
  unlink(path);

  struct turns *one = map(-1, P, PROT_READ | PROT_WRITE, 0), *two = mremap(one, 0, P, MREMAP_MAYMOVE);
  CHECK(two != MAP_FAILED && two != one);
  pthread_t t[4];
  for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, play, i % 2 ? one : two);
  for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
  printf("counted at two addresses: %d\n", one->count);
  atomic_uint *w1 = (atomic_uint *)((char *)one + 512), *w2 = (atomic_uint *)((char *)two + 512);
  pthread_create(&t[0], 0, sleeper, w1);
  usleep(10000);
  atomic_store(w2, 1);
  syscall(SYS_futex, w2, FUTEX_WAKE, 1, 0, 0, 0);
  pthread_join(t[0], 0);
  puts("a futex is one at two addresses");
  char *huge = mmap(0, 1ul << 36, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(huge != MAP_FAILED && (huge[1ul << 35] = 3) && huge[(1ul << 35) + 5 * P] == 0 && munmap(huge, 1ul << 36) == 0);

  writer_fd = memfd_create("race", 0);
  CHECK(ftruncate(writer_fd, 64 * P) == 0);
  volatile uint32_t *v1 = map(writer_fd, 64 * P, PROT_READ | PROT_WRITE, 0), *v2 = map(writer_fd, 64 * P, PROT_READ | PROT_WRITE, 0);
  for (uintptr_t i = 0; i < 4; i++) pthread_create(&t[i], 0, append, (void *)(i * 8));
  for (uint32_t i = 0; i < 500; i++) {
    v1[1] = i, v2[3] = i;
    CHECK(v2[1] == i && v1[3] == i);
  }
  for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
  for (int i = 0; i < 4; i++) CHECK(v1[i * 2] == 199 && v2[i * 2] == 199);
  CHECK(v1[1] == 499 && v2[3] == 499);
  puts("writes and stores side by side");
  CHECK(fcntl(writer_fd, F_ADD_SEALS, F_SEAL_WRITE) == -1);
  printf("seals while mapped: errno %d\n", errno);
  return 0;
}
