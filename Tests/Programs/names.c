// openat2(2) with every RESOLVE_ flag, statx(2) masks, linkat(2), renameat2(2) of every kind onto every kind, close_range(2),
// dup3(2), fcntl(2), xattr(7) limits: names [DIRECTORY [FAMILIES]].
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <linux/openat2.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdint.h>
#include <unistd.h>

static const char *why(long r) { return r < 0 ? strerror(errno) : "ok"; }
static int o2(int dir, const char *p, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how h = {flags, mode, resolve};
  return (int)syscall(SYS_openat2, dir, p, &h, sizeof h);
}
static void t2(int dir, const char *p, uint64_t flags, uint64_t mode, uint64_t resolve) {
  int r = o2(dir, p, flags, mode, resolve);
  printf("openat2 %s %llo %llo %llx: %s\n", p, (unsigned long long)flags, (unsigned long long)mode, (unsigned long long)resolve, why(r));
  if (r >= 0) close(r);
}
static void openat2s(int d) {
  static const char *paths[] = {"a", "/", "/dev/null", "..", "d/..", "d/../..", "d/up", "d/abs", "d/out", "magic", "dl/x", "loop", "dl", "d/./../a", "/proc/self/fd/0", "/proc/self/exe",
                                "d/x/", "d/x/.", "new", "", "d//x", "aslash/", "/dev/shm"};
  static const uint64_t resolves[] = {0, RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_CACHED, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
                                      RESOLVE_IN_ROOT | RESOLVE_NO_XDEV, RESOLVE_BENEATH | RESOLVE_IN_ROOT, 1 << 20};
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
    for (unsigned j = 0; j < sizeof resolves / sizeof *resolves; j++) {
      if (resolves[j] == RESOLVE_CACHED) continue;
      t2(d, paths[i], O_RDONLY | O_NONBLOCK, 0, resolves[j]);
      t2(d, paths[i], O_PATH | O_NOFOLLOW, 0, resolves[j]);
    }
  t2(d, "a", O_RDONLY, 0600, 0);
  t2(d, "n", O_CREAT | O_RDWR, 010000, 0);
  t2(d, "n", O_CREAT | O_RDWR, 07777, 0);
  t2(d, "n", O_CREAT | O_RDWR, 0600, RESOLVE_CACHED);
  t2(d, "a", O_TRUNC | O_RDWR, 0, RESOLVE_CACHED);
  t2(d, "a", 1ull << 40, 0, 0);
  t2(d, "a", 3, 0, 0);
  t2(d, "a", O_PATH | O_RDWR, 0, 0);
  t2(d, "a", O_PATH | O_CREAT, 0, 0);
  t2(d, "d", O_TMPFILE | O_RDWR, 0600, 0);
  t2(d, "d", O_TMPFILE, 0600, 0);
  t2(d, "d", O_TMPFILE | O_RDWR | O_CREAT, 0600, 0);
  t2(d, "d", 020000000 | O_RDWR, 0600, 0);
  t2(d, "d", O_DIRECTORY | O_CREAT, 0600, 0);
  unlinkat(d, "n", 0);
  struct { struct open_how h; uint64_t more[4]; } big = {{O_RDONLY, 0, 0}, {0}};
  printf("larger %s\n", why(syscall(SYS_openat2, d, "a", &big, sizeof big)));
  big.more[2] = 1;
  printf("larger, not zero %s\n", why(syscall(SYS_openat2, d, "a", &big, sizeof big)));
  printf("smaller %s\n", why(syscall(SYS_openat2, d, "a", &big, 8)));
  printf("much larger %s\n", why(syscall(SYS_openat2, d, "a", &big, 5000)));
  printf("fault %s\n", why(syscall(SYS_openat2, d, "a", (void *)8, 24)));
  printf("fault of the path %s\n", why(syscall(SYS_openat2, d, (void *)8, &big, 24)));
}
static void sx(const char *what, int dir, const char *p, int flags, unsigned mask) {
  struct statx x;
  memset(&x, 0xee, sizeof x);
  long r = syscall(SYS_statx, dir, p, flags, mask, &x);
  printf("statx %s %x %x: %s", what, flags, mask, why(r));
  if (!r) printf(" mask %x blksize %u attr %llx of %llx mode %o nlink %u size %llu blocks %llu dio %u %u spare %d", x.stx_mask & ~0x1000u, x.stx_blksize,
                 (unsigned long long)x.stx_attributes, (unsigned long long)x.stx_attributes_mask, x.stx_mode, S_ISDIR(x.stx_mode) ? 0 : x.stx_nlink, S_ISDIR(x.stx_mode) ? 0ull : (unsigned long long)x.stx_size,
                 S_ISDIR(x.stx_mode) ? 0ull : (unsigned long long)x.stx_blocks, x.stx_dio_mem_align, x.stx_dio_offset_align, memcmp(&x.__spare3[3], "\0\0\0\0", 4));
  puts("");
}
static void statxs(int d) {
  int a = openat(d, "a", O_RDONLY), p = openat(d, "lnk", O_PATH | O_NOFOLLOW);
  sx("a", d, "a", 0, STATX_BASIC_STATS);
  sx("a", d, "a", 0, STATX_ALL);
  sx("a", d, "a", 0, 0);
  sx("a", d, "a", 0, STATX_SIZE);
  sx("a", d, "a", AT_STATX_FORCE_SYNC, STATX_SIZE);
  sx("a", d, "a", AT_STATX_DONT_SYNC, STATX_SIZE | STATX_BTIME);
  sx("a", d, "a", AT_STATX_SYNC_TYPE, STATX_SIZE);
  sx("a", d, "a", 0, 0x80000000u);
  sx("a", d, "a", 0x40, STATX_SIZE);
  sx("lnk", d, "lnk", AT_SYMLINK_NOFOLLOW, STATX_ALL);
  sx("lnk", d, "lnk", 0, STATX_ALL);
  sx("empty", a, "", AT_EMPTY_PATH, STATX_BASIC_STATS);
  sx("empty", a, "", 0, STATX_BASIC_STATS);
  sx("empty of a link", p, "", AT_EMPTY_PATH, STATX_BASIC_STATS);
  sx("null", a, NULL, AT_EMPTY_PATH, STATX_BASIC_STATS);
  sx("bad", 99, "", AT_EMPTY_PATH, STATX_BASIC_STATS);
  sx("through a file", a, "x", 0, STATX_TYPE);
  sx("root of a mount", AT_FDCWD, "/dev/shm", 0, STATX_BASIC_STATS);
  sx("directory", d, "d", AT_NO_AUTOMOUNT, STATX_BASIC_STATS);
  printf("statx fault %s\n", why(syscall(SYS_statx, d, "a", 0, 7, (void *)8)));
  struct stat s;
  printf("fstatat empty null %s\n", why(syscall(SYS_newfstatat, a, NULL, &s, AT_EMPTY_PATH)));
  printf("fstatat flags %s\n", why(fstatat(d, "a", &s, 0x4000)));
  printf("fstat O_PATH %s\n", why(fstat(p, &s)));
  printf("fchmod O_PATH %s\n", why(fchmod(p, 0600)));
  printf("fchown O_PATH %s\n", why(fchown(p, 0, 0)));
  printf("fchownat O_PATH %s\n", why(fchownat(p, "", 0, 0, AT_EMPTY_PATH)));
  printf("fchmodat2 link %s\n", why(syscall(452, d, "lnk", 0600, AT_SYMLINK_NOFOLLOW)));
  printf("fchmodat2 empty %s\n", why(syscall(452, a, "", 0644, AT_EMPTY_PATH)));
  printf("fchmodat2 flags %s\n", why(syscall(452, a, "", 0644, 1)));
  printf("read O_PATH %s\n", why(read(p, &s, 1)));
  printf("fgetxattr O_PATH %s\n", why(fgetxattr(p, "user.x", &s, 1)));
  printf("ioctl O_PATH %s\n", why(syscall(SYS_ioctl, p, 0x5401, 0)));
  printf("fcntl O_PATH %x\n", fcntl(p, F_GETFL));
  printf("fcntl dup %s\n", why(close(fcntl(p, F_DUPFD_CLOEXEC, 50))));
  printf("fchdir O_PATH %s\n", why(fchdir(p)));
  char b[100];
  printf("readlinkat empty %zd\n", readlinkat(p, "", b, 100));
  printf("readlinkat empty of a file %s\n", why(readlinkat(a, "", b, 100)));
  printf("readlink 0 %s\n", why(syscall(SYS_readlinkat, d, "lnk", b, 0)));
  printf("readlink -1 %s\n", why(syscall(SYS_readlinkat, d, "lnk", b, -1)));
  printf("readlink short %zd\n", readlinkat(d, "lnk", b, 1));
  close(a), close(p);
}
static void links(int d) {
  int t = openat(d, ".", O_TMPFILE | O_RDWR, 0600), a = openat(d, "a", O_RDONLY), dd = openat(d, "d", O_RDONLY);
  printf("AT_EMPTY_PATH %s\n", why(linkat(t, "", d, "t1", AT_EMPTY_PATH)));
  printf("again %s\n", why(linkat(t, "", d, "t1", AT_EMPTY_PATH)));
  printf("another %s\n", why(linkat(t, "", d, "t2", AT_EMPTY_PATH)));
  unlinkat(d, "t1", 0), unlinkat(d, "t2", 0);
  printf("no name any more %s\n", why(linkat(t, "", d, "t3", AT_EMPTY_PATH)));
  printf("of a file with a name %s\n", why(linkat(a, "", d, "t4", AT_EMPTY_PATH)));
  printf("of a directory %s\n", why(linkat(dd, "", d, "t5", AT_EMPTY_PATH)));
  printf("of a directory by name %s\n", why(linkat(d, "d", d, "t5", 0)));
  printf("of a symlink %s\n", why(linkat(d, "lnk", d, "t6", 0)));
  printf("followed %s\n", why(linkat(d, "lnk", d, "t7", AT_SYMLINK_FOLLOW)));
  printf("to another file system %s\n", why(linkat(d, "a", AT_FDCWD, "/proc/t7", 0)));
  printf("flags %s\n", why(linkat(d, "a", d, "t8", 0x8000)));
  printf("to a slash %s\n", why(linkat(d, "a", d, "t8/", 0)));
  printf("to . %s\n", why(linkat(d, "a", d, ".", 0)));
  printf("of a/ %s\n", why(linkat(d, "a/", d, "t8", 0)));
  printf("to an existing one %s\n", why(linkat(d, "a", d, "d", 0)));
  printf("from a missing one to an existing one %s\n", why(linkat(d, "nope", d, "d", 0)));
  printf("unlinkat of a directory %s\n", why(unlinkat(d, "d", 0)));
  printf("unlinkat flags %s\n", why(unlinkat(d, "d", 1)));
  printf("rmdir of a file %s\n", why(unlinkat(d, "a", AT_REMOVEDIR)));
  printf("rmdir . %s\n", why(unlinkat(d, "d/.", AT_REMOVEDIR)));
  printf("rmdir .. %s\n", why(unlinkat(d, "d/..", AT_REMOVEDIR)));
  printf("rmdir / %s\n", why(rmdir("/")));
  printf("unlink / %s\n", why(unlink("/")));
  printf("unlink a/ %s\n", why(unlinkat(d, "a/", 0)));
  printf("unlink lnk/ %s\n", why(unlinkat(d, "dl/", 0)));
  printf("mkdir dl/ %s\n", why(mkdirat(d, "dangling/", 0700)));
  printf("open dangling/ O_CREAT %s\n", why(openat(d, "dangling/", O_CREAT | O_RDWR, 0600)));
  printf("open dangling O_CREAT O_EXCL %s\n", why(openat(d, "dangling", O_CREAT | O_EXCL | O_RDWR, 0600)));
  printf("symlink empty %s\n", why(symlinkat("", d, "e")));
  printf("symlink onto %s\n", why(symlinkat("x", d, "a")));
  char big[5000];
  memset(big, 'x', sizeof big), big[4999] = 0;
  printf("symlink long %s\n", why(symlinkat(big, d, "e")));
  big[4095] = 0;
  printf("symlink 4095 %s\n", why(symlinkat(big, d, "e")));
  printf("readlink %zd\n", readlinkat(d, "e", big, sizeof big));
  unlinkat(d, "e", 0);
  memset(big, 'n', 300), big[256] = 0;
  printf("name 256 %s\n", why(openat(d, big, O_CREAT | O_RDWR, 0600)));
  big[255] = 0;
  printf("name 255 %s\n", why(openat(d, big, O_CREAT | O_RDWR, 0600)));
  unlinkat(d, big, 0);
  for (int i = 0; i < 4096; i++) big[i] = i % 2 ? '/' : '.';
  big[4095] = 0;
  printf("path 4095 %s\n", why(openat(d, big, O_RDONLY)));
  big[4095] = '/', big[4096] = 0;
  printf("path 4096 %s\n", why(openat(d, big, O_RDONLY)));
  for (int i = 4; i < 9; i++) { char n[4] = {'t', (char)('0' + i), 0}; unlinkat(d, n, 0); }
  close(t), close(a), close(dd);
}
static void renames(int d) {
  static const char *names[] = {"rf", "rd", "rn", "rl", "rg", "missing", "rd/in", "rd/sub", ".", "rd/.", "rd/..", "rn/", "rf/", "missing/", "/"};
  for (int i = 0; i < 15; i++)
    for (int j = 0; j < 15; j++)
      for (unsigned fl = 0; fl < 9; fl++) {
        if (fl == 4 || fl == 5) continue;  // whiteouts below
        mkdirat(d, "rd", 0700), mkdirat(d, "rd/sub", 0700), mkdirat(d, "rn", 0700), symlinkat("rf", d, "rl");
        close(openat(d, "rf", O_CREAT | O_RDWR, 0600)), close(openat(d, "rg", O_CREAT | O_RDWR, 0600)), close(openat(d, "rd/in", O_CREAT | O_RDWR, 0600));
        linkat(d, "rf", d, "rh", 0);
        long r = renameat2(d, names[i], d, names[j], fl);
        printf("rename %s %s %u: %s;", names[i], names[j], fl, why(r));
        static const char *all[] = {"rf", "rd", "rn", "rl", "rg", "rh", "missing", "rd/in", "rd/sub", "rn/in"};
        for (int k = 0; k < 10; k++) {
          struct stat s;
          printf(" %o", fstatat(d, all[k], &s, AT_SYMLINK_NOFOLLOW) ? 0 : s.st_mode >> 12);
        }
        puts("");
        for (int k = 9; k >= 0; k--) if (unlinkat(d, all[k], 0)) unlinkat(d, all[k], AT_REMOVEDIR);
        unlinkat(d, "missing/in", 0), unlinkat(d, "missing/sub", AT_REMOVEDIR), unlinkat(d, "missing", AT_REMOVEDIR);
        unlinkat(d, "rn/sub", AT_REMOVEDIR), unlinkat(d, "rn/in", 0), unlinkat(d, "rn", AT_REMOVEDIR), unlinkat(d, "rd", AT_REMOVEDIR);
        unlinkat(d, "rf/sub", AT_REMOVEDIR), unlinkat(d, "rf/in", 0), unlinkat(d, "rf", AT_REMOVEDIR);
        unlinkat(d, "rl/sub", AT_REMOVEDIR), unlinkat(d, "rl/in", 0), unlinkat(d, "rl", AT_REMOVEDIR);
        unlinkat(d, "rg/sub", AT_REMOVEDIR), unlinkat(d, "rg/in", 0), unlinkat(d, "rg", AT_REMOVEDIR);
      }
  close(openat(d, "wf", O_CREAT | O_RDWR, 0600));
  printf("whiteout %s\n", why(renameat2(d, "wf", d, "wg", RENAME_WHITEOUT)));
  struct stat s = {0};
  printf("left %s mode %o rdev %lx\n", why(fstatat(d, "wf", &s, 0)), s.st_mode, (long)s.st_rdev);
  printf("whiteout and exchange %s\n", why(renameat2(d, "wf", d, "wg", RENAME_WHITEOUT | RENAME_EXCHANGE)));
  printf("whiteout and noreplace %s\n", why(renameat2(d, "wg", d, "wh", RENAME_WHITEOUT | RENAME_NOREPLACE)));
  unlinkat(d, "wf", 0), unlinkat(d, "wg", 0), unlinkat(d, "wh", 0);
}
static void ranges(void) {
  for (int i = 60; i < 70; i++) dup2(1, i);
  printf("close_range %s\n", why(close_range(62, 64, 0)));
  for (int i = 60; i < 70; i++) printf(" %d", fcntl(i, F_GETFD));
  puts("");
  printf("cloexec %s\n", why(close_range(65, 67, CLOSE_RANGE_CLOEXEC)));
  for (int i = 60; i < 70; i++) printf(" %d", fcntl(i, F_GETFD));
  puts("");
  printf("reversed %s\n", why(close_range(9, 8, 0)));
  printf("flags %s\n", why(close_range(60, 70, 8)));
  printf("unshare %s\n", why(close_range(60, ~0u, CLOSE_RANGE_UNSHARE)));
  printf("all gone %d\n", fcntl(60, F_GETFD));
  printf("dup3 same %s\n", why(dup3(1, 1, 0)));
  printf("dup2 same %s\n", why(dup2(1, 1)));
  printf("dup2 same bad %s\n", why(dup2(50, 50)));
  printf("dup3 flags %s\n", why(dup3(1, 60, O_NONBLOCK)));
  printf("dup3 bad %s\n", why(dup3(50, 51, 0)));
  printf("dup3 negative %s\n", why(dup3(1, -1, 0)));
  printf("dup3 far %s\n", why(dup3(1, 1 << 30, 0)));
  printf("dup3 bad to far %s\n", why(dup3(50, 1 << 30, 0)));
  printf("dup3 %d", dup3(1, 60, O_CLOEXEC));
  printf(" %d\n", fcntl(60, F_GETFD));
  printf("F_DUPFD far %s\n", why(fcntl(1, F_DUPFD, 1 << 30)));
  printf("F_DUPFD negative %s\n", why(fcntl(1, F_DUPFD, -1)));
  printf("fcntl 9999 %s\n", why(fcntl(1, 9999)));
  int p[2];
  if (pipe(p)) exit(1);
  printf("F_SETPIPE_SZ %d\n", fcntl(p[0], F_SETPIPE_SZ, 5000));
  printf("F_SETPIPE_SZ 0 %s %d\n", "", fcntl(p[0], F_SETPIPE_SZ, 0));
  printf("F_SETPIPE_SZ of a file %s\n", why(fcntl(0, F_SETPIPE_SZ, 4096)));
  printf("F_SETPIPE_SZ 1 MiB %d\n", fcntl(p[0], F_SETPIPE_SZ, 1 << 20));
  static char big[300000];
  fcntl(p[1], F_SETFL, O_NONBLOCK);
  printf("fill %zd\n", write(p[1], big, sizeof big));
  printf("smaller than its content %s\n", why(fcntl(p[0], F_SETPIPE_SZ, 4096)));
  uint64_t hint = 9;
  int f = open("hf", O_CREAT | O_RDWR, 0600);
  printf("F_GET_RW_HINT %s", why(fcntl(f, F_GET_RW_HINT, &hint)));
  printf(" %llu\n", (unsigned long long)hint);
  hint = 3;
  printf("F_SET_RW_HINT %s", why(fcntl(f, F_SET_RW_HINT, &hint)));
  hint = 9;
  printf(" %s", why(fcntl(f, F_GET_RW_HINT, &hint)));
  printf(" %llu\n", (unsigned long long)hint);
  hint = 77;
  printf("F_SET_RW_HINT 77 %s\n", why(fcntl(f, F_SET_RW_HINT, &hint)));
  printf("F_GET_FILE_RW_HINT %s\n", why(fcntl(f, F_GET_FILE_RW_HINT, &hint)));
  printf("F_GET_RW_HINT of a pipe %s\n", why(fcntl(p[0], F_GET_RW_HINT, &hint)));
  printf("F_DUPFD_QUERY %d\n", fcntl(f, 1024 + 3, f));
  printf("F_CREATED_QUERY %d\n", fcntl(f, 1024 + 4, 0));
  printf("F_SETFL O_APPEND %s %o\n", why(fcntl(f, F_SETFL, O_APPEND | O_DIRECT)), fcntl(f, F_GETFL));
  printf("F_SETFL all %s %o\n", why(fcntl(f, F_SETFL, ~O_DIRECT)), fcntl(f, F_GETFL));
  close(f), unlink("hf"), close(p[0]), close(p[1]);
}
static void xattrs(void) {
  int f = open("xf", O_CREAT | O_RDWR, 0600);
  static char big[70000], name[300];
  char b[100];
  memset(big, 'v', sizeof big);
  strcpy(name, "user."), memset(name + 5, 'n', 251), name[256] = 0;
  printf("name 256 %s\n", why(fsetxattr(f, name, "x", 1, 0)));
  name[255] = 0;
  printf("name 255 %s\n", why(fsetxattr(f, name, "x", 1, 0)));
  printf("value 65537 %s\n", why(fsetxattr(f, "user.b", big, 65537, 0)));
  printf("value 65536 %s\n", why(fsetxattr(f, "user.b", big, 65536, 0)));
  printf("size %zd\n", fgetxattr(f, "user.b", NULL, 0));
  printf("short %s\n", why(fgetxattr(f, "user.b", b, 100)));
  printf("list short %s\n", why(flistxattr(f, b, 10)));
  printf("list %zd\n", flistxattr(f, NULL, 0));
  printf("empty name %s\n", why(fsetxattr(f, "", "x", 1, 0)));
  printf("user. %s\n", why(fsetxattr(f, "user.", "x", 1, 0)));
  printf("no namespace %s\n", why(fsetxattr(f, "x", "x", 1, 0)));
  printf("unknown namespace %s\n", why(fsetxattr(f, "foo.x", "x", 1, 0)));
  printf("system %s\n", why(fsetxattr(f, "system.x", "x", 1, 0)));
  printf("security %s\n", why(fsetxattr(f, "security.x", "x", 1, 0)));
  printf("trusted %s\n", why(fsetxattr(f, "trusted.x", "x", 1, 0)));
  printf("empty value %s\n", why(fsetxattr(f, "user.e", "", 0, 0)));
  printf("got %zd\n", fgetxattr(f, "user.e", b, 100));
  printf("create %s\n", why(fsetxattr(f, "user.e", "", 0, XATTR_CREATE)));
  printf("replace %s\n", why(fsetxattr(f, "user.none", "", 0, XATTR_REPLACE)));
  printf("both %s\n", why(fsetxattr(f, "user.none", "", 0, 3)));
  printf("flags %s\n", why(fsetxattr(f, "user.none", "", 0, 4)));
  printf("fault %s\n", why(fsetxattr(f, "user.none", (void *)8, 5, 0)));
  printf("fault name %s\n", why(fsetxattr(f, (void *)8, "x", 1, 0)));
  printf("remove none %s\n", why(fremovexattr(f, "user.none")));
  symlink("xf", "xl");
  printf("user of a symlink %s\n", why(lsetxattr("xl", "user.x", "x", 1, 0)));
  printf("user of a symlink, get %s\n", why(lgetxattr("xl", "user.x", b, 1)));
  printf("trusted of a symlink %s\n", why(lsetxattr("xl", "trusted.x", "x", 1, 0)));
  mknod("xp", S_IFIFO | 0600, 0);
  printf("user of a fifo %s\n", why(setxattr("xp", "user.x", "x", 1, 0)));
  fchmod(f, 0400);
  if (!fork()) {
    fflush(stdout);
    if (setresuid(65534, 65534, 65534)) _exit(1);
    printf("as nobody: user get %s, set %s, trusted get %s, set %s, list %zd, security set %s\n", why(fgetxattr(f, "user.e", b, 100)), why(fsetxattr(f, "user.e", "", 0, 0)),
           why(fgetxattr(f, "trusted.x", b, 100)), why(fsetxattr(f, "trusted.x", "", 0, 0)), flistxattr(f, NULL, 0), why(fsetxattr(f, "security.y", "", 0, 0)));
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  int n = 0;
  for (; n < 3000; n++) { sprintf(name, "user.many%d", n); if (fsetxattr(f, name, "0123456789", 10, 0)) break; }
  printf("many %d %s\n", n, n == 3000 ? "ok" : strerror(errno));
  printf("list of many %s\n", why(flistxattr(f, big, sizeof big) > 0 ? 0 : -1));
  close(f), unlink("xf"), unlink("xl"), unlink("xp");
}
int main(int c, char **v) {
  setvbuf(stdout, NULL, _IONBF, 0);
  char base[100];
  snprintf(base, 100, "%s/names-XXXXXX", c > 1 ? v[1] : "/dev/shm");
  if (!mkdtemp(base) || chdir(base)) return 1;
  int d = open(".", O_RDONLY);
  close(open("a", O_CREAT | O_RDWR, 0644)), truncate("a", 5000);
  mkdir("d", 0755), close(open("d/x", O_CREAT | O_RDWR, 0644));
  symlink("../a", "d/up"), symlink("/etc/passwd", "d/abs"), symlink("../../../etc/passwd", "d/out"), symlink("/proc/self/fd/1", "magic"), symlink("d", "dl"), symlink("loop", "loop"),
      symlink("a", "lnk"), symlink("nowhere", "dangling"), symlink("d/", "aslash");
  const char *only = c > 2 ? v[2] : "oslrcx";
  if (strchr(only, 'o')) openat2s(d);
  if (strchr(only, 's')) statxs(d);
  if (strchr(only, 'l')) links(d);
  if (strchr(only, 'r')) renames(d);
  if (strchr(only, 'c')) ranges();
  if (strchr(only, 'x')) xattrs();
  static const char *left[] = {"a", "d/x", "d/up", "d/abs", "d/out", "magic", "dl", "loop", "lnk", "dangling", "aslash", "nowhere"};
  for (unsigned i = 0; i < sizeof left / sizeof *left; i++) unlink(left[i]);
  rmdir("d");
  return chdir("/") || rmdir(base) ? perror("rmdir"), 1 : 0;
}
