// Processes: starting them and their programs, and handing over from one to the other.
#define _GNU_SOURCE
#include "bench.h"
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void await(pid_t pid) {
  int status;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static char *const true_argv[] = {"true", NULL};

static uint64_t spawn_wait(long count) {
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    pid_t pid;
    CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, true_argv, environ) == 0);
    await(pid);
  }
  return now_ns() - start;
}

static uint64_t fork_exit(long count) {
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) _exit(0);
    await(pid);
  }
  return now_ns() - start;
}

static uint64_t fork_exec(long count) {
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      execve("/bin/true", true_argv, environ);
      _exit(1);
    }
    await(pid);
  }
  return now_ns() - start;
}

// One operation is one round trip. `partner` runs the other end until its input ends.
static uint64_t ping_pong(pid_t pid, int in, int out, long count) {
  char byte = 0;
  CHECK(write(out, &byte, 1) == 1 && read(in, &byte, 1) == 1);
  uint64_t start = now_ns();
  for (long i = 0; i < count; i++) {
    CHECK(write(out, &byte, 1) == 1);
    CHECK(read(in, &byte, 1) == 1);
  }
  uint64_t time = now_ns() - start;
  close(out);
  close(in);
  await(pid);
  return time;
}

// With a program that was started: it has addresses of its own.
static uint64_t process_pipe(long count) {
  int there[2], back[2];
  CHECK(pipe(there) == 0 && pipe(back) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, there[0], 0);
  posix_spawn_file_actions_adddup2(&actions, back[1], 1);
  posix_spawn_file_actions_addclose(&actions, there[1]);
  posix_spawn_file_actions_addclose(&actions, back[0]);
  char *argv[] = {"cat", "-u", NULL};
  pid_t pid;
  CHECK(posix_spawn(&pid, "/bin/cat", &actions, NULL, argv, environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(there[0]);
  close(back[1]);
  return ping_pong(pid, back[0], there[1], count);
}

// With a forked child: it has the same addresses.
static uint64_t family_pipe(long count) {
  int there[2], back[2];
  CHECK(pipe(there) == 0 && pipe(back) == 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    close(there[1]);
    char byte;
    while (read(there[0], &byte, 1) == 1) CHECK(write(back[1], &byte, 1) == 1);
    _exit(0);
  }
  close(there[0]);
  close(back[1]);
  return ping_pong(pid, back[0], there[1], count);
}

const figure process_figures[] = {
    {"posix-spawn-wait", spawn_wait}, {"fork-exit", fork_exit},
    {"fork-exec", fork_exec},         {"process-pipe-ping-pong", process_pipe},
    {"family-pipe-ping-pong", family_pipe}, {NULL, NULL},
};
