import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openGateway } from '../../orchestrator/gateway/gateway.ts';
import type { Gateway, Mount, MountMode, MountReport, ServedCheckpoint, Trouble } from '../../orchestrator/gateway/gateway.ts';
import { openSpool } from '../../orchestrator/gateway/spool.ts';
import type { EngineResult } from '../../orchestrator/pulumi/engine.ts';
import { checkpointKey, project } from '../../orchestrator/state/layout.ts';
import { MemoryStore } from '../unit/support/memory-store.ts';
import { vpcs } from './engine-vpcs.ts';
import { account, providePlugin, region, startEngineLab } from './plugin-lab.ts';
import type { EngineLab } from './plugin-lab.ts';

/** The real CLI in front of the gateway: that it speaks what the CLI asks, and that nothing passes but checkpoints. */

const run = promisify(execFile);

let lab: EngineLab;
let gateway: Gateway;
let folder: string;

beforeAll(async () => {
  [lab, gateway, folder] = await Promise.all([
    startEngineLab(project),
    openGateway({ account, region, secrets: 'passphrase' }),
    mkdtemp(join(tmpdir(), 'holdfast-gateway-')),
  ]);
});

afterAll(async () => {
  await gateway.close();
  await lab.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A bucket that notes what is asked of it. */
class NotedStore extends MemoryStore {
  readonly asked: string[] = [];
  override list(prefix: string) {
    this.asked.push(`list ${prefix}`);
    return super.list(prefix);
  }
  override get(key: string) {
    this.asked.push(`get ${key}`);
    return super.get(key);
  }
  override put(...[key, body, condition, write]: Parameters<MemoryStore['put']>) {
    this.asked.push(`put ${key}`);
    return super.put(key, body, condition, write);
  }
  override remove(key: string, etag: string) {
    this.asked.push(`remove ${key}`);
    return super.remove(key, etag);
  }
}

interface Mounted {
  readonly store: NotedStore;
  readonly troubles: Trouble[];
  /** A mount for one more piece of work on the stack, with its checkpoint as the bucket has it now. */
  readonly mount: (more?: readonly (readonly [string, ServedCheckpoint])[]) => Promise<Mount>;
}

function stateOf(stack: string, patienceSeconds = 60): Mounted {
  const store = new NotedStore();
  const troubles: Trouble[] = [];
  return {
    store,
    troubles,
    mount: async (more = []) => {
      const own = await store.get(checkpointKey(stack));
      store.asked.length = 0;
      const mode: MountMode = {
        kind: 'apply',
        store,
        patienceSeconds,
        spool: openSpool(join(folder, stack)),
        onTrouble: (trouble) => troubles.push(trouble),
      };
      return gateway.mount({ stack, checkpoints: new Map([...more, ...(own ? [[stack, own] as const] : [])]), mode });
    },
  };
}

const stateSchema = z.object({
  checkpoint: z.object({
    // None until the first update.
    latest: z
      .looseObject({
        resources: z.array(z.looseObject({ type: z.string(), urn: z.string() })).optional(),
        pending_operations: z.array(z.looseObject({ type: z.string() })).optional(),
      })
      .optional(),
  }),
});

function contentOf(body: string | undefined) {
  const { latest } = stateSchema.parse(JSON.parse(body ?? '')).checkpoint;
  const vpcs = (latest?.resources ?? []).filter(({ type }) => type === 'aws:ec2/vpc:Vpc');
  return { vpcs: vpcs.map(({ urn }) => urn.split('::').at(-1)), pending: (latest?.pending_operations ?? []).map(({ type }) => type) };
}

/** The CLI as a person runs it, with nothing of AWS in its environment. */
async function pulumi(mount: Mount, ...args: readonly string[]): Promise<string> {
  const home = join(folder, 'home');
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'Pulumi.yaml'), `name: ${project}\nruntime: nodejs\n`);
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    PULUMI_HOME: lab.pulumiHome,
    PULUMI_BACKEND_URL: mount.url,
    PULUMI_CONFIG_PASSPHRASE: '',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const { stdout, stderr } = await run(lab.cli.path, [...args, '--non-interactive'], { cwd: home, env });
  return stdout + stderr;
}

