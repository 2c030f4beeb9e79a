// RLIMIT_CPU (setrlimit(2)): SIGXCPU at the soft limit and each second after it, SIGKILL at the hard one; inherited.
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int signals;
static void caught(int number) {
  (void)number;
  signals++;
}

static void limit(rlim_t soft, rlim_t hard) {
  if (setrlimit(RLIMIT_CPU, &(struct rlimit){soft, hard})) perror("setrlimit");
}

static void compute(void) {
  int shown = 0;
  for (;;) {
    if (signals == shown) continue;
    struct rlimit now;
    getrlimit(RLIMIT_CPU, &now);
    printf("signal %d, soft limit %ld\n", ++shown, (long)now.rlim_cur);
    fflush(stdout);
  }
}

// What a child that does `act` ends with.
static void ended(const char *what, void (*act)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) act();
  int status;
  waitpid(child, &status, 0);
  printf("%s: signal %d, exit %d\n", what, WIFSIGNALED(status) ? WTERMSIG(status) : 0, WEXITSTATUS(status));
}

static void soft(void) { limit(1, 2), compute(); }
static void hard(void) { signal(SIGXCPU, caught), limit(1, 3), compute(); }
static void none(void) { limit(0, 5), compute(); }
static void inherits(void) {
  limit(1, 1);
  ended("a child's child", compute);
  _exit(3);
}

int main(void) {
  ended("soft", soft);
  ended("hard", hard);
  ended("0 means 1", none);
  ended("inherited", inherits);
  return 0;
}
