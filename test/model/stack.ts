import type { Event, From, Refusal } from '../../orchestrator/ownership/transitions.ts';
import type { Proof } from '../../orchestrator/ownership/stack-record.ts';
import { ask, events, interruptedRecord, noRecord, processOf, verifiedRecord } from './record.ts';
import type { Written } from './record.ts';
import type { Model, Step } from './search.ts';

/**
 * One stack: its record, Holdfast's lock, the checkpoint, AWS, and small actors that work with them, one call to the bucket or to AWS at a time. What is
 * written to the record is what the real table makes of it. The rest (conditions, deaths, pauses, writes and calls that arrive late) is the model's own.
 * An actor is paused where the others go on.
 */

const names = {
  a: 'run A',
  b: 'run B',
  v: 'recovery V',
  w: 'recovery W',
  f: 'freeze',
  u: 'unfreeze',
  t: 'tidy',
  p: 'pulumi up',
  s: 'pulumi state',
  c: 'pulumi cancel',
} as const;

export type Actor = keyof typeof names;

/** What the protocol asks for beside the table; each can be left out, to see what it is for. */
export interface Rules {
  /** 1: the ETag that a write is conditional on was read before the look that shows the own epoch. */
  readonly etagBeforeLook: boolean;
  /** 2: what a recovery writes is never content that was there before. */
  readonly ownCheckpoint: boolean;
  /** 3: an engine starts by a swap from `claimed` to `running`. */
  readonly startBySwap: boolean;
  /** 4: a takeover of `running` goes by a true proof that nothing of its owner can reach AWS. */
  readonly proofOfRunning: boolean;
  /** 5: so does one of what the run itself wrote `held`. */
  readonly proofOfHeld: boolean;
  /** 4 and 5: what is taken over is what the proof is of. */
  readonly proofIsOfOwner: boolean;
  /** 6: a transition that wants a lock writes its own over one of an older epoch. */
  readonly overOlderLock: boolean;
  /** 7: and leaves one of a later epoch alone. */
  readonly leavesLaterLock: boolean;
  /** 8: tidy reads the lock first, the record second. */
  readonly lockThenRecord: boolean;
  /** 9: after the put of the lock the folder is listed. */
  readonly listAfterPut: boolean;
  /** 10: a version since `verified` that plain pulumi wrote: a recovery asks whether that is dead. */
  readonly askAboutPulumi: boolean;
  /** 14: a run that goes on over a changed checkpoint looked at every version since `verified` … */
  readonly everyVersion: boolean;
  /** 14: … and at AWS. */
  readonly lookAtAws: boolean;
  /** A recovery changes the checkpoint before it believes anything. Spare. */
  readonly touch: boolean;
  /** The folder and the checkpoint are looked at before `verified`. Spare. */
  readonly lastLook: boolean;
  /** No content of a lock comes twice. Spare. */
  readonly ownLock: boolean;
  /** Tidy takes back a lock that is not wanted any more. Spare. */
  readonly undoPutBack: boolean;
}

export const everyRule: Rules = {
  etagBeforeLook: true,
  ownCheckpoint: true,
  startBySwap: true,
  proofOfRunning: true,
  proofOfHeld: true,
  proofIsOfOwner: true,
  overOlderLock: true,
  leavesLaterLock: true,
  lockThenRecord: true,
  listAfterPut: true,
  askAboutPulumi: true,
  everyVersion: true,
  lookAtAws: true,
  touch: true,
  lastLook: true,
  ownLock: true,
  undoPutBack: true,
};

export interface LineUp {
  readonly actors: readonly Actor[];
  readonly deaths: number;
  /** Writes whose answer is lost, and which arrive at any later time. */
  readonly lateWrites?: number;
  /**
   * What was before: a verified stack without objects, which is what is meant where nothing is said; no record and no checkpoint; or a run that died
   * when it had written an intent, and of which nothing more reaches AWS.
   */
  readonly before?: 'verified' | 'nothing' | 'dead-run';
  readonly rules?: Partial<Rules>;
}

/** Where an actor is, and what it knows. Equal ones are the same object. */
interface Local {
  readonly at: string;
  readonly epoch: number;
  /** Of its lock: tells one put from the next. */
  readonly puts: number;
  /** The content that its next write is conditional on. */
  readonly checkpoint: string;
  /** What it saw or found. */
  readonly seen: string;
  readonly seenRaw: string;
  /** The lock of another that it lives with (rule 6 left out). */
  readonly keeps: string;
  readonly proof: Proof | '';
  /** Of the record, as it saw or wrote it. */
  readonly phase: From | '';
  readonly isFrozen: boolean;
  readonly record: Written | undefined;
}

const blank: Local = {
  at: 'begin',
  epoch: 0,
  puts: 0,
  checkpoint: '',
  seen: '',
  seenRaw: '',
  keeps: '',
  proof: '',
  phase: '',
  isFrozen: false,
  record: undefined,
};
const locals = new Map<string, Local>();

