import type { LockRecord, ProcessRecord } from '../../../orchestrator/locks/lock-record.ts';

/** The machine that the tests are on, as a process record names it. */
export const machine = 'machine-1';

/** A process of this machine. */
export const processOf = (nonce: string): ProcessRecord => ({
  nonce,
  user: 'ada',
  host: 'build-7',
  machine,
  pid: 42,
  processStartedAt: '100',
});

/** What a run's lock says; the run's name is that of its process as well. */
export const lockOf = (stack: string, run = 'mine', different: Partial<LockRecord> = {}): LockRecord => ({
  schema: 1,
  ...processOf(run),
  stack,
  run,
  operation: 'up',
  epoch: 1,
  accessKeyId: 'AKIATEST',
  session: `holdfast-${run}`,
  expires: '2030-01-01T02:00:00.000Z',
  startedAt: '2030-01-01T00:00:00.000Z',
  ...different,
});

/** What plain pulumi writes as its lock. */
export const engineLock = { pid: 7, username: 'bob', hostname: 'laptop', timestamp: '2030-01-01T00:00:00Z' };
