import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AwsModel } from '../simulation/aws-model.ts';
import { BucketModel } from '../simulation/bucket-model.ts';
import { CoverageTable, eventOf, impossible } from '../simulation/coverage.ts';
import type { Counts, Stage, Struck } from '../simulation/coverage.ts';
import { plainUp, stateOf } from '../simulation/engine-model.ts';
import { givenFaults } from '../simulation/plan.ts';
import { Resource } from '../simulation/sdk.ts';
import { World } from '../simulation/world.ts';
import type { FaultKind } from '../simulation/world.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { casesOf, nightly } from '../support/tier.ts';

const simulate = (...args: readonly string[]): string => {
  const { stdout, stderr } = spawnSync(process.execPath, ['test/simulation/simulate.mjs', ...args], { encoding: 'utf8' });
  return stdout + stderr;
};

describe('the simulator', () => {
  it('plays the same history for the same seed, byte for byte, in every process', () => {
    const history = (): string => simulate('--seed=20045', '--histories=3', '--keep-going', '--whole').replace(/[\d.]+ ms of CPU/g, '');
    const first = history();
    expect(first).toContain('3 histories from seed 20045');
    expect(history()).toBe(first);
  });

  it('loads every file of the core but those that are types, pages, or commands of their own', () => {
    const loaded = new Set(simulate('--sources').split('\n'));
    const rooms = ['gateway', 'locks', 'journal', 'run', 'recovery', 'state', 'inventory', 'graph', 'pulumi'];
    const core = rooms.flatMap((room) => readdirSync(`orchestrator/${room}`).map((file) => `orchestrator/${room}/${file}`));
    expect(core.filter((file) => file.endsWith('.ts') && !loaded.has(file)).sort()).toEqual([
      'orchestrator/graph/draw.ts',
      'orchestrator/graph/waves.ts',
      'orchestrator/pulumi/entry.ts',
      'orchestrator/recovery/facts.ts',
      'orchestrator/recovery/questions.ts',
      'orchestrator/recovery/words.ts',
      'orchestrator/run/consequences.ts',
    ]);
  });
});

interface Kept {
  readonly histories: number;
  readonly counts: Counts;
}

const folder = mkdtempSync(join(tmpdir(), 'simulator-'));

/** Plays a few histories. @returns what they come to */
function kept(name: string, ...args: readonly string[]): Kept {
  const file = join(folder, `${name}.json`);
  simulate('--keep-going', '--seconds=300', `--coverage=${file}`, ...args);
  return JSON.parse(readFileSync(file, 'utf8')) as Kept;
}

