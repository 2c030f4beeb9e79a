// splice(2), tee(2), vmsplice(2), sendfile(2), copy_file_range(2), fifos, O_TMPFILE, directories with seeks.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[300000];

static long try(const char *what, long result) {
  if (result < 0) printf("%s: %s\n", what, strerror(errno));
  else printf("%s: %ld\n", what, result);
  return result;
}
static void content(const char *what, int fd) {
  ssize_t n = read(fd, buffer, sizeof buffer);
  unsigned sum = 0;
  for (ssize_t i = 0; i < n; i++) sum = sum * 31 + (unsigned char)buffer[i];
  printf("%s: %zd bytes, %08x\n", what, n, sum);
}

static void splices(void) {
  int p[2], q[2], r[2];
  if (pipe(p) || pipe(q) || pipe2(r, O_NONBLOCK)) exit(1);
  int f = open("f", O_CREAT | O_RDWR, 0600);
  for (int i = 0; i < 200000; i++) buffer[i] = (char)(i * 7 + i / 251);
  try("write", write(f, buffer, 200000));
  loff_t o = 1000, two = 5;
  try("splice file to pipe", splice(f, &o, p[1], NULL, 5000, 0));
  printf("offset %ld, position %ld\n", (long)o, (long)lseek(f, 0, SEEK_CUR));
  try("splice pipe to pipe", splice(p[0], NULL, q[1], NULL, 3000, 0));
  try("tee", tee(q[0], p[1], 100000, 0));
  content("first pipe", p[0]);
  int g = open("g", O_CREAT | O_RDWR, 0600);
  try("splice pipe to file", splice(q[0], NULL, g, &two, 100000, 0));
  printf("offset %ld\n", (long)two);
  try("lseek", lseek(g, 0, SEEK_SET));
  content("file", g);
  try("splice much", splice(f, (loff_t[]){0}, p[1], NULL, 200000, SPLICE_F_NONBLOCK));
  try("splice into a full pipe", splice(f, (loff_t[]){0}, p[1], NULL, 200000, SPLICE_F_NONBLOCK));
  content("pipe", p[0]);
  try("splice from an empty pipe", splice(p[0], NULL, g, NULL, 10, SPLICE_F_NONBLOCK));
  try("splice from an empty O_NONBLOCK pipe", splice(r[0], NULL, g, NULL, 10, 0));
  try("splice at the end of a file", splice(f, (loff_t[]){200000}, p[1], NULL, 10, 0));
  try("splice without a pipe", splice(f, NULL, g, NULL, 10, 0));
  try("splice with the offset of a pipe", splice(p[0], &o, g, NULL, 10, 0));
  try("splice with the offset of a pipe", splice(f, NULL, p[1], &o, 10, 0));
  try("splice to itself", splice(p[0], NULL, p[1], NULL, 10, 0));
  try("splice unknown flags", splice(p[0], NULL, q[1], NULL, 10, 99));
  try("splice nothing", splice(p[0], NULL, q[1], NULL, 0, 0));
  try("splice bad descriptor", splice(99, NULL, q[1], NULL, 10, 0));
  try("splice from a write end", splice(p[1], NULL, q[1], NULL, 10, 0));
  try("splice bad offset", splice(f, (loff_t *)8, p[1], NULL, 10, 0));
  try("splice negative offset", splice(f, (loff_t[]){-5}, p[1], NULL, 10, 0));
  int a = open("g", O_WRONLY | O_APPEND);
  try("write", write(p[1], "abc", 3));
  try("splice to O_APPEND", splice(p[0], NULL, a, NULL, 3, 0));
  content("left", p[0]);
  try("tee without a pipe", tee(f, p[1], 10, 0));
  try("tee to itself", tee(p[0], p[1], 10, 0));
  try("tee empty", tee(p[0], q[1], 10, SPLICE_F_NONBLOCK));
  try("tee nothing", tee(p[0], q[1], 0, 0));
  struct iovec v[3] = {{"one ", 4}, {"two ", 4}, {"three", 5}};
  try("vmsplice", vmsplice(p[1], v, 3, 0));
  char in[8];
  struct iovec w = {in, sizeof in};
  try("vmsplice out", vmsplice(p[0], &w, 1, 0));
  printf("%.8s\n", in);
  content("rest", p[0]);
  try("vmsplice to a file", vmsplice(f, v, 3, 0));
  try("vmsplice bad memory", vmsplice(p[1], &(struct iovec){(void *)8, 100}, 1, 0));
  try("vmsplice too many", vmsplice(p[1], v, 2000, 0));
  close(q[0]);
  signal(SIGPIPE, SIG_IGN);
  try("write", write(p[1], "abc", 3));
  try("splice to a pipe without readers", splice(p[0], NULL, q[1], NULL, 3, 0));
  close(p[1]);
  content("left", p[0]);
  try("splice from a pipe without writers", splice(p[0], NULL, g, NULL, 3, 0));
  close(p[0]), close(q[1]), close(r[0]), close(r[1]), close(a);

  try("sendfile", sendfile(g, f, (off_t[]){100}, 50000));
  try("sendfile from position", (lseek(f, 150000, SEEK_SET), sendfile(g, f, NULL, 100000)));
  printf("positions %ld %ld\n", (long)lseek(f, 0, SEEK_CUR), (long)lseek(g, 0, SEEK_CUR));
  try("sendfile negative", sendfile(g, f, (off_t[]){-1}, 10));
  try("sendfile bad offset", sendfile(g, f, (off_t *)8, 10));
  try("sendfile from a directory", sendfile(g, open(".", O_RDONLY), NULL, 10));
  try("sendfile read only", sendfile(open("g", O_RDONLY), f, NULL, 10));
  try("copy_file_range", copy_file_range(f, (off64_t[]){10}, g, (off64_t[]){3}, 1000, 0));
  try("copy_file_range itself", copy_file_range(f, (off64_t[]){10}, f, (off64_t[]){100000}, 1000, 0));
  try("copy_file_range overlap", copy_file_range(f, (off64_t[]){10}, f, (off64_t[]){100}, 1000, 0));
  try("copy_file_range flags", copy_file_range(f, NULL, g, NULL, 1, 7));
  try("copy_file_range past the end", copy_file_range(f, (off64_t[]){1 << 20}, g, NULL, 1, 0));
  try("copy_file_range negative", copy_file_range(f, (off64_t[]){-3}, g, NULL, 1, 0));
  try("copy_file_range huge", copy_file_range(f, (off64_t[]){0x7ffffffffffffff0}, g, NULL, 100, 0));
  try("copy_file_range directory", copy_file_range(open(".", O_RDONLY), NULL, g, NULL, 1, 0));
  try("copy_file_range pipe", copy_file_range(f, NULL, 0 * pipe(p) + p[1], NULL, 1, 0));
  lseek(g, 0, SEEK_SET);
  content("file", g);
  close(f), close(g);
}

