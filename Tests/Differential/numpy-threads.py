"""matmul, SVD, save, and a memory-mapped load that several threads read."""
import hashlib
import os
import sys
import tempfile
import threading

import numpy as np

size = int(sys.argv[1]) if len(sys.argv) > 1 else 300
rng = np.random.default_rng(2026)
a = rng.standard_normal((size, size))
b = rng.standard_normal((size, size))
c = a @ b
print("matmul", hashlib.sha256(np.round(c, 6).tobytes()).hexdigest()[:16])
u, s, v = np.linalg.svd(a)
print("svd", bool(np.allclose(u * s @ v, a)), np.round(s[:5], 8).tolist())

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "c.npy")
    np.save(path, c)
    print("saved", os.path.getsize(path))
    mapped = np.load(path, mmap_mode="r")
    sums = [None] * 8

    def work(i):
        sums[i] = float(np.round(mapped[i::8].sum(), 6))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("sums", sums, type(mapped).__name__)
    private = np.load(path, mmap_mode="c")
    private[0, 0] = 1
    print("private", private[0, 0], mapped[0, 0] == c[0, 0])
    writable = np.load(path, mmap_mode="r+")
    writable[0, 0] = 2
    writable.flush()
    print("shared, flushed", np.load(path)[0, 0])
    del mapped, private, writable
