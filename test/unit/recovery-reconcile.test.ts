import { describe, expect, it } from 'vitest';
import type { Answer } from '../../orchestrator/journal/events.ts';
import { readHistory } from '../../orchestrator/recovery/history.ts';
import { integrityProblem, reconcile } from '../../orchestrator/recovery/reconcile.ts';
import type { Reconciled } from '../../orchestrator/recovery/reconcile.ts';
import { subjectsOf } from '../../orchestrator/recovery/subjects.ts';
import type { Subject } from '../../orchestrator/recovery/subjects.ts';
import type { RawResource } from '../../orchestrator/state/deployment.ts';
import {
  bodyOf,
  deploymentOf,
  evidenceOf,
  object,
  pending,
  provider,
  providerRef,
  providerUrn,
  raw,
  readBody,
  root,
  stackUrn,
  tagged,
  taggedInputs,
  told,
  types,
  urnOf,
  versionsOf,
} from './support/recovery.ts';
import type { Given, Pending } from './support/recovery.ts';

interface State {
  readonly resources?: readonly RawResource[];
  readonly operations?: readonly Pending[];
}

/** Of a checkpoint with this, and of the versions before it, what was decided of `given` is made true. */
function reconciled({ resources = [], operations = [] }: State, given: Given = {}, before: readonly State[] = []): Reconciled {
  const versions = [...before, { resources, operations }].map((state) => deploymentOf(state.resources, state.operations));
  const { raw: checkpoint } = readBody(bodyOf(resources, operations));
  return reconcile(checkpoint, subjectsOf(evidenceOf({ ...given, versions })), readHistory(versionsOf(...versions)).shapes);
}

function bodyOfReconciled(result: Reconciled): string {
  if (!result.ok) throw new Error(result.why);
  return result.body;
}

const rawsOf = (result: Reconciled): RawResource[] =>
  readBody(bodyOfReconciled(result)).deployment.resources.map((resource) => resource.raw);

/** `vpc vpc-1`, with a `-` before what is to be deleted and a `~` before what waits for its replacement. */
const entriesOf = (result: Reconciled): string[] =>
  rawsOf(result).map(
    ({ urn, id, delete: condemned, pendingReplacement }) =>
      `${condemned ? '-' : ''}${pendingReplacement ? '~' : ''}${urn.split('::').at(-1) ?? ''}${id === undefined ? '' : ` ${id}`}`,
  );

const vpc = raw('vpc', { id: 'vpc-1', inputs: { cidrBlock: '10.0.0.0/8' }, provider: providerRef, parent: stackUrn });
const support = [root, provider];

describe('what is adopted', () => {
  const wanted = raw('vpc', { inputs: { cidrBlock: '10.0.0.0/8' }, provider: providerRef, parent: stackUrn, protect: true });
  const state = { resources: support, operations: [pending('creating', wanted)] };
  const result = reconciled(state, { objects: [tagged('vpc-1', 'vpc')] });

  it('has its id, and its inputs as what a refresh begins with', () => {
    expect(rawsOf(result).find(({ id }) => id === 'vpc-1')).toEqual({
      ...wanted,
      id: 'vpc-1',
      outputs: { cidrBlock: '10.0.0.0/8' },
      custom: true,
    });
  });

  it('leaves no operation pending', () => {
    expect(readBody(bodyOfReconciled(result)).deployment.operations).toEqual([]);
  });

  it('leaves everything else of the checkpoint as it was', () => {
    const manifest = { time: '2030-01-01T00:00:00Z', magic: 'm', version: 'v3.258.0' };
    const { raw: checkpoint } = readBody(bodyOf(support, state.operations, { manifest, secrets_providers: { type: 'passphrase' } }));
    const subjects = subjectsOf(evidenceOf({ versions: [deploymentOf(support, state.operations)], objects: [tagged('vpc-1', 'vpc')] }));
    const body = JSON.parse(bodyOfReconciled(reconcile({ ...checkpoint, extra: 1 }, subjects, new Map()))) as object;
    expect(body).toMatchObject({
      version: 3,
      extra: 1,
      checkpoint: { stack: 'example.vpc.a', latest: { manifest, secrets_providers: { type: 'passphrase' } } },
    });
  });

  it('in the place of what is to be deleted is not to be deleted itself', () => {
    const before = { resources: [raw('vpc', { id: 'vpc-2', delete: true, pendingReplacement: true })] };
    const adopted = reconciled(
      { resources: [] },
      { objects: [object('vpc-2')], answers: [{ resource: 'vpc', answer: 'adopt', id: 'vpc-2' }] },
      [before],
    );
    expect(entriesOf(adopted)).toEqual(['vpc vpc-2']);
  });

  it('stands behind what it needs, and before what needs it', () => {
    const subnet = raw('net', { type: types.subnet, id: 'subnet-1', dependencies: [urnOf('vpc')], parent: stackUrn });
    const resources = [root, subnet, provider];
    expect(
      entriesOf(
        reconciled(
          { resources, operations: [pending('creating', wanted)] },
          { objects: [tagged('vpc-1', 'vpc'), tagged('subnet-1', 'net', { type: types.subnet })] },
        ),
      ),
    ).toEqual(['a', 'default p1', 'vpc vpc-1', 'net subnet-1']);
  });

  it.each<readonly [string, object]>([
    ['a dependency', { dependencies: [urnOf('vpc')] }],
    ['a property', { propertyDependencies: { vpcId: [urnOf('vpc')] } }],
    ['a parent', { parent: urnOf('vpc') }],
    ['what it is deleted with', { deletedWith: urnOf('vpc') }],
    ['what it is replaced with', { replaceWith: [urnOf('vpc')] }],
  ])('stands behind another one that is adopted too and that is %s of it', (_, needs) => {
    const subnet = raw('net', { type: types.subnet, ...needs });
    const operations = [pending('creating', subnet), pending('creating', raw('vpc'))];
    const objects = [tagged('vpc-1', 'vpc'), tagged('subnet-1', 'net', { type: types.subnet })];
    expect(entriesOf(reconciled({ operations }, { objects }))).toEqual(['vpc vpc-1', 'net subnet-1']);
  });
});