function local(at: string, knows: Partial<Local> = {}, before: Local = blank): Local {
  const made = { ...before, ...knows, at };
  const { epoch, puts, checkpoint, seen, seenRaw, keeps, proof, phase, isFrozen, record } = made;
  const key = `${at};${epoch};${puts};${checkpoint};${seen};${seenRaw};${keeps};${proof};${phase};${isFrozen};${record?.id ?? ''}`;
  const known = locals.get(key);
  if (known) return known;
  locals.set(key, made);
  return made;
}

const begin = local('begin');
const end = local('end');
const dead = local('dead');

/** A write on its way without its sender. */
type Late = { readonly by: Actor; readonly epoch: number } & (
  | { readonly what: 'record'; readonly from: Written; readonly to: Written }
  | { readonly what: 'lock' | 'checkpoint'; readonly from: string; readonly to: string }
);

const lateLists = new Map<string, readonly Late[]>();

function lateList(writes: readonly Late[]): readonly Late[] {
  const key = writes
    .map(
      (write) =>
        `${write.by};${write.epoch};${write.what};${write.what === 'record' ? `${write.from.id}>${write.to.id}` : `${write.from}>${write.to}`}`,
    )
    .sort()
    .join(' ');
  const known = lateLists.get(key);
  if (known) return known;
  lateLists.set(key, writes);
  return writes;
}

interface State {
  readonly record: Written;
  /** Content of Holdfast's lock, at its one key: who, epoch, put. */
  readonly lock: string;
  /** Plain pulumi's locks: the letters of who put them. */
  readonly raw: string;
  /** Object, pending operations, what makes this content the only one of its kind. Empty: there is none. */
  readonly checkpoint: string;
  /** What AWS has: the letters of who made it. */
  readonly objects: string;
  /** Creates on their way to AWS. */
  readonly flight: string;
  /** Runs of which nothing more reaches AWS: their sessions have ended. */
  readonly ended: string;
  readonly late: readonly Late[];
  readonly lateLeft: number;
  readonly deathsLeft: number;
  /** The epoch of the last recovery that changed the checkpoint. */
  readonly touched: number;
  readonly isCancelled: boolean;
  /** By freeze, to a person. `later`: when its owner has ended, or plain pulumi. */
  readonly toldFrozen: '' | 'later' | 'now';
  /** Plain pulumi wrote a version. */
  readonly rawWrote: boolean;
  /** A version since `verified` has an intent that none of the later ones answers. */
  readonly openIntent: boolean;
  readonly broken: string;
  readonly actors: readonly Local[];
}

const objectOf = (checkpoint: string): string => checkpoint.slice(0, Math.max(0, checkpoint.indexOf('|')));
const hasPending = (checkpoint: string): boolean => checkpoint.split('|')[1] === '1';
const checkpointOf = (object: string, isPending: boolean, mark: string): string => `${object}|${isPending ? 1 : 0}|${mark}`;

const epochOfLock = (lock: string): number => Number(/\d+/.exec(lock)?.[0] ?? 0);
const lockOf = (who: Actor, epoch: number, put: number | string, { ownLock }: Rules): string => `${who}${epoch}${ownLock ? `#${put}` : ''}`;
/** Puts of a lock that are told apart: more of them in a row show nothing new. */
const mostPuts = 3;

const withLetter = (letters: string, letter: string): string =>
  letters.includes(letter)
    ? letters
    : Array.from(letters + letter)
        .sort()
        .join('');
const withoutLetter = (letters: string, letter: string): string => letters.replace(letter, '');

const isOver = (me: Local): boolean => me === end || me === dead;

/** An event, and a key that no other one has. */
type Asked = readonly [key: string, event: () => Event];

interface Swap {
  readonly done: (after: Written) => Local;
  readonly refused: (why: Refusal) => Local;
  /** Where it is when the answer was lost: the write may arrive later. */
  readonly lost?: (tried: Written) => Local;
  readonly change?: Partial<State>;
}

/** What one actor can do next, from one state. */
class Turn {
  readonly state: State;
  readonly who: Actor;
  readonly me: Local;
  readonly rules: Rules;
  private readonly all: readonly Actor[];
  private readonly index: number;
  private readonly steps: Step<State>[];

  constructor(state: State, all: readonly Actor[], index: number, rules: Rules, steps: Step<State>[]) {
    this.state = state;
    this.all = all;
    this.index = index;
    this.who = all[index] ?? 'a';
    this.me = state.actors[index] ?? end;
    this.rules = rules;
    this.steps = steps;
  }

  /** Where another one is. */
  of(who: Actor): Local | undefined {
    return this.state.actors[this.all.indexOf(who)];
  }

  go(does: string, me: Local, change: Partial<State> = {}, isFault = false): void {
    const actors = this.state.actors.slice();
    actors[this.index] = me;
    this.steps.push({ label: `${names[this.who]} ${does}`, to: changedState(this.state, change, actors), isFault });
  }

  get isMine(): boolean {
    const { record } = this.state;
    return record.owner === this.who && record.epoch === this.me.epoch;
  }

  get lock(): string {
    return this.me.keeps === '' ? lockOf(this.who, this.me.epoch, this.me.puts, this.rules) : this.me.keeps;
  }

