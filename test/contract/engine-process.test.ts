import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Foreign } from '../../orchestrator/domain/foreign.ts';
import { stateUrl } from '../../orchestrator/aws/clients.ts';
import type { EngineRequest, EngineResult } from '../../orchestrator/pulumi/engine.ts';
import { endEngineProcesses, findEngineProcesses } from '../../orchestrator/pulumi/orphans.ts';
import { project } from '../../orchestrator/state/layout.ts';
import { isAlive, ownIdentity, startedFromHere } from '../../toolchain/process-identity.ts';
import type { ProcessIdentity } from '../../toolchain/process-identity.ts';
import { deferred } from '../unit/support/deferred.ts';
import type { OrchestratorOrder } from './engine-orchestrator.ts';
import { vpcs } from './engine-vpcs.ts';
import { providePlugin, region, startEngineLab } from './plugin-lab.ts';
import type { EngineLab } from './plugin-lab.ts';

/** Who ends the engine and its plugins, and what is known afterwards. */

const bucket = 'holdfast-process';
let lab: EngineLab;

beforeAll(async () => {
  lab = await startEngineLab(project);
  const credentials = { accessKeyId: lab.environment.AWS_ACCESS_KEY_ID, secretAccessKey: lab.environment.AWS_SECRET_ACCESS_KEY };
  const s3 = new S3Client({ endpoint: lab.endpoint, region, forcePathStyle: true, credentials });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  s3.destroy();
});

afterAll(() => lab.stop());

/** The name of a stack is its access key's too, so that a fault is for its calls alone. */
const environmentOf = (stack: string) => ({ ...lab.environment, AWS_ACCESS_KEY_ID: `AKIA${stack}` });

/** Of this run of the tests alone: another's processes are not to be found, and not to be ended. */
const markerOf = (stack: string): string => `${stack}-${process.pid}`;

interface Held {
  readonly cli: ProcessIdentity;
  /** Gives the held call its way. */
  readonly release: () => Promise<unknown>;
  readonly result: Promise<EngineResult>;
}

/** An up of two VPCs, held after AWS has made the first. */
async function upHeld(stack: string, request: Partial<EngineRequest> = {}): Promise<Held> {
  const started = deferred<ProcessIdentity>();
  await lab.setFault({
    id: stack,
    match: { action: 'CreateVpc', accessKeyId: `AKIA${stack}`, nth: 1 },
    do: { kind: 'hold', point: 'after' },
  });
  const result = lab.engine.up(
    lab.request({
      stack,
      program: vpcs(2),
      environment: environmentOf(stack),
      marker: markerOf(stack),
      onStarted: started.resolve,
      ...request,
    }),
  );
  await lab.whenHeld(stack);
  return { cli: await started.promise, release: () => lab.endFault(stack), result };
}

describe('an engine that has ended', () => {
  it('leaves nothing in the home that all of them share: no log, no plugin, no workspace', async () => {
    // An orchestrator that was killed in another test has left its own, which the next one takes away.
    const before = new Set(await readdir(lab.pulumiHome, { recursive: true }).catch(() => []));
    const { outcome } = await lab.engine.up(lab.request({ stack: 'home', program: vpcs(1), environment: environmentOf('home') }));
    expect(outcome).toBe('succeeded');
    expect((await readdir(lab.pulumiHome, { recursive: true })).filter((name) => name !== 'work' && !before.has(name))).toEqual([]);
  });
});

describe('an engine that is killed in the create of a VPC', () => {
  const stack = 'killed';
  let before: readonly ProcessIdentity[];
  let cli: ProcessIdentity;
  let result: EngineResult;

  beforeAll(async () => {
    const up = await upHeld(stack);
    before = await findEngineProcesses(markerOf(stack), await startedFromHere());
    cli = up.cli;
    process.kill(cli.pid, 'SIGKILL');
    result = await up.result;
  });

  afterAll(() => lab.endFault(stack));

  it('was found by its marker, with its plugin, and before it, and names this process as its orchestrator', async () => {
    expect({ first: before[0], more: before.length > 1 }).toEqual({ first: { ...cli, owner: await ownIdentity() }, more: true });
  });

  it('fails, with the create unfinished', () => {
    expect(result).toMatchObject({
      outcome: 'failed',
      unfinished: [{ op: 'create', name: 'vpc-1' }],
      failures: [],
      started: true,
      errors: [new Foreign('the engine was killed (SIGKILL)')],
      interrupted: false,
    });
  });

  it('has no process any more, neither of its own nor of its plugins', async () => {
    expect(await findEngineProcesses(markerOf(stack), await startedFromHere())).toEqual([]);
    expect(await Promise.all(before.map(isAlive))).toEqual(before.map(() => false));
  });
});

