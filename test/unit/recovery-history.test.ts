import { describe, expect, it } from 'vitest';
import { objectKey } from '../../orchestrator/inventory/live-object.ts';
import { readHistory } from '../../orchestrator/recovery/history.ts';
import type { History } from '../../orchestrator/recovery/history.ts';
import type { Deployment } from '../../orchestrator/state/deployment.ts';
import { deploymentOf, pending, raw, root, types, urnOf, versionsOf } from './support/recovery.ts';

const historyOf = (...deployments: readonly (Deployment | undefined)[]): History => readHistory(versionsOf(...deployments));
/** `creating vpc v2`, and `current` where the newest version still names it. */
const openIn = ({ open }: History): string[] =>
  open.map(({ type, resource, version, current }) => `${type} ${resource.name} ${version}${current ? ' current' : ''}`);
const idsOf = (resources: History['former']): (string | undefined)[] => resources.map(({ id }) => id);
const isSeenDeleted = ({ seenDeleted }: History, id: string, type: string = types.vpc): boolean => seenDeleted.has(objectKey({ type, id }));

const empty = deploymentOf([root]);
const creating = deploymentOf([root], [pending('creating', raw('vpc'))]);
const made = deploymentOf([root, raw('vpc', { id: 'vpc-1' })]);
const deleting = deploymentOf([root, raw('vpc', { id: 'vpc-1' })], [pending('deleting', raw('vpc', { id: 'vpc-1' }))]);

describe('a create', () => {
  it('is open while the newest version names it', () => {
    expect(openIn(historyOf(empty, creating))).toEqual(['creating vpc v2 current']);
  });

  it('is over when a version has its result', () => {
    expect(openIn(historyOf(empty, creating, made))).toEqual([]);
  });

  it('that no version names any more, and of which none has a result, is open', () => {
    const history = historyOf(empty, creating, empty);
    expect(openIn(history)).toEqual(['creating vpc v2']);
  });

  it('is named by the last version that has it', () => {
    const beside = deploymentOf([root, raw('other', { id: 'vpc-9' })], [pending('creating', raw('vpc'))]);
    expect(openIn(historyOf(creating, beside))).toEqual(['creating vpc v2 current']);
  });

  it('of an entry without an id is not over', () => {
    expect(openIn(historyOf(creating, deploymentOf([root, raw('vpc', { id: '' })])))).toEqual(['creating vpc v1']);
  });

  it('of a component is over when a version has the entry', () => {
    const component = { urn: urnOf('group', 'holdfast:Group'), type: 'holdfast:Group' };
    expect(openIn(historyOf(deploymentOf([], [pending('creating', component)]), deploymentOf([component])))).toEqual([]);
  });

  it('is not ended by the result of another one', () => {
    const both = deploymentOf([], [pending('creating', raw('one')), pending('creating', raw('two'))]);
    expect(openIn(historyOf(both, deploymentOf([raw('one', { id: 'vpc-1' })])))).toEqual(['creating two v1']);
  });

  it('that is recorded, deleted and begun again is open', () => {
    expect(openIn(historyOf(creating, made, deleting, empty, creating))).toEqual(['creating vpc v5 current']);
  });
});

describe('a replacement that creates first', () => {
  const before = made;
  const begun = deploymentOf([raw('vpc', { id: 'vpc-1' })], [pending('creating', raw('vpc', { inputs: { cidrBlock: 'new' } }))]);
  const replaced = deploymentOf([raw('vpc', { id: 'vpc-2' }), raw('vpc', { id: 'vpc-1', delete: true })]);

  it('is open while only the old object is recorded', () => {
    expect(openIn(historyOf(before, begun, before))).toEqual(['creating vpc v2']);
  });

  it('is over when the new object is recorded beside the old one', () => {
    expect(openIn(historyOf(before, begun, replaced))).toEqual([]);
  });

  it('is over also where the old object has gone when the new one is first seen', () => {
    expect(openIn(historyOf(before, begun, deploymentOf([raw('vpc', { id: 'vpc-2' })])))).toEqual([]);
  });

  it('is open where the old object is only marked to be deleted', () => {
    expect(openIn(historyOf(before, begun, deploymentOf([raw('vpc', { id: 'vpc-1', delete: true })])))).toEqual(['creating vpc v2']);
  });

  it('leaves the delete of the old object open until it is gone', () => {
    const ending = deploymentOf(
      [raw('vpc', { id: 'vpc-2' }), raw('vpc', { id: 'vpc-1', delete: true })],
      [pending('deleting', raw('vpc', { id: 'vpc-1', delete: true }))],
    );
    expect(openIn(historyOf(before, begun, replaced, ending))).toEqual(['deleting vpc v4 current']);
    const history = historyOf(before, begun, replaced, ending, deploymentOf([raw('vpc', { id: 'vpc-2' })]));
    expect([openIn(history), isSeenDeleted(history, 'vpc-1'), isSeenDeleted(history, 'vpc-2')]).toEqual([[], true, false]);
  });
});