  /**
   * Writes the record as `swap` does: over exactly what was read, and where that changed, over what is there now. So it is one step.
   */
  swap(does: string, [key, event]: Asked, { done, refused, lost, change }: Swap): void {
    const { record } = this.state;
    const after = ask(record, key, event);
    if (typeof after === 'string') {
      this.go(`${does}: refused, ${after}`, refused(after));
      return;
    }
    this.go(does, done(after), { record: after, ...change });
    if (lost) this.loses(does, lost(after), { what: 'record', by: this.who, epoch: this.me.epoch, from: record, to: after });
  }

  /** Over the content that it read. */
  putCheckpoint(does: string, content: string, done: string, unmet: Local, change: Partial<State> = {}): void {
    const { state, me } = this;
    if (state.checkpoint === me.checkpoint)
      this.go(does, local(done, { checkpoint: content }, me), { checkpoint: content, broken: staleWrite(state, me.epoch), ...change });
    else this.go(`${does}: refused, it changed`, unmet);
    this.loses(does, unmet, { what: 'checkpoint', by: this.who, epoch: me.epoch, from: me.checkpoint, to: content });
  }

  /** Over whatever lock of Holdfast stands there, on condition of what was seen: one step, as one that fails only means to look again. */
  putLock(does: string, done: Local, again?: Local): void {
    const { lock } = this.state;
    const content = lockOf(this.who, this.me.epoch, this.me.puts + 1, this.rules);
    this.go(`${does}${lock === '' ? '' : ' over the one that stands'}`, done, { lock: content });
    if (again) this.loses(does, again, { what: 'lock', by: this.who, epoch: this.me.epoch, from: lock, to: content });
  }

  private loses(does: string, me: Local, write: Late): void {
    const { late, lateLeft } = this.state;
    if (lateLeft > 0)
      this.go(`${does}: no answer, and it is still on its way`, me, { late: lateList([...late, write]), lateLeft: lateLeft - 1 }, true);
  }
}

const staleWrite = ({ broken, touched }: State, epoch: number): string =>
  broken === '' && epoch < touched ? 'an owner that was taken over wrote the checkpoint after a recovery had changed it' : broken;

/** Of the most frequent call: spelled out, so that every state has one shape. */
function changedState(state: State, change: Partial<State>, actors: readonly Local[]): State {
  return {
    record: change.record ?? state.record,
    lock: change.lock ?? state.lock,
    raw: change.raw ?? state.raw,
    checkpoint: change.checkpoint ?? state.checkpoint,
    objects: change.objects ?? state.objects,
    flight: change.flight ?? state.flight,
    ended: change.ended ?? state.ended,
    late: change.late ?? state.late,
    lateLeft: change.lateLeft ?? state.lateLeft,
    deathsLeft: change.deathsLeft ?? state.deathsLeft,
    touched: change.touched ?? state.touched,
    isCancelled: change.isCancelled ?? state.isCancelled,
    toldFrozen: change.toldFrozen ?? state.toldFrozen,
    rawWrote: change.rawWrote ?? state.rawWrote,
    openIntent: change.openIntent ?? state.openIntent,
    broken: change.broken ?? state.broken,
    actors,
  };
}

function run(turn: Turn): void {
  const { state, who, me, rules } = turn;
  const { record, checkpoint } = state;
  const { epoch } = me;
  switch (me.at) {
    case 'begin':
      if (record.phase === 'none' && (checkpoint !== '' || state.lock !== ''))
        turn.go('is refused: there is a checkpoint, and no record', end);
      else {
        const claimed = (after: Written): Partial<Local> => ({ epoch: after.epoch, checkpoint: after.verified });
        turn.swap('claims the stack', [`claim ${who}`, () => events.claim(who)], {
          done: (after) => local('put lock', claimed(after)),
          refused: () => end,
          lost: (tried) => local('claimed?', claimed(tried)),
        });
      }
      break;
    case 'claimed?':
      if (turn.isMine) turn.go('reads the record: it has the stack', local('put lock', {}, me));
      else turn.go('reads the record: it has it not', end);
      break;
    case 'put lock':
    case 'list':
    case 'look again':
      lockStep(turn, 'read', 'give back');
      break;
    case 'read': {
      const isVerified = checkpoint === me.checkpoint;
      const isExplained =
        !hasPending(checkpoint) &&
        !(rules.everyVersion && state.openIntent) &&
        (!rules.lookAtAws || state.objects === objectOf(checkpoint));
      if (!isVerified && !isExplained) turn.go('reads a checkpoint that is not the verified one', local('hold', {}, me));
      else if (objectOf(checkpoint) !== '') turn.go('reads the checkpoint: nothing to do', local('give back', {}, me));
      else
        turn.go(
          `reads the checkpoint${isVerified ? '' : ', changed behind'}`,
          local(rules.startBySwap ? 'start' : 'intent', { checkpoint }, me),
        );
      break;
    }
    case 'start':
      if (turn.isMine && record.phase === 'running') turn.go('reads the record: its write was done', local('intent', {}, me));
      else
        turn.swap(
          'writes that its engine may run',
          [`start ${who} ${epoch} ${me.checkpoint}`, () => events.start(who, epoch, me.checkpoint)],
          {
            done: () => local('intent', {}, me),
            refused: (why) => (why === 'frozen' ? local('give back', {}, me) : end),
            lost: () => me,
          },
        );
      break;
    case 'intent':
      turn.putCheckpoint('writes its intent', checkpointOf('', true, `${who}${epoch}i`), 'call', local('hold', {}, me));
      break;
    case 'call':
      if (state.ended.includes(who)) turn.go('calls AWS, and its session has ended', local('hold', {}, me));
      else turn.go('sends its create', local('wait', {}, me), { flight: withLetter(state.flight, who) });
      break;
    case 'wait':
      if (state.objects.includes(who)) turn.go('has the answer of its create', local('result', {}, me));
      turn.go('has no answer of its create', local('hold', {}, me), {}, state.objects.includes(who) || state.flight.includes(who));
      break;
    case 'result':
      turn.putCheckpoint('writes its result', checkpointOf(who, false, `${who}${epoch}r`), 'last look', local('hold', {}, me));
      break;
    case 'hold':
      holdStep(turn, record.phase === 'running');
      break;
    default:
      endStep(turn);
  }
}

