import { beforeEach, describe, expect, it } from 'vitest';
import { checkpointVersions, parseCheckpoint, readStates } from '../../orchestrator/state/checkpoints.ts';
import { criticalPathSeconds, firstGuessSeconds } from '../../orchestrator/state/durations.ts';
import { earlierStacks } from '../../orchestrator/state/earlier-stacks.ts';
import { newInstallation, readInstallation } from '../../orchestrator/state/installation.ts';
import { checkpointKey, schemaVersion } from '../../orchestrator/state/layout.ts';
import { kinds } from '../../stacks/index.ts';
import { MemoryStore } from './support/memory-store.ts';
import { problemOf, valueOf } from './support/results.ts';
import { providerInputs, trusted } from './support/declared.ts';

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

const urn = (type: string, name: string): string => `urn:pulumi:example.vpc.a::holdfast::${type}::${name}`;
const resource = (type: string, name: string, more: object = {}) => ({ urn: urn(type, name), type, custom: true, ...more });

const checkpoint = (latest: object | null = {}, version = 3) => ({ version, checkpoint: { stack: 'x', latest } });

describe('a checkpoint', () => {
  const only = async () => {
    const { states, unreadable } = await readStates(store, 'example', trusted);
    expect(unreadable).toEqual([]);
    const [state, ...others] = states.values();
    if (!state || others.length > 0) throw new Error(`expected one state, got ${[...states.keys()].join(', ')}`);
    return state;
  };

  it('counts what the provider made, without the stack, providers, references and components', async () => {
    store.set(
      checkpointKey('example.vpc.a'),
      checkpoint({
        resources: [
          { urn: urn('pulumi:pulumi:Stack', 's'), type: 'pulumi:pulumi:Stack' },
          resource('pulumi:providers:aws', 'aws', { inputs: providerInputs }),
          resource('pulumi:pulumi:StackReference', 'organization/holdfast/example.transit-gateway'),
          { ...resource('my:component:Thing', 'thing'), custom: false },
          resource('aws:ec2/vpc:Vpc', 'vpc'),
          resource('aws:ec2/subnet:Subnet', 'subnet'),
        ],
      }),
    );
    expect(await only()).toMatchObject({ stack: 'example.vpc.a', short: 'vpc.a', resources: 2, pendingOperations: [] });
  });

  it('is read again only where it is another one by now', async () => {
    const kept = checkpointKey('example.vpc.a');
    const changed = checkpointKey('example.vpc.b');
    store.set(kept, checkpoint());
    store.set(changed, checkpoint());
    const { states } = await readStates(store, 'example', trusted);
    const read: string[] = [];
    const get = store.get.bind(store);
    store.get = (key) => {
      read.push(key);
      return get(key);
    };
    store.set(changed, checkpoint());
    const again = (await readStates(store, 'example', trusted, states)).states;
    expect(read).toEqual([changed]);
    expect(again.get('example.vpc.a')).toBe(states.get('example.vpc.a'));
  });

  it('has its pending operations', async () => {
    const vpc = { type: 'creating', resource: resource('aws:ec2/vpc:Vpc', 'vpc') };
    store.set(checkpointKey('example.vpc.a'), checkpoint({ resources: [], pending_operations: [vpc] }));
    expect((await only()).pendingOperations).toEqual([{ type: 'creating', urn: urn('aws:ec2/vpc:Vpc', 'vpc') }]);
  });

  it('has its upstreams by full name, from its references', async () => {
    const type = 'pulumi:pulumi:StackReference';
    store.set(
      checkpointKey('example.vpc.a'),
      checkpoint({
        resources: [
          resource(type, 'one', { outputs: { name: 'organization/holdfast/example.transit-gateway' } }),
          resource(type, 'two', { inputs: { name: 'example.vpc.b' } }),
        ],
      }),
    );
    expect((await only()).upstreams).toEqual(['example.transit-gateway', 'example.vpc.b']);
  });

  it('has the outputs of its stack', async () => {
    const type = 'pulumi:pulumi:Stack';
    store.set(checkpointKey('example.vpc.a'), checkpoint({ resources: [{ urn: urn(type, 's'), type, outputs: { vpcId: 'vpc-1' } }] }));
    expect((await only()).outputs).toEqual({ vpcId: 'vpc-1' });
  });

  it('without a deployment has nothing in it', async () => {
    store.set(checkpointKey('example.vpc.a'), checkpoint(null));
    expect(await only()).toMatchObject({ empty: true, resources: 0, pendingOperations: [], upstreams: [], outputs: {} });
  });

  it('says when it was written, and which version of the object was read', async () => {
    const etag = store.set(checkpointKey('example.vpc.a'), checkpoint());
    expect(await only()).toMatchObject({ etag, modified: store.modified, key: '.pulumi/stacks/holdfast/example.vpc.a.json' });
  });
});

