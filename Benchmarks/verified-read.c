// Reads a file twice and prints, for each time, GB/s; then 4 KiB at random, in microseconds each.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  static char buffer[1 << 20];
  int fd = open(argv[argc - 1], O_RDONLY);
  if (fd < 0) return perror(argv[argc - 1]), 1;
  off_t size = lseek(fd, 0, SEEK_END);
  for (int round = 0; round < 2; round++) {
    double start = now();
    ssize_t n;
    lseek(fd, 0, SEEK_SET);
    off_t total = 0;
    while ((n = read(fd, buffer, sizeof buffer)) > 0) total += n;
    if (n < 0 || total != size) return perror("read"), 1;
    printf("%s %.3f\n", round ? "again" : "first", size / (now() - start) / 1e9);
  }
  unsigned seed = 1;
  double start = now();
  for (int i = 0; i < 20000; i++)
    if (pread(fd, buffer, 4096, (off_t)(rand_r(&seed) % (size / 4096)) * 4096) != 4096) return 1;
  printf("random %.3f\n", (now() - start) / 20000 * 1e6);
  return 0;
}
