import { randomUUID } from 'node:crypto';
import { ProcessesUnseen } from '../../toolchain/process-identity.ts';
import { messageOf } from '../domain/problem.ts';
import type { NewEvent } from '../journal/events.ts';
import { Journal } from '../journal/journal.ts';
import { isOpen as isOpenInRun } from '../journal/run-state.ts';
import { lockGoneSince, putBack, releaseLock } from '../locks/durable-locks.ts';
import type { ProcessRecord } from '../locks/lock-record.ts';
import { identityKeyOf } from '../ownership/processes.ts';
import { EngineOwnerAlive } from '../pulumi/orphans.ts';
import { openRunsPrefix } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import type { Standings } from './standing.ts';

/** What a command does for runs that are over, before it looks at anything for itself. */
export interface TidyRequest {
  readonly store: ObjectStore;
  readonly network: string;
  /** Nonce of this process. */
  readonly writer: string;
  readonly standings: Standings;
  readonly now: () => number;
  readonly onNote: (message: string) => void;
}

/** Seconds: what fails here is tried again by the next command. */
const patienceSeconds = 5;

/**
 * Puts back the locks that somebody removed from held or frozen stacks: until then plain `pulumi` is not kept out. Done by every command that
 * looks, as nobody knows which one comes first.
 * @returns whether anything was changed
 */
export async function restoreLocks(request: TidyRequest): Promise<boolean> {
  const { store, standings, now, onNote } = request;
  const notes = new RunNotes(request);
  let changed = false;
  for (const [stack, standing] of standings.byStack) {
    const journaled =
      standing.kind === 'held' && standing.lockGoneSince !== undefined && standing.run !== undefined
        ? standings.openRuns.find(({ run }) => run === standing.run)?.state.stacks.get(stack)
        : undefined;
    const frozen = standings.frozen.get(stack);
    const isFrozenLockGone = frozen !== undefined && standing.kind === 'frozen' && !standings.locks.some((lock) => lock.stack === stack);
    const record = isFrozenLockGone ? frozen.lock : journaled?.lock?.record;
    if (record === undefined) continue;
    const goneSince = await lockGoneSince(store, stack);
    const back = await putBack(store, record, now());
    const since = goneSince === undefined ? '' : ` at ${goneSince}`;
    if (!back) {
      // Written down once: by what `status` says since when it is gone.
      if (journaled && journaled.lockGoneSince === undefined && standing.kind === 'held' && standing.run !== undefined) {
        const gone = goneSince === undefined ? {} : { goneSince };
        await notes.add(standing.run, [{ type: 'lock-lost', stack, epoch: journaled.epoch, how: 'removed', ...gone }]);
        changed = true;
      }
      onNote(
        `The lock of ${stack} was removed by somebody${since}, and cannot be put back: somebody else is in. The stack is ${standing.kind} all the same.`,
      );
      continue;
    }
    changed = true;
    if (journaled && standing.kind === 'held' && standing.run !== undefined) {
      const gone = goneSince === undefined ? {} : { goneSince };
      await notes.add(standing.run, [
        { type: 'lock-lost', stack, epoch: journaled.epoch, how: 'removed', ...gone },
        { type: 'lock-restored', stack, epoch: journaled.epoch, etag: back.etag, ...gone },
      ]);
    }
    onNote(
      `The lock of ${stack} was removed by somebody${since} (pulumi cancel?). It is back in its place; the stack is ${standing.kind} as before.`,
    );
  }
  return changed;
}

/**
 * Ends the locks under which nothing is in doubt: of a run that died between its verified end and the release, or before it started anything.
 * @returns whether anything was changed
 */
export async function endLeftLocks(request: TidyRequest): Promise<boolean> {
  const { store, onNote } = request;
  const notes = new RunNotes(request);
  let changed = false;
  for (const { stack, run, etag, inRun, why } of leftLocks(request.standings)) {
    const epoch = inRun?.epoch ?? 1;
    if (inRun && inRun.phase !== 'verified')
      await notes.add(run, [{ type: 'verified', stack, epoch, checkpoint: inRun.checkpoint ?? null, outcome: 'nothing-started' }]);
    const removed = await releaseLock(store, { stack, etag });
    if (!removed.done) continue;
    changed = true;
    if (inRun) await notes.add(run, [{ type: 'released', stack, epoch }]);
    onNote(`Released the lock of ${stack}: ${why}.`);
  }
  return changed;
}

