import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@stricli/core';
import { describe, expect, it } from 'vitest';
import { app } from '../../orchestrator/cli/app.ts';
import type { Context } from '../../orchestrator/cli/context.ts';
import { exampleNetwork } from '../support/networks.ts';
import { exampleWith } from './support/example.ts';

const folder = mkdtempSync(join(tmpdir(), 'paths-'));

async function paths(args: readonly string[], network = exampleNetwork): Promise<{ stdout: string; exitCode: number }> {
  const file = join(folder, 'network.yaml');
  writeFileSync(file, network);
  let stdout = '';
  const process: Context['process'] = { stdout: { write: (text) => (stdout += text) }, stderr: { write: () => undefined } };
  const context: Context = {
    process,
    env: { HOLDFAST_LAB_DIR: join(folder, 'no-lab') },
    cwd: folder,
    root: folder,
    now: () => 0,
    interactive: false,
    ask: () => Promise.reject(new Error('there is nobody to ask')),
  };
  await run(app, ['paths', '--network', file, ...args], context);
  return { stdout, exitCode: Number(process.exitCode ?? 0) };
}

describe('the command paths', () => {
  it('prints who can reach whom, from nothing but the network file', async () => {
    const { stdout, exitCode } = await paths([]);
    expect(stdout.split('\n')).toEqual(
      [
        'example: who can reach whom, by the network file',
        'both ways',
        '  production, staging <-> shared',
        'to addresses that no VPC has',
        '  production, staging --> everything else (0.0.0.0/0), by shared',
        '0 warnings',
        '',
      ].filter((line) => line !== '0 warnings'),
    );
    expect(exitCode).toBe(0);
  });

  it('prints each table on the way, forth and back, and once for zones that are alike', async () => {
    const { stdout } = await paths(['production', 'shared.private']);
    expect(stdout.split('\n')).toEqual([
      'production.private.a to shared.private.a; production.private.a to shared.private.b; production.private.b to shared.private.a; production.private.b to shared.private.b',
      '  both ways',
      '  forth  it arrives in shared',
      '    production, table private: 0.0.0.0/0 leads to the gateway',
      '    segment production: 10.0.0.0/16 (propagated) leads to shared',
      "    shared, table attachment: 10.0.0.0/16 is the VPC's own",
      '  back   it arrives in production',
      '    shared, table private: 10.1.0.0/16 leads to the gateway',
      '    segment shared: 10.1.0.0/16 (propagated) leads to production',
      "    production, table attachment: 10.1.0.0/16 is the VPC's own",
      '',
    ]);
  });

  it('says what drops it, where there is no path', async () => {
    expect((await paths(['production', '10.2.0.7'])).stdout).toContain('forth  segment production drops it: blackhole 10.2.0.0/16');
  });

  it('says how far it gets to the internet', async () => {
    expect((await paths(['staging', 'internet'])).stdout).toContain('forth  it gets to shared, which declares no way out');
  });

  it('prints one document for machines, with blocks as text and a line for each warning', async () => {
    const text = exampleWith(['private: [10.1.0.0/16, 10.2.0.0/16]', 'private: [10.1.0.0/16]']);
    const document: unknown = JSON.parse((await paths(['--json'], text)).stdout);
    expect(document).toMatchObject({
      schema: 1,
      network: 'example',
      source: 'file',
      pairs: [
        { from: [{ kind: 'vpc', vpc: 'production' }], to: [{ kind: 'vpc', vpc: 'shared' }], ways: 'both' },
        { from: [{ kind: 'vpc', vpc: 'staging' }], to: [{ kind: 'vpc', vpc: 'shared' }], ways: 'one' },
      ],
      warnings: [{ reason: 'one-way', line: text.split('\n').findIndex((line) => line.includes('private: [10.1.0.0/16]')) + 1 }],
    });
  });

  it.each([
    ['nope', 'internet', 'no-such-place'],
    ['10.0.240.1', 'staging', 'no-subnet-there'],
    ['internet', 'staging', 'from-outside'],
  ])('refuses %s to %s, and says what can be named', async (from, to, reason) => {
    const { stdout, exitCode } = await paths([from, to, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ problem: { reason } });
    expect(exitCode).toBe(2);
  });
});
