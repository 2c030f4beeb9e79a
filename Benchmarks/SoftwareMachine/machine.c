// What the software machine itself costs: entries, exits, EACCEPT. Uses the tests' little enclave; built and
// run by Scripts/bench-machine. Medians of many short batches, in the thread's own CPU time.
#include "CSoftwareSGX.h"
#include "CTestEnclave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BASE 0xFF00000000ull
#define DATA (BASE + TEST_CODE_SIZE)
#define AREA 0xFF40000000ull
#define HEAP 0xC000000000ull
#define PAGE 4096ull
#define BATCHES 101

static double batches[BATCHES];

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void print(const char *what, const char *mode) {
  qsort(batches, BATCHES, sizeof batches[0], ascending);
  printf("%-28s %-7s median %9.1f ns, least %9.1f ns\n", what, mode, batches[BATCHES / 2], batches[0]);
}

static void check(int failed, const char *what) {
  if (!failed) return;
  fprintf(stderr, "bench-machine: %s failed (%d)\n", what, failed);
  exit(1);
}

static int64_t no_keys(void *context, int leaf, const uint8_t *a, const uint8_t *b, uint8_t *out) {
  (void)context, (void)leaf, (void)a, (void)b, (void)out;
  return -1;
}

static struct csgx_run call(int command, uint64_t rsi, uint64_t rdx) {
  struct csgx_run run = {
      .tcs = AREA, .function = 2, .rdi = (uint64_t)command, .rsi = rsi, .rdx = rdx};
  csgx_enter(&run);
  return run;
}

static void build(int fast) {
  static uint64_t page[3 * PAGE / 8];
  check(csgx_create(1ull << 40, 1, 1, 7, !fast, false, no_keys, NULL), "ECREATE");
  check(csgx_add_pages(BASE, test_enclave_bytes(), TEST_CODE_SIZE, 0x205), "EADD");
  check(csgx_add_pages(DATA, test_enclave_bytes() + TEST_CODE_SIZE, TEST_DATA_SIZE, 0x203), "EADD");
  page[2] = AREA + 0x1000;       // OSSA
  page[3] = 2ull << 32;          // NSSA
  page[4] = BASE;                // OENTRY
  page[6] = page[7] = AREA + 0x8000;
  page[8] = ~0ull;
  check(csgx_add_pages(AREA, page, PAGE, 0x100), "EADD of the TCS");
  memset(page, 0, sizeof page);
  check(csgx_add_pages(AREA + 0x1000, page, 2 * PAGE, 0x203), "EADD");
  check(csgx_add_pages(AREA + 0x9000, page, 3 * PAGE, 0x203), "EADD");
  page[3] = AREA + 0xB000;
  page[4] = AREA + 0x2000 - 184;
  page[11] = AREA + 0xC000;
  check(csgx_add_pages(AREA + 0x8000, page, PAGE, 0x203), "EADD");
  check(csgx_initialized(), "EINIT");
  uint64_t sites[2] = {BASE + test_enclave_enclu_offset(), BASE + test_enclave_eexit_offset()};
  if (fast) check(csgx_patch_fast(sites, 2, 0xFF1FFFF000ull), "patching");
  check(csgx_attach_thread(), "attaching");
}

/// The command faults; each ERESUME runs into the same fault.
static void resume_loop(int command, uint64_t argument, const char *what, const char *mode) {
  struct csgx_run run = call(command, argument, 0);
  check(run.exit != CSGX_EXIT_FAULT, what);
  for (int b = 0; b < BATCHES; b++) {
    double start = now_ns();
    for (int i = 0; i < 100; i++) {
      run.function = 3;
      csgx_enter(&run);
    }
    batches[b] = (now_ns() - start) / 100;
  }
  print(what, mode);
  // Back to the end of the command.
  *(uint64_t *)(AREA + 0x2000 - 184 + 136) = BASE + test_enclave_leave_offset();
  *(uint64_t *)(AREA + 0x2000 - 184 + 32) = AREA + 0xB000 - 8;
  run.function = 3;
  csgx_enter(&run);
  check(run.exit != CSGX_EXIT_EEXIT, "leaving");
}

int main(int argc, char **argv) {
  int fast = argc > 1 && strcmp(argv[1], "fast") == 0;
  const char *mode = fast ? "fast" : "strict";
  build(fast);
  int entries = fast ? 1000 : 50;
  for (int b = 0; b < BATCHES; b++) {
    double start = now_ns();
    for (int i = 0; i < entries; i++) call(TEST_NOP, 0, 0);
    batches[b] = (now_ns() - start) / entries;
  }
  print("EENTER + EEXIT", mode);
  resume_loop(TEST_LOAD, 0x50000000, "ERESUME + AEX by #PF", mode);
  resume_loop(TEST_SYSCALL, 0, "ERESUME + AEX by SYSCALL", mode);

  uint64_t *secinfo = (uint64_t *)(DATA + TEST_SECINFO);
  uint64_t *operands = (uint64_t *)(DATA + TEST_OPERANDS);
  secinfo[0] = 0x20B;
  uint64_t pages = fast ? 2000 : 100;
  for (int b = 0; b < BATCHES; b++) {
    uint64_t heap = HEAP + (uint64_t)b * pages * PAGE;
    check(csgx_augment(heap, pages * PAGE), "EAUG");
    operands[0] = 5;
    operands[1] = (uint64_t)secinfo;
    operands[2] = heap;
    operands[4] = PAGE;
    double start = now_ns();
    struct csgx_run run = call(TEST_LEAF_LOOP, pages, (uint64_t)operands);
    batches[b] = (now_ns() - start) / (double)pages;
    check(run.exit != CSGX_EXIT_EEXIT || run.rdi != 0, "EACCEPT");
  }
  print("EACCEPT of a pending page", mode);
  csgx_detach_thread();
  csgx_destroy();
  return 0;
}
