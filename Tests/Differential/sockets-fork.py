"""Sockets between processes: pairs, servers that fork, descriptors passed to another process."""
import array, multiprocessing, os, socket, socketserver, struct, subprocess, sys, threading

def wait(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def child(f):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        f(); sys.stdout.flush(); os._exit(7)
    return pid

a, b = socket.socketpair()
def echo():
    a.close()
    while d := b.recv(100): b.send(d.upper())
pid = child(echo); b.close()
for w in (b"one", b"two"): a.send(w); print(a.recv(100))
a.close(); print(wait(pid))

# TCP over loopback, a child an end.
s = socket.create_server(("127.0.0.1", 0))
def client():
    c = socket.create_connection(s.getsockname()); c.sendall(b"x" * 300_000); c.shutdown(1); print("answer", c.recv(100)); c.close()
pid = child(client)
c, _ = s.accept(); n = 0
while d := c.recv(65536): n += len(d)
c.send(b"%d" % n); c.close(); print(wait(pid))

# The server forks for each connection.
class H(socketserver.StreamRequestHandler):
    def handle(self): self.wfile.write(self.rfile.readline()[::-1])
srv = socketserver.ForkingTCPServer(("127.0.0.1", 0), H)
threading.Thread(target=srv.serve_forever, daemon=True).start()
for i in range(3):
    with socket.create_connection(srv.server_address) as c:
        c.sendall(b"line %d\n" % i); print(c.makefile("rb").read())
srv.shutdown(); srv.server_close()

# A descriptor goes to another process, which lives longer than the sender's copy.
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
def receiver():
    _, fds, _, _ = socket.recv_fds(b, 10, 1)
    with os.fdopen(fds[0], "w") as f: f.write("from the child")
pid = child(receiver)
r, w = os.pipe()
socket.send_fds(a, [b"x"], [w]); os.close(w)
print(os.fdopen(r).read(), wait(pid))
b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
pid = child(lambda: a.send(b"who"))
_, anc, _, _ = b.recvmsg(10, 100); print(struct.unpack("iII", anc[0][2])[0] == pid, wait(pid))

# A program that is started inherits its socket.
a, b = socket.socketpair()
p = subprocess.Popen(["/bin/cat"], stdin=b, stdout=b); b.close()
a.send(b"through cat"); a.shutdown(1); print(a.recv(100), a.recv(100), p.wait())
