import { describe, expect, it } from 'vitest';
import type { BucketFacts } from '../../orchestrator/aws/account.ts';
import type { PropertyStanding } from '../../orchestrator/aws/bucket-properties.ts';
import { exitCodes, worstOf } from '../../orchestrator/domain/exit-codes.ts';
import { runChecks } from '../../orchestrator/preflight/check.ts';
import type { Command } from '../../orchestrator/preflight/check.ts';
import { checks } from '../../orchestrator/preflight/checks.ts';
import type { PreflightFacts } from '../../orchestrator/preflight/checks.ts';
import { writeProbe } from '../../orchestrator/state/store-probe.ts';
import type { StoreProbe } from '../../orchestrator/state/store-probe.ts';
import { ProcessesUnseen } from '../../toolchain/process-identity.ts';
import { exampleNetwork } from '../support/networks.ts';
import { exampleOf, exampleWith, file, lineOf } from './support/example.ts';
import { checkOf, factsWith, honest, now, preflight, sessionOf } from './support/facts.ts';
import { pluginUnpinned } from '../../toolchain/problems.ts';

const everyCommand: readonly Command[] = ['up', 'plan', 'destroy', 'preflight', 'status', 'inventory', 'recover'];
const looking: readonly Command[] = ['status', 'inventory', 'recover'];

const failed = (code: string, message = 'said AWS') => ({ ok: false as const, code, message });
const bucketWith = (different: Partial<BucketFacts>) => ({
  ok: true as const,
  value: { versioned: true, installation: '{}', probe: honest, ...different },
});

const probeWith = (different: Partial<StoreProbe>): string =>
  writeProbe({ putIfAbsent: true, putIfMatches: true, deleteIfMatches: true, ...different }, now);

describe('preflight where all is well', () => {
  it.each(everyCommand)('stops nothing: %s', async (command) => {
    expect((await preflight(command)).map(({ id, outcome, exitCode }) => [id, outcome, exitCode])).toEqual(
      checks.map(({ id }) => [id, 'ok', undefined]),
    );
  });

  it('has every check of the design, in the order in which a person reads them', () => {
    expect(checks.map(({ id }) => id)).toEqual([
      'identity',
      'session',
      'clock',
      'zones',
      'existing',
      'quotas',
      'bucket',
      'versioning',
      'conditional-writes',
      'bucket-properties',
      'checkpoints',
      'secrets',
      'locks',
      'held',
      'journal',
      'upstreams',
      'engine',
      'users',
      'runbook',
      'alarm',
    ]);
  });
});

describe('preflight after a first failure', () => {
  it('goes on to the last check, and tells each as it comes', async () => {
    const told: string[] = [];
    const facts = factsWith({
      identity: failed('ExpiredToken'),
      expiry: 'unknown',
      zones: failed('X'),
      bucketFacts: failed('NotFound'),
      held: ['HELD'],
    });
    const results = await runChecks(checks, facts, 'up', ({ id }) => told.push(id));
    expect(told).toEqual(checks.map(({ id }) => id));
    expect(results.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)).toEqual(['identity', 'session', 'zones', 'bucket']);
  });

  it('ends with the most urgent exit code', async () => {
    const results = await preflight('preflight', { expiry: 'unknown', locks: ['locked'], held: ['held'] });
    expect(worstOf(results.flatMap(({ exitCode }) => exitCode ?? []))).toBe(exitCodes.held);
  });
});

