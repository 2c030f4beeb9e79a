#!/usr/bin/env python3
"""MRENCLAVE, written a second time from the SDM (vol. 3D, 37.4), to compare with the machine's.

Standard input: a line `SSAFRAMESIZE SIZE`, then a line `OFFSET FLAGS MEASURE HEX` for each page.
Standard output: MRENCLAVE in hex.
"""
import hashlib
import struct
import sys


def main():
    digest = hashlib.sha256()
    frame, size = map(int, sys.stdin.readline().split())
    digest.update(struct.pack("<8sIQ44x", b"ECREATE", frame, size))
    for line in sys.stdin:
        offset, flags, measure, content = line.split()
        offset = int(offset)
        page = bytes.fromhex(content)
        assert len(page) == 4096
        digest.update(struct.pack("<8sQQ40x", b"EADD", offset, int(flags)))
        if measure == "1":
            for at in range(0, 4096, 256):
                digest.update(struct.pack("<8sQ48x", b"EEXTEND", offset + at))
                digest.update(page[at:at + 256])
    print(digest.hexdigest())


main()
