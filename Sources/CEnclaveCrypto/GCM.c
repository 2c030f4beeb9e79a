// AES-GCM.
#include <CCryptoBoringSSL.h>
#include <string.h>
#include "CEnclaveCrypto.h"
#include "Gate.h"

struct cl_gcm {
  EVP_AEAD_CTX context;
};

cl_gcm *cl_gcm_new(const uint8_t *key, size_t key_n) {
  if (key_n != 16 && key_n != 32) return NULL;
  cl_gcm *c = OPENSSL_malloc(sizeof *c);
  if (c == NULL) return NULL;
  GATE;
  int ok = EVP_AEAD_CTX_init(
      &c->context, key_n == 16 ? EVP_aead_aes_128_gcm() : EVP_aead_aes_256_gcm(), key, key_n, 16, NULL);
  UNGATE;
  if (ok) return c;
  ERR_clear_error();
  OPENSSL_free(c);
  return NULL;
}

void cl_gcm_free(cl_gcm *c) {
  EVP_AEAD_CTX_cleanup(&c->context);
  OPENSSL_free(c);  // clears what it frees
}

int cl_gcm_seal(
    const cl_gcm *c, const uint8_t nonce[12], const void *ad, size_t ad_n, const void *in, size_t n, void *out,
    uint8_t tag[16]) {
  size_t tag_n = 0;
  GATE;
  int ok = EVP_AEAD_CTX_seal_scatter(
      &c->context, out, tag, &tag_n, 16, nonce, 12, in, n, NULL, 0, ad, ad_n);
  UNGATE;
  if (ok && tag_n == 16) return 1;
  ERR_clear_error();
  if (n) memset(out, 0, n);
  memset(tag, 0, 16);
  return 0;
}

int cl_gcm_open(
    const cl_gcm *c, const uint8_t nonce[12], const void *ad, size_t ad_n, const void *in, size_t n,
    const uint8_t tag[16], void *out) {
  GATE;
  int ok = EVP_AEAD_CTX_open_gather(&c->context, out, nonce, 12, in, n, tag, 16, ad, ad_n);
  UNGATE;
  if (ok) return 1;
  ERR_clear_error();
  if (n) memset(out, 0, n);
  return 0;
}
