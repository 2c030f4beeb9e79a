// flock(2), POSIX and OFD record locks between processes: what they belong to, how they split, when they go.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int f;
static const char *why(long r) { return r < 0 ? strerror(errno) : "ok"; }
static long lock(int fd, int command, int type, off_t start, off_t length) {
  struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
  return fcntl(fd, command, &l);
}
// What another process sees of the whole file: every lock, by asking from each end on.
static void seen(const char *what) {
  fflush(stdout);
  if (!fork()) {
    printf("%s:", what);
    off_t at = 0;
    for (int i = 0; i < 20; i++) {
      struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 0};
      if (fcntl(f, F_GETLK, &l) || l.l_type == F_UNLCK) break;
      printf(" %s %ld+%ld%s", l.l_type == F_RDLCK ? "r" : "w", (long)l.l_start, (long)l.l_len,
             l.l_pid == getppid() ? "" : l.l_pid == -1 ? " ofd" : " other");
      if (!l.l_len) break;
      at = l.l_start + l.l_len;
    }
    puts("");
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
}
static int in_child(int (*body)(void)) {
  fflush(stdout);
  pid_t p = fork();
  if (!p) { int r = body(); fflush(stdout); _exit(r); }
  int s;
  waitpid(p, &s, 0);
  return WIFEXITED(s) ? WEXITSTATUS(s) : 1000 + WTERMSIG(s);
}

static void splitting(void) {
  lock(f, F_SETLK, F_WRLCK, 0, 100);
  seen("one");
  lock(f, F_SETLK, F_UNLCK, 40, 20);
  seen("split");
  lock(f, F_SETLK, F_RDLCK, 30, 40);
  seen("read in the middle");
  lock(f, F_SETLK, F_WRLCK, 30, 40);
  seen("merged");
  lock(f, F_SETLK, F_WRLCK, 100, 0);
  seen("to the end");
  lock(f, F_SETLK, F_UNLCK, 200, 0);
  seen("cut");
  lock(f, F_SETLK, F_RDLCK, 0, 0);
  seen("all read");
  printf("negative length %s\n", why(lock(f, F_SETLK, F_WRLCK, 50, -20)));
  seen("from 30 to 49");
  printf("before the start %s\n", why(lock(f, F_SETLK, F_WRLCK, 10, -20)));
  printf("negative start %s\n", why(lock(f, F_SETLK, F_WRLCK, -1, 2)));
  printf("too far %s\n", why(lock(f, F_SETLK, F_WRLCK, 0x7fffffffffffffff, 2)));
  printf("last byte %s\n", why(lock(f, F_SETLK, F_WRLCK, 0x7fffffffffffffff, 1)));
  struct flock l = {.l_type = F_WRLCK, .l_whence = 9};
  printf("whence %s\n", why(fcntl(f, F_SETLK, &l)));
  l.l_whence = SEEK_END, l.l_start = -10, l.l_len = 5;
  printf("from the end %s\n", why(fcntl(f, F_SETLK, &l)));
  l.l_type = 7;
  printf("type %s\n", why(fcntl(f, F_SETLK, &l)));
  l.l_type = F_UNLCK;
  printf("get unlock %s\n", why(fcntl(f, F_GETLK, &l)));
  printf("fault %s\n", why(fcntl(f, F_SETLK, (void *)8)));
  lock(f, F_SETLK, F_UNLCK, 0, 0);
  seen("none");
  int r = open("f", O_RDONLY), w = open("f", O_WRONLY);
  printf("write lock of one open for reading %s\n", why(lock(r, F_SETLK, F_WRLCK, 0, 1)));
  printf("read lock of one open for writing %s\n", why(lock(w, F_SETLK, F_RDLCK, 0, 1)));
  printf("its OFD lock %s\n", why(lock(w, F_OFD_SETLK, F_RDLCK, 0, 1)));
  int p = open("f", O_PATH);
  printf("O_PATH %s\n", why(lock(p, F_SETLK, F_RDLCK, 0, 1)));
  printf("O_PATH flock %s\n", why(flock(p, LOCK_SH)));
  close(r), close(w), close(p);
  int q[2];
  if (pipe(q)) exit(1);
  printf("pipe %s\n", why(lock(q[0], F_SETLK, F_RDLCK, 0, 1)));
  printf("pipe flock %s\n", why(flock(q[0], LOCK_EX)));
  int d = open(".", O_RDONLY);
  printf("directory %s\n", why(lock(d, F_SETLK, F_RDLCK, 0, 1)));
  printf("directory flock %s\n", why(flock(d, LOCK_EX | LOCK_NB)));
  close(d), close(q[0]), close(q[1]);
}

