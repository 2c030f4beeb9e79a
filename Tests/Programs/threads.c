// Threads, a contended mutex, a condition variable used as a turnstile.
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8, ROUNDS = 2000 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static long counter;
static int turn;

static void *work(void *argument) {
  long self = (long)argument;
  for (int i = 0; i < ROUNDS; i++) {
    pthread_mutex_lock(&mutex);
    counter++;
    pthread_mutex_unlock(&mutex);
  }
  pthread_mutex_lock(&mutex);
  while (turn != self) pthread_cond_wait(&turn_changed, &mutex);
  printf("thread %ld\n", self);
  turn++;
  pthread_cond_broadcast(&turn_changed);
  pthread_mutex_unlock(&mutex);
  return (void *)(self * self);
}

int main(void) {
  for (int round = 0; round < 5; round++) {
    pthread_t threads[THREADS];
    long sum = 0;
    turn = 0;
    for (long i = 0; i < THREADS; i++)
      if (pthread_create(&threads[i], NULL, work, (void *)i)) return 1;
    for (int i = 0; i < THREADS; i++) {
      void *result;
      pthread_join(threads[i], &result);
      sum += (long)result;
    }
    printf("counter %ld, sum %ld\n", counter, sum);
  }
  return 0;
}
