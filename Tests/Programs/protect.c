/* mprotect(2) of pages that hold data: away and back, piece by piece; what they hold stays, and an access
 * in between is SIGSEGV. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

static sigjmp_buf back;

static void caught(int number) {
  (void)number;
  siglongjmp(back, 1);
}

static int readable(volatile char *p) {
  if (sigsetjmp(back, 1)) return 0;
  (void)*p;
  return 1;
}

int main(void) {
  static const int protections[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC};
  signal(SIGSEGV, caught);
  setvbuf(stdout, 0, _IONBF, 0);
  char *p = mmap(0, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 16; i += 2) p[i * 4096] = 'a' + i;
  for (int from = 0; from < 4; from++)
    for (int to = 0; to < 4; to++) {
      for (int i = 0; i < 16; i++) {
        int error = mprotect(p + i * 4096, 4096, protections[from]) | mprotect(p + i * 4096, 4096, protections[to]);
        if (error || readable(p + i * 4096) != (to != 0)) printf("page %d, %d to %d is wrong\n", i, from, to);
      }
      printf("%d to %d:", from, to);
      if (to)
        for (int i = 0; i < 16; i += 2) printf(" %c%d", p[i * 4096], p[i * 4096 + 4096]);
      puts("");
    }
  mprotect(p + 4096, 4 * 4096, PROT_NONE);
  printf("munmap %d\n", munmap(p, 16 * 4096));
  return 0;
}
