import { describe, expect, it } from 'vitest';
import { distrust, distrustInWords } from '../../../orchestrator/state/checkpoint-trust.ts';
import type { Distrust } from '../../../orchestrator/state/checkpoint-trust.ts';
import { providerInputs, trusted } from '../support/declared.ts';
import { fc, forged, forgedMs } from '../support/property.ts';

/** Checkpoints as Holdfast's own programs make them, and the same with one thing in them that they do not have. */

const stack = 'example.vpc.a';
const urnOf = (type: string, name: string, of = stack): string => `urn:pulumi:${of}::holdfast::${type}::${name}`;
const signature = '4dabf18193072939515e22adb298388d';

interface Resource extends Record<string, unknown> {
  readonly urn: string;
  readonly type: string;
}

interface Checkpoint {
  version: unknown;
  checkpoint: { latest: { resources: Resource[]; pending_operations: unknown[] } & Record<string, unknown> } & Record<string, unknown>;
  [field: string]: unknown;
}

const root: Resource = { urn: urnOf('pulumi:pulumi:Stack', 'holdfast-example.vpc.a'), custom: false, type: 'pulumi:pulumi:Stack' };
const provider: Resource = {
  urn: urnOf('pulumi:providers:aws', 'aws'),
  custom: true,
  id: '11111111-2222-4333-8444-555555555555',
  type: 'pulumi:providers:aws',
  inputs: providerInputs,
  outputs: providerInputs,
  parent: root.urn,
};
const own: Resource = {
  urn: urnOf('pulumi:providers:pulumi', 'default'),
  custom: true,
  id: 'p',
  type: 'pulumi:providers:pulumi',
  inputs: {},
};

/** Properties of AWS's objects: anything that is no special value. */
const properties = fc.dictionary(
  fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('endpoints', 'profile', 'tags', '__proto__', 'urn', '{"a": 1}', 'a"b:')),
  fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constant({ [signature]: '1b47061264138c4ac30d75fd1eb44270', ciphertext: 'v1:abc' }),
    fc.constantFrom('x": {"y', '\\', '"', 'http://127.0.0.1/'),
  ),
  { maxKeys: 4 },
);

const type = fc.constantFrom('aws:ec2/vpc:Vpc', 'aws:ec2/subnet:Subnet', 'aws:ec2transitgateway/route:Route', 'aws:sns/topic:Topic');
const name = fc.stringMatching(/^[a-z0-9/.: -]{1,12}$/);

const awsResource: fc.Arbitrary<Resource> = fc
  .record({ type, name, inputs: properties, outputs: properties, condemned: fc.boolean() })
  .map(({ type: token, name: called, inputs, outputs, condemned }) => ({
    urn: urnOf(token, called),
    custom: true,
    type: token,
    id: called,
    inputs,
    outputs,
    parent: root.urn,
    provider: `${provider.urn}::${String(provider['id'])}`,
    dependencies: [],
    created: '2026-01-01T00:00:00Z',
    sourcePosition: 'project:///stacks/vpc.ts#1,1',
    ...(condemned ? { delete: true } : {}),
  }));

const reference: fc.Arbitrary<Resource> = name.map((called) => ({
  urn: urnOf('pulumi:pulumi:StackReference', called),
  custom: true,
  id: called,
  type: 'pulumi:pulumi:StackReference',
  external: true,
  provider: `${own.urn}::p`,
}));

const good: fc.Arbitrary<Checkpoint> = fc
  .record({
    resources: fc.array(fc.oneof(awsResource, reference), { maxLength: 5 }),
    pending: fc.array(awsResource, { maxLength: 2 }),
    outputs: properties,
    recovered: fc.boolean(),
    secrets: fc.constantFrom(null, { type: 'passphrase', state: { salt: 'v1:abc' } }),
  })
  .map(({ resources, pending, outputs, recovered, secrets }) => ({
    version: 3,
    checkpoint: {
      stack: `organization/holdfast/${stack}`,
      latest: {
        manifest: {
          time: '2026-01-01T00:00:00Z',
          magic: 'x',
          version: 'v3.258.0',
          plugins: [{ name: 'aws', path: '/a', type: 'resource', version: '7.48.0' }],
        },
        secrets_providers: secrets,
        resources: [{ ...root, outputs }, provider, own, ...resources],
        pending_operations: pending.map((resource) => ({ type: 'creating', resource })),
        metadata: {},
      },
    },
    ...(recovered ? { holdfast: { recovery: 'r', epoch: 2 } } : {}),
  }));

const providers = (
  checkpoint: Checkpoint,
  change: (inputs: Record<string, unknown>) => Record<string, unknown>,
  where = 'inputs',
): Checkpoint =>
  withResources(checkpoint, (resources) =>
    resources.map((resource) => (resource.type === provider.type ? { ...resource, [where]: change({ ...providerInputs }) } : resource)),
  );

