// Fills the general, XMM or YMM registers, makes system calls, and finds them unchanged.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

static int has_avx(void) { return __builtin_cpu_supports("avx"); }

struct frame {
  uint64_t in[16], out[16];
  uint8_t vector_in[16][32], vector_out[16][32];
};

static long call(struct frame *f, long number, long a, long b, long c, int wide) {
  long result;
  register long r10 __asm__("r10") = 0;
  if (wide)
    __asm__ volatile(
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovdqu 256+32*\\n(%[f]), %%ymm\\n\n .endr\n"
        "movq 0(%[f]), %%r12\n movq 8(%[f]), %%r13\n movq 16(%[f]), %%r14\n movq 24(%[f]), %%r15\n"
        "syscall\n"
        "movq %%r12, 128(%[f])\n movq %%r13, 136(%[f])\n movq %%r14, 144(%[f])\n movq %%r15, 152(%[f])\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovdqu %%ymm\\n, 768+32*\\n(%[f])\n .endr\n"
        "vzeroupper\n"
        : "=a"(result)
        : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), [f] "b"(f)
        : "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
          "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  else
    __asm__ volatile(
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movdqu 256+32*\\n(%[f]), %%xmm\\n\n .endr\n"
        "movq 0(%[f]), %%r12\n movq 8(%[f]), %%r13\n movq 16(%[f]), %%r14\n movq 24(%[f]), %%r15\n"
        "syscall\n"
        "movq %%r12, 128(%[f])\n movq %%r13, 136(%[f])\n movq %%r14, 144(%[f])\n movq %%r15, 152(%[f])\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movdqu %%xmm\\n, 768+32*\\n(%[f])\n .endr\n"
        : "=a"(result)
        : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), [f] "b"(f)
        : "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
          "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  return result;
}

int main(void) {
  static char buffer[256];
  const struct {
    const char *name;
    long number, a, b, c;
  } calls[] = {
      {"getpid", SYS_getpid, 0, 0, 0},         {"write", SYS_write, 1, (long)"written\n", 8},
      {"getppid", SYS_getppid, 0, 0, 0},       {"uname", SYS_uname, (long)buffer, 0, 0},
      {"clock_gettime", SYS_clock_gettime, 1, (long)buffer, 0},
      {"getrandom", SYS_getrandom, (long)buffer, 100, 0},
      {"read", SYS_read, 99, (long)buffer, 10}, {"sched_yield", SYS_sched_yield, 0, 0, 0},
      {"brk", SYS_brk, 0, 0, 0},               {"unknown", 9999, 1, 2, 3},
  };
  int bad = 0;
  for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
    struct frame f;
    for (int j = 0; j < 16; j++) f.in[j] = 0x0123456789ABCDEFu * (j + i + 1);
    for (int j = 0; j < 16; j++) memset(f.vector_in[j], 17 * j + i + 1, 32);
    memset(f.vector_out, 0, sizeof f.vector_out);
    int wide = has_avx();
    call(&f, calls[i].number, calls[i].a, calls[i].b, calls[i].c, wide);
    int same = !memcmp(f.in, f.out, 32);
    for (int j = 0; j < 16; j++) same &= !memcmp(f.vector_in[j], f.vector_out[j], wide ? 32 : 16);
    printf("%s: %s\n", calls[i].name, same ? "unchanged" : "CHANGED");
    fflush(stdout);
    bad |= !same;
  }
  return bad;
}
