import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import type { RecoveryParts } from '../../orchestrator/recovery/recover-stack.ts';
import { isAsVerified } from '../../orchestrator/run/standing.ts';
import { endLeftLocks } from '../../orchestrator/run/tidy.ts';
import { checkpointKey, durableLockKey, quarantinePrefix, recordKey } from '../../orchestrator/state/layout.ts';
import { settled } from './support/deferred.ts';
import { breakAt, triedFaults, faults } from './support/faults.ts';
import type { Fault } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import type { StoreCall } from './support/hooked-store.ts';
import { lockOf } from './support/owner.ts';
import { closeGateway, network, RecoveryRig, run } from './support/recovery-rig.ts';
import { cidr, interruptedCreate, interruptions } from './support/recovery-interruptions.ts';
import type { Interruption } from './support/recovery-interruptions.ts';
import { stack, types } from './support/recovery.ts';
import { putRecord } from './support/records.ts';

afterAll(closeGateway);

const checkpoint = checkpointKey(stack);

/**
 * The kind of each event, and of every other object, in the order in which they were put or removed; copies as one, and the two tries at a lock as one:
 * where none stands, and over the one that stands.
 */
function writesOf(calls: readonly StoreCall[]): string[] {
  const names = calls
    .filter(({ op }) => op === 'put' || op === 'remove')
    .map(({ op, key }) => {
      const event = /\/runs\/.*-\d{6}-([a-z-]+)\.json$/.exec(key)?.[1];
      if (key.startsWith(quarantinePrefix(network, run, stack))) return key.includes('/manifest-') ? 'manifest' : 'copy';
      if (event !== undefined) return event;
      if (key === durableLockKey(stack)) return `${op} lock`;
      if (key === checkpoint) return 'checkpoint';
      if (key === recordKey(stack)) return 'record';
      return key.endsWith('.md') ? 'page' : key.includes('/dossiers/') ? 'dossier' : key;
    });
  return names.filter((name, index) => (name !== 'copy' && name !== 'put lock') || names[index - 1] !== name);
}

describe('what a recovery writes', () => {
  const recovered = async (name: keyof typeof interruptions): Promise<string[]> => {
    const { wanted, interrupt, options }: Interruption = interruptions[name];
    const rig = new RecoveryRig(wanted);
    await interrupt(rig);
    const store = new HookedStore(rig.bucket);
    expect(await rig.recover('rec-1', { store, ...options })).toMatchObject({ kind: 'recovered' });
    return writesOf(store.calls);
  };

  it('is the record and its lock, every copy, the changed checkpoint, what it found, the promote, the record and the release', async () => {
    expect(await recovered('a create')).toEqual([
      'record',
      'put lock',
      'freeze',
      'copy',
      'manifest',
      'checkpoint',
      'quarantine',
      'evidence',
      'reconcile',
      'verify',
      'checkpoint',
      'promote',
      'record',
      'verified',
      'remove lock',
      'released',
      'release',
      'confirm',
      'dossier',
      'page',
    ]);
  });

  it('is no checkpoint where the stack is gone', async () => {
    expect(await recovered('a destroy that was done')).toEqual([
      'record',
      'put lock',
      'freeze',
      'copy',
      'manifest',
      'quarantine',
      'evidence',
      'reconcile',
      'verify',
      'record',
      'verified',
      'remove lock',
      'released',
      'release',
      'dossier',
      'page',
    ]);
  });
});

describe('a recovery', () => {
  it.each(Object.entries<Interruption>(interruptions))(
    'of %s ends with AWS and the state the same, and no lock',
    async (_, { wanted, interrupt, options, ends }) => {
      const rig = new RecoveryRig(wanted);
      await interrupt(rig);
      expect((await rig.standing()).kind).toBe('held');
      const end = await rig.recover('rec-1', options);
      expect(end).toMatchObject({ kind: 'recovered' });
      expect([rig.recorded(), rig.agrees(), rig.isLocked(), (await rig.standing()).kind]).toEqual([ends, true, false, 'free']);
    },
  );

  it('removes what was spooled once the lock is gone, and not before', async () => {
    const { wanted, interrupt, options }: Interruption = interruptions['a create'];
    const rig = new RecoveryRig(wanted);
    await interrupt(rig);
    const locked: boolean[] = [];
    const dropSpool = (...dropped: readonly string[]): Promise<void> => {
      expect(dropped).toEqual([run, stack]);
      locked.push(rig.bucket.keys().includes(durableLockKey(stack)));
      return Promise.resolve();
    };
    await rig.recover('rec-1', { store: new HookedStore(rig.bucket), ...options, parts: { dropSpool } });
    expect(locked).toEqual([false]);
  });

  it('leaves out a spool that is not what its run put there, by the SHA-256 in the record', async () => {
    const { wanted, interrupt, options }: Interruption = interruptions['a create'];
    const spool = JSON.stringify({
      version: 3,
      checkpoint: {
        latest: { resources: [{ urn: `urn:pulumi:x::holdfast::${types.vpc}::vpc`, type: types.vpc, custom: true, id: 'vpc-spool' }] },
      },
    });
    /** What was told of it, and whether AWS was asked for what it names. */
    const found = async (spoolDigest: string | undefined): Promise<readonly [told: readonly string[], isAskedFor: boolean]> => {
      const rig = new RecoveryRig(wanted);
      await interrupt(rig);
      const record = await rig.record();
      if (!record || !('run' in record) || !record.run) throw new Error('nothing was interrupted');
      putRecord(rig.bucket, { ...record, run: { ...record.run, ...(spoolDigest === undefined ? {} : { spoolDigest }) } });
      const asked: unknown[] = [];
      const look: RecoveryParts['look'] = (scope) => {
        asked.push(...[...scope.known.values()].flatMap((ids) => [...ids]));
        return rig.cloud.look(scope);
      };
      await rig.recover('rec-1', { ...options, parts: { look, spoolOf: () => Promise.resolve(spool) } });
      const told = rig.events.flatMap((event) => (event.type === 'note' && event.message.includes('spool') ? [event.message] : []));
      return [told, asked.includes('vpc-spool')];
    };
    expect(await found('0'.repeat(64))).toEqual([[expect.stringContaining('is not what the run put there')], false]);
    expect(await found(createHash('sha256').update(spool).digest('hex'))).toEqual([[], true]);
    expect(await found(undefined)).toEqual([[expect.stringContaining('nothing in the bucket says what is in it')], true]);
  });

  it('leaves the version that it verified as the verified one', async () => {
    const rig = new RecoveryRig({ old: cidr(0), vpc: cidr(1) });
    await interruptedCreate(rig);
    await rig.recover('rec-1');
    const head = rig.bucket.head(checkpoint);
    expect((await rig.record())?.verified).toMatchObject({ kind: 'at', run, etag: head?.etag, modified: head?.modified.toISOString() });
  });
});

