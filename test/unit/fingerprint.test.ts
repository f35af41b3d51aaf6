import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyOf } from '../../orchestrator/cli/why.ts';
import { buildGraph } from '../../orchestrator/graph/graph.ts';
import type { StackNode } from '../../orchestrator/graph/graph.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';
import { ProgramCode } from '../../orchestrator/pulumi/program-code.ts';
import { digestOf, fingerprintOf, namesOf, outputDigests } from '../../orchestrator/run/fingerprint.ts';
import type { FingerprintSettings, OutputDigest } from '../../orchestrator/run/fingerprint.ts';
import { Settled } from '../../orchestrator/run/settled.ts';
import { isSettled, learn, readIndex } from '../../orchestrator/state/index-of-stacks.ts';
import type { IndexEntry } from '../../orchestrator/state/index-of-stacks.ts';
import { indexKey } from '../../orchestrator/state/layout.ts';
import { kinds } from '../../stacks/index.ts';
import { exampleOf } from './support/example.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';
import { fc } from './support/property.ts';
import { valueOf } from './support/results.ts';

const { spec } = exampleOf();
const nodesOf = (of: NetworkSpec): readonly StackNode[] => valueOf(buildGraph(of, kinds)).nodes;

const settings: FingerprintSettings = {
  settings: { network: 'example', tags: {} },
  programOf: (kind) => `code of ${kind}`,
  engine: 'pulumi 3, aws 7',
  secrets: 'passphrase',
};

const sameOutputs: OutputDigest = (stack, output) => `${stack} ${output}`;
const fingerprints = (of: NetworkSpec, with_: FingerprintSettings = settings, outputs = sameOutputs) =>
  new Map(nodesOf(of).map((node) => [node.name, fingerprintOf(node, with_, outputs)]));

/** Short names of the stacks whose fingerprint is another one, or that are new. */
function changed(after: ReturnType<typeof fingerprints>, before = fingerprints(spec)): string[] {
  return [...after].flatMap(([stack, fingerprint]) =>
    JSON.stringify(before.get(stack)) === JSON.stringify(fingerprint) ? [] : [stack.replace('example.', '')],
  );
}

function vpcOf(name: string): NetworkSpec['vpcs'][string] {
  const vpc = spec.vpcs[name];
  if (!vpc) throw new Error(`the example has no VPC ${name}`);
  return vpc;
}

const withVpc = (name: string, different: Partial<NetworkSpec['vpcs'][string]>): NetworkSpec => ({
  ...spec,
  vpcs: { ...spec.vpcs, [name]: { ...vpcOf(name), ...different } },
});

describe('what is changed in the network file runs again', () => {
  it.each<readonly [string, NetworkSpec, readonly string[]]>([
    ['nothing: nothing', spec, []],
    ['the block of a VPC: that VPC', withVpc('shared', { cidr: '10.99.0.0/16' }), ['vpc.shared']],
    ['the description of the gateway: the gateway', { ...spec, gateway: { ...spec.gateway, description: 'another' } }, ['transit-gateway']],
    ['the way of a lock alarm: nothing', { ...spec, guardrails: { lockAge: 60 } }, []],
    ['what must remain of a session: nothing', { ...spec, session: { minimum: 3600 } }, []],
  ])('%s', (_, after, stacks) => {
    expect(changed(fingerprints(after))).toEqual(stacks);
  });

  it('a VPC that is new: itself, its route tables, and what knows of all VPCs', () => {
    const before = fingerprints(spec);
    const more: NetworkSpec = {
      ...spec,
      vpcs: { ...spec.vpcs, extra: { ...vpcOf('staging'), cidr: '10.77.0.0/16' } },
    };
    const runs = changed(fingerprints(more), before);
    expect(runs).toContain('vpc.extra');
    expect(runs).toContain('route-tables.extra');
    expect(runs).not.toContain('vpc.shared');
    expect(runs).not.toContain('transit-gateway');
  });
});

