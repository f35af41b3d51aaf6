import { describe, expect, it } from 'vitest';
import {
  fittedLine,
  fittedProse,
  hostForm,
  isRunName,
  lineForm,
  machineForm,
  proseForm,
  userForm,
  visible,
} from '../../../orchestrator/domain/forms.ts';
import { parseStackName } from '../../../orchestrator/domain/stack-name.ts';
import { openSpool, spoolFolder } from '../../../orchestrator/gateway/spool.ts';
import { runEventSchema } from '../../../orchestrator/journal/events.ts';
import type { NewEvent } from '../../../orchestrator/journal/events.ts';
import { Journal } from '../../../orchestrator/journal/journal.ts';
import { allRuns, readRun } from '../../../orchestrator/journal/read-runs.ts';
import { standingLocks } from '../../../orchestrator/locks/durable-locks.ts';
import { isHeartbeatOf, readWaiters } from '../../../orchestrator/locks/heartbeat.ts';
import { fittedProcess, readLock, writeLock } from '../../../orchestrator/locks/lock-record.ts';
import { readRecord, readRecords, swap } from '../../../orchestrator/ownership/records.ts';
import { readDossiers } from '../../../orchestrator/recovery/dossier.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import type { Standings } from '../../../orchestrator/run/standing.ts';
import { endOrphans, restoreLocks } from '../../../orchestrator/run/tidy.ts';
import { readStates } from '../../../orchestrator/state/checkpoints.ts';
import { readIndex } from '../../../orchestrator/state/index-of-stacks.ts';
import {
  checkpointKey,
  dossiersPrefix,
  durableLockKey,
  heartbeatKey,
  indexKey,
  lockFolder,
  locksPrefix,
  recordKey,
  recordsPrefix,
  runEventKey,
  runPrefix,
  runsPrefix,
  waitingKey,
} from '../../../orchestrator/state/layout.ts';
import { trusted } from '../support/declared.ts';
import { forgedBody, hasUnseen, hostileText, tampered, textsIn } from '../support/hostile.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { engineLock, lockOf, observer, processOf } from '../support/owner.ts';
import { fc, forged } from '../support/property.ts';
import { freeRecord, ownedRecord, putRecord } from '../support/records.ts';

/** Ten thousand cases of each are not quick. */
const minutes = 60_000;

const standingsOf = (store: MemoryStore, lives = false): Promise<Standings> =>
  readStandings({ ...observer(() => lives), store, network: 'example', states: new Map(), now: () => store.modified.getTime() });

const patience = { seconds: 0 };