static int child_close(void) {
  printf("child has it: %s\n", why(lock(f, F_SETLK, F_WRLCK, 0, 10)));
  return 0;
}
static int child_exec_holds(void) { return lock(f, F_SETLK, F_WRLCK, 0, 10) ? errno == EAGAIN || errno == EACCES ? 1 : 2 : 0; }
static void belonging(void) {
  lock(f, F_SETLK, F_WRLCK, 0, 10);
  in_child(child_close);
  int g = open("f", O_RDONLY);
  close(g);
  printf("after a close of another descriptor: ");
  in_child(child_close);
  lock(f, F_SETLK, F_WRLCK, 0, 10);
  g = dup(f);
  close(g);
  printf("after a close of a duplicate: ");
  in_child(child_close);
  printf("OFD lock: %s\n", why(lock(f, F_OFD_SETLK, F_WRLCK, 0, 10)));
  g = open("f", O_RDWR);
  printf("by another description: %s\n", why(lock(g, F_OFD_SETLK, F_WRLCK, 5, 10)));
  printf("a POSIX one of the same process: %s\n", why(lock(f, F_SETLK, F_WRLCK, 5, 1)));
  struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  printf("OFD get %s", why(fcntl(g, F_OFD_GETLK, &l)));
  printf(" type %d start %ld len %ld pid %d\n", l.l_type, (long)l.l_start, (long)l.l_len, l.l_pid);
  l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_pid = 5};
  printf("pid must be 0: %s\n", why(fcntl(g, F_OFD_SETLK, &l)));
  l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_pid = 5};
  printf("pid must be 0: %s\n", why(fcntl(g, F_OFD_GETLK, &l)));
  printf("the child shares the description: %d\n", in_child(child_exec_holds));
  int h = dup(f);
  close(f);
  printf("still: %s\n", why(lock(g, F_OFD_SETLK, F_WRLCK, 5, 10)));
  close(h);
  printf("gone: %s\n", why(lock(g, F_OFD_SETLK, F_WRLCK, 5, 10)));
  f = g;
  lock(f, F_OFD_SETLK, F_UNLCK, 0, 0);
}

static volatile int alarms;
static void on(int n) { (void)n; alarms++; }
static void *wants(void *argument) {
  long *v = argument;
  v[1] = lock((int)v[0], (int)v[3], F_WRLCK, v[2], 1) ? errno : 0;
  return NULL;
}
static int pipe_to[2], pipe_from[2];
static int crossing(void) {
  lock(f, F_SETLK, F_WRLCK, 1, 1);
  write(pipe_from[1], "x", 1);
  char c;
  read(pipe_to[0], &c, 1);
  alarm(10);
  long r = lock(f, F_SETLKW, F_WRLCK, 0, 1);
  printf("child: %s\n", why(r));
  return 0;
}
static void waiting(void) {
  struct sigaction a = {.sa_handler = on};
  sigaction(SIGALRM, &a, NULL);
  if (pipe(pipe_to) || pipe(pipe_from)) exit(1);
  lock(f, F_SETLK, F_WRLCK, 0, 1);
  fflush(stdout);
  pid_t p = fork();
  if (!p) { int r = crossing(); fflush(stdout); _exit(r); }
  char c;
  read(pipe_from[0], &c, 1);
  write(pipe_to[1], "x", 1);
  usleep(200000);
  // The child waits for us: whoever closes the circle hears of it.
  printf("parent: %s\n", why(lock(f, F_SETLKW, F_WRLCK, 1, 1)));
  fflush(stdout);
  lock(f, F_SETLK, F_UNLCK, 0, 0);
  waitpid(p, NULL, 0);
  // OFD locks are not looked at for circles; a signal ends the waiting.
  int g = open("f", O_RDWR);
  lock(f, F_OFD_SETLK, F_WRLCK, 0, 1), lock(g, F_OFD_SETLK, F_WRLCK, 1, 1);
  long v[4] = {g, -1, 0, F_OFD_SETLKW};
  pthread_t t;
  pthread_create(&t, NULL, wants, v);
  usleep(100000);
  printf("try: %s\n", why(lock(f, F_OFD_SETLK, F_WRLCK, 1, 1)));
  lock(f, F_OFD_SETLK, F_UNLCK, 0, 1);
  pthread_join(t, NULL);
  printf("the thread: %s\n", strerror((int)v[1]));
  sigset_t s;
  sigemptyset(&s);
  alarm(1);
  printf("interrupted: %s\n", why(lock(f, F_OFD_SETLKW, F_WRLCK, 1, 1)));
  alarm(1);
  printf("interrupted: %s\n", why((flock(g, LOCK_EX), flock(f, LOCK_EX))));
  printf("alarms %d\n", alarms);
  close(g);
  flock(f, LOCK_UN);
}

static int child_unlock(void) { return flock(f, LOCK_UN) ? 1 : 0; }
static void flocks(void) {
  int g = open("f", O_RDONLY), h = dup(f);
  printf("exclusive %s\n", why(flock(f, LOCK_EX)));
  printf("other description %s\n", why(flock(g, LOCK_SH | LOCK_NB)));
  printf("duplicate %s\n", why(flock(h, LOCK_SH | LOCK_NB)));
  printf("other description %s\n", why(flock(g, LOCK_SH | LOCK_NB)));
  printf("conversion %s\n", why(flock(f, LOCK_EX | LOCK_NB)));
  printf("lost by the conversion? %s\n", why(flock(g, LOCK_EX | LOCK_NB)));
  flock(f, LOCK_UN);
  printf("flock and POSIX do not meet: %s\n", why((flock(f, LOCK_EX | LOCK_NB), lock(g, F_SETLK, F_RDLCK, 0, 0))));
  flock(g, LOCK_UN), flock(f, LOCK_EX);
  printf("child unlocks %d\n", in_child(child_unlock));
  printf("so %s\n", why(flock(g, LOCK_EX | LOCK_NB)));
  close(h);
  printf("operation %s\n", why(flock(f, 0)));
  printf("operation %s\n", why(flock(f, LOCK_SH | LOCK_EX)));
  printf("operation %s\n", why(flock(f, 99)));
  printf("descriptor %s\n", why(flock(99, LOCK_SH)));
  close(g);
}

int main(void) {
  char base[] = "/dev/shm/locks-XXXXXX";
  if (!mkdtemp(base) || chdir(base)) return 1;
  f = open("f", O_CREAT | O_RDWR, 0600);
  write(f, "0123456789012345678901234567890", 30);
  splitting(), belonging(), waiting(), flocks();
  unlink("f"), rmdir(base);
}