/** Each fact that a check refuses: which check, for which commands it is fatal, and with which exit code. */
const refusals: readonly (readonly [
  what: string,
  id: string,
  facts: Partial<PreflightFacts>,
  fatalFor: readonly Command[],
  exitCode: number,
  message: RegExp,
])[] = [
  [
    'another account',
    'identity',
    { identity: { ok: true, value: { account: '999988887777', arn: 'arn:x', clockSkewSeconds: 0 } } },
    ['up', 'plan', 'destroy', 'preflight', 'inventory', 'recover'],
    3,
    /belongs to account 999988887777 \(arn:x\), and the network to 111122223333/,
  ],
  [
    'an expired session, by AWS',
    'identity',
    { identity: failed('ExpiredToken') },
    ['up', 'plan', 'destroy', 'preflight', 'inventory', 'recover'],
    3,
    /the session has expired/,
  ],
  [
    'credentials that AWS does not know',
    'identity',
    { identity: failed('InvalidClientTokenId', 'no such key') },
    ['up', 'plan', 'destroy', 'preflight', 'inventory', 'recover'],
    3,
    /InvalidClientTokenId: no such key/,
  ],
  [
    'no network',
    'identity',
    { target: 'REAL', identity: failed('ENOTFOUND', 'getaddrinfo') },
    ['up', 'plan', 'destroy', 'preflight', 'inventory', 'recover'],
    3,
    /AWS cannot be reached: getaddrinfo/,
  ],
  [
    'a lab that does not answer',
    'identity',
    { identity: failed('ECONNREFUSED') },
    ['up', 'plan', 'destroy', 'preflight', 'inventory', 'recover'],
    3,
    /the lab does not answer \(ECONNREFUSED\)/,
  ],
  [
    '29 minutes left',
    'session',
    { expiry: sessionOf(29) },
    ['up', 'destroy', 'preflight'],
    3,
    /the session has 29 min left .* and 30 min is the minimum/,
  ],
  [
    'a session that ended',
    'session',
    { expiry: sessionOf(-1) },
    ['up', 'destroy', 'preflight'],
    3,
    /the session expired at 2030-01-01T11:59:00\.000Z/,
  ],
  [
    'an unknown expiry',
    'session',
    { expiry: 'unknown' },
    ['up', 'destroy', 'preflight'],
    3,
    /temporary and nothing says when they expire \(a test\)/,
  ],
  [
    'a forecast longer than the session',
    'session',
    { expiry: sessionOf(45), forecastSeconds: 3600 },
    ['up', 'destroy', 'preflight'],
    3,
    /45 min left .* the longest chain of stacks is forecast at 1 h/,
  ],
  [
    'a minimum longer than a session that can be renewed',
    'session',
    { expiry: sessionOf(29), renewable: true },
    ['up', 'destroy', 'preflight'],
    3,
    /30 min is the minimum/,
  ],
  [
    'a clock that is ahead',
    'clock',
    { identity: { ok: true, value: { account: '111122223333', arn: 'arn:x', clockSkewSeconds: 300 } } },
    ['up', 'destroy', 'preflight'],
    3,
    /5 min ahead of AWS's/,
  ],
  [
    'a clock that is behind',
    'clock',
    { identity: { ok: true, value: { account: '111122223333', arn: 'arn:x', clockSkewSeconds: -3600 } } },
    ['up', 'destroy', 'preflight'],
    3,
    /1 h behind AWS's/,
  ],
  [
    'a zone that the region does not have',
    'zones',
    { zones: { ok: true, value: ['eu-west-1a'] } },
    ['up', 'plan', 'preflight'],
    3,
    /eu-west-1 has no zone eu-west-1b; it has eu-west-1a/,
  ],
  [
    'zones that cannot be read',
    'zones',
    { zones: failed('UnauthorizedOperation') },
    ['up', 'plan', 'preflight'],
    3,
    /zones cannot be read: UnauthorizedOperation/,
  ],
  [
    'a VPC with the block of one that is to be made',
    'existing',
    { existing: { ok: true, value: [{ id: 'vpc-7', blocks: ['10.1.0.0/16'], gateways: ['tgw-3'] }] } },
    ['up', 'preflight'],
    3,
    /^eu-west-1 has VPCs with the blocks of VPCs that are to be made$/,
  ],
  [
    'a bucket that is not there',
    'bucket',
    { bucketFacts: failed('NotFound') },
    ['up', 'plan', 'destroy', 'preflight', 'status', 'recover'],
    3,
    /the state bucket holdfast-state does not exist/,
  ],
  [
    'a bucket that may not be read',
    'bucket',
    { bucketFacts: failed('AccessDenied') },
    ['up', 'plan', 'destroy', 'preflight', 'status', 'recover'],
    3,
    /may not read the state bucket/,
  ],
  [
    'a bucket that does not answer',
    'bucket',
    { bucketFacts: failed('ETIMEDOUT', 'slow') },
    ['up', 'plan', 'destroy', 'preflight', 'status', 'recover'],
    3,
    /does not answer: ETIMEDOUT: slow/,
  ],
  [
    'a bucket that bootstrap never saw',
    'bucket',
    { bucketFacts: bucketWith({ installation: undefined }) },
    ['up', 'plan', 'destroy', 'preflight', 'status', 'recover'],
    3,
    /never prepared for Holdfast/,
  ],
  [
    'a bucket without versioning',
    'versioning',
    { bucketFacts: bucketWith({ versioned: false }) },
    ['up', 'plan', 'destroy', 'preflight'],
    3,
    /keeps no versions/,
  ],
  [
    'a bucket that ignores a condition',
    'conditional-writes',
    { bucketFacts: bucketWith({ probe: probeWith({ putIfAbsent: false }) }) },
    ['up', 'plan', 'destroy', 'preflight'],
    3,
    /ignores If-None-Match on put: two runs could hold one lock/,
  ],
  [
    'a bucket that ignores a condition on delete',
    'conditional-writes',
    { bucketFacts: bucketWith({ probe: probeWith({ deleteIfMatches: false }) }) },
    ['up', 'plan', 'destroy', 'preflight'],
    3,
    /ignores If-Match on delete/,
  ],
  [
    'a bucket whose conditions nobody tried',
    'conditional-writes',
    { bucketFacts: bucketWith({ probe: undefined }) },
    ['up', 'plan', 'destroy', 'preflight'],
    3,
    /nobody has tried yet/,
  ],
  [
    'a bucket whose conditions a newer Holdfast tried',
    'conditional-writes',
    { bucketFacts: bucketWith({ probe: honest.replace('"schema":1', '"schema":2') }) },
    ['up', 'plan', 'destroy', 'preflight'],
    3,
    /nobody has tried yet/,
  ],
  [
    'a checkpoint that cannot be read',
    'checkpoints',
    {
      unreadable: [
        { key: 'a.json', detail: 'not JSON' },
        { key: 'b.json', detail: 'compressed' },
      ],
    },
    ['destroy', 'preflight'],
    3,
    /^a\.json: not JSON$/,
  ],
  [
    'a plugin that nobody has checked, for a real account',
    'engine',
    { plugin: pluginUnpinned() },
    ['up', 'plan', 'destroy', 'preflight', 'recover'],
    3,
    /no checksum of Pulumi's aws plugin/,
  ],
  ['a lock', 'locks', { locks: ['vpc.a is locked by ada'] }, ['up', 'destroy', 'preflight'], 6, /vpc\.a is locked by ada/],
  ['a held stack', 'held', { held: ['HELD vpc.a'] }, ['preflight'], 4, /HELD vpc\.a/],
  [
    'a record of ours that cannot be read',
    'journal',
    { unreadableRecords: ['.holdfast/stacks/n/n.a.json: it is not JSON', '.holdfast/stacks/n/n.b.json: newer'] },
    ['preflight'],
    3,
    /n\.a\.json: it is not JSON; .*n\.b\.json: newer/,
  ],
  [
    'an upstream that was never deployed',
    'upstreams',
    { missingUpstreams: ['example.transit-gateway'] },
    ['up', 'preflight'],
    3,
    /not deployed yet, or not to the end: example\.transit-gateway/,
  ],
  [
    'a machine on which another user runs a process',
    'users',
    { users: { kind: 'seen', users: [{ uid: 1001, name: 'alice', processes: 1 }] } },
    ['up', 'plan', 'destroy', 'preflight', 'recover'],
    3,
    /alice \(1001\): 1 process/,
  ],
  [
    'a machine that hides the processes of other users',
    'users',
    { users: { kind: 'cannot-tell', what: 'processes', cause: new ProcessesUnseen('hidden') } },
    ['up', 'plan', 'destroy', 'preflight', 'recover'],
    3,
    /cannot be told: .*hidepid/,
  ],
];

