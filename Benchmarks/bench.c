// bench NAME [MILLISECONDS]: prints the nanoseconds one operation of a figure takes.
//
// The machine may be busy with other work, so the time is cut into short batches and their median is
// printed: a batch that lost the processor does not count. `bench` alone lists the figures.
#include "bench.h"

static const figure *const families[] = {
    call_figures, memory_figures, thread_figures, file_figures, database_figures,
    process_figures, runtime_figures};

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double measure(const figure *f, long milliseconds) {
  enum { most = 1001 };
  static double batches[most];
  // Long enough that reading the clock does not show, short enough to fall between two preemptions.
  const uint64_t batch_ns = 500000;
  long count = 1;
  uint64_t t;
  f->run(1);
  while ((t = f->run(count)) < batch_ns / 2 && count < 1L << 24) count *= 2;
  const uint64_t end = now_ns() + (uint64_t)milliseconds * 1000000u;
  int n = 0;
  do batches[n++] = (double)f->run(count) / (double)count;
  while (n < most && (n < 5 || now_ns() < end));
  qsort(batches, (size_t)n, sizeof *batches, ascending);
  return batches[n / 2];
}

int main(int argc, char **argv) {
  for (unsigned i = 0; i < sizeof families / sizeof *families; i++) {
    for (const figure *f = families[i]; f->name; f++) {
      if (argc < 2) {
        puts(f->name);
      } else if (!strcmp(argv[1], f->name)) {
        printf("%.1f\n", measure(f, argc > 2 ? atol(argv[2]) : 200));
        return 0;
      }
    }
  }
  if (argc < 2) return 0;
  fprintf(stderr, "bench: there is no figure %s\n", argv[1]);
  return 2;
}