const withResources = (checkpoint: Checkpoint, change: (resources: Resource[]) => Resource[]): Checkpoint => ({
  ...checkpoint,
  checkpoint: {
    ...checkpoint.checkpoint,
    latest: { ...checkpoint.checkpoint.latest, resources: change(checkpoint.checkpoint.latest.resources) },
  },
});

const latestWith = (checkpoint: Checkpoint, more: object): Checkpoint => ({
  ...checkpoint,
  checkpoint: { ...checkpoint.checkpoint, latest: { ...checkpoint.checkpoint.latest, ...more } },
});

const evil: Resource = {
  urn: urnOf('pulumi:providers:evilcorp', 'evil'),
  custom: true,
  id: 'e',
  type: 'pulumi:providers:evilcorp',
  inputs: { version: '1.0.0' },
};
const url = 'http://127.0.0.1:1/';

type Change = readonly [what: string, reason: Distrust['reason'], change: (checkpoint: Checkpoint) => Checkpoint | string];

const setting = (key: string, value: unknown, where = 'inputs'): Change => [
  `the provider's ${where} have ${key}`,
  'provider-input',
  (checkpoint) => providers(checkpoint, (inputs) => ({ ...inputs, [key]: value }), where),
];

const added = (what: string, reason: Distrust['reason'], resource: Resource): Change => [
  what,
  reason,
  (checkpoint) => withResources(checkpoint, (resources) => [...resources, resource]),
];

const special = (what: string, value: object): Change => [
  `an output is ${what}`,
  'special-value',
  (checkpoint) => withResources(checkpoint, ([first = root, ...rest]) => [{ ...first, outputs: { deep: [{ er: value }] } }, ...rest]),
];

