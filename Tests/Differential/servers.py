import asyncio, socketserver, threading, socket, http.server, urllib.request
async def handle(r, w):
    while (line := await r.readline()):
        w.write(line.upper()); await w.drain()
    w.close()
async def main():
    s = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = s.sockets[0].getsockname()[1]
    async def client(i):
        r, w = await asyncio.open_connection("127.0.0.1", port)
        out = []
        for j in range(20):
            w.write(b"line %d %d\n" % (i, j)); out.append(await r.readline())
        w.close(); return b"".join(out)
    res = await asyncio.gather(*(client(i) for i in range(30)))
    print(sum(len(x) for x in res), res[3][:40])
    s.close(); await s.wait_closed()
    # unix
    s = await asyncio.start_unix_server(handle, "/tmp/aio.sock")
    r, w = await asyncio.open_unix_connection("/tmp/aio.sock"); w.write(b"unix\n"); print(await r.readline()); w.close()
    s.close(); await s.wait_closed()
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, t): self.t = t
        def datagram_received(self, d, a): self.t.sendto(d[::-1], a)
    loop = asyncio.get_running_loop()
    t, p = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    fut = loop.create_future()
    class C(asyncio.DatagramProtocol):
        def datagram_received(self, d, a): fut.set_result(d)
    t2, _ = await loop.create_datagram_endpoint(C, remote_addr=t.get_extra_info("sockname")); t2.sendto(b"abc"); print(await fut)
asyncio.run(main())
class H(socketserver.StreamRequestHandler):
    def handle(self):
        for l in self.rfile: self.wfile.write(l[::-1])
srv = socketserver.ThreadingTCPServer(("127.0.0.1", 0), H); threading.Thread(target=srv.serve_forever, daemon=True).start()
def go(i, out):
    with socket.create_connection(srv.server_address) as s:
        f = s.makefile("rwb")
        for j in range(10): f.write(b"%d-%d\n" % (i, j)); f.flush(); out.append(f.readline() + f.read(0))
outs = [[] for _ in range(10)]; ts = [threading.Thread(target=go, args=(i, outs[i])) for i in range(10)]
[t.start() for t in ts]; [t.join(20) for t in ts]; print([len(o) for o in outs]); srv.shutdown(); srv.server_close()
h = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler); h.RequestHandlerClass.log_message = lambda *a: None
threading.Thread(target=h.serve_forever, daemon=True).start()
import os; os.chdir("/etc")
print(urllib.request.urlopen("http://127.0.0.1:%d/hostname" % h.server_address[1]).read() == open("/etc/hostname","rb").read())
h.shutdown()
