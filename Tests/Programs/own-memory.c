// A process that reads and writes its own memory through the kernel: process_vm_readv(2), /proc/self/mem.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "show.h"


int main(void) {
  enum { page = 4096 };
  setvbuf(stdout, NULL, _IOLBF, 0);
  char a[8] = "source", b[8] = "";
  pid_t me = getpid();
  struct iovec l = {b, 7}, r = {a, 7}, bad = {(void *)8, 7}, part[2] = {{a, 3}, {(void *)8, 3}};
  VALUE("read", process_vm_readv(me, &l, 1, &r, 1, 0));
  puts(b);
  VALUE("flags", process_vm_readv(me, &l, 1, &r, 1, 1));
  VALUE("nobody", process_vm_readv(999999, &l, 1, &r, 1, 0));
  VALUE("bad remote", process_vm_readv(me, &l, 1, &bad, 1, 0));
  VALUE("bad local", process_vm_readv(me, &bad, 1, &r, 1, 0));
  VALUE("a part", process_vm_readv(me, &l, 1, part, 2, 0));
  VALUE("write", process_vm_writev(me, &l, 1, &r, 1, 0));
  VALUE("too many", process_vm_readv(me, &l, 1, &r, 1025, 0));
  VALUE("none", process_vm_readv(me, &l, 0, &r, 0, 0));
  VALUE("no remote", process_vm_readv(me, &l, 1, &r, 0, 0));
  char *p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 'p', 3 * page);
  munmap(p + 3 * page, page);
  static char big[8 * page];
  struct iovec edge = {p + 2 * page + 100, 2 * page}, to = {big, sizeof big};
  VALUE("over the edge", process_vm_readv(me, &to, 1, &edge, 1, 0));
  mprotect(p, page, PROT_READ);
  mprotect(p + page, page, PROT_NONE);
  struct iovec ro = {p, 7}, none = {p + page, 7};
  VALUE("write read-only", process_vm_writev(me, &l, 1, &ro, 1, 0));
  VALUE("read PROT_NONE", process_vm_readv(me, &l, 1, &none, 1, 0));

  int m = open("/proc/self/mem", O_RDWR);
  VALUE("mem", m >= 0);
  VALUE("pread", pread(m, b, 7, (off_t)(uintptr_t)a));
  puts(b);
  VALUE("pread null", pread(m, b, 7, 0));
  VALUE("pread unmapped", pread(m, b, 7, (off_t)(uintptr_t)(p + 3 * page)));
  VALUE("pread over the edge", pread(m, big, 2 * page, (off_t)(uintptr_t)(p + 2 * page + 100)));
  VALUE("pread PROT_NONE", pread(m, b, 1, (off_t)(uintptr_t)(p + page)));
  printf("%c\n", b[0]);
  VALUE("pwrite read-only", pwrite(m, "written", 7, (off_t)(uintptr_t)p));
  printf("%.8s\n", p);
  VALUE("pwrite null", pwrite(m, "x", 1, 0));
  // Code: a page that may be executed and not written.
  unsigned char *code = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, "\xB8\x05\0\0\0\xC3", 6);
  mprotect(code, page, PROT_READ | PROT_EXEC);
  printf("%d ", ((int (*)(void))code)());
  VALUE("patch", pwrite(m, "\x07", 1, (off_t)(uintptr_t)(code + 1)));
  printf("%d\n", ((int (*)(void))code)());
  VALUE("seek end", lseek(m, 0, SEEK_END));
  VALUE("seek", lseek(m, (off_t)(uintptr_t)a, SEEK_SET) == (off_t)(uintptr_t)a);
  VALUE("read at it", read(m, b, 3));
  VALUE("moved", lseek(m, 0, SEEK_CUR) - (off_t)(uintptr_t)a);
  fflush(stdout);
  if (fork() == 0) {
    strcpy(a, "child");
    int own = open("/proc/self/mem", O_RDONLY);
    memset(b, 0, sizeof b);
    VALUE("a child's own", pread(own, b, 5, (off_t)(uintptr_t)a));
    puts(b);
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  puts(a);
}
