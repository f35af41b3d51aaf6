import { execFile } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { Output } from '@pulumi/pulumi';
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Foreign } from '../../orchestrator/domain/foreign.ts';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { stateUrl } from '../../orchestrator/aws/clients.ts';
import { describeLock, standingLocks } from '../../orchestrator/locks/durable-locks.ts';
import type { EngineRequest, EngineResult } from '../../orchestrator/pulumi/engine.ts';
import { readStates } from '../../orchestrator/state/checkpoints.ts';
import { project } from '../../orchestrator/state/layout.ts';
import { loadAws } from '../../stacks/aws.ts';
import { tier } from '../support/tier.ts';
import { account, region, startEngineLab } from './plugin-lab.ts';
import type { EngineLab } from './plugin-lab.ts';

/** What the engine does that Holdfast leans on (the measured lines of the engine's facts): a new CLI that behaves differently is noticed here. */

const network = 'facts';
const bucketName = 'holdfast-facts';
const run = promisify(execFile);

let lab: EngineLab;
let bucketUrl: string;
let bucket: Bucket;

beforeAll(async () => {
  lab = await startEngineLab(project);
  const credentials = { accessKeyId: lab.environment.AWS_ACCESS_KEY_ID, secretAccessKey: lab.environment.AWS_SECRET_ACCESS_KEY };
  const s3 = new S3Client({ endpoint: lab.endpoint, region, forcePathStyle: true, credentials });
  await s3.send(new CreateBucketCommand({ Bucket: bucketName }));
  bucket = new Bucket(s3, bucketName);
  bucketUrl = stateUrl({ kind: 'LAB', endpoint: lab.endpoint }, bucketName, region);
});

afterAll(() => lab.stop());

/** VPCs one after the other; calls about them carry the stack's name as a tag. */
const vpcs =
  (stack: string, count = 1): PulumiFn =>
  async () => {
    const [{ Provider }, aws] = await Promise.all([import('@pulumi/aws/provider.js'), loadAws()]);
    const provider = new Provider('aws', { region, allowedAccountIds: [account] });
    let last: InstanceType<typeof aws.Vpc> | undefined;
    for (let n = 1; n <= count; n += 1)
      last = new aws.Vpc(`vpc-${n}`, { cidrBlock: `10.${n}.0.0/16`, tags: { stack } }, { provider, dependsOn: last ? [last] : [] });
  };

const onlyOutputs =
  (outputs: Record<string, string>): PulumiFn =>
  () =>
    Promise.resolve(outputs);

interface HeldUp {
  /** How the engine's run ends, after the held call went on. */
  readonly result: Promise<EngineResult>;
}

/** An up of VPCs that stands where its first CreateVpc is held: `before` AWS made the VPC, or `after`. The fault has the stack's name. */
async function upHeld(stack: string, point: 'before' | 'after', request: Partial<EngineRequest> = {}): Promise<HeldUp> {
  await lab.setFault({
    id: stack,
    match: { action: 'CreateVpc', tag: { key: 'stack', value: stack }, nth: 1 },
    do: { kind: 'hold', point },
  });
  const result = lab.engine.up(lab.request({ stack, program: vpcs(stack), ...request }));
  const ended = result.then((early): never => {
    throw new Error(`ended before it was held: ${JSON.stringify(early)}`);
  });
  await Promise.race([lab.whenHeld(stack), ended]);
  // Held: how it ends is the caller's to judge.
  ended.catch(() => undefined);
  return { result };
}

const lockFolder = (stack: string): string => join(lab.backend, '.pulumi', 'locks', 'organization', project, stack);

/** The lock objects of a stack on disk; the backend keeps each one's attributes in a file beside it. */
async function locksOnDisk(stack: string): Promise<string[]> {
  const files = await readdir(lockFolder(stack)).catch(() => []);
  return files.filter((file) => !file.endsWith('.attrs'));
}

const checkpointSchema = z.object({
  checkpoint: z.object({
    latest: z.object({
      resources: z
        .array(z.looseObject({ urn: z.string(), type: z.string(), outputs: z.record(z.string(), z.unknown()).optional() }))
        .default([]),
      pending_operations: z.array(z.looseObject({ type: z.string(), resource: z.looseObject({ urn: z.string() }) })).default([]),
    }),
  }),
});

