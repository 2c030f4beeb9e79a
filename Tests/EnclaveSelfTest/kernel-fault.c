// Linked with --wrap=cl_write_fs_base: a bug in the kernel. arch_prctl(ARCH_SET_FS) stores through a bad pointer.
#include <stdint.h>
void __wrap_cl_write_fs_base(uint64_t base);
void __wrap_cl_write_fs_base(uint64_t base) { *(volatile uint64_t *)16 = base; }
