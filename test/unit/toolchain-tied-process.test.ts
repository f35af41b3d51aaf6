import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { runTied } from '../../toolchain/tied-process.ts';

const node = process.execPath;
const env = process.env;

test('a command that ends well gives its output', async () => {
  expect(await runTied(node, ['-e', 'console.log("out")'], { env })).toEqual({ outcome: 'succeeded', stdout: 'out\n' });
});

test('a command that fails gives its exit code and the end of what it said', async () => {
  const result = await runTied(node, ['-e', 'console.error("no"); process.exitCode = 3'], { env });
  expect(result).toEqual({ outcome: 'failed', exitCode: 3, stdout: '', stderrTail: 'no' });
});

test('a command that is not there is told from one that fails', async () => {
  expect(await runTied('holdfast-has-no-such-command', [], { env })).toMatchObject({ outcome: 'not-started', code: 'ENOENT' });
});

test('a command over its time is ended', async () => {
  expect(await runTied(node, ['-e', 'setInterval(() => {}, 1000)'], { env, timeoutMs: 50 })).toEqual({ outcome: 'timed-out', afterMs: 50 });
});

test('a parent that is killed takes the command and the children of the command with it', async () => {
  // The grandchild keeps a connection to us open for as long as it lives.
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const grandchild = `require('net').connect(${port}, '127.0.0.1').resume(); setInterval(() => {}, 1000)`;
  const child = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: 'ignore' }); setInterval(() => {}, 1000)`;
  const tied = new URL('../../toolchain/tied-process.ts', import.meta.url).href;
  const parent = `import(${JSON.stringify(tied)}).then(({ runTied }) => runTied(process.execPath, ['-e', ${JSON.stringify(child)}], { env: process.env }))`;

  const running = spawn(node, ['--import', './toolchain/tsx.mjs', '--input-type=module', '-e', parent], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  createInterface({ input: running.stderr }).on('line', (line) => void process.stderr.write(`${line}\n`));
  const [connection] = (await once(server, 'connection')) as [import('node:net').Socket];
  const ended = new Promise((resolve) => connection.on('error', () => undefined).on('close', resolve));
  running.kill('SIGKILL');
  await ended;
  server.close();
}, 30_000);