function recovery(turn: Turn): void {
  const { state, who, me, rules } = turn;
  const { record, checkpoint } = state;
  const { epoch } = me;
  const hold = local('hold', {}, me);
  switch (me.at) {
    case 'begin': {
      if (record.owner === '') break;
      const { proof, ended } = proofOf(turn);
      turn.go(`reads the record (${record.phase}), and has its proof: ${proof}`, local('take over', { epoch: record.epoch, proof }), {
        ended,
      });
      break;
    }
    case 'take over': {
      const { proof } = me;
      if (proof === '') break;
      if (rules.proofIsOfOwner && record.epoch !== epoch) {
        turn.go('reads the record: another has the stack now', begin);
        break;
      }
      turn.swap(`takes over what is ${record.phase}`, [`take-over ${who} ${proof}`, () => events.takeOver(who, proof)], {
        done: (after) => local('put lock', { epoch: after.epoch }),
        refused: () => begin,
        lost: (tried) => local('taken over?', { epoch: tried.epoch }),
      });
      break;
    }
    case 'taken over?':
      if (turn.isMine) turn.go('reads the record: it has the stack', local('put lock', {}, me));
      else turn.go('reads the record: it has it not', begin);
      break;
    case 'put lock':
    case 'list':
    case 'look again':
      lockStep(turn, rules.etagBeforeLook ? 'read' : 'look', 'hold');
      break;
    case 'read':
      turn.go('reads the checkpoint', local(rules.etagBeforeLook ? 'look' : 'touch', { checkpoint }, me));
      break;
    case 'look':
      if (turn.isMine)
        turn.go('reads the record: its own', local(rules.etagBeforeLook ? (rules.touch ? 'touch' : 'evidence') : 'read', {}, me));
      else turn.go('reads the record: it was taken over', end);
      break;
    case 'touch': {
      const content = checkpointOf(objectOf(me.checkpoint), hasPending(me.checkpoint), `t${epoch}`);
      const again = local(rules.etagBeforeLook ? 'read' : 'look', { checkpoint: '' }, me);
      turn.putCheckpoint('changes the checkpoint', content, 'evidence', again, { touched: Math.max(state.touched, epoch) });
      break;
    }
    case 'evidence':
      if (state.raw !== '') turn.go('sees a lock of plain pulumi, and cannot know whether that is dead', hold);
      else if (rules.askAboutPulumi && state.rawWrote && isRawIn(turn.of('p'), turn.of('s')))
        turn.go('sees a version of plain pulumi, and asks whether that is dead: no', hold);
      else if (state.objects.length > 1) turn.go('finds two objects, and asks', local('ask', {}, me));
      else turn.go(`looks at AWS: ${state.objects === '' ? 'nothing' : 'one object'}`, local('promote', { seen: state.objects }, me));
      break;
    case 'ask':
      turn.go('is answered: one of the two is deleted', local('evidence', {}, me), { objects: state.objects.charAt(0) });
      break;
    case 'promote': {
      const content = checkpointOf(me.seen, false, rules.ownCheckpoint ? `p${epoch}` : '0');
      turn.putCheckpoint('writes the recovered checkpoint', content, 'last look', hold);
      break;
    }
    case 'hold':
      holdStep(turn, false);
      break;
    default:
      endStep(turn);
  }
}

/** What a recovery goes by. Without rules 4 and 5 it takes for granted what it cannot know. */
function proofOf(turn: Turn): { readonly proof: Proof; readonly ended: string } {
  const { state, rules } = turn;
  const { record, flight, ended } = state;
  const { run: letter, phase } = record;
  const owner = turn.of(letter as Actor) ?? dead;
  const isQuiet = !flight.includes(letter);
  if (phase === 'claimed' || (letter !== '' && !record.isEngineStarted)) return { proof: 'nothing-started', ended };
  // A recovery calls nothing that changes AWS, and whoever had the stack before it was proved to be quiet.
  if (record.owner !== letter) return { proof: 'person', ended };
  if (record.isEngineEnded && (isQuiet || !rules.proofOfHeld)) return { proof: 'engine-ended', ended };
  if ((owner === dead && isQuiet) || (phase === 'running' && !rules.proofOfRunning)) return { proof: 'process-dead', ended };
  return { proof: 'sessions-ended', ended: withLetter(ended, letter) };
}

