"""Shared file mappings that see each other and the file at once (mmap(2), MAP_SHARED), without msync."""
import mmap
import os
import tempfile

with tempfile.TemporaryFile() as file:
    file.write(b"0123456789" * 1000)
    file.flush()
    fd = file.fileno()
    one = mmap.mmap(fd, 8192)
    two = mmap.mmap(fd, 8192)
    one[0:5] = b"hello"
    print("store seen by pread", os.pread(fd, 5, 0))
    os.pwrite(fd, b"J", 0)
    print("pwrite seen by the mapping", bytes(one[0:5]))
    print("store seen by the other mapping", bytes(two[0:5]))
    private = mmap.mmap(fd, 4096, flags=mmap.MAP_PRIVATE)
    print("store seen by a private mapping", bytes(private[0:5]))