/** Says of which locks `endLeftLocks` would make an end. */
export function tellLeftLocks({ standings, onNote }: Pick<TidyRequest, 'standings' | 'onNote'>): void {
  for (const { stack, why } of leftLocks(standings)) onNote(`The lock of ${stack} would be released: ${why}.`);
}

function leftLocks(standings: Standings) {
  return [...standings.byStack].flatMap(([stack, standing]) => {
    if (standing.kind !== 'left') return [];
    const { run, lock } = standing;
    const inRun = standings.openRuns.find((open) => open.run === run)?.state.stacks.get(stack);
    const why =
      inRun?.phase === 'verified'
        ? `run ${run} had verified it, and died before it could`
        : `run ${run} died before it started anything there`;
    return [{ stack, run, etag: lock.etag, inRun, why }];
  });
}

/**
 * Ends the engines that outlived a run of this machine: their gateway is gone, so that they can write nothing down, and a plugin may still be in a call.
 * @param end ends every engine process of an orchestrator, by its nonce; how many there were
 * @returns when those are ended that could be seen. What could not be looked at is told, and its stacks stay as they are.
 */
export async function endOrphans(
  standings: Standings,
  end: (nonce: string, owner: ProcessRecord) => Promise<number>,
  onNote: (message: string) => void,
): Promise<void> {
  const owners = new Map<string, ProcessRecord & { readonly run: string }>();
  for (const { run, state } of standings.openRuns) {
    if (state.opened) owners.set(identityKeyOf(state.opened.process), { ...state.opened.process, run });
    for (const { lock } of state.stacks.values()) if (lock) owners.set(identityKeyOf(lock.record), lock.record);
  }
  for (const owner of owners.values()) {
    if (standings.liveness(owner).answer !== 'dead') continue;
    const ended = await end(owner.nonce, owner).catch((cause: unknown) => {
      if (!(cause instanceof ProcessesUnseen || cause instanceof EngineOwnerAlive)) throw cause;
      onNote(
        `Whether an engine of run ${owner.run} is still running on ${owner.host} is not known: ${messageOf(cause)}. Its stacks stay as they are.`,
      );
      return 0;
    });
    if (ended > 0)
      onNote(`Ended ${ended} ${ended === 1 ? 'process' : 'processes'} of run ${owner.run}, whose orchestrator (pid ${owner.pid}) is dead.`);
  }
}

/** Takes away the marks of processes that are over and left nothing open: one that died at the very end could not. */
export async function closeDeadRuns({ store, network, standings }: TidyRequest): Promise<void> {
  for (const { run, state, events, unreadable } of standings.openRuns) {
    const lockStands = (stack: string): boolean =>
      standings.locks.some((lock) => lock.stack === stack && lock.content.kind === 'holdfast' && lock.content.record.run === run);
    const isOpen = [...state.stacks.values()].some(
      (inRun) => isOpenInRun(inRun) || (inRun.phase !== 'released' && lockStands(inRun.stack)),
    );
    if (isOpen || unreadable.length > 0) continue;
    const prefix = `${openRunsPrefix(network)}${run}/`;
    for (const { key, etag } of await store.list(prefix)) {
      const writer = key.slice(prefix.length, -'.json'.length);
      const own = events.filter((event) => event.writer === writer);
      // Without an opening it is of a process that is only just beginning, or died before it began.
      const process = own.find((event) => event.type === 'run-opened')?.process ?? standings.marked.get(key);
      if (!process) continue;
      if (own.some(({ type }) => type === 'run-ended') || standings.liveness(process).answer === 'dead') await store.remove(key, etag);
    }
  }
}

/** Events in the journals of runs that other processes had, in an order that a replay keeps. */
class RunNotes {
  readonly #request: TidyRequest;
  readonly #journals = new Map<string, Journal>();

  constructor(request: TidyRequest) {
    this.#request = request;
  }

  async add(run: string, events: readonly NewEvent[]): Promise<void> {
    const { store, network, writer, now } = this.#request;
    const journal =
      this.#journals.get(run) ??
      new Journal({ store, network, run, writer: `${writer}-${randomUUID().slice(0, 8)}`, patienceSeconds, now });
    this.#journals.set(run, journal);
    for (const event of events) await journal.note(event);
  }
}
