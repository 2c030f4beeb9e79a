// What the families of random operations have in common: the draws, the digest and the threads.
#pragma once
#define _GNU_SOURCE
#include <stdint.h>
#include <stddef.h>
#include <signal.h>

// The next number below n from the seed. One thread at a time draws: the one whose turn it is.
uint64_t below(uint64_t n);
// Mixes a line into the digest, and prints it if this step is traced.
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mix(const void *p, size_t n);
// The result of a call: the number, or the errno below zero.
long result(long r);

enum { workers = 3, everyone = workers + 1 };
extern __thread int me;            // 0 is the main thread
// Addresses that this process has not mapped, but its parent has, are not looked at (Families/README.md): nothing goes there.
extern int is_child;
extern int thread_id[everyone];    // their TIDs
// The signals' log of the calling thread goes into the digest.
void flush_signals(void);
// Another thread may have got a signal: its log too goes in before the next step.
void look_at(int thread);

void prepare_memory(void), prepare_signals(void), prepare_waiting(void);
// What each thread has of its own.
void prepare_thread(void);
// One random operation each.
void memory_operation(void), signal_operation(void), waiting_operation(void);
// All of a family's state that can be seen, into the digest.
void memory_state(void), waiting_state(void);
