// Random signals, masks, alternate stacks and timers.
#include "operations.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

// Signals for the whole process are unblocked in the main thread alone; those for one thread anywhere.
static const int own[] = {SIGUSR1, SIGUSR2, SIGWINCH, SIGURG, 41, 42, 43};
static const int common[] = {SIGHUP, SIGTERM, SIGIO, 51, 52, 53};
enum { owns = sizeof own / sizeof *own, commons = sizeof common / sizeof *common, timers = 4 };
static timer_t timer[timers];
static int has_timer[timers], is_prompt[timers], is_silent[timers], timer_descriptor;

// The log of a thread's handlers, until it goes into the digest.
static __thread struct { int number, code, value, depth, on_stack; uint64_t mask; } handled[256];
static __thread int handled_count, depth;
static __thread char alternate[65536];

static uint64_t mask_bits(const sigset_t *set) { uint64_t bits; memcpy(&bits, set, sizeof bits); return bits; }

static void handler(int number, siginfo_t *info, void *context) {
  (void)context;
  sigset_t mask;
  char here;
  int error = errno;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  depth++;
  int i = handled_count < 255 ? handled_count++ : 255;
  handled[i].number = number, handled[i].code = info->si_code, handled[i].depth = depth;
  handled[i].value = info->si_code == SI_QUEUE || info->si_code == SI_TIMER ? info->si_value.sival_int : 0;
  handled[i].on_stack = &here >= alternate && &here < alternate + sizeof alternate;
  handled[i].mask = mask_bits(&mask);
  // One more of the next kind from inside the first two levels.
  if (depth < 3 && number != SIGURG) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number == 41 ? 42 : SIGURG);
  depth--;
  errno = error;
}
static void plain(int number) {
  int i = handled_count < 255 ? handled_count++ : 255;
  memset(&handled[i], 0, sizeof handled[i]);
  handled[i].number = number, handled[i].depth = -1;
}

void flush_signals(void) {
  int n = handled_count;
  for (int i = 0; i < n; i++)
    note("handled %d code %d value %d depth %d stack %d mask %" PRIx64 "\n", handled[i].number, handled[i].code, handled[i].value,
         handled[i].depth, handled[i].on_stack, handled[i].mask);
  handled_count = 0;
}

static void act(int number) {
  static const int flags[] = {0, SA_RESTART, SA_NODEFER, SA_RESETHAND, SA_ONSTACK, SA_ONSTACK | SA_RESTART, SA_NODEFER | SA_ONSTACK};
  struct sigaction a = {0}, old;
  a.sa_flags = flags[below(7)];
  // Afterwards the action is the default one, which ends the process unless the signal is one of these.
  if (number != SIGWINCH && number != SIGURG) a.sa_flags &= ~SA_RESETHAND;
  sigemptyset(&a.sa_mask);
  for (int i = (int)below(4); i > 0; i--) sigaddset(&a.sa_mask, below(2) ? own[below(owns)] : common[below(commons)]);
  switch (below(12)) {
    case 0: a.sa_handler = SIG_IGN; break;
    case 1: if (number == SIGWINCH || number == SIGURG) { a.sa_handler = SIG_DFL; break; }  // fall through
    case 2: a.sa_handler = plain; break;
    default: a.sa_sigaction = handler, a.sa_flags |= SA_SIGINFO;
  }
  long r = result(sigaction(number, &a, &old));
  note("sigaction %d flags %x %ld: was flags %x mask %" PRIx64 " %d\n", number, a.sa_flags, r, old.sa_flags & ~0x4000000,
       mask_bits(&old.sa_mask), old.sa_handler == SIG_IGN ? 1 : old.sa_handler == SIG_DFL ? 2 : old.sa_handler == plain ? 3 : 4);
}

void prepare_signals(void) {
  // What a handler raises while the action is the default one must not end the process.
  struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  for (int i = 0; i < owns; i++) sigaction(own[i], &a, NULL);
  for (int i = 0; i < commons; i++) sigaction(common[i], &a, NULL);
  timer_descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
}

void prepare_thread(void) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < commons; i++) sigaddset(&set, common[i]);
  if (me) pthread_sigmask(SIG_BLOCK, &set, NULL);
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&stack, NULL);
}

// Some signals that this thread may change the mask of.
static sigset_t some(void) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 1 + (int)below(3); i > 0; i--) sigaddset(&set, me == 0 && below(2) ? common[below(commons)] : own[below(owns)]);
  return set;
}