describe('what Holdfast writes', () => {
  it('fits the forms that it is read by, whatever a machine, an engine or AWS calls things', () => {
    fc.assert(
      fc.property(hostileText, hostileText, hostileText, (user, host, machine) => {
        const fitted = fittedProcess({ user, host, machine });
        expect([userForm, hostForm, machineForm].map((form, at) => form.safeParse(Object.values(fitted)[at]).success)).toEqual([
          true,
          true,
          true,
        ]);
        expect(fittedProcess(fitted)).toEqual(fitted);
        expect(lineForm(500).safeParse(fittedLine(user)).success).toBe(true);
        expect(proseForm(4000).safeParse(fittedProse(host)).success).toBe(true);
        expect(hasUnseen(visible(machine))).toBe(false);
      }),
      forged,
    );
  });

  it('tells two machines and two users apart that do not fit', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (one, other) => {
        const names = [one, other].map((name) => fittedProcess({ user: name, host: name, machine: name }));
        expect(names[0]?.user === names[1]?.user).toBe(one === other);
        expect(names[0]?.machine === names[1]?.machine).toBe(one === other);
      }),
      forged,
    );
  });

  it('reads a lock back as it was written', () => {
    const record = fc
      .record({
        user: hostileText,
        host: hostileText,
        machine: hostileText,
        pid: fc.integer({ min: 1, max: 4_194_304 }),
        epoch: fc.nat(1000),
      })
      .map((made) => fittedProcess({ ...lockOf('example.a'), ...made }));
    fc.assert(
      fc.property(record, (made) => {
        expect(readLock(writeLock(made), 'example.a')).toEqual({ kind: 'holdfast', record: made });
      }),
      forged,
    );
  });

  it(
    'reads a record back as it was written, whatever texts its doubts and its objects have',
    async () => {
      const doubt = fc.record(
        {
          source: fc.constantFrom('exit' as const, 'look' as const),
          text: hostileText,
          urn: hostileText,
          op: hostileText,
          id: hostileText,
        },
        { requiredKeys: ['source', 'text'] },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(doubt, { maxLength: 3 }), hostileText, async (doubts, spool) => {
          const store = new MemoryStore();
          putRecord(store, ownedRecord('example.a', 'running'));
          const as = { epoch: 1, nonce: 'mine' };
          const swapped = await swap('example.a', { type: 'hold', as, doubts, spool }, { store, patience, now: () => 0 });
          expect(swapped.ok).toBe(true);
          expect(await readRecord(store, 'example.a')).toEqual(swapped.ok && swapped.held);
        }),
        forged,
      );
    },
    10 * minutes,
  );

  it(
    'reads every event of the journal back, whatever is said in it',
    async () => {
      const event = fc.oneof(
        hostileText.map((said): NewEvent => ({ type: 'evidence', stack: 'example.a', epoch: 1, recovery: 'rec', said })),
        hostileText.map((text): NewEvent => ({
          type: 'held',
          stack: 'example.a',
          epoch: 1,
          doubts: [{ source: 'exit', text }],
          checkpoint: null,
        })),
        hostileText.map((detail): NewEvent => ({
          type: 'run-ended',
          exitCode: 1,
          ends: [{ stack: 'example.a', outcome: 'failed', detail }],
        })),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 3 }), async (events) => {
          const store = new MemoryStore();
          const journal = new Journal({ store, network: 'example', run: 'r1', writer: 'w', patienceSeconds: 0, now: () => 0 });
          for (const each of events) await journal.append(each);
          const read = await readRun(store, 'example', 'r1');
          expect([read.events.map(({ type }) => type), read.unreadable]).toEqual([events.map(({ type }) => type), []]);
        }),
        forged,
      );
    },
    10 * minutes,
  );
});

const hostileKey = (prefix: string, ending: string): fc.Arbitrary<string> => hostileText.map((name) => `${prefix}${name}${ending}`);