describe.each(refusals)('%s', (_, id, facts, fatalFor, exitCode, message) => {
  it.each(fatalFor)(`ends %s with exit code ${exitCode}, and says what to do`, async (command) => {
    const result = await checkOf(id, command, facts);
    expect(result).toMatchObject({ outcome: 'fail', exitCode, message: expect.stringMatching(message) as string });
    expect(result.next).toMatch(/\w/);
  });

  it.each(everyCommand.filter((command) => !fatalFor.includes(command)))('only warns %s', async (command) => {
    const result = await checkOf(id, command, facts);
    expect(result).toMatchObject({ outcome: 'warn', message: expect.stringMatching(message) as string });
    expect(result.exitCode).toBeUndefined();
  });
});

describe('a short or unknown session', () => {
  it.each(looking)('does not stop %s', async (command) => {
    for (const expiry of [sessionOf(1), sessionOf(-1), 'unknown'] as const)
      expect((await preflight(command, { expiry })).flatMap(({ exitCode }) => exitCode ?? [])).toEqual([]);
  });
});

describe('a session', () => {
  it.each([
    [31, 'ok'],
    [30, 'ok'],
    [29.99, 'fail'],
  ])('of %d minutes is %s at a minimum of 30', async (minutes, outcome) => {
    expect(await checkOf('session', 'up', { expiry: sessionOf(minutes) })).toMatchObject({ outcome });
  });

  it('is held to a minimum that the network raised', async () => {
    const network = exampleOf(`${exampleNetwork}session: { minimum: 45m }\n`);
    expect(await checkOf('session', 'up', { network, expiry: sessionOf(44) })).toMatchObject({
      outcome: 'fail',
      message: expect.stringContaining('45 min is the minimum') as string,
    });
  });

  it('of long-term keys never ends', async () => {
    expect(await checkOf('session', 'up', { expiry: 'never', forecastSeconds: 86_400 })).toMatchObject({ outcome: 'ok' });
  });

  it('that is as long as a forecast over the minimum is enough', async () => {
    expect(await checkOf('session', 'up', { expiry: sessionOf(60), forecastSeconds: 3600 })).toMatchObject({ outcome: 'ok' });
  });

  it('says how to state an expiry that cannot be read', async () => {
    expect((await checkOf('session', 'up', { expiry: 'unknown' })).next).toContain('--session-expires 2026-01-31T18:00:00Z');
  });

  it('says what is left, what is needed, and where it comes from', async () => {
    const { message } = await checkOf('session', 'up', { expiry: sessionOf(120), renewable: true });
    expect(message).toBe('2 h left, 30 min needed, renewed when it gets short (a test)');
  });
});

