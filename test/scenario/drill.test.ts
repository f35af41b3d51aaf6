import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DrillReport } from '../../lab/drills/run-drill.ts';
import { processesWithEnvironment, startedFromHere } from '../../toolchain/process-identity.ts';
import { nightly, tier } from '../support/tier.ts';

const command = fileURLToPath(new URL('../../bin/holdfast.mjs', import.meta.url));

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
}

/** @param interrupt asked at each piece of output: whether it is interrupted now */
async function drill(args: readonly string[], interrupt: (stdout: string) => boolean = () => false): Promise<Ended> {
  const child = spawn(process.execPath, [command, 'drill', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  let interrupted = false;
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (interrupted || !interrupt(stdout)) return;
    interrupted = true;
    child.kill('SIGINT');
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout };
}

/** What is there of a drill's lab: its folder, whoever answers for it, and the commands and engines that worked on it. */
async function leftOf({ endpoint, folder }: DrillReport['lab']): Promise<string[]> {
  const suspects = await startedFromHere();
  const processes = await Promise.all([
    processesWithEnvironment('HOLDFAST_LAB_DIR', (value) => value.startsWith(folder), suspects),
    processesWithEnvironment('AWS_ENDPOINT_URL', (value) => value === endpoint, suspects),
  ]);
  const answers = await fetch(`${endpoint}/_lab`).then(
    () => true,
    () => false,
  );
  return [...processes.flat().map(({ pid }) => `process ${pid}`), ...(answers ? [endpoint] : []), ...(existsSync(folder) ? [folder] : [])];
}

// At night. A push tries the same commands after another interruption in runbook.test.ts, and the proofs in test/unit/drill-proofs.test.ts.
describe.runIf(tier === 'all')('drill run revoked-session', { concurrent: false, shuffle: false }, () => {
  let exitCode: number | null;
  let report: DrillReport;
  beforeAll(async () => {
    const ended = await drill(['run', 'revoked-session', '--json']);
    exitCode = ended.exitCode;
    report = JSON.parse(ended.stdout) as DrillReport;
  }, 600_000);

  it('ends green', () => {
    expect({ exitCode, outcome: report.outcome, failure: report.failure }).toEqual({ exitCode: 0, outcome: 'green', failure: null });
  });

  it('plays the commands of the incident, each with the exit code that says so', () => {
    const commands = report.steps.flatMap((step) => step.commands.map((one) => `${one.command} -> ${one.exitCode ?? ''}`));
    expect(commands).toEqual([
      'npm run up -- --yes -> 0',
      'npm run up -- --yes --no-settle --parallel 2 --bucket-patience 2s -> 4',
      'npm run up -- --yes -> 4',
      'npm run status -> 4',
      'npm run recover -- --incident INC-2041 -> 0',
      'npm run up -- --yes -> 0',
      'npm run plan -> 0',
      'npm run inventory -- --diff -> 0',
    ]);
  });

  it('has times for each step of the postmortem, in the minutes from break to green', () => {
    expect(report.timeline.map(({ step }) => step).filter((step) => step !== '')).toEqual([
      '1 froze',
      '2 snapshotted',
      '3 reconciled',
      '4 released',
      '5 planned',
    ]);
    for (const { fromSeconds, toSeconds } of report.timeline) {
      expect(fromSeconds).toBeGreaterThanOrEqual(0);
      expect(toSeconds).toBeGreaterThanOrEqual(fromSeconds);
      expect(toSeconds).toBeLessThanOrEqual(report.secondsFromBreakToGreen ?? 0);
    }
  });

  it.each([
    // Its first owner.
    ['vpc.staging', 1],
    // Deployed before.
    ['route-tables.shared', 2],
  ])('shows the versions of the lock of %s: it went only after the checkpoint', (short, epoch) => {
    const proof = report.proofs.find(({ proves }) => proves === `the lock of ${short} stood until after the promoted checkpoint`);
    const { lock, promoted, run } = proof?.shown as LockShown;
    const meanwhile = lock.filter(({ owner, order }) => owner?.run === run && order < promoted.order);
    const from = meanwhile[0]?.order ?? 0;
    expect(meanwhile.map(({ owner }) => [owner?.operation, owner?.epoch])).toEqual([
      ['up', epoch],
      ['recover', epoch + 1],
    ]);
    expect(lock.filter(({ kind, order }) => kind === 'delete' && order > from && order < promoted.order)).toEqual([]);
    const gone = lock.find(({ kind, order }) => kind === 'delete' && order > promoted.order);
    expect(Date.parse(gone?.modified ?? '')).toBeGreaterThanOrEqual(Date.parse(promoted.modified));
  });

  it('shows that the states have what AWS has, the attachment and the routes of the incident with it', () => {
    const { state, aws } = report.proofs.find(({ proves }) => proves === 'the states have what AWS has')?.shown as {
      state: string[];
      aws: string[];
    };
    expect(state).toEqual(aws);
    expect(aws.filter((name) => name.startsWith('tgw-attach-'))).toHaveLength(3);
    const routes = (cidr: string): number => aws.filter((name) => name.startsWith('rtb-') && name.endsWith(` ${cidr}`)).length;
    expect(['10.1.0.0/16', '10.2.0.0/16', '192.168.0.0/16'].map(routes)).toEqual([1, 1, 0]);
  });

  it('leaves nothing behind', async () => {
    expect(await leftOf(report.lab)).toEqual([]);
  });
});

interface LockShown {
  readonly run: string;
  readonly lock: readonly {
    readonly kind: string;
    readonly order: number;
    readonly modified: string;
    readonly owner: { readonly run: string; readonly operation: string; readonly epoch: number } | null;
  }[];
  readonly promoted: { readonly order: number; readonly modified: string };
}

describe('a drill that is interrupted', () => {
  nightly('ends its lab and all that ran in it, a provider in the middle of a call too', async () => {
    const { exitCode, stdout } = await drill(['run', 'revoked-session'], (text) => text.includes('its reply is held'));
    expect(exitCode).toBe(130);
    const where = /at (?<endpoint>http:\S+), log (?<folder>\S+)\/drill\.log$/m;
    expect(stdout).toMatch(where);
    const { endpoint = '', folder = '' } = where.exec(stdout)?.groups ?? {};
    expect(await leftOf({ endpoint, folder })).toEqual([]);
  });
});

describe('drills by name', () => {
  it('are listed', async () => {
    const { exitCode, stdout } = await drill(['list']);
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^revoked-session {2}\S.*\n$/)]);
  });

  it('are refused where there is none of it, with those that there are', async () => {
    const { exitCode, stdout } = await drill(['run', 'nothing']);
    expect(exitCode).toBe(2);
    expect(stdout).toContain('there is no drill "nothing"; there is revoked-session');
    expect(stdout).toContain('next  npm run drill -- run revoked-session');
  });
});
