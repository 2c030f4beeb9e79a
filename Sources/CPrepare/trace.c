// A tracer for `cloister prepare --trace`: which files and system calls does a program use?
//
// Every thread and child is followed. A path counts when the call that named it succeeded; relative paths are
// resolved against the descriptor or the working directory they were given for (/proc/PID).
#define _GNU_SOURCE
#include "CPrepare.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct call {
  int number;
  int path;     // argument index of the path, -1: none
  int directory; // argument index of its directory descriptor, -1: working directory
};

static const struct call calls[] = {
    {SYS_open, 0, -1},       {SYS_stat, 0, -1},        {SYS_lstat, 0, -1},
    {SYS_access, 0, -1},     {SYS_execve, 0, -1},      {SYS_readlink, 0, -1},
    {SYS_chdir, 0, -1},      {SYS_statfs, 0, -1},      {SYS_getxattr, 0, -1},
    {SYS_lgetxattr, 0, -1},  {SYS_openat, 1, 0},       {SYS_newfstatat, 1, 0},
    {SYS_faccessat, 1, 0},   {SYS_faccessat2, 1, 0},   {SYS_readlinkat, 1, 0},
    {SYS_execveat, 1, 0},    {SYS_statx, 1, 0},        {SYS_openat2, 1, 0},
    {SYS_inotify_add_watch, 1, -1}, {SYS_link, 0, -1}, {SYS_linkat, 1, 0},
    {SYS_rename, 0, -1},     {SYS_renameat, 1, 0},     {SYS_renameat2, 1, 0},
    {SYS_truncate, 0, -1},   {SYS_chmod, 0, -1},       {SYS_fchmodat, 1, 0},
    {SYS_utimensat, 1, 0},   {SYS_listxattr, 0, -1},   {SYS_llistxattr, 0, -1},
};

struct tracee {
  pid_t pid;
  int inside;               // between entry and exit of a call
  int number;
  char path[PATH_MAX * 2];  // of the call it is in, "" when it names none
  struct tracee *next;
};

static struct tracee *find(struct tracee **list, pid_t pid) {
  for (struct tracee *t = *list; t; t = t->next)
    if (t->pid == pid) return t;
  struct tracee *t = calloc(1, sizeof *t);
  if (!t) return 0;
  t->pid = pid;
  t->next = *list;
  *list = t;
  return t;
}

static void forget(struct tracee **list, pid_t pid) {
  for (struct tracee **t = list; *t; t = &(*t)->next)
    if ((*t)->pid == pid) {
      struct tracee *gone = *t;
      *t = gone->next;
      free(gone);
      return;
    }
}

// A string of the tracee; 0 when it is not there or does not end within PATH_MAX.
static int read_string(pid_t pid, unsigned long address, char *out) {
  size_t done = 0;
  while (done < PATH_MAX - 1) {
    // Not across a page, which may be missing.
    size_t part = 4096 - ((address + done) & 4095);
    if (part > PATH_MAX - 1 - done) part = PATH_MAX - 1 - done;
    struct iovec local = {out + done, part}, remote = {(void *)(address + done), part};
    ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    if (n <= 0) return 0;
    if (memchr(out + done, 0, n)) return 1;
    done += n;
  }
  return 0;
}

static void note_path(struct tracee *t, const struct user_regs_struct *r) {
  t->path[0] = 0;
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    if (calls[i].number != t->number) continue;
    const unsigned long args[] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9};
    char name[PATH_MAX];
    if (!read_string(t->pid, args[calls[i].path], name) || !name[0]) return;
    if (name[0] == '/') {
      strcpy(t->path, name);
      return;
    }
    char link[64];
    int fd = calls[i].directory < 0 ? -100 : (int)args[calls[i].directory];
    if (fd == -100)
      snprintf(link, sizeof link, "/proc/%d/cwd", t->pid);
    else
      snprintf(link, sizeof link, "/proc/%d/fd/%d", t->pid, fd);
    ssize_t n = readlink(link, t->path, PATH_MAX - 1);
    if (n <= 0) return;
    t->path[n] = '/';
    strcpy(t->path + n + 1, name);
    return;
  }
}

int clp_trace(
    const char *program, char *const argv[], char *const envp[], const char *directory,
    clp_on_call on_call, clp_on_path on_path, void *context) {
  pid_t first = fork();
  if (first < 0) return -errno;
  if (first == 0) {
    if (directory && chdir(directory) < 0) _exit(125);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(125);
    raise(SIGSTOP);
    execve(program, argv, envp);
    _exit(127);
  }
  int status, result = 0;
  if (waitpid(first, &status, 0) < 0) return -errno;
  if (!WIFSTOPPED(status)) return -EPERM;
  long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, first, 0, options) < 0) {
    int error = errno;
    kill(first, SIGKILL);
    return -error;
  }
  // Ctrl-C is for the program.
  signal(SIGINT, SIG_IGN);
  ptrace(PTRACE_SYSCALL, first, 0, 0);
  struct tracee *list = 0;
  for (;;) {
    pid_t pid = waitpid(-1, &status, __WALL);
    if (pid < 0) {
      if (errno == EINTR) continue;
      break;
    }
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (pid == first) result = status;
      forget(&list, pid);
      continue;
    }
    struct tracee *t = find(&list, pid);
    if (!t) break;
    int deliver = 0, stop = WSTOPSIG(status);
    if (stop == (SIGTRAP | 0x80)) {
      struct user_regs_struct r;
      if (ptrace(PTRACE_GETREGS, pid, 0, &r) == 0) {
        if (!t->inside) {
          t->number = (int)r.orig_rax;
          note_path(t, &r);
          on_call(context, t->number);
        } else if ((long)r.rax >= 0 && t->path[0]) {
          on_path(context, t->path);
          t->path[0] = 0;
        }
        t->inside = !t->inside;
      }
    } else if (stop == SIGTRAP) {
      // An event stop. After exec the thread that called it has the leader's number.
      if (status >> 16 == PTRACE_EVENT_EXEC) {
        unsigned long former = 0;
        ptrace(PTRACE_GETEVENTMSG, pid, 0, &former);
        struct tracee *caller = find(&list, (pid_t)former);
        if (caller && caller->path[0]) {
          on_path(context, caller->path);
          caller->path[0] = 0;
        }
        if ((pid_t)former != pid) forget(&list, (pid_t)former);
        t->inside = 1;
        t->number = SYS_execve;
      }
    } else if (stop == SIGSTOP && !t->inside && t->number == 0) {
      // The first stop of a new child.
      t->number = -1;
    } else {
      deliver = stop;
    }
    ptrace(PTRACE_SYSCALL, pid, 0, deliver);
  }
  while (list) forget(&list, list->pid);
  signal(SIGINT, SIG_DFL);
  return result;
}
