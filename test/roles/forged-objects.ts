import { createHash } from 'node:crypto';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import {
  checkpointKey,
  dossiersPrefix,
  durableLockKey,
  heartbeatKey,
  historyPrefix,
  indexKey,
  installationKey,
  latestSharedRunKey,
  lockFolder,
  metaKey,
  networkFileKey,
  probeKey,
  quarantinePrefix,
  recordKey,
  recordsPrefix,
  runEventKey,
  runPrefix,
  toldKey,
  waitingKey,
} from '../../orchestrator/state/layout.ts';
import { lockOf } from '../unit/support/owner.ts';
import type { Beginning } from './parts.ts';

/** The stack that the objects are about, and the one that it reads. */
export const stack = 'small.vpc.one';
export const upstream = 'small.transit-gateway';

/** What each object is followed by, in this order. */
export const following = {
  status: ['status'],
  plan: ['plan', 'vpc.one'],
  up: ['up', 'vpc.one', '--yes', '--bucket-patience', '1s'],
  recover: ['recover', '--yes', '--incident', 'INC-7', '--bucket-patience', '1s'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Following = keyof typeof following;

/** What a command does that is not what it does without the object. It makes no call that changes AWS. */
export interface Otherwise {
  readonly exitCode: number;
  /** It changes a state or a record. */
  readonly writes?: true;
}

export type Happened =
  /** The role's own policy does not allow the put. */
  | 'refused'
  /** It was put. A command that is not named does as it does without the object. */
  | (Partial<Readonly<Record<Following, Otherwise>>> & { readonly because: string });

/** What anyone sees who may read the bucket. */
export interface Sight {
  readonly record: StackRecord;
  /** Its owner, or a made-up one where the stack is free. */
  readonly owner: LockRecord;
  readonly run: string;
  readonly nonce: string;
  /** Of the network file that the interrupted run went by. */
  readonly digest: string;
  readonly checkpoint: string;
  readonly upstreamCheckpoint: string;
}

export interface ForgedObject {
  readonly role: 'watch' | 'plan' | 'recover';
  /** As in `a lock of another stack`. */
  readonly what: string;
  /** What there is when it is put. */
  readonly begin: Extract<Beginning, 'everything' | 'held' | 'held-elsewhere' | 'lock-gone'>;
  readonly key: (sight: Sight) => string;
  readonly body: (sight: Sight) => string;
  /** Over what is there: else the put is on the condition that nothing is. */
  readonly over?: true;
  readonly happened: Happened;
}

const json = (value: unknown): string => JSON.stringify(value);
const at = (key: string) => (): string => key;
const evil = 'http://127.0.0.1:1/evil';
const never = '20990101T000000Z-forged';
const terminal = '\u009b2J\u202eok';
const time = '2030-01-01T00:00:00.000Z';

const lock = (different: Partial<LockRecord> = {}): string => writeLock(lockOf(stack, 'forged', different));

interface RawResource {
  readonly type: string;
  readonly inputs?: object;
}
interface RawCheckpoint {
  readonly checkpoint: { readonly latest: { readonly resources: readonly RawResource[] } & Readonly<Record<string, unknown>> };
}

/** The checkpoint as it is, with other resources or other fields of its deployment. */
function checkpointWith(
  body: string,
  change: (resources: readonly RawResource[]) => readonly RawResource[],
  more: Readonly<Record<string, unknown>> = {},
): string {
  const state = JSON.parse(body) as RawCheckpoint;
  const { latest } = state.checkpoint;
  return json({
    ...state,
    checkpoint: { ...state.checkpoint, latest: { ...latest, resources: change(latest.resources), ...more } },
  });
}

const plugin = (body: string): string =>
  checkpointWith(body, (resources) => [
    ...resources,
    {
      urn: `urn:pulumi:${stack}::holdfast::pulumi:providers:evilcorp::evil`,
      custom: true,
      id: '11111111-2222-4333-8444-555555555555',
      type: 'pulumi:providers:evilcorp',
      inputs: { version: '1.0.0', pluginDownloadURL: evil },
    },
  ]);

const endpoints = (body: string): string =>
  checkpointWith(body, (resources) =>
    resources.map((resource) =>
      resource.type === 'pulumi:providers:aws'
        ? { ...resource, inputs: { ...resource.inputs, endpoints: json([{ ec2: evil, sts: evil }]) } }
        : resource,
    ),
  );

const secrets = (body: string): string =>
  checkpointWith(body, (resources) => resources, {
    secrets_providers: { type: 'cloud', state: { url: `awskms://alias/x?region=eu-west-1&endpoint=${evil}`, encryptedkey: 'AAAA' } },
  });

/** An event under a key that has the same names as its content. */
const eventOf = (
  type: string,
  fields: (sight: Sight) => object,
  run: (sight: Sight) => string = ({ run: own }) => own,
): Pick<ForgedObject, 'key' | 'body'> => ({
  key: (sight) => runEventKey('small', run(sight), 'forged', 1, type),
  body: (sight) =>
    json({
      schema: 1,
      network: 'small',
      run: run(sight),
      writer: 'forged',
      sequence: 1,
      at: '2020-01-01T00:00:00.000Z',
      type,
      ...fields(sight),
    }),
});

const ofStack = { stack, epoch: 99 };
const verified = eventOf('verified', () => ({ ...ofStack, checkpoint: '"0"', outcome: 'applied' }));
const forgedText = 'network: small\naccount: "111122223333"\nregion: eu-west-1\nsegments: { main: {} }\nvpcs: {}\n';
const digest = createHash('sha256').update(forgedText).digest('hex');
const opened = eventOf('run-opened', ({ owner }) => ({
  operation: 'up',
  process: owner,
  session: owner,
  account: '111122223333',
  region: 'eu-west-1',
  order: [stack],
  forecastSeconds: 1,
  networkFile: { path: 'network.yaml', text: forgedText },
}));

const beat =
  (change: (beat: object) => object = (same) => same) =>
  ({ owner: { nonce, run, host, pid } }: Sight): string =>
    json(change({ schema: 1, nonce, run, host, pid }));

const index = json({
  schema: 1,
  stacks: { [stack]: { checkpoint: '"0"', fingerprint: { program: '0' }, outputs: {}, resources: 0 } },
});

const free = ({ record: { verified: last } }: Sight): string =>
  json({ schema: 1, stack, write: 'forged', epoch: 99, since: time, verified: last, fence: 'none', disowned: [], phase: 'free' });

const dossier = json({ schema: 1, stack, decision: 'released' });

type Row = Omit<ForgedObject, 'role' | 'begin'> & Partial<Pick<ForgedObject, 'begin'>>;

const of = (role: ForgedObject['role'], ...rows: readonly Row[]): ForgedObject[] =>
  rows.map((row) => ({ role, begin: 'everything', ...row }));

/** Refused to a role that may write no such object. */
const refused = (what: string, key: ForgedObject['key'], body: ForgedObject['body'], over?: true): Row => ({
  what,
  key,
  body,
  ...(over === undefined ? {} : { over }),
  happened: 'refused',
});

/** Over the own checkpoint, and told before any engine is started. */
const distrusted = (what: string, body: ForgedObject['body'], because: string): Row => ({
  what,
  key: at(checkpointKey(stack)),
  body,
  over: true,
  happened: { because, plan: { exitCode: 3 }, up: { exitCode: 3 } },
});

const blocks = (because: string): Happened => ({ because, up: { exitCode: 6 } });
const asWithout = (because: string): Happened => ({ because });

/** What none of the three may write. */
const ofNoneButApply: readonly Row[] = [
  refused('an index that has nothing to do for the engine', at(indexKey('small')), at(index), true),
  refused(
    'a shared run that has overtaken all others',
    at(latestSharedRunKey('small')),
    at(json({ schema: 1, shared: 'forged', at: time, overtook: [] })),
  ),
  refused(
    'another name of the installation',
    at(installationKey),
    at(json({ schema: 1, installation: 'h000000000000000', createdAt: time })),
    true,
  ),
  refused(
    'a store that was seen to keep to no condition',
    at(probeKey),
    at(json({ schema: 1, putIfAbsent: false, putIfMatches: false, deleteIfMatches: false, at: time })),
    true,
  ),
  refused('another layout of the bucket', at(metaKey), at('version: 9\n'), true),
];

/** What neither `watch` nor `plan` may write: most of what decides, and all that only tells. */
const ofNoWatcher: readonly Row[] = [
  refused('an event that says that the stack was verified', verified.key, verified.body),
  refused('a second beginning of a run, with a network file of its own', opened.key, opened.body),
  refused('a record that says that the stack is free', at(recordKey(stack)), free, true),
  refused('a checkpoint that names a plugin', at(checkpointKey(stack)), ({ checkpoint }) => plugin(checkpoint), true),
  refused('a checkpoint beside the own one, as `.bak`', at(`${checkpointKey(stack)}.bak`), ({ checkpoint }) => checkpoint),
  refused("an entry of the engine's history", at(`${historyPrefix('small')}vpc.one/x.history.json`), at('{}')),
  refused('a heartbeat with a nonce that is copied', ({ nonce }) => heartbeatKey('small', nonce), beat()),
  refused('a network file under its digest', at(networkFileKey('small', digest)), at(forgedText)),
  refused('a copy in the quarantine', ({ run }) => `${quarantinePrefix('small', run, stack)}x.json`, at('{}')),
  refused('a dossier', ({ run }) => `${dossiersPrefix('small', run, stack)}x.json`, at(dossier)),
  ...ofNoneButApply,
];

export const forgedObjects: readonly ForgedObject[] = [
  ...of(
    'plan',
    ...ofNoWatcher,
    refused('a lock', at(durableLockKey(stack)), () => lock()),
    refused('a note that people were told', at(toldKey('small', stack, 'held-0000-sns')), at('{}')),
  ),

  ...of(
    'watch',
    ...ofNoWatcher,
    refused(
      'a lock of plain pulumi',
      at(`${lockFolder(stack)}0123.json`),
      at(json({ pid: 1, username: 'a', hostname: 'b', timestamp: time })),
    ),
    refused('a lock of another network', at(durableLockKey('other.vpc.one')), () => writeLock(lockOf('other.vpc.one', 'forged'))),
    refused(
      'an object of no name in a lock folder, with a terminal escape in its key',
      at(`${lockFolder(stack)}${terminal}.json`),
      at('{}'),
    ),
    refused('a lock without a condition, which would go over one that stands there', at(durableLockKey(stack)), () => lock(), true),
    {
      what: 'a lock of the greatest epoch',
      key: at(durableLockKey(stack)),
      body: () => lock({ epoch: 1e9 }),
      happened: asWithout('the record says that the stack is free: the next run releases what is left over'),
    },
    {
      what: 'a lock of a freeze',
      key: at(durableLockKey(stack)),
      body: () => lock({ operation: 'freeze', incident: 'INC-1' }),
      happened: asWithout('only the record freezes'),
    },
    {
      what: 'a lock of the run that verified the stack',
      key: at(durableLockKey(stack)),
      body: ({ run }) => lock({ run }),
      happened: asWithout('the record says that the stack is free'),
    },
    {
      what: 'a lock of another stack',
      key: at(durableLockKey(stack)),
      body: () => writeLock(lockOf(upstream, 'forged')),
      happened: blocks('it is not the lock that its key names'),
    },
    {
      what: 'a lock of plain pulumi in the place of Holdfast’s',
      key: at(durableLockKey(stack)),
      body: at(json({ pid: 1, username: 'a', hostname: 'b', timestamp: time })),
      happened: blocks('it is not a lock that Holdfast wrote'),
    },
    { what: 'a lock that is no JSON', key: at(durableLockKey(stack)), body: at('no lock'), happened: blocks('it cannot be read') },
    {
      what: 'a lock of a newer Holdfast',
      key: at(durableLockKey(stack)),
      body: at(json({ holdfast: { schema: 99 } })),
      happened: blocks('a newer Holdfast knows what it says'),
    },
    {
      what: 'a lock of 10 MB',
      key: at(durableLockKey(stack)),
      body: at('x'.repeat(10_000_000)),
      happened: blocks('it is not read'),
    },
    {
      what: 'a lock of 30,000 lists in one another',
      key: at(durableLockKey(stack)),
      body: at('['.repeat(30_000) + ']'.repeat(30_000)),
      happened: blocks('it cannot be read'),
    },
    {
      what: 'a lock with control characters in the names of user and host',
      key: at(durableLockKey(stack)),
      body: () => lock({ user: `ada${terminal}`, host: '\u001b[2J\n::error::x' }),
      happened: blocks('it is not a lock that Holdfast wrote'),
    },
    {
      what: 'a lock of a stack that there is not',
      key: at(durableLockKey('small.vpc.ghost')),
      body: () => writeLock(lockOf('small.vpc.ghost', 'forged')),
      happened: {
        because: 'it counts as held, for it has a lock and no record: a person releases it',
        status: { exitCode: 4 },
        recover: { exitCode: 5 },
      },
    },
    {
      what: 'a lock in a folder below the lock folder',
      key: at(`${lockFolder(stack)}below/holdfast.json`),
      body: () => lock(),
      happened: asWithout('neither the engine nor Holdfast looks there'),
    },
    {
      what: 'a lock in a folder whose name has a terminal escape',
      key: at(`${lockFolder(`small.${terminal}`)}holdfast.json`),
      body: () => lock(),
      happened: asWithout('it is of no stack'),
    },
    {
      what: 'a lock in a folder whose name has a control character',
      key: at(`${lockFolder('small.\u0001x')}holdfast.json`),
      body: () => lock(),
      happened: asWithout('it is of no stack'),
    },
    {
      what: 'a lock of the greatest epoch, where the lock of a held stack is gone',
      begin: 'lock-gone',
      key: at(durableLockKey(stack)),
      body: () => lock({ epoch: 1e9 }),
      happened: asWithout('the record knows no such owner: the recovery puts its own lock over it'),
    },
    {
      what: 'a lock that is none, where the lock of a held stack is gone',
      begin: 'lock-gone',
      key: at(durableLockKey(stack)),
      body: at('{}'),
      happened: asWithout('the record says that it is held; the recovery puts its own lock over it'),
    },
    {
      what: 'a note that people were told of a hold',
      begin: 'held',
      key: at(toldKey('small', stack, 'held-0000000000000000-sns')),
      body: at(json({ schema: 1, kind: 'held', about: 'x', notifier: 'sns', phase: 'told', at: time })),
      happened: asWithout('no command goes by it'),
    },
    {
      what: 'notes of 10 MB, under a key with a terminal escape',
      begin: 'held',
      key: at(toldKey('small', terminal, 'x')),
      body: at('x'.repeat(10_000_000)),
      happened: asWithout('no command reads it'),
    },
  ),

  ...of(
    'recover',
    refused('a checkpoint in the history of the engine', at(`${historyPrefix('small')}vpc.one/x.checkpoint.json`), ({ checkpoint }) =>
      plugin(checkpoint),
    ),
    refused("a copy of the engine's own", at('.pulumi/backups/holdfast/small.vpc.one/x.json'), ({ checkpoint }) => plugin(checkpoint)),
    ...ofNoneButApply,
    refused('an event without a condition, which would go over one that is there', verified.key, verified.body, true),
    refused('a record of another network', at(recordKey('other.vpc.one')), free),

    distrusted('a checkpoint that names a plugin', ({ checkpoint }) => plugin(checkpoint), 'no engine is shown it'),
    distrusted('a checkpoint whose provider has endpoints', ({ checkpoint }) => endpoints(checkpoint), 'no engine is shown it'),
    distrusted('a checkpoint whose secrets are at an address', ({ checkpoint }) => secrets(checkpoint), 'no engine is shown it'),
    distrusted('a checkpoint of another stack', ({ upstreamCheckpoint }) => upstreamCheckpoint, 'its resources are of another stack'),
    distrusted('a checkpoint that is no JSON', at('no checkpoint'), 'it cannot be read'),
    {
      what: 'a checkpoint of a stack that there is not, with a plugin',
      key: at(checkpointKey('small.vpc.ghost')),
      body: ({ checkpoint }) => plugin(checkpoint),
      happened: asWithout('no engine is shown it'),
    },
    {
      what: 'a checkpoint that leaves out the subnet',
      key: at(checkpointKey(stack)),
      body: ({ checkpoint }) => checkpointWith(checkpoint, (resources) => resources.filter(({ type }) => !type.includes('subnet'))),
      over: true,
      happened: {
        because: 'the engine refuses it, for a resource depends on what is not there',
        plan: { exitCode: 1 },
        up: { exitCode: 1 },
      },
    },
    {
      what: 'a checkpoint that leaves out the attachment',
      key: at(checkpointKey(stack)),
      body: ({ checkpoint }) => checkpointWith(checkpoint, (resources) => resources.filter(({ type }) => !type.includes('vpcAttachment'))),
      over: true,
      happened: {
        because: 'it is not the one that was verified, and AWS has what it leaves out: a person decides',
        up: { exitCode: 4, writes: true },
        recover: { exitCode: 5 },
      },
    },
    {
      what: 'a checkpoint with another CIDR block of the VPC',
      key: at(checkpointKey(stack)),
      body: ({ checkpoint }) => checkpoint.replaceAll('10.1.0.0/16', '10.77.0.0/16'),
      over: true,
      happened: {
        because: 'a checkpoint that says something untrue is believed: the plan replaces the VPC, which a person has to allow',
        up: { exitCode: 2 },
      },
    },
    {
      what: 'a checkpoint beside the own one, as `.bak`',
      key: at(`${checkpointKey(stack)}.bak`),
      body: ({ checkpoint }) => plugin(checkpoint),
      over: true,
      happened: asWithout('nothing reads it'),
    },
    {
      what: 'a lock of the greatest epoch over that of a held stack',
      begin: 'held',
      key: at(durableLockKey(stack)),
      body: () => lock({ epoch: 1e9 }),
      over: true,
      happened: asWithout('the record knows no such owner: the recovery puts its own lock over it'),
    },
    {
      what: 'an event that says that the held stack was verified',
      begin: 'held',
      ...verified,
      happened: asWithout('the journal decides nothing'),
    },
    {
      what: 'a second beginning of the interrupted run, with a network file of its own',
      begin: 'held',
      ...opened,
      happened: asWithout('a recovery goes by the file that the record names'),
    },
    {
      what: 'an event that says that a person released the held stack',
      begin: 'held',
      ...eventOf('released', () => ({ ...ofStack, by: 'ada', incident: 'INC-1', unreconciled: true })),
      happened: asWithout('the journal decides nothing'),
    },
    {
      what: 'an answer that disowns the VPC of the held stack',
      begin: 'held',
      ...eventOf('answered', () => ({ ...ofStack, recovery: 'rec', by: 'ada', answer: { resource: 'vpc', answer: 'disown' } })),
      happened: asWithout('answers count in the record'),
    },
    {
      what: 'a freeze that was never made, of a recovery that never was',
      begin: 'held',
      ...eventOf('freeze', () => ({ ...ofStack, recovery: 'rec', said: 'frozen' })),
      happened: asWithout('the journal decides nothing'),
    },
    {
      what: 'an event under the key of another one',
      begin: 'held',
      key: ({ run }) => runEventKey('small', run, 'forged', 1, 'held'),
      body: verified.body,
      happened: asWithout('it is not the event that its key names'),
    },
    {
      what: 'an event of 10 MB',
      begin: 'held',
      key: ({ run }) => runEventKey('small', run, 'forged', 1, 'held'),
      body: at('x'.repeat(10_000_000)),
      happened: asWithout('it is not read'),
    },
    {
      what: 'an object in a journal, with a terminal escape in its key',
      begin: 'held',
      key: ({ run }) => `${runPrefix('small', run)}${terminal}.json`,
      body: at('{}'),
      happened: asWithout('it is no event'),
    },
    {
      what: 'an event of a run that never was',
      ...eventOf('verified', () => ({ ...ofStack, checkpoint: '"0"', outcome: 'applied' }), at(never)),
      happened: asWithout('the journal decides nothing'),
    },
    {
      what: 'a record that is no JSON',
      key: at(recordKey(stack)),
      body: at('no record'),
      over: true,
      happened: { because: 'what it says is not known', status: { exitCode: 4 }, up: { exitCode: 4 }, recover: { exitCode: 4 } },
    },
    {
      what: 'a record of another stack',
      key: at(recordKey(stack)),
      body: (sight) => free(sight).replace(stack, upstream),
      over: true,
      happened: {
        because: 'it is not of the stack that its key names',
        status: { exitCode: 4 },
        up: { exitCode: 4 },
        recover: { exitCode: 4 },
      },
    },
    {
      what: 'a record whose owner has another epoch',
      begin: 'held',
      key: at(recordKey(stack)),
      body: ({ record }) => json({ ...record, epoch: 1 + record.epoch }),
      over: true,
      happened: { because: 'it is not of the stack that its key names', recover: { exitCode: 4 } },
    },
    {
      what: 'a record of an own phase',
      begin: 'held',
      key: at(recordKey(stack)),
      body: ({ record }) => json({ ...record, phase: 'mine' }),
      over: true,
      happened: { because: 'what it says is not known', recover: { exitCode: 4 } },
    },
    {
      what: 'a record of a stack that there is not',
      key: at(recordKey('small.vpc.ghost')),
      body: (sight) => free(sight).replaceAll(stack, 'small.vpc.ghost'),
      happened: asWithout('it is of no stack of the file'),
    },
    {
      what: 'an object among the records, with a terminal escape in its key',
      key: at(`${recordsPrefix('small')}${terminal}.json`),
      body: at('{}'),
      happened: asWithout('it is of no stack'),
    },
    {
      what: 'a well-formed record that says that the held stack is free',
      begin: 'held',
      key: at(recordKey(stack)),
      body: free,
      over: true,
      happened: { because: 'the checkpoint has an operation that is pending, and no run', recover: { exitCode: 5 } },
    },
    {
      what: 'a well-formed record that freezes the stack',
      key: at(recordKey(stack)),
      body: ({ record }) => json({ ...record, frozen: lockOf(stack, 'forged', { operation: 'freeze', incident: 'INC-1' }) }),
      over: true,
      happened: { because: 'the record is the truth: it is frozen', up: { exitCode: 6 } },
    },
    {
      what: 'a well-formed record that says that the stack is held',
      key: at(recordKey(stack)),
      body: ({ record: { verified: last, epoch } }) =>
        json({
          ...{ schema: 1, stack, write: 'forged', epoch, since: time, verified: last, fence: 'none', disowned: [], phase: 'held' },
          ...{ owner: lockOf(stack, 'forged', { epoch }), doubts: [{ source: 'exit', text: 'unknown' }], answers: [], owners: [] },
        }),
      over: true,
      happened: {
        because: 'the record is the truth: a person decides',
        status: { exitCode: 4 },
        up: { exitCode: 4 },
        recover: { exitCode: 5 },
      },
    },
    {
      what: 'a well-formed record that says that another version was verified',
      key: at(recordKey(stack)),
      body: ({ record }) => json({ ...record, verified: { ...record.verified, etag: '"0"' } }),
      over: true,
      happened: asWithout('the next run looks at AWS first'),
    },
    {
      what: 'another text under the digest of the interrupted run’s network file',
      begin: 'held',
      key: ({ digest: own }) => networkFileKey('small', own),
      body: at(forgedText),
      over: true,
      happened: { because: 'the text is not of that digest: it asks', recover: { exitCode: 5 } },
    },
    {
      what: 'a network file under its own digest',
      begin: 'held',
      key: at(networkFileKey('small', digest)),
      body: at(forgedText),
      happened: asWithout('no record names it'),
    },
    {
      what: 'the heartbeat of the dead run, by another run',
      begin: 'held-elsewhere',
      key: ({ nonce }) => heartbeatKey('small', nonce),
      body: beat((same) => ({ ...same, run: never })),
      over: true,
      happened: asWithout('it is not of the run that the record names'),
    },
    {
      what: 'the heartbeat of the dead run, as it was',
      begin: 'held',
      key: ({ nonce }) => heartbeatKey('small', nonce),
      body: beat(),
      over: true,
      happened: asWithout('this machine shows that its process is gone'),
    },
    {
      what: 'the heartbeat of a run on another machine, as it was',
      begin: 'held-elsewhere',
      key: ({ nonce }) => heartbeatKey('small', nonce),
      body: beat(),
      over: true,
      happened: {
        because: 'the run is heard of, and left alone for two minutes',
        status: { exitCode: 0 },
        up: { exitCode: 6 },
        recover: { exitCode: 0 },
      },
    },
    {
      what: 'a process that waits, by the nonce of another',
      key: at(waitingKey('small', 'other')),
      body: ({ owner }) => json({ ...owner, schema: 1, since: time }),
      happened: asWithout('it is not the waiter that its key names'),
    },
    {
      what: 'a copy in the quarantine of the interrupted run',
      begin: 'held',
      key: ({ run }) => `${quarantinePrefix('small', run, stack)}manifest-forged.json`,
      body: at(json({ schema: 1, versions: [] })),
      happened: asWithout('a recovery reads versions from the bucket itself'),
    },
    {
      what: 'a dossier that says that the held stack was released',
      begin: 'held',
      key: ({ run }) => `${dossiersPrefix('small', run, stack)}forged.json`,
      body: at(dossier),
      happened: asWithout('dossiers decide nothing'),
    },
  ),
];