describe('the provider and the parents of what is adopted', () => {
  const component: RawResource = { urn: urnOf('group', 'holdfast:Group'), type: 'holdfast:Group', parent: stackUrn };
  const wanted = raw('vpc', { provider: providerRef, parent: component.urn });
  const before = { resources: [root, provider, component] };

  it('are put in from another version, with what they need themselves', () => {
    const result = reconciled({ operations: [pending('creating', wanted)] }, { objects: [tagged('vpc-1', 'vpc')] }, [before]);
    expect(entriesOf(result).sort()).toEqual(['a', 'default p1', 'group', 'vpc vpc-1']);
  });

  it('are not put in where they are there', () => {
    const state = { resources: before.resources, operations: [pending('creating', wanted)] };
    expect(entriesOf(reconciled(state, { objects: [tagged('vpc-1', 'vpc')] }, [before]))).toHaveLength(4);
  });

  it('are not made up: a provider that no version has is told', () => {
    const result = reconciled({ resources: [root], operations: [pending('creating', wanted)] }, { objects: [tagged('vpc-1', 'vpc')] });
    expect(result).toEqual({ ok: false, why: `vpc names a provider that does not stand before it (${providerRef})` });
  });

  it('are the stack itself where no version has the parent', () => {
    const state = { resources: [root, provider], operations: [pending('creating', wanted)] };
    const result = reconciled(state, { objects: [tagged('vpc-1', 'vpc')] });
    expect(rawsOf(result).find(({ id }) => id === 'vpc-1')?.parent).toBe(stackUrn);
  });

  it('is never a cloud object that was lost', () => {
    const operations = [pending('creating', raw('net', { type: types.subnet, parent: urnOf('vpc') }))];
    const objects = [tagged('subnet-1', 'net', { type: types.subnet })];
    expect(entriesOf(reconciled({ resources: [root], operations }, { objects }, [{ resources: [raw('vpc', { id: 'vpc-1' })] }]))).toEqual([
      'a',
      'net subnet-1',
    ]);
  });
});

