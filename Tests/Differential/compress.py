"""zlib, bz2, lzma, tarfile and zipfile, in memory and through /tmp."""
import bz2
import hashlib
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib

data = b"".join(b"%d squared is %d\n" % (i, i * i) for i in range(60000))
for name, module in (("zlib", zlib), ("bz2", bz2), ("lzma", lzma)):
    packed = module.compress(data)
    print(name, len(packed), hashlib.sha256(packed).hexdigest()[:16], module.decompress(packed) == data)
with tempfile.TemporaryFile() as f:
    with tarfile.open(fileobj=f, mode="w:gz") as t:
        info = tarfile.TarInfo("data")
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    f.seek(0)
    with tarfile.open(fileobj=f) as t:
        print(t.getnames(), t.extractfile("data").read() == data)
with tempfile.TemporaryFile() as f:
    with zipfile.ZipFile(f, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("data", data)
    with zipfile.ZipFile(f) as z:
        print(z.testzip(), z.namelist(), z.getinfo("data").CRC)