describe('the record after a recovery', () => {
  it.each([
    ['a create', undefined],
    ['a create that never reached AWS', 'up'],
    ['a destroy in the middle', 'destroy'],
  ] as const)('of %s says whether something is left to do: %s', async (name, unfinished) => {
    const { wanted, interrupt, options }: Interruption = interruptions[name];
    const rig = new RecoveryRig(wanted);
    await interrupt(rig);
    await rig.recover('rec-1', options);
    const verified = (await rig.record())?.verified;
    expect(verified?.kind === 'at' && verified.unfinished).toBe(unfinished);
  });
});

/** Every owner that the record ever had, as `epoch nonce`, in the order in which they came. */
function ownersOf(rig: RecoveryRig): string[] {
  const records = rig.bucket.history(recordKey(stack)).map((body) => JSON.parse(body) as StackRecord);
  return [...new Set(records.flatMap((record) => ('owner' in record ? [`${record.epoch} ${record.owner.nonce}`] : [])))];
}

/** What must be so at whatever moment a recovery comes to grief. */
async function expectNothingLost(rig: RecoveryRig, where: string, versionsBefore: number): Promise<void> {
  const written = (await rig.bucket.versions(checkpoint)).length > versionsBefore;
  if (written)
    expect(
      [...rig.quarantined().keys()].some((key) => key.includes('/manifest-')),
      `${where}: written before the quarantine`,
    ).toBe(true);
  if (!rig.isLocked()) {
    const record = await rig.record();
    expect(record?.phase, `${where}: released, and its record does not say so`).toBe('free');
    expect(isAsVerified(record?.verified, rig.bucket.head(checkpoint)), `${where}: released at what was not verified`).toBe(true);
    expect(rig.agrees(), `${where}: released, and AWS has something else`).toBe(true);
  }
  const { kind } = await rig.standing();
  expect(['held', 'left', 'free'], where).toContain(kind);
  if (kind !== 'held') expect(rig.agrees(), `${where}: it is ${kind}, and AWS has something else`).toBe(true);
}

/** Whoever comes next, on the same machine. */
async function next(rig: RecoveryRig, where: string, request: Parameters<RecoveryRig['recover']>[1]): Promise<void> {
  const { kind } = await rig.standing();
  if (kind === 'left') {
    const standings = await rig.standings();
    const lockRecord = () => lockOf(stack, 'next');
    await endLeftLocks({ store: rig.bucket, network, standings, lockRecord, now: rig.time.now, onNote: () => undefined });
  }
  if (kind !== 'held') return;
  const kept = rig.quarantined();
  const end = await rig.recover('rec-2', request);
  expect(end, where).toMatchObject({ kind: 'recovered' });
  const now = rig.quarantined();
  for (const [key, body] of kept) expect(now.get(key), `${where}: ${key} was written over`).toBe(body);
}

describe.each(Object.entries<Interruption>(interruptions).filter(([, { everyCall }]) => everyCall))(
  'a recovery of %s',
  (_, { wanted, interrupt, options, ends }) => {
    const start = async (): Promise<RecoveryRig> => {
      const rig = new RecoveryRig(wanted);
      await interrupt(rig);
      return rig;
    };

    it.each(triedFaults)(
      'loses nothing, and the next one ends the same, at whatever call %s',
      async (fault: Fault) => {
        const whole = await start();
        const counting = new HookedStore(whole.bucket);
        await whole.recover('rec-1', { store: counting, ...options });
        for (let number = 1; number <= counting.calls.length; number += 1) {
          const rig = await start();
          const versions = (await rig.bucket.versions(checkpoint)).length;
          const store = new HookedStore(rig.bucket);
          const died = breakAt(store, number, fault);
          const recovering = rig.recover('rec-1', { store, ...options }).catch((cause: unknown) => String(cause));
          await (faults[fault].how === 'hang' ? Promise.race([recovering, died]) : recovering);
          for (let turn = 0; turn < 5; turn += 1) await settled();
          const { op, key } = counting.calls[number - 1] ?? { op: '', key: '' };
          const where = `call ${number} (${op} ${key}), ${fault}`;
          await expectNothingLost(rig, where, versions);
          await next(rig, where, options);
          expect([rig.recorded(), rig.agrees(), rig.isLocked()], where).toEqual([ends, true, false]);
          expect((await rig.standing()).kind, where).toBe('free');
          const owners = ownersOf(rig);
          expect(owners, `${where}: two owners in one epoch`).toEqual(owners.map((owner, index) => `${index + 1} ${owner.split(' ')[1]}`));
        }
      },
      30_000,
    );
  },
);
