// What a job's program may do, chosen by its first argument. Scripts/jobs-test runs it as a payload.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void put(const char *path, const void *bytes, size_t n) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || close(fd) != 0) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(9);
  }
}

// Copies /input to /output, names what is there, and tries to write to the input.
static int copy(void) {
  DIR *d = opendir("/input");
  struct dirent *e;
  if (!d) return 8;
  while ((errno = 0, e = readdir(d))) {
    if (e->d_type != DT_REG) continue;
    char from[300], to[300];
    snprintf(from, sizeof from, "/input/%s", e->d_name);
    snprintf(to, sizeof to, "/output/%s", e->d_name);
    int in = open(from, O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    static char buffer[1 << 16];
    ssize_t n;
    while ((n = read(in, buffer, sizeof buffer)) > 0)
      if (write(out, buffer, n) != n) return 9;
    if (n < 0) {
      fprintf(stderr, "%s: %s\n", from, strerror(errno));
      return 8;
    }
    close(in);
    close(out);
    printf("copied %s\n", e->d_name);
  }
  if (errno) return 8;
  int fd = open("/input/new", O_WRONLY | O_CREAT, 0644);
  printf("writing to /input: %s\n", fd < 0 ? strerror(errno) : "possible");
  char byte;
  printf("standard input: %zd bytes\n", read(0, &byte, 1));
  fprintf(stderr, "a line on standard error\n");
  return 0;
}

// Library OS and program share one privilege level: what hostile code can have from the processor by itself.
__attribute__((noinline)) static uint64_t enclu(uint64_t leaf, void *b, void *c, void *d) {
  uint64_t result = leaf;
  __asm__ volatile("enclu" : "+a"(result), "+b"(b), "+c"(c), "+d"(d) : : "memory", "cc");
  return result;
}
static uint8_t target[512] __attribute__((aligned(512)));
static uint8_t data[64] __attribute__((aligned(128)));
static uint8_t report[512] __attribute__((aligned(512)));
static uint8_t request[512] __attribute__((aligned(512)));
static uint8_t key[16] __attribute__((aligned(16)));

static int attack(void) {
  // A report with the runtime's label, as if it were an offer.
  memcpy(data, "cloister-runtimeoffer", 21);
  memset(data + 32, 0x41, 32);
  enclu(0, target, data, report);
  put("/output/report", report, 432);
  // The sealing key that a waiting instance with a key on disk would use, and the same without CONFIGID.
  for (int policy = 0; policy < 2; policy++) {
    memset(request, 0, sizeof request);
    request[0] = 4;
    request[2] = 1 | (policy ? 8 : 0);
    memcpy(request + 4, report + 258, 2);
    memcpy(request + 8, report, 16);
    memset(request + 24, 0xFF, 8);
    memcpy(request + 40, "cloister-runtime", 16);
    memset(request + 72, 0xFF, 4);
    memset(key, 0, sizeof key);
    uint64_t error = enclu(1, request, key, 0);
    put(policy ? "/output/key-with-configid" : "/output/key-without-configid", key, 16);
    printf("EGETKEY %s CONFIGID: %s\n", policy ? "with" : "without", error ? "refused" : "given");
  }
  // The files of /dev/attestation refuse the label.
  int fd = open("/dev/attestation/user_report_data", O_WRONLY);
  ssize_t n = write(fd, data, 64);
  printf("label through /dev/attestation: %s\n", n < 0 ? strerror(errno) : "possible");
  return 0;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "copy";
  if (!strcmp(mode, "copy")) return copy();
  if (!strcmp(mode, "exit")) return argc > 2 ? atoi(argv[2]) : 0;
  if (!strcmp(mode, "silent")) return 0;
  if (!strcmp(mode, "crash")) raise(SIGSEGV);
  if (!strcmp(mode, "kill")) kill(getpid(), SIGKILL);
  if (!strcmp(mode, "fill")) {
    // Until the limit of a file's size ends it, SIGXFSZ.
    struct rlimit limit = {1 << 16, 1 << 16};
    setrlimit(RLIMIT_FSIZE, &limit);
    static char piece[1 << 12];
    int fd = open("/output/filled", O_WRONLY | O_CREAT, 0644);
    for (;;)
      if (write(fd, piece, sizeof piece) <= 0) return 5;
  }
  if (!strcmp(mode, "eat")) {
    // More memory than there is: malloc(3) says so, or the program is killed.
    for (;;) {
      char *piece = malloc(1 << 20);
      if (!piece) return 12;
      memset(piece, 1, 1 << 20);
    }
  }
  if (!strcmp(mode, "sleep")) {
    put("/output/partial", "partial", 7);
    sync();
    sleep(argc > 2 ? atoi(argv[2]) : 1000);
    return 0;
  }
  if (!strcmp(mode, "family")) {
    // Children that still run, and write, when the program ends.
    for (int i = 0; i < 3; i++)
      if (fork() == 0)
        for (;;) {
          put("/output/child", "child", 5);
          sync();
        }
    usleep(50000);
    put("/output/parent", "parent", 6);
    return 0;
  }
  if (!strcmp(mode, "large")) {
    static char block[1 << 20];
    for (size_t i = 0; i < sizeof block; i++) block[i] = (char)(i * 2654435761u >> 11);
    int fd = open("/output/large", O_WRONLY | O_CREAT, 0644);
    for (int i = 0; i < (argc > 2 ? atoi(argv[2]) : 64); i++)
      if (write(fd, block, sizeof block) != (ssize_t)sizeof block) {
        fprintf(stderr, "large: %s\n", strerror(errno));
        return 7;
      }
    return 0;
  }
  if (!strcmp(mode, "append")) {
    // A line more in a file (behind so many KiB), and what is in it then goes to the output.
    char text[1 << 12];
    static char much[1 << 10];
    memset(much, 'x', sizeof much);
    int fd = open(argv[2], O_RDWR | O_CREAT | O_APPEND, 0644);
    for (int i = 0; argc > 3 && i < atoi(argv[3]); i++)
      if (write(fd, much, sizeof much) != sizeof much) return 4;
    if (fd < 0 || write(fd, "once more\n", 10) != 10) {
      fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
      return 6;
    }
    ssize_t n = pread(fd, text, sizeof text, 0);
    put("/output/appended", text, n);
    return 0;
  }
  if (!strcmp(mode, "attack")) return attack();
  if (!strcmp(mode, "environment")) {
    extern char **environ;
    for (char **e = environ; *e; e++) puts(*e);
    for (int i = 0; i < argc; i++) printf("argument %s\n", argv[i]);
    return 0;
  }
  fprintf(stderr, "no such mode: %s\n", mode);
  return 2;
}
