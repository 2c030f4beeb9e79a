// Many threads at once, more than an enclave is built with: all are alive together, each has its own TLS, signal mask
// and stack, each is interrupted by a signal, all end; then again.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static atomic_int handled, wrong;
static __thread int own;

static void handler(int number) {
  (void)number;
  atomic_fetch_add(&handled, 1);
}

static void *body(void *argument) {
  int number = (int)(long)argument;
  char stack[8192];
  memset(stack, number & 0x7F, sizeof stack);
  own = number;
  pthread_barrier_wait(&barrier);
  // Everybody is here now.
  pthread_kill(pthread_self(), SIGUSR1);
  double x = number;
  for (int i = 0; i < 1000; i++) x = x * 0.5 + number;
  pthread_barrier_wait(&barrier);
  if (own != number || x < number || stack[4096] != (char)(number & 0x7F)) atomic_fetch_add(&wrong, 1);
  return argument;
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 300;
  pthread_t *threads = calloc((size_t)count, sizeof *threads);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  signal(SIGUSR1, handler);
  for (int round = 0; round < 2; round++) {
    pthread_barrier_init(&barrier, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++) {
      int error = pthread_create(&threads[i], &attributes, body, (void *)(long)(i + 1));
      if (error) {
        printf("thread %d: %s\n", i, strerror(error));
        return 1;
      }
    }
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    long sum = 0;
    for (int i = 0; i < count; i++) {
      void *result;
      pthread_join(threads[i], &result);
      sum += (long)result;
    }
    printf("sum %ld, handled %d, wrong %d\n", sum, atomic_exchange(&handled, 0), atomic_load(&wrong));
    pthread_barrier_destroy(&barrier);
  }
  return 0;
}