describe('an engine that may not write any more, in the create of a VPC', () => {
  const stack = 'ending';
  const refused = `${stack}-refused`;
  const begun: string[] = [];
  let aliveWhileHeld: boolean;
  let endedAfterMs: number;
  let result: EngineResult;

  beforeAll(async () => {
    const ending = new AbortController();
    const heard = deferred();
    const up = await upHeld(stack, {
      backendUrl: stateUrl({ kind: 'LAB', endpoint: lab.endpoint }, bucket, region),
      ending: ending.signal,
      onStep: ({ phase, name }) => {
        if (phase === 'started') begun.push(name);
      },
      onText: (text) => {
        if (text.raw.includes('^C received')) heard.resolve();
      },
    });
    const match = { service: 's3', mutating: true, accessKeyId: `AKIA${stack}` };
    await lab.setFault({ id: refused, match, do: { kind: 'refuse', code: 'AccessDenied', status: 403 } });
    ending.abort();
    await heard.promise;
    aliveWhileHeld = await isAlive(up.cli);
    const releasedAt = performance.now();
    await up.release();
    result = await up.result;
    endedAfterMs = performance.now() - releasedAt;
  });

  afterAll(() => lab.endFault(refused));

  it('is only interrupted while the call is under way', () => {
    expect(aliveWhileHeld).toBe(true);
  });

  it('is ended once the call has come back, and does not try to write for a minute', () => {
    expect(endedAfterMs).toBeLessThan(10_000);
    expect(result).toMatchObject({
      outcome: 'failed',
      unfinished: [],
      started: true,
      errors: [new Foreign('the engine was ended: it may no longer write the state')],
    });
  });

  it('has told what came of the call', () => {
    expect(result).toMatchObject({ steps: expect.arrayContaining([expect.objectContaining({ phase: 'done', name: 'vpc-1' })]) as unknown });
  });

  it('begins no other step', () => {
    expect(begun).not.toContain('vpc-2');
  });

  it('has no process any more', async () => {
    expect(await findEngineProcesses(markerOf(stack), await startedFromHere())).toEqual([]);
  });
});

describe('an engine that may not write any more, with no step that the checkpoint names', () => {
  it('is ended without waiting for any', async () => {
    const ending = new AbortController();
    const up = await upHeld('unlicensed', { ending: ending.signal, isPending: () => false });
    ending.abort();
    expect(await up.result).toMatchObject({ outcome: 'failed', unfinished: [{ op: 'create', name: 'vpc-1' }] });
    expect(await findEngineProcesses(markerOf('unlicensed'), await startedFromHere())).toEqual([]);
    await up.release();
  });
});

describe('an up that is interrupted, and then may not write any more', () => {
  it('gets one SIGINT, and no second', async () => {
    const [interrupt, ending] = [new AbortController(), new AbortController()];
    const text: string[] = [];
    const heard = deferred();
    const up = await upHeld('twice', {
      signal: interrupt.signal,
      ending: ending.signal,
      onText: (chunk) => {
        text.push(chunk.raw);
        if (chunk.raw.includes('^C received')) heard.resolve();
      },
    });
    interrupt.abort();
    await heard.promise;
    ending.abort();
    await up.release();
    expect(await up.result).toMatchObject({ outcome: 'failed', unfinished: [], interrupted: true });
    expect(text.join('')).not.toContain('received; terminating');
  });
});

