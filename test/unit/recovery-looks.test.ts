import { describe, expect, it } from 'vitest';
import { stalenessOf } from '../../orchestrator/aws/staleness.ts';
import { Looks } from '../../orchestrator/recovery/looks.ts';
import type { Look, Sought } from '../../orchestrator/recovery/looks.ts';
import { lookOf, object, tagged, tagsOf, types } from './support/recovery.ts';
import type { LookOptions } from './support/recovery.ts';

const staleness = 30_000;
const vpc = { type: types.vpc, id: 'vpc-1' };

/** By its id alone, as what an earlier version has. */
const byId: Sought = { ...vpc, matches: () => false };
/** By its tags alone, as a create of which no id is known. */
const byTags: Sought = { type: types.vpc, id: undefined, matches: ({ tags }) => tags?.['holdfast:resource'] === 'vpc' };

const at = (seconds: number, ids: readonly string[], asked: LookOptions['asked'] = [vpc]): Look =>
  lookOf(
    ids.map((id) => tagged(id, 'vpc')),
    { atMs: seconds * 1000, asked },
  );
const agree = (sought: Sought, ...looks: readonly Look[]): boolean => new Looks(looks, () => staleness).agreeOn(sought);

describe('looks agree on an object', () => {
  it.each<readonly [string, readonly Look[], boolean]>([
    ['that two show, as far apart as AWS may lag', [at(0, ['vpc-1']), at(30, ['vpc-1'])], true],
    ['that none of them shows', [at(0, []), at(30, [])], true],
    ['that all between show too', [at(0, ['vpc-1']), at(10, ['vpc-1']), at(30, ['vpc-1'])], true],
    ['since it last changed', [at(0, []), at(10, ['vpc-1']), at(40, ['vpc-1'])], true],
    ['not where they are too near to one another', [at(0, ['vpc-1']), at(29.999, ['vpc-1'])], false],
    ['not where one look was all', [at(0, ['vpc-1'])], false],
    ['not where it has just appeared', [at(0, []), at(30, ['vpc-1'])], false],
    ['not where it has just gone', [at(0, ['vpc-1']), at(30, [])], false],
    ['not where one between them shows something else', [at(0, ['vpc-1']), at(15, []), at(30, ['vpc-1'])], false],
    ['not without any look', [], false],
  ])('%s', (_, looks, expected) => {
    expect(agree(byId, ...looks)).toBe(expected);
  });

  it('not where its phase changes between them', () => {
    const going = lookOf([tagged('vpc-1', 'vpc', { phase: 'going' })], { atMs: 30_000 });
    expect(agree(byId, at(0, ['vpc-1']), going)).toBe(false);
  });

  it('whatever happens to others', () => {
    expect(agree(byId, at(0, ['vpc-1']), at(30, ['vpc-1', 'vpc-2']))).toBe(true);
    const subnets = ['subnet-1', 'subnet-2'].map((id, index) =>
      lookOf([object(id, { type: types.subnet, tags: tagsOf('vpc') })], { atMs: index * 30_000, asked: [vpc] }),
    );
    expect(agree(byId, ...subnets)).toBe(true);
  });

  it('whatever properties of it change', () => {
    const changed = lookOf([tagged('vpc-1', 'vpc', { properties: { cidrBlock: '10.0.0.0/8' } })], { atMs: 30_000 });
    expect(agree(byId, at(0, ['vpc-1']), changed)).toBe(true);
  });
});

describe('looks agree on what is sought by its tags', () => {
  it('where they show the same objects', () => {
    expect(agree(byTags, at(0, ['vpc-1', 'vpc-2'], []), at(30, ['vpc-2', 'vpc-1'], []))).toBe(true);
  });

  it('not where a second one appears', () => {
    expect(agree(byTags, at(0, ['vpc-1'], []), at(30, ['vpc-1', 'vpc-2'], []))).toBe(false);
  });

  it('where there is none, also of an id that nobody asked for', () => {
    expect(agree(byTags, at(0, [], []), at(30, [], []))).toBe(true);
  });
});

describe('an id that was not asked for', () => {
  it('is not known to be gone, however often it is not shown', () => {
    expect(agree(byId, at(0, [], []), at(30, [], []), at(60, [], []))).toBe(false);
  });

  it('is not known to be gone by looks of which only the newest asked', () => {
    expect(agree(byId, at(0, [], []), at(30, []))).toBe(false);
  });

  it('is known to be gone when two that asked are far enough apart', () => {
    expect(agree(byId, at(0, [], []), at(10, []), at(40, []))).toBe(true);
  });

  it('is known to be there where it is shown', () => {
    expect(agree(byId, at(0, ['vpc-1'], []), at(30, ['vpc-1'], []))).toBe(true);
  });

  it('is another one under another type', () => {
    const asked = [{ type: types.subnet, id: 'vpc-1' }];
    expect(agree(byId, at(0, [], asked), at(30, [], asked))).toBe(false);
  });
});

describe('when a look would be far enough', () => {
  const settledAt = (sought: Sought, ...looks: readonly Look[]): number | undefined =>
    new Looks(looks, () => staleness).settledAtMs(sought);

  it('is the staleness after the first that agrees with the newest', () => {
    expect(settledAt(byId, at(0, []), at(10, ['vpc-1']), at(20, ['vpc-1']))).toBe(40_000);
  });

  it('begins anew where the newest shows something else', () => {
    expect(settledAt(byId, at(0, ['vpc-1']), at(20, []))).toBe(50_000);
  });

  it('is not known where nobody asked, or looked', () => {
    expect([settledAt(byId, at(0, [], [])), settledAt(byId)]).toEqual([undefined, undefined]);
  });
});

it('the newest of them is the last one', () => {
  const looks = [at(0, ['vpc-1']), at(30, [])];
  expect([
    new Looks(looks, () => staleness).newest,
    new Looks(looks, () => staleness).count,
    new Looks([], () => staleness).newest,
  ]).toEqual([looks[1]?.inventory, 2, undefined]);
});

it('are as far apart as the type takes: what is of a gateway longer', () => {
  const gatewayTable = 'aws:ec2transitgateway/routeTable:RouteTable';
  const looks = [0, 30_000].map((atMs) => lookOf([], { atMs }));
  const agreeOn = (type: string): boolean =>
    new Looks(looks, (of) => stalenessOf(undefined)(of) * 1000).agreeOn({ type, id: undefined, matches: () => false });
  expect([agreeOn(types.vpc), agreeOn(gatewayTable)]).toEqual([true, false]);
});