describe('what else decides runs again', () => {
  it.each<readonly [string, FingerprintSettings, readonly string[] | 'all']>([
    [
      "the code of one kind: that kind's stacks",
      { ...settings, programOf: (kind) => (kind === 'vpc' ? 'new' : `code of ${kind}`) },
      ['vpc.shared', 'vpc.production', 'vpc.staging'],
    ],
    ['the tags of the network: all', { ...settings, settings: { network: 'example', tags: { a: 'b' } } }, 'all'],
    ['the release of the engine: all', { ...settings, engine: 'pulumi 4, aws 7' }, 'all'],
    ['what encrypts secrets: all', { ...settings, secrets: 'awskms://alias/state' }, 'all'],
  ])('%s', (_, with_, stacks) => {
    const runs = changed(fingerprints(spec, with_));
    expect([...runs].sort()).toEqual([...(stacks === 'all' ? nodesOf(spec).map(({ short }) => short) : stacks)].sort());
  });

  it('one output of one stack, or one value of a map: exactly those that declare to read it', () => {
    const anyRead = fc.constantFrom(
      ...nodesOf(spec).flatMap(({ references }) =>
        references.flatMap(({ stack, outputs }) => namesOf(outputs).map((name) => ({ stack, name }))),
      ),
    );
    fc.assert(
      fc.property(anyRead, ({ stack, name }) => {
        const runs = changed(
          fingerprints(spec, settings, (of, read) => (of === stack && read === name ? 'another' : sameOutputs(of, read))),
        );
        const readers = nodesOf(spec)
          .filter(({ references }) =>
            references.some((reference) => reference.stack === stack && namesOf(reference.outputs).includes(name)),
          )
          .map(({ short }) => short);
        expect(readers.length).toBeGreaterThan(0);
        expect(runs).toEqual(readers);
      }),
    );
  });

  it('what reads something that is not known has no fingerprint', () => {
    const known = fingerprints(spec, settings, () => undefined);
    expect([...known].filter(([, fingerprint]) => fingerprint !== undefined).map(([stack]) => stack)).toEqual(['example.transit-gateway']);
  });
});

describe('a digest', () => {
  it('is the same in whatever order the keys come, and another for another value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(digestOf(reversed)).toBe(digestOf(value));
        expect(digestOf({ ...value, 'one more': 1 })).not.toBe(digestOf(value));
      }),
    );
  });

  it('tells a list by its order', () => {
    expect(digestOf(['a', 'b'])).not.toBe(digestOf(['b', 'a']));
  });

  it('tells an absent value from an empty one', () => {
    expect(digestOf({ a: undefined })).toBe(digestOf({}));
    expect(digestOf({ a: null })).not.toBe(digestOf({}));
  });
});

const entry: IndexEntry = { checkpoint: '"1"', fingerprint: { inputs: 'i' }, outputs: outputDigests({ id: 'vpc-1' }), resources: 3 };

describe('a stack is settled', () => {
  it.each<readonly [string, IndexEntry | undefined, string | undefined, Record<string, string> | undefined, boolean]>([
    ['over the same checkpoint, with the same fingerprint', entry, '"1"', { inputs: 'i' }, true],
    ['not over another checkpoint', entry, '"2"', { inputs: 'i' }, false],
    ['not where its checkpoint is gone', entry, undefined, { inputs: 'i' }, false],
    ['not with another fingerprint', entry, '"1"', { inputs: 'other' }, false],
    ['not with a part more', entry, '"1"', { inputs: 'i', 'example.vpc vpcId': 'x' }, false],
    ['not where the fingerprint is not known', entry, '"1"', undefined, false],
    ['not where nothing is known of it', undefined, '"1"', { inputs: 'i' }, false],
  ])('%s', (_, known, checkpoint, fingerprint, is) => {
    expect(isSettled(known, checkpoint, fingerprint)).toBe(is);
  });
});

