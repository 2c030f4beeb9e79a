// Random operations on memory, signals, timers and what is waited for, in several threads and now and then
// in a child: kernel-operations SEED STEPS
//
// Prints a digest of every thousand steps (results, errno values, faults, content, mappings): the same seed
// must print the same natively and inside. One thread at a time acts, so that there is one right answer; which
// one is drawn too. With a step number in TRACE_FROM every step from there on is printed.
#include "operations.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *generation = "";

static const char *who(void) {
  static __thread char text[40];
  snprintf(text, sizeof text, "%s thread %d", generation, me);
  return text;
}

// Turns: the main thread gives a worker something to do and waits until it is done.
__thread int me;
int thread_id[everyone], is_child;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static void (*task[everyone])(void);
static int watched[everyone];

static void *worker(void *number) {
  me = (int)(intptr_t)number;
  thread_id[me] = (int)syscall(SYS_gettid);
  prepare_thread();
  pthread_mutex_lock(&mutex);
  for (;;) {
    task[me] = NULL;
    pthread_cond_broadcast(&changed);
    while (!task[me]) pthread_cond_wait(&changed, &mutex);
    void (*act)(void) = task[me];
    pthread_mutex_unlock(&mutex);
    act();
    flush_signals();
    pthread_mutex_lock(&mutex);
  }
  return NULL;
}

static void run_in(int thread, void (*act)(void)) {
  if (thread == 0) {
    act();
  } else {
    pthread_mutex_lock(&mutex);
    task[thread] = act;
    pthread_cond_broadcast(&changed);
    while (task[thread]) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
  }
}

static void nothing(void) {}

void look_at(int thread) { watched[thread] = 1; }

static void *briefly(void *act) {
  me = workers;  // it takes the last one's place, and its masks
  prepare_thread();
  ((void (*)(void))act)();
  return NULL;
}

// A child does some steps in its copy of everything, and says what came of it.
static void in_a_child(void) {
  int ends[2], status = 0;
  uint64_t theirs = 0;
  if (pipe(ends)) return perror("pipe"), exit(1);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    generation = " child", is_child = 1;
    for (int i = 0; i < 20; i++) memory_operation();
    memory_state();
    if (write(ends[1], &digest, sizeof digest) != sizeof digest) _exit(1);
    fflush(stdout);
    _exit(7);
  }
  close(ends[1]);
  long n = read(ends[0], &theirs, sizeof theirs);
  close(ends[0]);
  if (waitpid(child, &status, 0) != child) perror("waitpid");
  note("child %ld %x %" PRIx64 "\n", n, status, theirs);
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: kernel-operations SEED STEPS\n"), 2;
  long steps = atol(argv[2]);
  trace_who = who;
  begin_draws(argv[1]);
  thread_id[0] = (int)syscall(SYS_gettid);
  prepare_memory(), prepare_signals(), prepare_waiting(), prepare_thread();
  for (intptr_t i = 1; i < everyone; i++) {
    pthread_t thread;
    task[i] = nothing;
    if (pthread_create(&thread, NULL, worker, (void *)i)) return perror("pthread_create"), 1;
    pthread_mutex_lock(&mutex);
    while (task[i]) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
  }
  void (*const families[])(void) = {memory_operation, memory_operation, signal_operation, waiting_operation};
  for (step = 0; step < steps; step++) {
    void (*act)(void) = families[below(4)];
    uint64_t who = below(8);
    if (who == 7 && below(20) == 0) {
      if (below(4) == 0) {
        in_a_child();
      } else {
        pthread_t thread;
        if (pthread_create(&thread, NULL, briefly, memory_operation)) return perror("pthread_create"), 1;
        pthread_join(thread, NULL);
      }
    } else {
      run_in(who < everyone ? (int)who : 0, act);
    }
    // Whoever got a signal has handled it once it has been in the kernel and back.
    getppid();
    flush_signals();
    for (int i = 1; i < everyone; i++)
      if (watched[i]) run_in(i, nothing), watched[i] = 0;
    if (below(16) == 0) memory_state();
    if (below(64) == 0) waiting_state();
    if (step % 1000 == 999) printf("%ld %016" PRIx64 "\n", step + 1, digest);
  }
  printf("%016" PRIx64 "\n", digest);
  fflush(stdout);
  _exit(0);  // with its timers and threads as they are
}