/** The put of the lock, and what follows it. */
function lockStep(turn: Turn, next: string, besidePulumi: string): void {
  const { state, me, rules } = turn;
  const { lock } = state;
  switch (me.at) {
    case 'put lock': {
      const puts = me.puts + 1;
      if (rules.leavesLaterLock && epochOfLock(lock) > me.epoch) turn.go('sees a lock of a later epoch', end);
      else if (!rules.overOlderLock && lock !== '') turn.go('leaves the lock that stands', local('list', { keeps: lock }, me));
      else {
        const again = puts < mostPuts ? local('put lock', { puts }, me) : undefined;
        turn.putLock('puts its lock', local(rules.listAfterPut ? 'list' : next, { puts }, me), again);
      }
      break;
    }
    case 'list':
      if (state.raw !== '') turn.go('sees a lock of plain pulumi beside its own', local(besidePulumi, {}, me));
      else if (lock === turn.lock) turn.go('sees its lock alone', local(next, {}, me));
      else turn.go('sees that its lock is gone', local('look again', {}, me));
      break;
    default:
      if (turn.isMine) turn.go('reads the record: its own', local('put lock', { puts: Math.min(me.puts, mostPuts - 1) }, me));
      else turn.go('reads the record: it was taken over', end);
  }
}

function holdStep(turn: Turn, isEngineEnded: boolean): void {
  const { who, me } = turn;
  turn.swap('writes: held', [`hold ${who} ${me.epoch} ${isEngineEnded}`, () => events.hold(who, me.epoch, isEngineEnded)], {
    done: () => local('see to lock', { epoch: me.epoch }),
    refused: () => end,
  });
}

/** How a run and a recovery end. */
function endStep(turn: Turn): void {
  const { state, who, me, rules } = turn;
  const { record, lock, checkpoint } = state;
  const { epoch } = me;
  const hold = local('hold', {}, me);
  const unlock = ({ frozen }: Written): Local => local('unlock', { checkpoint: '', seen: '', isFrozen: frozen !== '' }, me);
  switch (me.at) {
    case 'give back':
      turn.swap('gives the stack back', [`give-back ${who} ${epoch}`, () => events.giveBack(who, epoch)], {
        done: unlock,
        refused: () => end,
      });
      break;
    case 'last look':
      if (!rules.lastLook) turn.go("takes its engine's word for it", local('verify', {}, me));
      else if (state.raw === '' && lock === turn.lock) turn.go('lists the folder: its own lock and no other', local('head', {}, me));
      else turn.go('lists the folder: its lock is gone, or not alone', hold);
      break;
    case 'head':
      if (checkpoint === me.checkpoint) turn.go('sees its own checkpoint', local('verify', {}, me));
      else turn.go('sees another checkpoint', hold);
      break;
    case 'verify':
      turn.swap('writes: verified', [`verify ${who} ${epoch} ${me.checkpoint}`, () => events.verify(who, epoch, me.checkpoint)], {
        done: unlock,
        refused: () => local('verified?', {}, me),
        lost: () => local('verified?', {}, me),
        change: sinceVerified(state, me.checkpoint),
      });
      break;
    case 'verified?':
      if (record.phase === 'free' && record.epoch === epoch) turn.go('reads the record: its write was done', unlock(record));
      else if (turn.isMine) turn.go('reads the record: its own', local('last look', {}, me));
      else turn.go('reads the record: it was taken over', end);
      break;
    case 'unlock':
      // From its own swap it knows whether the stack is frozen.
      if (me.isFrozen) turn.go('leaves its lock: the stack is frozen', end);
      else if (lock === turn.lock) turn.go('deletes its lock', end, { lock: '' });
      else turn.go('leaves the lock that is in the place of its own', end);
      break;
    case 'see to lock':
      if (lock === '') turn.go('puts its lock back', end, { lock: lockOf(who, epoch, 'back', rules) });
      else turn.go('sees a lock, and ends', end);
      break;
    default:
      throw new Error(`${who} is at ${me.at}`);
  }
}

/** What plain pulumi wrote counts from the verified version on. One that came behind it does. */
const sinceVerified = ({ checkpoint }: State, verified: string): Partial<State> =>
  checkpoint === verified ? { rawWrote: false, openIntent: false } : {};

