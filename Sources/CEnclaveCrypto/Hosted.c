// Nothing to start on the host: there BoringSSL reads CPUID by itself. The enclave has Enclave/boringssl/Platform.cc.
#include "CEnclaveCrypto.h"

#ifndef CLOISTER_ENCLAVE
void cl_crypto_start(
    uint32_t leaf1_eax, uint32_t leaf1_ecx, uint32_t leaf1_edx, uint32_t leaf7_ebx, uint32_t leaf7_ecx, int is_intel,
    uint64_t xfrm, int has_xsavec) {
  (void)leaf1_eax, (void)leaf1_ecx, (void)leaf1_edx, (void)leaf7_ebx, (void)leaf7_ecx, (void)is_intel;
  (void)xfrm, (void)has_xsavec;
}
#endif
