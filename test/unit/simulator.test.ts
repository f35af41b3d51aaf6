import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AwsModel } from '../simulation/aws-model.ts';
import { BucketModel } from '../simulation/bucket-model.ts';
import { plainUp, stateOf } from '../simulation/engine-model.ts';
import { givenFaults } from '../simulation/plan.ts';
import { Resource } from '../simulation/sdk.ts';
import { World } from '../simulation/world.ts';
import type { FaultKind } from '../simulation/world.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';

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
      'orchestrator/recovery/release-checklist.ts',
      'orchestrator/recovery/words.ts',
      'orchestrator/state/object-store.ts',
    ]);
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
