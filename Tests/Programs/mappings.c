// mmap(2) and its family: every combination of flags, the order of errors, edges of ranges.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "show.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MFD_EXEC
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC 16u
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#endif
enum { page = 4096 };
#define SHOW(text, call)                                                                          \
  do {                                                                                            \
    errno = 0;                                                                                    \
    long r_ = (long)(call);                                                                       \
    if (r_ == -1) printf("%s: %s\n", text, name(errno));                                          \
    else printf("%s: %s\n", text, r_ ? "ok" : "0");                                               \
  } while (0)

static sigjmp_buf back;
static volatile int code, number;
static void caught(int s, siginfo_t *i, void *c) {
  (void)c;
  number = s;
  code = i->si_code;
  siglongjmp(back, 1);
}
static const char *touch(volatile char *p, int write) {
  static char text[64];
  if (sigsetjmp(back, 1)) {
    snprintf(text, sizeof text, "signal %d code %d", number, code);
    return text;
  }
  if (write) *p = *p + 1;
  else (void)*p;
  return "fine";
}

static void flags_of_mmap(int fd, int ro, int wo, int dir, int pipe_end) {
  static const int types[] = {0, MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, 4, MAP_DROPPABLE, 15};
  static const int more[] = {0, MAP_ANONYMOUS, MAP_GROWSDOWN, MAP_ANONYMOUS | MAP_GROWSDOWN, MAP_NORESERVE,
                             MAP_LOCKED, MAP_POPULATE, MAP_NONBLOCK, MAP_STACK, MAP_HUGETLB, MAP_SYNC,
                             MAP_ANONYMOUS | MAP_SYNC, 0x200000, 0x4000000, MAP_ANONYMOUS | 0x200000, MAP_DENYWRITE,
                             MAP_EXECUTABLE, MAP_32BIT};
  int fds[] = {fd, ro, wo, dir, pipe_end, -1, 9999};
  static const char *fdname[] = {"rw", "ro", "wo", "dir", "pipe", "-1", "bad"};
  for (unsigned t = 0; t < sizeof types / sizeof *types; t++)
    for (unsigned m = 0; m < sizeof more / sizeof *more; m++) {
      if (more[m] == MAP_HUGETLB) continue;
      for (unsigned f = 0; f < sizeof fds / sizeof *fds; f++)
        for (int prot = 0; prot < 8; prot += f < 3 ? 1 : 3) {
          char text[100];
          if (types[t] && more[m] & MAP_SYNC && f < 5) continue;  // a matter of the file system
          if (f == 4 && prot & PROT_EXEC) continue;           // newer kernels: EPERM
          if (types[t] == MAP_DROPPABLE) continue;  // newer than some kernels
          snprintf(text, sizeof text, "type %x flags %x fd %s prot %d", types[t], more[m], fdname[f], prot);
          void *p = mmap(NULL, page, prot, types[t] | more[m], fds[f], 0);
          if (p == MAP_FAILED) printf("%s: %s\n", text, name(errno));
          else munmap(p, page);
        }
    }
}