describe('a stack that is deployed, deployed again, looked at and destroyed', () => {
  const stack = 'gateway.life';
  const key = checkpointKey(stack);
  const { store, mount } = stateOf(stack);
  const results: Record<string, EngineResult['outcome']> = {};
  const reports: Record<string, MountReport> = {};
  const asked: Record<string, string[]> = {};
  const keys: Record<string, string[]> = {};
  let historyText: string;
  let refreshText: string;
  let vpcsInBucket: unknown;

  beforeAll(async () => {
    const work = async (name: string, act: (mount: Mount) => Promise<EngineResult>): Promise<void> => {
      const mounted = await mount();
      results[name] = (await act(mounted)).outcome;
      reports[name] = await mounted.close();
      asked[name] = [...store.asked];
      keys[name] = store.keys();
      await mounted.keep();
    };
    const up = (exists: boolean) => (mounted: Mount) =>
      lab.engine.up(lab.request({ stack, program: vpcs(2), backendUrl: mounted.url, exists }));
    await work('up', up(false));
    vpcsInBucket = contentOf(store.bodyOf(key));
    keys['kept'] = store.keys();
    await work('second up', up(true));

    const refresh = await mount();
    refreshText = await refreshed(refresh);
    historyText = await pulumi(refresh, 'stack', 'history', '--stack', stack);
    reports['refresh'] = await refresh.close();

    await work('destroy', (mounted) => lab.engine.destroy(lab.request({ stack, program: vpcs(2), backendUrl: mounted.url, exists: true })));
    keys['removed'] = store.keys();
  }, 240_000);

  /** The stack's program is not asked in a refresh; its provider is. */
  const refreshed = async (mounted: Mount): Promise<string> => {
    const home = join(folder, 'refresh');
    await mkdir(home, { recursive: true });
    const plugins = `plugins:\n  providers:\n    - name: aws\n      path: ${(await providePlugin()).directory}\n`;
    await writeFile(join(home, 'Pulumi.yaml'), `name: ${project}\nruntime: nodejs\n${plugins}`);
    const env = {
      ...process.env,
      ...lab.environment,
      PULUMI_HOME: lab.pulumiHome,
      PULUMI_BACKEND_URL: mounted.url,
      PULUMI_SKIP_UPDATE_CHECK: 'true',
    };
    const { stdout } = await run(lab.cli.path, ['refresh', '--yes', '--stack', stack, '--non-interactive', '--color', 'never'], {
      cwd: home,
      env,
    });
    return stdout;
  };

  it('succeeds in each', () => {
    expect(results).toEqual({ up: 'succeeded', 'second up': 'succeeded', destroy: 'succeeded' });
  });

  it('has its resources in the bucket', () => {
    expect(vpcsInBucket).toEqual({ vpcs: ['vpc-1', 'vpc-2'], pending: [] });
  });

  it('began steps in the first up, and none in the second', () => {
    expect([reports['up']?.intended, reports['second up']?.intended]).toEqual([true, false]);
  });

  it('is durable after each', () => {
    expect(Object.values(reports).map(({ durable }) => durable)).toEqual([true, true, true, true]);
  });

  it('asks the bucket for nothing but to put its checkpoint, and at the end to remove it', () => {
    expect([new Set(asked['up']), new Set(asked['second up'])]).toEqual([new Set([`put ${key}`]), new Set([`put ${key}`])]);
    expect([new Set(asked['destroy']), asked['destroy']?.at(-1)]).toEqual([new Set([`put ${key}`, `remove ${key}`]), `remove ${key}`]);
  });

  it('makes many times more requests than go on to the bucket', () => {
    const { engine = 0, bucket = 0 } = reports['up']?.requests ?? {};
    expect(bucket).toBe(asked['up']?.length);
    expect(engine).toBeGreaterThan(5 * bucket);
  });

  it('leaves no lock and no copy in the bucket before it is kept', () => {
    expect(keys['up']).toEqual([key]);
  });

  it('leaves what plain pulumi leaves when it is kept', () => {
    const name = stack.replaceAll('.', '\\.');
    expect(keys['kept']).toEqual([
      expect.stringMatching(`^\\.pulumi/backups/${project}/${name}/${name}\\.\\d+\\.json$`),
      expect.stringMatching(`^\\.pulumi/history/${project}/${name}/${name}-\\d+\\.checkpoint\\.json$`),
      expect.stringMatching(`^\\.pulumi/history/${project}/${name}/${name}-\\d+\\.history\\.json$`),
      key,
      `${key}.bak`,
    ]);
  });

  it('is refreshed, and finds its resources', () => {
    expect(refreshText).toMatch(/4 unchanged/);
  });

  it('has the history of this mount', () => {
    expect(historyText).toMatch(/UpdateKind: refresh/i);
  });

  it('leaves no history in the bucket when it is removed', () => {
    expect(keys['removed']?.filter((kept) => kept.startsWith('.pulumi/history/'))).toEqual([]);
  });
});

describe('a stack that reads another', () => {
  it('gets the output of the pinned checkpoint, whatever is in the bucket by then', async () => {
    const upstream = stateOf('gateway.upstream');
    const outputs =
      (value: string): PulumiFn =>
      () =>
        Promise.resolve({ value });
    const up = async (value: string, exists: boolean): Promise<void> => {
      const mounted = await upstream.mount();
      await lab.engine.up(lab.request({ stack: 'gateway.upstream', program: outputs(value), backendUrl: mounted.url, exists }));
      await mounted.close();
    };
    await up('as planned', false);
    const pinned = await upstream.store.get(checkpointKey('gateway.upstream'));
    if (!pinned) throw new Error('the upstream has no checkpoint');
    await up('moved', true);

    const downstream = stateOf('gateway.downstream');
    const mounted = await downstream.mount([['gateway.upstream', pinned]]);
    const program: PulumiFn = async () => {
      const { StackReference } = await import('@pulumi/pulumi');
      return { read: new StackReference(`organization/${project}/gateway.upstream`).getOutput('value') };
    };
    await lab.engine.up(lab.request({ stack: 'gateway.downstream', program, backendUrl: mounted.url }));
    expect((await mounted.close()).checkpoint?.body).toContain('"read":"as planned"');
  });
});

