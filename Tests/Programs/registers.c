/* Fills every general, x87, vector and mask register and the red zone, makes a system call by a raw
 * SYSCALL instruction, and says which of them changed. Linux changes RAX (the result), RCX (the address
 * after SYSCALL) and R11 (the flags); nothing else. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct state {
  uint64_t gpr[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8 ... r15 */
  uint64_t flags;   /* 128 */
  uint64_t k[8];    /* 136 */
  uint64_t red[16]; /* 200 */
  uint32_t mxcsr;   /* 328 */
  uint32_t fcw;     /* 332 */
  uint8_t st[8][16];  /* 336 */
  uint8_t v[32][64];  /* 464 */
} __attribute__((aligned(64)));

int level; /* 0 SSE, 1 AVX, 2 AVX-512 */
void probe(const struct state *in, struct state *out);
extern char after_syscall[];

__asm__(
    ".text\n.globl probe, after_syscall\n.type probe,@function\nprobe:\n"
    "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\npush %rsi\n"
    "mov %rdi,%rax\n"
    "fninit\n"
    ".irp i,7,6,5,4,3,2,1,0\n fldt 336+16*\\i(%rax)\n .endr\n"
    "cmpl $1,level(%rip)\nja 2f\nje 1f\n"
    ".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movdqu 464+64*\\i(%rax),%xmm\\i\n .endr\njmp 3f\n"
    "1:\n.irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovdqu 464+64*\\i(%rax),%ymm\\i\n .endr\njmp 3f\n"
    "2:\n.irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    " vmovdqu64 464+64*\\i(%rax),%zmm\\i\n .endr\n"
    ".irp i,0,1,2,3,4,5,6,7\n kmovq 136+8*\\i(%rax),%k\\i\n .endr\n"
    "3:\n"
    "ldmxcsr 328(%rax)\n"
    "pushq 128(%rax)\npopfq\n"
    /* The red zone, after the last push. */
    ".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n mov 200+8*\\i(%rax),%rbx\n mov %rbx,-128+8*\\i(%rsp)\n .endr\n"
    "mov 8(%rax),%rcx\nmov 16(%rax),%rdx\nmov 24(%rax),%rbx\nmov 40(%rax),%rbp\n"
    "mov 48(%rax),%rsi\nmov 56(%rax),%rdi\n"
    ".irp i,8,9,10,11,12,13,14,15\n mov 8*\\i(%rax),%r\\i\n .endr\n"
    "mov (%rax),%rax\n"
    "syscall\nafter_syscall:\n"
    "xchg %rax,(%rsp)\n"
    "mov %rcx,8(%rax)\nmov %rdx,16(%rax)\nmov %rbx,24(%rax)\nmov %rsp,32(%rax)\nmov %rbp,40(%rax)\n"
    "mov %rsi,48(%rax)\nmov %rdi,56(%rax)\n"
    ".irp i,8,9,10,11,12,13,14,15\n mov %r\\i,8*\\i(%rax)\n .endr\n"
    ".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n mov -128+8*\\i(%rsp),%rbx\n mov %rbx,200+8*\\i(%rax)\n .endr\n"
    "pushfq\npopq 128(%rax)\ncld\n"
    "pop %rbx\nmov %rbx,(%rax)\n"
    "stmxcsr 328(%rax)\nfnstcw 332(%rax)\n"
    ".irp i,0,1,2,3,4,5,6,7\n fstpt 336+16*\\i(%rax)\n .endr\n"
    "cmpl $1,level(%rip)\nja 2f\nje 1f\n"
    ".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n movdqu %xmm\\i,464+64*\\i(%rax)\n .endr\njmp 3f\n"
    "1:\n.irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n vmovdqu %ymm\\i,464+64*\\i(%rax)\n .endr\nvzeroupper\njmp 3f\n"
    "2:\n.irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    " vmovdqu64 %zmm\\i,464+64*\\i(%rax)\n .endr\n"
    ".irp i,0,1,2,3,4,5,6,7\n kmovq %k\\i,136+8*\\i(%rax)\n .endr\nvzeroupper\n"
    "3:\nfninit\nmovl $0x1f80,-4(%rsp)\nldmxcsr -4(%rsp)\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n");

static int features(void) {
  unsigned a, b, c, d, low, high;
  __cpuid(1, a, b, c, d);
  if (!(c & bit_OSXSAVE) || !(c & bit_AVX)) return 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 6) != 6) return 0;
  __cpuid_count(7, 0, a, b, c, d);
  return (low & 0xE6) == 0xE6 && (b & bit_AVX512F) && (b & bit_AVX512BW) ? 2 : 1;
}

