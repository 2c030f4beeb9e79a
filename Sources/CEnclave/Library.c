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

// Most copies are small (structures, names, array moves): REP MOVSB takes 7 ns and REP STOSB up to 30 ns whatever
// the size, so up to `repeat_from` bytes go through registers. An empty asm statement keeps the compiler from
// making calls of these same functions out of the loops.
typedef uint64_t word16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t word8 __attribute__((aligned(1), may_alias));
typedef uint32_t word4 __attribute__((aligned(1), may_alias));
typedef uint16_t word2 __attribute__((aligned(1), may_alias));
#define AT(type, p, offset) (*(type *)((char *)(p) + (offset)))
#define KEEP_LOOP __asm__ volatile("" ::: "memory")
enum { repeat_from = 512 };

// n <= 32; every load comes before the first store, so the two may overlap.
static inline void copy_small(void *d, const void *s, size_t n) {
  if (n >= 16) {
    word16 a = AT(word16, s, 0), b = AT(word16, s, n - 16);
    AT(word16, d, 0) = a;
    AT(word16, d, n - 16) = b;
  } else if (n >= 8) {
    word8 a = AT(word8, s, 0), b = AT(word8, s, n - 8);
    AT(word8, d, 0) = a;
    AT(word8, d, n - 8) = b;
  } else if (n >= 4) {
    word4 a = AT(word4, s, 0), b = AT(word4, s, n - 4);
    AT(word4, d, 0) = a;
    AT(word4, d, n - 4) = b;
  } else if (n >= 2) {
    word2 a = AT(word2, s, 0), b = AT(word2, s, n - 2);
    AT(word2, d, 0) = a;
    AT(word2, d, n - 2) = b;
  } else if (n) {
    AT(char, d, 0) = AT(char, s, 0);
  }
}

// Forward; right for overlapping ranges too when the destination lies below the source.
static inline void copy_forward(void *d, const void *s, size_t n) {
  if (n <= 32) return copy_small(d, s, n);
  if (n >= repeat_from) {
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    return;
  }
  word16 last = AT(word16, s, n - 16);
  for (size_t i = 0; i < n - 16; i += 16) {
    AT(word16, d, i) = AT(word16, s, i);
    KEEP_LOOP;
  }
  AT(word16, d, n - 16) = last;
}

void *memcpy(void *restrict d, const void *restrict s, size_t n) {
  copy_forward(d, s, n);
  return d;
}
void *memmove(void *d, const void *s, size_t n) {
  if ((uintptr_t)d - (uintptr_t)s >= n) {
    copy_forward(d, s, n);
    return d;
  }
  // Overlapping, destination above: from the end.
  while (n > 32) {
    n -= 16;
    AT(word16, d, n) = AT(word16, s, n);
    KEEP_LOOP;
  }
  copy_small(d, s, n);
  return d;
}
void *memset(void *d, int c, size_t n) {
  uint64_t v = (uint8_t)c * 0x0101010101010101u;
  if (n >= repeat_from) {
    void *at = d;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
  } else if (n >= 16) {
    word16 w = {v, v};
    for (size_t i = 0; i < n - 16; i += 16) {
      AT(word16, d, i) = w;
      KEEP_LOOP;
    }
    AT(word16, d, n - 16) = w;
  } else if (n >= 8) {
    AT(word8, d, 0) = v;
    AT(word8, d, n - 8) = v;
  } else if (n >= 4) {
    AT(word4, d, 0) = (uint32_t)v;
    AT(word4, d, n - 4) = (uint32_t)v;
  } else {
    for (size_t i = 0; i < n; i++) {
      AT(char, d, i) = (char)c;
      KEEP_LOOP;
    }
  }
  return d;
}
int memcmp(const void *a, const void *b, size_t n) {
  size_t i = 0;
  while (n - i >= 8 && AT(word8, a, i) == AT(word8, b, i)) {
    i += 8;
    KEEP_LOOP;
  }
  for (; i < n; i++) {
    uint8_t x = AT(uint8_t, a, i), y = AT(uint8_t, b, i);
    if (x != y) return x < y ? -1 : 1;
    KEEP_LOOP;
  }
  return 0;
}

double ceil(double x) {
  if (!(x > -4503599627370496.0 && x < 4503599627370496.0)) return x;
  double t = (double)(int64_t)x;
  return t < x ? t + 1.0 : t;
}
#endif