describe('a checkpoint of 20 MB that is imported', () => {
  const stack = 'gateway.large';
  const { store, mount } = stateOf(stack);
  let text: string;

  beforeAll(async () => {
    const mounted = await mount();
    await pulumi(mounted, 'stack', 'init', `organization/${project}/${stack}`);
    const urn = `urn:pulumi:${stack}::${project}::pulumi:pulumi:Stack::${project}-${stack}`;
    const resource = { urn, custom: false, type: 'pulumi:pulumi:Stack', outputs: { large: 'x'.repeat(20_000_000) } };
    const deployment = { manifest: { time: '2030-01-01T00:00:00Z', magic: '', version: '' }, resources: [resource] };
    const file = join(folder, 'large.json');
    await writeFile(file, JSON.stringify({ version: 3, deployment }));
    store.asked.length = 0;
    text = await pulumi(mounted, 'stack', 'import', '--file', file, '--stack', stack);
  });

  it('is taken, and without credentials for AWS', () => {
    expect(text).toContain('Import complete');
  });

  it('is one put to the bucket, though it comes in parts', () => {
    expect(store.asked).toEqual([`put ${checkpointKey(stack)}`]);
  });

  it('is whole in the bucket', () => {
    expect(store.bodyOf(checkpointKey(stack))).toContain(`"large":"${'x'.repeat(20_000_000)}"`);
  });

  it('comes from a front whose answers the CLI can verify: it warns of none', () => {
    expect(text).not.toContain('WARN');
  });
});

/** Fails every put from the one that says that a VPC was made, for so long. */
const failAfterCreate = (store: MemoryStore, milliseconds: number): void => {
  const put = store.put.bind(store);
  let until: number | undefined;
  store.put = (key, body, condition, write) => {
    if (contentOf(Buffer.from(body).toString()).vpcs.length > 0) until ??= Date.now() + milliseconds;
    return Date.now() < (until ?? 0) ? Promise.reject(new Error('503 Slow Down')) : put(key, body, condition, write);
  };
};

describe('a bucket that fails for seconds in the middle of an up', () => {
  const stack = 'gateway.falters';
  const { store, troubles, mount } = stateOf(stack);
  let result: EngineResult;
  let report: MountReport;

  beforeAll(async () => {
    failAfterCreate(store, 4_000);
    const mounted = await mount();
    result = await lab.engine.up(lab.request({ stack, program: vpcs(2), backendUrl: mounted.url }));
    report = await mounted.close();
  });

  it('does not fail the up', () => {
    expect(result.outcome).toBe('succeeded');
  });

  it('has the whole checkpoint in the end', () => {
    expect([contentOf(store.bodyOf(checkpointKey(stack))), report.durable]).toEqual([{ vpcs: ['vpc-1', 'vpc-2'], pending: [] }, true]);
  });

  it('is told of, and told of when it is back', () => {
    expect([troubles[0]?.kind, troubles.at(-1)?.kind]).toEqual(['bucket-fails', 'bucket-back']);
  });
});

describe('a bucket that fails for good in the middle of an up', () => {
  const stack = 'gateway.fails';
  const { store, mount } = stateOf(stack, 2);
  let result: EngineResult;
  let report: MountReport;

  beforeAll(async () => {
    failAfterCreate(store, 10 ** 9);
    const mounted = await mount();
    result = await lab.engine.up(lab.request({ stack, program: vpcs(2), backendUrl: mounted.url, ending: mounted.fenced }));
    report = await mounted.close();
  });

  it('fails the up', () => {
    expect(result.outcome).toBe('failed');
  });

  it('keeps the VPC as a pending create, and begins no other', () => {
    expect(contentOf(store.bodyOf(checkpointKey(stack)))).toEqual({ vpcs: [], pending: ['creating'] });
  });

  it('fences the mount, and says that the state is not durable', () => {
    expect(report).toMatchObject({ durable: false, intended: true, fence: { kind: 'bucket-failed' } });
  });

  it('leaves in the spool what the engine wanted to write: the VPC', async () => {
    expect(contentOf(await readFile(report.spool ?? '', 'utf8')).vpcs).toEqual(['vpc-1']);
  });

  it('leaves nothing in the bucket but the checkpoint', () => {
    expect(store.keys()).toEqual([checkpointKey(stack)]);
  });
});
