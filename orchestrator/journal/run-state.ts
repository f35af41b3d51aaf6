import type { LockRecord } from '../locks/lock-record.ts';
import type { Answer, Doubt, JournalEvent } from './events.ts';

/** How far a stack has come in a run. */
export type StackPhase =
  /** Locked, and no engine was started. */
  | 'locked'
  /** An engine was started, and its end is not known. */
  | 'running'
  /** It ended, and state and AWS are not known to agree. */
  | 'held'
  /** State and AWS agree: the lock may go. */
  | 'verified'
  | 'released';

export interface StackInRun {
  readonly stack: string;
  readonly epoch: number;
  readonly phase: StackPhase;
  /** When it came into this phase. */
  readonly since: string;
  readonly lock?: { readonly record: LockRecord; readonly etag: string };
  /** When somebody removed the lock, as far as it was seen; absent while it stands. */
  readonly lockGoneSince?: string;
  readonly doubts: readonly Doubt[];
  readonly spool?: string;
  /** ETag of the checkpoint that the last event named; null where there was none. */
  readonly checkpoint?: string | null;
  /** What a person has answered, the newest for each resource. */
  readonly answers: readonly Answer[];
}

/** A run, as its journal tells it. */
export interface RunState {
  readonly run: string;
  readonly opened?: Extract<JournalEvent, { type: 'run-opened' }>;
  /** Access key ids that the run has worked with, in the order of their first use. */
  readonly accessKeyIds: readonly string[];
  readonly stacks: ReadonlyMap<string, StackInRun>;
  readonly stopping: readonly Extract<JournalEvent, { type: 'stopping' }>[];
  readonly ended?: Extract<JournalEvent, { type: 'run-ended' }>;
}

export const newRun = (run: string): RunState => ({ run, accessKeyIds: [], stacks: new Map(), stopping: [] });

/** A stack of which AWS may have what its state does not say. */
export const isOpen = ({ phase }: StackInRun): boolean => phase === 'running' || phase === 'held';

/** Pure, and the same for the live run and for the replay of its journal. */
export function apply(state: RunState, event: JournalEvent): RunState {
  switch (event.type) {
    case 'run-opened':
      return { ...withKey(state, event.session.accessKeyId), opened: state.opened ?? event };
    case 'session-renewed':
      return withKey(state, event.session.accessKeyId);
    case 'stopping':
      return { ...state, stopping: [...state.stopping, event] };
    case 'run-ended':
      return { ...state, ended: event };
    default: {
      const before = state.stacks.get(event.stack);
      // A writer that was paused while another one took its lock over: what it says of the stack came too late.
      if (before && event.epoch < before.epoch) return state;
      return { ...state, stacks: new Map(state.stacks).set(event.stack, applyToStack(before, event)) };
    }
  }
}

type StackEvent = Extract<JournalEvent, { stack: string }>;

function applyToStack(before: StackInRun | undefined, event: StackEvent): StackInRun {
  const { stack, epoch, at } = event;
  const base: StackInRun = before ?? { stack, epoch, phase: 'locked', since: at, doubts: [], answers: [] };
  const moved = (phase: StackPhase): StackInRun => ({ ...base, epoch, phase, since: at });
  switch (event.type) {
    case 'lock-taken': {
      const lock = { record: event.lock, etag: event.etag };
      if (epoch === 1) return { ...moved('locked'), lock };
      // Whoever takes over does not know yet what there is: held, whatever of the run's own events has been seen so far.
      const { since } = isOpen(base) ? base : moved('held');
      return { ...moved('held'), since, lock };
    }
    case 'engine-started':
      return { ...moved('running'), checkpoint: event.checkpoint };
    case 'held': {
      // Held since it first was: what is found out later does not make it younger.
      const { since } = base.phase === 'held' ? base : moved('held');
      return {
        ...moved('held'),
        since,
        doubts: event.doubts,
        checkpoint: event.checkpoint,
        ...(event.spool === undefined ? {} : { spool: event.spool }),
      };
    }
    case 'verified':
      return { ...moved('verified'), doubts: [], checkpoint: event.checkpoint };
    case 'released':
      return moved('released');
    case 'lock-lost':
      return { ...base, epoch, lockGoneSince: base.lockGoneSince ?? event.goneSince ?? at };
    case 'lock-restored': {
      const { lockGoneSince: _, ...rest } = base;
      return { ...rest, epoch, ...(base.lock ? { lock: { ...base.lock, etag: event.etag } } : {}) };
    }
    case 'answered':
      return { ...base, epoch, answers: [...base.answers.filter(({ resource }) => resource !== event.answer.resource), event.answer] };
    case 'quarantined':
      return { ...base, epoch, checkpoint: event.checkpoint };
    case 'writer-dead':
    case 'examined':
    case 'reconciled':
    case 'checked':
    case 'promoting':
    case 'confirmed':
      return { ...base, epoch };
    default:
      return event satisfies never;
  }
}

function withKey(state: RunState, key: string): RunState {
  return key === '' || state.accessKeyIds.includes(key) ? state : { ...state, accessKeyIds: [...state.accessKeyIds, key] };
}

/** The order in which events are replayed: each writer's as it wrote them, and those of several writers merged by their clocks. */
export function inReplayOrder(events: readonly JournalEvent[]): JournalEvent[] {
  const streams = new Map<string, JournalEvent[]>();
  for (const event of [...events].sort((a, b) => a.sequence - b.sequence))
    streams.set(event.writer, [...(streams.get(event.writer) ?? []), event]);
  const waiting = [...streams].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stream]) => stream.reverse());
  const merged: JournalEvent[] = [];
  while (merged.length < events.length) {
    let next: JournalEvent[] | undefined;
    for (const stream of waiting) {
      const first = stream.at(-1);
      const best = next?.at(-1);
      if (first && (!best || first.at < best.at)) next = stream;
    }
    const event = next?.pop();
    if (event) merged.push(event);
  }
  return merged;
}

export function replay(run: string, events: readonly JournalEvent[]): RunState {
  return inReplayOrder(events).reduce(apply, newRun(run));
}
