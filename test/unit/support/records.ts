import { recordKey } from '../../../orchestrator/state/layout.ts';
import type { InterruptedRun, StackRecord, Verified } from '../../../orchestrator/ownership/stack-record.ts';
import type { LockRecord } from '../../../orchestrator/locks/lock-record.ts';
import type { MemoryStore } from './memory-store.ts';
import { lockOf, processOf } from './owner.ts';

const at = '2030-01-01T00:00:00.000Z';

let writes = 0;

const commonOf = (stack: string, verified: Verified) => ({
  schema: 1,
  stack,
  write: `write-${(writes += 1)}`,
  epoch: 0,
  since: at,
  verified,
  fence: 'none' as const,
  disowned: [],
});

/** A stack on which nobody works. */
export const freeRecord = (stack: string, verified: Verified = { kind: 'absent' }, more: Partial<StackRecord> = {}): StackRecord =>
  ({ ...commonOf(stack, verified), phase: 'free', ...more }) as StackRecord;

/** A stack that a run has, or had when it died. */
export function ownedRecord(
  stack: string,
  phase: 'claimed' | 'running' | 'held' | 'recovering',
  {
    owner = lockOf(stack),
    run = {},
    verified = { kind: 'absent' },
    ...more
  }: {
    readonly owner?: LockRecord;
    readonly run?: Partial<InterruptedRun> | 'none';
    readonly verified?: Verified;
  } & Partial<Omit<Extract<StackRecord, { phase: 'held' }>, 'owner' | 'run' | 'verified' | 'phase'>> = {},
): StackRecord {
  const epoch = more.epoch ?? owner.epoch;
  const own = { ...owner, epoch };
  const common = { ...commonOf(stack, verified), ...more, epoch };
  if (phase === 'claimed') return { ...common, phase, owner: own };
  const by = lockOf(stack, own.run);
  return {
    ...common,
    phase,
    owner: own,
    ...(run === 'none'
      ? {}
      : {
          run: {
            by: own.operation === 'recover' ? by : own,
            operation: 'up',
            base: null,
            sessions: [{ accessKeyId: own.accessKeyId, session: own.session, expires: own.expires }],
            engineStarted: true,
            ...run,
          },
        }),
    doubts: more.doubts ?? [],
    answers: more.answers ?? [],
    owners: more.owners ?? [processOf(own.run)],
  } as StackRecord;
}

/** @returns its ETag */
export const putRecord = (bucket: MemoryStore, record: StackRecord): string => bucket.set(recordKey(record.stack), JSON.stringify(record));