function freeze(turn: Turn): void {
  const { state, me, rules } = turn;
  const { record, lock } = state;
  const put = (from: Written): Local => local('put lock', { epoch: from.epoch, phase: from.phase, puts: Math.min(me.puts, mostPuts - 1) });
  switch (me.at) {
    case 'begin':
      turn.swap(`writes: frozen (${record.phase})`, ['freeze', () => ({ type: 'freeze', by: processOf('f', 'freeze') })], {
        done: put,
        refused: () => end,
      });
      break;
    case 'put lock': {
      const leaves = !rules.overOlderLock || me.phase !== 'free' || (rules.leavesLaterLock && epochOfLock(lock) > me.epoch);
      if (lock !== '' && leaves) turn.go('leaves the lock that stands', local('list', {}, me));
      else turn.putLock('puts its lock', local('list', { puts: me.puts + 1 }, me));
      break;
    }
    case 'list':
      turn.go('lists the folder', local('look', { seen: lock === '' ? '' : 'lock', seenRaw: state.raw }, me));
      break;
    case 'look':
      if (record.frozen === '') turn.go('reads the record: unfrozen meanwhile', local('undo'));
      else if (me.seen === '') turn.go('saw that the lock is gone', put(record));
      else if (me.seenRaw !== '') turn.go('tells: it is frozen, and plain pulumi is in it', end, { toldFrozen: 'later' });
      else if (record.phase !== 'free') turn.go('tells: it is frozen when its owner has ended', end, { toldFrozen: 'later' });
      else if (me.phase !== 'free') turn.go('reads the record: its owner has ended', put(record));
      else turn.go('tells: it is frozen', end, { toldFrozen: 'now' });
      break;
    default:
      if (lock.startsWith('f')) turn.go('takes its lock away', end, { lock: '' });
      else turn.go('has nothing to undo', end);
  }
}

function unfreeze(turn: Turn): void {
  const { state, me } = turn;
  const { record, lock } = state;
  switch (me.at) {
    case 'begin':
      if (record.frozen === '') break;
      turn.swap('writes: not frozen', [`unfreeze ${record.frozen}`, () => ({ type: 'unfreeze', nonce: record.frozen })], {
        done: () => local('list'),
        refused: () => end,
        change: { toldFrozen: '' },
      });
      break;
    case 'list':
      turn.go('lists the folder', local('look', { seen: lock }));
      break;
    case 'look':
      if (!record.wantsLock && me.seen !== '') turn.go('reads the record: free', local('delete', {}, me));
      else turn.go('has no lock to delete', end);
      break;
    default:
      if (lock === me.seen) turn.go('deletes the lock', end, { lock: '' });
      else turn.go('leaves another lock', end);
  }
}

/** What any command of Holdfast does that finds record and lock disagreeing. */
function tidy(turn: Turn): void {
  const { state, me, rules } = turn;
  const { record, lock } = state;
  const { epoch } = me;
  switch (me.at) {
    case 'begin':
      if (record.phase === 'claimed' && turn.of(record.owner as Actor) === dead)
        turn.go('sees a claim whose owner is dead', local('take over', { epoch: record.epoch }));
      if (rules.lockThenRecord) turn.go('reads the lock', local('compare', { seen: lock }));
      else turn.go('reads the record', local('compare', { record }));
      break;
    case 'take over':
      if (rules.proofIsOfOwner && record.epoch !== epoch) turn.go('reads the record: another has the stack now', begin);
      else
        turn.swap(`takes over what is ${record.phase}`, ['take-over t', () => events.takeOver('t', 'nothing-started')], {
          done: (after) => local('free', { epoch: after.epoch, checkpoint: after.verified }),
          refused: () => begin,
        });
      break;
    case 'free':
      turn.swap('frees it, verified as before', [`verify t ${epoch} ${me.checkpoint}`, () => events.verify('t', epoch, me.checkpoint)], {
        done: () => begin,
        refused: () => begin,
      });
      break;
    case 'compare': {
      const read = me.record ?? record;
      const seen = me.record ? lock : me.seen;
      if (read.wantsLock && seen === '') turn.go('sees that a lock is missing', local('put', { epoch: read.epoch, seen: read.owner }));
      else if (!read.wantsLock && seen !== '') turn.go('sees a lock that the record does not want', local('delete', { seen }));
      else turn.go('sees nothing to do', begin);
      break;
    }
    case 'put': {
      const content = rules.ownLock ? lockOf('t', me.epoch, 0, rules) : `${me.seen}${me.epoch}`;
      if (lock !== '') turn.go('finds that a lock is there', begin);
      else turn.go('puts the lock back', rules.undoPutBack ? local('look', { seen: content }) : begin, { lock: content });
      break;
    }
    case 'look':
      if (record.wantsLock) turn.go('reads the record: the lock is wanted', begin);
      else turn.go('reads the record: the lock is not wanted', local('delete', {}, me));
      break;
    default:
      if (lock === me.seen) turn.go('deletes the lock', begin, { lock: '' });
      else turn.go('leaves another lock', begin);
  }
}

