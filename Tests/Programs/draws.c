#include "draws.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t draw_state, digest = 14695981039346656037u;
long step, trace_from = -1;
const char *(*trace_who)(void);

void begin_draws(const char *seed) {
  draw_state = strtoull(seed, NULL, 10);
  const char *from = getenv("TRACE_FROM");
  if (from) trace_from = atol(from);
  printf("seed %s\n", seed);
}

uint64_t random64(void) {  // splitmix64
  uint64_t z = draw_state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

uint64_t below(uint64_t n) { return random64() % n; }

void mix(const void *p, size_t n) {  // FNV-1a
  for (size_t i = 0; i < n; i++) digest = (digest ^ ((const unsigned char *)p)[i]) * 1099511628211u;
}

void note(const char *format, ...) {
  char line[700];
  va_list a;
  va_start(a, format);
  int n = vsnprintf(line, sizeof line, format, a);
  va_end(a);
  mix(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
  if (trace_from >= 0 && step >= trace_from) printf("%ld%s %s", step, trace_who ? trace_who() : "", line);
}

long result(long r) { return r < 0 ? -errno : r; }