describe('several checkpoints that cannot be read', () => {
  it('are told a line each', async () => {
    const unreadable = [
      { key: 'a.json', detail: 'not JSON' },
      { key: 'b.json', detail: 'compressed' },
    ];
    expect(await checkOf('checkpoints', 'up', { unreadable })).toMatchObject({
      message: 'a.json: not JSON',
      lines: ['b.json: compressed'],
    });
  });
});

describe('the properties of the bucket', () => {
  const property = (different: Partial<PropertyStanding>): PropertyStanding => ({
    id: 'lifecycle',
    what: 'old versions stay 90 days',
    outcome: 'short',
    changed: false,
    shortfalls: [{ text: 'the rule is missing', mended: true }],
    ...different,
  });

  it.each(everyCommand)('that fall short warn %s, and stop nothing', async (command) => {
    const result = await checkOf('bucket-properties', command, {
      properties: [property({}), property({ id: 'tls-only', what: 'TLS only', shortfalls: [{ text: 'no statement', mended: true }] })],
    });
    expect(result).toMatchObject({
      outcome: 'warn',
      message: 'old versions stay 90 days: the rule is missing',
      lines: ['TLS only: no statement'],
      next: 'Run `npm run bootstrap`, which makes it so.',
    });
    expect(result.exitCode).toBeUndefined();
  });

  it('that may not be read are not known, and the permission is named', async () => {
    const denied = property({
      outcome: 'unknown',
      shortfalls: [{ text: 'not known: the session may not call s3:GetBucketPolicy', mended: false }],
    });
    expect(await checkOf('bucket-properties', 'up', { properties: [denied] })).toMatchObject({
      outcome: 'warn',
      message: expect.stringContaining('s3:GetBucketPolicy') as string,
      next: 'See what each of them is: npm run bootstrap -- --check',
    });
  });

  it('that have a check of their own are not told twice', async () => {
    const properties = ['bucket', 'versioning', 'installation', 'conditional-writes'].map((id) => property({ id }));
    expect(await checkOf('bucket-properties', 'up', { properties })).toMatchObject({ outcome: 'ok' });
  });
});