static void order_of_errors(int fd, int wo) {
  SHOW("length 0, bad descriptor", mmap(NULL, 0, PROT_READ, MAP_PRIVATE, 9999, 0));
  SHOW("length 0, no type, bad descriptor", mmap(NULL, 0, PROT_READ, 0, 9999, 0));
  SHOW("length 0, good", mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0));
  SHOW("odd offset, bad descriptor", mmap(NULL, page, PROT_READ, MAP_PRIVATE, 9999, 1));
  SHOW("odd offset, anonymous", mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1));
  SHOW("huge length, bad descriptor", mmap(NULL, -page, PROT_READ, MAP_PRIVATE, 9999, 0));
  SHOW("huge length", mmap(NULL, -page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  SHOW("largest length", mmap(NULL, -1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  SHOW("2^47", mmap(NULL, 1ul << 47, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  SHOW("offset + length wraps", mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE, fd, (off_t)(-(unsigned long)page)));
  SHOW("largest offset", mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, (off_t)0x7FFFFFFFFFFFF000));
  SHOW("largest offset, two pages", mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE, fd, (off_t)0x7FFFFFFFFFFFF000));
  SHOW("offset, anonymous", mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, page * 5));
  SHOW("anonymous with a bad descriptor", mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 9999, 0));
  SHOW("write only descriptor, no type", mmap(NULL, page, PROT_READ, 0, wo, 0));
  SHOW("unknown prot bits", mmap(NULL, page, 0x100 | PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  SHOW("fixed, odd address", mmap((void *)12345, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  SHOW("fixed, odd address, bad descriptor", mmap((void *)12345, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, 9999, 0));
  SHOW("fixed, kernel's address",
       mmap((void *)0xFFFF800000000000ul, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  SHOW("fixed, to the end of everything",
       mmap((void *)0x7FFFFFFFF000ul, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  SHOW("noreplace, odd address",
       mmap((void *)12345, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
  char *p = mmap(NULL, 3 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SHOW("noreplace over something",
       mmap(p + page, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
  SHOW("noreplace over something, by its edge",
       mmap(p + 2 * page, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
  munmap(p + page, page);
  SHOW("noreplace into a hole",
       mmap(p + page, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == p + page);
  SHOW("noreplace and fixed",
       mmap(p + page, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_FIXED, -1, 0));
  // A hint that is taken is no error, only not followed.
  SHOW("hint over something", mmap(p, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != p);
  SHOW("odd hint", ((uintptr_t)mmap(p + 1, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) & 4095) == 0);
  munmap(p, 3 * page);
}

static void unmapping(void) {
  char *p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  VALUE("munmap odd address", munmap(p + 1, page));
  VALUE("munmap length 0", munmap(p, 0));
  VALUE("munmap odd address, length 0", munmap(p + 1, 0));
  VALUE("munmap wraps", munmap(p, -page));
  VALUE("munmap too long", munmap(p, 1ul << 47));
  VALUE("munmap of nothing", munmap((void *)0x10000, page));
  VALUE("munmap odd length", munmap(p + 3 * page, 1));
  printf("after it %s\n", touch(p + 3 * page, 0));
  VALUE("mprotect odd", mprotect(p + 1, page, PROT_READ));
  VALUE("mprotect 0 bytes odd", mprotect(p + 1, 0, PROT_READ));
  VALUE("mprotect 0 bytes of nothing", mprotect((void *)0x10000, 0, PROT_READ));
  VALUE("mprotect of nothing", mprotect((void *)0x10000, page, PROT_READ));
  VALUE("mprotect wraps", mprotect(p, -page, PROT_READ));
  VALUE("mprotect unknown", mprotect(p, page, 0x40));
  VALUE("mprotect growsdown of what does not", mprotect(p, page, PROT_READ | PROT_GROWSDOWN));
  VALUE("mprotect growsup", mprotect(p, page, PROT_READ | PROT_GROWSUP));
  VALUE("mprotect both", mprotect(p, page, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN));
  VALUE("mprotect PROT_SEM", mprotect(p, page, PROT_READ | 8));
  VALUE("mprotect into a hole", mprotect(p, 4 * page, PROT_READ));
  printf("what lies before it changed: %s\n", touch(p, 1));
  VALUE("pkey_mprotect -1", syscall(SYS_pkey_mprotect, p, page, PROT_READ | PROT_WRITE, -1));
  VALUE("pkey_mprotect -2", syscall(SYS_pkey_mprotect, p, page, PROT_READ | PROT_WRITE, -2));
  munmap(p, 3 * page);
}

static void remapping(int fd) {
  char *p = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 8; i++) p[i * page] = 'a' + i;
  SHOW("mremap odd", mremap(p + 1, page, 2 * page, MREMAP_MAYMOVE));
  SHOW("mremap to 0", mremap(p, page, 0, MREMAP_MAYMOVE));
  SHOW("mremap unknown flag", mremap(p, page, page, 8));
  SHOW("mremap fixed alone", mremap(p, page, page, MREMAP_FIXED, p + 4 * page));
  SHOW("mremap dontunmap alone", mremap(p, page, page, MREMAP_DONTUNMAP));
  SHOW("mremap dontunmap, other size", mremap(p, page, 2 * page, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
  SHOW("mremap fixed onto itself", mremap(p, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, p));
  SHOW("mremap fixed overlapping", mremap(p, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, p + page));
  SHOW("mremap fixed odd", mremap(p, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, p + 5));
  SHOW("mremap fixed to the kernel", mremap(p, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)-page));
  SHOW("mremap of nothing", mremap((void *)0x10000, page, page, MREMAP_MAYMOVE));
  SHOW("mremap of nothing, shrinking", mremap((void *)0x10000, 2 * page, page, 0));
  SHOW("mremap huge", mremap(p, page, 1ul << 47, MREMAP_MAYMOVE));
  SHOW("mremap wraps", mremap(p, page, -page, MREMAP_MAYMOVE));
  SHOW("mremap old wraps", mremap(p, -page, page, MREMAP_MAYMOVE));
  SHOW("mremap 0 of private", mremap(p, 0, page, MREMAP_MAYMOVE));
  mmap(p + 8 * page, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  SHOW("mremap grow in place, no room", mremap(p + 7 * page, page, 2 * page, 0));
  SHOW("mremap grow beyond the mapping", mremap(p + 7 * page, 2 * page, 3 * page, MREMAP_MAYMOVE));
  SHOW("mremap shrink", mremap(p, 8 * page, 7 * page, 0) == p);
  printf("the rest is gone: %s\n", touch(p + 7 * page, 0));
  SHOW("mremap same size", mremap(p, 7 * page, 7 * page, 0) == p);
  mprotect(p + 3 * page, page, PROT_READ);
  SHOW("mremap across mappings, same size", mremap(p, 7 * page, 7 * page, 0) == p);
  SHOW("mremap across mappings, shrink", mremap(p, 7 * page, 6 * page, 0) == p);
  SHOW("mremap across mappings, grow", mremap(p, 6 * page, 9 * page, MREMAP_MAYMOVE));
  char *q = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *r = mremap(p, page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, q);
  printf("moved %d %c %s\n", r == q, *q, touch(p, 0));
  printf("second page %d, behind it %s\n", q[page], touch(q + 2 * page, 0));
  r = mremap(q, page, page, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, q + 2 * page);
  printf("dontunmap %d: new %c old %d\n", r == q + 2 * page, r[0], q[0]);
  char *none = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *none = 7;
  mprotect(none, page, PROT_NONE);
  none = mremap(none, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, q + 3 * page);
  printf("PROT_NONE moves: %s", touch(none, 0));
  mprotect(none, page, PROT_READ);
  printf(" %d\n", *none);
  char *s = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  s[5] = 'S';
  SHOW("mremap dontunmap of shared", mremap(s, page, page, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
  char *again = mremap(s, 0, 2 * page, MREMAP_MAYMOVE);
  printf("a second view %d %c\n", again != MAP_FAILED, again == MAP_FAILED ? '-' : again[5]);
  SHOW("a second view, not movable", mremap(s, 0, page, 0));
  munmap(q, 4 * page);
}

static void growing(void) {
  char *area = mmap(NULL, 2048 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  munmap(area, 2048 * page);
  char *top = area + 2000 * page;
  char *p = mmap(top, page, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
  printf("grows: %d %s\n", p == top, touch(top - page, 1));
  printf("and by many pages: %s\n", touch(top - 300 * page, 1));
  mmap(top - 900 * page, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  printf("gap of 300: %s\n", touch(top - 599 * page, 1));
  printf("gap of 256: %s\n", touch(top - 643 * page, 1));
  printf("gap of 200: %s\n", touch(top - 700 * page, 1));
  printf("next to it: %s\n", touch(top - 899 * page, 1));
  munmap(area, 2048 * page);
}

static void advice(int fd) {
  char *p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *f = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  char *s = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *sa = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *n = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *ro = mmap(NULL, 4 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *hole = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(hole + page, page);
  for (int a = -1; a <= 26; a++) {
    if (a == MADV_MERGEABLE || a == MADV_UNMERGEABLE || a == 6 || a == 7) continue;  // a matter of configuration
    if (a == MADV_HUGEPAGE || a == MADV_NOHUGEPAGE || a == MADV_COLLAPSE) continue;
    char text[64];
    struct { const char *name; char *at; } areas[] = {
        {"anonymous", p}, {"file", f}, {"shared file", s}, {"shared anonymous", sa}, {"none", n}, {"read only", ro}};
    for (unsigned i = 0; i < 6; i++) {
      snprintf(text, sizeof text, "madvise %d %s", a, areas[i].name);
      if (a == MADV_REMOVE && i == 2) continue;  // a matter of the file system
      VALUE(text, madvise(areas[i].at, 4 * page, a));
    }
    snprintf(text, sizeof text, "madvise %d hole", a);
    VALUE(text, madvise(hole, 4 * page, a));
    snprintf(text, sizeof text, "madvise %d odd", a);
    VALUE(text, madvise(p + 1, page, a));
    snprintf(text, sizeof text, "madvise %d nothing", a);
    VALUE(text, madvise(p, 0, a));
    snprintf(text, sizeof text, "madvise %d wraps", a);
    VALUE(text, madvise(p, -page, a));
    snprintf(text, sizeof text, "madvise %d unmapped", a);
    VALUE(text, madvise((void *)0x10000, page, a));
  }
  strcpy(p, "kept");
  madvise(p, page, MADV_COLD);
  madvise(p, page, MADV_PAGEOUT);
  printf("after COLD and PAGEOUT: %s\n", p);
  madvise(p, 1, MADV_DONTNEED);
  printf("after DONTNEED: %d\n", *p);
  strcpy(f, "changed");
  madvise(f, page, MADV_DONTNEED);
  printf("a file's page after DONTNEED: %c\n", *f);
  strcpy(sa, "shared");
  madvise(sa, page, MADV_DONTNEED);
  printf("a shared page after DONTNEED: %s\n", sa);
  madvise(sa, page, MADV_REMOVE);
  printf("and after REMOVE: %d\n", *sa);
}

static void in_core(void) {
  unsigned char v[8];
  char *p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 1, 4 * page);
  VALUE("mincore", mincore(p, 4 * page, v));
  printf("%d%d%d%d\n", v[0], v[1], v[2], v[3]);
  VALUE("mincore odd", mincore(p + 1, page, v));
  VALUE("mincore no vector", mincore(p, page, NULL));
  VALUE("mincore hole", mincore((void *)0x10000, page, v));
  VALUE("mincore hole, no vector", mincore((void *)0x10000, page, NULL));
  VALUE("mincore nothing", mincore(p, 0, v));
  VALUE("mincore nothing, no vector", mincore(p, 0, NULL));
  VALUE("mincore wraps", mincore(p, -page, v));
  VALUE("mincore the kernel", mincore((void *)-page, page, v));
  VALUE("msync both", msync(p, page, MS_SYNC | MS_ASYNC));
  VALUE("msync odd", msync(p + 1, page, MS_SYNC));
  VALUE("msync unknown", msync(p, page, 8));
  VALUE("msync nothing", msync(p, 0, MS_SYNC));
  VALUE("msync hole", msync((void *)0x10000, page, MS_SYNC));
  VALUE("msync hole 0", msync((void *)0x10000, page, 0));
  VALUE("msync wraps", msync(p, -page, MS_SYNC));
  munmap(p, 4 * page);
}

static void locking(void) {
  char *p = mmap(NULL, 64 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *none = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  VALUE("mlock", mlock(p, page));
  VALUE("mlock odd", mlock(p + 1, page));
  VALUE("mlock nothing", mlock(p, 0));
  VALUE("mlock wraps", mlock(p, -page));
  VALUE("mlock hole", mlock((void *)0x10000, page));
  VALUE("munlock hole", munlock((void *)0x10000, page));
  VALUE("mlock PROT_NONE", mlock(none, page));
  VALUE("munlock", munlock(p, page));
  VALUE("mlock2 unknown", syscall(SYS_mlock2, p, page, 2));
  VALUE("mlock2 onfault", syscall(SYS_mlock2, p, page, 1));
  VALUE("mlockall 0", mlockall(0));
  VALUE("mlockall unknown", mlockall(8));
  VALUE("mlockall onfault alone", mlockall(4));
  VALUE("munlockall", munlockall());
}

static void seals(void) {
  VALUE("memfd unknown flag", memfd_create("a", 0x100));
  VALUE("memfd no name", syscall(SYS_memfd_create, NULL, 0));
  char longname[300];
  memset(longname, 'a', sizeof longname);
  longname[249] = 0;
  SHOW("memfd 249", memfd_create(longname, 0));
  longname[249] = 'a';
  longname[250] = 0;
  SHOW("memfd 250", memfd_create(longname, 0));
  int plain = memfd_create("plain", 0);
  VALUE("plain seals", fcntl(plain, F_GET_SEALS));
  VALUE("add to plain", fcntl(plain, F_ADD_SEALS, F_SEAL_GROW));
  int m = memfd_create("m", MFD_ALLOW_SEALING);
  VALUE("seals", fcntl(m, F_GET_SEALS));
  VALUE("truncate", ftruncate(m, 4 * page));
  char *w = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
  VALUE("seal write while mapped", fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
  VALUE("seal future write", fcntl(m, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
  *w = 5;
  SHOW("new writable view", mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0));
  char *r = mmap(NULL, page, PROT_READ, MAP_SHARED, m, 0);
  printf("readable view %d\n", r != MAP_FAILED);
  VALUE("made writable", mprotect(r, page, PROT_READ | PROT_WRITE));
  SHOW("private writable view", mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, m, 0));
  VALUE("write", write(m, "x", 1));
  munmap(w, page);
  VALUE("seal grow shrink", fcntl(m, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
  VALUE("grow", ftruncate(m, 5 * page));
  VALUE("shrink", ftruncate(m, page));
  VALUE("same", ftruncate(m, 4 * page));
  VALUE("seal write", fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
  VALUE("pwrite", pwrite(m, "x", 1, 0));
  VALUE("punch", fallocate(m, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, page));
  VALUE("allocate", fallocate(m, 0, 0, 8 * page));
  VALUE("seal unknown", fcntl(m, F_ADD_SEALS, 0x100));
  VALUE("seal seal", fcntl(m, F_ADD_SEALS, F_SEAL_SEAL));
  VALUE("seal again", fcntl(m, F_ADD_SEALS, F_SEAL_GROW));
  VALUE("seals at last", fcntl(m, F_GET_SEALS));
  int e = memfd_create("e", MFD_NOEXEC_SEAL);
  VALUE("noexec seals", fcntl(e, F_GET_SEALS));
  VALUE("noexec chmod +x", fchmod(e, 0777));
  VALUE("noexec chmod", fchmod(e, 0600));
  VALUE("exec and noexec", memfd_create("x", MFD_NOEXEC_SEAL | MFD_EXEC));
  VALUE("seals of a pipe", fcntl(0, F_GET_SEALS));
}

static void limits(void) {
  if (fork() == 0) {
    struct rlimit l = {64 << 20, 64 << 20};
    VALUE("limit", setrlimit(RLIMIT_AS, &l));
    SHOW("beyond RLIMIT_AS", mmap(NULL, 128 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    SHOW("within RLIMIT_AS", mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  if (fork() == 0) {
    struct rlimit l = {16 << 20, 16 << 20};
    VALUE("limit", setrlimit(RLIMIT_DATA, &l));
    SHOW("beyond RLIMIT_DATA", mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW("not data", mmap(NULL, 32 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SHOW("brk beyond RLIMIT_DATA", sbrk(32 << 20));
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  struct sigaction a = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &a, NULL);
  sigaction(SIGBUS, &a, NULL);
  char path[] = "/tmp/cloister-mappings-XXXXXX";
  int fd = mkstemp(path);
  char block[4 * page];
  memset(block, 'f', sizeof block);
  if (write(fd, block, sizeof block) != sizeof block) return 1;
  int ro = open(path, O_RDONLY), wo = open(path, O_WRONLY), dir = open("/tmp", O_RDONLY), ends[2];
  if (pipe(ends)) return 1;
  flags_of_mmap(fd, ro, wo, dir, ends[0]);
  order_of_errors(fd, wo);
  unmapping();
  fflush(stdout);
  remapping(fd);
  growing();
  advice(fd);
  in_core();
  locking();
  seals();
  fflush(stdout);
  limits();
  char *f = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  printf("beyond the file: %s\n", touch(f + 5 * page, 0));
  if (ftruncate(fd, page + 100)) return 1;
  printf("in the last page: %s %d\n", touch(f + page + 200, 0), f[page + 200]);
  printf("cut off: %s\n", touch(f + 2 * page, 0));
  unlink(path);
}
