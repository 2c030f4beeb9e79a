/* Touches each page of 1 GiB. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  size_t size = 1ul << 30;
  volatile char *memory = malloc(size);
  if (!memory) {
    perror("malloc");
    return 1;
  }
  for (size_t i = 0; i < size; i += 4096) memory[i] = 1;
  puts("1 GiB");
  return 0;
}
