// An HTTP server and its clients, a UNIX socket and a UDP echo, in one Node process.
const http = require("http"), net = require("net"), dgram = require("dgram"), os = require("os");
const server = http.createServer((request, response) => {
  let size = 0;
  request.on("data", d => (size += d.length));
  request.on("end", () => response.end(`${request.method} ${request.url} ${size}`));
});
server.listen(0, "127.0.0.1", async () => {
  const port = server.address().port, agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  const ask = (method, path, body) => new Promise((done, fail) => {
    const r = http.request({ port, host: "127.0.0.1", method, path, agent }, a => {
      let text = ""; a.on("data", d => (text += d)); a.on("end", () => done(text));
    });
    r.on("error", fail); r.end(body);
  });
  const answers = await Promise.all([...Array(40).keys()].map(i => ask("POST", "/" + i, "x".repeat(i * 5000))));
  console.log(answers.length, answers[3], answers[39]);
  agent.destroy();
  server.close(() => console.log("closed"));
  const refused = await new Promise(done => net.connect(1, "127.0.0.1").on("error", e => done(e.code)));
  console.log(refused);
  const echo = net.createServer(s => s.pipe(s)).listen("/tmp/echo.sock", () => {
    const c = net.connect("/tmp/echo.sock", () => c.end("through a path"));
    c.on("data", d => console.log(String(d))); c.on("close", () => echo.close());
  });
  const u = dgram.createSocket("udp4", (m, from) => u.send("got " + m, from.port, from.address)).bind(0, "127.0.0.1", () => {
    const v = dgram.createSocket("udp4", m => { console.log(String(m)); v.close(); u.close(); });
    v.send("datagram", u.address().port, "127.0.0.1");
  });
});
