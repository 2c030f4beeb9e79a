// Random use of descriptors that are waited for, of futexes, and of a thread's and a process's settings.
#include "operations.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Two event counters, one of them a semaphore, the ends of two pipes and of two pairs of sockets, and epolls.
enum { sources = 10, polls = 4, all = sources + polls, words = 4 };
static int fds[all];
// The first half are locks with an owner, the others numbers.
static uint32_t futex[words];

static void make(int i) {
  int pair[2];
  switch (i) {
    case 0: fds[0] = eventfd(0, EFD_NONBLOCK); break;
    case 1: fds[1] = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE); break;
    case 2: case 4: if (pipe2(pair, O_NONBLOCK)) perror("pipe2"), exit(1); fds[i] = pair[0], fds[i + 1] = pair[1]; break;
    case 6: case 8:
      if (socketpair(AF_UNIX, (i == 6 ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_NONBLOCK, 0, pair)) perror("socketpair"), exit(1);
      fds[i] = pair[0], fds[i + 1] = pair[1];
      break;
    case 3: case 5: case 7: case 9: break;
    default: fds[i] = epoll_create1(0);
  }
}

void prepare_waiting(void) {
  signal(SIGPIPE, SIG_IGN);
  for (int i = 0; i < all; i++) make(i);
}

static int by_data(const void *a, const void *b) {
  const struct epoll_event *x = a, *y = b;
  return x->data.u32 < y->data.u32 ? -1 : x->data.u32 > y->data.u32;
}

static void control(void) {
  static const uint32_t flags[] = {0, 0, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLRDHUP, EPOLLPRI};
  static const int operations[] = {EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, 9};
  int epoll = sources + (int)below(polls), of = (int)below(all), op = operations[below(below(9) ? 4 : 5)];
  struct epoll_event e = {.events = (uint32_t)below(2) * EPOLLIN | (uint32_t)below(2) * EPOLLOUT | flags[below(8)], .data.u32 = (uint32_t)of};
  // How often an instance that is watched at its edges tells of what it has told before is not the same everywhere.
  if (of >= sources) e.events &= ~(uint32_t)EPOLLET;
  int not_poll = below(30) == 0;
  note("epoll_ctl %d op %d of %d events %x %ld\n", not_poll ? 2 : epoll, op, of, e.events, result(epoll_ctl(fds[not_poll ? 2 : epoll], op, fds[of], &e)));
}

static void wait_epoll(void) {
  struct epoll_event got[all];
  int epoll = sources + (int)below(polls), most = below(15) ? all : (int)below(2) - 1;
  int r = epoll_wait(fds[epoll], got, most, 0);
  note("epoll_wait %d %ld\n", epoll, result(r));
  if (r > 1) qsort(got, (size_t)r, sizeof *got, by_data);
  for (int i = 0; i < r; i++) note("event of %d: %x\n", got[i].data.u32, got[i].events);
}

static void poll_all(void) {
  struct pollfd p[all];
  for (int i = 0; i < all; i++) p[i] = (struct pollfd){.fd = fds[i], .events = (short)below(64)};
  long r = result(poll(p, all, 0));
  note("poll %ld", r);
  for (int i = 0; i < all; i++) note(" %x", p[i].revents);
  note("\n");
}

static void select_some(void) {
  fd_set in, out, other;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_ZERO(&other);
  int highest = 0;
  for (int i = 0; i < all; i++) {
    if (fds[i] >= FD_SETSIZE) continue;
    if (below(2)) FD_SET(fds[i], &in);
    if (below(2)) FD_SET(fds[i], &out);
    if (below(2)) FD_SET(fds[i], &other);
    if (fds[i] > highest) highest = fds[i];
  }
  struct timeval none = {0, below(20) ? 0 : -1};
  long r = result(select(highest + 1, &in, &out, &other, &none));
  note("select %ld", r);
  for (int i = 0; r >= 0 && i < all; i++) note(" %d%d%d", !!FD_ISSET(fds[i], &in), !!FD_ISSET(fds[i], &out), !!FD_ISSET(fds[i], &other));
  note("\n");
}

