// Races that must have no third outcome: names while directories change, renames that could make circles, appends, links.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int stop, wrong;
static int rounds = 300;

static void together(void *(*a)(void *), void *(*b)(void *), void *(*c)(void *)) {
  pthread_t t[3];
  void *(*f[3])(void *) = {a, b, c};
  stop = 0;
  for (int i = 0; i < 3; i++)
    if (f[i]) pthread_create(&t[i], NULL, f[i], (void *)(long)i);
  for (int i = 0; i < 3; i++)
    if (f[i]) pthread_join(t[i], NULL);
}

// Names that stay are seen exactly once by every reading, whatever comes and goes beside them.
static void *comes_and_goes(void *p) {
  char n[32];
  for (int i = 0; !stop; i++) {
    snprintf(n, sizeof n, "dir/t%ld-%d", (long)p, i % 97);
    int f = open(n, O_CREAT | O_RDWR, 0600);
    if (f >= 0) close(f);
    if (i % 3) unlink(n);
  }
  return NULL;
}
static void *lists(void *p) {
  (void)p;
  for (int i = 0; i < rounds / 3; i++) {
    DIR *d = opendir("dir");
    char seen[64] = {0};
    for (struct dirent *e; (e = readdir(d));)
      if (!strncmp(e->d_name, "stay", 4)) seen[atoi(e->d_name + 4)]++;
    for (int k = 0; k < 64; k++)
      if (seen[k] != 1) wrong++;
    closedir(d);
  }
  stop = 1;
  return NULL;
}

// A file that is renamed over another all the time: its name always opens, and shows one whole content.
static void *replaces(void *p) {
  (void)p;
  for (int i = 0; i < rounds * 10; i++) {
    int f = open("new", O_CREAT | O_TRUNC | O_RDWR, 0600);
    char b[64];
    memset(b, 'a' + i % 26, sizeof b);
    write(f, b, sizeof b), close(f);
    if (rename("new", "name")) wrong++;
  }
  stop = 1;
  return NULL;
}
static void *opens(void *p) {
  (void)p;
  while (!stop) {
    int f = open("name", O_RDONLY);
    char b[64];
    if (f < 0 || read(f, b, 64) != 64) { wrong++; if (f >= 0) close(f); continue; }
    for (int i = 1; i < 64; i++)
      if (b[i] != b[0]) wrong++;
    close(f);
  }
  return NULL;
}

// a/x -> b/y/a and b/y -> a/x/b: one of the two must fail, or nobody finds the rest.
static void *into_b(void *p) {
  (void)p;
  for (int i = 0; i < rounds * 10; i++) rename("r/a", "r/b/a"), rename("r/b/a", "r/a");
  return NULL;
}
static void *into_a(void *p) {
  (void)p;
  for (int i = 0; i < rounds * 10; i++) rename("r/b", "r/a/b"), rename("r/a/b", "r/b");
  return NULL;
}
static void *exchanges(void *p) {
  (void)p;
  for (int i = 0; i < rounds * 10; i++) renameat2(AT_FDCWD, "r/a", AT_FDCWD, "r/b", RENAME_EXCHANGE);
  return NULL;
}

// Lines of many appenders, whole.
static void *appends(void *p) {
  int f = open("log", O_CREAT | O_APPEND | O_WRONLY, 0600);
  char line[100];
  memset(line, '0' + (int)(long)p, 99), line[99] = '\n';
  for (int i = 0; i < rounds; i++)
    if (write(f, line, 100) != 100) wrong++;
  close(f);
  return NULL;
}
// One description, several writers: each byte has its place once.
static int shared_fd;
static void *writes_on(void *p) {
  char b[50];
  memset(b, 'A' + (int)(long)p, sizeof b);
  for (int i = 0; i < rounds; i++)
    if (write(shared_fd, b, sizeof b) != sizeof b) wrong++;
  return NULL;
}

