// What runtimes do all day: memory from several threads, waiting for descriptors, signals to computing
// threads, large reservations and first touches.
#define _GNU_SOURCE
#include "bench.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

// Four threads that allocate and free blocks of many sizes; an operation is 20,000 blocks in each.
enum { allocators = 4, kept = 512 };
static void *allocate(void *argument) {
  long count = *(long *)argument;
  void *blocks[kept] = {0};
  uint32_t r = (uint32_t)(uintptr_t)argument | 1;
  for (long i = 0; i < count; i++) {
    r = r * 1664525u + 1013904223u;
    unsigned at = (r >> 8) % kept;
    free(blocks[at]);
    size_t size = 16u << ((r >> 20) % 12);
    blocks[at] = malloc(size);
    CHECK(blocks[at]);
    *(volatile char *)blocks[at] = 1;
  }
  for (int i = 0; i < kept; i++) free(blocks[i]);
  return NULL;
}
static uint64_t malloc_threads(long count) {
  pthread_t threads[allocators];
  // Enough each that starting the threads does not show.
  long each = count * 20000;
  uint64_t start = now_ns();
  for (int i = 0; i < allocators; i++) CHECK(pthread_create(&threads[i], NULL, allocate, &each) == 0);
  for (int i = 0; i < allocators; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  return now_ns() - start;
}

static uint64_t epoll_ready(long count) {
  static int ep = -1;
  if (ep < 0) {
    int fd = eventfd(1, 0);
    ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN};
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
  }
  struct epoll_event e[4];
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) CHECK(epoll_wait(ep, e, 4, -1) == 1);
  return now_ns() - start;
}

static int there = -1, back = -1;
static void *echo(void *argument) {
  long count = *(long *)argument;
  uint64_t v;
  for (long i = 0; i < count; i++) {
    CHECK(read(there, &v, 8) == 8);
    v = 1;
    CHECK(write(back, &v, 8) == 8);
  }
  return NULL;
}
static uint64_t eventfd_ping_pong(long count) {
  if (there < 0) there = eventfd(0, 0), back = eventfd(0, 0);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, echo, &count) == 0);
  uint64_t v = 1, start = now_ns();
  for (long i = 0; i < count; i++) {
    v = 1;
    CHECK(write(there, &v, 8) == 8);
    CHECK(read(back, &v, 8) == 8);
  }
  uint64_t time = now_ns() - start;
  pthread_join(thread, NULL);
  return time;
}

static atomic_long handled;
static atomic_int stop;
static void handler(int signal) {
  (void)signal;
  atomic_fetch_add(&handled, 1);
}
static void *compute(void *argument) {
  volatile unsigned long n = 0;
  while (!atomic_load_explicit(&stop, memory_order_relaxed)) n++;
  return argument;
}
// From pthread_kill to the handler's mark, the other thread never in a call.
static uint64_t signal_computing(long count) {
  signal(SIGUSR1, handler);
  pthread_t thread;
  atomic_store(&stop, 0);
  CHECK(pthread_create(&thread, NULL, compute, NULL) == 0);
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    long before = atomic_load(&handled);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    while (atomic_load(&handled) == before) sched_yield();
  }
  uint64_t time = now_ns() - start;
  atomic_store(&stop, 1);
  pthread_join(thread, NULL);
  return time;
}

static uint64_t reserve(long count) {
  const size_t size = 32ul << 30;
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(p != MAP_FAILED);
    CHECK(munmap(p, size) == 0);
  }
  return now_ns() - start;
}

static uint64_t first_touch(long count) {
  const size_t size = 256ul << 20;
  uint64_t time = 0;
  for (long i = 0; i < count; i++) {
    volatile char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    uint64_t start = now_ns();
    for (size_t at = 0; at < size; at += 4096) p[at] = 1;
    time += now_ns() - start;
    CHECK(munmap((void *)p, size) == 0);
  }
  return time;
}

// Two threads on one page of a file that is mapped at two addresses: the page goes to and fro.
static uint64_t shared_two_views(long count) {
  static volatile long *one, *two;
  if (!one) {
    int fd = memfd_create("views", 0);
    CHECK(ftruncate(fd, 4096) == 0);
    one = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    two = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    one[0] = i;
    CHECK(two[0] == i);
  }
  return now_ns() - start;
}

const figure runtime_figures[] = {
    {"malloc-threads", malloc_threads}, {"epoll-ready", epoll_ready},
    {"eventfd-ping-pong", eventfd_ping_pong}, {"signal-computing", signal_computing},
    {"reserve", reserve}, {"first-touch", first_touch}, {"shared-two-views", shared_two_views},
    {NULL, NULL}};
