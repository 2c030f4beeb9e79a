// The C library that compiled code expects: memory routines, allocation and randomness for the Swift
// runtime, ceil for Dictionary. Nothing else is provided; an undefined symbol fails the link.
#ifdef CLOISTER_ENCLAVE
#include <stddef.h>
#include <stdint.h>

extern void *cl_heap_allocate(long alignment, long size);
extern void cl_heap_free(void *p);
extern void cl_random_fill(void *p, long n);

int posix_memalign(void **out, size_t alignment, size_t size) {
  *out = cl_heap_allocate((long)alignment, (long)size);
  return *out ? 0 : 12;
}
void free(void *p) { cl_heap_free(p); }
void arc4random_buf(void *p, size_t n) { cl_random_fill(p, (long)n); }
int putchar(int c) { return c; }

void *memcpy(void *restrict d, const void *restrict s, size_t n) {
  void *r = d;
  __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
  return r;
}
void *memmove(void *d, const void *s, size_t n) {
  if ((uintptr_t)d - (uintptr_t)s >= n) return memcpy(d, s, n);
  unsigned char *dp = d;
  const unsigned char *sp = s;
  // Overlapping, destination above: from the end, 8 bytes at a time.
  while (n >= 8) {
    n -= 8;
    uint64_t v;
    __builtin_memcpy_inline(&v, sp + n, 8);
    __builtin_memcpy_inline(dp + n, &v, 8);
  }
  while (n) {
    n--;
    dp[n] = sp[n];
    __asm__ volatile("" ::: "memory");
  }
  return d;
}
void *memset(void *d, int c, size_t n) {
  void *r = d;
  __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
  return r;
}
int memcmp(const void *a, const void *b, size_t n) {
  const unsigned char *x = a, *y = b;
  for (size_t i = 0; i < n; i++) {
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    __asm__ volatile("" ::: "memory");
  }
  return 0;
}

double ceil(double x) {
  if (!(x > -4503599627370496.0 && x < 4503599627370496.0)) return x;
  double t = (double)(int64_t)x;
  return t < x ? t + 1.0 : t;
}
#endif