// How many writes wait at each end to be read: how much fits is not the same everywhere, so none becomes full.
static int unread[all];

static void use(void) {
  static char bytes[2000];
  int i = (int)below(all);
  size_t n = below(3) ? below(20) : below(sizeof bytes - 200);
  uint64_t value = below(8) ? below(9) : UINT64_MAX - below(2);
  long r;
  switch (below(6)) {
    case 0: case 1:
      if (i >= 2 && i < sources && ++unread[i] > 20) break;
      r = i < 2 ? result(write(fds[i], &value, below(9) ? 8 : 4)) : result(write(fds[i], bytes, n));
      note("write %d %s\n", i, r > 0 ? "some" : r == 0 ? "none" : r == -EAGAIN ? "EAGAIN" : r == -EPIPE ? "EPIPE" : "else");
      break;
    case 2: case 3: value = 0; r = i < 2 ? result(read(fds[i], &value, 8)) : result(read(fds[i], bytes, sizeof bytes)); note("read %d %s %d\n", i, r > 0 ? "some" : r == -EAGAIN ? "EAGAIN" : "else", (int)value);
      if (i >= 2 && i < sources && r == -EAGAIN) unread[i ^ 1] = 0;
      break;
    case 4: {
      int how = (int)below(4);
      if (below(4) == 0) note("shutdown %d %d %ld\n", i, how, result(shutdown(fds[i], how)));
      break;
    }
    default:
      // Closed and made again, with its partner.
      if (below(4)) break;
      if (i < 2 || i >= sources) {
        close(fds[i]), make(i);
      } else {
        if (below(2)) close(fds[i & ~1]), close(fds[i | 1]); else close(fds[i | 1]), close(fds[i & ~1]);
        make(i & ~1), unread[i & ~1] = unread[i | 1] = 0;
      }
      note("again %d\n", i);
  }
}

static long call_futex(int i, int op, uint32_t value, uintptr_t timeout, int j, uint32_t value3) {
  return result(syscall(SYS_futex, &futex[i], op, value, timeout, &futex[j], value3));
}

// A lock's owner as the number of a thread, for the TIDs differ.
static int owner(int i) {
  for (int t = 0; t < everyone; t++)
    if ((futex[i] & FUTEX_TID_MASK) == (uint32_t)thread_id[t]) return t;
  return futex[i] ? 99 : -1;
}

static void use_futex(void) {
  int i = words / 2 + (int)below(words / 2), j = words / 2 + (int)below(words / 2), k = (int)below(words / 2), private = below(2) ? FUTEX_PRIVATE_FLAG : 0;
  uint32_t value = (uint32_t)below(3);
  struct timespec soon = {0, (long)below(3000)};
  long r;
  switch (below(10)) {
    case 0: r = call_futex(i, FUTEX_WAIT | private, futex[i] + (below(3) != 0), (uintptr_t)&soon, 0, 0); note("futex wait %ld\n", r); break;
    case 1: r = call_futex(i, FUTEX_WAKE | private, value, 0, 0, 0); note("futex wake %ld\n", r); break;
    case 2: r = call_futex(i, FUTEX_CMP_REQUEUE | private, value, value, j, futex[i] + (below(3) == 0)); note("futex requeue %d %d %ld\n", i, j, r); break;
    case 3: r = call_futex(i, FUTEX_WAKE_OP | private, 1, 1, j, FUTEX_OP((uint32_t)below(5), value, (uint32_t)below(6), 1)); note("futex wake op %ld %u\n", r, futex[j]); break;
    case 4: r = call_futex(i, FUTEX_WAIT_BITSET | private, futex[i] + 1, 0, 0, value); note("futex bitset %ld\n", r); break;
    case 5: r = call_futex(k, FUTEX_LOCK_PI | private, 0, (uintptr_t)&soon, 0, 0); note("futex lock pi %d %ld owner %d\n", k, r, owner(k)); break;
    case 6: r = call_futex(k, FUTEX_UNLOCK_PI | private, 0, 0, 0, 0); note("futex unlock pi %d %ld owner %d\n", k, r, owner(k)); break;
    case 7: r = call_futex(k, FUTEX_TRYLOCK_PI | private, 0, 0, 0, 0); note("futex trylock pi %d %ld owner %d\n", k, r, owner(k)); break;
    case 8: r = result(syscall(SYS_futex, (char *)&futex[i] + 1 + below(3), FUTEX_WAKE, 1, NULL, NULL, 0)); note("futex askew %ld\n", r); break;
    default: if (below(3) == 0) futex[i] = below(2) ? 0 : value;
  }
}

