// Offsets shared with the assembly; checked against the structures in CEnclave.h.
#pragma once
#define TB_SELF 0
#define TB_INDEX 8
#define TB_STATE 16
#define TB_KERNEL_STACK_TOP 24
#define TB_USER_RSP 32
#define TB_SYSCALL_ENTRY 40
#define TB_CPUID_ENTRY 48
#define TB_XGETBV_ENTRY 56
#define TB_UNTRUSTED_RSP 64
#define TB_UNTRUSTED_RBP 72
#define TB_KERNEL_RSP 80
#define TB_HOST_BUFFER 88
#define TB_FS_BASE 96
#define TB_TASK 104
#define TB_WORK 112
#define TB_EXCEPTION_STACK_TOP 120
#define TB_EXCEPTION_UNTRUSTED_RSP 128
#define TB_EXCEPTION_UNTRUSTED_RBP 136
#define TB_EXIT_RIP 144
#define TB_EXIT_RSP 152
#define TB_SSA_BASE 160
#define TB_XSAVE_AREA 168
#define TB_PARKER 176
#define TB_EXCEPTION_DEPTH 184
#define TB_COPY_ACTIVE 192
#define TB_HOST_BUFFER_SIZE 200
#define TB_START_ARGUMENT 208
#define TB_KERNEL_FAULT_RIP 216
#define TB_RETURN_ADDRESS 224
#define TB_EXCEPTION_RETURN_ADDRESS 232
#define TB_TIME_RECORD 240

// TB_STATE
#define TS_UNUSED 0
#define TS_STARTABLE 1
#define TS_RUNNING 2
#define TS_HOST_CALL 3
#define TS_DEAD 4

// cl_regs
#define REGS_R11 48
#define REGS_RAX 80
#define REGS_RCX 88
#define REGS_ORIG_RAX 120
#define REGS_RIP 128
#define REGS_RFLAGS 136
#define REGS_RSP 144
#define REGS_XSAVE 152
#define REGS_XMM 160
#define REGS_MXCSR 416
#define REGS_SIZE 448

// EnclaveLayout.swift, for thread 0's first entry (checked at boot).
#define LAYOUT_KERNEL_STACK0 0xFE00000000
#define LAYOUT_EXCEPTION_STACK_TOP 0x14000
#define LAYOUT_KERNEL_STACK_TOP 0x40000