static int failures;
static const char *const names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static long check(const char *name, int show, long nr, long a, long b, long c, long d, long e, long f) {
  static struct state in, out;
  uint64_t seed = 0x9e3779b97f4a7c15u * (uint64_t)(nr + 1);
  uint8_t *p = (uint8_t *)&in;
  memset(&out, 0, sizeof out);
  for (size_t i = 0; i < sizeof in; i++) p[i] = (uint8_t)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 56);
  for (int i = 0; i < 8; i++) { /* normal numbers: integer bit set, exponent in range */
    in.st[i][7] |= 0x80, in.st[i][8] = (uint8_t)(0x10 + i), in.st[i][9] = 0x40;
  }
  in.mxcsr = 0x7f80; /* round towards zero */
  in.flags = 0xcd7;  /* CF PF AF ZF SF DF OF */
  in.gpr[0] = (uint64_t)nr, in.gpr[7] = (uint64_t)a, in.gpr[6] = (uint64_t)b, in.gpr[2] = (uint64_t)c;
  in.gpr[10] = (uint64_t)d, in.gpr[8] = (uint64_t)e, in.gpr[9] = (uint64_t)f;
  probe(&in, &out);
  long result = (long)out.gpr[0];
  char bad[2048] = "";
#define BAD(...) snprintf(bad + strlen(bad), sizeof bad - strlen(bad), " " __VA_ARGS__)
  for (int i = 0; i < 16; i++)
    if (i != 0 && i != 1 && i != 4 && i != 11 && in.gpr[i] != out.gpr[i]) BAD("%s", names[i]);
  if (out.gpr[1] != (uint64_t)after_syscall) BAD("rcx");
  if ((out.gpr[11] & 0xcd5) != 0xcd5) BAD("r11");
  if ((out.flags & 0xcd5) != 0xcd5) BAD("flags");
  if (out.mxcsr != in.mxcsr) BAD("mxcsr");
  if ((out.fcw & 0xffff) != 0x37f) BAD("fcw");
  for (int i = 0; i < 8; i++)
    if (memcmp(in.st[i], out.st[i], 10)) BAD("st%d", i);
  for (int i = 0; i < (level == 2 ? 32 : 16); i++)
    if (memcmp(in.v[i], out.v[i], (size_t)16 << level)) BAD("v%d", i);
  for (int i = 0; level == 2 && i < 8; i++)
    if (in.k[i] != out.k[i]) BAD("k%d", i);
  for (int i = 0; i < 16; i++)
    if (in.red[i] != out.red[i]) BAD("red%d", i);
  failures += bad[0] != 0;
  if (show) printf("%-18s = %-6ld %s%s\n", name, result, bad[0] ? "CHANGED" : "kept", bad);
  else printf("%-18s %s %s%s\n", name, result < 0 && result > -4096 ? "failed" : "ok", bad[0] ? "CHANGED" : "kept", bad);
  return result;
}

static void nothing(int s) { (void)s; }

#define C(show, name, ...) check(#name, show, SYS_##name, __VA_ARGS__)

/* The calls of a file system that keeps its content (a sealed volume seals and opens with wide registers). What the first
 * run leaves in the folder the second one reads. */
static void folder(const char *path) {
  static uint8_t data[200000], back[200000];
  uint64_t seed = 1;
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)((seed = seed * 6364136223846793005u + 1) >> 56);
  int directory = open(path, O_RDONLY | O_DIRECTORY);
  long D = (long)data, B = (long)back;
  int old = (int)C(0, openat, directory, (long)"kept", O_RDONLY, 0, 5, 6);
  C(0, pread64, old, B, 4096, 0, 5, 6);
  C(0, pread64, old, B, sizeof back, 0, 5, 6);
  if (old >= 0 && memcmp(data, back, sizeof back)) failures++;
  if (old >= 0) {
    char *map = mmap(0, sizeof back, PROT_READ, MAP_PRIVATE, old, 0);
    if (memcmp(map, data, sizeof data)) failures++;
  }
  int file = (int)C(0, openat, directory, (long)"kept.new", O_RDWR | O_CREAT | O_TRUNC, 0600, 5, 6);
  C(1, write, file, D, 100000, 4, 5, 6);
  C(1, pwrite64, file, D + 100000, sizeof data - 100000, 100000, 5, 6);
  C(1, fsync, file, 2, 3, 4, 5, 6);
  C(1, ftruncate, file, sizeof data + 5000, 3, 4, 5, 6);
  C(1, fdatasync, file, 2, 3, 4, 5, 6);
  C(1, ftruncate, file, sizeof data, 3, 4, 5, 6);
  C(1, pread64, file, B, sizeof back, 0, 5, 6);
  if (memcmp(data, back, sizeof back)) failures++;
  C(1, renameat, directory, (long)"kept.new", directory, (long)"kept", 5, 6);
  C(1, mkdirat, directory, (long)"below", 0700, 4, 5, 6);
  C(1, symlinkat, (long)"target", directory, (long)"below/link", 4, 5, 6);
  C(1, readlinkat, directory, (long)"below/link", B, 100, 5, 6);
  C(1, newfstatat, directory, (long)"kept", B, 0, 5, 6);
  C(0, getdents64, directory, B, 4096, 4, 5, 6);
  C(1, syncfs, directory, 2, 3, 4, 5, 6);
  C(1, unlinkat, directory, (long)"below/link", 0, 4, 5, 6);
  C(1, unlinkat, directory, (long)"below", AT_REMOVEDIR, 4, 5, 6);
  C(1, fsync, directory, 2, 3, 4, 5, 6);
  C(1, close, file, 2, 3, 4, 5, 6);
}

