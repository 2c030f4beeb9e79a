// Kills random processes at random moments: killing SEED COUNT [KIND]
//
// A tree of workers (forked, spawned, sharing memory, with threads, pipelines, faults) is kept alive while
// random members get SIGKILL or SIGTERM. Those that are not killed check their own memory all the time; each
// end is checked against what was done to the process. At the end nothing is left: no child, no stopped page.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
enum { workers = 6, pages = 24, kinds = 7 };
static unsigned long state;
static unsigned next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(state >> 33);
}

static char block[pages * 4096];

static void fill(unsigned mark) {
  for (int i = 0; i < pages; i++) memset(block + i * 4096, (char)(mark + i), 4096);
}
static void check(unsigned mark) {
  for (int i = 0; i < pages; i++)
    for (int j = 0; j < 4096; j += 509)
      if (block[i * 4096 + j] != (char)(mark + i)) _exit(66);
}

static void *computing(void *p) {
  while (p) ++*(volatile long *)p;
  return p;
}

// Runs until it is killed, or ends by itself with 3.
static int kind = -1;  // one kind of worker only, to look for a fault
static void worker(unsigned seed) {
  state = seed;
  unsigned mark = next();
  fill(mark);
  long counter = 0;
  switch (kind >= 0 ? (unsigned)kind : next() % kinds) {
  case 0:  // computes
    for (int i = 0; i < 300; i++) check(mark);
    break;
  case 1:  // sleeps
    for (int i = 0; i < 10; i++) {
      usleep(200);
      check(mark);
    }
    break;
  case 2:  // has threads
    for (int i = 0; i < 2; i++) {
      pthread_t t;
      if (pthread_create(&t, 0, computing, &counter)) break;
    }
    for (int i = 0; i < 5; i++) {
      usleep(300);
      check(mark);
    }
    break;
  case 3: {  // forks children of its own and waits
    for (int i = 0; i < 3; i++) {
      pid_t pid = fork();
      if (pid == 0) {
        check(mark);
        fill(mark + 7);
        if (i == 1) usleep(500);
        check(mark + 7);
        _exit(1);
      }
      if (pid > 0 && i < 2) waitpid(pid, 0, 0);
      check(mark);
    }
    while (wait(0) > 0) {}
    break;
  }
  case 4: {  // starts programs
    for (int i = 0; i < 2; i++) {
      pid_t pid;
      char *argv[] = {"true", 0};
      if (!posix_spawn(&pid, "/bin/true", 0, 0, argv, environ)) waitpid(pid, 0, 0);
      check(mark);
    }
    break;
  }
  case 5: {  // talks through a pipe
    int p[2];
    if (pipe(p)) break;
    pid_t pid = fork();
    if (pid == 0) {
      for (int i = 0; i < 20; i++)
        if (write(p[1], block, 1000) != 1000) _exit(1);
      _exit(0);
    }
    close(p[1]);
    char buffer[1000];
    ssize_t n;
    while ((n = read(p[0], buffer, sizeof buffer)) > 0)
      if (buffer[0] != (char)mark) _exit(66);
    check(mark);
    waitpid(pid, 0, 0);
    break;
  }
  case 6: {  // becomes another program
    char *argv[] = {"sh", "-c", "(exit 1); x=$(echo 3); exit $x", 0};
    execve("/bin/sh", argv, environ);
    break;
  }
  }
  check(mark);
  _exit(3);
}

int main(int argc, char **argv) {
  state = argc > 1 ? strtoul(argv[1], 0, 0) : 1;
  int count = argc > 2 ? atoi(argv[2]) : 200;
  pid_t pids[workers] = {0};
  int sent[workers] = {0};
  if (argc > 3) kind = atoi(argv[3]);
  unsigned mark = 0x5a;
  int ended = 0, wrong = 0;
  memset(block, 0, sizeof block);
  fill(mark);
  for (int started = 0; started < count || ended < started;) {
    int i = (int)(next() % workers);
    if (!pids[i] && started < count) {
      unsigned seed = next();
      pid_t pid = fork();
      if (pid == 0) worker(seed);
      if (pid < 0) {
        // As many threads as the enclave has: not wrong, wait for somebody.
        if (errno != EAGAIN) wrong++, printf("fork: %s\n", strerror(errno));
        usleep(1000);
      } else {
        pids[i] = pid;
        sent[i] = 0;
        started++;
      }
    } else if (pids[i]) {
      if (next() % 3 == 0) {
        int s = next() % 2 ? SIGKILL : SIGTERM;
        if (!sent[i]) sent[i] = s;
        kill(pids[i], s);
      }
      if (next() % 4 == 0) usleep(next() % 700);
      int status;
      pid_t pid = waitpid(pids[i], &status, started < count ? WNOHANG : 0);
      if (pid == pids[i]) {
        int good = WIFEXITED(status) ? WEXITSTATUS(status) == 3
                                     : sent[i] && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);
        if (!good) wrong++, printf("status %x after signal %d\n", status, sent[i]);
        pids[i] = 0;
        ended++;
      } else if (pid != 0) {
        wrong++;
        printf("waitpid: %s\n", strerror(errno));
        pids[i] = 0;
        ended++;
      }
    }
    for (int k = 0; k < pages; k++)
      if (block[k * 4096 + 77] != (char)(mark + k)) wrong++;
  }
  int rest = 0;
  while (wait(0) > 0) rest++;
  printf("%d ended, %d wrong, %d unexpected\n", ended, wrong, rest);
  return wrong || rest;
}