describe('a stack of an earlier Holdfast', () => {
  const earlierOf = (kind: string): readonly string[] => kinds.find((each) => each.kind === kind)?.earlier ?? [];
  const state = (stack: string, ...types: readonly string[]) => ({ stack: `example.${stack}`, short: stack, types });
  const [table, gatewayRoute] = ['aws:ec2/routeTable:RouteTable', 'aws:ec2transitgateway/route:Route'];

  it.each([
    ['whose gateway has a blackhole', state('transit-gateway', gatewayRoute), [gatewayRoute]],
    ['whose routes have their tables', state('route-tables.one', 'aws:ec2/route:Route', table), [table]],
    ['whose tables have a route to another VPC', state('route-tables.one', gatewayRoute), [gatewayRoute]],
  ])('is one %s', (_, found, types) => {
    expect(earlierStacks([found], earlierOf)).toEqual([{ short: found.short, types }]);
  });

  it.each([
    ['has its tables with its subnets', state('vpc.one', table)],
    ['has its routes in its segment', state('segment.one', gatewayRoute)],
    ['has only routes', state('route-tables.one', 'aws:ec2/route:Route')],
    ['is of no kind that there is', state('peering.one', gatewayRoute)],
  ])('is not one that %s', (_, found) => {
    expect(earlierStacks([found], earlierOf)).toEqual([]);
  });

  it('is known by what was only begun, too', () => {
    const creating = { type: 'creating', resource: resource(gatewayRoute, 'blackhole-a') };
    expect(parseCheckpoint(JSON.stringify(checkpoint({ resources: [], pending_operations: [creating] })))).toMatchObject({
      types: [gatewayRoute],
    });
  });
});

describe('checkpoints that are not read', () => {
  const stacks = async () => {
    const { states, unreadable } = await readStates(store, 'example', trusted);
    return { readable: [...states.keys()], unreadable };
  };

  it.each(['.gz', '.zst'])('are compressed ones: %s', async (ending) => {
    store.set(`${checkpointKey('example.vpc.a')}${ending}`, 'compressed');
    expect(await stacks()).toMatchObject({ readable: [], unreadable: [{ stack: 'example.vpc.a', reason: 'compressed' }] });
  });

  it.each([
    ['is cut off', '{"version": 3, "checkpo'],
    ['is empty', ''],
    ['is null', 'null'],
    ['has no version', JSON.stringify({ checkpoint: {} })],
    ['has no checkpoint', JSON.stringify({ version: 3 })],
    ['has resources of another shape', JSON.stringify(checkpoint({ resources: [{ id: 'vpc-1' }] }))],
    ['has pending operations of another shape', JSON.stringify(checkpoint({ pending_operations: ['creating'] }))],
  ])('are malformed ones: what %s', async (_, body) => {
    store.set(checkpointKey('example.vpc.a'), body);
    expect(await stacks()).toMatchObject({ readable: [], unreadable: [{ stack: 'example.vpc.a', reason: 'malformed' }] });
  });

  it('are those of a newer format, whatever they hold', async () => {
    store.set(checkpointKey('example.vpc.a'), checkpoint({}, 4));
    store.set(checkpointKey('example.vpc.b'), { version: 9, content: 'unknown here' });
    expect(await stacks()).toMatchObject({
      readable: [],
      unreadable: [
        { reason: 'newer-format', detail: 'the checkpoint has format 4, this Holdfast reads up to 3' },
        { reason: 'newer-format', detail: 'the checkpoint has format 9, this Holdfast reads up to 3' },
      ],
    });
  });

  it('do not keep the others from being read', async () => {
    store.set(checkpointKey('example.vpc.a'), '{');
    store.set(checkpointKey('example.vpc.b'), checkpoint());
    expect(await stacks()).toMatchObject({ readable: ['example.vpc.b'], unreadable: [{ stack: 'example.vpc.a' }] });
  });

  it('are backups, other networks, and what has no stack name', async () => {
    for (const key of [`${checkpointKey('example.vpc.a')}.bak`, checkpointKey('example-two.vpc.a'), checkpointKey('example.vpc.a.b.c')])
      store.set(key, checkpoint());
    expect(await stacks()).toEqual({ readable: [], unreadable: [] });
  });
});

