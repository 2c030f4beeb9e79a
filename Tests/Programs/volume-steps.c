// A scripted life of a directory tree, for volumes: `volume-steps DIR STEPS [RETRIES]` carries out the first STEPS steps
// below DIR. Each ends with fsync(2) of DIR, which commits all of it, and one line "committed N". A step that fails is
// said ("step N: call: error"); with RETRIES its fsync is tried again that often. Content depends on nothing but the step.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int step, failed;
static const char *base;

static const char *at(const char *format, ...) {
  static char text[4][4096];
  static int next;
  char *out = text[next++ & 3];
  int n = snprintf(out, 4096, "%s/", base);
  va_list list;
  va_start(list, format);
  vsnprintf(out + n, 4096 - n, format, list);
  va_end(list);
  return out;
}

static void must(const char *call, long result) {
  // A tree that was here before may have the name.
  if (result >= 0 || errno == EEXIST || errno == ENOTEMPTY || errno == ENOENT) return;
  printf("step %d: %s: %s\n", step, call, strerror(errno));
  failed = 1;
}

// `count` bytes at `offset` that depend on the step.
static void fill(const char *path, off_t offset, size_t count, int flags) {
  static unsigned char buffer[65536];
  int fd = open(path, O_WRONLY | O_CREAT | flags, 0640);
  must("open", fd);
  if (fd < 0) return;
  unsigned state = step * 2654435761u + 1;
  for (size_t done = 0; done < count;) {
    size_t n = count - done < sizeof buffer ? count - done : sizeof buffer;
    for (size_t i = 0; i < n; i++) buffer[i] = (state = state * 1664525u + 1013904223u) >> 24;
    ssize_t w = pwrite(fd, buffer, n, offset + done);
    must("write", w);
    if (w <= 0) break;
    done += w;
  }
  must("close", close(fd));
}

static void run(void) {
  switch (step % 8) {
  case 0:
    mkdir(at("a"), 0750);
    mkdir(at("many"), 0755);
    fill(at("a/%d", step), 0, 30000, O_TRUNC);
    break;
  case 1:
    fill(at("a/%d", step - 1), 4000, 9000, 0);
    must("symlink", symlink("../a", at("a/link-%d", step)));
    break;
  case 2:
    for (int i = 0; i < 40; i++) fill(at("many/%d-%d", step, i), 0, i * 97, O_TRUNC);
    break;
  case 3:
    must("rename", rename(at("many/%d-1", step - 1), at("many/%d-2", step - 1)));
    must("link", link(at("many/%d-3", step - 1), at("a/hard-%d", step)));
    must("truncate", truncate(at("a/%d", step - 3), 5000));
    break;
  case 4:
    fill(at("big"), 0, 900000, O_TRUNC);
    must("setxattr", setxattr(at("big"), "user.step", &"0123456789"[step % 10], 1, 0));
    break;
  case 5:
    must("chmod", chmod(at("a"), 0700 + step % 8));
    fill(at("sparse"), 1 << 20, 10000, 0);
    break;
  case 6:
    for (int i = 4; i < 40; i += 2) must("unlink", unlink(at("many/%d-%d", step - 4, i)));
    fill(at("big"), 300000, 70000, 0);
    break;
  case 7:
    must("truncate", truncate(at("big"), 100000 + step));
    must("rename", rename(at("a"), at("b-%d", step)));
    must("mkdir", mkdir(at("a"), 0711));
    fill(at("a/%d", step + 1), 0, 100, O_TRUNC);
    break;
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  setvbuf(stdout, 0, _IOLBF, 0);
  base = argv[1];
  int retries = argc > 3 ? atoi(argv[3]) : 0;
  int fd = open(base, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return 3;
  umask(0);
  for (step = 0; step < atoi(argv[2]); step++) {
    failed = 0;
    run();
    int result;
    for (int i = 0; (result = fsync(fd)) < 0 && i < retries; i++)
      printf("step %d: fsync: %s\n", step, strerror(errno));
    must("fsync", result);
    if (failed) return 4;
    printf("committed %d\n", step + 1);
  }
  return 0;
}
