import type { Answer, Doubt } from '../journal/events.ts';
import type { LockRecord, ProcessRecord, SessionRecord } from '../locks/lock-record.ts';
import { schemaVersion } from '../state/layout.ts';
import { withAnswer } from './answers.ts';
import { withDisowned } from './disowned.ts';
import type { DisownedObject } from './disowned.ts';
import type { CheckpointVersion, InPhase, InterruptedRun, Phase, Program, Proof, StackRecord, Verified } from './stack-record.ts';

/** Whose write it is. An owner that was taken over has another epoch, and its writes are refused. */
export interface As {
  readonly epoch: number;
  readonly nonce: string;
}

export type Event =
  | { readonly type: 'claim'; readonly owner: LockRecord }
  | { readonly type: 'give-back'; readonly as: As }
  /** Before the engine, and the checkpoint was read before it. */
  | {
      readonly type: 'start';
      readonly as: As;
      readonly operation: InterruptedRun['operation'];
      readonly base: CheckpointVersion | null;
      readonly program?: Program;
      readonly session: SessionRecord;
    }
  | {
      readonly type: 'hold';
      readonly as: As;
      readonly doubts: readonly Doubt[];
      /** When the owner had seen its engine and its plugins end. */
      readonly engineEndedAt?: string;
      readonly spool?: string;
      readonly spoolDigest?: string;
    }
  /** State and AWS agree at this version of the checkpoint. */
  | { readonly type: 'verify'; readonly as: As; readonly verified: Verified }
  | { readonly type: 'take-over'; readonly owner: LockRecord; readonly proof: Proof }
  /** A person lets everyone in over a state that may not be true. */
  | { readonly type: 'release'; readonly as?: As; readonly incident: string }
  | { readonly type: 'freeze'; readonly by: LockRecord }
  /** @see Freeze: exactly this one is ended */
  | { readonly type: 'unfreeze'; readonly nonce: string }
  | { readonly type: 'disown'; readonly as: As; readonly objects: readonly DisownedObject[] }
  | { readonly type: 'answer'; readonly as: As; readonly answers: readonly Answer[] };

export type EventType = Event['type'];

export type Refusal =
  /** Another process has it, or it is held. */
  | 'not-free'
  | 'frozen'
  /** It was taken over, or ended, since. */
  | 'not-owner'
  /** There is nothing to do this to. */
  | 'wrong-phase'
  /** Frozen under another incident. */
  | 'other-freeze'
  | 'not-frozen';

/** A record but for what each write makes up. */
export type NextRecord = StackRecord extends infer R ? (R extends StackRecord ? Omit<R, 'write'> : never) : never;

export type Transition = { readonly ok: true; readonly next: NextRecord } | { readonly ok: false; readonly refusal: Refusal };

/** `none`: there is no record yet, and neither a checkpoint nor a lock of Holdfast's, or the caller has looked. */
export type From = Phase | 'none';

/** Which process may do it: any, or the owner alone; or why none can. */
type Who = 'any' | 'owner' | Refusal;

interface Row<T extends EventType> {
  readonly from: Readonly<Record<From, Who>>;
  readonly then: (at: StackRecord | NoRecord, event: Extract<Event, { type: T }>, now: string) => Transition;
}

/** No record was ever written for the stack. */
interface NoRecord {
  readonly stack: string;
}

const to = (next: NextRecord): Transition => ({ ok: true, next });
const refuse = (refusal: Refusal): Transition => ({ ok: false, refusal });

interface Common {
  readonly schema: number;
  readonly stack: string;
  readonly epoch: number;
  readonly verified: Verified;
  readonly fence: 'none';
  readonly frozen?: LockRecord;
  readonly disowned: DisownedObject[];
}

/** What a record of any phase has. */
function commonOf(at: StackRecord | NoRecord): Common {
  const { stack } = at;
  if (!isRecord(at)) return { schema: schemaVersion, stack, epoch: 0, verified: { kind: 'absent' }, fence: 'none', disowned: [] };
  const { epoch, verified, frozen, disowned } = at;
  return { schema: schemaVersion, stack, epoch, verified, fence: 'none', ...(frozen === undefined ? {} : { frozen }), disowned };
}

const isRecord = (at: StackRecord | NoRecord): at is StackRecord => 'phase' in at;

/** For what is written only where there is an owner. */
function owned(at: StackRecord | NoRecord, act: (at: Owned) => Transition): Transition {
  return isRecord(at) && at.phase !== 'free' ? act(at) : refuse('wrong-phase');
}

const free = (at: StackRecord, verified: Verified, now: string, epoch = at.epoch): Transition =>
  to({ ...commonOf(at), epoch, verified, phase: 'free', since: now });