async function onDisk(stack: string) {
  const file = join(lab.backend, '.pulumi', 'stacks', project, `${stack}.json`);
  const { resources, pending_operations: pending } = checkpointSchema.parse(JSON.parse(await readFile(file, 'utf8'))).checkpoint.latest;
  return {
    vpcs: resources.filter(({ type }) => type === vpcType).map(({ urn }) => nameOf(urn)),
    outputs: resources.find(({ type }) => type === 'pulumi:pulumi:Stack')?.outputs,
    pending: pending.map(({ type, resource }) => `${type} ${nameOf(resource.urn)}`),
  };
}

const vpcType = 'aws:ec2/vpc:Vpc';
const nameOf = (urn: string): string => urn.split('::').at(-1) ?? urn;

const lockSchema = z.strictObject({
  pid: z.int(),
  username: z.string(),
  hostname: z.string(),
  timestamp: z.iso.datetime({ precision: null }),
});

/** The CLI that holds the stack's lock: by the lock's own word, and a child of this process. */
async function cliOf(stack: string): Promise<number> {
  const [lock] = await locksOnDisk(stack);
  const { pid } = lockSchema.parse(JSON.parse(await readFile(join(lockFolder(stack), lock ?? ''), 'utf8')));
  const child = (await processes()).find((one) => one.pid === pid);
  if (child?.parent !== process.pid) throw new Error(`process ${pid} is not the CLI that this test started`);
  return pid;
}

async function pluginOf(cliPid: number): Promise<number> {
  const plugin = (await processes()).find(({ parent, command }) => parent === cliPid && command.includes('pulumi-resource-aws'));
  if (!plugin) throw new Error(`process ${cliPid} has no plugin`);
  return plugin.pid;
}

async function processes(): Promise<{ pid: number; parent: number; command: string }[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  return [...stdout.matchAll(/^\s*(\d+)\s+(\d+)\s+(.*)$/gm)].map(([, pid, parent, command = '']) => ({
    pid: Number(pid),
    parent: Number(parent),
    command,
  }));
}

describe('while a step is under way, with the state on S3', () => {
  const stack = `${network}.vpc.held`;
  let up: HeldUp;

  beforeAll(async () => {
    up = await upHeld(stack, 'before', { backendUrl: bucketUrl });
  });

  afterAll(async () => {
    await lab.endFault(stack);
    await up.result;
  });

  it('the checkpoint names the step as a pending operation, before AWS is asked', async () => {
    const { states } = await readStates(bucket, network, { account, region });
    expect(states.get(stack)?.pendingOperations.map(({ type, urn }) => [type, nameOf(urn)])).toEqual([['creating', 'vpc-1']]);
  });

  it('one lock stands in the folder of the stack, under a name of its own', async () => {
    const keys = (await bucket.list(`.pulumi/locks/`)).map(({ key }) => key).filter((key) => key.includes(`/${stack}/`));
    expect(keys).toEqual([expect.stringMatching(new RegExp(`^\\.pulumi/locks/organization/${project}/${stack}/[0-9a-f-]{36}\\.json$`))]);
  });

  it('the lock says which process of which user on which host, and since when', async () => {
    const [lock] = await bucket.list(`.pulumi/locks/organization/${project}/${stack}/`);
    const said = lockSchema.parse(JSON.parse((await bucket.get(lock?.key ?? ''))?.body ?? ''));
    const cli = (await processes()).find(({ pid }) => pid === said.pid);
    expect({ ...said, parent: cli?.parent }).toEqual({
      pid: said.pid,
      parent: process.pid,
      username: userInfo().username,
      hostname: hostname(),
      timestamp: said.timestamp,
    });
  });

  it('the lock is described to people', async () => {
    const descriptions = (await standingLocks(bucket, network)).filter((lock) => lock.stack === stack).map(describeLock);
    expect(descriptions).toEqual([expect.stringMatching(/ is locked by plain pulumi, .+@.+ \(pid \d+\) since \d{4}-/)]);
  });

  it('a preview runs, and writes nothing into the bucket', async () => {
    const preview = { ...lab.environment, AWS_ACCESS_KEY_ID: 'AKIAPREVIEW' };
    const result = await lab.engine.preview(
      lab.request({ stack, program: vpcs(stack), exists: true, backendUrl: bucketUrl, environment: preview }),
    );
    const calls = (await lab.calls({ accessKeyId: 'AKIAPREVIEW', service: 's3' })).map(({ mutating, action, key }) => ({
      mutating,
      call: `${action} ${key ?? ''}`,
    }));
    expect({ outcome: result.outcome, read: calls.length > 0, wrote: calls.filter(({ mutating }) => mutating) }).toEqual({
      outcome: 'succeeded',
      read: true,
      wrote: [],
    });
  });

  it('another up is refused', async () => {
    const result = await lab.engine.up(lab.request({ stack, program: vpcs(stack), exists: true, backendUrl: bucketUrl }));
    expect(result).toEqual({ outcome: 'locked', message: expect.stringContaining('the stack is currently locked by 1 lock(s)') as string });
  });
});