static void show(const char *what, int r, const siginfo_t *info) {
  if (r < 0) note("%s %d\n", what, -errno);
  else note("%s %d code %d value %d\n", what, r, info->si_code, info->si_code == SI_QUEUE || info->si_code == SI_TIMER ? info->si_value.sival_int : 0);
}

static void send_one(void) {
  int other = (int)below(everyone), number = own[below(owns)], whole = common[below(commons)], value = (int)below(1000);
  long r;
  switch (below(6)) {
    case 0: r = result(syscall(SYS_tgkill, getpid(), thread_id[other], number)); look_at(other); break;
    case 1: {
      siginfo_t info = {0};
      info.si_signo = number, info.si_code = SI_QUEUE, info.si_pid = getpid(), info.si_value.sival_int = value;
      r = result(syscall(SYS_rt_tgsigqueueinfo, getpid(), thread_id[other], number, &info));
      look_at(other);
      break;
    }
    case 2: r = result(kill(getpid(), whole)); break;
    case 3: r = result(sigqueue(getpid(), whole, (union sigval){.sival_int = value})); break;
    case 4: r = result(raise(number)); break;
    default: {
      static const int wrong[] = {-1, 65, 1000, 0};
      int bad = wrong[below(4)];
      r = result(below(2) ? syscall(SYS_tgkill, getpid(), below(2) ? thread_id[other] : -1, bad) : kill(getpid(), bad));
    }
  }
  note("send to %d: %d or %d, value %d: %ld\n", other, number, whole, value, r);
}

static void time_one(void) {
  int i = (int)below(timers);
  struct itimerspec far = {.it_value.tv_sec = 5000 + (time_t)below(1000), .it_interval.tv_sec = 1000 * (time_t)below(3)}, old = {0};
  long r;
  switch (below(12)) {
    case 0: {
      static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID, 77, -1};
      clockid_t clock = clocks[below(6)];
      struct sigevent event = {.sigev_notify = below(8) ? SIGEV_SIGNAL : (int)below(9), .sigev_signo = below(8) ? 51 : (int)below(90)};
      event.sigev_value.sival_int = i;
      if (event.sigev_notify == SIGEV_THREAD_ID) event._sigev_un._tid = thread_id[0];
      if (event.sigev_notify == SIGEV_THREAD) event.sigev_notify = SIGEV_NONE;  // glibc makes a thread for it
      if (has_timer[i]) break;
      int fits = event.sigev_notify == SIGEV_NONE || event.sigev_signo == 51;
      is_silent[i] = event.sigev_notify == SIGEV_NONE;
      // Not those that count CPU time, which end some time later.
      is_prompt[i] = event.sigev_notify != SIGEV_NONE && clock != CLOCK_PROCESS_CPUTIME_ID;
      r = result(timer_create(clock, &event, &timer[i]));
      if (r == 0) {
        if (fits) has_timer[i] = 1; else timer_delete(timer[i]);
      }
      note("timer_create %d clock %d notify %d signal %d %ld\n", i, clock, event.sigev_notify, event.sigev_signo, r);
      break;
    }
    case 1: if (has_timer[i]) note("timer_delete %d %ld\n", i, result(timer_delete(timer[i]))); has_timer[i] = 0; break;
    case 2: case 3: {
      if (!has_timer[i]) break;
      if (below(10) == 0) far.it_value.tv_nsec = below(2) ? 1000000000 : -1;
      // (Linux shows the old rest of one that sends nothing and was disarmed.)
      if (below(4) == 0 && !is_silent[i]) memset(&far.it_value, 0, sizeof far.it_value);
      r = result(timer_settime(timer[i], 0, &far, &old));
      note("timer_settime %d %ld: was %d interval %ld\n", i, r, old.it_value.tv_sec > 0, (long)old.it_interval.tv_sec);
      break;
    }
    case 4: {
      if (!has_timer[i]) break;
      r = result(timer_gettime(timer[i], &old));
      note("timer_gettime %d %ld: %d interval %ld overrun %ld\n", i, r, old.it_value.tv_sec > 0, (long)old.it_interval.tv_sec, result(timer_getoverrun(timer[i])));
      break;
    }
    case 5: {
      // One that ends at once: its signal is taken while it is blocked.
      if (!has_timer[i] || !is_prompt[i] || me) break;
      sigset_t set, before;
      siginfo_t info;
      struct timespec limit = {0, 0};
      sigemptyset(&set), sigaddset(&set, 51), pthread_sigmask(SIG_BLOCK, &set, &before);
      while (sigtimedwait(&set, &info, &limit) > 0) {}
      struct itimerspec soon = {.it_value.tv_nsec = 1 + (long)below(100000)};
      r = result(timer_settime(timer[i], below(2) ? TIMER_ABSTIME : 0, &soon, NULL));
      limit.tv_sec = 20;
      int got = sigtimedwait(&set, &info, &limit);
      note("timer %d at once %ld\n", i, r);
      show("its signal", got, &info);
      pthread_sigmask(SIG_SETMASK, &before, NULL);
      break;
    }
    case 6: {
      int which = (int)below(4);
      struct itimerval v = {.it_value.tv_sec = below(3) ? 5000 : 0, .it_interval.tv_sec = 7}, was = {0};
      if (below(8) == 0) v.it_value.tv_usec = 1000000;
      r = result(setitimer(which == 3 ? 9 : which, &v, &was));
      note("setitimer %d %ld: was %d interval %ld\n", which, r, was.it_value.tv_sec > 0, (long)was.it_interval.tv_sec);
      break;
    }
    case 7: { struct itimerval was = {0}; r = result(getitimer((int)below(5), &was)); note("getitimer %ld %d %ld\n", r, was.it_value.tv_sec > 0, (long)was.it_interval.tv_sec); break; }
    case 8: note("alarm %d\n", alarm(below(2) ? 9000 : 0) > 0); break;
    case 9: {
      int flags = (int)below(3);
      struct timespec now;
      clock_gettime(CLOCK_MONOTONIC, &now);
      if (flags & TFD_TIMER_ABSTIME) far.it_value.tv_sec += now.tv_sec;
      if (below(3) == 0) memset(&far.it_value, 0, sizeof far.it_value);
      r = result(timerfd_settime(timer_descriptor, flags, &far, &old));
      note("timerfd_settime %d %ld: was %d interval %ld\n", flags, r, old.it_value.tv_sec > 0, (long)old.it_interval.tv_sec);
      break;
    }
    case 10: { uint64_t n = 0; r = result(read(timer_descriptor, &n, below(5) ? 8 : 4)); note("timerfd read %s\n", r > 0 ? "counted" : r == -EAGAIN ? "EAGAIN" : "EINVAL"); break; }
    default: {
      struct timespec t = {.tv_nsec = (long)below(2000000000) - 500000000}, rest = {0};
      static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_THREAD_CPUTIME_ID, 50};
      clockid_t clock = clocks[below(5)];
      if (t.tv_nsec >= 0 && t.tv_nsec < 1000000000) t.tv_nsec %= 20000;
      note("clock_nanosleep %d %d %d\n", clock, t.tv_nsec > 0, clock_nanosleep(clock, 0, &t, &rest));
    }
  }
}