static void *writer(void *path) {
  usleep(50000);
  int fd = open(path, O_WRONLY);
  if (write(fd, "through a fifo", 14) != 14) perror("write");
  close(fd);
  return NULL;
}

static void fifos(void) {
  try("mkfifo", mkfifo("p", 0644));
  try("mkfifo again", mkfifo("p", 0644));
  try("open nonblocking to write", open("p", O_WRONLY | O_NONBLOCK));
  int r = open("p", O_RDONLY | O_NONBLOCK);
  printf("reader %d\n", r >= 0);
  content("no writer", r);
  struct pollfd f = {r, POLLIN, 0};
  printf("poll %d %x\n", poll(&f, 1, 0), f.revents);
  int w = open("p", O_WRONLY | O_NONBLOCK);
  printf("writer %d\n", w >= 0);
  printf("read with a writer: %zd %d\n", read(r, buffer, 10), errno);
  try("write", write(w, "data", 4));
  printf("poll %d %x\n", poll(&f, 1, 0), f.revents);
  close(w);
  printf("poll %d %x\n", poll(&f, 1, 0), f.revents);
  content("data", r);
  content("end", r);
  printf("poll %d %x\n", poll(&f, 1, 0), f.revents);
  close(r);
  pthread_t t;
  pthread_create(&t, NULL, writer, "p");
  r = open("p", O_RDONLY);
  content("waited", r);
  pthread_join(t, NULL);
  close(r);
  int both = open("p", O_RDWR);
  try("write", write(both, "both", 4));
  content("both", both);
  struct stat s;
  fstat(both, &s);
  printf("%o %ld\n", s.st_mode, (long)s.st_size);
  try("lseek", lseek(both, 0, SEEK_SET));
  try("pread", pread(both, buffer, 1, 0));
  try("ftruncate", ftruncate(both, 0));
  close(both);
  try("mknod device", mknod("n", S_IFCHR | 0666, makedev(1, 3)));
  try("its write", write(open("n", O_WRONLY), "x", 1));
  try("mknod unknown device", mknod("m", S_IFCHR | 0666, makedev(250, 3)));
  try("its open", open("m", O_RDONLY));
  try("mknod block device", mknod("b", S_IFBLK | 0666, makedev(250, 3)));
  try("its open", open("b", O_RDONLY));
  try("mknod socket", mknod("s", S_IFSOCK | 0666, 0));
  try("its open", open("s", O_RDONLY));
  try("mknod directory", mknod("d", S_IFDIR | 0666, 0));
  try("mknod odd", mknod("o", 0150000, 0));
}