describe('the index of stacks', () => {
  const names = new Set(['example.a', 'example.b', 'example.c']);

  it('has what two runs learnt at the same time', async () => {
    const bucket = new MemoryStore();
    await Promise.all([
      learn(bucket, 'example', new Map([['example.a', entry]]), names),
      learn(bucket, 'example', new Map([['example.b', entry]]), names),
    ]);
    expect([...(await readIndex(bucket, 'example')).entries.keys()].sort()).toEqual(['example.a', 'example.b']);
  });

  it('is not written where nothing is new', async () => {
    const store = new HookedStore(new MemoryStore());
    await learn(store, 'example', new Map([['example.a', entry]]), names);
    const before = store.calls.length;
    await learn(store, 'example', new Map([['example.a', entry]]), names);
    expect(store.calls.slice(before).map(({ op }) => op)).toEqual(['get']);
  });

  it('leaves out what the file does not have any more', async () => {
    const bucket = new MemoryStore();
    await learn(bucket, 'example', new Map([['example.a', entry]]), names);
    await learn(bucket, 'example', new Map([['example.b', entry]]), new Set(['example.b']));
    expect([...(await readIndex(bucket, 'example')).entries.keys()]).toEqual(['example.b']);
  });

  it.each(['{', '{"schema":99,"stacks":{}}', '{"schema":1,"stacks":{"example.a":{}}}'])(
    'says nothing where it cannot be read, and is written anew: %s',
    async (body) => {
      const bucket = new MemoryStore();
      bucket.set(indexKey('example'), body);
      expect((await readIndex(bucket, 'example')).entries.size).toBe(0);
      await learn(bucket, 'example', new Map([['example.a', entry]]), names);
      expect((await readIndex(bucket, 'example')).entries.get('example.a')).toEqual(entry);
    },
  );

  it('costs no run anything where the bucket fails', async () => {
    const store = new HookedStore(new MemoryStore());
    const settled = new Settled(new Map(), settings);
    settled.learn('example.a', { etag: '"1"', outputs: {}, resources: 0 }, { inputs: 'i' });
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    await expect(settled.keep(store, 'example', names)).resolves.toBeUndefined();
  });
});

describe('the code of a program', () => {
  let root: string;
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(join(root, file, '..'), { recursive: true });
    await writeFile(join(root, file), text);
  };
  const digest = (kind = 'vpc'): Promise<string> => new ProgramCode(root).digest(kind);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdfast-code-'));
    await write('package.json', '{"dependencies":{"@pulumi/pulumi":"1.0.0","@pulumi/aws":"1.0.0","zod":"1.0.0","other":"1.0.0"}}');
    await write('orchestrator/pulumi/program.ts', 'export {};\n');
    await write(
      'stacks/vpc.ts',
      "import { a } from './aws.ts';\nimport type { T } from '../types.ts';\nconst late = await import('./late.ts');\n",
    );
    await write('stacks/aws.ts', "export * from './deep.ts';\n");
    await write('stacks/deep.ts', "import {\n  b,\n} from './deepest.ts';\n");
    await write('stacks/deepest.ts', "import './vpc.ts';\n");
    await write('stacks/late.ts', '');
    await write('stacks/other.ts', '');
    await write('types.ts', '');
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it.each(['stacks/vpc.ts', 'stacks/aws.ts', 'stacks/deep.ts', 'stacks/deepest.ts', 'stacks/late.ts', 'orchestrator/pulumi/program.ts'])(
    'is another one where %s is',
    async (file) => {
      const before = await digest();
      await write(file, `${await import('node:fs/promises').then(({ readFile }) => readFile(join(root, file), 'utf8'))}// another\n`);
      expect(await digest()).not.toBe(before);
    },
  );

  it.each(['stacks/other.ts', 'types.ts'])('is the same where %s is another one: it is not loaded', async (file) => {
    const before = await digest();
    await write(file, '// another\n');
    expect(await digest()).toBe(before);
  });

  it('is another one with another release of a package that it loads, and of no other', async () => {
    const before = await digest();
    await write('package.json', '{"dependencies":{"@pulumi/pulumi":"1.0.0","@pulumi/aws":"1.0.0","zod":"1.0.0","other":"2.0.0"}}');
    expect(await digest()).toBe(before);
    await write('package.json', '{"dependencies":{"@pulumi/pulumi":"1.0.0","@pulumi/aws":"1.0.1","zod":"1.0.0","other":"2.0.0"}}');
    expect(await digest()).not.toBe(before);
  });

  it('of each kind of ours is found whole', async () => {
    const code = new ProgramCode(process.cwd());
    const digests = await Promise.all(kinds.map(({ kind }) => code.digest(kind)));
    expect(new Set(digests).size).toBe(kinds.length);
  });
});