void signal_operation(void) {
  sigset_t set, old = {0}, pending;
  siginfo_t info;
  switch (below(14)) {
    case 0: case 1: act(below(2) ? own[below(owns)] : common[below(commons)]); break;
    case 2: case 3: case 4: {
      int how = below(20) ? (int)below(2) : 7;
      set = some();
      long r = pthread_sigmask(how, &set, &old);
      note("sigmask %d %" PRIx64 " %ld: was %" PRIx64 "\n", how, mask_bits(&set), r, mask_bits(&old));
      break;
    }
    case 5: case 6: case 7: send_one(); break;
    case 8: sigpending(&pending); note("pending %" PRIx64 "\n", mask_bits(&pending)); break;
    case 9: {
      set = some();
      struct timespec none = {0, below(20) ? 0 : 1000000000};
      int r = sigtimedwait(&set, &info, &none);
      show("sigtimedwait", r, &info);
      break;
    }
    case 10: {
      set = some();
      int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
      struct signalfd_siginfo got[2];
      long r = result(read(fd, got, sizeof got - below(2) * 10));
      note("signalfd %ld\n", r);
      for (long i = 0; i < r / (long)sizeof *got; i++) note("signalfd has %d code %d value %d\n", got[i].ssi_signo, got[i].ssi_code, got[i].ssi_code == SI_QUEUE ? got[i].ssi_int : 0);
      close(fd);
      break;
    }
    case 11: {
      stack_t stack = {.ss_sp = alternate, .ss_size = below(6) ? sizeof alternate : below(2000), .ss_flags = below(4) ? 0 : below(2) ? SS_DISABLE : (int)below(9)}, was = {0};
      long r = result(sigaltstack(&stack, &was));
      note("sigaltstack %zu %d %ld: was %zu %d\n", stack.ss_size, stack.ss_flags, r, was.ss_flags & SS_DISABLE ? 0 : was.ss_size, was.ss_flags);
      break;
    }
    default: time_one();
  }
}
