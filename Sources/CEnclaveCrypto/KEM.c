// ML-KEM-768 and HPKE (whose KEM may be X-Wing). Their structures are of several kilobytes: they lie on the heap,
// because a kernel stack has 64 KiB.
#include <CCryptoBoringSSL.h>
#include <CCryptoBoringSSL_hpke.h>
#include <CCryptoBoringSSL_mlkem.h>
#include <string.h>
#include "CEnclaveCrypto.h"
#include "Gate.h"

void cl_mlkem768_keypair(uint8_t *public_key, uint8_t *seed) {
  struct MLKEM768_private_key *key = OPENSSL_malloc(sizeof *key);
  if (key == NULL) __builtin_trap();
  GATE;
  MLKEM768_generate_key(public_key, seed, key);
  UNGATE;
  OPENSSL_free(key);
}

int cl_mlkem768_public(uint8_t *public_key, const uint8_t *seed) {
  struct MLKEM768_private_key *key = OPENSSL_malloc(sizeof *key);
  struct MLKEM768_public_key *out = OPENSSL_malloc(sizeof *out);
  int ok = 0;
  if (key && out) {
    CBB bytes;
    size_t size = 0;
    GATE;
    ok = MLKEM768_private_key_from_seed(key, seed, MLKEM_SEED_BYTES);
    if (ok) {
      MLKEM768_public_from_private(out, key);
      CBB_init_fixed(&bytes, public_key, MLKEM768_PUBLIC_KEY_BYTES);
      ok = MLKEM768_marshal_public_key(&bytes, out) && CBB_finish(&bytes, NULL, &size) &&
           size == MLKEM768_PUBLIC_KEY_BYTES;
    }
    UNGATE;
  }
  OPENSSL_free(key);
  OPENSSL_free(out);
  ERR_clear_error();
  if (!ok) memset(public_key, 0, MLKEM768_PUBLIC_KEY_BYTES);
  return ok;
}

int cl_mlkem768_encapsulate(uint8_t *ciphertext, uint8_t *shared, const uint8_t *public_key) {
  struct MLKEM768_public_key *key = OPENSSL_malloc(sizeof *key);
  int ok = 0;
  if (key) {
    CBS bytes;
    CBS_init(&bytes, public_key, MLKEM768_PUBLIC_KEY_BYTES);
    GATE;
    ok = MLKEM768_parse_public_key(key, &bytes) && CBS_len(&bytes) == 0;
    if (ok) MLKEM768_encap(ciphertext, shared, key);
    UNGATE;
  }
  OPENSSL_free(key);
  ERR_clear_error();
  if (!ok) {
    memset(ciphertext, 0, MLKEM768_CIPHERTEXT_BYTES);
    memset(shared, 0, MLKEM_SHARED_SECRET_BYTES);
  }
  return ok;
}

int cl_mlkem768_decapsulate(uint8_t *shared, const uint8_t *ciphertext, const uint8_t *seed) {
  struct MLKEM768_private_key *key = OPENSSL_malloc(sizeof *key);
  int ok = 0;
  if (key) {
    GATE;
    ok = MLKEM768_private_key_from_seed(key, seed, MLKEM_SEED_BYTES) &&
         MLKEM768_decap(shared, ciphertext, MLKEM768_CIPHERTEXT_BYTES, key);
    UNGATE;
  }
  OPENSSL_free(key);
  ERR_clear_error();
  if (!ok) memset(shared, 0, MLKEM_SHARED_SECRET_BYTES);
  return ok;
}

static const EVP_HPKE_KEM *hpke_kem(int kem) {
  switch (kem) {
    case EVP_HPKE_DHKEM_P256_HKDF_SHA256: return EVP_hpke_p256_hkdf_sha256();
    case EVP_HPKE_DHKEM_X25519_HKDF_SHA256: return EVP_hpke_x25519_hkdf_sha256();
    case EVP_HPKE_XWING: return EVP_hpke_xwing();
    default: return NULL;
  }
}
size_t cl_hpke_public_size(int kem) {
  const EVP_HPKE_KEM *k = hpke_kem(kem);
  return k ? EVP_HPKE_KEM_public_key_len(k) : 0;
}
size_t cl_hpke_enc_size(int kem) {
  const EVP_HPKE_KEM *k = hpke_kem(kem);
  return k ? EVP_HPKE_KEM_enc_len(k) : 0;
}

