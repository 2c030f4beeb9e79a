// inotify(7): what is told, in which order, and what is refused.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int in;

static const char *bits(uint32_t mask) {
  static const char *names[] = {"ACCESS", "MODIFY", "ATTRIB", "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN",
    "MOVED_FROM", "MOVED_TO", "CREATE", "DELETE", "DELETE_SELF", "MOVE_SELF", "?", "UNMOUNT",
    "Q_OVERFLOW", "IGNORED"};
  static char text[256];
  text[0] = 0;
  for (int i = 0; i < 16; i++)
    if (mask & 1u << i) strcat(strcat(text, " "), names[i]);
  if (mask & IN_ISDIR) strcat(text, " ISDIR");
  return text;
}

static void show(const char *what) {
  char buffer[8192] __attribute__((aligned(8)));
  int waiting = -1;
  ioctl(in, FIONREAD, &waiting);
  printf("%s (%d bytes)\n", what, waiting);
  uint32_t cookie = 0;
  ssize_t n;
  while ((n = read(in, buffer, sizeof buffer)) > 0)
    for (char *p = buffer; p < buffer + n;) {
      struct inotify_event *e = (void *)p;
      const char *pair = "";
      if (e->cookie) {
        pair = e->cookie == cookie ? " same cookie" : " cookie";
        cookie = e->cookie;
      }
      printf("  %d%s%s%s %s (%u)\n", e->wd, bits(e->mask), pair, e->len ? "" : " -",
             e->len ? e->name : "", e->len);
      p += sizeof *e + e->len;
    }
  if (n < 0 && errno != EAGAIN) printf("  read: %s\n", strerror(errno));
}

static void try(const char *what, int result) {
  if (result < 0) printf("%s: %s\n", what, strerror(errno));
  else printf("%s: %d\n", what, result);
}

