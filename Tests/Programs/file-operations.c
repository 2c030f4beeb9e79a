// Random file operations in a directory of a tmpfs: file-operations SEED STEPS [PLACE]
//
// Prints a digest of every thousand steps (results, errno values, what was read), and the whole tree at
// the end: the same seed must print the same natively and inside. With a step number in TRACE_FROM
// every step from there on is printed, to find the first that differs. It runs as root, in a chroot(2).
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "draws.h"

enum { descriptors = 12, names = 9 };
static int fds[descriptors];
static unsigned char data[1 << 17], back[1 << 17];

// A path of one to three of a few names, now and then with dots, slashes and links in it.
static const char *path(void) {
  static char buffers[4][256];
  static int turn;
  char *p = buffers[turn++ & 3];
  p[0] = 0;
  int depth = 1 + (int)below(3);
  for (int i = 0; i < depth; i++) {
    if (i) strcat(p, below(20) ? "/" : "//");
    static const char *odd[] = {".", "..", "", "link", "a-rather-long-name-so-that-it-has-no-inline-place"};
    if (below(12) == 0) strcat(p, odd[below(5)]);
    else sprintf(p + strlen(p), "%c", (char)('a' + below(names)));
  }
  if (below(25) == 0) strcat(p, "/");
  return p;
}
static int fd(void) { return fds[below(descriptors)]; }
static off_t offset(void) {
  switch (below(8)) {
    case 0: return 0;
    case 1: return (off_t)below(1 << 30);
    case 2: return (off_t)(4096 * below(40));
    case 3: return -1;
    default: return (off_t)below(200000);
  }
}
static size_t length(void) { return below(6) ? below(9000) : below(sizeof data); }

static void put(int i, int new) {
  if (fds[i] >= 0) close(fds[i]);
  fds[i] = new;
}

static void show_stat(const char *what, const struct stat *s) {
  // Sizes of directories and times differ between machines and moments.
  note("%s mode %o nlink %ld uid %d gid %d size %ld blocks %ld\n", what, s->st_mode, (long)s->st_nlink,
       s->st_uid, s->st_gid, S_ISDIR(s->st_mode) ? 0L : (long)s->st_size,
       S_ISREG(s->st_mode) ? (long)s->st_blocks : 0L);
}

static void list(const char *p) {
  int d = open(p, O_RDONLY | O_DIRECTORY);
  if (d < 0) return note("list %s %d\n", p, errno);
  DIR *dir = fdopendir(d);
  uint64_t sum = 0;
  long count = 0;
  for (struct dirent *e; (e = readdir(dir)); count++) {
    uint64_t h = e->d_type;
    for (const char *c = e->d_name; *c; c++) h = h * 31 + (unsigned char)*c;
    sum += h * h;
  }
  closedir(dir);
  note("list %s %ld %" PRIx64 "\n", p, count, sum);
}

