// Hashes, HMAC and HKDF.
#include <CCryptoBoringSSL.h>
#include <string.h>
#include "CEnclaveCrypto.h"
#include "Gate.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(cl_hash), "SHA256_CTX");
_Static_assert(sizeof(SHA512_CTX) <= sizeof(cl_hash), "SHA512_CTX");

void cl_crypto_wipe(void *p, size_t n) { OPENSSL_cleanse(p, n); }
int cl_crypto_equal(const void *a, const void *b, size_t n) { return CRYPTO_memcmp(a, b, n) == 0; }
void cl_crypto_random(void *out, size_t n) {
  GATE;
  RAND_bytes(out, n);
  UNGATE;
}

void cl_hash_init(cl_hash *h, int bits) {
  memset(h, 0, sizeof *h);
  if (bits == 256) SHA256_Init((SHA256_CTX *)h);
  else if (bits == 384) SHA384_Init((SHA512_CTX *)h);
  else SHA512_Init((SHA512_CTX *)h);
}
void cl_hash_update(cl_hash *h, int bits, const void *p, size_t n) {
  if (n == 0) return;
  GATE;
  if (bits == 256) SHA256_Update((SHA256_CTX *)h, p, n);
  else if (bits == 384) SHA384_Update((SHA512_CTX *)h, p, n);
  else SHA512_Update((SHA512_CTX *)h, p, n);
  UNGATE;
}
void cl_hash_final(cl_hash *h, int bits, uint8_t *out) {
  GATE;
  if (bits == 256) SHA256_Final(out, (SHA256_CTX *)h);
  else if (bits == 384) SHA384_Final(out, (SHA512_CTX *)h);
  else SHA512_Final(out, (SHA512_CTX *)h);
  UNGATE;
  OPENSSL_cleanse(h, sizeof *h);
}

static const EVP_MD *digest(int bits) {
  return bits == 256 ? EVP_sha256() : bits == 384 ? EVP_sha384() : EVP_sha512();
}

int cl_hmac(int bits, const void *key, size_t key_n, const void *p, size_t n, uint8_t *out) {
  unsigned length = 0;
  // HMAC() takes a null key to mean the key of the last call.
  const void *k = key_n == 0 ? "" : key;
  GATE;
  int ok = HMAC(digest(bits), k, key_n, p, n, out, &length) != NULL;
  UNGATE;
  if (!ok) memset(out, 0, (size_t)bits / 8);
  return ok;
}

int cl_hkdf(
    int bits, const void *secret, size_t secret_n, const void *salt, size_t salt_n, const void *info, size_t info_n,
    uint8_t *out, size_t out_n) {
  GATE;
  int ok = HKDF(out, out_n, digest(bits), secret, secret_n, salt, salt_n, info, info_n);
  UNGATE;
  if (!ok) {
    ERR_clear_error();
    memset(out, 0, out_n);
  }
  return ok;
}
