// Linked with --wrap=cl_rdrand: an RDRAND that always clears CF, as a broken or exhausted generator does.
#include <stdint.h>
int __wrap_cl_rdrand(uint64_t *value);
int __wrap_cl_rdrand(uint64_t *value) {
  (void)value;
  return 0;
}