static void settings(void) {
  char name[64] = "";
  struct rlimit limit = {0}, old = {0};
  struct sched_param parameters = {.sched_priority = (int)below(3)};
  long r;
  switch (below(12)) {
    case 0: snprintf(name, sizeof name, "operations-%d-and-more", (int)below(100)); r = result(prctl(PR_SET_NAME, name)); note("set name %ld\n", r); break;
    case 1: r = result(prctl(PR_GET_NAME, name)); note("name %d %ld\n", !!strstr(name, "operations"), r); break;
    case 2: {
      int which = (int)below(18);
      r = result(getrlimit(which, &limit));
      // The limit on stacks is the shell's.
      note("getrlimit %d %ld\n", which, r);
      break;
    }
    case 3: {
      limit.rlim_cur = below(100), limit.rlim_max = 100 - below(2);
      r = result(prlimit(below(4) ? 0 : getpid(), RLIMIT_RTPRIO, below(2) ? &limit : NULL, &old));
      note("prlimit %ld %d\n", r, old.rlim_cur <= old.rlim_max);
      break;
    }
    case 4: r = result(sched_getscheduler(below(3) ? 0 : -1)); note("scheduler %ld\n", r); break;
    case 5: r = result(sched_setscheduler(0, below(2) ? SCHED_OTHER : (int)below(2) * 40 + 3, &parameters)); note("set scheduler %d %ld\n", parameters.sched_priority, r); sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0}); break;
    case 6: { int policy = (int)below(7); note("priorities %d %ld %ld\n", policy, result(sched_get_priority_min(policy)), result(sched_get_priority_max(policy))); break; }
    case 7: { cpu_set_t set; CPU_ZERO(&set); if (below(3)) CPU_SET(0, &set); r = result(sched_setaffinity(0, below(5) ? sizeof set : 1, &set)); note("affinity %ld\n", r); break; }
    case 8: r = result(prctl(PR_GET_PDEATHSIG, &limit)); note("get pdeathsig %ld\n", r); break;
    case 9: { clockid_t clock = (clockid_t)below(8); struct timespec t; note("clock %d %ld\n", clock, result(clock_getres(clock, &t))); break; }
    case 10: errno = 0; r = getpriority(PRIO_PROCESS, below(2) ? 0 : (id_t)thread_id[0]); note("priority %ld %d\n", r, errno); break;
    default: note("pdeathsig %ld\n", result(prctl(PR_SET_PDEATHSIG, below(90)))); prctl(PR_SET_PDEATHSIG, 0);
  }
}

void waiting_operation(void) {
  switch (below(12)) {
    case 0: case 1: case 2: control(); break;
    case 3: case 4: wait_epoll(); break;
    case 5: poll_all(); break;
    case 6: select_some(); break;
    case 7: use_futex(); break;
    case 8: settings(); break;
    default: use();
  }
}

void waiting_state(void) {
  poll_all();
  for (int i = 0; i < words; i++) note("futex %d: %ld\n", i, i < words / 2 ? owner(i) : (long)futex[i]);
}