describe('what others may have written', () => {
  it(
    'decides nothing of another stack, is no stack by a name that is none, and becomes no command',
    async () => {
      const running = ownedRecord('example.a', 'running');
      const held = ownedRecord('example.a', 'held', { doubts: [{ source: 'exit', text: 'outcome unknown' }] });
      const lock = JSON.parse(writeLock(lockOf('example.a'))) as object;
      const record = forgedBody(freeRecord('example.a'), running, held, freeRecord('example.b'));
      const lockBody = forgedBody(lock, engineLock, lockOf('example.b'));
      const object = fc.oneof(
        fc.tuple(fc.constant(recordKey('example.a')), record),
        fc.tuple(fc.constant(durableLockKey('example.a')), lockBody),
        fc.tuple(fc.constant(`${lockFolder('example.a')}1234.json`), lockBody),
        fc.tuple(
          fc.constant(heartbeatKey('example', 'mine')),
          forgedBody({ schema: 1, nonce: 'mine', run: 'mine', host: 'build-7', pid: 42 }),
        ),
        fc.tuple(hostileKey(recordsPrefix('example'), '.json'), record),
        fc.tuple(hostileKey(locksPrefix('example'), '/holdfast.json'), lockBody),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(object, { minLength: 1, maxLength: 4 }), fc.boolean(), async (objects, lives) => {
          const store = new MemoryStore();
          putRecord(store, freeRecord('example.b'));
          for (const [key, body] of objects) if (!key.includes('/example.b')) store.set(key, body);
          const before = store.bodyOf(recordKey('example.b'));
          const standings = await standingsOf(store, lives);
          expect([...standings.byStack.keys()].filter((stack) => parseStackName(stack)?.network !== 'example')).toEqual([]);
          expect(standings.byStack.get('example.b')).toEqual({ kind: 'free' });
          for (const { stack, content } of standings.locks) if (content.kind === 'holdfast') expect(content.record.stack).toBe(stack);
          for (const [stack, { record: read }] of standings.records) expect(read.stack).toBe(stack);
          const told = [...standings.byStack.values(), ...standings.strays.keys, ...standings.unreadable].flatMap((one) => textsIn(one));
          // Of an engine's own words, which are prose, a line may end.
          expect(told.filter((text) => hasUnseen(text.replaceAll(/[\n\t]/g, '')))).toEqual([]);
          const ended: unknown[] = [];
          await endOrphans(
            standings,
            (nonce, owner) => {
              ended.push(owner);
              expect(nonce).not.toContain('/');
              return Promise.resolve(0);
            },
            () => undefined,
          );
          if (lives) expect(ended).toEqual([]);
          const keys = new Set(store.keys());
          await restoreLocks({ store, network: 'example', standings, lockRecord: lockOf, now: () => 0, onNote: () => undefined });
          for (const key of store.keys()) if (!keys.has(key)) expect(parseStackName(key.split('/').at(-2) ?? '')?.network).toBe('example');
          expect(store.bodyOf(recordKey('example.b'))).toBe(before);
        }),
        forged,
      );
    },
    10 * minutes,
  );

  it('is a lock only where every name in it is one', () => {
    const honest = JSON.parse(
      writeLock(lockOf('example.a', 'mine', { incident: 'INC-1', ciLink: 'https://ci.example/1', recovery: 'rec' })),
    ) as object;
    fc.assert(
      fc.property(forgedBody(honest), (body) => {
        const read = readLock(body, 'example.a');
        if (read.kind !== 'holdfast') return;
        expect(textsIn(read.record).filter(hasUnseen)).toEqual([]);
        expect([read.record.stack, isRunName(read.record.run), Number.isInteger(read.record.pid)]).toEqual(['example.a', true, true]);
      }),
      forged,
    );
  });

  it(
    'is an event of a journal only under the key that has the same names',
    async () => {
      const header = { schema: 1, run: 'r1', network: 'example', writer: 'w', sequence: 1, at: '2030-01-01T00:00:00.000Z' };
      const verified = { ...header, type: 'verified', stack: 'example.a', epoch: 1, checkpoint: '"1"', outcome: 'applied' };
      const held = {
        ...header,
        type: 'held',
        stack: 'example.a',
        epoch: 1,
        doubts: [{ source: 'exit', text: 'unknown' }],
        checkpoint: null,
      };
      const key = fc.oneof(
        fc.constantFrom(runEventKey('example', 'r1', 'w', 1, 'verified'), runEventKey('example', 'r1', 'w', 1, 'held')),
        hostileKey(runPrefix('example', 'r1'), ''),
      );
      await fc.assert(
        fc.asyncProperty(key, forgedBody(verified, held), async (at, body) => {
          const store = new MemoryStore();
          store.set(at, body);
          const { events, unreadable } = await readRun(store, 'example', 'r1');
          expect(events.length + unreadable.length).toBe(1);
          expect(unreadable.filter(hasUnseen)).toEqual([]);
          for (const event of events) {
            expect(runEventKey('example', 'r1', event.writer, event.sequence, event.type)).toBe(at);
            expect(runEventSchema.safeParse(event).success).toBe(true);
          }
        }),
        forged,
      );
    },
    10 * minutes,
  );

  it(
    'is no name of a run that could be a path',
    async () => {
      await fc.assert(
        fc.asyncProperty(hostileText, async (name) => {
          const store = new MemoryStore();
          store.set(`${runsPrefix('example')}${name}/x.json`, '{}');
          for (const run of await allRuns(store, 'example'))
            expect(spoolFolder('/root', 'example', run)).toBe(`/root/.holdfast/spool/example/${run}`);
          await expect(openSpool('/nowhere').remove(`${name}/../x`)).rejects.toThrow(/becomes no path/);
        }),
        forged,
      );
    },
    10 * minutes,
  );

  it(
    'is a heartbeat, or a waiter, only of the process that its key and its record name',
    async () => {
      const beat = { schema: 1, nonce: 'mine', run: 'mine', host: 'build-7', pid: 42 };
      const waiter = { schema: 1, ...processOf('mine'), since: '2030-01-01T00:00:00.000Z' };
      await fc.assert(
        fc.asyncProperty(forgedBody(beat), forgedBody(waiter), async (body, waiting) => {
          const store = new MemoryStore();
          store.set(heartbeatKey('example', 'mine'), body);
          store.set(waitingKey('example', 'mine'), waiting);
          const listed = store.head(heartbeatKey('example', 'mine'));
          const isHeard = listed !== undefined && (await isHeartbeatOf(store, listed, lockOf('example.a')));
          const { nonce, run, host, pid } = isHeard ? (JSON.parse(body) as typeof beat) : beat;
          expect({ schema: 1, nonce, run, host, pid }).toEqual(beat);
          for (const { record } of await readWaiters(store, 'example')) {
            expect(record.nonce).toBe('mine');
            expect(textsIn(record).filter(hasUnseen)).toEqual([]);
          }
        }),
        forged,
      );
    },
    10 * minutes,
  );

  it(
    'is a checkpoint of its own stack, or unreadable, and leaves the others as they are',
    async () => {
      const honestOf = (stack: string) => {
        const urn = `urn:pulumi:${stack}::holdfast::aws:ec2/vpc:Vpc::vpc`;
        const resource = { urn, type: 'aws:ec2/vpc:Vpc', custom: true, id: 'vpc-1', inputs: {}, outputs: {} };
        return { version: 3, checkpoint: { latest: { resources: [resource], pending_operations: [{ type: 'creating', resource }] } } };
      };
      await fc.assert(
        fc.asyncProperty(forgedBody(honestOf('example.a')), hostileText, async (body, name) => {
          const store = new MemoryStore();
          store.set(checkpointKey('example.a'), body);
          store.set(checkpointKey('example.b'), honestOf('example.b'));
          if (!/^[ab]$/.test(name)) store.set(`.pulumi/stacks/holdfast/example.${name}.json`, body);
          const { states, unreadable } = await readStates(store, 'example', trusted);
          expect(states.get('example.b')?.resources).toBe(1);
          expect([states.has('example.a'), unreadable.some(({ stack }) => stack === 'example.a')].filter(Boolean)).toHaveLength(1);
          for (const stack of [...states.keys(), ...unreadable.map((each) => each.stack)])
            expect(parseStackName(stack)?.network).toBe('example');
          expect(unreadable.map(({ detail }) => detail).filter(hasUnseen)).toEqual([]);
        }),
        forged,
      );
    },
    10 * minutes,
  );

  it(
    'is an entry of the index, or a dossier, only of the stack that its key names',
    async () => {
      const entry = { checkpoint: '"1"', fingerprint: { inputs: 'a' }, outputs: { id: 'b' }, resources: 1 };
      const dossier = {
        schema: 1,
        network: 'example',
        run: 'r1',
        stack: 'example.a',
        recovery: 'rec',
        outcome: 'recovered',
        why: null,
        promoted: '"1"',
        lock: { etag: '"1"' },
        writer: { how: 'dead' },
        quarantine: { prefix: 'p', versions: 1 },
      };
      await fc.assert(
        fc.asyncProperty(tampered({ schema: 1, stacks: { 'example.a': entry } }), forgedBody(dossier), async (index, body) => {
          const store = new MemoryStore();
          store.set(indexKey('example'), JSON.stringify([index]).slice(1, -1));
          store.set(`${dossiersPrefix('example', 'r1', 'example.a')}rec.json`, body);
          for (const [stack, read] of (await readIndex(store, 'example')).entries) {
            expect(parseStackName(stack)?.network).toBe('example');
            expect(textsIn(read).filter(hasUnseen)).toEqual([]);
          }
          for (const read of await readDossiers(store, 'example', 'r1', 'example.a'))
            expect([read.network, read.run, read.stack, read.recovery]).toEqual(['example', 'r1', 'example.a', 'rec']);
        }),
        forged,
      );
    },
    10 * minutes,
  );

  it('says nothing of a stack where it lies beside its lock or its record', async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, hostileText, async (one, other) => {
        const store = new MemoryStore();
        store.set(`${recordsPrefix('example')}${one}`, '{}');
        store.set(`${lockFolder('example.a')}${other}/deeper.json`, '{}');
        const stacks = [
          ...(await readRecords(store, 'example')).byStack.keys(),
          ...(await standingLocks(store, 'example')).map(({ stack }) => stack),
        ];
        expect(stacks).toEqual([]);
      }),
      forged,
    );
  });
});