int main(int argc, char **argv) {
  level = features();
  setvbuf(stdout, 0, _IOFBF, 65536);
  static char buffer[8192];
  static struct timespec ts = {0, 1000000};
  static uint64_t set;
  static uint32_t word;
  int zero = open("/dev/zero", O_RDONLY), pipes[2];
  long P = (long)buffer;
  C(0, getpid, 1, 2, 3, 4, 5, 6);
  C(0, gettid, 1, 2, 3, 4, 5, 6);
  C(0, getppid, 1, 2, 3, 4, 5, 6);
  C(0, getuid, 1, 2, 3, 4, 5, 6);
  C(1, read, zero, P, 4096, 4, 5, 6);
  C(1, pread64, zero, P, 100, 0, 5, 6);
  C(1, read, -1, P, 1, 4, 5, 6);
  C(1, read, zero, 16, 1, 4, 5, 6);
  C(1, write, 1, P, 0, 4, 5, 6);
  C(1, lseek, -1, 0, 0, 4, 5, 6);
  C(1, fstat, zero, P, 3, 4, 5, 6);
  C(1, access, (long)"/", 0, 3, 4, 5, 6);
  C(1, openat, AT_FDCWD, (long)"/does/not/exist", 0, 0, 5, 6);
  C(1, clock_gettime, CLOCK_MONOTONIC, P, 3, 4, 5, 6);
  C(1, gettimeofday, P, 0, 3, 4, 5, 6);
  C(1, nanosleep, (long)&ts, 0, 3, 4, 5, 6);
  C(1, sched_yield, 1, 2, 3, 4, 5, 6);
  C(1, uname, P, 2, 3, 4, 5, 6);
  C(1, getrandom, P, 64, 0, 4, 5, 6);
  C(1, rt_sigprocmask, SIG_BLOCK, 0, (long)&set, 8, 5, 6);
  C(1, futex, (long)&word, 1 /* wake */, 1, 0, 0, 0);
  C(1, futex, (long)&word, 0 /* wait */, 1, 0, 0, 0);
  C(0, brk, 0, 2, 3, 4, 5, 6);
  long m = C(0, mmap, 0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  C(1, mprotect, m, 4096, PROT_READ, 4, 5, 6);
  C(1, madvise, m, 65536, MADV_DONTNEED, 4, 5, 6);
  C(1, munmap, m, 65536, 3, 4, 5, 6);
  C(1, pipe2, (long)pipes, 0, 3, 4, 5, 6);
  C(1, write, pipes[1], (long)"abc", 3, 4, 5, 6);
  C(1, poll, (long)&(struct pollfd){.fd = pipes[0], .events = POLLIN}, 1, -1, 4, 5, 6);
  C(1, read, pipes[0], P, 100, 4, 5, 6);
  C(0, dup, pipes[0], 2, 3, 4, 5, 6);
  C(1, fcntl, pipes[0], F_GETFD, 3, 4, 5, 6);
  C(1, close, pipes[0], 2, 3, 4, 5, 6);
  signal(SIGUSR1, nothing);
  C(1, tgkill, getpid(), (long)syscall(SYS_gettid), SIGUSR1, 4, 5, 6);
  check("9999", 1, 9999, 1, 2, 3, 4, 5, 6);
  if (argc > 1) folder(argv[1]);
  printf("%d changed\n", failures);
  return failures != 0;
}