describe('a clock', () => {
  it.each([-240, -1, 0, 240])('that differs by %i s is ok', async (clockSkewSeconds) => {
    const identity = { ok: true as const, value: { account: '111122223333', arn: 'arn:x', clockSkewSeconds } };
    expect(await checkOf('clock', 'up', { identity })).toMatchObject({ outcome: 'ok' });
  });
});

describe('the place of a failure in the file', () => {
  it('is the account, where the session belongs to another', async () => {
    const identity = { ok: true as const, value: { account: '999988887777', arn: 'arn:x', clockSkewSeconds: 0 } };
    expect(await checkOf('identity', 'up', { identity })).toMatchObject({ file, line: lineOf(exampleNetwork, 'account: "') });
  });

  it('is the zone that the region does not have', async () => {
    const text = exampleWith(['private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }', 'private: { a: 10.2.0.0/20, z: 10.2.16.0/20 }']);
    expect(await checkOf('zones', 'up', { network: exampleOf(text) })).toMatchObject({ file, line: lineOf(text, 'z: 10.2.16.0/20') });
  });
});

describe('what was not looked at', () => {
  const unasked = {
    now,
    bucketFacts: failed('NotFound'),
    identity: failed('ECONNREFUSED'),
    zones: failed('ECONNREFUSED'),
    existing: 'states-unread' as const,
    quotas: 'states-unread' as const,
  };

  it('is not called a failure of its own', async () => {
    const results = await preflight('up', unasked);
    expect(results.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id)).toEqual(['identity', 'bucket']);
  });

  it.each(everyCommand)('is never called ok: without AWS and without the bucket only what needs neither is (%s)', async (command) => {
    const results = await preflight(command, unasked);
    const withOutcome = (wanted: string) => results.filter(({ outcome }) => outcome === wanted).map(({ id }) => id);
    expect(withOutcome('ok')).toEqual(['session', 'engine', 'users', 'runbook', 'alarm']);
    expect(withOutcome('not-checked')).toEqual([
      'clock',
      'zones',
      'existing',
      'quotas',
      'versioning',
      'conditional-writes',
      'bucket-properties',
      'checkpoints',
      'secrets',
      'locks',
      'held',
      'journal',
      'upstreams',
    ]);
    expect(results.filter(({ outcome, exitCode }) => outcome === 'not-checked' && exitCode !== undefined)).toEqual([]);
  });

  it('says why, in the place of what it would have found', async () => {
    expect(await checkOf('locks', 'preflight', { bucketFacts: failed('AccessDenied') })).toMatchObject({
      outcome: 'not-checked',
      message: 'the state bucket could not be read',
    });
  });

  it('is a clock with which the answer of AWS cannot be compared', async () => {
    const identity = { ok: true as const, value: { account: '111122223333', arn: 'arn:x', clockSkewSeconds: undefined } };
    expect(await checkOf('clock', 'up', { identity })).toMatchObject({ outcome: 'not-checked', message: 'the answer of AWS bore no date' });
  });

  it('hides no failure that is known without it: a passphrase file that is not there', async () => {
    const secrets = {
      configured: 'passphrase' as const,
      passphrase: { from: 'file' as const, file: '/run/word', unreadable: 'it does not exist' },
      key: undefined,
      stacks: [],
    };
    expect(await checkOf('secrets', 'up', { secrets, bucketFacts: failed('NotFound') })).toMatchObject({ outcome: 'fail', exitCode: 3 });
  });
});