describe('the forecast of the critical path', () => {
  const order = [
    { name: 'gateway', upstreams: [] },
    { name: 'a', upstreams: ['gateway'] },
    { name: 'b', upstreams: ['gateway'] },
    { name: 'tables', upstreams: ['gateway', 'a', 'b'] },
  ];

  it('is two minutes a stack before the first run', () => {
    expect(criticalPathSeconds(order, new Map())).toBe(3 * firstGuessSeconds);
  });

  it('is the longest chain, and not the sum', () => {
    expect(criticalPathSeconds(order, new Map(Object.entries({ gateway: 10, a: 500, b: 20, tables: 30 })))).toBe(540);
  });

  it('does not count upstreams that are not part of the run', () => {
    expect(criticalPathSeconds([{ name: 'tables', upstreams: ['gateway'] }], new Map([['gateway', 900]]))).toBe(firstGuessSeconds);
  });

  it('is nothing for no stacks', () => {
    expect(criticalPathSeconds([], new Map())).toBe(0);
  });

  it('of a chain of 20000 does not overflow', () => {
    const chain = Array.from({ length: 20_000 }, (_, index) => ({ name: `v${index}`, upstreams: index === 0 ? [] : [`v${index - 1}`] }));
    expect(criticalPathSeconds(chain, new Map())).toBe(20_000 * firstGuessSeconds);
  });
});

describe('the installation', () => {
  it('is read as it was made', () => {
    expect(valueOf(readInstallation(newInstallation(0))).installation).toMatch(/^h[a-f0-9]{15}$/);
  });

  it('is another one each time', () => {
    expect(newInstallation(0)).not.toBe(newInstallation(0));
  });

  it.each([
    ['with the fields of this one', { ...(JSON.parse(newInstallation(0)) as object), schema: schemaVersion + 1 }],
    ['of another shape', { schema: schemaVersion + 1, installations: [] }],
  ])('of a newer schema is refused as that: %s', (_, body) => {
    expect(problemOf(readInstallation(JSON.stringify(body)))).toMatchObject({
      reason: 'newer-schema',
      next: 'Use that version of Holdfast.',
    });
  });

  it.each(['', 'null', '{}', '{"schema":1,"installation":"../x","createdAt":""}'])(
    'that is not what bootstrap wrote is refused: %j',
    (body) => {
      expect(problemOf(readInstallation(body))).toMatchObject({ reason: 'installation-malformed' });
    },
  );
});

describe('the versions of the checkpoints', () => {
  const checkpointOf = (stack: string): string => store.set(checkpointKey(stack), checkpoint());
  const bothStacks = ['example.vpc.a', 'example.vpc.b'];

  it('are those that the states were read at', async () => {
    checkpointOf('example.vpc.a');
    const { states } = await readStates(store, 'example', trusted);
    const { etag, modified } = states.get('example.vpc.a') ?? {};
    expect(etag).toBeDefined();
    expect(await checkpointVersions(store, bothStacks)).toEqual(new Map([['example.vpc.a', { etag, modified }]]));
  });

  it('tell a checkpoint that was written again, with the same content too', async () => {
    const before = checkpointOf('example.vpc.a');
    checkpointOf('example.vpc.a');
    expect((await checkpointVersions(store, bothStacks)).get('example.vpc.a')?.etag).not.toBe(before);
  });

  it('are those of compressed and of unreadable checkpoints too', async () => {
    store.set(`${checkpointKey('example.vpc.a')}.gz`, 'x');
    store.set(checkpointKey('example.vpc.b'), '{');
    expect([...(await checkpointVersions(store, bothStacks)).keys()]).toEqual(bothStacks);
  });

  it('are not those of backups, tags or other stacks', async () => {
    for (const key of [`${checkpointKey('example.vpc.a')}.bak`, checkpointKey('example.vpc.ab'), checkpointKey('example-two.vpc.a')])
      store.set(key, checkpoint());
    store.set('.pulumi/stacks/holdfast/example.vpc.a.pulumi-tags', '{}');
    expect(await checkpointVersions(store, ['example.vpc.a'])).toEqual(new Map());
  });
});
