import { expect, it } from 'vitest';
import { writeLock } from '../../../orchestrator/locks/lock-record.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { endOrphans } from '../../../orchestrator/run/tidy.ts';
import { durableLockKey, openRunKey } from '../../../orchestrator/state/layout.ts';
import type { ProcessLook } from '../../../toolchain/process-identity.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** S4: liveness is kept by the nonce alone, and the nonce stands in the bucket for everyone to copy. */
it('a record that copies the nonce of a living run, with the number of a dead process, does not make the run dead', async () => {
  const store = new MemoryStore();
  const alive = {
    nonce: 'n1',
    user: 'ada',
    host: 'h',
    machine: 'm',
    pid: 100,
    processStartedAt: 's',
    schema: 1,
    stack: 'example.a',
    run: 'r1',
    operation: 'up',
    epoch: 1,
    accessKeyId: '',
    session: '',
    expires: 'never',
    startedAt: '2026-01-01T00:00:00Z',
  } as const;
  store.set(durableLockKey('example.a'), writeLock(alive));
  // Whoever may write one lock, of whatever stack.
  store.set(durableLockKey('example.zzz'), writeLock({ ...alive, stack: 'example.zzz', pid: 999_999 }));
  store.set(openRunKey('example', 'r1', 'n1'), {
    schema: 1,
    run: 'r1',
    network: 'example',
    writer: 'n1',
    process: { nonce: 'n1', user: 'ada', host: 'h', machine: 'm', pid: 100, processStartedAt: 's' },
  });
  store.set('.holdfast/runs/example/r1/n1-000001-lock-taken.json', {
    schema: 1,
    run: 'r1',
    network: 'example',
    writer: 'n1',
    sequence: 1,
    at: '2026-01-01T00:00:00Z',
    type: 'lock-taken',
    stack: 'example.a',
    epoch: 1,
    etag: 'e',
    lock: alive,
  });
  store.set('.holdfast/runs/example/r1/n1-000002-engine-started.json', {
    schema: 1,
    run: 'r1',
    network: 'example',
    writer: 'n1',
    sequence: 2,
    at: '2026-01-01T00:00:01Z',
    type: 'engine-started',
    stack: 'example.a',
    epoch: 1,
    operation: 'up',
    checkpoint: null,
    upstreams: {},
  });
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
    now: Date.now(),
  });
  const ended: string[] = [];
  await endOrphans(
    standings,
    (nonce) => (ended.push(nonce), Promise.resolve(1)),
    () => undefined,
  );
  // Today: held, and the next `up` on this machine ends the engine of the living run by SIGKILL.
  expect({ standing: standings.byStack.get('example.a')?.kind, ended }).toEqual({ standing: 'locked', ended: [] });
});