describe('an up that is interrupted', () => {
  it('says so in one line', async () => {
    const interrupt = new AbortController();
    const heard = deferred();
    const onText = ({ raw }: Foreign): void => {
      if (raw.includes('^C received')) heard.resolve();
    };
    const up = await upHeld('interrupted', { signal: interrupt.signal, onText });
    interrupt.abort();
    await heard.promise;
    await up.release();
    expect(await up.result).toMatchObject({
      outcome: 'failed',
      started: true,
      interrupted: true,
      errors: [{ raw: expect.stringMatching(/cancel/) as string }],
    });
  });
});

describe('a create that AWS refuses', () => {
  let result: EngineResult;

  beforeAll(async () => {
    await lab.setFault({
      id: 'limit',
      match: { action: 'CreateVpc', accessKeyId: 'AKIArefused' },
      do: { kind: 'refuse', code: 'VpcLimitExceeded' },
    });
    result = await lab.engine.up(
      lab.request({ stack: 'refused', program: vpcs(2), environment: environmentOf('refused'), marker: markerOf('refused') }),
    );
    await lab.endFault('limit');
  });

  it('is the failure, with what was said of it', () => {
    expect(result).toMatchObject({
      outcome: 'failed',
      started: true,
      unfinished: [],
      failures: [
        {
          step: { op: 'create', name: 'vpc-1' },
          messages: expect.arrayContaining([expect.stringContaining('VpcLimitExceeded')]) as unknown,
        },
      ],
    });
  });
});

describe('an up that ends well', () => {
  it('has nothing unfinished, and leaves no process', async () => {
    const result = await lab.engine.up(lab.request({ stack: 'well', program: vpcs(1), marker: markerOf('well') }));
    expect(result).toMatchObject({ outcome: 'succeeded', unfinished: [] });
    expect(await findEngineProcesses(markerOf('well'), await startedFromHere())).toEqual([]);
  });
});

describe('an up that fails before any step', () => {
  it('has not started', async () => {
    const program = () => Promise.reject(new Error('no such segment'));
    const result = await lab.engine.up(lab.request({ stack: 'program', program, marker: markerOf('program') }));
    expect(result).toMatchObject({ outcome: 'failed', started: false, failures: [] });
  });
});

describe('an orchestrator that is killed while its engine is in the create of a VPC', () => {
  const stack = 'orphaned';
  let found: readonly ProcessIdentity[];
  let ended: readonly ProcessIdentity[];

  beforeAll(async () => {
    await lab.setFault({ id: stack, match: { action: 'CreateVpc', accessKeyId: `AKIA${stack}` }, do: { kind: 'hold', point: 'after' } });
    const { cli, pulumiHome, backendUrl } = lab;
    const { directory: pluginDirectory } = await providePlugin();
    const order: OrchestratorOrder = {
      settings: { project, cli: { path: cli.path, version: cli.version }, pulumiHome, pluginDirectory },
      request: { stack, backendUrl, environment: environmentOf(stack), marker: markerOf(stack) },
    };
    const orchestrator = fork(fileURLToPath(new URL('engine-orchestrator.ts', import.meta.url)), [JSON.stringify(order)], {
      execArgv: ['--import', new URL('../../toolchain/tsx.mjs', import.meta.url).href],
    });
    await lab.whenHeld(stack);
    found = await findEngineProcesses(markerOf(stack), await startedFromHere());
    // The CLI ends within a second of its orchestrator, when it next prints to a pipe that nobody reads: here it is kept from that.
    process.kill(found[0]?.pid ?? 0, 'SIGSTOP');
    orchestrator.kill('SIGKILL');
    await once(orchestrator, 'exit');
    ended = await endEngineProcesses(markerOf(stack), await startedFromHere());
  });

  afterAll(() => lab.endFault(stack));

  it('has its CLI and plugin ended by who comes next', async () => {
    expect(ended.length).toBeGreaterThan(1);
    expect(ended).toEqual(found);
    expect(await Promise.all(ended.map(isAlive))).toEqual(ended.map(() => false));
  });

  it('leaves nothing to end then', async () => {
    expect(await endEngineProcesses(markerOf(stack), await startedFromHere())).toEqual([]);
  });
});
