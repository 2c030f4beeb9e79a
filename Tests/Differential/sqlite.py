"""A database in /tmp with a write-ahead log (a shared mapping), used by two connections in threads."""
import os
import sqlite3
import tempfile
import threading

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "d")
    a = sqlite3.connect(path)
    print(a.execute("pragma journal_mode=wal").fetchone())
    a.execute("create table t(x)")
    a.commit()

    def write(n):
        d = sqlite3.connect(path, timeout=30)
        for i in range(50):
            with d:
                d.execute("insert into t values(?)", (n * 1000 + i,))
        d.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(a.execute("select count(*), sum(x) from t").fetchone())
    print(a.execute("pragma integrity_check").fetchone(), sorted(os.listdir(folder)))
    a.close()
    print(sorted(os.listdir(folder)))