describe('the runbook', () => {
  it.each([
    ['90 days ago', '2029-10-03', 'ok', 'reviewed 2029-10-03'],
    ['91 days ago', '2029-10-02', 'warn', 'docs/runbook.md was last reviewed 91 days ago, and 90 is the most'],
    ['on no day', undefined, 'warn', 'docs/runbook.md does not say when it was last reviewed'],
    ['on a day that no calendar has', '2029-13-77', 'warn', 'docs/runbook.md does not say when it was last reviewed'],
  ])('that was last reviewed %s stops nothing', async (_, runbookReviewed, outcome, message) => {
    for (const command of everyCommand) {
      const check = await checkOf('runbook', command, { runbookReviewed });
      expect(check).toMatchObject({ outcome, message });
      expect(check).not.toHaveProperty('exitCode');
    }
  });

  it('that is kept elsewhere is reviewed elsewhere', async () => {
    const network = exampleOf(`${exampleNetwork}\nguardrails: { runbook: "https://wiki.example/holdfast", metric: {} }\n`);
    expect(await checkOf('runbook', 'up', { network, runbookReviewed: undefined })).toMatchObject({
      outcome: 'ok',
      message: 'kept at https://wiki.example/holdfast',
    });
  });
});

describe('the lock alarm', () => {
  it.each([
    ['of no network', '', 'ok', 'none: the network file has no guardrails with a metric'],
    ['without a topic', 'metric: {}', 'warn', 'the alarm on the metric tells nobody: guardrails have no topic'],
    ['without a reader', 'metric: {}, topic: {}', 'warn', /^the topic of the alarm has no subscriptions in the network file/],
    [
      'of another’s topic',
      'metric: {}, topic: { arn: "arn:aws:sns:eu-west-1:111122223333:a" }',
      'ok',
      'on locks older than 20 min, by the network file',
    ],
    [
      'with a reader',
      'lockAge: 30m, metric: {}, topic: { subscriptions: [{ protocol: email, endpoint: oncall@example.com }] }',
      'ok',
      'on locks older than 30 min, by the network file',
    ],
    [
      'with a pager whose key is in the file',
      'topic: { subscriptions: [{ protocol: https, endpoint: "https://pager.example/integration/0123" }] }',
      'warn',
      /^the network file has the whole link of a subscription, and the journal has the file/,
    ],
    [
      'with a pager whose key is in a variable',
      'metric: {}, topic: { subscriptions: [{ protocol: https, endpointFrom: PAGER }, { protocol: https, endpoint: "https://pager.example" }] }',
      'ok',
      'on locks older than 20 min, by the network file',
    ],
  ])('%s stops nothing', async (_, guardrails, outcome, message) => {
    const network = exampleOf(guardrails === '' ? exampleNetwork : `${exampleNetwork}\nguardrails: { ${guardrails} }\n`);
    for (const command of everyCommand)
      expect(await checkOf('alarm', command, { network })).toMatchObject({
        outcome,
        message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
      });
  });
});
