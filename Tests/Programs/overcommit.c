// What Linux promises and what it refuses when memory is asked for (vm.overcommit_memory = 0).
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static size_t all, half;

static void say(const char *what, int failed) { printf("%s: %s\n", what, failed ? strerror(errno) : "fine"); }

static void *try(const char *what, size_t size, int protection, int flags) {
  void *p = mmap(NULL, size, protection, flags | (flags & MAP_SHARED ? 0 : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
  say(what, p == MAP_FAILED);
  return p;
}

int main(void) {
  struct sysinfo info;
  if (sysinfo(&info)) return 1;
  size_t page = 4096, unit = info.mem_unit;
  all = ((info.totalram + info.totalswap) * unit + page - 1) / page * page;
  half = all / 2 / page * page;
  size_t more = all + (64ul << 20);
  const int rw = PROT_READ | PROT_WRITE;

  try("more than there is", more, rw, 0);
  try("that without a reservation", more, rw, MAP_NORESERVE);
  try("that, read-only", more, PROT_READ, 0);
  try("that, shared", more, rw, MAP_SHARED);
  try("that, shared, without a reservation", more, rw, MAP_SHARED | MAP_NORESERVE);
  char *none = try("that, inaccessible", more, PROT_NONE, 0);
  say("made writable", mprotect(none, more, rw));
  say("a part made writable", mprotect(none + page, half, rw));
  char *free_of_charge = try("inaccessible, without a reservation", more, PROT_NONE, MAP_NORESERVE);
  say("made writable", mprotect(free_of_charge, more, rw));
  for (int i = 0; i < 4; i++) try("half of it", half, rw, 0);
  char *small = try("a page", page, rw, 0);
  say("grown to too much", mremap(small, page, more, MREMAP_MAYMOVE) == MAP_FAILED);
  say("grown", mremap(small, page, half, MREMAP_MAYMOVE) == MAP_FAILED);
  printf("malloc: %s\n", malloc(more) ? "fine" : "NULL");
  say("brk", brk((char *)sbrk(0) + more));
  return 0;
}
