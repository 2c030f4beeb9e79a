// What the families of random operations have in common: the threads. One at a time draws: the one whose turn it is.
#pragma once
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "../draws.h"

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
