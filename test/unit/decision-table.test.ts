import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decide, decisionTable } from '../../orchestrator/recovery/decision-table.ts';
import type { Row } from '../../orchestrator/recovery/decision-table.ts';
import { factValues } from '../../orchestrator/recovery/facts.ts';
import type { Facts } from '../../orchestrator/recovery/facts.ts';
import { withDecisionTable } from '../../orchestrator/ui/decision-table-page.ts';
import { everyCase } from './support/every-case.ts';

interface Tried {
  readonly cases: number;
  readonly hits: ReadonlyMap<string, number>;
  /** The first case that a rule does not hold for. */
  readonly broken: ReadonlyMap<string, Facts>;
}

/** What must hold in every case, whatever the rows say. */
const rules: Readonly<Record<string, (facts: Facts, row: Row) => boolean>> = {
  'adopts only what AWS has': ({ live }, { then }) => then !== 'adopt' || live === 'there',
  'adopts only what the state does not have': ({ state }, { then }) => then !== 'adopt' || state === 'unrecorded',
  'adopts only what it knows how to record': ({ shape }, { then }) => then !== 'adopt' || shape === 'known',
  'adopts nothing on its own beside an object that the state has and AWS too, but the successor of a replacement': (
    { beside, operation },
    { then },
  ) => then !== 'adopt' || beside !== 'recorded-there' || operation === 'create',
  'adopts on its own only what bears our tags or key, or what CloudTrail says that the run made': ({ bears, trail, said }, { then }) =>
    then !== 'adopt' || said === 'adopt' || bears === 'our-tags' || bears === 'our-key' || trail === 'made',
  'forgets no object that AWS has, but what the run only looked at, and what another stack has': (
    { live, operation, bears, kind, state },
    { then },
  ) =>
    then !== 'forget' ||
    kind === 'engine' ||
    live === 'gone' ||
    live === 'over' ||
    (state === 'unrecorded' && bears === 'another-stack') ||
    (['read', 'import'].includes(operation) && ['nothing', 'cannot-tell'].includes(bears)),
  'adopts, deletes and disowns nothing that another stack has, or may have': ({ bears, kind, state, live }, { then }) =>
    kind !== 'cloud' ||
    live !== 'there' ||
    !(bears === 'another-stack' || (bears === 'cannot-tell' && state === 'unrecorded')) ||
    !['adopt', 'condemn', 'disown'].includes(then),
  'forgets nothing that could not be seen, or is not settled': ({ live, kind }, { then }) =>
    then !== 'forget' || kind === 'engine' || !['unseen', 'unsettled'].includes(live),
  'forgets nothing that is gone and that no look could find without a person': ({ findable, live, state, said, kind }, { then }) =>
    then !== 'forget' ||
    kind !== 'cloud' ||
    live !== 'gone' ||
    findable === 'yes' ||
    !['unrecorded', 'recorded'].includes(state) ||
    said === 'forget',
  'forgets nothing that is protected and recorded without a person': ({ protect, state, said, kind }, { then }) =>
    then !== 'forget' || kind !== 'cloud' || protect === 'no' || state !== 'recorded' || said === 'forget',
  'marks nothing for deletion that is not there': ({ live }, { then }) => then !== 'condemn' || live === 'there',
  'marks nothing for deletion that is protected, but what the engine had marked itself': ({ protect, state }, { then }) =>
    then !== 'condemn' || protect === 'no' || state === 'condemned',
  'marks for deletion on its own only what was replaced': ({ beside, state, said }, { then }) =>
    then !== 'condemn' || said === 'delete' || state === 'condemned' || (state === 'recorded' && beside === 'successor'),
  'keeps nothing that AWS does not have, but what awaits its replacement': ({ live, state, kind }, { then }) =>
    then !== 'keep' || kind !== 'cloud' || live === 'there' || state === 'replaced-away',
  'keeps nothing that the state does not have': ({ state }, { then }) => then !== 'keep' || state !== 'unrecorded',
  'waits for nothing that is settled, but for CloudTrail': ({ live, trail }, { then }) =>
    then !== 'wait' || ['unseen', 'unsettled', 'coming', 'going'].includes(live) || trail === 'open',
  'decides nothing of what is not settled': ({ live, kind }, { then }) =>
    kind !== 'cloud' || !['unseen', 'unsettled', 'coming', 'going'].includes(live) || then === 'wait',
  'disowns only what a person said, or what is to stay in AWS by the program': ({ said, retain }, { then }) =>
    then !== 'disown' || said === 'disown' || retain === 'yes',
  'asks a person for nothing of which AWS has nothing': ({ kind }, { then }) => kind !== 'engine' || then === 'keep' || then === 'forget',
};

function tryAll(): Tried {
  const hits = new Map<string, number>();
  const broken = new Map<string, Facts>();
  let cases = 0;
  for (const facts of everyCase()) {
    const row = decide(facts);
    cases += 1;
    hits.set(row.row, (hits.get(row.row) ?? 0) + 1);
    for (const [rule, holds] of Object.entries(rules)) if (!broken.has(rule) && !holds(facts, row)) broken.set(rule, facts);
  }
  return { cases, hits, broken };
}

describe('the decision table, over every combination of facts', () => {
  const { cases, hits, broken } = tryAll();

  it('is tried over all of them', () => {
    expect(cases).toBe(Object.values(factValues).reduce((product, values) => product * values.length, 1));
  });

  it.each(decisionTable.map(({ row }) => row))('has a case that row %s decides', (row) => {
    expect(hits.get(row) ?? 0).toBeGreaterThan(0);
  });

  it.each(Object.keys(rules))('%s', (rule) => {
    expect(broken.get(rule)).toBeUndefined();
  });

  it('names each row once', () => {
    expect(new Set(decisionTable.map(({ row }) => row)).size).toBe(decisionTable.length);
  });

  it('ends in a row that asks', () => {
    expect(decisionTable.at(-1)).toMatchObject({ when: {}, then: 'ask' });
  });

  it('says of every adoption what a plan may still show', () => {
    expect(decisionTable.filter(({ then, plan }) => then === 'adopt' && !plan).map(({ row }) => row)).toEqual([]);
  });

  it('is printed in docs/failure-model.md as it is (npm run failure-model)', () => {
    const page = readFileSync(new URL('../../docs/failure-model.md', import.meta.url), 'utf8');
    expect(withDecisionTable(page)).toBe(page);
  });
});