describe('what is forgotten', () => {
  const subnet = raw('net', {
    type: types.subnet,
    id: 'subnet-1',
    parent: urnOf('vpc'),
    dependencies: [urnOf('vpc'), providerUrn],
    propertyDependencies: { vpcId: [urnOf('vpc')], zone: [] },
    deletedWith: urnOf('vpc'),
    replaceWith: [urnOf('vpc')],
  });
  const objects = [tagged('subnet-1', 'net', { type: types.subnet })];
  const result = reconciled({ resources: [root, provider, vpc, subnet] }, { objects });

  it('leaves the state', () => {
    expect(entriesOf(result)).toEqual(['a', 'default p1', 'net subnet-1']);
  });

  it('is named by nobody any more', () => {
    expect(rawsOf(result).at(-1)).toEqual({
      urn: urnOf('net', types.subnet),
      type: types.subnet,
      custom: true,
      id: 'subnet-1',
      parent: stackUrn,
      dependencies: [providerUrn],
      propertyDependencies: { vpcId: [], zone: [] },
      replaceWith: [],
    });
  });

  it('is the operation alone where nothing was made', () => {
    const state = { resources: [root], operations: [pending('creating', raw('vpc'))] };
    expect(JSON.parse(bodyOfReconciled(reconciled(state)))).toEqual({
      version: 3,
      checkpoint: { stack: 'example.vpc.a', latest: { resources: [root] } },
    });
  });

  it('stays where another object has the same URN', () => {
    const resources = [raw('vpc', { id: 'vpc-2' }), raw('vpc', { id: 'vpc-1', delete: true })];
    expect(entriesOf(reconciled({ resources }, { objects: [tagged('vpc-2', 'vpc')] }))).toEqual(['vpc vpc-2']);
  });
});

describe('what a person leaves in AWS', () => {
  it('leaves the state', () => {
    const answers = [{ resource: 'vpc', answer: 'disown', id: 'vpc-1' }] as const;
    const state = { resources: [raw('vpc', { id: 'vpc-1' })] };
    expect(entriesOf(reconciled(state, { objects: [tagged('vpc-1', 'vpc')], answers }))).toEqual([]);
  });
});

describe('a replacement that creates first', () => {
  const begun = {
    resources: [...support, vpc],
    operations: [pending('creating', { ...vpc, id: '', inputs: { cidrBlock: '172.16.0.0/12', ...taggedInputs('vpc') } })],
  };

  it('that was made has the new object, and behind it the old one to be deleted', () => {
    const result = reconciled(begun, { objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] });
    expect(entriesOf(result)).toEqual(['a', 'default p1', 'vpc vpc-2', '-vpc vpc-1']);
    expect(rawsOf(result)[2]?.outputs).toEqual({ cidrBlock: '172.16.0.0/12', ...taggedInputs('vpc') });
  });

  it('that was not made has the old object as it was', () => {
    expect(rawsOf(reconciled(begun, { objects: [tagged('vpc-1', 'vpc')] }))).toEqual([root, provider, vpc]);
  });

  it('whose old object is gone has the new one alone', () => {
    expect(entriesOf(reconciled(begun, { objects: [tagged('vpc-2', 'vpc')] }))).toEqual(['a', 'default p1', 'vpc vpc-2']);
  });

  it('keeps what stands on it behind the new object, and what is to be deleted behind that', () => {
    const subnet = raw('net', { type: types.subnet, id: 'subnet-1', dependencies: [urnOf('vpc')] });
    const objects = [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc'), tagged('subnet-1', 'net', { type: types.subnet })];
    expect(entriesOf(reconciled({ ...begun, resources: [...begun.resources, subnet] }, { objects }))).toEqual([
      'a',
      'default p1',
      'vpc vpc-2',
      'net subnet-1',
      '-vpc vpc-1',
    ]);
  });
});

describe('a replacement that deletes first', () => {
  const away = { ...vpc, pendingReplacement: true };
  const begun = {
    resources: [...support, away],
    operations: [pending('creating', { ...vpc, id: '', inputs: { ...vpc.inputs, ...taggedInputs('vpc') } })],
  };

  it('that was made has the new object alone', () => {
    expect(entriesOf(reconciled(begun, { objects: [tagged('vpc-2', 'vpc')] }))).toEqual(['a', 'default p1', 'vpc vpc-2']);
  });

  it('that was not made has the old entry, by which the next up makes it', () => {
    expect(entriesOf(reconciled(begun))).toEqual(['a', 'default p1', '~vpc vpc-1']);
  });
});

describe('what waits for its replacement, and was made anew by somebody', () => {
  const away = { ...vpc, pendingReplacement: true };
  it('is forgotten where a person says which one it is', () => {
    const given = { objects: [tagged('vpc-2', 'vpc')], answers: [{ resource: 'vpc', answer: 'adopt', id: 'vpc-2' }] } as const;
    expect(entriesOf(reconciled({ resources: [...support, away] }, given, [{ resources: [vpc] }]))).toEqual([
      'a',
      'default p1',
      'vpc vpc-2',
    ]);
  });

  it('is forgotten where what was made has its key', () => {
    const inputs = { routeTableId: 'rtb-1', subnetId: 'subnet-1' };
    const link = raw('link', { type: types.association, id: 'rtbassoc-1', inputs, pendingReplacement: true });
    const objects = [object('rtbassoc-2', { type: types.association, properties: inputs })];
    expect(entriesOf(reconciled({ resources: [link] }, { objects }))).toEqual(['link rtbassoc-2']);
  });
});

