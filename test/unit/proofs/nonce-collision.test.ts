import { expect, it } from 'vitest';
import { writeLock } from '../../../orchestrator/locks/lock-record.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { endOrphans } from '../../../orchestrator/run/tidy.ts';
import { durableLockKey } from '../../../orchestrator/state/layout.ts';
import type { ProcessLook } from '../../../toolchain/process-identity.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { lockOf } from '../support/owner.ts';
import { ownedRecord, putRecord } from '../support/records.ts';

/** S4: liveness is kept by the nonce alone, and the nonce stands in the bucket for everyone to copy. */
it.each(['lock', 'record'] as const)(
  'a %s that copies the nonce of a living run, with the number of a dead process, does not make the run dead',
  async (copied) => {
    const store = new MemoryStore();
    const alive = lockOf('example.a', 'r1', { nonce: 'n1', machine: 'm', pid: 100, processStartedAt: 's' });
    store.set(durableLockKey('example.a'), writeLock(alive));
    putRecord(store, ownedRecord('example.a', 'running', { owner: alive }));
    // Whoever may write one object, of whatever stack.
    const copy = { ...alive, stack: 'example.zzz', pid: 999_999 };
    store.set(durableLockKey('example.zzz'), writeLock(copy));
    if (copied === 'record') putRecord(store, ownedRecord('example.zzz', 'running', { owner: copy }));
    const standings = await readStandings({
      store,
      network: 'example',
      states: new Map(),
      machine: 'm',
      user: 'ada',
      lookAt: ({ pid }) =>
        new Promise<ProcessLook>((resolve) =>
          setTimeout(
            () => resolve(pid === 100 ? { kind: 'seen', startedAt: 's' } : { kind: 'absent', others: 'shown' }),
            pid === 100 ? 0 : 5,
          ),
        ),
      now: () => Date.now(),
    });
    const ended: string[] = [];
    await endOrphans(
      standings,
      (nonce) => (ended.push(nonce), Promise.resolve(1)),
      () => undefined,
    );
    // As it was found: held, and the next `up` on this machine ended the engine of the living run by SIGKILL.
    expect({ standing: standings.byStack.get('example.a')?.kind, ended }).toEqual({ standing: 'locked', ended: [] });
  },
);
