// Threads: starting them, locking, and handing over from one to the other.
#define _GNU_SOURCE
#include "bench.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *nothing(void *argument) { return argument; }

static uint64_t thread_create_join(long count) {
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  return now_ns() - start;
}

static uint64_t mutex_uncontended(long count) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
  }
  return now_ns() - start;
}

// Runs `body` on this thread with `count` and on a second one with `-count`; one operation is one round
// trip. The second thread's start is not timed.
static _Atomic int started;
static void *(*partner_body)(void *);
static void *partner(void *count) {
  atomic_store(&started, 1);
  return partner_body(count);
}

static uint64_t two_threads(void *(*body)(void *), long count) {
  long mine = count, other = -count;
  pthread_t thread;
  atomic_store(&started, 0);
  partner_body = body;
  CHECK(pthread_create(&thread, NULL, partner, &other) == 0);
  while (!atomic_load(&started)) sched_yield();
  uint64_t start = now_ns();
  body(&mine);
  uint64_t time = now_ns() - start;
  CHECK(pthread_join(thread, NULL) == 0);
  return time;
}

static _Atomic uint32_t turn;

static void *futex_body(void *argument) {
  long count = *(long *)argument;
  const uint32_t mine = count < 0 ? 1 : 0;
  if (count < 0) count = -count;
  for (long i = 0; i < count; i++) {
    while (atomic_load(&turn) != mine)
      syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, 1 - mine, NULL, NULL, 0);
    atomic_store(&turn, 1 - mine);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  }
  return NULL;
}
static uint64_t futex_ping_pong(long count) {
  atomic_store(&turn, 0);
  return two_threads(futex_body, count);
}

static int there[2], back[2];

static void *pipe_body(void *argument) {
  long count = *(long *)argument;
  const int second = count < 0;
  if (second) count = -count;
  char byte = 0;
  for (long i = 0; i < count; i++) {
    if (second) CHECK(read(there[0], &byte, 1) == 1);
    CHECK(write(second ? back[1] : there[1], &byte, 1) == 1);
    if (!second) CHECK(read(back[0], &byte, 1) == 1);
  }
  return NULL;
}
static uint64_t pipe_ping_pong(long count) {
  if (!there[1]) CHECK(pipe(there) == 0 && pipe(back) == 0);
  return two_threads(pipe_body, count);
}

const figure thread_figures[] = {
    {"thread-create-join", thread_create_join}, {"mutex", mutex_uncontended},
    {"futex-ping-pong", futex_ping_pong},       {"pipe-ping-pong", pipe_ping_pong},
    {NULL, NULL},
};