describe('a second object that the next up is to delete', () => {
  const answers = [{ resource: 'vpc', answer: 'delete', id: 'vpc-2' }] as const;

  it('stands behind the first one, to be deleted', () => {
    const objects = [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')];
    const result = reconciled({ resources: [...support, vpc] }, { objects, answers });
    expect(entriesOf(result)).toEqual(['a', 'default p1', 'vpc vpc-1', '-vpc vpc-2']);
  });
});

describe('what is not decided', () => {
  it('is not written: there is no state of it', () => {
    const result = reconciled({ resources: [vpc] }, { objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] });
    expect(result).toEqual({ ok: false, why: 'nothing was decided of vpc' });
  });
});

describe('a checkpoint with nothing in it', () => {
  it('has what is adopted', () => {
    const { raw: checkpoint } = readBody(JSON.stringify({ version: 3, checkpoint: {} }));
    const subjects = subjectsOf(
      evidenceOf({ versions: [deploymentOf([], [pending('creating', raw('vpc'))])], objects: [tagged('vpc-1', 'vpc')] }),
    );
    expect(entriesOf(reconcile(checkpoint, subjects, new Map()))).toEqual(['vpc vpc-1']);
  });
});

describe('the check of a whole state', () => {
  it.each<readonly [string, readonly RawResource[], string | undefined]>([
    ['of nothing finds nothing', [], undefined],
    ['of what stands behind what it needs finds nothing', [...support, vpc], undefined],
    ['finds a provider that is not there', [root, vpc], `vpc names a provider that does not stand before it (${providerRef})`],
    ['finds a provider that comes later', [root, vpc, provider], `vpc names a provider that does not stand before it (${providerRef})`],
    [
      'finds a provider of another id',
      [root, { ...provider, id: 'p2' }, vpc],
      `vpc names a provider that does not stand before it (${providerRef})`,
    ],
    ['lets what waits for its replacement name a provider that is gone', [root, { ...vpc, pendingReplacement: true }], undefined],
    ['finds a dependency that is not there', [raw('net', { dependencies: [urnOf('vpc')] })], 'net depends on vpc, which is missing'],
    ['finds a dependency that comes later', [raw('net', { parent: urnOf('vpc') }), raw('vpc')], 'net depends on vpc, which comes after it'],
    ['finds one that waits for itself', [raw('net', { dependencies: [urnOf('net')] })], 'net depends on net, which comes after it'],
    ['finds a component with an id', [{ ...root, id: 'x' }], 'component a has an id'],
    [
      'finds two of one URN',
      [raw('vpc', { id: 'vpc-1' }), raw('vpc', { id: 'vpc-2' })],
      'vpc is there twice, and neither is to be deleted',
    ],
    [
      'lets all but one of a URN be to be deleted',
      ['1', '2', '3'].map((n) => raw('vpc', { id: `vpc-${n}`, delete: n !== '2' })),
      undefined,
    ],
    ['lets all of a URN be to be deleted', ['1', '2'].map((n) => raw('vpc', { id: `vpc-${n}`, delete: true })), undefined],
  ])('%s', (_, entries, problem) => {
    expect(integrityProblem(entries)).toBe(problem);
  });
});

/** Numbers that look random, and are the same in every run of the same seed. https://en.wikipedia.org/wiki/Xorshift */
function dice(seed: number): (sides: number) => number {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return (sides) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % sides;
  };
}

