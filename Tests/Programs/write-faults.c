// A library to preload into the host process: what happens to the writes of one file (VOLUME_FAULT_FILE).
//   VOLUME_FAULT=count:            a line VOLUME-WRITE on standard error for each write
//   VOLUME_FAULT=kill-before:N     SIGKILL instead of write N (from 0), kill-after:N after it, kill-within:N within it
//   VOLUME_FAULT=full:N:M          writes N ... N + M - 1 find the disk full (ENOSPC)
// It uses no system call that the host's sandbox does not allow.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int first = -1, number = 1, seen;
static char mode;
static dev_t device;
static ino_t inode;

__attribute__((constructor)) static void start(void) {
  const char *text = getenv("VOLUME_FAULT"), *file = getenv("VOLUME_FAULT_FILE");
  struct stat s;
  if (!text || !file || stat(file, &s) < 0) return;
  device = s.st_dev;
  inode = s.st_ino;
  const char *colon = strchr(text, ':');
  if (!colon) return;
  if (!strncmp(text, "count:", 6)) {
    mode = 'c';
    return;
  }
  if (!strncmp(text, "kill-before:", 12)) mode = 'b';
  if (!strncmp(text, "kill-after:", 11)) mode = 'a';
  if (!strncmp(text, "kill-within:", 12)) mode = 'w';
  if (!strncmp(text, "full:", 5)) mode = 'f';
  first = atoi(colon + 1);
  const char *second = strchr(colon + 1, ':');
  if (second) number = atoi(second + 1);
}

static void end(void) { syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), SIGKILL); }

ssize_t pwrite(int fd, const void *data, size_t count, off_t offset) {
  static ssize_t (*real)(int, const void *, size_t, off_t);
  if (!real) real = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
  struct stat s;
  // Not fstat(3), which asks by newfstatat(2).
  if (!mode || syscall(SYS_fstat, fd, &s) < 0 || s.st_dev != device || s.st_ino != inode)
    return real(fd, data, count, offset);
  int now = __atomic_fetch_add(&seen, 1, __ATOMIC_SEQ_CST);
  if (mode == 'c') {
    if (write(2, "VOLUME-WRITE\n", 13) < 0) {}
    return real(fd, data, count, offset);
  }
  if (mode == 'f') {
    if (now >= first && now < first + number) {
      errno = ENOSPC;
      return -1;
    }
    return real(fd, data, count, offset);
  }
  if (now != first) return real(fd, data, count, offset);
  if (mode == 'w') real(fd, data, count / 2, offset);
  if (mode == 'a') real(fd, data, count, offset);
  end();
  return -1;
}
ssize_t pwrite64(int fd, const void *data, size_t count, off_t offset) { return pwrite(fd, data, count, offset); }
