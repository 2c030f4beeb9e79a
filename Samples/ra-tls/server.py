#!/usr/bin/env python3
"""A TLS server for the inside of an enclave, whose certificate carries a quote over its key.

    cloister run --mount $PWD:/samples -- /usr/bin/python3 /samples/server.py PORT [COUNT] [--gramine]

Serves COUNT connections (default: for ever) on the loopback interface. Needs nothing but Python and the
libcrypto that Python's own ssl module uses. The certificate has the interoperable form of RA-TLS evidence
(TCG DICE tagged evidence), with --gramine Gramine's older one; both are made from /dev/attestation alone.
"""
import base64, ctypes, hashlib, os, socket, ssl, sys, tempfile

crypto = ctypes.CDLL("libcrypto.so.3")
for name in ("EVP_PKEY_Q_keygen", "X509_new", "X509_get_serialNumber", "X509_getm_notBefore", "X509_getm_notAfter",
             "X509_get_subject_name", "X509_gmtime_adj", "OBJ_txt2obj", "ASN1_OCTET_STRING_new",
             "X509_EXTENSION_create_by_OBJ", "EVP_sha256"):
    getattr(crypto, name).restype = ctypes.c_void_p


def p(value):
    return ctypes.c_void_p(value)


def need(value):
    if not value:
        sys.exit("server.py: libcrypto refused")
    return value


def der(encode, thing):
    """What an i2d_ function writes."""
    size = need(encode(p(thing), None))
    buffer = ctypes.create_string_buffer(size)
    encode(p(thing), ctypes.byref(ctypes.c_void_p(ctypes.addressof(buffer))))
    return buffer.raw


def cbor(kind, count):
    if count < 24:
        return bytes([kind << 5 | count])
    for code, size in ((24, 1), (25, 2), (26, 4)):
        if count < 1 << 8 * size:
            return bytes([kind << 5 | code]) + count.to_bytes(size, "big")
    raise ValueError(count)


def cbor_bytes(value):
    return cbor(2, len(value)) + value


def quote(report_data):
    with open("/dev/attestation/user_report_data", "wb") as f:
        f.write(report_data)
    with open("/dev/attestation/quote", "rb") as f:
        return f.read()


def evidence(public_key, gramine):
    """The extension's OID and value for a SubjectPublicKeyInfo."""
    key_hash = hashlib.sha256(public_key).digest()
    if gramine:
        return "1.2.840.113741.1337.6", quote(key_hash + bytes(32))
    entry = cbor(4, 2) + cbor(0, 1) + cbor_bytes(key_hash)
    claims = cbor(5, 1) + cbor(3, 11) + b"pubkey-hash" + cbor_bytes(entry)
    body = quote(hashlib.sha256(claims).digest() + bytes(32))
    return "2.23.133.5.4.9", cbor(6, 60000) + cbor(4, 2) + cbor_bytes(body) + cbor_bytes(claims)


def make_certificate(gramine):
    """A fresh key and a self-signed certificate for it, both DER."""
    key = need(crypto.EVP_PKEY_Q_keygen(None, None, b"EC", b"P-256"))
    oid, value = evidence(der(crypto.i2d_PUBKEY, key), gramine)
    certificate = need(crypto.X509_new())
    crypto.X509_set_version(p(certificate), ctypes.c_long(2))
    crypto.ASN1_INTEGER_set(p(crypto.X509_get_serialNumber(p(certificate))), ctypes.c_long(1))
    crypto.X509_gmtime_adj(p(crypto.X509_getm_notBefore(p(certificate))), ctypes.c_long(-60))
    crypto.X509_gmtime_adj(p(crypto.X509_getm_notAfter(p(certificate))), ctypes.c_long(86400))
    name = crypto.X509_get_subject_name(p(certificate))
    need(crypto.X509_NAME_add_entry_by_txt(p(name), b"CN", 0x1001, b"RA-TLS", -1, -1, 0))
    need(crypto.X509_set_issuer_name(p(certificate), p(name)))
    need(crypto.X509_set_pubkey(p(certificate), p(key)))
    octets = need(crypto.ASN1_OCTET_STRING_new())
    need(crypto.ASN1_OCTET_STRING_set(p(octets), value, len(value)))
    extension = need(crypto.X509_EXTENSION_create_by_OBJ(None, p(need(crypto.OBJ_txt2obj(oid.encode(), 1))), 0, p(octets)))
    need(crypto.X509_add_ext(p(certificate), p(extension), -1))
    need(crypto.X509_sign(p(certificate), p(key), p(crypto.EVP_sha256())))
    return der(crypto.i2d_PrivateKey, key), der(crypto.i2d_X509, certificate)


def context(gramine):
    key, certificate = make_certificate(gramine)
    # Python's ssl module reads files only; /tmp lives and dies inside the enclave.
    fd, path = tempfile.mkstemp()
    with os.fdopen(fd, "w") as f:
        f.write("-----BEGIN EC PRIVATE KEY-----\n" + base64.encodebytes(key).decode() + "-----END EC PRIVATE KEY-----\n")
        f.write(ssl.DER_cert_to_PEM_cert(certificate))
    try:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(path)
        return tls
    finally:
        os.unlink(path)


def main():
    words = [w for w in sys.argv[1:] if w != "--gramine"]
    port, count = int(words[0]), int(words[1]) if len(words) > 1 else -1
    tls = context("--gramine" in sys.argv)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(8)
    print("ready on port", listener.getsockname()[1], flush=True)
    while count != 0:
        connection, _ = listener.accept()
        count -= 1
        try:
            with tls.wrap_socket(connection, server_side=True) as talk:
                question = talk.recv(1000).decode().strip()
                talk.sendall(f"you asked {question!r}; I am the enclave in the certificate\n".encode())
        except (OSError, ValueError) as e:
            # A client that does not accept the evidence leaves in the handshake.
            print("client left:", type(e).__name__, flush=True)


if __name__ == "__main__":
    main()