/** A stack in any condition: what it needs stands before each resource, as the engine writes it. */
function anyCase(seed: number): { readonly now: State; readonly before: State; readonly given: Given } {
  const roll = dice(seed);
  const oneIn = (sides: number): boolean => roll(sides) === 0;
  const names = ['one', 'two', 'three', 'four'];
  const resources: RawResource[] = [root, provider];
  const lost: RawResource[] = [];
  const operations: Pending[] = [];
  const objects: ReturnType<typeof tagged>[] = [];
  for (const [index, name] of names.entries()) {
    const needed = names.slice(0, index).filter(() => oneIn(2));
    const urns = needed.map((one) => urnOf(one));
    const field = roll(5);
    const needs = [
      { dependencies: urns },
      { propertyDependencies: { vpcId: urns } },
      { parent: urns[0] ?? stackUrn },
      { ...(urns[0] === undefined ? {} : { deletedWith: urns[0] }) },
      { replaceWith: urns },
    ][field];
    const shape = raw(name, { ...needs, provider: providerRef, inputs: { cidrBlock: `10.${roll(9)}.0.0/16`, ...taggedInputs(name) } });
    const own = (n: number): string => `vpc-${name}-${n}`;
    const isRecorded = !oneIn(3);
    if (isRecorded) {
      const state = [{}, {}, {}, { delete: true }, { pendingReplacement: true }][roll(5)] ?? {};
      (oneIn(5) ? lost : resources).push({ ...shape, id: own(1), ...state });
      if (!oneIn(3)) objects.push(oneIn(4) ? object(own(1)) : tagged(own(1), name));
      if (oneIn(3)) operations.push(pending((['updating', 'deleting'] as const)[roll(2)] ?? 'updating', { ...shape, id: own(1) }));
    }
    if (oneIn(2)) {
      operations.push(pending('creating', shape));
      if (!oneIn(3)) objects.push(tagged(own(2), name));
      if (oneIn(6)) objects.push(tagged(own(3), name));
    } else if (oneIn(8)) objects.push(tagged(own(4), name));
  }
  // A dependency that a version has lost is no state that the engine wrote.
  const kept = resources.filter((entry) => integrityProblem([...resources.slice(0, resources.indexOf(entry)), entry]) === undefined);
  // At most one of a resource: two that contradict one another are refused before anything is decided.
  const answers = names.flatMap((name): Answer[] => {
    const own = objects.filter(({ id }) => id.startsWith(`vpc-${name}-`));
    const said = (['adopt', 'disown', 'delete'] as const)[roll(3)] ?? 'disown';
    const one = own[roll(3)];
    return one && oneIn(2) ? [{ resource: name, answer: said, id: one.id }] : [];
  });
  return { now: { resources: kept, operations }, before: { resources: [root, provider, ...lost] }, given: { objects, answers } };
}

const isDecided = ({ row }: Subject): boolean => !['wait', 'ask', 'duplicate'].includes(row.then);

describe('whatever is decided of a stack in any condition', () => {
  const cases = Array.from({ length: 3000 }, (_, seed) => {
    const { now, before, given } = anyCase(seed);
    const versions = [before, now].map((state) => deploymentOf(state.resources, state.operations));
    const subjects = subjectsOf(evidenceOf({ ...given, versions }));
    return { seed, now, versions, subjects };
  }).filter(({ now, subjects }) => integrityProblem(now.resources ?? []) === undefined && subjects.every(isDecided));

  it('is tried in many that differ', () => {
    const rows = new Set(cases.flatMap(({ subjects }) => subjects.map(({ row }) => row.row)));
    expect(cases.length).toBeGreaterThan(500);
    expect([...rows]).toEqual(
      expect.arrayContaining(['G1', 'G3', 'G4', 'G5', 'G7', 'G8', 'P1', 'P3', 'P4', 'R3', 'R4', 'R5', 'R6', 'R8', 'U2']),
    );
  });

  it('holds together, has nothing pending, and has each object once, and just those that were decided to stay', () => {
    for (const { seed, now, versions, subjects } of cases) {
      const { raw: checkpoint } = readBody(bodyOf(now.resources, now.operations));
      const result = reconcile(checkpoint, subjects, readHistory(versionsOf(...versions)).shapes);
      if (!result.ok) throw new Error(`seed ${seed}: ${result.why}: ${told(subjects).join(', ')}`);
      const { deployment } = readBody(result.body);
      expect(integrityProblem(deployment.resources.map((resource) => resource.raw)), `seed ${seed}`).toBeUndefined();
      expect(deployment.operations, `seed ${seed}`).toEqual([]);
      const ids = deployment.resources.flatMap(({ type, id }) => (id === undefined || type !== types.vpc ? [] : [id])).sort();
      const staying = subjects.flatMap(({ row, id }) => (id !== undefined && ['adopt', 'keep', 'condemn'].includes(row.then) ? [id] : []));
      expect(ids, `seed ${seed}`).toEqual(staying.sort());
      const condemned = deployment.resources.flatMap((entry) => (entry.condemned ? [entry.id] : [])).sort();
      expect(condemned, `seed ${seed}`).toEqual(subjects.flatMap(({ row, id }) => (row.then === 'condemn' ? [id] : [])).sort());
    }
  });
});
