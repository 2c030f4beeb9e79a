#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CHostRuntime.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

union name {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

// SocketName.swift has the layout of the four words.
static socklen_t from_words(union name *n, const uint64_t words[4]) {
  memset(n, 0, sizeof *n);
  uint16_t port = htons((uint16_t)(words[0] >> 16));
  switch (words[0] & 0xFFFF) {
    case AF_INET:
      n->v4.sin_family = AF_INET;
      n->v4.sin_port = port;
      memcpy(&n->v4.sin_addr, &words[1], 4);
      return sizeof n->v4;
    case AF_INET6:
      n->v6.sin6_family = AF_INET6;
      n->v6.sin6_port = port;
      n->v6.sin6_flowinfo = (uint32_t)(words[0] >> 32);
      memcpy(&n->v6.sin6_addr, &words[1], 16);
      n->v6.sin6_scope_id = (uint32_t)words[3];
      return sizeof n->v6;
    default: return sizeof(sa_family_t);  // AF_UNSPEC: dissolves an association
  }
}

static void to_words(uint64_t words[4], const union name *n, socklen_t size) {
  memset(words, 0, 32);
  if (size >= sizeof n->v4 && n->any.sa_family == AF_INET) {
    words[0] = AF_INET | (uint64_t)ntohs(n->v4.sin_port) << 16;
    memcpy(&words[1], &n->v4.sin_addr, 4);
  } else if (size >= sizeof n->v6 && n->any.sa_family == AF_INET6) {
    words[0] = AF_INET6 | (uint64_t)ntohs(n->v6.sin6_port) << 16 | (uint64_t)n->v6.sin6_flowinfo << 32;
    memcpy(&words[1], &n->v6.sin6_addr, 16);
    words[3] = n->v6.sin6_scope_id;
  }
}

int clh_socket(int family, int type) {
  int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return fd < 0 ? -errno : fd;
}

int clh_bind(int fd, const uint64_t words[4]) {
  union name n;
  socklen_t size = from_words(&n, words);
  return bind(fd, &n.any, size) < 0 ? -errno : 0;
}

int clh_connect(int fd, const uint64_t words[4]) {
  union name n;
  socklen_t size = from_words(&n, words);
  return connect(fd, &n.any, size) < 0 ? -errno : 0;
}

int clh_listen(int fd, int backlog) { return listen(fd, backlog) < 0 ? -errno : 0; }
int clh_shutdown(int fd, int how) { return shutdown(fd, how) < 0 ? -errno : 0; }

int clh_accept(int fd, uint64_t words[4]) {
  union name n;
  memset(&n, 0, sizeof n);
  socklen_t size = sizeof n;
  int new = accept4(fd, &n.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (new < 0) return -errno;
  to_words(words, &n, size);
  return new;
}

int clh_set_option(int fd, int level, int name, uint64_t value) {
  int numbers[2] = {(int)(uint32_t)value, (int)(uint32_t)(value >> 32)};
  socklen_t size = level == SOL_SOCKET && name == SO_LINGER ? 8 : 4;
  return setsockopt(fd, level, name, numbers, size) < 0 ? -errno : 0;
}

long clh_receive(int fd, void *bytes, size_t size, int peek, int out_of_band, int is_datagram, uint64_t words[4]) {
  union name n;
  memset(&n, 0, sizeof n);
  socklen_t name_size = sizeof n;
  int flags = MSG_DONTWAIT | (peek ? MSG_PEEK : 0) | (out_of_band ? MSG_OOB : 0);
  // The real length of a datagram; of a stream it would throw the data away.
  if (is_datagram) flags |= MSG_TRUNC;
  long r = recvfrom(fd, bytes, size, flags, is_datagram ? &n.any : NULL, is_datagram ? &name_size : NULL);
  if (r < 0) return -errno;
  memset(words, 0, 32);
  if (is_datagram) to_words(words, &n, name_size);
  return r;
}

long clh_send(int fd, const void *bytes, size_t size, int out_of_band, const uint64_t words[4]) {
  union name n;
  socklen_t name_size = (words[0] & 0xFFFF) == 0 ? 0 : from_words(&n, words);
  long r = sendto(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL | (out_of_band ? MSG_OOB : 0),
                  name_size ? &n.any : NULL, name_size);
  return r < 0 ? -errno : r;
}

void clh_socket_status(int fd, int *error, uint64_t *unread, uint64_t local[4], uint64_t peer[4]) {
  socklen_t size = sizeof *error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &size) < 0) *error = 0;
  int n = 0;
  *unread = ioctl(fd, FIONREAD, &n) < 0 || n < 0 ? 0 : (uint64_t)n;
  union name name;
  size = sizeof name;
  memset(&name, 0, sizeof name);
  if (getsockname(fd, &name.any, &size) < 0) size = 0;
  to_words(local, &name, size);
  size = sizeof name;
  memset(&name, 0, sizeof name);
  if (getpeername(fd, &name.any, &size) < 0) size = 0;
  to_words(peer, &name, size);
}

void clh_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}
