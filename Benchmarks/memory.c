// mmap(2) and munmap(2) of 64 KiB: the map alone, and with one page and with every page touched.
#define _GNU_SOURCE
#include "bench.h"
#include <sys/mman.h>

enum { size = 64 << 10 };

static uint64_t map(long count, int step) {
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    volatile char *p =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    for (int at = 0; step && at < size; at += step) p[at] = 1;
    CHECK(munmap((void *)p, size) == 0);
  }
  return now_ns() - start;
}

static uint64_t mmap_munmap(long count) { return map(count, 0); }
static uint64_t mmap_touch(long count) { return map(count, 4096); }

const figure memory_figures[] = {
    {"mmap-munmap", mmap_munmap}, {"mmap-touch-munmap", mmap_touch}, {NULL, NULL}};