int cl_hpke_keypair(int kem, uint8_t *public_key, size_t public_n, uint8_t private_key[32]) {
  const EVP_HPKE_KEM *k = hpke_kem(kem);
  EVP_HPKE_KEY *key = k && public_n == EVP_HPKE_KEM_public_key_len(k) ? EVP_HPKE_KEY_new() : NULL;
  int ok = 0;
  if (key) {
    size_t a = 0, b = 0;
    GATE;
    ok = EVP_HPKE_KEY_generate(key, k) && EVP_HPKE_KEY_public_key(key, public_key, &a, public_n) &&
         EVP_HPKE_KEY_private_key(key, private_key, &b, 32) && a == public_n && b == 32;
    UNGATE;
    EVP_HPKE_KEY_free(key);
  }
  ERR_clear_error();
  if (!ok) {
    memset(public_key, 0, public_n);
    memset(private_key, 0, 32);
  }
  return ok;
}
int cl_hpke_public(int kem, uint8_t *public_key, size_t public_n, const uint8_t private_key[32]) {
  const EVP_HPKE_KEM *k = hpke_kem(kem);
  EVP_HPKE_KEY *key = k && public_n == EVP_HPKE_KEM_public_key_len(k) ? EVP_HPKE_KEY_new() : NULL;
  int ok = 0;
  if (key) {
    size_t a = 0;
    GATE;
    ok = EVP_HPKE_KEY_init(key, k, private_key, 32) && EVP_HPKE_KEY_public_key(key, public_key, &a, public_n) &&
         a == public_n;
    UNGATE;
    EVP_HPKE_KEY_free(key);
  }
  ERR_clear_error();
  if (!ok) memset(public_key, 0, public_n);
  return ok;
}

struct cl_hpke {
  EVP_HPKE_CTX context;
};

cl_hpke *cl_hpke_sender(
    int kem, const uint8_t *peer, size_t peer_n, const void *info, size_t info_n, uint8_t *enc, size_t enc_n) {
  const EVP_HPKE_KEM *k = hpke_kem(kem);
  cl_hpke *c = k && enc_n == EVP_HPKE_KEM_enc_len(k) ? OPENSSL_zalloc(sizeof *c) : NULL;
  if (c) {
    size_t size = 0;
    GATE;
    int ok = EVP_HPKE_CTX_setup_sender(
                 &c->context, enc, &size, enc_n, k, EVP_hpke_hkdf_sha256(), EVP_hpke_aes_256_gcm(), peer, peer_n,
                 info, info_n) &&
             size == enc_n;
    UNGATE;
    if (ok) return c;
    cl_hpke_free(c);
  }
  ERR_clear_error();
  memset(enc, 0, enc_n);
  return NULL;
}
cl_hpke *cl_hpke_recipient(
    int kem, const uint8_t private_key[32], const uint8_t *enc, size_t enc_n, const void *info, size_t info_n) {
  const EVP_HPKE_KEM *k = hpke_kem(kem);
  cl_hpke *c = k ? OPENSSL_zalloc(sizeof *c) : NULL;
  EVP_HPKE_KEY *key = k ? EVP_HPKE_KEY_new() : NULL;
  int ok = 0;
  if (c && key) {
    GATE;
    ok = EVP_HPKE_KEY_init(key, k, private_key, 32) &&
         EVP_HPKE_CTX_setup_recipient(
             &c->context, key, EVP_hpke_hkdf_sha256(), EVP_hpke_aes_256_gcm(), enc, enc_n, info, info_n);
    UNGATE;
  }
  EVP_HPKE_KEY_free(key);
  ERR_clear_error();
  if (ok) return c;
  if (c) cl_hpke_free(c);
  return NULL;
}
void cl_hpke_free(cl_hpke *c) {
  EVP_HPKE_CTX_cleanup(&c->context);
  OPENSSL_free(c);
}
int cl_hpke_seal(cl_hpke *c, const void *ad, size_t ad_n, const void *in, size_t n, uint8_t *out) {
  size_t size = 0;
  GATE;
  int ok = EVP_HPKE_CTX_seal(&c->context, out, &size, n + 16, in, n, ad, ad_n) && size == n + 16;
  UNGATE;
  ERR_clear_error();
  if (!ok) memset(out, 0, n + 16);
  return ok;
}
int cl_hpke_open(cl_hpke *c, const void *ad, size_t ad_n, const uint8_t *in, size_t n, uint8_t *out) {
  if (n < 16) return 0;
  // BoringSSL wants room for the sealed size while it opens; it is given a buffer of its own.
  uint8_t *room = OPENSSL_malloc(n);
  if (room == NULL) return 0;
  size_t size = 0;
  GATE;
  int ok = EVP_HPKE_CTX_open(&c->context, room, &size, n, in, n, ad, ad_n) && size == n - 16;
  UNGATE;
  ERR_clear_error();
  if (ok && size) memcpy(out, room, size);
  if (!ok && n > 16) memset(out, 0, n - 16);
  OPENSSL_free(room);
  return ok;
}
int cl_hpke_export(cl_hpke *c, const void *context, size_t context_n, uint8_t *out, size_t out_n) {
  GATE;
  int ok = EVP_HPKE_CTX_export(&c->context, out, out_n, context, context_n);
  UNGATE;
  ERR_clear_error();
  if (!ok) memset(out, 0, out_n);
  return ok;
}
