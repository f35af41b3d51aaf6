import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Plan } from '../../simulation/plan.ts';

const folder = mkdtempSync(join(tmpdir(), 'proof-'));

afterAll(() => rmSync(folder, { recursive: true }));

const plain = { clockAheadMs: 0, hidesProcesses: false };
/** What each command ended with, which promise was violated, and the history itself. */
export function played(
  plan: Pick<Plan, 'seed' | 'actors' | 'faults' | 'deployed'> & Partial<Pick<Plan, 'machines' | 'failedLooks' | 'awsLateMs'>>,
): {
  readonly ends: Record<string, string>;
  readonly history: string;
} {
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
  const { stdout, stderr } = spawnSync(process.execPath, ['test/simulation/simulate.mjs', '--plan', file], { encoding: 'utf8' });
  const lines = stdout.split('\n');
  const ends = plan.actors.map(({ name }) => [name, lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? stderr]);
  const promise = lines.find((line) => /^(holds|VIOLATED)/.test(line)) ?? stderr;
  return { ends: { ...(Object.fromEntries(ends) as Record<string, string>), promises: promise }, history: stdout };
}