int main(void) {
  char base[] = "/dev/shm/inotify-XXXXXX";
  if (!mkdtemp(base) || chdir(base)) return 1;
  try("init1 with an unknown flag", inotify_init1(1));
  in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  printf("descriptor %d, flags %x %x\n", in > 0, fcntl(in, F_GETFL), fcntl(in, F_GETFD));
  mkdir("d", 0755);
  try("no bits", inotify_add_watch(in, "d", 0));
  try("no file", inotify_add_watch(in, "no", IN_ALL_EVENTS));
  try("bad path", inotify_add_watch(in, (char *)8, IN_ALL_EVENTS));
  try("bad descriptor", inotify_add_watch(77, "d", IN_ALL_EVENTS));
  try("other descriptor", inotify_add_watch(1, "d", IN_ALL_EVENTS));
  try("add and create", inotify_add_watch(in, "d", IN_ALL_EVENTS | IN_MASK_ADD | IN_MASK_CREATE));
  try("rm of nothing", inotify_rm_watch(in, 5));
  try("rm of nothing, other descriptor", inotify_rm_watch(1, 5));

  try("watch d", inotify_add_watch(in, "d", IN_ALL_EVENTS));
  try("again", inotify_add_watch(in, "d", IN_ALL_EVENTS));
  try("create only", inotify_add_watch(in, "d", IN_ALL_EVENTS | IN_MASK_CREATE));
  int fd = open("d/f", O_CREAT | O_RDWR, 0644);
  show("create and open");
  try("write", write(fd, "hello", 5));
  try("write", write(fd, "hello", 5));
  show("two writes");
  char c;
  lseek(fd, 0, SEEK_SET);
  try("read", read(fd, &c, 1));
  lseek(fd, 0, SEEK_END);
  try("read at the end", read(fd, &c, 1));
  show("reads");
  try("ftruncate", ftruncate(fd, 3));
  try("truncate", truncate("d/f", 2));
  try("fallocate", fallocate(fd, 0, 0, 100));
  show("sizes");
  try("fchmod", fchmod(fd, 0600));
  try("chmod", chmod("d/f", 0640));
  try("chown", chown("d/f", 0, 0));
  struct timespec both[2] = {{1, 0}, {2, 0}}, one[2] = {{1, 0}, {0, UTIME_OMIT}};
  struct timespec other[2] = {{0, UTIME_OMIT}, {5, 0}}, none[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
  try("utimensat both", utimensat(AT_FDCWD, "d/f", both, 0));
  show("attributes");
  try("utimensat atime", utimensat(AT_FDCWD, "d/f", one, 0));
  try("utimensat mtime", utimensat(AT_FDCWD, "d/f", other, 0));
  try("utimensat none", utimensat(AT_FDCWD, "d/f", none, 0));
  show("times");
  close(fd);
  show("close");
  fd = open("d/f", O_RDONLY);
  close(fd);
  fd = open("d/f", O_WRONLY | O_TRUNC);
  close(fd);
  fd = open("d/f", O_PATH);
  close(fd);
  show("open and close");
  try("watch f", inotify_add_watch(in, "d/f", IN_ALL_EVENTS));
  fd = open("d/f", O_RDWR);
  try("write", write(fd, "x", 1));
  show("both hear");
  try("link", link("d/f", "d/g"));
  try("link out", link("d/f", "h"));
  show("link");
  try("unlink", unlink("h"));
  show("unlink elsewhere");
  try("rename", rename("d/f", "d/i"));
  show("rename");
  try("rename out", rename("d/i", "i"));
  try("rename in", rename("i", "d/f"));
  show("rename out and in");
  try("unlink g", unlink("d/g"));
  try("unlink f", unlink("d/f"));
  show("unlink of an open file");
  try("write", write(fd, "x", 1));
  close(fd);
  show("last close");
  try("mkdir", mkdir("d/sub", 0755));
  try("symlink", symlink("nowhere", "d/link"));
  try("mknod", mknod("d/fifo", S_IFIFO | 0600, 0));
  show("makers");
  try("watch sub", inotify_add_watch(in, "d/sub", IN_ALL_EVENTS | IN_ONLYDIR));
  try("watch link", inotify_add_watch(in, "d/link", IN_ALL_EVENTS));
  try("watch link itself", inotify_add_watch(in, "d/link", IN_ALL_EVENTS | IN_DONT_FOLLOW));
  try("only a directory", inotify_add_watch(in, "d/fifo", IN_ALL_EVENTS | IN_ONLYDIR));
  DIR *dir = opendir("d/sub");
  while (readdir(dir)) {}
  closedir(dir);
  show("reading a directory");
  try("rename dir", rename("d/sub", "d/bus"));
  show("rename of a directory");
  try("rmdir", rmdir("d/bus"));
  show("rmdir");
  try("unlink link", unlink("d/link"));
  show("unlink of a link");
  close(open("d/a", O_CREAT | O_WRONLY, 0600));
  close(open("d/b", O_CREAT | O_WRONLY, 0600));
  show("two files");
  int wb = inotify_add_watch(in, "d/b", IN_ALL_EVENTS);
  try("watch b", wb);
  try("replace", rename("d/a", "d/b"));
  show("replace");
  close(open("d/a", O_CREAT | O_WRONLY, 0600));
  show("a again");
  try("exchange", renameat2(AT_FDCWD, "d/a", AT_FDCWD, "d/b", RENAME_EXCHANGE));
  show("exchange");
  try("setxattr", setxattr("d/a", "user.x", "1", 1, 0));
  try("removexattr", removexattr("d/a", "user.x"));
  show("xattr");
  int w = inotify_add_watch(in, "d/a", IN_MODIFY | IN_ONESHOT);
  try("oneshot", w);
  fd = open("d/a", O_WRONLY | O_APPEND);
  try("write", write(fd, "1", 1));
  try("write", write(fd, "1", 1));
  close(fd);
  show("oneshot");
  try("rm twice", inotify_rm_watch(in, w));
  try("exclude unlinked", inotify_add_watch(in, "d", IN_MODIFY | IN_CLOSE | IN_EXCL_UNLINK));
  fd = open("d/a", O_WRONLY);
  unlink("d/a");
  try("write", write(fd, "1", 1));
  close(fd);
  show("excluded");
  try("add a bit", inotify_add_watch(in, "d", IN_CREATE | IN_MASK_ADD));
  close(open("d/a", O_CREAT | O_WRONLY, 0600));
  show("more bits");
  struct pollfd p = {in, POLLIN | POLLOUT, 0};
  try("poll", poll(&p, 1, 0));
  close(open("d/a", O_WRONLY));
  try("poll", poll(&p, 1, 0));
  printf("revents %x\n", p.revents);
  try("read too little", read(in, &c, 1));
  try("write", write(in, &c, 1));
  try("lseek", lseek(in, 0, SEEK_SET));
  show("the rest");
  try("rm", inotify_rm_watch(in, 1));
  show("removed");
  try("watch d anew", inotify_add_watch(in, "d", IN_ALL_EVENTS));
  for (int i = 0; i < 20000; i++) {
    char name[32];
    snprintf(name, sizeof name, "d/x%d", i);
    if (mknod(name, S_IFREG | 0600, 0) || unlink(name)) perror(name);
  }
  char buffer[65536] __attribute__((aligned(8)));
  long count = 0, lost = 0;
  ssize_t n;
  while ((n = read(in, buffer, sizeof buffer)) > 0)
    for (char *q = buffer; q < buffer + n;) {
      struct inotify_event *e = (void *)q;
      count++;
      lost += e->mask & IN_Q_OVERFLOW ? 1 : 0;
      q += sizeof *e + e->len;
    }
  printf("events %ld, overflow %ld\n", count, lost);
  unlink("d/a"), unlink("d/b"), unlink("d/fifo");
  try("rmdir", rmdir("d"));
  show("the end");
  close(in);
  chdir("/");
  rmdir(base);
  return 0;
}
