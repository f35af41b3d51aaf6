import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll } from 'vitest';
import type { Plan } from '../../simulation/plan.ts';

const plain = { clockAheadMs: 0, hidesProcesses: false };
type Played = Pick<Plan, 'seed' | 'actors' | 'faults' | 'deployed'> & Partial<Pick<Plan, 'machines' | 'failedLooks' | 'awsLateMs'>>;

/** A simulator for the tests of one file. It is bundled once, which takes as long as a history, and is gone after the last test. */
export function playing(): {
  /** What each command ended with, which promise was violated, and the history itself. */
  readonly played: (plan: Played) => { readonly ends: Record<string, string>; readonly history: string };
} {
  const folder = mkdtempSync(join(tmpdir(), 'proof-'));
  let simulator: string;
  beforeAll(async () => {
    // JavaScript, as the simulator's own runner is.
    const bundler = '../../simulation/bundle.mjs';
    const { bundleSimulator } = (await import(bundler)) as { bundleSimulator: (name: string) => Promise<{ readonly file: string }> };
    simulator = (await bundleSimulator(`simulator-played-${process.pid}-${randomUUID()}`)).file;
  });
  afterAll(() => {
    for (const made of [folder, dirname(simulator)]) rmSync(made, { recursive: true });
  });
  return {
    played: (plan) => {
      const file = join(folder, `${plan.seed}.json`);
      const whole: Plan = {
        machines: [
          { name: 'm1', ...plain },
          { name: 'm2', ...plain },
        ],
        failedLooks: [],
        awsLateMs: 0,
        sessionSeconds: 7200,
        lateFirstTries: false,
        ...plan,
      };
      writeFileSync(file, JSON.stringify(whole));
      const { stdout, stderr } = spawnSync(process.execPath, [simulator, '--plan', file], { encoding: 'utf8' });
      const lines = stdout.split('\n');
      const ends = plan.actors.map(({ name }) => [
        name,
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? stderr,
      ]);
      const promise = lines.find((line) => /^(holds|VIOLATED)/.test(line)) ?? stderr;
      return { ends: { ...(Object.fromEntries(ends) as Record<string, string>), promises: promise }, history: stdout };
    },
  };
}