describe('why the next up asks the engine', () => {
  const [node] = nodesOf(spec).filter(({ short }) => short === 'vpc.shared');
  const [member] = nodesOf(spec).filter(({ short }) => short === 'member.production');
  if (!node || !member) throw new Error('the example has no vpc.shared, or no member.production');
  const states = new Map([
    ['example.transit-gateway', { etag: '"g"', outputs: { gatewayId: 'tgw-1' } }],
    ['example.vpc.shared', { etag: '"1"', outputs: {} }],
  ]);
  const now = fingerprintOf(node, settings, () => digestOf('tgw-1'));
  const known: IndexEntry = { checkpoint: '"1"', fingerprint: now ?? {}, outputs: {}, resources: 1 };
  const why = (different: Partial<Parameters<typeof whyOf>[0]>) =>
    whyOf({
      node,
      states,
      standing: 'free',
      index: new Map([[node.name, known]]),
      settings,
      short: (stack) => stack.replace('example.', ''),
      ...different,
    });

  it('is nothing, where nothing has changed', () => {
    expect(why({})).toEqual({ runs: false, reasons: ['nothing has changed, unless what it reads comes out differently'] });
  });

  it.each<readonly [string, Partial<Parameters<typeof whyOf>[0]>, boolean, string]>([
    ['is held', { standing: 'held' }, false, 'it is held: it is left out, and all that stands on it'],
    ['was never deployed', { states: new Map() }, true, 'it was never deployed'],
    ['nothing is known', { index: new Map() }, true, 'no run has come to its end over it that says what it was run with'],
    [
      'another checkpoint',
      { index: new Map([[node.name, { ...known, checkpoint: '"0"' }]]) },
      true,
      'its checkpoint is not the one of the last run that came to its end',
    ],
    [
      'the engine',
      { settings: { ...settings, engine: 'new' } },
      true,
      'changed: the release of the engine or of the plugin, or what encrypts secrets',
    ],
    [
      'what it reads',
      { states: new Map([...states, ['example.transit-gateway', { etag: '"h"', outputs: { gatewayId: 'tgw-2' } }]]) },
      true,
      'changed: gatewayId of transit-gateway, which it reads',
    ],
    [
      'one value of a map that it reads',
      {
        node: member,
        states: new Map([
          [
            'example.transit-gateway',
            { etag: '"h"', outputs: { routeTableIds: { production: 'tgw-rtb-2', shared: 'tgw-rtb-1', more: 'tgw-rtb-3' } } },
          ],
          ['example.vpc.production', { etag: '"v"', outputs: { attachmentId: 'tgw-attach-1' } }],
          ['example.member.production', { etag: '"1"', outputs: {} }],
        ]),
        index: new Map([
          [
            member.name,
            {
              ...known,
              fingerprint:
                fingerprintOf(member, settings, (_, name) => digestOf(name === 'attachmentId' ? 'tgw-attach-1' : 'tgw-rtb-1')) ?? {},
            },
          ],
        ]),
      },
      true,
      'changed: routeTableIds production of transit-gateway, which it reads',
    ],
    [
      'what it reads is not there',
      { states: new Map([['example.vpc.shared', { etag: '"1"', outputs: {} }]]) },
      true,
      'what it reads is not there yet: transit-gateway',
    ],
  ])('%s', (_, different, runs, reason) => {
    expect(why(different)).toEqual({ runs, reasons: [reason] });
  });
});
