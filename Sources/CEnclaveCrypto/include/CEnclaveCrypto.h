// The part of BoringSSL that Cloister uses, behind plain C functions: no BoringSSL type crosses this line, so
// Embedded Swift imports it without any header of BoringSSL or of a C library.
//
// The same functions are compiled twice: into the enclave, over the objects that `Enclave/build` makes of the
// sources vendored by swift-crypto, and into host programs, over the library that SwiftPM builds of them. In the
// enclave each one goes through a gate that keeps the program's wide registers (Gate.h).
//
// Results: 1 done, 0 not done (bad key, bad point, wrong tag, no memory). On 0 every output is zeroed. Lengths are
// bytes. No function reads or writes beyond the lengths it is given; none keeps a pointer.
#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What CPUID says, restricted to what the enclave's XFRM allows, before anything else here is called. Only the
/// enclave needs it: leaf 1 (EAX, ECX, EDX), leaf 7 (EBX, ECX), whether the vendor is Intel, XFRM, and whether
/// XSAVEC is there (leaf 0xD, subleaf 1).
void cl_crypto_start(
    uint32_t leaf1_eax, uint32_t leaf1_ecx, uint32_t leaf1_edx, uint32_t leaf7_ebx, uint32_t leaf7_ecx,
    int is_intel, uint64_t xfrm, int has_xsavec);

/// Overwrites a secret; never optimised away.
void cl_crypto_wipe(void *p, size_t n);
/// Compares in a time that depends on `n` only. 1: equal.
int cl_crypto_equal(const void *a, const void *b, size_t n);
/// BoringSSL's generator, which the enclave seeds from RDRAND alone. Never fails: it stops instead.
void cl_crypto_random(void *out, size_t n);

// FIPS 180-4. `bits` is 256, 384 or 512; the digest has bits / 8 bytes.
typedef struct { uint64_t state[28]; } cl_hash;
void cl_hash_init(cl_hash *h, int bits);
void cl_hash_update(cl_hash *h, int bits, const void *_Nullable p, size_t n);
void cl_hash_final(cl_hash *h, int bits, uint8_t *out);

// RFC 2104, RFC 5869.
int cl_hmac(int bits, const void *_Nullable key, size_t key_n, const void *_Nullable p, size_t n, uint8_t *out);
int cl_hkdf(
    int bits, const void *_Nullable secret, size_t secret_n, const void *_Nullable salt, size_t salt_n,
    const void *_Nullable info, size_t info_n, uint8_t *out, size_t out_n);

// AES-GCM (NIST SP 800-38D), 96-bit nonce, 128-bit tag, tag apart from the text. Source and destination are the
// same or do not overlap. A key of 16 bytes (sealing keys of the SDM) or 32.
typedef struct cl_gcm cl_gcm;
cl_gcm *_Nullable cl_gcm_new(const uint8_t *key, size_t key_n);
void cl_gcm_free(cl_gcm *c);
int cl_gcm_seal(
    const cl_gcm *c, const uint8_t nonce[_Nonnull 12], const void *_Nullable ad, size_t ad_n, const void *_Nullable in,
    size_t n, void *_Nullable out, uint8_t tag[_Nonnull 16]);
int cl_gcm_open(
    const cl_gcm *c, const uint8_t nonce[_Nonnull 12], const void *_Nullable ad, size_t ad_n, const void *_Nullable in,
    size_t n, const uint8_t tag[_Nonnull 16], void *_Nullable out);

// RFC 7748.
void cl_x25519_keypair(uint8_t public_key[_Nonnull 32], uint8_t private_key[_Nonnull 32]);
void cl_x25519_public(uint8_t public_key[_Nonnull 32], const uint8_t private_key[_Nonnull 32]);
int cl_x25519(
    uint8_t shared[_Nonnull 32], const uint8_t private_key[_Nonnull 32], const uint8_t peer[_Nonnull 32]);

// RFC 8032.
void cl_ed25519_keypair(uint8_t public_key[_Nonnull 32], const uint8_t seed[_Nonnull 32]);
int cl_ed25519_sign(
    uint8_t signature[_Nonnull 64], const uint8_t seed[_Nonnull 32], const void *_Nullable p, size_t n);
int cl_ed25519_verify(
    const uint8_t signature[_Nonnull 64], const uint8_t public_key[_Nonnull 32], const void *_Nullable p, size_t n);

// P-256 (FIPS 186-5, SP 800-56A): private keys are 32 bytes, public keys 64 (X then Y, big-endian, as quotes have
// them), signatures 64 (r then s).
int cl_p256_keypair(uint8_t public_key[_Nonnull 64], uint8_t private_key[_Nonnull 32]);
int cl_p256_public(uint8_t public_key[_Nonnull 64], const uint8_t private_key[_Nonnull 32]);
int cl_p256_sign(
    uint8_t signature[_Nonnull 64], const uint8_t private_key[_Nonnull 32], const uint8_t *digest, size_t digest_n);
int cl_p256_verify(
    const uint8_t signature[_Nonnull 64], const uint8_t public_key[_Nonnull 64], const uint8_t *digest, size_t digest_n);
int cl_p256_ecdh(
    uint8_t shared[_Nonnull 32], const uint8_t private_key[_Nonnull 32], const uint8_t peer[_Nonnull 64]);

// ML-KEM-768 (FIPS 203): seed 64, public key 1184, ciphertext 1088, secret 32.
void cl_mlkem768_keypair(uint8_t *public_key, uint8_t *seed);
int cl_mlkem768_public(uint8_t *public_key, const uint8_t *seed);
int cl_mlkem768_encapsulate(uint8_t *ciphertext, uint8_t *shared, const uint8_t *public_key);
int cl_mlkem768_decapsulate(uint8_t *shared, const uint8_t *ciphertext, const uint8_t *seed);

// HPKE (RFC 9180), HKDF-SHA256, AES-256-GCM, base mode. `kem`: 0x0010 P-256 (public key and enc 65 bytes), 0x0020
// X25519 (32), 0x647a X-Wing (1216 and 1120); private keys are 32 bytes. Sizes are checked against these.
size_t cl_hpke_public_size(int kem);
size_t cl_hpke_enc_size(int kem);
int cl_hpke_keypair(int kem, uint8_t *public_key, size_t public_n, uint8_t private_key[_Nonnull 32]);
int cl_hpke_public(int kem, uint8_t *public_key, size_t public_n, const uint8_t private_key[_Nonnull 32]);
typedef struct cl_hpke cl_hpke;
cl_hpke *_Nullable cl_hpke_sender(
    int kem, const uint8_t *peer, size_t peer_n, const void *_Nullable info, size_t info_n, uint8_t *enc,
    size_t enc_n);
cl_hpke *_Nullable cl_hpke_recipient(
    int kem, const uint8_t private_key[_Nonnull 32], const uint8_t *enc, size_t enc_n, const void *_Nullable info,
    size_t info_n);
void cl_hpke_free(cl_hpke *c);
/// The next message; `out` has room for n + 16 bytes.
int cl_hpke_seal(
    cl_hpke *c, const void *_Nullable ad, size_t ad_n, const void *_Nullable in, size_t n, uint8_t *out);
/// The next message; `n` includes the tag, `out` has room for n - 16 bytes.
int cl_hpke_open(
    cl_hpke *c, const void *_Nullable ad, size_t ad_n, const uint8_t *in, size_t n, uint8_t *_Nullable out);
int cl_hpke_export(cl_hpke *c, const void *_Nullable context, size_t context_n, uint8_t *out, size_t out_n);

#pragma clang assume_nonnull end
