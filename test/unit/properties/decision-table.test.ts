import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decide, decisionTable } from '../../../orchestrator/recovery/decision-table.ts';
import { factValues } from '../../../orchestrator/recovery/facts.ts';
import type { Decision, FactName, Facts } from '../../../orchestrator/recovery/facts.ts';
import { fc, times } from '../support/property.ts';

const names = Object.keys(factValues) as readonly FactName[];

const record = (given: Readonly<Record<string, fc.Arbitrary<string>>>) => fc.record(given) as unknown as fc.Arbitrary<Facts>;
const every = Object.fromEntries(names.map((name) => [name, fc.constantFrom<string>(...factValues[name])]));

/** Any combination of facts; half of them such as a row asks for, as few of the others come to the narrow ones. */
const anyFacts: fc.Arbitrary<Facts> = fc.oneof(
  record(every),
  fc.constantFrom(...decisionTable).chain(({ when }) => {
    const wanted = Object.entries(when).map(([name, values]) => [name, fc.constantFrom(...[values].flat())] as const);
    return record({ ...every, ...Object.fromEntries(wanted) });
  }),
);

const thenOf = (facts: Facts): Decision => decide(facts).then;

interface Told {
  readonly row: string;
  readonly when: readonly { readonly fact: string; readonly values: readonly string[] }[];
  readonly then: string;
}

/** The rows as docs/failure-model.md prints them, for people to decide by. */
const told: readonly Told[] = [
  ...readFileSync(new URL('../../../docs/failure-model.md', import.meta.url), 'utf8').matchAll(
    /^\| ([A-Z]\d*) \| ([^|]*) \| ([a-z]+) \|/gm,
  ),
].map(([, row = '', when = '', then = '']) => ({
  row,
  then,
  when:
    when === 'anything else'
      ? []
      : when.split('; ').map((condition) => {
          const [fact = '', ...values] = condition.split(/ or | /);
          return { fact, values };
        }),
}));

describe('the table on the page', () => {
  it('decides any facts as the code does, by the first row that fits', () => {
    expect(told.length).toBe(decisionTable.length);
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const fits = told.filter(({ when }) => when.every(({ fact, values }) => values.includes(facts[fact as FactName])));
        const { row, then } = decide(facts);
        expect([row, then]).toEqual([fits[0]?.row, fits[0]?.then]);
      }),
      times(60),
    );
  });
});

/** What differs between two combinations: the second knows more of one fact, or has it otherwise. */
type Change = { readonly [F in FactName]?: readonly (readonly [from: Facts[F], to: Facts[F]])[] };

interface Rule {
  readonly change: Change;
  /** @param facts before the change */
  readonly holds: (before: Decision, after: Decision, facts: Facts, to: string) => boolean;
}

const toPresence: Change = {
  live: [
    ['gone', 'there'],
    ['unseen', 'there'],
    ['unsettled', 'there'],
    ['unseen', 'coming'],
    ['gone', 'coming'],
    ['gone', 'going'],
  ],
  bears: [
    ['nothing', 'our-key'],
    ['nothing', 'our-tags'],
    ['nothing', 'other-target'],
    ['other-target', 'our-key'],
  ],
  trail: [
    ['silent', 'made'],
    ['open', 'made'],
  ],
};

/** The next up does so again: nothing is lost with the operation. */
const isOnlyLookedAt = ({ operation, bears }: Pick<Facts, 'operation' | 'bears'>): boolean =>
  ['read', 'import'].includes(operation) && ['nothing', 'cannot-tell'].includes(bears);

/** What is there is no evidence of what the run made. */
const isOfAnother = ({ bears }: Pick<Facts, 'bears'>): boolean => bears === 'another-stack';

const answers = ['adopt', 'forget', 'disown', 'delete'] as const;
const byAnswer: Change = { said: answers.map((answer) => ['nothing', answer] as const) };
/** What an answer may come to at all. */
const meant: Readonly<Record<Facts['said'], readonly Decision[]>> = {
  nothing: [],
  adopt: ['adopt', 'keep'],
  forget: ['forget'],
  disown: ['disown'],
  delete: ['condemn'],
};

