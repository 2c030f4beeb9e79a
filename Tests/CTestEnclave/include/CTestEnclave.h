#pragma once
/// A little enclave for the tests of the machine: 2 pages of code, 6 pages of data, to be placed together.
#include <stdint.h>
const uint8_t *test_enclave_bytes(void);
/// Offsets of its labels.
uint64_t test_enclave_enclu_offset(void), test_enclave_eexit_offset(void),
    test_enclave_instructions_offset(void), test_enclave_spin_offset(void),
    test_enclave_spin_end_offset(void), test_enclave_leave_offset(void);

/// Lets the kernel send the calling thread a signal at this interval.
int test_start_kicks(int signal_number, long interval_ns);
void test_stop_kicks(void);

/// The caller's own state, to see what an exit left behind.
uint32_t test_host_mxcsr(void);
uint16_t test_host_x87_control(void);
uint64_t test_host_flags(void);
/// One bit for each x87 register in use.
uint8_t test_host_x87_tags(void);

/// The caller's FS and GS bases; GS as a thread has it that was made by one which left the enclave in fast mode.
uint64_t test_host_fs(void), test_host_gs(void);
void test_set_host_gs(uint64_t base);

/// From now on SIGSEGV ends the process: with exit code 7 if it is a fault at `address`, otherwise 8.
void test_exit_on_fault(uint64_t address);
/// A call through a broken pointer: SIGSEGV with RIP = `address`.
void test_call(uint64_t address);

enum {
  TEST_CODE_SIZE = 0x2000,
  TEST_DATA_SIZE = 0x6000,
  /// In the data: general registers before and after a run (18 words each), XSAVE areas before and after.
  TEST_REGISTERS_IN = 0x000,
  TEST_REGISTERS_OUT = 0x100,
  TEST_INSTRUCTION = 0x200,
  TEST_SECINFO = 0x240,
  TEST_SCRATCH = 0x400,
  TEST_XSAVE_IN = 0x1000,
  TEST_XSAVE_OUT = 0x2000,
  TEST_OPERANDS = 0x3000,
  TEST_STACK_TOP = 0x6000,
};
/// What to do, in RDI at EENTER.
enum {
  TEST_NOP = 0,
  /// ENCLU with RAX, RBX, RCX, RDX from the words at RSI; RAX and RFLAGS are written back there.
  TEST_LEAF = 1,
  TEST_LOAD = 2,
  TEST_STORE = 3,
  TEST_SYSCALL = 4,
  /// Loads every register from the data, executes instruction number RSI, stores every register.
  TEST_RUN = 5,
  TEST_JUMP = 6,
  /// Counts in registers until the word at RSI is not 0; RDI comes back as 0 if all patterns are intact.
  TEST_SPIN = 7,
  /// As an exception handler: adds RSI to the saved RIP.
  TEST_SKIP = 8,
  /// As TEST_LEAF, RSI times the leaf at RDX (words), for measuring.
  TEST_LEAF_LOOP = 9,
  TEST_BASES = 10,
  /// EEXIT with DF, AC, MXCSR and x87 control as the host must not have them.
  TEST_DIRTY_EXIT = 11,
};
/// Instructions for TEST_RUN.
enum {
  TEST_I_NOP = 0,
  TEST_I_UD2 = 1,
  TEST_I_INT3 = 2,
  TEST_I_DIV = 3,
  TEST_I_SYSCALL = 4,
  TEST_I_NULL = 5,
  TEST_I_NONCANONICAL = 6,
  TEST_I_INT80 = 7,
  TEST_I_PAUSE_LOOP = 8,
};
