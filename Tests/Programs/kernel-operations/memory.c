// Random mappings in a range of their own, and random accesses to them.
#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { page = 4096, pages = 160, files = 4, file_pages = 48 };
static char *arena;
// Memory files. The first two can only be read; only they are mapped privately, since it is not said whether a private
// mapping shows what is written to its file later.
enum { constant = 2 };
static int fds[files], sink;
static int pipe_ends[2];
// What is written comes from the one, what is read goes to the other.
static unsigned char buffer[pages * page], scratch[pages * page];

static __thread sigjmp_buf back;
static __thread volatile int trying, fault_signal, fault_code;
static __thread char *volatile fault_address;

static void faulted(int number, siginfo_t *info, void *context) {
  (void)context;
  if (!trying) fprintf(stderr, "kernel-operations: signal %d, code %d at %p\n", number, info->si_code, info->si_addr), _exit(99);
  fault_signal = number, fault_code = info->si_code, fault_address = info->si_addr;
  siglongjmp(back, 0x100 | number);
}

void prepare_memory(void) {
  struct sigaction a = {.sa_sigaction = faulted, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &a, NULL), sigaction(SIGBUS, &a, NULL);
  // Far below where others' mappings go: nobody else may come into its holes.
  char *high = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *wanted = (char *)(((uintptr_t)high - (8ul << 30)) & ~0xffffffful);
  arena = mmap(wanted, (pages + 64) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (high == MAP_FAILED || arena == MAP_FAILED) perror("mmap"), exit(1);
  arena += 32 * page;
  for (size_t i = 0; i < sizeof buffer; i++) buffer[i] = (unsigned char)below(256);
  for (int i = 0; i < files; i++) {
    fds[i] = memfd_create("operations", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fds[i] < 0 || write(fds[i], buffer, (size_t)(file_pages - 7 * i) * page) < 0) perror("memfd"), exit(1);
  }
  for (int i = 0; i < constant; i++) {
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fds[i]);
    int reader = open(path, O_RDONLY);
    if (reader < 0) perror(path), exit(1);
    close(fds[i]), fds[i] = reader;
  }
  sink = memfd_create("sink", MFD_CLOEXEC);
  if (sink < 0 || pipe2(pipe_ends, O_NONBLOCK)) perror("pipe2"), exit(1);
}

static const int protections[] = {
  PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
  PROT_READ | PROT_WRITE | PROT_EXEC, PROT_WRITE, PROT_EXEC};
static int protection(void) { return protections[below(sizeof protections / sizeof *protections)]; }
static size_t first(void) { return below(pages); }
static size_t count_from(size_t at) {
  size_t n = 1 + below(below(4) ? 6 : 40);
  return n < pages - at ? n : pages - at;
}

// What an access to an address came to: a fault is told by its signal, code and place.
#define TRY(what, address, act)                                                                              \
  do {                                                                                                       \
    fault_signal = 0, trying = 1;                                                                            \
    if (sigsetjmp(back, 0) == 0) {                                                                           \
      act;                                                                                                   \
    }                                                                                                        \
    trying = 0;                                                                                              \
    if (fault_signal)                                                                                        \
      note("%s %zx: signal %d code %d at %zx\n", what, (size_t)((address)-arena), fault_signal, fault_code, \
           (size_t)(fault_address - arena));                                                                 \
  } while (0)

