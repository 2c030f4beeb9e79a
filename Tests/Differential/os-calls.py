"""What a program asks the system about itself. Only what is the same on any machine is printed."""
import errno
import os
import platform
import resource
import select
import signal
import sys
import time


def attempt(text, f):
    try:
        print(text, f())
    except OSError as e:
        print(text, errno.errorcode.get(e.errno, e.errno))


attempt("arguments", lambda: sys.argv[1:])
attempt("environment", lambda: sorted(os.environ.items()))
attempt("folder", os.getcwd)
attempt("ids", lambda: (os.getuid(), os.getgid(), os.geteuid(), os.getegid(), os.getresuid()))
attempt("system", lambda: (platform.system(), platform.machine(), os.uname().sysname))
attempt("page", lambda: os.sysconf("SC_PAGESIZE"))
attempt("ticks", lambda: os.sysconf("SC_CLK_TCK"))
attempt("open max", lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0)
attempt("stack", lambda: resource.getrlimit(resource.RLIMIT_STACK)[0])
attempt("usage", lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0)
attempt("processors", lambda: len(os.sched_getaffinity(0)) > 0)
attempt("terminal", lambda: os.isatty(0))
attempt("terminal size", lambda: os.get_terminal_size(1))
attempt("process group", lambda: os.getpgrp() > 0)
attempt("thread", lambda: os.getpid() == int(os.readlink("/proc/self")))
attempt("descriptors", lambda: sorted(int(x) for x in os.listdir("/proc/self/fd"))[:3])
attempt("exe", lambda: os.readlink("/proc/self/exe"))
attempt("command line", lambda: open("/proc/self/cmdline", "rb").read().split(b"\0")[0])
attempt("maps", lambda: any("[stack]" in line for line in open("/proc/self/maps")))
attempt("status", lambda: [line.split()[1] for line in open("/proc/self/status") if line.startswith("Name")])
attempt("meminfo", lambda: open("/proc/meminfo").readline().split()[0])
attempt("clock", lambda: abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) < 1)
attempt("resolution", lambda: time.clock_getres(time.CLOCK_MONOTONIC))
attempt("times", lambda: os.times().user >= 0)
attempt("kill nobody", lambda: os.kill(4194304, 0))
attempt("kill signal 65", lambda: os.kill(os.getpid(), 65))
attempt("wait", lambda: os.wait())
attempt("random", lambda: len(os.getrandom(20)))
attempt("umask", lambda: oct(os.umask(0o22)))
inherited = os.nice(0)  # natively whatever the tests run at
attempt("nice", lambda: os.nice(3) - inherited)
attempt("priority", lambda: os.getpriority(os.PRIO_PROCESS, 0) - inherited)
attempt("pending", lambda: signal.sigpending())


def mask():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    os.kill(os.getpid(), signal.SIGUSR1)
    return signal.sigpending(), signal.sigtimedwait([signal.SIGUSR1], 1).si_signo


attempt("blocked signal", mask)
attempt("sigtimedwait", lambda: signal.sigtimedwait([signal.SIGUSR2], 0.05))
r, w = os.pipe()
attempt("pipe", lambda: select.select([r], [w], [], 0.05) == ([], [w], []))
os.write(w, b"x")
poll = select.poll()
poll.register(r, select.POLLIN)
attempt("poll", lambda: [e for _, e in poll.poll(1000)])
e = select.epoll()
e.register(r, select.EPOLLIN | select.EPOLLET)
attempt("epoll", lambda: [[x for _, x in e.poll(0.5)], e.poll(0.05)])
os.close(w)
attempt("hang-up", lambda: [x for _, x in poll.poll(1000)])
attempt("eventfd", lambda: (f := os.eventfd(3), os.eventfd_read(f))[1])
attempt("memfd", lambda: (f := os.memfd_create("m"), os.write(f, b"abc"), os.pread(f, 9, 0))[2])
attempt("login", lambda: os.path.expanduser("~"))
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
r, w = os.pipe()
os.close(r)
sys.stdout.flush()
os.write(w, b"x")
print("not reached")
