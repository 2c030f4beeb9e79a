"""os.fork and what surrounds it: memory, pipes, signals, waiting, multiprocessing."""
import multiprocessing, os, signal, sys, threading, time

def end(code=0):
    sys.stdout.flush()
    os._exit(code)

data = list(range(10000))
read, write = os.pipe()
child = os.fork()
if child == 0:
    data[5] = "child"
    os.write(write, repr(data[4:7]).encode())
    end(5)
print(os.read(read, 100).decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), data[4:7])

# Several children that compute at the same time.
children = []
for i in range(4):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        total = 0
        for k in range(20000 * (i + 1)):
            total = (total * 31 + k) % 1000003
        os.write(w, str(total).encode())
        end(i)
    os.close(w)
    children.append((pid, r))
for pid, r in children:
    print(os.read(r, 100).decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

# A child stopped, continued and killed.
pid = os.fork()
if pid == 0:
    while True:
        time.sleep(1)
os.kill(pid, signal.SIGSTOP)
print(os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]))
os.kill(pid, signal.SIGCONT)
print(os.WIFCONTINUED(os.waitpid(pid, os.WCONTINUED)[1]))
os.kill(pid, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

# With threads: only the forking one is in the child.
stop = threading.Event()
threads = [threading.Thread(target=stop.wait) for _ in range(3)]
for t in threads: t.start()
pid = os.fork()
if pid == 0:
    end(threading.active_count())
print("threads in the child:", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
stop.set()
for t in threads: t.join()

def square(x):
    return x * x

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with context.Pool(3) as pool:
        print(sum(pool.map(square, range(1000))))
    value = context.Value("i", 0)
    def add():
        for _ in range(200):
            with value.get_lock():
                value.value += 1
    processes = [context.Process(target=add) for _ in range(3)]
    for p in processes: p.start()
    for p in processes: p.join()
    print(value.value, [p.exitcode for p in processes])
    queue = context.Queue()
    p = context.Process(target=lambda: queue.put(list(range(100000))))
    p.start()
    print(len(queue.get()))
    p.join()
