"""Threads, locks, conditions, timers, queues, thread-local values and a pipe between threads."""
import concurrent.futures
import hashlib
import os
import queue
import signal
import threading
import time

with concurrent.futures.ThreadPoolExecutor(16) as pool:
    digests = list(pool.map(lambda i: hashlib.sha256(b"%d" % i * 10000).hexdigest()[:8], range(100)))
print(hashlib.sha256("".join(digests).encode()).hexdigest())

q, done = queue.Queue(3), []


def consumer():
    while (item := q.get()) is not None:
        done.append(item)


threads = [threading.Thread(target=consumer) for _ in range(4)]
for t in threads:
    t.start()
for i in range(500):
    q.put(i)
for t in threads:
    q.put(None)
for t in threads:
    t.join()
print(len(done), sum(done))

local, names = threading.local(), []
barrier = threading.Barrier(5)


def meet(i):
    local.value = i
    barrier.wait()
    names.append(local.value)


threads = [threading.Thread(target=meet, args=(i,)) for i in range(5)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(names))

r, w = os.pipe()
writer = threading.Thread(target=lambda: (os.write(w, b"x" * 300000), os.close(w)))
writer.start()
total = 0
while piece := os.read(r, 10000):
    total += len(piece)
writer.join()
print(total)

start = time.monotonic()
event = threading.Event()
threading.Timer(0.1, event.set).start()
print(event.wait(10), event.is_set(), 0.09 < time.monotonic() - start < 9)
lock = threading.Lock()
lock.acquire()
print(lock.acquire(timeout=0.05))

seen = []
signal.signal(signal.SIGALRM, lambda n, _: seen.append(n))
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(0.3)
signal.pthread_kill(threading.get_ident(), signal.SIGALRM)
print([int(n) for n in seen])
for _ in range(200):
    t = threading.Thread(target=lambda: None)
    t.start()
    t.join()
print("end")
