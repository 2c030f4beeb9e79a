// Node: worker threads with shared memory, timers, crypto, WebAssembly, streams, zlib. Prints the same on every run.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto'), zlib = require('zlib'), fs = require('fs'), os = require('os');

if (!isMainThread) {
  const shared = new Int32Array(workerData.buffer);
  for (let i = 0; i < 10000; i++) Atomics.add(shared, 0, 1);
  Atomics.wait(shared, 1, 0);
  let n = 0;
  for (let k = workerData.from; k < workerData.from + 20000; k++) {
    let prime = k > 1;
    for (let d = 2; d * d <= k && prime; d++) prime = k % d !== 0;
    if (prime) n++;
  }
  parentPort.postMessage(n);
} else {
  const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3,
    102, 105, 98, 0, 0, 10, 30, 1, 28, 0, 32, 0, 65, 2, 72, 4, 127, 32, 0, 5, 32, 0, 65, 1, 107, 16, 0, 32, 0,
    65, 2, 107, 16, 0, 106, 11, 11]);
  const memoryTrap = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1,
    7, 8, 1, 4, 108, 111, 97, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 40, 2, 0, 11]);
  async function main() {
    const fib = new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports.fib;
    console.log('wasm', fib(25));
    const load = new WebAssembly.Instance(new WebAssembly.Module(memoryTrap)).exports.load;
    console.log('load', load(16));
    try { load(1 << 20); } catch (error) { console.log('trap', error instanceof WebAssembly.RuntimeError); }
    const buffer = new SharedArrayBuffer(16), shared = new Int32Array(buffer);
    const done = [0, 1, 2, 3].map(i => new Promise((resolve, reject) => {
      const worker = new Worker(__filename, { workerData: { buffer, from: i * 20000 } });
      worker.once('message', resolve).once('error', reject);
    }));
    while (Atomics.load(shared, 0) < 40000) await new Promise(r => setTimeout(r, 1));
    Atomics.store(shared, 1, 1);
    Atomics.notify(shared, 1);
    console.log('workers', shared[0], (await Promise.all(done)).reduce((a, b) => a + b));
    const order = [];
    await new Promise(resolve => {
      setTimeout(() => { order.push('late'); resolve(); }, 60);
      setTimeout(() => order.push('soon'), 5);
      setImmediate(() => order.push('immediate'));
      process.nextTick(() => order.push('tick'));
    });
    console.log('timers', order.join());
    console.log(crypto.createHash('sha512').update('cloister').digest('hex').slice(0, 40));
    console.log(crypto.pbkdf2Sync('word', 'salt', 2000, 32, 'sha256').toString('hex'));
    const scrypt = await new Promise((resolve, reject) =>
      crypto.scrypt('word', 'salt', 32, (error, key) => error ? reject(error) : resolve(key.toString('hex'))));
    console.log(scrypt);
    const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    console.log('signature', crypto.verify('sha256', Buffer.from('x'), publicKey, crypto.sign('sha256', Buffer.from('x'), privateKey)));
    console.log('random', crypto.randomBytes(32).length);
    const text = Buffer.from('abc '.repeat(100000));
    console.log('zlib', await new Promise(r => zlib.gzip(text, (e, z) => r(zlib.gunzipSync(z).equals(text)))));
    fs.writeFileSync('/tmp/cloister-node', text);
    console.log('file', (await fs.promises.readFile('/tmp/cloister-node')).length, fs.statSync('/tmp/cloister-node').size);
    fs.unlinkSync('/tmp/cloister-node');
    let objects = [];
    for (let i = 0; i < 300000; i++) { const o = { i, text: 'n' + i }; if (i % 1000 === 0) objects.push(o); }
    console.log('garbage', objects.length, objects[7].text);
    const sum = new Function('n', 'let s = 0; for (let i = 0; i < n; i++) s = (s + i * i) % 1000003; return s;');
    console.log('jit', sum(3e6));
    process.on('SIGUSR2', () => { console.log('SIGUSR2'); process.exitCode = 5; });
    process.kill(process.pid, 'SIGUSR2');
    await new Promise(r => setTimeout(r, 20));
    console.log(os.EOL.length, typeof os.cpus().length);
  }
  main();
}
