/* Starts 20 threads that all wait; says how far it got. pthread_create(3): EAGAIN when no more can be had. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *wait_long(void *argument) {
  pause();
  return argument;
}

int main(void) {
  for (int i = 1; i <= 20; i++) {
    pthread_t thread;
    int error = pthread_create(&thread, 0, wait_long, 0);
    if (error) {
      printf("%s\n", strerror(error));
      return 1;
    }
  }
  puts("20 threads");
  return 0;
}