/** What has to hold between two cases that differ in one fact: which no look at one case can tell. */
const rules: Readonly<Record<string, Rule>> = {
  'what is forgotten with more evidence that it is there, is forgotten without it as well': {
    change: toPresence,
    holds: (before, after, { live, kind, bears }) =>
      after !== 'forget' || before === 'forget' || isOfAnother({ bears }) || (kind === 'cloud' && ['unseen', 'unsettled'].includes(live)),
  },
  'what was not known, and is there, is not forgotten by that, but where the run only looked at it': {
    change: toPresence,
    holds: (before, after, { operation, bears, kind }) =>
      after !== 'forget' || kind === 'engine' || before === 'forget' || isOfAnother({ bears }) || isOnlyLookedAt({ operation, bears }),
  },
  'what is adopted is adopted with more evidence that the run made it as well': {
    change: {
      trail: [...(toPresence.trail ?? [])],
      bears: [
        ['nothing', 'our-tags'],
        ['other-target', 'our-tags'],
        ['other-target', 'our-key'],
      ],
    },
    holds: (before, after) => before !== 'adopt' || after === 'adopt',
  },
  'what AWS no longer has is not adopted, condemned or disowned by what a person said before': {
    change: { live: [['there', 'gone']] },
    holds: (_, after, { kind }) => kind === 'unlisted' || !['adopt', 'condemn', 'disown', 'duplicate'].includes(after),
  },
  'what cannot be looked at any more is waited for, or asked about, and nothing is done': {
    change: {
      live: [
        ['there', 'unseen'],
        ['gone', 'unseen'],
        ['there', 'unsettled'],
        ['gone', 'unsettled'],
        ['there', 'going'],
        ['gone', 'coming'],
      ],
    },
    holds: (_, after, { kind }) => kind !== 'cloud' || after === 'wait',
  },
  'an answer leads to what it says, or changes nothing': {
    change: byAnswer,
    holds: (before, after, _, to) => before === after || meant[to as Facts['said']].includes(after),
  },
  'protection never leads to a deletion, nor to something that is forgotten, but where the run only looked at it': {
    change: { protect: [['no', 'yes']] },
    holds: (before, after, { operation, bears }) =>
      before === after || !['condemn', 'forget'].includes(after) || (after === 'forget' && isOnlyLookedAt({ operation, bears })),
  },
  'what is to stay in AWS differs only in that it is left there': {
    change: { retain: [['no', 'yes']] },
    holds: (before, after) => before === after || (after === 'disown' && ['condemn', 'ask', 'duplicate'].includes(before)),
  },
  'what it is not known how to record is never written for that, and is left to a person': {
    change: { shape: [['known', 'unknown']] },
    holds: (before, after) => before === after || !['adopt', 'condemn'].includes(after),
  },
  'a late event of CloudTrail changes a wait into an adoption, or into what it would have been without': {
    change: {
      trail: [
        ['open', 'silent'],
        ['open', 'made'],
      ],
    },
    holds: (before, after) =>
      before === after || (before === 'wait' && ['adopt', 'ask'].includes(after)) || (before === 'ask' && after === 'adopt'),
  },
  'a second object of the resource never makes it be adopted, or deleted, without a person': {
    change: {
      beside: [
        ['alone', 'twin'],
        ['alone', 'recorded-there'],
      ],
    },
    holds: (before, after, { said }) => before === after || said !== 'nothing' || !['adopt', 'condemn', 'forget'].includes(after),
  },
};

const changesOf = (change: Change): readonly { readonly fact: FactName; readonly from: string; readonly to: string }[] =>
  Object.entries(change).flatMap(([fact, pairs]) => pairs.map(([from, to]) => ({ fact: fact as FactName, from, to })));

describe('two cases that differ in one fact', () => {
  it.each(Object.keys(rules))('%s', (name) => {
    const rule = rules[name];
    if (!rule) return;
    fc.assert(
      fc.property(anyFacts, fc.constantFrom(...changesOf(rule.change)), (any, { fact, from, to }) => {
        const before = { ...any, [fact]: from };
        const after = { ...before, [fact]: to };
        const come = [thenOf(before), thenOf(after)] as const;
        if (!rule.holds(...come, before, to)) throw new Error(`${fact} ${from} to ${to}: ${come.join(' to ')}`);
      }),
      times(20),
    );
  });
});
