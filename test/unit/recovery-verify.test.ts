import { describe, expect, it } from 'vitest';
import type { EngineStep } from '../../orchestrator/pulumi/engine.ts';
import { decisionTable } from '../../orchestrator/recovery/decision-table.ts';
import type { PlannedOp } from '../../orchestrator/recovery/decision-table.ts';
import { subjectsOf } from '../../orchestrator/recovery/subjects.ts';
import { isEmptyPlan, membershipProblems, planProblems, plannedSteps } from '../../orchestrator/recovery/verify.ts';
import type { Meant, PlannedStep } from '../../orchestrator/recovery/verify.ts';
import { deploymentOf, evidenceOf, object, pending, raw, root, tagged, types, urnOf } from './support/recovery.ts';
import type { Given } from './support/recovery.ts';

const subjects = (given: Given) => subjectsOf(evidenceOf(given));
const vpc = raw('vpc', { id: 'vpc-1' });
const made = deploymentOf([root, vpc]);
const empty = deploymentOf([root]);
const creating = deploymentOf([root], [pending('creating', raw('vpc'))]);

describe('what the table decided, and the refresh has to leave as it is', () => {
  const there = { objects: [tagged('vpc-1', 'vpc')] };
  const two = [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')];
  const replaced = { versions: [deploymentOf([vpc], [pending('creating', raw('vpc'))])], objects: two };
  const condemned = deploymentOf([raw('vpc', { id: 'vpc-2' }), raw('vpc', { id: 'vpc-1', delete: true })]);

  const routeId = 'r-rtb-1_10.0.0.0/8';
  const leading = (transitGatewayId: string) => ({ routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8', transitGatewayId });
  const route = (gateway: string, more: object = {}) => raw('route', { type: types.route, inputs: leading(gateway), ...more });
  const remadeRoute = {
    versions: [deploymentOf([root, route('tgw-1', { id: routeId, pendingReplacement: true })], [pending('creating', route('tgw-2'))])],
    objects: [object(routeId, { type: types.route, properties: leading('tgw-2') })],
  };

  it.each<readonly [string, Given, ReturnType<typeof deploymentOf>, readonly string[]]>([
    ['adopted, and there', { versions: [creating], ...there }, made, []],
    ['adopted, and dropped', { versions: [creating], ...there }, empty, ['the refresh dropped vpc (vpc-1), which AWS has']],
    ['kept, and there', { versions: [made], ...there }, made, []],
    ['kept, and dropped', { versions: [made], ...there }, empty, ['the refresh dropped vpc (vpc-1), which AWS has']],
    [
      'kept, and there under another id',
      { versions: [made], ...there },
      deploymentOf([raw('vpc', { id: 'vpc-9' })]),
      ['the refresh dropped vpc (vpc-1), which AWS has'],
    ],
    ['forgotten, and not there', { versions: [made] }, empty, []],
    ['forgotten, and there', { versions: [made] }, made, ['vpc (vpc-1) is still in the state']],
    ['replaced, and to be deleted', replaced, condemned, []],
    [
      'replaced, and not to be deleted',
      replaced,
      deploymentOf([raw('vpc', { id: 'vpc-2' }), vpc]),
      ['vpc (vpc-1) should be there to be deleted'],
    ],
    ['replaced, and not there', replaced, deploymentOf([raw('vpc', { id: 'vpc-2' })]), ['vpc (vpc-1) should be there to be deleted']],
    [
      'adopted, and to be deleted',
      { versions: [creating], ...there },
      deploymentOf([raw('vpc', { id: 'vpc-1', delete: true })]),
      ['vpc (vpc-1) is to be deleted, and should be kept'],
    ],
    [
      'left in AWS, and in the state',
      { versions: [made], ...there, answers: [{ resource: 'vpc', answer: 'disown', id: 'vpc-1' }] },
      made,
      ['vpc (vpc-1) is still in the state'],
    ],
    ['forgotten, and adopted under the same id', remadeRoute, deploymentOf([root, route('tgw-2', { id: routeId })]), []],
    [
      'forgotten, and adopted under the same id, and dropped',
      remadeRoute,
      empty,
      [`the refresh dropped route (${routeId}), which AWS has`],
    ],
    ['of two that are not decided', { versions: [made], objects: two }, made, ['nothing was decided of vpc (vpc-2)']],
  ])('%s', (_, given, after, problems) => {
    expect(membershipProblems(after, subjects(given))).toEqual(problems);
  });

  it('has no operation pending', () => {
    expect(membershipProblems(creating, subjects({ versions: [creating] }))).toEqual(['vpc is still "creating"']);
  });

  it('is another one where only its type differs', () => {
    const after = deploymentOf([raw('vpc', { type: types.subnet, id: 'vpc-1' })]);
    expect(membershipProblems(after, subjects({ versions: [made], ...there }))).toHaveLength(1);
  });

  it('is nothing of what the engine keeps for itself', () => {
    expect(membershipProblems(empty, subjects({ versions: [deploymentOf([], [pending('creating', root)])] }))).toEqual([]);
  });
});

const step = (op: string, name = 'vpc', more: Partial<EngineStep> = {}): EngineStep => ({
  phase: 'started',
  op,
  type: types.vpc,
  name,
  urn: urnOf(name),
  changed: [],
  replacing: [],
  ...more,
});
/** `replace vpc`, of each. */
const planOf = (...steps: EngineStep[]): string[] => plannedSteps(steps).map(({ op, name }) => `${op} ${name}`);

describe('what a plan says of a cloud object', () => {
  it.each([
    ['same', 'same'],
    ['update', 'update'],
    ['create', 'create'],
    ['create-replacement', 'replace'],
    ['replace', 'replace'],
    ['delete', 'delete'],
    ['delete-replaced', 'delete'],
  ])('%s is to %s it', (op, planned) => {
    expect(planOf(step(op))).toEqual([`${planned} vpc`]);
  });

  it.each(['read', 'refresh', 'remove-pending-replace', 'discard'])('%s is nothing', (op) => {
    expect(planOf(step(op))).toEqual([]);
  });

  it('is each step once: that it is done is told of the same one', () => {
    expect(planOf(step('create'), step('create', 'vpc', { phase: 'done' }))).toEqual(['create vpc']);
  });

  it('is nothing of the stack, its provider and its references', () => {
    const own = ['pulumi:pulumi:Stack', 'pulumi:providers:aws', 'pulumi:pulumi:StackReference'].map((type) =>
      step('create', 'x', { type }),
    );
    expect(planOf(...own)).toEqual([]);
  });

  it.each([
    ['creates first', ['create-replacement', 'replace', 'delete-replaced']],
    ['deletes first', ['delete-replaced', 'replace', 'create-replacement']],
  ])('is to replace it, and not to delete it too, where the replacement %s', (_, ops) => {
    expect(new Set(planOf(...ops.map((op) => step(op))))).toEqual(new Set(['replace vpc']));
  });

  it('is to delete what was replaced before, beside what is made of another resource', () => {
    expect(planOf(step('delete-replaced'), step('create-replacement', 'other'))).toEqual(['delete vpc', 'replace other']);
  });

  it('names what changes', () => {
    expect(plannedSteps([step('update', 'vpc', { changed: ['cidrBlock'] })])[0]).toEqual({
      urn: urnOf('vpc'),
      name: 'vpc',
      type: types.vpc,
      op: 'update',
      changed: ['cidrBlock'],
    });
  });
});

describe('an empty plan', () => {
  it.each<readonly [readonly string[], boolean]>([
    [[], true],
    [['same', 'same'], true],
    [['same', 'update'], false],
  ])('%j: %s', (ops, expected) => {
    expect(isEmptyPlan(plannedSteps(ops.map((op) => step(op))))).toBe(expected);
  });
});

const planned = (op: PlannedOp, name = 'vpc'): PlannedStep => ({ urn: urnOf(name), name, type: types.vpc, op, changed: [] });
const rest: Meant = { destroying: false, bridges: new Set() };
const every: readonly PlannedOp[] = ['same', 'update', 'create', 'replace', 'delete'];
/** What a plan may do to the resource. */
const allowed = (given: Given, destroying = false): PlannedOp[] =>
  every.filter((op) => planProblems([planned(op)], subjects(given), { destroying, bridges: new Set() }).length === 0);

describe('a plan may show of what was in doubt', () => {
  const there = [tagged('vpc-1', 'vpc')];
  const operation = (type: 'updating' | 'deleting') => deploymentOf([vpc], [pending(type, vpc)]);

  it.each<readonly [string, Given, readonly PlannedOp[]]>([
    ['adopted: the rest of its create', { versions: [creating], objects: there }, ['same', 'update']],
    ['nothing made: its create', { versions: [creating] }, ['same', 'update', 'create', 'replace']],
    ['an update: the rest of it', { versions: [operation('updating')], objects: there }, ['same', 'update']],
    ['an update of what is gone: making it anew', { versions: [operation('updating')] }, ['create', 'replace']],
    [
      'a delete that was not done: doing it',
      { versions: [operation('deleting')], objects: there },
      ['same', 'update', 'replace', 'delete'],
    ],
    [
      'a delete that was done: whatever is wanted in its place',
      { versions: [operation('deleting')] },
      ['same', 'update', 'create', 'replace'],
    ],
    [
      'a replacement that was made: the delete of the old one, and never another one',
      { versions: [deploymentOf([vpc], [pending('creating', raw('vpc'))])], objects: [...there, tagged('vpc-2', 'vpc')] },
      ['same', 'update', 'delete'],
    ],
    [
      'a replacement that was deleted and not made: making it',
      { versions: [deploymentOf([raw('vpc', { id: 'vpc-1', pendingReplacement: true })], [pending('creating', raw('vpc'))])] },
      ['same', 'update', 'create', 'replace', 'delete'],
    ],
    [
      'adopted beside one that a person has deleted: that delete',
      {
        versions: [creating],
        objects: [...there, tagged('vpc-2', 'vpc')],
        answers: [{ resource: 'vpc', answer: 'delete', id: 'vpc-2' }],
      },
      ['same', 'update', 'delete'],
    ],
    [
      'an update beside what was replaced before: the rest of it, and that delete',
      {
        versions: [
          deploymentOf(
            [raw('vpc', { id: 'vpc-2' }), raw('vpc', { id: 'vpc-1', delete: true })],
            [pending('updating', raw('vpc', { id: 'vpc-2' }))],
          ),
        ],
        objects: [...there, tagged('vpc-2', 'vpc')],
      },
      ['same', 'update', 'delete'],
    ],
    [
      'adopted in the place of what is gone: the rest of it, and never another one',
      {
        versions: [operation('updating')],
        objects: [tagged('vpc-2', 'vpc')],
        answers: [{ resource: 'vpc', answer: 'adopt', id: 'vpc-2' }],
      },
      ['same', 'update'],
    ],
    ['not in doubt: anything', { versions: [made], objects: there }, every],
    ['not in doubt, and gone: anything', { versions: [made] }, every],
  ])('%s', (_, given, ops) => {
    expect(allowed(given)).toEqual(ops);
  });

  it('where everything is destroyed, also its delete', () => {
    expect(allowed({ versions: [creating], objects: there }, true)).toEqual(['same', 'update', 'delete']);
  });

  it('of what carries the traffic of another while that is replaced, also its delete: it has done its work', () => {
    const problemsOf = (op: PlannedOp, bridge: string): number =>
      planProblems([planned(op)], subjects({ versions: [creating], objects: there }), { ...rest, bridges: new Set([bridge]) }).length;
    expect(problemsOf('delete', 'vpc')).toBe(0);
    expect(problemsOf('replace', 'vpc')).toBe(1);
    expect(problemsOf('delete', 'other')).toBe(1);
  });

  it('of another resource whatever it likes', () => {
    expect(planProblems([planned('delete', 'other')], subjects({ versions: [creating], objects: there }), rest)).toEqual([]);
  });

  it('the whole of a replacement that was begun, and of which nothing was made', () => {
    const given = { versions: [made, deploymentOf([root, vpc], [pending('creating', raw('vpc'))])], objects: there };
    const steps = plannedSteps(['create-replacement', 'replace', 'delete-replaced'].map((op) => step(op)));
    expect(planProblems(steps, subjects(given), rest)).toEqual([]);
  });

  it('and else is told, with what it would do', () => {
    expect(planProblems([planned('create'), planned('replace')], subjects({ versions: [creating], objects: there }), rest)).toEqual([
      'the plan would create vpc, which was in doubt',
      'the plan would replace vpc, which was in doubt',
    ]);
  });

  it('of a stranger that a person left there whatever it likes', () => {
    expect(allowed({ objects: [object('igw-1', { type: 'internet-gateway' })] })).toEqual(every);
  });
});

it('whatever is adopted is never made anew by a plan', () => {
  for (const { row, then, plan } of decisionTable)
    if (then === 'adopt')
      expect(
        plan?.some((op) => op === 'create' || op === 'replace' || op === 'delete'),
        row,
      ).toBe(false);
});