/** Whoever finds another way in adds it here. */
const changes: readonly Change[] = [
  added('a provider of another package', 'foreign-type', evil),
  added('a provider that is no custom resource', 'foreign-type', { ...evil, custom: false }),
  added('a dynamic provider', 'foreign-type', {
    ...evil,
    urn: urnOf('pulumi:providers:pulumi-nodejs', 'd'),
    type: 'pulumi:providers:pulumi-nodejs',
  }),
  added('a dynamic resource', 'foreign-type', {
    ...evil,
    urn: urnOf('pulumi-nodejs:dynamic:Resource', 'd'),
    type: 'pulumi-nodejs:dynamic:Resource',
  }),
  added('a resource of another package', 'foreign-type', {
    ...evil,
    urn: urnOf('evilcorp:index:Thing', 't'),
    type: 'evilcorp:index:Thing',
  }),
  added('a package whose name begins with ours', 'foreign-type', {
    ...evil,
    urn: urnOf('awsx:ec2/vpc:Vpc', 't'),
    type: 'awsx:ec2/vpc:Vpc',
  }),
  added('a resource that names itself one thing and says another', 'foreign-urn', { ...evil, type: 'aws:ec2/vpc:Vpc' }),
  added('a resource of another stack', 'foreign-urn', { ...root, urn: urnOf('pulumi:pulumi:Stack', 's', 'example.vpc.b') }),
  added('a resource of another project', 'foreign-urn', { ...root, urn: root.urn.replace('::holdfast::', '::other::') }),
  added('a resource of a provider that is not there', 'foreign-provider', {
    urn: urnOf('aws:ec2/vpc:Vpc', 'v'),
    type: 'aws:ec2/vpc:Vpc',
    custom: true,
    provider: `${evil.urn}::e`,
  }),
  added('a component that a provider makes', 'foreign-provider', {
    urn: urnOf('my:index:Part', 'p'),
    type: 'my:index:Part',
    custom: false,
    provider: `${provider.urn}::x`,
  }),
  added('a field that names code', 'unknown-field', { ...root, urn: `${root.urn}2`, extensionRef: 'x' }),
  added('hooks', 'unknown-field', { ...root, urn: `${root.urn}2`, resourceHooks: { beforeCreate: ['x'] } }),
  setting('endpoints', JSON.stringify([{ ec2: url, sts: url }])),
  setting('profile', 'other'),
  setting('assumeRoles', JSON.stringify([{ roleArn: 'arn:aws:iam::999999999999:role/x' }])),
  setting('customCaBundle', '/tmp/ca'),
  setting('sharedConfigFiles', JSON.stringify(['/tmp/config'])),
  setting('httpProxy', url),
  setting('insecure', 'true'),
  setting('accessKey', 'AKIA'),
  setting('pluginDownloadURL', url),
  setting('parameterization', 'e30='),
  setting('region', 'us-east-1'),
  setting('allowedAccountIds', JSON.stringify(['999999999999'])),
  setting('allowedAccountIds', JSON.stringify([trusted.account, '999999999999'])),
  setting('skipCredentialsValidation', 'true'),
  setting('ignoreTags', JSON.stringify({ keyPrefixes: ['holdfast:'] })),
  setting('ignoreTags', JSON.stringify({ keyPrefixes: ['hold'] })),
  setting('ignoreTags', JSON.stringify({ keys: ['holdfast:stack'] })),
  setting('ignoreTags', JSON.stringify({ keys: ['a'], other: ['b'] })),
  setting('ignoreTags', 'kubernetes.io/'),
  setting('Region', trusted.region),
  setting('__internal', { pluginDownloadURL: url }),
  setting('__internal', { name: 'evilcorp' }),
  setting('__internal', { envVarMappings: { AWS_PROFILE: 'x' } }),
  setting('__internal', 'x'),
  setting('endpoints', JSON.stringify([{ ec2: url }]), 'outputs'),
  ['the provider has no account', 'provider-input', (it) => providers(it, ({ allowedAccountIds: _, ...rest }) => rest)],
  ['the provider has no region', 'provider-input', (it) => providers(it, ({ region: _, ...rest }) => rest)],
  ['another release of the plugin', 'plugin-version', (it) => providers(it, (inputs) => ({ ...inputs, version: '99.0.0' }))],
  ['a release that is no text', 'plugin-version', (it) => providers(it, (inputs) => ({ ...inputs, version: { [signature]: 'x' } }))],
  ['programs of its own', 'unknown-field', (it) => latestWith(it, { snippets: [{ uuid: 'u', name: 'n', type: 't', code: 'c' }] })],
  ['programs of its own, in other letters', 'unknown-field', (it) => latestWith(it, { SNIPPETS: [{ uuid: 'u' }] })],
  ['extensions', 'unknown-field', (it) => latestWith(it, { extensions: { x: {} } })],
  ['resources in other letters', 'unknown-field', (it) => latestWith(it, { Resources: [evil] })],
  ['configuration', 'unknown-field', (it) => ({ ...it, checkpoint: { ...it.checkpoint, config: { 'aws:endpoints': url } } })],
  ['another checkpoint in other letters', 'unknown-field', (it) => ({ ...it, Checkpoint: { latest: { resources: [evil] } } })],
  ['a format of another release', 'other-format', (it) => ({ ...it, version: 4 })],
  ['an older format', 'other-format', (it) => ({ ...it, version: 1 })],
  ['a format that is text', 'other-format', (it) => ({ ...it, version: '3' })],
  ['another major release', 'other-format', (it) => latestWith(it, { manifest: { version: 'v4.0.0' } })],
  [
    'an evil resource that is only begun',
    'foreign-type',
    (it) => latestWith(it, { pending_operations: [{ type: 'creating', resource: evil }] }),
  ],
  [
    'secrets at an address',
    'foreign-secrets',
    (it) => latestWith(it, { secrets_providers: { type: 'cloud', state: { url: `awskms://alias/x?endpoint=${url}` } } }),
  ],
  ['secrets of a service', 'foreign-secrets', (it) => latestWith(it, { secrets_providers: { type: 'service', state: { url } } })],
  ['secrets of no form', 'foreign-secrets', (it) => latestWith(it, { secrets_providers: [url] })],
  [
    'secrets of two types',
    'unknown-field',
    (it) => latestWith(it, { secrets_providers: { type: 'passphrase', Type: 'cloud', state: {} } }),
  ],
  ['a resource that is none', 'other-format', (it) => latestWith(it, { resources: [null] })],
  ['resources that are no list', 'other-format', (it) => latestWith(it, { resources: { 0: evil } })],
  special('a file', { [signature]: 'c44067f5952c0a294b673a41bacd8c17', path: '/etc/passwd' }),
  special('an archive at an address', { [signature]: '0def7320c3a5731c473e5ecbe6d01bc7', uri: url }),
  special('a secret in plain text', { [signature]: '1b47061264138c4ac30d75fd1eb44270', plaintext: '{}' }),
  special('of a sort that is itself hidden', { [signature]: { [signature]: 'x', value: 'y' } }),
  [
    'a resource twice under one key',
    'repeated-key',
    (it) => JSON.stringify(it).replace('"resources":[', `"resources":[${JSON.stringify(evil)}],"resources":[`),
  ],
  ['inputs twice under one key', 'repeated-key', (it) => JSON.stringify(it).replace('"inputs":{', '"inputs":{"endpoints":"x"},"inputs":{')],
  [
    'a key twice, once with an escape',
    'repeated-key',
    (it) => JSON.stringify(it).replace('"latest":{', '"l\\u0061test":{"resources":[]} , "latest" : {'),
  ],
];