/**
 * What took longer was slowed by something else, such as a machine that slept. Believed, it would ask for a session that there is none of, in every run
 * from then on.
 */
const longestSeconds = 900;

/** What a recovery verifies took as long as it did before. */
function withSeconds(verified: Verified, at: Owned, now: string): Verified {
  if (verified.kind !== 'at') return verified;
  const before = at.verified.kind === 'at' ? at.verified.seconds : undefined;
  const elapsed = Math.round((Date.parse(now) - Date.parse(at.since)) / 1000);
  const seconds = at.phase === 'running' ? Math.max(1, Math.min(elapsed, longestSeconds)) : before;
  return seconds === undefined ? verified : { ...verified, seconds };
}

type Owned = InPhase<'claimed' | 'running' | 'held' | 'recovering'>;

/** The process that a lock names. */
const processOf = ({ nonce, user, host, machine, pid, processStartedAt }: LockRecord): ProcessRecord => ({
  nonce,
  user,
  host,
  machine,
  pid,
  processStartedAt,
});

/** What is open of a stack, whatever its phase. Of one that was only claimed nothing is, but who had it. */
function openOf(at: Owned): Pick<InPhase<'held'>, 'run' | 'doubts' | 'answers' | 'owners' | 'writerDead'> {
  if (at.phase !== 'claimed') {
    const { run, doubts, answers, owners, writerDead } = at;
    return { ...(run === undefined ? {} : { run }), doubts, answers, owners, ...(writerDead === undefined ? {} : { writerDead }) };
  }
  return { doubts: [], answers: [], owners: [processOf(at.owner)] };
}

/** A run that had the stack and started nothing. */
function claimedRun({ owner, verified }: InPhase<'claimed'>): { readonly run?: InterruptedRun } {
  if (owner.operation !== 'up' && owner.operation !== 'destroy') return {};
  return { run: { by: owner, operation: owner.operation, ...baseOf(verified), sessions: [], engineStarted: false } };
}

/** The version that the next owner begins from; nothing if that is not known. */
const baseOf = (verified: Verified): { readonly base?: CheckpointVersion | null } =>
  verified.kind === 'at'
    ? { base: { etag: verified.etag, modified: verified.modified } }
    : verified.kind === 'absent'
      ? { base: null }
      : {};

const takeOver = (at: Owned, owner: LockRecord, proof: Proof, now: string): Transition => {
  const epoch = at.epoch + 1;
  const open = openOf(at);
  const since = at.phase === 'claimed' ? now : at.since;
  return to({
    ...commonOf(at),
    epoch,
    phase: 'recovering',
    // Open since it first was: who recovers it does not make it younger.
    since,
    owner: { ...owner, epoch },
    ...open,
    ...(at.phase === 'claimed' ? claimedRun(at) : {}),
    owners: [...open.owners.filter(({ nonce }) => nonce !== owner.nonce), processOf(owner)],
    writerDead: proof,
  });
};

const hold = (at: Owned, { doubts, engineEndedAt, spool, spoolDigest }: Extract<Event, { type: 'hold' }>, now: string): Transition => {
  const open = openOf(at);
  // What an earlier attempt came to is told by the next one; what the run left is not.
  const left = open.doubts.filter(({ source }) => source !== 'question' && source !== 'recovery');
  const known = new Map([...doubts, ...left].map((doubt) => [`${doubt.source} ${doubt.urn ?? ''} ${doubt.id ?? ''} ${doubt.text}`, doubt]));
  const run = open.run && {
    ...open.run,
    ...(engineEndedAt === undefined ? {} : { engineEndedAt }),
    ...(spool === undefined ? {} : { spool }),
    ...(spoolDigest === undefined ? {} : { spoolDigest }),
  };
  return to({
    ...commonOf(at),
    phase: 'held',
    since: at.phase === 'recovering' ? at.since : now,
    owner: at.owner,
    ...open,
    ...(run === undefined ? {} : { run }),
    doubts: [...known.values()],
  });
};

/** The record as it is, with some of its fields changed. */
const changed = (
  at: StackRecord,
  fields: Partial<Pick<StackRecord, 'frozen' | 'disowned'>> & { readonly run?: InterruptedRun; readonly answers?: Answer[] },
): Transition => {
  const { write: _, ...rest } = at;
  return to({ ...rest, ...fields });
};

/** What is refused because another process has the stack, or it is held. */
const taken = { claimed: 'not-free', running: 'not-free', held: 'not-free', recovering: 'not-free' } as const;

/** The writer's ownership is over. */
const lost = { none: 'wrong-phase', free: 'not-owner', held: 'not-owner' } as const;

const everywhere = { free: 'any', claimed: 'any', running: 'any', held: 'any', recovering: 'any' } as const;