static void load(char *at) {
  TRY("load", at, { unsigned char c = *(volatile unsigned char *)at; note("load %zx %d\n", (size_t)(at - arena), c); });
}
static void store(char *at) {
  char value = (char)below(256);
  TRY("store", at, { *(volatile char *)at = value; note("store %zx\n", (size_t)(at - arena)); });
}
// Eight bytes at any place: also over the end of a page.
static void load_wide(char *at) {
  uint64_t value = 0;
  TRY("load of 8", at, { memcpy(&value, *(char *volatile *)&at, 8); note("load of 8 %zx %" PRIx64 "\n", (size_t)(at - arena), value); });
}
// mov eax, VALUE; ret
static void call(size_t at) {
  char *p = arena + at * page;
  int value = (int)below(1 << 30), prot = protection(), got = 0;
  unsigned char code[6] = {0xb8, (unsigned char)value, (unsigned char)(value >> 8), (unsigned char)(value >> 16), (unsigned char)(value >> 24), 0xc3};
  if (mmap(p, page, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != p) return note("no page for code %d\n", errno);
  memcpy(p, code, sizeof code);
  note("protect code %d %ld\n", prot, result(mprotect(p, page, prot)));
  TRY("call", p, { got = ((int (*)(void))(void *)p)(); note("call %d\n", got == value); });
}

static void map(void) {
  size_t at = first(), n = count_from(at);
  char *p = arena + at * page;
  int prot = protection();
  if (below(2)) {
    int flags = below(3) ? MAP_PRIVATE : MAP_SHARED;
    static const int more[] = {0, 0, 0, MAP_NORESERVE, MAP_POPULATE, MAP_STACK, MAP_LOCKED};
    flags |= MAP_ANONYMOUS | MAP_FIXED | more[below(7)];
    char *r = mmap(p, n * page - below(100), prot, flags, -1, 0);
    note("mmap %zu+%zu prot %d flags %x %d\n", at, n, prot, flags, r == MAP_FAILED ? errno : 0);
  } else {
    int file = (int)below(files);
    int flags = (file < constant && below(3) ? MAP_PRIVATE : below(3) ? MAP_SHARED : MAP_SHARED_VALIDATE) | MAP_FIXED;
    off_t offset = (off_t)below(file_pages) * page;
    char *r = mmap(p, n * page - below(100), prot, flags, fds[file], offset);
    note("mmap %zu+%zu prot %d flags %x file %d offset %lx %d\n", at, n, prot, flags, file, (long)offset, r == MAP_FAILED ? errno : 0);
  }
}

static void map_wrongly(void) {
  size_t at = first(), n = count_from(at);
  char *p = arena + at * page, *r;
  int how = (int)below(11);
  switch (how) {
    case 0: r = mmap(p, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 1: r = mmap(p + 1, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 2: r = mmap(p, page, PROT_READ, MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 3: r = mmap(p, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, -1, 0); break;
    case 4: r = mmap(p, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, fds[0], 1); break;
    case 5: r = mmap(p, (size_t)-1 - 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 6: r = mmap(p, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, pipe_ends[0], 0); break;
    case 7: r = mmap(p, page, PROT_READ, MAP_SHARED_VALIDATE | MAP_FIXED | 0x20000000, fds[1], 0); break;
    case 8: r = mmap((char *)-page, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 9: r = mmap(p, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fds[0], 0); break;
    default:
      r = mmap(p, n * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
      if (r != MAP_FAILED && r != p) munmap(r, n * page);
  }
  note("mmap wrongly %d %zu+%zu %d\n", how, at, n, r == MAP_FAILED ? errno : 0);
}

static void move(void) {
  size_t at = first(), n = count_from(at), to = first(), m = count_from(to);
  char *p = arena + at * page, *q = arena + to * page;
  static const int kinds[] = {0, 0, MREMAP_FIXED | MREMAP_MAYMOVE, MREMAP_FIXED | MREMAP_MAYMOVE, MREMAP_FIXED,
                              MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 8, MREMAP_DONTUNMAP};
  int flags = kinds[below(8)];
  if (below(15) == 0) p += 5;
  size_t old = below(12) ? n * page : 0, new = below(30) ? m * page : 0;
  if (flags & MREMAP_DONTUNMAP && below(4)) new = old;
  if (below(3) == 0) new = old;
  // Since 6.17 Linux moves several mappings at once, before it refused: so a page, or what is one mapping for sure.
  if (flags & MREMAP_FIXED) {
    if (below(2)) {
      old = new == old ? (new = page) : page;
    } else if (old == n * page && mmap(p, old, protection(), MAP_FIXED | MAP_ANONYMOUS | (below(2) ? MAP_PRIVATE : MAP_SHARED), -1, 0) == p) {
      for (size_t i = 0; i < n; i++)
        if (below(2)) load(p + i * page); else store(p + i * page + below(page));
      if (below(2)) note("before the move %ld\n", result(mprotect(p, old, protection())));
    } else {
      return;
    }
  }
  // What stays is not locked any more, with all that Linux took for one mapping.
  if (flags & MREMAP_DONTUNMAP) munlock(p, n * page);
  char *r = mremap(p, old, new, flags, q);
  // Whether neighbours are one mapping decides between the two, and that is not the same everywhere.
  if (r == MAP_FAILED && errno == EFAULT && flags == 0) errno = ENOMEM;
  note("mremap %zu+%zu to %zu+%zu flags %d %ld\n", at, old, to, new, flags, r == MAP_FAILED ? -(long)errno : (long)(r - arena) / page);
}

static void advise(void) {
  static const int advices[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED,
                                MADV_REMOVE, MADV_REMOVE, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK, 20, 21, 22, 22, 23, 23,
                                24, 5, 6, 7, 13 + 40, -1, 200};
  size_t at = first(), n = count_from(at);
  int advice = advices[below(sizeof advices / sizeof *advices)];
  char *p = arena + at * page + (below(20) ? 0 : 3);
  size_t length = below(20) ? n * page : 0;
  note("madvise %zu+%zx %d %ld\n", at, length, advice, result(madvise(p, length, advice)));
}

// What a mapping shows of the last page beyond the end of the file is not said: files end with a page.
static void round_up(int file) {
  struct stat now;
  if (file >= constant && fstat(fds[file], &now) == 0 && now.st_size % page)
    note("ftruncate %d %ld\n", file, result(ftruncate(fds[file], (now.st_size + page - 1) / page * page)));
}

static void transfer(void) {
  size_t offset = below(pages * page), length = below(below(3) ? 300 : 30000), at = below(file_pages * page);
  if (offset + length > pages * page) length = pages * page - offset;
  char *p = arena + offset;
  // A file that is copied onto its own mapping has no one right content: what is read does not change, what is
  // written is not mapped.
  int file = (int)below(constant);
  // A write that fails in the middle may make the file longer up to its start (since 6.15), or not.
  struct stat now;
  if (fstat(sink, &now) == 0) at %= (size_t)now.st_size + 1;
  long r;
  switch (below(6)) {
    case 0: r = result(pread(fds[file], p, length, (off_t)at)); note("pread %d %zx %zx+%zx %ld\n", file, at, offset, length, r); break;
    case 1: r = result(pwrite(sink, p, length, (off_t)at)); note("pwrite %zx %zx+%zx %ld\n", at, offset, length, r); break;
    case 2: {
      r = result(write(pipe_ends[1], p, length));
      note("write to a pipe %zx+%zx %s\n", offset, length, r == (long)length ? "done" : r == -EAGAIN ? "full" : "not all");
      while ((r = read(pipe_ends[0], scratch, sizeof scratch)) > 0) {}
      break;
    }
    case 3: {
      long w = write(pipe_ends[1], buffer, length < 4096 ? length : 4096);
      r = result(read(pipe_ends[0], p, length));
      note("read from a pipe %ld %zx+%zx %ld\n", w, offset, length, r);
      while (read(pipe_ends[0], scratch, sizeof scratch) > 0) {}
      break;
    }
    case 4: {
      struct iovec parts[3] = {{p, length / 3}, {buffer, 100}, {p + length / 2, length / 3}};
      r = result(pwritev(sink, parts, 3, (off_t)at));
      note("pwritev %zx %zx+%zx %ld\n", at, offset, length, r);
      break;
    }
    default:
      // All of it or nothing.
      p = arena + offset / page * page;
      r = result(fstat(sink, (struct stat *)(void *)p));
      note("fstat %zx %ld\n", offset / page * page, r);
      if (r == 0) memset(p, 7, sizeof(struct stat));
  }
}

static void change_file(void) {
  int file = (int)below(files);
  off_t at = (off_t)below(file_pages * page), length = (off_t)below(20000);
  long r;
  switch (below(5)) {
    case 0: r = result(ftruncate(fds[file], at)); note("ftruncate %d %lx %ld\n", file, (long)at, r); break;
    case 1: r = result(fallocate(fds[file], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length)); note("punch %d %lx+%lx %ld\n", file, (long)at, (long)length, r); break;
    case 2: r = result(fallocate(fds[file], below(2) ? FALLOC_FL_KEEP_SIZE : 0, at, length)); note("fallocate %d %lx+%lx %ld\n", file, (long)at, (long)length, r); break;
    case 3: r = result(pwrite(fds[file], buffer + at, (size_t)length, at)); note("fill %d %lx+%lx %ld\n", file, (long)at, (long)length, r); break;
    default: {
      r = result(pread(fds[file], scratch, (size_t)length, at));
      note("look %d %lx+%lx %ld\n", file, (long)at, (long)length, r);
      if (r > 0) mix(scratch, (size_t)r);
    }
  }
  round_up(file);
}

void memory_operation(void) {
  size_t at = first(), n = count_from(at);
  char *p = arena + at * page;
  switch (below(26)) {
    case 0: case 1: case 2: case 3: case 4: map(); break;
    case 5: map_wrongly(); break;
    case 6: case 7: if (is_child) break; note("munmap %zu+%zu %ld\n", at, n, result(munmap(p + (below(20) ? 0 : 9), below(20) ? n * page - below(50) : 0))); break;
    case 8: case 9: case 10: {
      int prot = below(20) ? protection() : (int)below(64) << 3 | (int)below(8) | (below(4) ? 0 : PROT_GROWSDOWN);
      note("mprotect %zu+%zu %x %ld\n", at, n, prot, result(mprotect(p + (below(20) ? 0 : 9), n * page - below(50), prot)));
      break;
    }
    case 11: case 12: if (!is_child) move(); break;
    case 13: case 14: advise(); break;
    case 15: case 16: transfer(); break;
    case 17: change_file(); break;
    case 18: call(at); break;
    case 19: load_wide(p + below(page)); break;
    case 20: {
      int flags = (int)below(8);
      note("msync %zu+%zu %d %ld\n", at, n, flags, result(msync(p + (below(9) ? 0 : 1), n * page, flags)));
      break;
    }
    case 21: {
      int which = (int)below(4);
      unsigned char vector[64];
      long r = which == 0 ? mlock(p, n * page) : which == 1 ? syscall(SYS_mlock2, p, n * page, below(3))
               : which == 2 ? munlock(p, n * page) : mincore(p + (below(9) ? 0 : 1), n * page, vector);
      static const char *const names[] = {"mlock", "mlock2", "munlock", "mincore"};
      note("%s %zu+%zu %ld\n", names[which], at, n, result(r));
      break;
    }
    case 22: case 23: load(p + below(page)); break;
    default: store(p + below(page));
  }
}

// The mappings in the arena, neighbours that look the same taken together, and the content that can be read.
void memory_state(void) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps) perror("maps"), exit(1);
  struct { size_t from, to; char perms[5]; unsigned long offset; int file; } all[pages + 70], *last = NULL;
  int n = 0;
  char line[600];
  while (fgets(line, sizeof line, maps)) {
    size_t from, to, inode;
    unsigned long offset;
    char perms[5], name[100] = "";
    if (sscanf(line, "%zx-%zx %4s %lx %*s %zu %99s", &from, &to, perms, &offset, &inode, name) < 5) continue;
    if (to <= (size_t)arena || from >= (size_t)arena + pages * page) continue;
    if (from < (size_t)arena) offset += (size_t)arena - from, from = (size_t)arena;
    if (to > (size_t)arena + pages * page) to = (size_t)arena + pages * page;
    int file = strstr(name, "memfd") ? 1 : name[0] == '/' ? 2 : 0;
    if (file != 1) offset = 0;
    if (last && last->to == from && !strcmp(last->perms, perms) && last->file == file && (file != 1 || last->offset + (last->to - last->from) == offset)) {
      last->to = to;
      continue;
    }
    last = &all[n++];
    last->from = from, last->to = to, last->offset = offset, last->file = file;
    memcpy(last->perms, perms, sizeof perms);
  }
  fclose(maps);
  for (int i = 0; i < n; i++)
    note("mapping %zu-%zu %s %lx %d\n", (all[i].from - (size_t)arena) / page, (all[i].to - (size_t)arena) / page, all[i].perms,
         all[i].offset, all[i].file);
  for (size_t i = 0; i < pages; i++) {
    long r = write(pipe_ends[1], arena + i * page, page);
    if (r > 0 && read(pipe_ends[0], scratch, page) == r) {
      uint64_t sum = 0;
      for (long k = 0; k < r / 8; k++) { uint64_t w; memcpy(&w, scratch + 8 * k, 8); sum = (sum ^ w) * 1099511628211u; }
      if (sum) note("page %zu %" PRIx64 "\n", i, sum);
    }
  }
}
