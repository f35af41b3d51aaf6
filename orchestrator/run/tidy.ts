import { ProcessesUnseen } from '../../toolchain/process-identity.ts';
import { messageOf } from '../domain/problem.ts';
import { Heartbeat, whileHeard } from '../locks/heartbeat.ts';
import { describeLock, lockGoneSince, putBack, releaseLock } from '../locks/durable-locks.ts';
import type { LockRecord, ProcessRecord } from '../locks/lock-record.ts';
import { identityKeyOf } from '../ownership/processes.ts';
import { readRecord, swap } from '../ownership/records.ts';
import type { HeldRecord } from '../ownership/records.ts';
import { isOpen, wantsLock } from '../ownership/stack-record.ts';
import type { StackRecord } from '../ownership/stack-record.ts';
import { EngineLeftAlone, EngineProcessesLeft } from '../pulumi/orphans.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { isUnstarted } from './standing.ts';
import type { Standing, Standings } from './standing.ts';

/** What a command does for runs that are over, before it looks at anything for itself. */
export interface TidyRequest {
  readonly store: ObjectStore;
  readonly network: string;
  readonly standings: Standings;
  /** What a lock of this process says. */
  readonly lockRecord: (stack: string) => LockRecord;
  readonly now: () => number;
  readonly onNote: (message: string) => void;
}

/** Short: what fails here is tried again by the next command. */
const patience = { seconds: 5 };

/**
 * Puts back the locks that were removed from held or frozen stacks: until then plain `pulumi` is not kept out. Every command that looks does it, as
 * any of them may be the first one. The lock was read before the record; the record is read again after the put, and a lock that it does not want
 * any more is taken away again.
 * @returns whether anything was changed
 */
export async function restoreLocks(request: TidyRequest): Promise<boolean> {
  const { store, standings, now, onNote } = request;
  let changed = false;
  for (const [stack, standing] of standings.byStack) {
    const record = standings.records.get(stack)?.record;
    if (record === undefined || !isMissing(stack, standing, record, standings)) continue;
    const wanted = projectionOf(record);
    if (wanted === undefined) continue;
    const goneSince = await lockGoneSince(store, stack);
    const since = goneSince === undefined ? '' : ` at ${goneSince}`;
    const back = await putBack(store, wanted, now());
    if (!back) {
      onNote(
        `The lock of ${stack} was removed by somebody${since}, and cannot be put back: somebody else is in. The stack is ${standing.kind} all the same.`,
      );
      continue;
    }
    changed = true;
    const again = await readRecord(store, stack);
    if (again.kind === 'there' && !wantsLock(again.record)) {
      await releaseLock(store, back, patience);
      continue;
    }
    const beside = standings.locks.filter((lock) => lock.stack === stack).map(describeLock);
    onNote(
      `The lock of ${stack} was removed by somebody${since} (pulumi cancel?). It is back in its place; the stack is ${standing.kind} as before.${
        beside.length === 0 ? '' : ` Another lock is there too, so plain pulumi may be changing the stack: ${beside.join('; ')}.`
      }`,
    );
  }
  return changed;
}

/** Nothing of Holdfast's keeps plain pulumi out, and nobody is at work who would see that for themselves. */
function isMissing(stack: string, standing: Standing, record: StackRecord, { locks }: Standings): boolean {
  if (standing.kind === 'held' ? standing.lockGoneSince === undefined : standing.kind !== 'frozen') return false;
  return wantsLock(record) && !locks.some((lock) => lock.stack === stack && lock.content.kind === 'holdfast');
}

/** The lock that Pulumi's folder is to have. */
function projectionOf(record: StackRecord): LockRecord | undefined {
  const lock = 'owner' in record ? record.owner : record.frozen;
  return lock && { ...lock, epoch: record.epoch };
}

/**
 * Ends what nothing is in doubt about: a stack whose owner died before it started anything, and a lock that was left behind a verified end.
 * @returns whether anything was changed
 */