/**
 * Every transition that there is, by event and phase. The writes that go with each, and their order, are where it is used: the record first, the lock
 * second.
 */
export const table: { readonly [T in EventType]: Row<T> } = {
  claim: {
    from: { none: 'any', free: 'any', ...taken },
    then: (at, { owner }, now) => {
      const common = commonOf(at);
      if (common.frozen !== undefined) return refuse('frozen');
      const epoch = common.epoch + 1;
      return to({ ...common, epoch, phase: 'claimed', since: now, owner: { ...owner, epoch } });
    },
  },
  'give-back': {
    from: { ...lost, claimed: 'owner', running: 'wrong-phase', recovering: 'wrong-phase' },
    then: (at, _, now) => owned(at, (own) => free(own, own.verified, now)),
  },
  start: {
    from: { ...lost, claimed: 'owner', running: 'wrong-phase', recovering: 'wrong-phase' },
    then: (at, { operation, base, program, session }, now) =>
      owned(at, (own) => {
        if (own.frozen !== undefined) return refuse('frozen');
        const { owner } = own;
        const run = { by: owner, operation, base, ...(program === undefined ? {} : { program }), sessions: [session], engineStarted: true };
        return to({ ...commonOf(own), phase: 'running', since: now, owner, run, doubts: [], answers: [], owners: [processOf(owner)] });
      }),
  },
  hold: {
    from: { ...lost, claimed: 'owner', running: 'owner', recovering: 'owner' },
    then: (at, event, now) => owned(at, (own) => hold(own, event, now)),
  },
  verify: {
    from: { ...lost, claimed: 'wrong-phase', running: 'owner', recovering: 'owner' },
    then: (at, { verified }, now) => owned(at, (own) => free(own, withSeconds(verified, own, now), now)),
  },
  'take-over': {
    from: { none: 'wrong-phase', free: 'wrong-phase', claimed: 'any', running: 'any', held: 'any', recovering: 'any' },
    then: (at, { owner, proof }, now) =>
      owned(at, (own) =>
        // That nothing was started is true of a claim alone, and of what was taken over from one.
        proof === 'nothing-started' && own.phase !== 'claimed' && own.run?.engineStarted !== false
          ? refuse('wrong-phase')
          : takeOver(own, owner, proof, now),
      ),
  },
  release: {
    from: { ...lost, claimed: 'wrong-phase', running: 'wrong-phase', held: 'any', recovering: 'owner' },
    // The end of another's ownership is a takeover.
    then: (at, { incident }, now) =>
      owned(at, (own) => free(own, { kind: 'unknown', incident, since: now }, now, own.phase === 'held' ? own.epoch + 1 : own.epoch)),
  },
  freeze: {
    from: { none: 'any', ...everywhere },
    then: (at, { by }, now) => {
      const common = commonOf(at);
      if (common.frozen !== undefined && common.frozen.incident !== by.incident) return refuse('other-freeze');
      // Whose freeze was first, it is.
      const frozen = common.frozen ?? by;
      return isRecord(at) ? changed(at, { frozen }) : to({ ...common, phase: 'free', since: now, frozen });
    },
  },
  unfreeze: {
    from: { none: 'not-frozen', ...everywhere },
    then: (at, { nonce }) => {
      if (!isRecord(at) || at.frozen?.nonce !== nonce) return refuse('not-frozen');
      const rest = { ...at, frozen: undefined };
      return changed(rest, {});
    },
  },
  disown: {
    from: { ...lost, claimed: 'wrong-phase', running: 'wrong-phase', recovering: 'owner' },
    then: (at, { objects }) => owned(at, (own) => changed(own, { disowned: withDisowned(own.disowned, objects) })),
  },
  answer: {
    from: { ...lost, claimed: 'wrong-phase', running: 'wrong-phase', recovering: 'owner' },
    then: (at, { answers }) =>
      owned(at, (own) =>
        own.phase === 'claimed'
          ? refuse('wrong-phase')
          : changed(own, { answers: [...answers.reduce<readonly Answer[]>(withAnswer, own.answers)] }),
      ),
  },
};

/** @param at the record as it was read with the ETag that the write is conditional on; the stack's name where there is none */
export function transition(at: StackRecord | NoRecord, event: Event, now: string): Transition {
  const row = table[event.type] as unknown as Row<EventType>;
  const who = row.from[isRecord(at) ? at.phase : 'none'];
  if (who !== 'any' && who !== 'owner') return refuse(who);
  if (who === 'owner') {
    const as = 'as' in event ? event.as : undefined;
    if (!isRecord(at) || at.phase === 'free' || as?.epoch !== at.epoch || as.nonce !== at.owner.nonce) return refuse('not-owner');
  }
  return row.then(at, event, now);
}
