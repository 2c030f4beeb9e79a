// What Swift cannot call by itself: GNU calls that its Glibc module leaves out, and ptrace(2).
#ifndef CPREPARE_H
#define CPREPARE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// llistxattr(2), lgetxattr(2): -errno on failure.
ssize_t clp_llistxattr(const char *path, void *list, size_t size);
ssize_t clp_lgetxattr(const char *path, const char *name, void *value, size_t size);
// copy_file_range(2), both at their positions: -errno on failure.
ssize_t clp_copy_file_range(int from, int to, size_t size);
// pipe2(2) with O_CLOEXEC: 0 or -errno.
int clp_pipe(int descriptors[2]);

// Runs a program under ptrace(2) with all its children and calls back for what it used.
//   system_call: its number, once each call.
//   path: an absolute path that a successful call named (not normalised).
// Returns the program's wait status, or -errno when it cannot be started.
typedef void (*clp_on_call)(void *context, int number);
typedef void (*clp_on_path)(void *context, const char *path);
int clp_trace(
    const char *program, char *const argv[], char *const envp[], const char *directory,
    clp_on_call on_call, clp_on_path on_path, void *context);

#endif
