/* The least a program can do. Built static and dynamic, with glibc and with musl. */
#include <stdio.h>
int main(int argc, char **argv) {
  printf("hello, %d argument%s", argc - 1, argc == 2 ? "" : "s");
  for (int i = 1; i < argc; i++) printf(" [%s]", argv[i]);
  puts("");
  return argc > 1 ? 3 : 0;
}