describe('the folder of locks', () => {
  /** A stack of its own for each test, with one more file in its lock folder. */
  const stackWithLock = async (stack: string, file: string): Promise<void> => {
    await lab.engine.up(lab.request({ stack, program: onlyOutputs({}) }));
    await mkdir(dirname(join(lockFolder(stack), file)), { recursive: true });
    await writeFile(join(lockFolder(stack), file), JSON.stringify({ schema: 1, owner: 'somebody' }));
  };

  it('blocks an up by any file in it, whatever its name and fields', async () => {
    await stackWithLock('facts.any-file', 'holdfast.json');
    expect((await lab.engine.up(lab.request({ stack: 'facts.any-file', program: onlyOutputs({}), exists: true }))).outcome).toBe('locked');
  });

  it('does not block an up by a file in a folder below it', async () => {
    await stackWithLock('facts.sub-folder', 'below/holdfast.json');
    expect((await lab.engine.up(lab.request({ stack: 'facts.sub-folder', program: onlyOutputs({}), exists: true }))).outcome).toBe(
      'succeeded',
    );
  });

  it('is emptied by `pulumi cancel`, of every lock whoever made it', async () => {
    await stackWithLock('facts.cancelled', 'holdfast.json');
    await pulumi(['cancel', '--yes', '--stack', 'facts.cancelled']);
    expect(await locksOnDisk('facts.cancelled')).toEqual([]);
  });
});

/** The CLI as a person runs it. */
async function pulumi(args: readonly string[]): Promise<void> {
  const folder = join(lab.pulumiHome, 'by-hand');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'Pulumi.yaml'), `name: ${project}\nruntime: nodejs\n`);
  const env = {
    ...process.env,
    ...lab.environment,
    PULUMI_HOME: lab.pulumiHome,
    PULUMI_BACKEND_URL: lab.backendUrl,
    PULUMI_SKIP_UPDATE_CHECK: 'true',
  };
  await run(lab.cli.path, [...args, '--non-interactive'], { cwd: folder, env });
}

describe('a CLI that is killed after AWS has made a VPC', () => {
  const stack = 'facts.killed-cli';
  let plugin: number;

  beforeAll(async () => {
    const up = await upHeld(stack, 'after');
    const cli = await cliOf(stack);
    plugin = await pluginOf(cli);
    process.kill(cli, 'SIGKILL');
    await up.result;
  });

  afterAll(async () => {
    process.kill(plugin, 'SIGKILL');
    await lab.endFault(stack);
  });

  it('leaves its lock', async () => {
    expect(await locksOnDisk(stack)).toHaveLength(1);
  });

  it('leaves the VPC as a pending create, and not as a resource', async () => {
    expect(await onDisk(stack)).toMatchObject({ pending: ['creating vpc-1'], vpcs: [] });
  });

  it('leaves its plugin, alive and in the call', async () => {
    expect((await processes()).find(({ pid }) => pid === plugin)?.command).toContain('pulumi-resource-aws');
  });
});

describe('a plugin that is killed after AWS has made a VPC', () => {
  const stack = 'facts.killed-plugin';
  let result: EngineResult;

  beforeAll(async () => {
    const up = await upHeld(stack, 'after');
    process.kill(await pluginOf(await cliOf(stack)), 'SIGKILL');
    result = await up.result;
    await lab.endFault(stack);
  });

  it('fails the up', () => {
    expect(result.outcome).toBe('failed');
  });

  it('leaves no lock', async () => {
    expect(await locksOnDisk(stack)).toEqual([]);
  });

  it('leaves no trace of the VPC in the state', async () => {
    expect(await onDisk(stack)).toMatchObject({ pending: [], vpcs: [] });
  });
});

const heardInterrupt = (text: string): boolean => text.includes('^C received');

/** Interrupts an up of two VPCs in the first one's create, and waits until the CLI says that it heard. */
async function interrupted(stack: string): Promise<HeldUp> {
  const interrupt = new AbortController();
  let heard = (): void => undefined;
  const hears = new Promise<void>((resolve) => (heard = resolve));
  const onText = ({ raw }: Foreign): void => {
    if (heardInterrupt(raw)) heard();
  };
  const up = await upHeld(stack, 'after', { program: vpcs(stack, 2), signal: interrupt.signal, onText });
  interrupt.abort();
  await hears;
  return up;
}

