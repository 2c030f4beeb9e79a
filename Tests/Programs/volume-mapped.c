// msync(2) on a volume: `volume-mapped DIR` writes a file through a mapping and waits to be killed, `volume-mapped DIR
// check` says what there is.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int count, char **arguments) {
  char path[300];
  snprintf(path, sizeof path, "%s/mapped", arguments[1]);
  int f = open(path, O_CREAT | O_RDWR, 0600);
  if (f < 0) return perror(path), 1;
  if (count == 2 && (ftruncate(f, 300000) || fsync(f))) return perror("ftruncate"), 1;
  char *m = mmap(NULL, 300000, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  if (m == MAP_FAILED) return perror("mmap"), 1;
  if (count > 2) return printf("%.9s %.9s %.9s\n", m, m + 150000, m + 299990), 0;
  memcpy(m, "beginning", 9), memcpy(m + 150000, "in middle", 9), memcpy(m + 299990, "at an end", 9);
  if (msync(m, 300000, MS_SYNC)) return perror("msync"), 1;
  // A second time: a page that was handed down is written again.
  memcpy(m, "one again", 9);
  if (msync(m, 4096, MS_SYNC)) return perror("msync"), 1;
  puts("synced"), fflush(stdout);
  pause();
  return 0;
}