const bodyOf = (changed: Checkpoint | string): string => (typeof changed === 'string' ? changed : JSON.stringify(changed));

describe('a checkpoint that an engine may be shown', () => {
  it(
    'is every one that is made of nothing but what the programs of the stacks declare',
    () => {
      fc.assert(
        fc.property(good, fc.constantFrom(undefined, 4), (checkpoint, indent) => {
          expect(distrust(JSON.stringify(checkpoint, undefined, indent), stack, trusted)).toEqual([]);
        }),
        forged,
      );
    },
    forgedMs,
  );

  it(
    'is none with anything else in it, which is named',
    () => {
      fc.assert(
        fc.property(good, fc.constantFrom(...changes), (checkpoint, [what, reason, change]) => {
          const found = distrust(bodyOf(change(checkpoint)), stack, trusted);
          expect(
            found.map((each) => each.reason),
            what,
          ).toContain(reason);
        }),
        forged,
      );
    },
    forgedMs,
  );

  it.each(changes)('is none where there is %s', (_, reason, change) => {
    const [checkpoint] = fc.sample(good, { numRuns: 1, seed: 7 });
    if (!checkpoint) throw new Error('no sample');
    expect(distrust(bodyOf(change(checkpoint)), stack, trusted).map((each) => each.reason)).toContain(reason);
  });

  it('is the one that a new stack has, which the engine writes without a format, and none without a format that has anything in it', () => {
    const fresh = { version: 0, checkpoint: { stack: `organization/holdfast/${stack}` } };
    expect(distrust(JSON.stringify(fresh), stack, trusted)).toEqual([]);
    for (const full of [
      { ...fresh, checkpoint: { ...fresh.checkpoint, latest: { resources: [] } } },
      // Where the engine takes it for one of its first format, it reads this.
      { ...fresh, latest: { resources: [provider] } },
    ])
      expect(distrust(JSON.stringify(full), stack, trusted)).not.toEqual([]);
  });

  it('may have a resource whose name is nothing but what parts the names of resources', () => {
    const body = JSON.stringify({
      version: 3,
      checkpoint: { latest: { resources: [{ ...root, urn: urnOf('pulumi:pulumi:Stack', '::') }] } },
    });
    expect(distrust(body, stack, trusted)).toEqual([]);
    expect(distrust(body.replace('::::', '::'), stack, trusted)).toMatchObject([{ reason: 'foreign-urn' }]);
  });

  it('is none with two different things that are wrong, of which each is named with its resource', () => {
    const found = distrust(
      JSON.stringify({
        version: 3,
        checkpoint: { latest: { resources: [root, evil, { ...provider, inputs: { ...providerInputs, endpoints: url } }] } },
      }),
      stack,
      trusted,
    );
    expect(found).toEqual([
      { reason: 'foreign-type', what: evil.type, urn: evil.urn },
      { reason: 'provider-input', what: 'endpoints', urn: provider.urn },
    ]);
  });

  it(
    'is judged, whatever a text it is, and said in printable words of a bounded length',
    () => {
      const text = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.json(),
        fc.tuple(good, fc.nat(), fc.nat()).map(([checkpoint, from, to]) => {
          const body = JSON.stringify(checkpoint);
          return body.slice(0, from % body.length) + body.slice(to % body.length);
        }),
        fc
          .tuple(good, fc.string({ unit: 'binary', maxLength: 300 }))
          .map(([checkpoint, odd]) =>
            JSON.stringify(withResources(checkpoint, (all) => [...all, { urn: odd, type: odd, custom: true, provider: odd }])),
          ),
      );
      fc.assert(
        fc.property(text, (body) => {
          const words = distrustInWords(distrust(body, stack, trusted));
          expect(words).toMatch(/^[\x20-\x7e…]+$/);
          expect(words.length).toBeLessThan(2500);
        }),
        forged,
      );
    },
    forgedMs,
  );

  it('is judged without an end of the stack, however deep it is', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const body = `{"version":3,"checkpoint":{"latest":{"resources":[${JSON.stringify({ ...root, outputs: { x: 'HERE' } }).replace('"HERE"', deep)}]}}}`;
    expect(distrust(body, stack, trusted)).toEqual([]);
  });

  it('says nothing of secrets where it is only looked at, which the preflight does in words of its own', () => {
    const body = JSON.stringify({
      version: 3,
      checkpoint: { latest: { secrets_providers: { type: 'cloud', state: { url: 'awskms://alias/x' } } } },
    });
    const { account, region } = trusted;
    expect(distrust(body, stack, { account, region })).toEqual([]);
    expect(distrust(body, stack, trusted)).toEqual([{ reason: 'foreign-secrets', what: 'awskms://alias/x' }]);
  });
});
