// What the benchmark programs share: a figure, its timed loop, and the median of its batches.
#ifndef BENCH_H
#define BENCH_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// One figure: `run` does `count` operations and returns how long they took. Set-up is not timed.
typedef struct {
  const char *name;
  uint64_t (*run)(long count);
} figure;

extern const figure call_figures[], memory_figures[], thread_figures[], file_figures[],
    database_figures[], process_figures[], runtime_figures[];

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#define DIE(what) (perror(what), exit(1))
#define CHECK(condition) \
  do { \
    if (!(condition)) DIE(#condition); \
  } while (0)

#endif
