// What the programs of random operations have in common: the draws, the digest of the answers, the trace.
#pragma once
#include <stddef.h>
#include <stdint.h>

extern uint64_t draw_state, digest;
extern long step;
// From the environment (TRACE_FROM): every step from there on is printed; -1: none.
extern long trace_from;
// Who acts, for the trace; may be null.
extern const char *(*trace_who)(void);

void begin_draws(const char *seed);
// The next number, and the next below n.
uint64_t random64(void), below(uint64_t n);
void mix(const void *p, size_t n);
// Mixes a line into the digest, and prints it if this step is traced.
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The result of a call: the number, or the errno below zero.
long result(long r);
