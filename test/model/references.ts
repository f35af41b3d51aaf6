import type { Event } from '../../orchestrator/ownership/transitions.ts';
import { ask, events, verifiedRecord } from './record.ts';
import type { Written } from './record.ts';
import type { Model, Step } from './search.ts';

/**
 * Two stacks and a reference. The program of the upstream has lost an object, which its run deletes if no downstream state refers to it; the program of
 * the downstream has begun to refer to it. Both may run at once, on different machines; each may die, and a recovery ends what a dead run left.
 */

/** Rule 13, in two halves. */
export interface ReferenceRules {
  /** A stack claims itself first, and reads the other's record and state after that. */
  readonly claimThenRead: boolean;
  /** The other's record has to be free. */
  readonly readOthersRecord: boolean;
}

type Side = 'upstream' | 'downstream';

const sides = ['upstream', 'downstream'] as const;
const otherOf = { upstream: 'downstream', downstream: 'upstream' } as const;

interface Local {
  readonly at: 'begin' | 'claim' | 'check' | 'read' | 'start' | 'work' | 'verify' | 'give back' | 'end' | 'dead';
  /** What it goes by: whether the downstream refers to the object, or whether the upstream has it. */
  readonly saw: boolean;
  readonly triesLeft: number;
}

interface State {
  readonly records: Readonly<Record<Side, Written>>;
  readonly runs: Readonly<Record<Side, Local>>;
  /** In AWS. */
  readonly exists: boolean;
  /** In the upstream's state. */
  readonly isInState: boolean;
  /** In the downstream's state. */
  readonly refers: boolean;
  readonly deathsLeft: number;
}

const isFree = ({ phase }: Written): boolean => phase === 'free' || phase === 'none';

export function referenceModel({ claimThenRead = true, readOthersRecord = true }: Partial<ReferenceRules> = {}, deaths = 1): Model<State> {
  const next = (state: State): Step<State>[] => {
    const steps: Step<State>[] = [];
    for (const side of sides) {
      const { records, runs } = state;
      const me = runs[side];
      const record = records[side];
      const { epoch } = record;
      const go = (does: string, run: Partial<Local>, change: Partial<State> = {}, isFault = false): void => {
        steps.push({ label: `${side} ${does}`, to: { ...state, ...change, runs: { ...runs, [side]: { ...me, ...run } } }, isFault });
      };
      /** What the real table makes of the event. */
      const write = (does: string, event: Event, run: Partial<Local>, change: Partial<State> = {}): void => {
        const after = ask(record, JSON.stringify(event), () => event);
        if (typeof after === 'string') go(`${does}: refused, ${after}`, { at: 'begin', saw: false });
        else go(does, run, { ...change, records: { ...records, [side]: after } });
      };
      const mayGoOn = !readOthersRecord || isFree(records[otherOf[side]]);
      const sees = side === 'upstream' ? state.refers : state.isInState;
      const claim = (at: Local['at']): void => write('claims its stack', events.claim(side), { at, triesLeft: me.triesLeft - 1 });

      if (state.deathsLeft > 0 && !['begin', 'end', 'dead'].includes(me.at))
        go('dies', { at: 'dead' }, { deathsLeft: state.deathsLeft - 1 }, true);
      switch (me.at) {
        case 'begin':
          if (me.triesLeft === 0) break;
          if (claimThenRead) {
            if (isFree(record)) claim('check');
          } else if (mayGoOn) go(`reads the other's state: ${sees}`, { at: 'claim', saw: sees });
          break;
        case 'claim':
          claim('start');
          break;
        case 'check':
          if (mayGoOn) go("reads the other's record: free", { at: 'read' });
          else go('sees that the other has a run, and gives way', { at: 'give back' });
          break;
        case 'read':
          go(`reads the other's state: ${sees}`, { at: 'start', saw: sees });
          break;
        case 'start': {
          const hasNothingToDo = side === 'upstream' ? me.saw : !me.saw;
          if (hasNothingToDo) go('has nothing to do', { at: 'give back', triesLeft: 0 });
          else write('writes that its engine may run', events.start(side, epoch, 'before'), { at: 'work' });
          break;
        }
        case 'work':
          if (side === 'upstream') go('deletes the object', { at: 'verify' }, { exists: false });
          else go('refers to the object', { at: 'verify' }, { refers: true });
          break;
        case 'verify':
          write('writes: verified', events.verify(side, epoch, 'after'), { at: 'end' }, side === 'upstream' ? { isInState: false } : {});
          break;
        case 'give back':
          write('gives its stack back', events.giveBack(side, epoch), { at: me.triesLeft === 0 ? 'end' : 'begin', saw: false });
          break;
        case 'end':
          break;
        case 'dead': {
          const proof = record.phase === 'claimed' ? 'nothing-started' : 'process-dead';
          if (record.owner === side) write('is taken over by a recovery', events.takeOver('recovery', proof), {});
          else if (record.owner === 'recovery')
            write(
              'is recovered',
              events.verify('recovery', epoch, 'recovered'),
              {},
              side === 'upstream' ? { isInState: state.exists } : {},
            );
          break;
        }
      }
    }
    return steps;
  };
  const begin: Local = { at: 'begin', saw: false, triesLeft: 2 };
  const before = verifiedRecord('before');
  return {
    start: {
      records: { upstream: before, downstream: before },
      runs: { upstream: begin, downstream: begin },
      exists: true,
      isInState: true,
      refers: false,
      deathsLeft: deaths,
    },
    next,
    violation: ({ records, refers, exists }) =>
      sides.every((side) => isFree(records[side])) && refers && !exists
        ? 'a verified downstream refers to what the upstream has deleted'
        : undefined,
    isEnd: ({ records, runs }) => sides.every((side) => isFree(records[side]) && ['begin', 'end', 'dead'].includes(runs[side].at)),
    partsOf: ({ records, runs, exists, isInState, refers, deathsLeft }) => [
      records.upstream,
      records.downstream,
      ...sides.flatMap((side) => [runs[side].at, runs[side].saw, runs[side].triesLeft]),
      exists,
      isInState,
      refers,
      deathsLeft,
    ],
    ofParts: ([up, down, upAt, upSaw, upLeft, downAt, downSaw, downLeft, exists, isInState, refers, deathsLeft]) =>
      ({
        records: { upstream: up, downstream: down },
        runs: {
          upstream: { at: upAt, saw: upSaw, triesLeft: upLeft },
          downstream: { at: downAt, saw: downSaw, triesLeft: downLeft },
        },
        exists,
        isInState,
        refers,
        deathsLeft,
      }) as State,
  };
}
