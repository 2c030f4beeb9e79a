// Pseudo terminals: pty(7), termios(3), tty_ioctl(4). One process, so no session of its own is made.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

static int master, slave;

static long try(const char *what, long result) {
  if (result < 0) printf("%s: %s\n", what, strerror(errno));
  else printf("%s: %ld\n", what, result);
  return result;
}

static void show(const char *what, int fd, size_t most) {
  char buffer[8192];
  ssize_t n = read(fd, buffer, most < sizeof buffer ? most : sizeof buffer);
  printf("%s: ", what);
  if (n < 0) printf("%s\n", strerror(errno));
  else {
    printf("%zd \"", n);
    for (ssize_t i = 0; i < n; i++)
      printf(buffer[i] < 32 || buffer[i] == 127 ? "\\%03o" : "%c", buffer[i] & 255);
    printf("\"\n");
  }
}
static void type(const char *text) {
  if (write(master, text, strlen(text)) < 0) perror("type");
  usleep(20000);  // the kernel's worker takes it from there
}
static void ready(const char *what, int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
  int n = poll(&p, 1, 0);
  printf("%s: %d %x\n", what, n, p.revents);
}
static void raw(int vmin, int vtime) {
  struct termios t;
  tcgetattr(slave, &t);
  cfmakeraw(&t);
  t.c_cc[VMIN] = vmin, t.c_cc[VTIME] = vtime;
  try("tcsetattr raw", tcsetattr(slave, TCSANOW, &t));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  master = posix_openpt(O_RDWR | O_NOCTTY);
  printf("master %d\n", master >= 0);
  char name[64];
  printf("name %d\n", ptsname_r(master, name, sizeof name) == 0 && !strncmp(name, "/dev/pts/", 9));
  try("open while locked", open(name, O_RDWR | O_NOCTTY));
  try("grantpt", grantpt(master));
  int locked = 9;
  ioctl(master, TIOCGPTLCK, &locked);
  printf("locked %d\n", locked);
  try("unlockpt", unlockpt(master));
  ready("master, no slave yet", master);
  slave = open(name, O_RDWR | O_NOCTTY);
  printf("slave %d, isatty %d %d\n", slave >= 0, isatty(slave), isatty(master));
  char other[64];
  printf("ttyname %d\n", ttyname_r(slave, other, sizeof other) == 0 && !strcmp(name, other));
  struct stat s;
  fstat(slave, &s);
  printf("type %o, major %u\n", s.st_mode & S_IFMT, major(s.st_rdev));
  stat("/dev/ptmx", &s);
  printf("ptmx %o %u %u\n", s.st_mode & S_IFMT, major(s.st_rdev), minor(s.st_rdev));
  struct termios t;
  memset(&t, 0, sizeof t);
  try("tcgetattr", tcgetattr(slave, &t));
  printf("%x %x %x %x %d %d\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, (int)cfgetospeed(&t), (int)cfgetispeed(&t));
  for (int i = 0; i < 19; i++) printf("%d ", t.c_cc[i]);
  puts("");
  struct winsize w = {24, 80, 1, 2};
  try("TIOCSWINSZ", ioctl(master, TIOCSWINSZ, &w));
  memset(&w, 0, sizeof w);
  try("TIOCGWINSZ", ioctl(slave, TIOCGWINSZ, &w));
  printf("%d %d %d %d\n", w.ws_row, w.ws_col, w.ws_xpixel, w.ws_ypixel);

  type("hello\n");
  ready("slave", slave);
  ready("master", master);
  int n;
  ioctl(slave, FIONREAD, &n);
  printf("FIONREAD %d\n", n);
  show("line", slave, 100);
  show("echo", master, 100);
  type("abc\177\177x\n");
  show("erased", slave, 100);
  show("echo", master, 100);
  type("one two three\027four\n");
  show("word erased", slave, 100);
  show("echo", master, 100);
  type("gone\025new\n");
  show("killed", slave, 100);
  show("echo", master, 100);
  type("a\026\003b\001\n");
  show("literal", slave, 100);
  show("echo", master, 100);
  type("tab\there\177\177\177\177\177\n");
  show("tab erased", slave, 100);
  show("echo", master, 100);
  type("re\022print\n");
  show("reprint", slave, 100);
  show("echo", master, 100);
  type("two\nlines\n");
  show("first", slave, 100);
  show("second in pieces", slave, 3);
  show("second in pieces", slave, 100);
  show("echo", master, 100);
  type("no end\004");
  show("with EOF", slave, 100);
  type("\004");
  show("EOF", slave, 100);
  show("echo", master, 100);
  type("cr\r");
  show("CR", slave, 100);
  show("echo", master, 100);
  try("write", write(slave, "out\n\ttab\n", 9));
  show("shown", master, 4);
  show("shown", master, 100);
  type("lost\003kept\n");
  show("after ^C", slave, 100);
  show("echo", master, 100);
  try("fcntl", fcntl(slave, F_SETFL, O_NONBLOCK));
  fcntl(master, F_SETFL, O_NONBLOCK);
  type("part");
  show("no line yet", slave, 100);
  type("\n");
  show("line", slave, 100);
  show("echo", master, 100);
  show("nothing", master, 100);
  type("\023");
  try("write while stopped", write(slave, "x", 1));
  type("\021");
  try("write again", write(slave, "x", 1));
  show("shown", master, 100);
  type("typed before raw");
  raw(1, 0);
  show("raw", slave, 100);
  show("echo before", master, 100);
  type("\003\004\rabc");
  ready("slave", slave);
  show("raw", slave, 100);
  show("no echo", master, 100);
  fcntl(slave, F_SETFL, 0);
  raw(3, 0);
  type("ab");
  ready("two of three", slave);
  type("cde");
  show("three at least", slave, 100);
  raw(0, 0);
  show("nothing, no wait", slave, 100);
  raw(0, 1);
  show("nothing, a little wait", slave, 100);
  raw(5, 1);
  type("xy");
  show("time between bytes", slave, 100);
  t.c_oflag &= ~OPOST;
  t.c_lflag &= ~(ECHO | ICANON);
  try("tcsetattr flush", tcsetattr(master, TCSAFLUSH, &t));
  write(slave, "a\nb", 3);
  show("no OPOST", master, 100);
  try("TIOCPKT", ioctl(master, TIOCPKT, (int[]){1}));
  write(slave, "pkt", 3);
  show("packet", master, 100);
  try("tcflush", tcflush(slave, TCIFLUSH));
  ready("master", master);
  show("status", master, 100);
  try("TIOCPKT", ioctl(master, TIOCPKT, (int[]){0}));
  try("tcdrain", tcdrain(slave));
  try("tcflow", tcflow(slave, 9));
  try("tcsendbreak", tcsendbreak(slave, 0));
  try("TIOCGPGRP", ioctl(slave, TIOCGPGRP, &n));
  try("TIOCSPGRP", ioctl(slave, TIOCSPGRP, &n));
  try("TIOCGSID", ioctl(slave, TIOCGSID, &n));
  try("TIOCNOTTY", ioctl(slave, TIOCNOTTY));
  try("unknown", ioctl(slave, 0x54ff));
  try("bad pointer", ioctl(slave, TCGETS, 8));
  try("lseek", lseek(slave, 0, SEEK_SET));
  int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  printf("peer %d\n", peer >= 0);
  close(peer);
  close(slave);
  ready("slave closed", master);
  show("slave closed", master, 100);
  slave = open(name, O_RDWR | O_NOCTTY);
  show("slave again", master, 100);
  close(master);
  ready("master closed", slave);
  show("master closed", slave, 100);
  try("write", write(slave, "x", 1));
  try("tcgetattr", tcgetattr(slave, &t));
  try("open", open(name, O_RDWR | O_NOCTTY));
  try("tty", open("/dev/tty", O_RDWR));
  return 0;
}
