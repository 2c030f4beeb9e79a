// Which pages a sparse file has (st_blocks, SEEK_DATA) after fallocate(2), truncate(2), failed writes and
// reads through mappings: past its end, too.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int f;

static void show(const char *what, long result) {
  struct stat s;
  fstat(f, &s);
  printf("%s: %ld%s%s, size %ld blocks %ld, data", what, result, result < 0 ? " " : "", result < 0 ? strerror(errno) : "",
         (long)s.st_size, (long)s.st_blocks);
  for (off_t at = 0, end; (at = lseek(f, at, SEEK_DATA)) >= 0; at = end) {
    end = lseek(f, at, SEEK_HOLE);
    printf(" %ld-%ld", (long)at, (long)end);
  }
  puts("");
}
static void new(const char *what) {
  close(f);
  unlink("f");
  f = open("f", O_CREAT | O_RDWR, 0600);
  printf("-- %s\n", what);
}
enum { keep = FALLOC_FL_KEEP_SIZE, punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };

static void past_the_end(void) {
  new("reserved past the end");
  show("write", pwrite(f, "x", 1, 5000));
  show("reserve", fallocate(f, keep, 20000, 30000));
  show("punch some", fallocate(f, punch, 23000, 10000));
  show("punch all", fallocate(f, punch, 5000, 1 << 20));
  show("reserve far", fallocate(f, keep, 1l << 33, 8192));
  show("reserve farther", fallocate(f, keep, 1l << 40, 8192));
  show("punch the first", fallocate(f, punch, 0, (1l << 33) + 4096));
  show("punch the rest", fallocate(f, punch, 4096, 1l << 50));
  show("reserve", fallocate(f, keep, 20000, 30000));
  show("truncate to the same size", ftruncate(f, 5001));
  show("reserve", fallocate(f, keep, 20000, 30000));
  show("truncate to more", ftruncate(f, 30000));
  show("truncate to less", ftruncate(f, 100));
  show("punch to the last byte", fallocate(f, punch, 1, 0x7ffffffffffffffel));
  show("punch beyond", fallocate(f, punch, 2, 0x7fffffffffffffffl));
}

static void reserved_twice(void) {
  new("reserved, written, reserved again");
  show("reserve", fallocate(f, 0, 4096, 40960));
  show("write", pwrite(f, "x", 1, 9000));
  show("reserve again", fallocate(f, 0, 12288, 4096));
  show("reserve nothing", fallocate(f, 0, 0, 0));
  show("negative", fallocate(f, 0, -1, 1));
  show("too far", fallocate(f, 0, 0x7fffffffffffffffl, 1));
  show("punch within a page", fallocate(f, punch, 9000, 10));
  show("punch without KEEP_SIZE", fallocate(f, FALLOC_FL_PUNCH_HOLE, 0, 10));
  show("collapse", fallocate(f, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
  show("zero", fallocate(f, FALLOC_FL_ZERO_RANGE, 0, 4096));
  show("insert", fallocate(f, FALLOC_FL_INSERT_RANGE, 0, 4096));
  show("unshare", fallocate(f, FALLOC_FL_UNSHARE_RANGE, 0, 4096));
  show("unknown", fallocate(f, 1 << 12, 0, 4096));
  show("posix_fallocate", -posix_fallocate(f, 60000, 5000));
}

static void mapped(void) {
  new("read and written through a mapping");
  show("truncate", ftruncate(f, 1 << 20));
  volatile char *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  volatile char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0);
  m[200000] = 1;
  show("written", p[200000]);
  show("msync", msync((void *)m, 1 << 20, MS_SYNC));
  show("punch", fallocate(f, punch, 196608, 4096));
  m[200000]++;
  show("seen", m[200000]);
  m[200000] = 2;
  show("truncate", ftruncate(f, 200001));
  show("truncate to more", ftruncate(f, 1 << 20));
  show("seen", m[200000] * 1000 + m[200001]);
  show("MADV_REMOVE", madvise((void *)(m + 196608), 4096, MADV_REMOVE));
  show("MADV_REMOVE of a private one", madvise((void *)p, 4096, MADV_REMOVE));
  m[196609] = 5;
  show("after it", m[200000] * 100 + m[196609]);
  close(f);
  f = open("f", O_RDONLY);
  volatile char *r = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, f, 0);
  show("MADV_REMOVE of one that is read only", madvise((void *)(r + 196608), 4096, MADV_REMOVE));
  munmap((void *)r, 1 << 20);
  char *a = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memset(a, 7, 1 << 20);
  show("MADV_REMOVE of shared memory", madvise(a + 8192, 8192, MADV_REMOVE));
  show("it has", a[8191] * 1000 + a[8192] * 100 + a[16383] * 10 + a[16384]);
  munmap(a + 12288, 4096);
  show("MADV_REMOVE with a gap", madvise(a + 8192, 12288, MADV_REMOVE));
  show("MADV_REMOVE without a mapping", madvise(a + 12288, 4096, MADV_REMOVE));
  munmap(a, 1 << 20);
  a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  show("MADV_REMOVE of memory", madvise(a, 8192, MADV_REMOVE));
  close(f);
  f = open("f", O_RDWR);
  munmap((void *)m, 1 << 20), munmap((void *)p, 1 << 20);
}

// What is new of a write that breaks off differs between kernels; that it is zero and later writes work does not.
static void broken(void) {
  new("writes that break off");
  char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), back[100];
  memset(m, 'm', 4096);
  munmap(m + 4096, 4096);
  printf("%ld\n", (long)pwrite(f, m, 8192, 0));
  printf("%ld\n", (long)pwrite(f, m + 1000, 8000, 20000));
  struct iovec v[2] = {{m, 100}, {m + 4096, 100}};
  printf("%ld\n", (long)pwritev(f, v, 2, 65536));
  printf("%ld %s\n", (long)pwrite(f, m + 4096, 8192, 100), strerror(errno));
  printf("%ld\n", (long)pwrite(f, "", 0, 300000));
  ftruncate(f, 1 << 20);
  for (off_t at = 0; at < 1 << 20; at += sizeof back)
    for (ssize_t i = 0, n = pread(f, back, sizeof back, at); i < n; i++)
      if (back[i] != (at + i < 4096 || (at + i >= 20000 && at + i < 23096) || (at + i >= 65536 && at + i < 65636) ? 'm' : 0))
        printf("%ld is %d\n", (long)(at + i), back[i]), at = 1 << 20;
  show("truncate", ftruncate(f, 0));
}

static void copied(void) {
  new("copies of holes");
  int g = open("g", O_CREAT | O_RDWR, 0600);
  show("other", ftruncate(g, 1 << 20));
  pwrite(g, "x", 1, 500000);
  off_t a = 0, b = 0;
  show("copy_file_range", copy_file_range(g, &a, f, &b, 1 << 20, 0));
  close(g), unlink("g");
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  char base[] = "/dev/shm/sparse-XXXXXX";
  if (!mkdtemp(base) || chdir(base)) return perror(base), 1;
  past_the_end();
  reserved_twice();
  mapped();
  broken();
  copied();
  unlink("f");
  return chdir("/") || rmdir(base);
}
