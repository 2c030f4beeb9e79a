#define _GNU_SOURCE
#include "CPrepare.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

ssize_t clp_llistxattr(const char *path, void *list, size_t size) {
  ssize_t n = llistxattr(path, list, size);
  return n < 0 ? -errno : n;
}

ssize_t clp_lgetxattr(const char *path, const char *name, void *value, size_t size) {
  ssize_t n = lgetxattr(path, name, value, size);
  return n < 0 ? -errno : n;
}

ssize_t clp_copy_file_range(int from, int to, size_t size) {
  ssize_t n = copy_file_range(from, 0, to, 0, size, 0);
  return n < 0 ? -errno : n;
}

int clp_pipe(int descriptors[2]) { return pipe2(descriptors, O_CLOEXEC) < 0 ? -errno : 0; }
