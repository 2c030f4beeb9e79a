// child_process: each way to start a program, one after the other.
const { execSync, spawnSync, exec, spawn, fork } = require('child_process');
if (process.argv[2] === 'child') {
  process.on('message', (m) => { process.send({ got: m }); });
} else {
  console.log(execSync('echo sync; ls -d /').toString());
  console.log(spawnSync('sh', ['-c', 'exit 4']).status);
  const steps = [
    (next) => exec('echo async; cat', (e, o) => { console.log(e, o); next(); }).stdin.end('input'),
    (next) => {
      const c = spawn('/bin/cat');
      c.stdout.on('data', (d) => { console.log('cat', d.toString()); c.kill(); });
      c.on('close', (a, b) => { console.log('close', a, b); next(); });
      c.stdin.write('x');
    },
    (next) => {
      const f = fork(__filename, ['child']);
      f.on('message', (m) => { console.log('message', m); f.disconnect(); });
      f.send({ a: 1 });
      f.on('exit', (c) => { console.log('exit', c); next(); });
    },
    (next) => spawn('/does/not/exist').on('error', (e) => { console.log(e.code); next(); }),
    (next) => {
      let left = 5;
      for (let i = 0; i < 5; i++)
        spawn('sh', ['-c', `exit ${i}`]).on('exit', (c) => { if (c !== i) console.log('wrong', c, i); if (--left === 0) { console.log('all'); next(); } });
    },
  ];
  const run = () => { const s = steps.shift(); if (s) s(run); };
  run();
}