/** Plain pulumi lists, puts its lock, lists again, and writes the checkpoint without a condition. */
function pulumiUp(turn: Turn): void {
  const { state, me } = turn;
  const alone = withoutLetter(state.raw, 'p');
  const to = (at: string): Local => local(at);
  switch (me.at) {
    case 'begin':
      if (state.lock === '' && state.raw === '') turn.go('lists: no lock', to('put'));
      else turn.go('is refused: there is a lock', end);
      break;
    case 'put':
      turn.go('puts its lock', to('list'), { raw: withLetter(state.raw, 'p') });
      break;
    case 'list':
      if (state.lock === '' && alone === '') turn.go('lists: its own lock alone', to('in'));
      else turn.go('sees another lock, and takes its own away', end, { raw: alone });
      break;
    case 'in':
      if (objectOf(state.checkpoint) === '') turn.go('reads the checkpoint', to('intent'));
      else turn.go('reads the checkpoint: nothing to do', to('leave'));
      break;
    case 'intent':
      turn.go('writes its intent', to('call'), { checkpoint: checkpointOf('', true, 'pi'), rawWrote: true, openIntent: true });
      break;
    case 'call':
      turn.go('creates', to('result'), { objects: withLetter(state.objects, 'p') });
      break;
    case 'result':
      turn.go('writes its result', to('leave'), { checkpoint: checkpointOf('p', false, 'pr'), rawWrote: true, openIntent: false });
      turn.go('writes the checkpoint of a killed plugin', to('leave'), { checkpoint: checkpointOf('', false, 'pk'), rawWrote: true }, true);
      break;
    default:
      turn.go('takes its lock away', end, { raw: alone });
  }
}

/** `pulumi state delete` reads before it locks. */
function pulumiState(turn: Turn): void {
  const { state, me } = turn;
  const alone = withoutLetter(state.raw, 's');
  switch (me.at) {
    case 'begin':
      turn.go('reads the checkpoint', local('list', { checkpoint: state.checkpoint }));
      break;
    case 'list':
      if (state.lock === '' && state.raw === '') turn.go('lists: no lock', local('put', {}, me));
      else turn.go('is refused: there is a lock', end);
      break;
    case 'put':
      turn.go('puts its lock', local('list again', {}, me), { raw: withLetter(state.raw, 's') });
      break;
    case 'list again':
      if (state.lock === '' && alone === '') turn.go('lists: its own lock alone', local('write', {}, me));
      else turn.go('sees another lock, and takes its own away', end, { raw: alone });
      break;
    case 'write':
      turn.go('writes what it read, changed', local('leave'), {
        checkpoint: checkpointOf(objectOf(me.checkpoint), false, 's'),
        rawWrote: true,
      });
      break;
    default:
      turn.go('takes its lock away', end, { raw: alone });
  }
}

/** Lists, then deletes by key: what was put in between as well. */
function pulumiCancel(turn: Turn): void {
  const { state, me } = turn;
  if (me === begin) {
    if (state.lock === '' && state.raw === '') return;
    const sees = { seen: state.lock === '' ? '' : 'lock', seenRaw: state.raw };
    turn.go('lists the locks', local('delete', sees), { isCancelled: true });
    return;
  }
  const raw = Array.from(state.raw)
    .filter((letter) => !me.seenRaw.includes(letter))
    .join('');
  turn.go('deletes every lock that it saw', end, { lock: me.seen === '' ? state.lock : '', raw });
}

const programs: Readonly<Record<Actor, (turn: Turn) => void>> = {
  a: run,
  b: run,
  v: recovery,
  w: recovery,
  f: freeze,
  u: unfreeze,
  t: tidy,
  p: pulumiUp,
  s: pulumiState,
  c: pulumiCancel,
};

const isRawIn = (up: Local | undefined, state: Local | undefined): boolean =>
  ['in', 'intent', 'call', 'result'].includes(up?.at ?? '') || state?.at === 'write';

const isInEngine = (me: Local | undefined): boolean =>
  ['intent', 'call', 'wait', 'result', 'last look', 'head', 'verify', 'verified?'].includes(me?.at ?? '');

/** What arrives at the bucket and at AWS without its sender. */
function arrivals(state: State): Step<State>[] {
  const steps: Step<State>[] = [];
  const go = (label: string, change: Partial<State>, isFault = false): void => {
    steps.push({ label, to: changedState(state, change, state.actors), isFault });
  };
  for (const write of state.late) {
    const late = lateList(state.late.filter((other) => other !== write));
    const label = `the late write of ${names[write.by]} (${write.what}) arrives`;
    if (write.what === 'record') {
      const { from, to } = write;
      if (state.record === from)
        go(label, { late, record: to, ...(to.verified === from.verified ? {} : sinceVerified(state, to.verified)) });
      else go(`${label}, and is refused`, { late });
    } else if (state[write.what] !== write.from) go(`${label}, and is refused`, { late });
    else go(label, { late, [write.what]: write.to, ...(write.what === 'lock' ? {} : { broken: staleWrite(state, write.epoch) }) });
  }
  for (const letter of state.flight) {
    const flight = withoutLetter(state.flight, letter);
    const isEnded = state.ended.includes(letter);
    const of = `the create of ${names[letter as Actor]}`;
    if (!isEnded) go(`${of} takes effect in AWS`, { flight, objects: withLetter(state.objects, letter) });
    go(`${of} is lost`, { flight }, !isEnded);
  }
  return steps;
}

const emptied = checkpointOf('', false, '0');
const nothingLate: readonly Late[] = lateList([]);