describe('a replacement that deletes first', () => {
  const away = deploymentOf([raw('vpc', { id: 'vpc-1', pendingReplacement: true })]);
  const begun = deploymentOf([raw('vpc', { id: 'vpc-1', pendingReplacement: true })], [pending('creating', raw('vpc'))]);

  it('has its delete seen through when the old object waits for its replacement', () => {
    const history = historyOf(made, deleting, away);
    expect([openIn(history), isSeenDeleted(history, 'vpc-1')]).toEqual([[], true]);
  });

  it('has its create open while the old object waits', () => {
    expect(openIn(historyOf(made, deleting, away, begun, away))).toEqual(['creating vpc v4']);
  });

  it('is over when the new object is recorded', () => {
    expect(openIn(historyOf(made, deleting, away, begun, deploymentOf([raw('vpc', { id: 'vpc-2' })])))).toEqual([]);
  });

  describe('under an id that is made of a key, and stays the same', () => {
    const key = { type: types.route, inputs: { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8' } };
    const was = raw('route', { ...key, id: 'r-1' });
    const deletes = deploymentOf([was], [pending('deleting', was)]);
    const waits = deploymentOf([{ ...was, pendingReplacement: true }]);
    const creates = deploymentOf([{ ...was, pendingReplacement: true }], [pending('creating', raw('route', key))]);
    const whole = historyOf(deploymentOf([was]), deletes, waits, creates, deploymentOf([was]));

    it('is over when the new object is recorded', () => {
      expect(openIn(whole)).toEqual([]);
    });

    it('does not leave the new object known as deleted', () => {
      expect(isSeenDeleted(whole, 'r-1', types.route)).toBe(false);
    });
  });
});

describe('a delete', () => {
  it('is open while the newest version names it', () => {
    expect(openIn(historyOf(made, deleting))).toEqual(['deleting vpc v2 current']);
  });

  it('that no version names any more, of an object that is still recorded, is open', () => {
    expect(openIn(historyOf(made, deleting, made))).toEqual(['deleting vpc v2']);
  });

  it('of an object that is not recorded any more was seen through', () => {
    const history = historyOf(made, deleting, empty);
    expect([openIn(history), isSeenDeleted(history, 'vpc-1'), idsOf(history.former)]).toEqual([[], true, ['vpc-1']]);
  });

  it('that is still named, of an object that is not recorded any more, was not seen through', () => {
    const history = historyOf(made, deploymentOf([root], [pending('deleting', raw('vpc', { id: 'vpc-1' }))]));
    expect([openIn(history), isSeenDeleted(history, 'vpc-1')]).toEqual([['deleting vpc v2 current'], false]);
  });

  it('is one of each object: of two under one URN the other stays open', () => {
    const one = raw('vpc', { id: 'vpc-1', delete: true });
    const two = raw('vpc', { id: 'vpc-2', delete: true });
    const history = historyOf(deploymentOf([one, two], [pending('deleting', one), pending('deleting', two)]), deploymentOf([two]));
    expect([openIn(history), isSeenDeleted(history, 'vpc-1'), isSeenDeleted(history, 'vpc-2')]).toEqual([['deleting vpc v1'], true, false]);
  });

  it('of what disappears without one is not seen', () => {
    const history = historyOf(made, empty);
    expect([isSeenDeleted(history, 'vpc-1'), idsOf(history.former)]).toEqual([false, ['vpc-1']]);
  });
});

describe('what leaves nothing in doubt', () => {
  it.each(['updating', 'reading', 'importing'] as const)('%s is open while it is named, and over when it is not', (type) => {
    const begun = deploymentOf([raw('vpc', { id: 'vpc-1' })], [pending(type, raw('vpc', { id: 'vpc-1' }))]);
    expect(openIn(historyOf(made, begun))).toEqual([`${type} vpc v2 current`]);
    expect(openIn(historyOf(made, begun, made))).toEqual([]);
  });
});

describe('former objects', () => {
  it('are those of any version that the newest one does not have, as they were seen last', () => {
    const changed = deploymentOf([raw('vpc', { id: 'vpc-1', inputs: { cidrBlock: 'last' } })]);
    const [former] = historyOf(made, changed, empty).former;
    expect([former?.id, former?.inputs]).toEqual(['vpc-1', { cidrBlock: 'last' }]);
  });

  it('are not those that came back', () => {
    expect(historyOf(made, empty, made).former).toEqual([]);
  });

  it('are not those that the newest one has as to be deleted', () => {
    expect(historyOf(made, deploymentOf([raw('vpc', { id: 'vpc-1', delete: true })])).former).toEqual([]);
  });

  it('are cloud objects alone', () => {
    const provider = { urn: urnOf('aws', 'pulumi:providers:aws'), type: 'pulumi:providers:aws', custom: true, id: 'p1' };
    const read = raw('read', { id: 'vpc-7', external: true });
    expect(historyOf(deploymentOf([provider, read]), empty).former).toEqual([]);
  });
});

describe('a stack that is removed', () => {
  it('leaves its objects as former ones, and its creates open', () => {
    const half = deploymentOf([root, raw('vpc', { id: 'vpc-1' })], [pending('creating', raw('other'))]);
    const history = historyOf(half, undefined);
    expect([openIn(history), idsOf(history.former)]).toEqual([['creating other v1'], ['vpc-1']]);
  });

  it('and made anew has the create of each life', () => {
    const history = historyOf(made, deleting, undefined, creating);
    expect([openIn(history), isSeenDeleted(history, 'vpc-1'), idsOf(history.former)]).toEqual([
      ['creating vpc v4 current'],
      true,
      ['vpc-1'],
    ]);
  });

  it('has the object as there again that a later life recorded under the same id', () => {
    const history = historyOf(made, deleting, undefined, made);
    expect([isSeenDeleted(history, 'vpc-1'), idsOf(history.former)]).toEqual([false, []]);
  });
});

describe('the same content again', () => {
  it('says nothing new', () => {
    const once = historyOf(empty, creating);
    const twice = historyOf(empty, creating, creating);
    expect([openIn(twice), twice.former, [...twice.seenDeleted]]).toEqual([
      openIn(once).map((line) => line.replace('v2', 'v3')),
      once.former,
      [...once.seenDeleted],
    ]);
  });
});

describe('the shape of a resource', () => {
  const cidrIn = (...deployments: readonly Deployment[]): unknown =>
    historyOf(...deployments).shapes.get(urnOf('vpc'))?.inputs['cidrBlock'];
  const as = (cidrBlock: string, more: object = {}) => raw('vpc', { id: 'vpc-1', inputs: { cidrBlock }, ...more });

  it('is as it was recorded last', () => {
    expect(cidrIn(deploymentOf([as('one')]), deploymentOf([as('two')]), empty)).toBe('two');
  });

  it('is as it was to be recorded, where it never was', () => {
    expect(cidrIn(deploymentOf([], [pending('creating', raw('vpc', { inputs: { cidrBlock: 'wanted' } }))]))).toBe('wanted');
  });

  it.each([{ delete: true }, { pendingReplacement: true }])('is not that of an object that is being replaced: %j', (state) => {
    expect(cidrIn(deploymentOf([as('new')]), deploymentOf([as('old', state)]))).toBe('new');
  });
});

it('of nothing is nothing', () => {
  expect(historyOf()).toEqual({ open: [], former: [], updates: [], seenDeleted: new Set(), shapes: new Map() });
});