describe('an up that is interrupted once in the create of a VPC', () => {
  const stack = 'facts.interrupted-once';
  let result: EngineResult;

  beforeAll(async () => {
    const up = await interrupted(stack);
    await lab.endFault(stack);
    result = await up.result;
  });

  it('fails, as interrupted and with nothing unfinished', () => {
    expect(result).toMatchObject({ outcome: 'failed', interrupted: true, unfinished: [] });
  });

  it('ends the step and records it, and begins no other', async () => {
    expect(await onDisk(stack)).toMatchObject({ vpcs: ['vpc-1'], pending: [] });
  });

  it('leaves no lock', async () => {
    expect(await locksOnDisk(stack)).toEqual([]);
  });
});

describe('an up that is interrupted twice in the create of a VPC', () => {
  const stack = 'facts.interrupted-twice';
  let result: EngineResult;

  beforeAll(async () => {
    const up = await interrupted(stack);
    process.kill(await cliOf(stack), 'SIGINT');
    result = await up.result;
    await lab.endFault(stack);
  });

  it('fails, with the create unfinished', () => {
    expect(result).toMatchObject({ outcome: 'failed', unfinished: [{ op: 'create', name: 'vpc-1' }] });
  });

  it('leaves the VPC as a pending create, and not as a resource', async () => {
    expect(await onDisk(stack)).toMatchObject({ vpcs: [], pending: ['creating vpc-1'] });
  });

  it('leaves no lock', async () => {
    expect(await locksOnDisk(stack)).toEqual([]);
  });
});

describe('an up that leaves out what a later one is to change and to delete', () => {
  const stack = 'facts.excluded';
  const program =
    (tags: Readonly<Record<string, string>>): PulumiFn =>
    async () => {
      const [{ Provider }, aws] = await Promise.all([import('@pulumi/aws/provider.js'), loadAws()]);
      const provider = new Provider('aws', { region, allowedAccountIds: [account] });
      const ids = Object.entries(tags).map(([name, tag]) => {
        return [name, new aws.Vpc(name, { cidrBlock: '10.0.0.0/16', tags: { tag } }, { provider }).id] as const;
      });
      return { ids: Object.fromEntries(ids) };
    };
  const urnOf = (name: string): string => `urn:pulumi:${stack}::${project}::${vpcType}::${name}`;
  const tagged = new Map<string, unknown>();

  beforeAll(async () => {
    expect(await lab.engine.up(lab.request({ stack, program: program({ kept: 'old', gone: 'old' }) }))).toMatchObject({
      outcome: 'succeeded',
    });
    const edited = lab.request({
      stack,
      exists: true,
      program: program({ kept: 'new', made: 'new' }),
      excluded: [urnOf('kept'), urnOf('gone')],
    });
    expect(await lab.engine.up(edited)).toMatchObject({ outcome: 'succeeded' });
    const file = join(lab.backend, '.pulumi', 'stacks', project, `${stack}.json`);
    for (const { urn, outputs } of checkpointSchema.parse(JSON.parse(await readFile(file, 'utf8'))).checkpoint.latest.resources)
      tagged.set(nameOf(urn), outputs?.['tags']);
  });

  it('makes what is new, and neither changes nor deletes the others', () => {
    expect([tagged.get('kept'), tagged.get('gone'), tagged.get('made')]).toEqual([{ tag: 'old' }, { tag: 'old' }, { tag: 'new' }]);
  });

  it('has the outputs of the program as it is now', async () => {
    expect(await onDisk(stack)).toMatchObject({
      outputs: { ids: { kept: expect.stringMatching(/^vpc-/) as string, made: expect.stringMatching(/^vpc-/) as string } },
    });
  });
});

describe('an up that leaves out what is not made yet, and on which something that stays is to stand', () => {
  /** @param names each stands on those before it */
  const program =
    (...names: readonly string[]): PulumiFn =>
    async () => {
      const [{ Provider }, aws] = await Promise.all([import('@pulumi/aws/provider.js'), loadAws()]);
      const provider = new Provider('aws', { region, allowedAccountIds: [account] });
      const made: InstanceType<typeof aws.Vpc>[] = [];
      for (const name of names) made.push(new aws.Vpc(name, { cidrBlock: '10.0.0.0/16' }, { provider, dependsOn: [...made] }));
    };

  const upWithout = async (stack: string, ...excluded: readonly string[]): Promise<EngineResult> => {
    expect(await lab.engine.up(lab.request({ stack, program: program('stays') }))).toMatchObject({ outcome: 'succeeded' });
    const urns = excluded.map((name) => `urn:pulumi:${stack}::${project}::${vpcType}::${name}`);
    return lab.engine.up(lab.request({ stack, exists: true, program: program('later', 'stays'), excluded: urns }));
  };

  it('fails, as the state would refer to what is not there', async () => {
    expect(await upWithout('facts.dangling', 'later')).toMatchObject({ outcome: 'failed' });
  });

  it('succeeds where that is left out as well', async () => {
    expect(await upWithout('facts.left-out', 'later', 'stays')).toMatchObject({ outcome: 'succeeded' });
  });
});