export async function endLeftLocks(request: TidyRequest): Promise<boolean> {
  const { store, onNote, now } = request;
  let changed = false;
  for (const { stack, held, lock, why } of leftLocks(request.standings)) {
    let ended = false;
    if (held && isUnstarted(held.record)) {
      const settings = { store, now, patience };
      const mine = request.lockRecord(stack);
      const { verified } = held.record;
      ended = await whileHeard(new Heartbeat(store, request.network, mine.run, mine), async () => {
        // The swap is over what was read when its owner was dead: an owner that has gone on since has written another one.
        const taken = await swap(held, { type: 'take-over', owner: mine, proof: 'nothing-started' }, settings);
        if (!taken.ok) return false;
        const as = { nonce: mine.nonce, epoch: taken.held.record.epoch };
        return (await swap(taken.held, { type: 'verify', as, verified }, settings)).ok;
      });
      if (!ended) continue;
    }
    const after = await readRecord(store, stack);
    const isWanted = after.kind !== 'there' || wantsLock(after.record);
    if (lock !== undefined && !isWanted) ended = (await releaseLock(store, { stack, etag: lock }, patience)).done || ended;
    changed ||= ended;
    if (ended) onNote(`Released the lock of ${stack}: ${why}.`);
  }
  return changed;
}

/** Says of which locks `endLeftLocks` would make an end. */
export function tellLeftLocks({ standings, onNote }: Pick<TidyRequest, 'standings' | 'onNote'>): void {
  for (const { stack, why } of leftLocks(standings)) onNote(`The lock of ${stack} would be released: ${why}.`);
}

function leftLocks({ byStack, records, locks }: Standings) {
  return [...byStack].flatMap(([stack, standing]) => {
    if (standing.kind !== 'left') return [];
    const held: HeldRecord | undefined = records.get(stack);
    const lock = standing.lock ?? locks.find((each) => each.stack === stack && each.content.kind === 'holdfast');
    const run = lock?.content.kind === 'holdfast' ? lock.content.record.run : undefined;
    const why =
      held && isUnstarted(held.record)
        ? `run ${held.record.owner.run} died before it started anything there`
        : `run ${run ?? 'unknown'} had verified it, and died before it could`;
    return [{ stack, held, lock: lock?.etag, why }];
  });
}

/**
 * Ends the engines that outlived a run of this machine: their gateway is gone, so that they can write nothing down, and a plugin may still be in a call.
 * @param end ends every engine process of an orchestrator, by its nonce; how many there were
 * What could not be looked at is told, and its stacks stay as they are.
 * @returns the dead orchestrators of which no engine is left
 */
export async function endOrphans(
  { records, liveness }: Standings,
  end: (nonce: string, owner: ProcessRecord) => Promise<number>,
  onNote: (message: string) => void,
): Promise<readonly ProcessRecord[]> {
  const without: ProcessRecord[] = [];
  const owners = new Map<string, ProcessRecord & { readonly run: string }>();
  for (const { record } of records.values()) {
    if (!isOpen(record)) continue;
    owners.set(identityKeyOf(record.owner), record.owner);
    if (record.run) owners.set(identityKeyOf(record.run.by), record.run.by);
  }
  for (const owner of owners.values()) {
    if (liveness(owner).answer !== 'dead') continue;
    const ended = await end(owner.nonce, owner).catch((cause: unknown) => {
      if (!(cause instanceof ProcessesUnseen || cause instanceof EngineLeftAlone || cause instanceof EngineProcessesLeft)) throw cause;
      onNote(
        `Whether an engine of run ${owner.run} is still running on ${owner.host} is not known: ${messageOf(cause)}. Its stacks stay as they are.`,
      );
      return undefined;
    });
    if (ended !== undefined) without.push(owner);
    if (ended)
      onNote(`Ended ${ended} ${ended === 1 ? 'process' : 'processes'} of run ${owner.run}, whose orchestrator (pid ${owner.pid}) is dead.`);
  }
  return without;
}
