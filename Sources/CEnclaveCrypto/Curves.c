// X25519, Ed25519 and P-256.
#include <CCryptoBoringSSL.h>
#include <string.h>
#include "CEnclaveCrypto.h"
#include "Gate.h"

void cl_x25519_keypair(uint8_t public_key[32], uint8_t private_key[32]) {
  GATE;
  X25519_keypair(public_key, private_key);
  UNGATE;
}
void cl_x25519_public(uint8_t public_key[32], const uint8_t private_key[32]) {
  GATE;
  X25519_public_from_private(public_key, private_key);
  UNGATE;
}
int cl_x25519(uint8_t shared[32], const uint8_t private_key[32], const uint8_t peer[32]) {
  GATE;
  // 0 for a point of small order, whose shared secret is zero (RFC 7748, 6.1).
  int ok = X25519(shared, private_key, peer);
  UNGATE;
  if (!ok) memset(shared, 0, 32);
  return ok;
}

void cl_ed25519_keypair(uint8_t public_key[32], const uint8_t seed[32]) {
  uint8_t expanded[64];
  GATE;
  ED25519_keypair_from_seed(public_key, expanded, seed);
  UNGATE;
  OPENSSL_cleanse(expanded, sizeof expanded);
}
int cl_ed25519_sign(uint8_t signature[64], const uint8_t seed[32], const void *p, size_t n) {
  uint8_t expanded[64], public_key[32];
  GATE;
  ED25519_keypair_from_seed(public_key, expanded, seed);
  int ok = ED25519_sign(signature, p, n, expanded);
  UNGATE;
  OPENSSL_cleanse(expanded, sizeof expanded);
  if (!ok) memset(signature, 0, 64);
  return ok;
}
int cl_ed25519_verify(const uint8_t signature[64], const uint8_t public_key[32], const void *p, size_t n) {
  GATE;
  int ok = ED25519_verify(p, n, signature, public_key);
  UNGATE;
  ERR_clear_error();
  return ok == 1;
}

/// A key of P-256 from its parts, each of which may be missing; the caller frees it. NULL: not a key.
static EC_KEY *p256_key(const uint8_t *private_key, const uint8_t *public_key) {
  EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  if (key == NULL) return NULL;
  int ok = 1;
  if (private_key) {
    ok = EC_KEY_oct2priv(key, private_key, 32);
  }
  if (ok && public_key) {
    uint8_t point[65];
    point[0] = 4;
    memcpy(point + 1, public_key, 64);
    ok = EC_KEY_oct2key(key, point, sizeof point, NULL);
  } else if (ok && private_key) {
    const EC_GROUP *group = EC_KEY_get0_group(key);
    EC_POINT *point = EC_POINT_new(group);
    ok = point && EC_POINT_mul(group, point, EC_KEY_get0_private_key(key), NULL, NULL, NULL) &&
         EC_KEY_set_public_key(key, point);
    EC_POINT_free(point);
  }
  if (ok) return key;
  EC_KEY_free(key);
  return NULL;
}

/// X and Y of a key's point.
static int p256_point(const EC_KEY *key, uint8_t public_key[64]) {
  uint8_t point[65];
  if (EC_POINT_point2oct(
          EC_KEY_get0_group(key), EC_KEY_get0_public_key(key), POINT_CONVERSION_UNCOMPRESSED, point, sizeof point,
          NULL) != sizeof point)
    return 0;
  memcpy(public_key, point + 1, 64);
  return 1;
}

int cl_p256_keypair(uint8_t public_key[64], uint8_t private_key[32]) {
  GATE;
  EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
  int ok = key && EC_KEY_generate_key(key) && p256_point(key, public_key) &&
           EC_KEY_priv2oct(key, private_key, 32) == 32;
  EC_KEY_free(key);
  UNGATE;
  ERR_clear_error();
  if (!ok) {
    memset(public_key, 0, 64);
    memset(private_key, 0, 32);
  }
  return ok;
}
int cl_p256_public(uint8_t public_key[64], const uint8_t private_key[32]) {
  GATE;
  EC_KEY *key = p256_key(private_key, NULL);
  int ok = key && p256_point(key, public_key);
  EC_KEY_free(key);
  UNGATE;
  ERR_clear_error();
  if (!ok) memset(public_key, 0, 64);
  return ok;
}
int cl_p256_sign(uint8_t signature[64], const uint8_t private_key[32], const uint8_t *hash, size_t hash_n) {
  size_t size = 0;
  GATE;
  EC_KEY *key = p256_key(private_key, NULL);
  int ok = key && ECDSA_sign_p1363(hash, hash_n, signature, &size, 64, key) && size == 64;
  EC_KEY_free(key);
  UNGATE;
  ERR_clear_error();
  if (!ok) memset(signature, 0, 64);
  return ok;
}
int cl_p256_verify(
    const uint8_t signature[64], const uint8_t public_key[64], const uint8_t *hash, size_t hash_n) {
  GATE;
  EC_KEY *key = p256_key(NULL, public_key);
  int ok = key && ECDSA_verify_p1363(hash, hash_n, signature, 64, key) == 1;
  EC_KEY_free(key);
  UNGATE;
  ERR_clear_error();
  return ok;
}
int cl_p256_ecdh(uint8_t shared[32], const uint8_t private_key[32], const uint8_t peer[64]) {
  GATE;
  EC_KEY *mine = p256_key(private_key, NULL), *theirs = p256_key(NULL, peer);
  int ok = mine && theirs && ECDH_compute_key(shared, 32, EC_KEY_get0_public_key(theirs), mine, NULL) == 32;
  EC_KEY_free(mine);
  EC_KEY_free(theirs);
  UNGATE;
  ERR_clear_error();
  if (!ok) memset(shared, 0, 32);
  return ok;
}