describe('several programs in one process', () => {
  const stacks = ['facts.at-once-1', 'facts.at-once-2', 'facts.at-once-3'];

  it('keep their outputs apart', async () => {
    await Promise.all(stacks.map((stack) => lab.engine.up(lab.request({ stack, program: onlyOutputs({ mine: stack }) }))));
    const outputs = await Promise.all(stacks.map(async (stack) => (await onDisk(stack)).outputs));
    expect(outputs).toEqual(stacks.map((mine) => ({ mine })));
  });
});

describe('a map of outputs, one of which AWS has yet to give', () => {
  it('is known to a preview value by value as a plain object, and as one output not at all', async () => {
    const told: string[] = [];
    const program: PulumiFn = async () => {
      const [{ Provider }, aws] = await Promise.all([import('@pulumi/aws/provider.js'), loadAws()]);
      const provider = new Provider('aws', { region, allowedAccountIds: [account] });
      const later = new aws.Vpc('vpc', { cidrBlock: '10.0.0.0/16' }, { provider }).id;
      const seen = (what: string, value: unknown): unknown => (aws.output(value) as Output<unknown>).apply(() => void told.push(what));
      return { apart: { known: seen('known', 'a'), later: seen('later', later) }, whole: seen('whole', { known: 'a', later }) };
    };
    expect((await lab.engine.preview(lab.request({ stack: 'maps', program }))).outcome).toBe('succeeded');
    expect(told).toEqual(['known']);
  });
});

describe('PULUMI_SKIP_CHECKPOINTS', () => {
  /** It counts among the engine's experiments. */
  const skip = { PULUMI_SKIP_CHECKPOINTS: 'true', PULUMI_EXPERIMENTAL: 'true' };

  const pendingOf = async (stack: string, request: Partial<EngineRequest>): Promise<string[]> => {
    const up = await upHeld(stack, 'before', request);
    try {
      return (await onDisk(stack)).pending;
    } finally {
      await lab.endFault(stack);
      await up.result;
    }
  };

  it('of the caller does not reach the engine', async () => {
    const kept = Object.fromEntries(Object.keys(skip).map((name) => [name, process.env[name]]));
    Object.assign(process.env, skip);
    try {
      expect(await pendingOf('facts.skip-of-caller', {})).toEqual(['creating vpc-1']);
    } finally {
      for (const [name, value] of Object.entries(kept)) {
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
    }
  });

  it('would leave no pending operation to find, if it did', async () => {
    expect(await pendingOf('facts.skip-of-engine', { environment: { ...lab.environment, ...skip } })).toEqual([]);
  });
});

// At night, as the CLI spends a minute on retries: on a push, sessions are revoked by cases of the matrix.
if (tier === 'all')
  describe('an up whose session is revoked, for the bucket and for AWS, between the creation of a VPC and its record', () => {
    const stack = `${network}.vpc.revoked`;
    let result: EngineResult;

    beforeAll(async () => {
      const accessKeyId = 'AKIAREVOKED';
      const environment = { ...lab.environment, AWS_ACCESS_KEY_ID: accessKeyId };
      const up = await upHeld(stack, 'after', { backendUrl: bucketUrl, environment });
      await lab.setFault({ id: 'revoked', match: { accessKeyId }, do: { kind: 'refuse', code: 'ExpiredToken', status: 400 } });
      await lab.endFault(stack);
      // It tries for 32 s to write that the create failed, and 32 s more at its end.
      result = await up.result;
      await lab.endFault('revoked');
    });

    it('fails', () => {
      expect(result.outcome).toBe('failed');
    });

    it('leaves its lock', async () => {
      expect((await standingLocks(bucket, network)).filter((lock) => lock.stack === stack)).toHaveLength(1);
    });

    it('leaves the VPC as a pending create, and not as a resource', async () => {
      const state = (await readStates(bucket, network, { account, region })).states.get(stack);
      expect({ pending: state?.pendingOperations.map(({ type }) => type), resources: state?.resources }).toEqual({
        pending: ['creating'],
        resources: 0,
      });
    });
  });
