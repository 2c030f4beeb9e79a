// The few C library functions that BoringSSL calls in the parts that are linked. Memory and strings are real; files
// and standard output do not exist here: whatever would use them stops the enclave.
#include <stddef.h>
#include <stdint.h>

extern void *cl_heap_allocate(long alignment, long size);
extern void cl_abort(void) __attribute__((noreturn));
void *memset(void *d, int c, size_t n);

void *malloc(size_t n) { return n > (size_t)1 << 40 ? NULL : cl_heap_allocate(16, (long)(n ? n : 1)); }
void *calloc(size_t count, size_t size) {
  size_t n;
  if (__builtin_mul_overflow(count, size, &n)) return NULL;
  void *p = malloc(n);
  return p ? memset(p, 0, n) : NULL;
}
void *memchr(const void *p, int c, size_t n) {
  const unsigned char *b = p;
  for (size_t i = 0; i < n; i++)
    if (b[i] == (unsigned char)c) return (void *)(b + i);
  return NULL;
}
size_t strlen(const char *s) {
  size_t n = 0;
  while (s[n]) {
    n++;
    __asm__ volatile("" ::: "memory");
  }
  return n;
}
int strcmp(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return (unsigned char)*a - (unsigned char)*b;
}
int strncmp(const char *a, const char *b, size_t n) {
  for (; n; n--, a++, b++) {
    if (*a != *b || !*a) return (unsigned char)*a - (unsigned char)*b;
  }
  return 0;
}
int memcmp(const void *a, const void *b, size_t n);
int bcmp(const void *a, const void *b, size_t n) { return memcmp(a, b, n); }
// BoringSSL sets it before it calls functions of files; nobody reads it.
int *__errno_location(void) {
  static int value;
  return &value;
}
void abort(void) { cl_abort(); }

// BoringSSL's own allocation hooks (include/openssl/mem.h). What it frees is overwritten: it may be a secret. The
// size lies in front.
void cl_heap_free(void *p);
void CCryptoBoringSSL_OPENSSL_cleanse(void *p, size_t n);
void *OPENSSL_memory_alloc(size_t n);
void OPENSSL_memory_free(void *p);
size_t OPENSSL_memory_get_size(void *p);
void *OPENSSL_memory_alloc(size_t n) {
  if (n > (size_t)1 << 30) return NULL;
  size_t *block = cl_heap_allocate(16, (long)(n + 16));
  if (block == NULL) return NULL;
  block[0] = n;
  return block + 2;
}
size_t OPENSSL_memory_get_size(void *p) { return p ? ((size_t *)p)[-2] : 0; }
void OPENSSL_memory_free(void *p) {
  if (p == NULL) return;
  size_t *block = (size_t *)p - 2;
  CCryptoBoringSSL_OPENSSL_cleanse(block, block[0] + 16);
  cl_heap_free(block);
}