// O_CREAT|O_EXCL, link, mkdir, symlink: exactly one wins.
static atomic_int wins;
static int kind;
static void *wants_it(void *p) {
  (void)p;
  for (int i = 0; i < rounds; i++) {
    char n[32];
    snprintf(n, sizeof n, "lock%d-%d", kind, i);
    int r = -1;
    if (kind == 0) { r = open(n, O_CREAT | O_EXCL | O_WRONLY, 0600); if (r >= 0) close(r); }
    if (kind == 1) r = link("name", n);
    if (kind == 2) r = mkdir(n, 0700);
    if (kind == 3) r = symlink("x", n);
    if (r >= 0) wins++; else if (errno != EEXIST) wrong++;
  }
  return NULL;
}
// unlink and rmdir: exactly one wins, too; and a directory that somebody fills is never removed.
static void *removes(void *p) {
  (void)p;
  for (int i = 0; i < rounds; i++) {
    char n[32];
    snprintf(n, sizeof n, "lock%d-%d", kind, i);
    if (!(kind == 2 ? rmdir(n) : unlink(n))) wins++; else if (errno != ENOENT) wrong++;
  }
  return NULL;
}
static void *fills(void *p) {
  (void)p;
  for (int i = 0; i < rounds * 10; i++) {
    mkdir("full", 0700);
    int f = open("full/x", O_CREAT | O_RDWR, 0600);
    if (f >= 0) {
      struct stat s;
      if (stat("full/x", &s)) wrong++;
      close(f), unlink("full/x");
    } else if (errno != ENOENT) wrong++;
  }
  stop = 1;
  return NULL;
}
static void *empties(void *p) {
  (void)p;
  while (!stop)
    if (rmdir("full") && errno != ENOENT && errno != ENOTEMPTY) wrong++;
  return NULL;
}
// Truncation against reading and mapped stores: bytes are old or zero, never another file's.
static void *truncates(void *p) {
  (void)p;
  int f = open("cut", O_RDWR);
  char b[8192];
  memset(b, 'c', sizeof b);
  for (int i = 0; i < rounds * 5; i++) ftruncate(f, 100 + i % 4000), pwrite(f, b, sizeof b, 0);
  close(f);
  stop = 1;
  return NULL;
}
static void *reads(void *p) {
  (void)p;
  int f = open("cut", O_RDONLY);
  char b[8192];
  while (!stop) {
    ssize_t n = pread(f, b, sizeof b, 0);
    if (n < 0) wrong++;
    for (ssize_t i = 0; i < n; i++)
      if (b[i] != 'c' && b[i]) { wrong++; break; }
  }
  close(f);
  return NULL;
}
// POSIX locks of many processes: a counter without losses.
static void counts(void) {
  int f = open("counter", O_CREAT | O_RDWR, 0600);
  long zero = 0;
  pwrite(f, &zero, 8, 0);
  for (int k = 0; k < 3; k++)
    if (!fork()) {
      int own = k == 2 ? open("counter", O_RDWR) : f;
      for (int i = 0; i < rounds; i++) {
        long n;
        struct flock l = {.l_type = F_WRLCK, .l_len = 8};
        fcntl(own, F_SETLKW, &l);
        pread(own, &n, 8, 0), n++;
        pwrite(own, &n, 8, 0);
        l.l_type = F_UNLCK;
        fcntl(own, F_SETLK, &l);
      }
      _exit(0);
    }
  while (wait(NULL) > 0) {}
  pread(f, &zero, 8, 0);
  printf("counted %d\n", zero == 3L * rounds);
  close(f);
}
// dup2 and close against reads of the same descriptor.
static void *replaces_fd(void *p) {
  (void)p;
  int a = open("name", O_RDONLY), z = open("/dev/zero", O_RDONLY);
  for (int i = 0; i < rounds * 20; i++) dup2(i % 2 ? a : z, 60);
  stop = 1;
  return NULL;
}
static void *reads_fd(void *p) {
  (void)p;
  char b[8];
  while (!stop)
    if (pread(60, b, 8, 0) < 0 && errno != EBADF) wrong++;
  return NULL;
}

static void told(const char *what) { printf("%s: %d wrong\n", what, (int)wrong); wrong = 0; }
int main(int c, char **v) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (c > 1) rounds = atoi(v[1]);
  char base[80];
  snprintf(base, sizeof base, "%s/races-XXXXXX", c > 2 ? v[2] : "/dev/shm");
  if (!mkdtemp(base) || chdir(base)) return 1;
  mkdir("dir", 0700);
  for (int i = 0; i < 64; i++) { char n[20]; sprintf(n, "dir/stay%d", i); close(open(n, O_CREAT | O_RDWR, 0600)); }
  together(lists, comes_and_goes, comes_and_goes), told("listings");
  int f = open("name", O_CREAT | O_RDWR, 0600);
  char b[64];
  memset(b, 'x', 64), write(f, b, 64), close(f);
  together(replaces, opens, opens), told("replaced");
  mkdir("r", 0700), mkdir("r/a", 0700), mkdir("r/b", 0700), mkdir("r/a/in-a", 0700), mkdir("r/b/in-b", 0700);
  together(into_a, into_b, exchanges), told("circles");
  { FILE *o = popen("find r | sort | sed 's,.*/,,' | sort | tr '\\n' ' '", "r"); char l[300] = ""; fgets(l, 300, o); pclose(o); puts(l); }
  together(appends, appends, appends), told("appends");
  { FILE *l = fopen("log", "r"); char line[200]; int n = 0, bad = 0; while (fgets(line, 200, l)) { n++; for (int i = 1; i < 99; i++) if (line[i] != line[0]) { bad++; break; } } printf("%d lines, %d bad\n", n == 3 * rounds, bad); fclose(l); }
  shared_fd = open("shared", O_CREAT | O_RDWR, 0600);
  together(writes_on, writes_on, writes_on), told("one position");
  { struct stat s; fstat(shared_fd, &s); char p[50]; int bad = 0; for (off_t at = 0; at < s.st_size; at += 50) { pread(shared_fd, p, 50, at); for (int i = 1; i < 50; i++) if (p[i] != p[0]) { bad++; break; } } printf("size %d, %d bad\n", s.st_size == 150L * rounds, bad); }
  for (kind = 0; kind < 4; kind++) {
    wins = 0;
    together(wants_it, wants_it, wants_it), told("one wins"), printf("%d\n", wins == rounds);
    wins = 0;
    together(removes, removes, removes), told("one removes"), printf("%d\n", wins == rounds);
  }
  together(fills, empties, empties), told("filled directories");
  close(open("cut", O_CREAT | O_RDWR, 0600));
  together(truncates, reads, reads), told("cut");
  counts();
  together(replaces_fd, reads_fd, reads_fd), told("replaced descriptors");
  chdir("/");
  char rm[100];
  snprintf(rm, sizeof rm, "rm -rf %s", base);
  return system(rm);
}