export function stackModel({ actors, deaths, lateWrites = 0, before = 'verified', rules: changed }: LineUp): Model<State> {
  const rules = { ...everyRule, ...changed };
  const of = ({ actors: at }: State, who: Actor): Local | undefined => at[actors.indexOf(who)];
  const [record, checkpoint] = {
    verified: () => [verifiedRecord(emptied), emptied] as const,
    nothing: () => [noRecord, ''] as const,
    'dead-run': () => [interruptedRecord(), checkpointOf('', true, '0')] as const,
  }[before]();

  const violation = (state: State): string | undefined => {
    const { record, lock, checkpoint, objects, toldFrozen, isCancelled } = state;
    if (state.broken !== '') return state.broken;
    const up = of(state, 'p');
    const rawIn = isRawIn(up, of(state, 's'));
    const isRunning = record.phase === 'running' && isInEngine(of(state, record.owner as Actor));
    if (toldFrozen !== '' && record.frozen === '') return 'a stack that was told to be frozen is not';
    if (toldFrozen === 'now') {
      if (record.owner !== '') return 'a stack that was told to be frozen has an owner';
      const inEngine = actors.filter((_, index) => isInEngine(state.actors[index]) && state.actors[index]?.epoch === record.epoch);
      if (inEngine.length > 0) return 'a run is in a stack that was told to be frozen';
    }
    if (!isCancelled) {
      if (rawIn && isRunning) return 'plain pulumi and a run are both in the stack, and no lock was cancelled';
      if (rawIn && toldFrozen === 'now') return 'plain pulumi is in a stack that was told to be frozen, and no lock was cancelled';
      if (lock === '' && toldFrozen === 'now') return 'a stack that was told to be frozen has no lock, and none was cancelled';
      if (lock === '' && (isRunning || record.phase === 'held'))
        return 'a stack that is running or held has no lock, and none was cancelled';
    }
    if ((record.phase === 'free' || record.phase === 'none') && checkpoint === record.verified && !(rawIn && up?.at !== 'in')) {
      const object = objectOf(checkpoint);
      if (objects.length > object.length) return 'a verified state lacks an object that AWS has';
      if (objects !== object) return 'a verified state has an object that AWS has not';
      if (hasPending(checkpoint)) return 'a verified state has a pending operation';
    }
    if (withoutLetter(objects, 'p').length > 1) return 'two runs made the same object';
    // With `pulumi state` it can happen without any command of Holdfast: it writes what it read long before, and `pulumi up` follows.
    if (objects.length > 1 && !isCancelled && !actors.includes('s')) return 'the object exists twice, and no lock was cancelled';
    return undefined;
  };

  const isEnd = (state: State): boolean => {
    const { record, lock } = state;
    const isDead = (who: Actor): boolean => of(state, who) === dead;
    // A person goes on: plain pulumi died and left its lock, or no recovery is left.
    if (state.raw !== '' && (isDead('p') || isDead('s'))) return true;
    const recoveries = [of(state, 'v'), of(state, 'w')].filter((me) => me !== undefined);
    if (record.owner !== '' && recoveries.every(isOver)) return true;
    if (isDead('t') || isDead('u')) return true;
    const isBusy = state.actors.some((me) => !isOver(me) && me !== begin);
    const isTidy = !actors.includes('t') || record.wantsLock === (lock !== '');
    return !isBusy && record.owner === '' && state.raw === '' && isTidy && state.late.length === 0;
  };

  const next = (state: State): Step<State>[] => {
    const steps = arrivals(state);
    actors.forEach((who, index) => {
      const turn = new Turn(state, actors, index, rules, steps);
      if (isOver(turn.me)) return;
      if (turn.me !== begin && who !== 'c' && state.deathsLeft > 0) turn.go('dies', dead, { deathsLeft: state.deathsLeft - 1 }, true);
      programs[who](turn);
    });
    return steps;
  };

  return {
    start: {
      record,
      lock: before === 'dead-run' ? '0' : '',
      raw: '',
      checkpoint,
      objects: '',
      flight: '',
      ended: '',
      late: nothingLate,
      lateLeft: lateWrites,
      deathsLeft: deaths,
      touched: 0,
      isCancelled: false,
      toldFrozen: '',
      rawWrote: false,
      openIntent: false,
      broken: '',
      actors: actors.map(() => begin),
    },
    next,
    violation,
    isEnd,
    partsOf: (state) => [
      state.record,
      state.lock,
      state.raw,
      state.checkpoint,
      state.objects,
      state.flight,
      state.ended,
      state.late,
      state.lateLeft,
      state.deathsLeft,
      state.touched,
      state.isCancelled,
      state.toldFrozen,
      state.rawWrote,
      state.openIntent,
      state.broken,
      ...state.actors,
    ],
    ofParts: (parts) =>
      ({
        record: parts[0],
        lock: parts[1],
        raw: parts[2],
        checkpoint: parts[3],
        objects: parts[4],
        flight: parts[5],
        ended: parts[6],
        late: parts[7],
        lateLeft: parts[8],
        deathsLeft: parts[9],
        touched: parts[10],
        isCancelled: parts[11],
        toldFrozen: parts[12],
        rawWrote: parts[13],
        openIntent: parts[14],
        broken: parts[15],
        actors: parts.slice(16),
      }) as State,
  };
}