// Forty histories take ten seconds of a core, and more where others work too.
describe('the coverage of the simulator', { timeout: 300_000 }, () => {
  it('strikes what it aims at, at the stage that it aims at', () => {
    const { counts } = kept('aimed', '--seed=1', '--histories=4', '--aim=unfreeze,stopped-after');
    expect(counts['unfreeze']?.['stopped-after']).toBeGreaterThan(0);
  });

  const ways: readonly (readonly [struck: Struck, stage: Stage])[] = [
    ['look-failed', 'claim'],
    ['look-failed', 'give-back'],
    ['stale-view', 'give-back'],
    ['look-failed', 'release'],
    ['look-failed', 'unfreeze'],
    ['look-failed', 'disown'],
    ['stale-view', 'hold'],
    ['stale-view', 'answer'],
    ['session-ended', 'start'],
  ];
  it.each(casesOf(ways, { push: ([, stage]) => stage === 'claim' }))('has a way that leads to %s after %s', (struck, stage) => {
    const { counts } = kept(`${stage}-${struck}`, '--seed=1', '--histories=40', `--aim=${stage},${struck}`);
    expect(counts[stage]?.[struck]).toBeGreaterThan(0);
  });

  nightly('adds up what several shards have counted', () => {
    const [one, other] = [kept('one', '--seed=1', '--histories=2'), kept('other', '--seed=3', '--histories=2')];
    const both = kept('both', '--seed=1', '--histories=0', `--add=${join(folder, 'one.json')},${join(folder, 'other.json')}`);
    expect(both).toEqual(kept('whole', '--seed=1', '--histories=4'));
    expect(both.histories).toBe(one.histories + other.histories);
  });

  const never = impossible.flatMap(({ stage, struck }) => struck.map((each) => [each, stage] as const));
  nightly.each(never)('never meets %s after %s, which the table says cannot be, in histories that aim at it', (struck, stage) => {
    const { counts } = kept(`${stage}-${struck}`, '--seed=1', '--histories=8', `--aim=${stage},${struck}`);
    expect(counts[stage]?.[struck]).toBe(0);
    // The stage itself was come to.
    const reached = kept(`${stage}-reached`, '--seed=1', '--histories=8', `--aim=${stage},stopped-after`).counts[stage] ?? {};
    expect(Object.values(reached).some((count) => count > 0)).toBe(true);
  });

  it('says which cell was struck that the table says cannot be', () => {
    const table = new CoverageTable();
    table.addHistory([{ stage: 'freeze', struck: 'stale-view' }]);
    expect(table.refuted).toEqual([{ stage: 'freeze', struck: 'stale-view', count: 1 }]);
  });

  it.each([
    ['claim', { phase: 'free', epoch: 1 }, { phase: 'claimed', epoch: 2 }],
    ['give-back', { phase: 'claimed', epoch: 2 }, { phase: 'free', epoch: 2 }],
    ['start', { phase: 'claimed', epoch: 2 }, { phase: 'running', epoch: 2 }],
    ['hold', { phase: 'running', epoch: 2 }, { phase: 'held', epoch: 2 }],
    ['verify', { phase: 'running', epoch: 2 }, { phase: 'free', epoch: 2, verified: { kind: 'at' } }],
    ['take-over', { phase: 'recovering', epoch: 2 }, { phase: 'recovering', epoch: 3 }],
    ['release', { phase: 'recovering', epoch: 2 }, { phase: 'free', epoch: 2, verified: { kind: 'unknown' } }],
    ['release', { phase: 'held', epoch: 2 }, { phase: 'free', epoch: 3 }],
    ['freeze', { phase: 'held', epoch: 2 }, { phase: 'held', epoch: 2, frozen: { nonce: 'n' } }],
    ['unfreeze', { phase: 'held', epoch: 2, frozen: { nonce: 'n' } }, { phase: 'held', epoch: 2 }],
    ['disown', { phase: 'recovering', epoch: 2, disowned: [] }, { phase: 'recovering', epoch: 2, disowned: [{ id: 'vpc-1' }] }],
    ['answer', { phase: 'recovering', epoch: 2, answers: [] }, { phase: 'recovering', epoch: 2, answers: [{ resource: 'vpc' }] }],
  ])('tells the transition %s by what the write changes', (event, before, after) => {
    expect(eventOf(JSON.stringify(before), JSON.stringify(after))).toBe(event);
  });
});

/** Plain `pulumi up` of a stack with one VPC, one thing of which goes wrong; as ENGINE-FACTS has its interruptions. */
async function interruptedUp(fault?: { readonly process: string; readonly call: number; readonly kind: FaultKind }) {
  const world = new World('facts', givenFaults(fault ? [{ ...fault, ms: 0 }] : []), []);
  const [bucket, aws] = [new BucketModel(world), new AwsModel(world)];
  const cli = world.start('pulumi', world.machine('m'), { name: 'ada', uid: 1 });
  let ended: string | undefined;
  const program = () => {
    new Resource('aws:ec2/vpc:Vpc', 'vpc', { cidrBlock: '10.0.0.0/16' });
    return Promise.resolve({});
  };
  world.run(cli, () => {
    plainUp(cli, 'net.hub', program, { world, aws, bucket }).then(
      (end) => {
        ended = end;
      },
      () => undefined,
    );
  });
  await world.play(() => ended !== undefined);
  const { entries, operations } = stateOf(bucket.get(checkpointKey('net.hub'))?.body);
  return {
    lockStands: bucket.locksOf('net.hub').length > 0,
    pending: operations.map(({ type }) => type),
    recorded: entries.filter(({ type }) => type.endsWith(':Vpc')).length,
    inAws: aws.living.length,
  };
}

describe('the engine of the simulator', () => {
  it('records what it makes, and takes its lock away', async () => {
    expect(await interruptedUp()).toEqual({ lockStands: false, pending: [], recorded: 1, inAws: 1 });
  });

  it('leaves its lock and its intent where the CLI is killed', async () => {
    // The calls: list, lock, list, read, intent.
    expect(await interruptedUp({ process: 'pulumi', call: 6, kind: 'killed-before' })).toEqual({
      lockStands: true,
      pending: ['creating'],
      recorded: 0,
      inAws: 1,
    });
  });

  it('leaves no trace of an object that was made when its plugin was killed', async () => {
    expect(await interruptedUp({ process: 'plugin of pulumi', call: 1, kind: 'killed-after' })).toEqual({
      lockStands: false,
      pending: [],
      recorded: 0,
      inAws: 1,
    });
  });

  it('makes two objects where the answer of AWS is lost, and records one', async () => {
    expect(await interruptedUp({ process: 'plugin of pulumi', call: 1, kind: 'answer-lost' })).toEqual({
      lockStands: false,
      pending: [],
      recorded: 1,
      inAws: 2,
    });
  });
});