static void one(void) {
  const char *p = path(), *q = path();
  int f = fd();
  size_t n = length();
  off_t o = offset();
  struct stat s;
  long r;
  switch (below(46)) {
    case 0: case 1: case 2: case 3: {
      static const int more[] = {0, O_CREAT, O_CREAT, O_CREAT | O_EXCL, O_TRUNC, O_CREAT | O_TRUNC, O_APPEND | O_CREAT,
                                 O_DIRECTORY, O_NOFOLLOW, O_PATH, O_DIRECTORY | O_CREAT, O_NOATIME};
      int flags = (int)below(3) | more[below(12)] | O_NONBLOCK;
      int i = (int)below(descriptors), new = open(p, flags, (mode_t)below(01000));
      note("open %s %o %d\n", p, flags, new < 0 ? errno : 0);
      if (new >= 0) put(i, new);
      break;
    }
    case 4: {
      int i = (int)below(descriptors), new = open(below(2) ? "." : p, O_TMPFILE | O_RDWR | (below(4) ? 0 : O_EXCL), 0640);
      note("tmpfile %d\n", new < 0 ? errno : 0);
      if (new >= 0) put(i, new);
      break;
    }
    case 5: r = result(linkat(f, "", AT_FDCWD, q, AT_EMPTY_PATH)); note("linkat fd %s %ld\n", q, r); break;
    case 6: { int i = (int)below(descriptors); note("close %ld\n", fds[i] < 0 ? 0 : result(close(fds[i]))); fds[i] = -1; break; }
    case 7: case 8: case 9: r = result(pwrite(f, data + below(1000), n < sizeof data - 1000 ? n : n - 1000, o)); note("pwrite %zu %ld %ld\n", n, (long)o, r); break;
    case 10: case 11: r = result(write(f, data, n)); note("write %zu %ld\n", n, r); break;
    case 12: case 13: r = result(pread(f, back, n, o)); note("pread %zu %ld %ld\n", n, (long)o, r); if (r > 0) mix(back, (size_t)r); break;
    case 14: case 15: r = result(read(f, back, n)); note("read %zu %ld\n", n, r); if (r > 0) mix(back, (size_t)r); break;
    case 16: { int w = (int)below(6); note("lseek %ld %d %ld\n", (long)o, w, result(lseek(f, o, w))); break; }
    case 17: r = result(ftruncate(f, o)); note("ftruncate %ld %ld\n", (long)o, r); break;
    case 18: r = result(truncate(p, o)); note("truncate %s %ld %ld\n", p, (long)o, r); break;
    case 19: {
      int mode = (int[]){0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE, 0x80}[below(6)];
      if (o > 300000) o &= 0xffff;
      note("fallocate %d %ld %zu %ld\n", mode, (long)o, n, result(fallocate(f, mode, o, (off_t)n)));
      break;
    }
    case 20: case 21: r = result(mkdir(p, (mode_t)below(02000))); note("mkdir %s %ld\n", p, r); break;
    case 22: r = result(rmdir(p)); note("rmdir %s %ld\n", p, r); break;
    case 23: case 24: r = result(unlink(p)); note("unlink %s %ld\n", p, r); break;
    case 25: case 26: r = result(rename(p, q)); note("rename %s %s %ld\n", p, q, r); break;
    case 27: { unsigned m = (unsigned)below(9); r = result(renameat2(AT_FDCWD, p, AT_FDCWD, q, m)); note("renameat2 %s %s %u %ld\n", p, q, m, r); break; }
    case 28: r = result(link(p, q)); note("link %s %s %ld\n", p, q, r); break;
    case 29: r = result(symlink(p, q)); note("symlink %s %s %ld\n", p, q, r); break;
    case 30: r = result(readlink(p, (char *)back, sizeof back)); note("readlink %s %ld\n", p, r); if (r > 0) mix(back, (size_t)r); break;
    case 31: r = stat(p, &s); if (r) note("stat %s %d\n", p, errno); else show_stat(p, &s); break;
    case 32: r = lstat(p, &s); if (r) note("lstat %s %d\n", p, errno); else show_stat(p, &s); break;
    case 33: r = fstat(f, &s); if (r) note("fstat %d\n", errno); else show_stat("fstat", &s); break;
    case 34: { mode_t m = (mode_t)below(010000); r = result(chmod(p, m)); note("chmod %s %o %ld\n", p, m, r); break; }
    case 35: { uid_t u = (uid_t)below(3); r = result(lchown(p, u, u ? u : (gid_t)-1)); note("lchown %s %ld\n", p, r); break; }
    case 36: { struct timespec t[2] = {{(time_t)below(1000), 5}, {7, below(3) ? UTIME_OMIT : 9}}; r = result(utimensat(AT_FDCWD, p, t, 0)); note("utimensat %s %ld\n", p, r); break; }
    case 37: list(below(3) ? "." : p); break;
    case 38: {
      char name[16];
      sprintf(name, "%s.%c", below(5) ? "user" : "trusted", (char)('a' + below(3)));
      int flags = (int)below(3);
      r = result(setxattr(p, name, data, n & 255, flags));
      note("setxattr %s %s %d %ld\n", p, name, flags, r);
      r = result(getxattr(q, name, back, 255));
      note("getxattr %s %s %ld\n", q, name, r);
      if (below(3) == 0) note("removexattr %ld\n", result(removexattr(p, name)));
      r = result(listxattr(p, NULL, 0));
      note("listxattr %ld\n", r);
      break;
    }
    case 39: { int to = fd(); off_t a = o & 0xfffff, b = offset() & 0xfffff; r = result(copy_file_range(f, &a, to, &b, n, 0)); note("copy_file_range %zu %ld %ld %ld\n", n, r, (long)a, (long)b); break; }
    case 40: {
      // Within one file Linux moves pages by reference, and what it overwrites before it is read is not defined.
      struct stat other;
      int to = fd();
      if (!fstat(f, &s) && !fstat(to, &other) && s.st_ino == other.st_ino) break;
      off_t a = o;
      r = result(sendfile(to, f, below(2) ? &a : NULL, n)); note("sendfile %zu %ld %ld\n", n, r, (long)a);
      break;
    }
    case 41: {
      struct iovec v[3] = {{back, n / 3}, {back + 50000, below(100)}, {back + 60000, n / 2}};
      int flags = (int)below(40);
      r = result(below(2) ? preadv2(f, v, 3, o, flags) : (memcpy(back, data, sizeof back), pwritev2(f, v, 3, o, flags)));
      note("preadv2/pwritev2 %d %ld\n", flags, r);
      break;
    }
    case 42: { int op = (int)below(9); r = result(flock(f, op | LOCK_NB)); note("flock %d %ld\n", op, r); break; }
    case 43: {
      struct flock l = {.l_type = (short)below(4), .l_whence = (short)below(4), .l_start = o, .l_len = (off_t)below(300) - 100};
      int command = (int[]){F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK}[below(4)];
      r = result(fcntl(f, command, &l));
      note("lock %d %ld type %d start %ld len %ld\n", command, r, l.l_type, (long)l.l_start, (long)l.l_len);
      break;
    }
    case 44: {
      struct { uint64_t flags, mode, resolve; } how = {(uint64_t)below(3) | (below(3) ? 0 : O_CREAT), 0, below(32)};
      if (how.flags & O_CREAT) how.mode = 0600;
      int new = (int)syscall(437, AT_FDCWD, p, &how, sizeof how);
      note("openat2 %s %o %x %d\n", p, (int)how.flags, (int)how.resolve, new < 0 ? errno : 0);
      if (new >= 0) close(new);
      break;
    }
    case 45: {
      if (fstat(f, &s) || !S_ISREG(s.st_mode) || !s.st_size) break;
      size_t size = (size_t)s.st_size < 200000 ? (size_t)s.st_size : 200000;
      char *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
      note("mmap %d\n", m == MAP_FAILED ? errno : 0);
      if (m == MAP_FAILED) break;
      size_t at = below(size), count = size - at < 3000 ? size - at : 3000;
      mix(m + at, count);
      memset(m + at, (int)below(256), count);
      r = pread(f, back, count, (off_t)at);
      note("after the mapping %ld\n", r);
      if (r > 0) mix(back, (size_t)r);
      munmap(m, size);
      break;
    }
  }
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void tree(const char *p) {
  struct dirent **list;
  int n = scandir(p, &list, NULL, by_name);
  for (int i = 0; i < n; i++) {
    char full[4096];
    struct stat s;
    if (!strcmp(list[i]->d_name, ".") || !strcmp(list[i]->d_name, "..")) { free(list[i]); continue; }
    snprintf(full, sizeof full, "%s/%s", p, list[i]->d_name);
    free(list[i]);
    if (lstat(full, &s)) continue;
    printf("%s %o %ld %d:%d %ld", full, s.st_mode, (long)s.st_nlink, s.st_uid, s.st_gid, S_ISDIR(s.st_mode) ? 0L : (long)s.st_size);
    if (S_ISREG(s.st_mode)) {
      uint64_t before = digest;
      digest = 1;
      int f = open(full, O_RDONLY);
      // Data and holes, and what lies in the data.
      for (off_t at = 0, end; (at = lseek(f, at, SEEK_DATA)) >= 0; at = end) {
        end = lseek(f, at, SEEK_HOLE);
        printf(" %ld-%ld", (long)at, (long)end);
        for (off_t o = at; o < end;) {
          ssize_t r = pread(f, back, sizeof back, o);
          if (r <= 0) break;
          if (r > end - o) r = (ssize_t)(end - o);
          mix(back, (size_t)r);
          o += r;
        }
      }
      printf(" %016" PRIx64, digest);
      // And all of it, wherever its holes are.
      digest = 1;
      if (s.st_size <= 1 << 22)
        for (off_t o = 0; o < s.st_size;) {
          ssize_t r = pread(f, back, sizeof back, o);
          if (r <= 0) break;
          mix(back, (size_t)r);
          o += r;
        }
      close(f);
      printf(" content %016" PRIx64, digest);
      digest = before;
    } else if (S_ISLNK(s.st_mode)) {
      ssize_t r = readlink(full, (char *)back, sizeof back);
      printf(" -> %.*s", (int)r, back);
    }
    char attributes[4096];
    ssize_t r = llistxattr(full, attributes, sizeof attributes);
    for (char *a = attributes; r > 0 && a < attributes + r; a += strlen(a) + 1) {
      ssize_t v = lgetxattr(full, a, back, sizeof back);
      printf(" %s=%zd", a, v);
    }
    puts("");
    if (S_ISDIR(s.st_mode)) tree(full);
  }
  if (n >= 0) free(list);
}

static void clean(const char *p) {
  struct dirent **list;
  int n = scandir(p, &list, NULL, by_name);
  for (int i = 0; i < n; i++) {
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", p, list[i]->d_name);
    if (strcmp(list[i]->d_name, ".") && strcmp(list[i]->d_name, "..") && unlink(full)) clean(full), rmdir(full);
    free(list[i]);
  }
  if (n >= 0) free(list);
}

int main(int argc, char **argv) {
  if (argc < 3) return fprintf(stderr, "usage: file-operations SEED STEPS [PLACE]\n"), 2;
  long steps = atol(argv[2]);
  begin_draws(argv[1]);
  char base[256];
  snprintf(base, sizeof base, "%s/operations-XXXXXX", argc > 3 ? argv[3] : "/dev/shm");
  if (!mkdtemp(base)) return perror(base), 1;
  int up = open(argc > 3 ? argv[3] : "/dev/shm", O_PATH | O_DIRECTORY);
  // The paths are random, `..` and absolute ones among them: nothing else may be within their reach.
  if (chroot(base) || chdir("/")) return perror("chroot"), rmdir(base), 1;
  umask(022);
  for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)random64();
  for (int i = 0; i < descriptors; i++) fds[i] = -1;
  for (step = 0; step < steps; step++) {
    one();
    if (step % 1000 == 999) printf("%ld %016" PRIx64 "\n", step + 1, digest);
  }
  for (int i = 0; i < descriptors; i++) put(i, -1);
  tree(".");
  printf("%016" PRIx64 "\n", digest);
  clean(".");
  if (unlinkat(up, strrchr(base, '/') + 1, AT_REMOVEDIR)) perror(base);
  return 0;
}
