// How the programs that go through a man page show what a call said.
#pragma once
#include <errno.h>
#include <stdio.h>
#include <string.h>

static inline const char *name(int e) { return e ? strerrorname_np(e) : "0"; }

// The result, and the errno of a failure.
#define VALUE(text, call)                                          \
  do {                                                             \
    errno = 0;                                                     \
    long r_ = (long)(call);                                        \
    printf("%s: %ld %s\n", text, r_, r_ == -1 ? name(errno) : ""); \
  } while (0)
