import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** A stack that a CI changes all day: so many versions in the last 24 h, of which the interrupted run wrote the last 40. */
const script = (versions: number, kilobytes: number): string => `
import { quarantine } from './quarantine.mjs';
const body = (n) => Buffer.from(JSON.stringify({ version: 3, n, pad: 'x'.repeat(${kilobytes} * 1024) }));
const now = Date.parse('2030-01-02T00:00:00Z');
const all = Array.from({ length: ${versions} }, (_, i) => ({ key: '.pulumi/stacks/holdfast/example.vpc.a.json', version: 'v' + (${versions} - i), etag: '"' + (${versions} - i) + '"', modified: new Date(now - i * 8000), latest: i === 0 }));
const store = { name: 's', list: async () => [], folders: async () => [], get: async () => undefined, put: async () => ({ done: true, etag: 'e' }), remove: async () => ({ done: true }),
  versions: async (prefix) => (prefix.endsWith('.json') ? all : []), getVersion: async (_, v) => body(v) };
let peak = 0;
const copied = await quarantine({ store, network: 'example', stack: 'example.vpc.a', run: 'r', recovery: 'x', lockedAt: new Date(now - 40 * 8000), bucketNow: new Date(now), base: '"' + (${versions} - 40) + '"', patienceSeconds: 0, copies: true, onCheckpoint: () => undefined,
  onProgress: () => { const used = process.memoryUsage(); peak = Math.max(peak, used.heapUsed + used.external); } });
console.log(JSON.stringify({ versions: copied.versions.length, evidence: copied.checkpoints.length, evidenceMB: Math.round(copied.checkpoints.length * ${kilobytes} / 1024), peakMB: Math.round(peak / 2 ** 20) }));
`;

it('H13: to copy 24 h of versions a recovery needs the memory of those that it reads, and not of all (10,000 versions of 100 KB: 1 GB)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'proof-'));
  execFileSync('node_modules/.bin/esbuild', [
    'orchestrator/recovery/quarantine.ts',
    '--bundle',
    '--platform=node',
    '--format=esm',
    `--outfile=${join(folder, 'quarantine.mjs')}`,
    '--log-level=error',
  ]);
  writeFileSync(join(folder, 'main.mjs'), script(10_000, 100));
  const told = execFileSync('node', ['--max-old-space-size=3000', join(folder, 'main.mjs')], { encoding: 'utf8' });
  const measured = JSON.parse(told) as { evidenceMB: number; peakMB: number };
  expect(measured.peakMB).toBeLessThan(measured.evidenceMB + 250);
}, 300_000);
