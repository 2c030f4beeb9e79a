/// System calls that Swift cannot make by itself: variadic ones, fork, and descriptors in messages.
/// Every function returns what the system call returns, with -errno instead of -1.
#pragma once
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/// futex(2), private: FUTEX_WAIT with a relative timeout (UINT64_MAX: none), FUTEX_WAKE.
int clh_futex_wait(const uint32_t *word, uint32_t expected, uint64_t timeout_ns);
int clh_futex_wake(const uint32_t *word, int count);

/// Atomic operations on a word that is also a futex.
uint32_t clh_load(const uint32_t *word);
void clh_store(uint32_t *word, uint32_t value);
uint32_t clh_fetch_or(uint32_t *word, uint32_t bits);
uint32_t clh_fetch_and(uint32_t *word, uint32_t bits);
uint32_t clh_exchange(uint32_t *word, uint32_t value);
int clh_compare_exchange(uint32_t *word, uint32_t expected, uint32_t desired);

/// An aligned 8-byte access that the compiler neither splits nor repeats.
uint64_t clh_load64(const void *at);
void clh_store64(void *at, uint64_t value);

/// fork(2). Only while the process has one thread.
pid_t clh_fork(void);
/// close_range(2): every descriptor from `first` on but one.
void clh_close_from(int first, int except);
/// SOCK_SEQPACKET, close-on-exec.
int clh_socketpair(int pair[2]);
int clh_eventfd(void);
int clh_memfd(const char *name);
int clh_openat(int directory, const char *path, int flags, int mode);
long clh_getdents64(int fd, void *buffer, size_t size);
/// prctl(PR_SET_PDEATHSIG, SIGKILL), prctl(PR_SET_DUMPABLE, 0).
int clh_die_with_parent(void);
int clh_not_dumpable(void);
int clh_no_new_privileges(void);
/// TIOCGWINSZ: rows << 16 | columns, or -errno.
long clh_terminal_size(int fd);

/// ppoll(2) of struct pollfd[count]; UINT64_MAX: no timeout.
int clh_ppoll(void *set, unsigned count, uint64_t timeout_ns);
/// read(2), write(2); the "now" ones do not wait: RWF_NOWAIT of preadv2(2), at the current position.
long clh_read(int fd, void *bytes, size_t size);
long clh_write(int fd, const void *bytes, size_t size);
long clh_read_now(int fd, void *bytes, size_t size);
long clh_write_now(int fd, const void *bytes, size_t size);
/// st_mode of fstat(2) itself; glibc's uses newfstatat(2), which takes a path and is not allowed later.
long clh_file_mode(int fd);
/// f_type of statfs(2).
long clh_filesystem_type(const char *path);

/// One message of at most `size` bytes, with at most one descriptor (`*fd` is -1 when there is none).
long clh_send_message(int socket, const void *bytes, size_t size, int fd);
long clh_receive_message(int socket, void *bytes, size_t size, int *fd);

/// The processor's TSC frequency in Hz: from CPUID leaf 15H, a hypervisor's leaf 40000010H, or the kernel
/// (before the seccomp filter). 0: nobody says.
uint64_t clh_tsc_frequency(void);
/// The TSC and CLOCK_MONOTONIC at the same moment.
void clh_tsc_sample(uint64_t *tsc, uint64_t *monotonic_ns);
/// EAX, EBX, ECX, EDX.
void clh_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/// XCR0, or 0 when XSAVE is not enabled.
uint64_t clh_xcr0(void);

/// Installs a seccomp filter (struct sock_filter[count]) on all threads of the process.
int clh_seccomp(const void *instructions, unsigned short count);
/// Any system call: what it returns, with -errno instead of -1.
long clh_syscall(long number, long a, long b, long c, long d, long e, long f);
/// The address of a SYSCALL instruction followed by RET, for probes of the filter.
uint64_t clh_syscall_gadget(void);

/// Internet sockets; names are the four words of SocketName.swift. None of these waits.
int clh_socket(int family, int type);
int clh_bind(int fd, const uint64_t words[4]);
int clh_connect(int fd, const uint64_t words[4]);
int clh_listen(int fd, int backlog);
int clh_shutdown(int fd, int how);
int clh_accept(int fd, uint64_t words[4]);
int clh_set_option(int fd, int level, int name, uint64_t value);
/// Of a datagram the result is its real length, which may be more than `size`.
long clh_receive(int fd, void *bytes, size_t size, int peek, int out_of_band, int is_datagram, uint64_t words[4]);
long clh_send(int fd, const void *bytes, size_t size, int out_of_band, const uint64_t words[4]);
/// SO_ERROR (taken), FIONREAD, getsockname, getpeername.
void clh_socket_status(int fd, int *error, uint64_t *unread, uint64_t local[4], uint64_t peer[4]);
/// RLIMIT_NOFILE up to what is allowed: each socket of the program is a descriptor here.
void clh_raise_descriptor_limit(void);