static void temporary(void) {
  int t = open(".", O_TMPFILE | O_RDWR, 0600);
  printf("O_TMPFILE %d\n", t >= 0);
  struct stat s;
  fstat(t, &s);
  printf("links %ld\n", (long)s.st_nlink);
  try("write", write(t, "hello", 5));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", t);
  try("linkat", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  try("linkat again", linkat(AT_FDCWD, path, AT_FDCWD, "named too", AT_SYMLINK_FOLLOW));
  fstat(t, &s);
  printf("links %ld\n", (long)s.st_nlink);
  close(t);
  t = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
  snprintf(path, sizeof path, "/proc/self/fd/%d", t);
  try("linkat with O_EXCL", linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW));
  try("O_TMPFILE read only", open(".", O_TMPFILE | O_RDONLY, 0600));
  try("O_TMPFILE of a file", open("named", O_TMPFILE | O_RDWR, 0600));
  try("open what is gone", (close(t), open(path, O_RDWR)));
  unlink("named"), unlink("named too");
}

static void directories(void) {
  mkdir("many", 0700);
  char name[64];
  for (int i = 0; i < 500; i++) {
    snprintf(name, sizeof name, "many/file-number-%d", i);
    close(open(name, O_CREAT | O_WRONLY, 0600));
  }
  DIR *d = opendir("many");
  long places[600];
  char names[600][32];
  int n = 0;
  for (struct dirent *e; (places[n] = telldir(d), e = readdir(d)); n++) snprintf(names[n], 32, "%.31s", e->d_name);
  int wrong = 0;
  for (int i = n - 1; i >= 0; i -= 7) {
    seekdir(d, places[i]);
    struct dirent *e = readdir(d);
    if (!e || strcmp(e->d_name, names[i])) wrong++;
  }
  printf("%d names, %d seeks went wrong\n", n, wrong);
  rewinddir(d);
  int seen = 0;
  // What is removed while it is read does not disturb the rest.
  for (struct dirent *e; (e = readdir(d)); seen++) {
    if (e->d_name[0] == '.') continue;
    snprintf(name, sizeof name, "many/%.40s", e->d_name);
    unlink(name);
  }
  printf("%d seen\n", seen);
  rewinddir(d);
  for (seen = 0; readdir(d); seen++) {}
  printf("%d left\n", seen);
  try("rmdir", rmdir("many"));
  rewinddir(d);
  errno = 0;
  printf("gone: %d %d\n", readdir(d) != NULL, errno);
  try("openat in it", openat(dirfd(d), "x", O_CREAT | O_RDWR, 0600));
  try("getdents of a file", getdents64(open("f", O_RDONLY), buffer, 100));
  int here = open(".", O_RDONLY);
  try("getdents too small", getdents64(here, buffer, 10));
  try("getdents fault", getdents64(here, (void *)8, 1000));
  try("read", read(here, buffer, 10));
  try("write", write(here, buffer, 10));
  try("SEEK_END", lseek(here, 0, SEEK_END) >= 0 ? 0 : -1);
  closedir(d);
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  char base[] = "/dev/shm/transfers-XXXXXX";
  if (!mkdtemp(base) || chdir(base)) return 1;
  splices();
  fifos();
  temporary();
  directories();
  const char *left[] = {"f", "g", "p", "n", "m", "b", "s"};
  for (int i = 0; i < 7; i++) unlink(left[i]);
  chdir("/");
  return rmdir(base) ? perror("rmdir"), 1 : 0;
}
