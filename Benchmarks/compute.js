// CPU-bound: sieve, matrix, maps, strings, a little garbage. Prints the nanoseconds after a warm-up.
function work(n) {
  const composite = new Uint8Array(n);
  let sum = 0;
  for (let i = 2; i < n; i++) {
    if (composite[i]) continue;
    sum += i;
    for (let k = i * i; k < n; k += i) composite[k] = 1;
  }
  const m = 160, a = [], c = [];
  for (let i = 0; i < m; i++) { a.push(Array.from({ length: m }, (_, j) => (i * j) % 7)); c.push(new Array(m).fill(0)); }
  for (let i = 0; i < m; i++) for (let k = 0; k < m; k++) for (let j = 0; j < m; j++) c[i][j] += a[i][k] * a[k][j];
  const map = new Map();
  for (let i = 0; i < 50000; i++) { const key = 'k' + i % 5000; map.set(key, (map.get(key) || 0) + 1); }
  return sum + c[3][5] + map.size;
}
for (let i = 0; i < 5; i++) work(400000);
let best = Infinity;
for (let i = 0; i < 7; i++) {
  const start = process.hrtime.bigint();
  work(2000000);
  best = Math.min(best, Number(process.hrtime.bigint() - start));
}
console.log(best);
