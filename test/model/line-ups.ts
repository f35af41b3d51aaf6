import { referenceModel } from './references.ts';
import { search } from './search.ts';
import type { Result } from './search.ts';
import { stackModel } from './stack.ts';
import type { LineUp, Rules } from './stack.ts';

export interface Search {
  readonly name: string;
  readonly run: () => Result;
  /** More than a hundred and fifty thousand states. */
  readonly isLarge?: boolean;
}

/** Of a rule's search there is to be a history that breaks something. */
export interface RuleSearch extends Search {
  /** In docs/, and in the comments of the rule. */
  readonly number: string;
}

const lineUp = (name: string, actors: LineUp, isLarge = false): Search => ({ name, run: () => search(stackModel(actors)), isLarge });

/** With every rule on none breaks anything, and each state can end well without another fault. */
export const lineUps: readonly Search[] = [
  lineUp('two runs, one recovery', { actors: ['a', 'b', 'v'], deaths: 2 }),
  lineUp('one run, two recoveries', { actors: ['a', 'v', 'w'], deaths: 3 }),
  lineUp('two runs, two recoveries', { actors: ['a', 'b', 'v', 'w'], deaths: 2 }, true),
  lineUp('two runs, one recovery, two writes that arrive late', { actors: ['a', 'b', 'v'], deaths: 1, lateWrites: 2 }, true),
  lineUp('run, recovery, pulumi up, pulumi cancel', { actors: ['a', 'v', 'p', 'c'], deaths: 2 }, true),
  lineUp('run, recovery, tidy, pulumi cancel', { actors: ['a', 'v', 't', 'c'], deaths: 2 }),
  lineUp('run, recovery, pulumi up, pulumi state', { actors: ['a', 'v', 'p', 's'], deaths: 2 }),
  lineUp('run, recovery, freeze, pulumi up', { actors: ['a', 'v', 'f', 'p'], deaths: 1 }),
  lineUp('run, freeze, unfreeze, tidy', { actors: ['a', 'f', 'u', 't'], deaths: 1 }),
  lineUp('run, recovery, freeze, unfreeze, tidy', { actors: ['a', 'v', 'f', 'u', 't'], deaths: 0 }, true),
  lineUp('run, recovery, pulumi up, pulumi cancel, tidy', { actors: ['a', 'v', 'p', 'c', 't'], deaths: 1 }, true),
  lineUp('run, pulumi up, pulumi state, pulumi cancel', { actors: ['a', 'p', 's', 'c'], deaths: 1 }),
  lineUp('two runs, pulumi up, pulumi cancel', { actors: ['a', 'b', 'p', 'c'], deaths: 2 }),
  lineUp('first deploy: two runs, one recovery, a write that arrives late', {
    actors: ['a', 'b', 'v'],
    deaths: 1,
    lateWrites: 1,
    before: 'nothing',
  }),
  lineUp('first deploy: run, recovery, freeze, pulumi up', { actors: ['a', 'v', 'f', 'p'], deaths: 1, before: 'nothing' }),
  lineUp('after a dead run: run, two recoveries', { actors: ['a', 'v', 'w'], deaths: 2, before: 'dead-run' }),
  { name: 'two stacks and a reference', run: () => search(referenceModel()) },
  { name: 'two stacks and a reference, two deaths', run: () => search(referenceModel({}, 2)) },
];

const without = (number: string, rule: keyof Rules, name: string, actors: LineUp): RuleSearch => ({
  number,
  name,
  run: () => search(stackModel({ ...actors, rules: { [rule]: false } })),
});

/** One rule left out alone, over the actors that show what it is for. */
export const leftOut: readonly RuleSearch[] = [
  without('1', 'etagBeforeLook', 'a recovery looks at the record before it reads the ETag', { actors: ['a', 'v', 'w'], deaths: 1 }),
  without('2', 'ownCheckpoint', 'a recovery writes a content that was there before', { actors: ['a', 'v', 'w'], deaths: 1 }),
  without('3', 'startBySwap', 'an engine starts without a write of the record', { actors: ['a', 'v'], deaths: 1 }),
  without('4', 'proofOfRunning', 'a run is taken over without a true proof', { actors: ['a', 'v'], deaths: 1 }),
  without('4', 'proofIsOfOwner', 'the proof is of an owner before the one that is taken over', {
    actors: ['a', 'v', 'w'],
    deaths: 1,
    before: 'dead-run',
  }),
  without('5', 'proofOfHeld', 'what a run wrote held is taken over without a true proof', { actors: ['a', 'v'], deaths: 1 }),
  without('6', 'overOlderLock', 'a lock of an older epoch is left', { actors: ['a', 'f'], deaths: 1 }),
  without('7', 'leavesLaterLock', 'a lock of a later epoch is written over', { actors: ['a', 'f', 'u'], deaths: 1 }),
  without('8', 'lockThenRecord', 'tidy reads the record before the lock', { actors: ['a', 'v', 't'], deaths: 1 }),
  without('9', 'listAfterPut', 'the folder is not listed after the put of the lock', { actors: ['a', 'v', 'p'], deaths: 1 }),
  without('10', 'askAboutPulumi', 'it is not asked whether plain pulumi is dead', { actors: ['a', 'v', 'p', 'c'], deaths: 1 }),
  {
    number: '13',
    name: 'a stack reads the other before it claims itself',
    run: () => search(referenceModel({ claimThenRead: false })),
  },
  {
    number: '13',
    name: "a stack does not look at the other's record",
    run: () => search(referenceModel({ readOthersRecord: false })),
  },
  without('14', 'everyVersion', 'a run looks at the last version alone', { actors: ['a', 'p', 's', 'c'], deaths: 1 }),
  without('14', 'lookAtAws', 'a run goes on over a changed checkpoint without a look at AWS', { actors: ['a', 'p', 's'], deaths: 2 }),
];

const spareRule = (rule: keyof Rules, name: string, actors: LineUp): Search => ({
  name,
  run: () => search(stackModel({ ...actors, rules: { [rule]: false } })),
});

/** Nothing is found without these: they stop an old owner earlier, or are for telling. */
export const spare: readonly Search[] = [
  spareRule('touch', 'a recovery does not change the checkpoint before it looks', { actors: ['a', 'v', 'w'], deaths: 2 }),
  spareRule('lastLook', 'folder and checkpoint are not looked at before verified', { actors: ['a', 'v', 'p', 'c'], deaths: 1 }),
  spareRule('ownLock', 'a lock is put back with equal content', { actors: ['a', 'v', 't', 'c'], deaths: 1 }),
  spareRule('undoPutBack', 'tidy does not take back a lock that is not wanted any more', { actors: ['a', 'v', 't', 'c'], deaths: 1 }),
];
