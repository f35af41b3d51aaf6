import type { Liveness } from '../../../orchestrator/ownership/liveness.ts';
import type { Observer } from '../../../orchestrator/ownership/processes.ts';
import type { ProcessLook } from '../../../toolchain/process-identity.ts';
import type { LockRecord, ProcessRecord } from '../../../orchestrator/locks/lock-record.ts';

/** The machine that the tests are on, as a process record names it. */
export const machine = 'machine-1';

/** The user of the tests, as `processOf` names it. */
export const user = 'ada';

/** What a look at the process table shows of a process that lives, and of one that does not, where all processes are shown. */
export const lookOf = (process: ProcessRecord, lives: boolean): Promise<ProcessLook> =>
  Promise.resolve(lives ? { kind: 'seen', startedAt: process.processStartedAt } : { kind: 'absent', others: 'shown' });

/** This machine and user, and a look at the process table that shows exactly those processes. */
export const observer = (lives: (process: ProcessRecord) => boolean): Observer => ({
  machine,
  user,
  lookAt: (process) => lookOf(process, lives(process)),
});

/** Each answer of `Is the process alive?`, by its reason. */
export const known = {
  alive: { answer: 'alive', reason: 'seen' },
  dead: { answer: 'dead', reason: 'gone' },
  heard: { answer: 'cannot-tell', reason: 'heard' },
  quiet: { answer: 'cannot-tell', reason: 'quiet' },
  'look-failed': { answer: 'cannot-tell', reason: 'look-failed' },
  'not-shown': { answer: 'cannot-tell', reason: 'not-shown' },
  'records-disagree': { answer: 'cannot-tell', reason: 'records-disagree' },
} as const satisfies Record<string, Liveness>;

/** A process of this machine. */
export const processOf = (nonce: string): ProcessRecord => ({
  nonce,
  user,
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

/** What a process keeps in the bucket while it works; the run's name is that of its process as well. */
export const beatOf = (nonce: string, run = nonce): object => ({ schema: 1, nonce, run, host: 'build-7', pid: 42 });

/** What plain pulumi writes as its lock. */
export const engineLock = { pid: 7, username: 'bob', hostname: 'laptop', timestamp: '2030-01-01T00:00:00Z' };
