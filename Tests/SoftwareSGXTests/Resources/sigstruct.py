#!/usr/bin/env python3
"""Checks a SIGSTRUCT with plain integers: PKCS#1 v1.5 with SHA-256, Q1 and Q2. Prints MRENCLAVE and MRSIGNER."""
import hashlib
import sys

s = open(sys.argv[1], "rb").read()
assert len(s) == 1808
assert s[0:16].hex() == "06000000e10000000000010000000000"
assert s[24:40].hex() == "01010000600000006000000001000000"
number = lambda at: int.from_bytes(s[at:at + 384], "little")
m, signature, q1, q2 = number(128), number(516), number(1040), number(1424)
assert int.from_bytes(s[512:516], "little") == 3
digest = hashlib.sha256(s[0:128] + s[900:1028]).digest()
prefix = bytes.fromhex("3031300d060960864801650304020105000420")
padded = b"\0\1" + b"\xff" * (384 - 3 - len(prefix) - 32) + b"\0" + prefix + digest
assert pow(signature, 3, m) == int.from_bytes(padded, "big"), "signature"
assert q1 == signature * signature // m, "Q1"
assert q2 == signature * (signature * signature - q1 * m) // m, "Q2"
print(s[960:992].hex(), hashlib.sha256(s[128:512]).hexdigest())
