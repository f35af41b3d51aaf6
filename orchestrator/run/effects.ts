import { tokens } from '../aws/resource-types/tokens.ts';
import { contains, isSameBlock } from '../domain/cidr.ts';
import type { Cidr } from '../domain/cidr.ts';
import { parseStackName } from '../domain/stack-name.ts';
import type { Graph } from '../graph/graph.ts';
import type { Bridge, StackKind } from '../pulumi/kind.ts';
import { difference, Watch } from '../reachability/difference.ts';
import { changeOf, destinationOf, isBlackhole } from '../reachability/from-steps.ts';
import type { RouteStep } from '../reachability/from-steps.ts';
import { pathTexts } from '../reachability/json.ts';
import type { PathTexts } from '../reachability/json.ts';
import { addedLoops } from '../reachability/loops.ts';
import { isEmpty } from '../reachability/survey.ts';
import type { PathSet } from '../reachability/survey.ts';
import { applied } from '../reachability/topology.ts';
import type { Topology } from '../reachability/topology.ts';
import type { Consequence } from './consequences.ts';
import type { PlannedChange, StackPlan } from './events.ts';
import { passesOf, passKinds, takesAway } from './passes.ts';
import type { Arrangement, Pass, PassKind } from './passes.ts';

/** What a plan does to traffic and to what is there, beside what its resources are. */
export interface Effects {
  /** Paths that there will be and are not there now, and the other way round. */
  readonly appear: PathTexts;
  readonly go: PathTexts;
  /** Of which it cannot be told, before or after. */
  readonly unknown: PathTexts;
  /** Paths of before and after that are not there for a while. */
  readonly interrupted: readonly Disturbed[];
  /** Paths of neither before nor after that are there for a while. */
  readonly opened: readonly Disturbed[];
  readonly loops: readonly AddedLoop[];
  /** What is deleted, or replaced, and does not come back by itself, as in `vpc.shared/subnet-private-a`. */
  readonly deletes: readonly string[];
}

export interface Disturbed {
  readonly paths: PathTexts;
  /** The changes with which it begins, as in `segment.staging/route-0.0.0.0/0`. */
  readonly by: readonly string[];
}

export interface AddedLoop {
  readonly to: readonly string[];
  /** Between which and the gateway packets go round. */
  readonly vpcs: readonly string[];
}

export const consequencesOf = ({ interrupted, opened, deletes }: Effects): readonly Consequence[] => [
  ...(interrupted.length > 0 ? (['interruption'] as const) : []),
  ...(opened.length > 0 ? (['opening'] as const) : []),
  ...(deletes.length > 0 ? (['deletion'] as const) : []),
];

export interface EffectsRequest {
  readonly stacks: readonly StackPlan[];
  readonly graph: Graph;
  readonly kinds: readonly StackKind[];
  /** What the states say that AWS has. */
  readonly before: Topology;
  /** What the network file makes. */
  readonly wanted: Topology;
}

/**
 * How an edit is carried out, and what that does. What would be disturbed by a replacement gets a bridge, where its kind has one; where a path would be open for a
 * while, blackholes come first and go last. Pure.
 *
 * Of a network that has no VPC yet there is nothing to disturb, and all paths are new.
 */
export function carriedOut(request: EffectsRequest): CarriedOut {
  let best = arranged(request, nothingArranged);
  const consider = (other: CarriedOut): void => {
    if (isLess(disturbanceOf(other.effects, request.stacks), disturbanceOf(best.effects, request.stacks)) && isPossible(other, request))
      best = other;
  };
  if (!isQuiet(best.effects)) consider(arranged(request, { ...best.arranged, bridges: bridgesOver(best.effects, request) }));
  if (!isQuiet(best.effects)) consider(arranged(request, { ...best.arranged, shields: shieldsOf(request) }));
  for (const to of togetherTo) for (const moved of movedTogether(best, request, to)) consider(moved);
  return settled(best, request);
}

export interface CarriedOut {
  readonly arranged: Arranged;
  readonly passes: readonly Pass[];
  readonly steps: readonly LabelledStep[];
  readonly effects: Effects;
  readonly turning: Turning;
}

/** Changes, as in `segment.staging/route-0.0.0.0/0`. */
interface Turning {
  /** With which something begins to be disturbed. */
  readonly begins: ReadonlySet<string>;
  /** With which something ceases to be. */
  readonly ends: ReadonlySet<string>;
}

interface Disturbance {
  /** Groups of paths that something disturbs that is made or taken away, which could be at another time. It lasts until a later pass. */
  readonly untimely: number;
  readonly all: number;
}

function disturbanceOf({ interrupted, opened }: Effects, stacks: readonly StackPlan[]): Disturbance {
  const inPlace = new Set(
    stacks.flatMap(({ short, changes }) =>
      changes.flatMap(({ op, name }) => (op === 'update' || op === 'replace' ? [`${short}/${name}`] : [])),
    ),
  );
  const count = (isMeant: (label: string) => boolean): number =>
    [...interrupted, ...opened].reduce(
      (sum, { paths: { pairs, outside }, by }) => sum + (pairs.length + outside.length) * by.filter(isMeant).length,
      0,
    );
  return { untimely: count((label) => !inPlace.has(label)), all: count(() => true) };
}

const isLess = (one: Disturbance, other: Disturbance): boolean =>
  one.untimely < other.untimely || (one.untimely === other.untimely && one.all < other.all);

const isQuiet = ({ interrupted, opened }: Effects): boolean => interrupted.length === 0 && opened.length === 0;

interface Arranged {
  readonly bridges: BridgesOf;
  readonly shields: Arrangement['shields'];
  readonly moved: Arrangement['moved'];
}

const nothingArranged: Arranged = { bridges: new Map(), shields: new Map(), moved: new Map() };

function arranged(request: EffectsRequest, how: Arranged): CarriedOut {
  const bridges = new Map([...how.bridges].map(([stack, own]) => [stack, own.map(({ resource }) => resource)]));
  const passes = passesOf(request.stacks, request.graph, { ...how, bridges });
  const steps = stepsOf(request.stacks, passes, how.bridges);
  return { arranged: how, passes, steps, ...effectsOf(request, steps) };
}

/** A static route of a gateway's table, and what is done to it, by the index of the pass. */
interface Turns {
  readonly to: Cidr;
  made?: number;
  taken?: number;
}

/** Whether the engine can do it, with the routes of a segment as its program has them: each stands on the narrower ones inside it. */
function isPossible({ arranged: { shields, moved }, passes, steps }: CarriedOut, { stacks, before }: EffectsRequest): boolean {
  if (shields.size === 0 && moved.size === 0) return true;
  return stacks.every((plan) => {
    const { kind, instance = '' } = parseStackName(plan.stack) ?? {};
    if (kind !== 'segment') return true;
    const turns = turnsOf(steps, passes, instance);
    const stay = (before.gatewayTables.get(instance)?.routes ?? []).filter(({ to }) => !turns.some((each) => isSameBlock(each.to, to)));
    /** Where something is made later, what stays is left out, and its state keeps what it stood on. */
    const leavesOut = (pass: number): boolean => turns.some(({ made, taken }) => taken === undefined && made !== undefined && made > pass);
    return turns.every((narrow) => {
      const inside = ({ to }: { readonly to: Cidr }): boolean => !isSameBlock(to, narrow.to) && contains(to, narrow.to);
      if (narrow.made !== undefined)
        return narrow.taken !== undefined || turns.filter(inside).every(({ made }) => made === undefined || made >= (narrow.made ?? 0));
      const { taken } = narrow;
      if (taken === undefined) return true;
      return turns.filter(inside).every((wide) => isNew(wide) || (wide.taken ?? 0) <= taken) && !(leavesOut(taken) && stay.some(inside));
    });
  });
}

/** It is made before it is taken away, if it is: no state has it yet. */
const isNew = ({ made, taken }: Turns): boolean => made !== undefined && made < (taken ?? Infinity);

function turnsOf(steps: readonly LabelledStep[], passes: readonly Pass[], instance: string): readonly Turns[] {
  const byName = new Map<string, Turns>();
  for (const step of steps) {
    const to = step.kind === 'segment' && step.instance === instance ? destinationOf(step.resource) : undefined;
    if (to === undefined) continue;
    const turns = byName.get(step.resource) ?? { to };
    byName.set(step.resource, turns);
    if (step.does === 'take') turns.taken = step.pass;
    // With its blackholes alone a program has none that it stands on.
    else if (passes[step.pass]?.kind !== 'shield') turns.made = step.pass;
  }
  return [...byName.values()];
}

/** By stack. */
type BridgesOf = ReadonlyMap<string, readonly Bridge[]>;

/** A route, made or taken away, and the pass in which it is to be. */
interface Move {
  readonly stack: string;
  readonly urn: string;
  readonly label: string;
  /** Undefined: where it would be by itself. */
  readonly to: PassKind | undefined;
}

/** Nothing else is made with one of these, so that it can come at any time. */
const routes: ReadonlySet<string> = new Set([tokens.route, tokens.gatewayRoute, tokens.propagation]);

const otherPasses = { create: ['switch', 'follow', 'join'], delete: ['part', 'unshield'] } as const;

/** Of which passes moves are tried together: of one, or of one for what is made and one for what is taken away. */
const togetherTo: readonly (readonly PassKind[])[] = [
  ...passKinds.map((kind) => [kind]),
  ...otherPasses.create.flatMap((create) => otherPasses.delete.map((taken) => [create, taken])),
];

function movesOf({ stacks }: EffectsRequest): readonly Move[] {
  return stacks.flatMap(({ stack, short, changes }) =>
    changes.flatMap(({ op, type, urn, name, condemned }): Move[] =>
      !condemned && (op === 'create' || op === 'delete') && routes.has(type)
        ? otherPasses[op].map((to) => ({ stack, urn, label: `${short}/${name}`, to }))
        : [],
    ),
  );
}

function withMoves(moved: Arrangement['moved'], moves: readonly Move[]): Arrangement['moved'] {
  const all = new Map([...moved].map(([stack, own]) => [stack, new Map(own)]));
  for (const { stack, urn, to } of moves) {
    const own = all.get(stack) ?? new Map<string, PassKind>();
    if (to === undefined) own.delete(urn);
    else own.set(urn, to);
    all.set(stack, own);
  }
  return all;
}

/**
 * Moves that are made together: of all that disturbs something, of what then disturbs it in their place, and so on. What ends a disturbance, by being taken away,
 * can be moved before it. Each of these is tried.
 * @yields what it comes to
 */
function* movedTogether(from: CarriedOut, request: EffectsRequest, to: readonly PassKind[]): Generator<CarriedOut, void, undefined> {
  const left = new Set(movesOf(request).filter((move) => move.to !== undefined && to.includes(move.to)));
  const moves: Move[] = [];
  for (let last = from; ;) {
    const { begins, ends } = last.turning;
    const more = [...left].filter((move) => begins.has(move.label) || (move.to === 'part' && ends.has(move.label)));
    if (more.length === 0) return;
    for (const move of more) left.delete(move);
    moves.push(...more);
    last = arranged(request, { ...from.arranged, moved: withMoves(from.arranged.moved, moves) });
    yield last;
  }
}

/** What a search may cost: each try looks at all pairs of VPCs. One that is not done by then keeps what it has found, and the plan says what is left. */
const mostTries = 20_000;

/** Moves one route at a time, while it gets better; then back what need not be moved. */
function settled(from: CarriedOut, request: EffectsRequest): CarriedOut {
  let best = from;
  let left = mostTries / Math.max(1, request.wanted.vpcs.size) ** 2;
  const costOf = ({ effects }: CarriedOut): Disturbance => disturbanceOf(effects, request.stacks);
  const attempt = (move: Move, isBetter: (one: Disturbance, other: Disturbance) => boolean): boolean => {
    left -= 1;
    if (left < 0) return false;
    const other = arranged(request, { ...best.arranged, moved: withMoves(best.arranged.moved, [move]) });
    if (!isBetter(costOf(other), costOf(best)) || !isPossible(other, request)) return false;
    best = other;
    return true;
  };
  const moves = movesOf(request);
  while (costOf(best).untimely > 0 && moves.some((move) => attempt(move, isLess)));
  const moved = [...best.arranged.moved].flatMap(([stack, own]) =>
    [...own.keys()].map((urn): Move => ({ stack, urn, label: '', to: undefined })),
  );
  for (const back of moved) attempt(back, (one, other) => !isLess(other, one));
  return best;
}

function bridgesOver({ interrupted, opened }: Effects, { stacks, graph }: EffectsRequest): BridgesOf {
  const disturbing = new Set([...interrupted, ...opened].flatMap(({ by }) => by));
  return new Map(
    stacks.flatMap(({ stack, short, changes }): [string, readonly Bridge[]][] => {
      const node = graph.byName.get(stack);
      const replaced = changes.filter(({ op, name }) => op === 'replace' && disturbing.has(`${short}/${name}`)).map(({ name }) => name);
      const bridges = replaced.length === 0 ? [] : (node?.kind.bridged?.(node.inputs, replaced).bridges ?? []);
      return bridges.length === 0 ? [] : [[stack, bridges]];
    }),
  );
}

function shieldsOf({ stacks, before, wanted }: EffectsRequest): Arrangement['shields'] {
  return new Map(
    stacks.flatMap(({ stack, changes }): [string, ReadonlySet<string>][] => {
      const name = parseStackName(stack);
      const urns = changes.flatMap(({ op, urn, name: resource, condemned }) => {
        if (condemned) return [];
        const topology = op === 'create' ? wanted : op === 'delete' ? before : undefined;
        const isOne = name && topology && isBlackhole({ kind: name.kind, instance: name.instance, resource }, topology);
        return isOne === true ? [urn] : [];
      });
      return urns.length === 0 ? [] : [[stack, new Set(urns)]];
    }),
  );
}

function effectsOf(
  { stacks, kinds, before, wanted }: EffectsRequest,
  steps: readonly LabelledStep[],
): Pick<CarriedOut, 'effects' | 'turning'> {
  const moments = momentsOf(before, wanted, steps);
  const after = moments.at(-1)?.topology ?? before;
  const isNew = before.vpcs.size === 0;
  const changed = difference(before, after);
  const { interrupted, opened, turning } = isNew ? nothingDisturbed : disturbed(before, after, moments);
  const effects: Effects = {
    appear: pathTexts(changed.appear),
    go: pathTexts(changed.go),
    unknown: pathTexts(changed.unknown),
    interrupted,
    opened,
    loops: (isNew ? [] : addedLoops(before, after)).map(({ to, cycle }) => ({
      to,
      vpcs: [...new Set(cycle.flatMap((hop) => (hop.at === 'vpc' ? [hop.vpc] : [])))],
    })),
    deletes: stacks.flatMap((plan) => guardedOf(plan, kinds)),
  };
  return { effects, turning };
}

const isDefaultRoute = ({ type, name }: PlannedChange): boolean =>
  (type === tokens.route || type === tokens.gatewayRoute) && name.endsWith('-0.0.0.0/0');

function guardedOf({ stack, short, changes }: StackPlan, kinds: readonly StackKind[]): string[] {
  const kind = parseStackName(stack)?.kind;
  const guarded = kinds.find((each) => each.kind === kind)?.guarded ?? [];
  return changes
    .filter((change) => {
      // That it goes, the run that replaced it asked about.
      if (change.condemned) return false;
      const isGone = change.op === 'delete' || change.op === 'replace';
      return (isGone && guarded.includes(change.type)) || (change.op === 'delete' && isDefaultRoute(change));
    })
    .map(({ name }) => `${short}/${name}`);
}

export interface LabelledStep extends RouteStep {
  readonly label: string;
  /** The pass in which it is done, from 0. */
  readonly pass: number;
}

/** In the order in which a run does them: pass by pass, what is made with what is read first, and what is taken away with what reads it first. */
function stepsOf(stacks: readonly StackPlan[], passes: readonly Pass[], bridges: BridgesOf): readonly LabelledStep[] {
  const byStack = new Map(stacks.map((plan) => [plan.stack, plan]));
  const done = new Set<string>();
  return passes.flatMap((pass, index) =>
    inOrderOf(pass.kind, pass.stacks).flatMap(({ stack, later, form }) => {
      const plan = byStack.get(stack);
      const name = parseStackName(stack);
      if (!plan || !name) return [];
      const due = plan.changes.filter(({ urn }) => !later.includes(urn) && !done.has(`${stack} ${urn}`));
      for (const { urn } of due) done.add(`${stack} ${urn}`);
      const step = (resource: string, does: RouteStep['does'], as?: string): LabelledStep => ({
        kind: name.kind,
        instance: name.instance,
        resource,
        ...(as === undefined ? {} : { as }),
        does,
        label: `${plan.short}/${resource}`,
        pass: index,
      });
      const own = bridges.get(stack) ?? [];
      const built = form?.kind === 'bridged' ? own.filter(({ resource }) => form.resources.includes(resource)) : [];
      const isOver = pass.kind === 'contract';
      return [
        ...built.flatMap(({ resource, by }) => by.map((each) => step(each, 'make', resource))),
        ...due.flatMap((change) => halvesOf(change).map((does) => step(change.name, does))),
        ...(isOver ? own : []).flatMap(({ by }) => by.map((each) => step(each, 'take'))),
      ];
    }),
  );
}

const inOrderOf = <T>(kind: PassKind, stacks: readonly T[]): readonly T[] => (takesAway(kind) ? [...stacks].reverse() : stacks);

function halvesOf({ op, deletesFirst, condemned }: PlannedChange): readonly RouteStep['does'][] {
  if (condemned) return [];
  switch (op) {
    case 'create':
      return ['make'];
    case 'update':
      return ['change'];
    case 'delete':
      return ['take'];
    case 'replace':
      // The one that is made takes the place of the other at once.
      return deletesFirst === true ? ['take', 'make'] : ['make'];
    default:
      return op satisfies never;
  }
}

interface Moment {
  readonly topology: Topology;
  readonly label: string;
}

function momentsOf(before: Topology, wanted: Topology, steps: readonly LabelledStep[]): readonly Moment[] {
  const moments: Moment[] = [];
  let now = before;
  for (const step of steps) {
    const change = changeOf(step, now, wanted);
    if (change === undefined) continue;
    now = applied(now, change);
    moments.push({ topology: now, label: step.label });
  }
  return moments;
}

type WhatIsDisturbed = Pick<Effects, 'interrupted' | 'opened'> & Pick<CarriedOut, 'turning'>;

const nothingDisturbed: WhatIsDisturbed = { interrupted: [], opened: [], turning: { begins: new Set(), ends: new Set() } };

/** @param moments the last of which is what it comes to */
function disturbed(before: Topology, after: Topology, moments: readonly Moment[]): WhatIsDisturbed {
  const watch = new Watch(before, after);
  const begins = new Set<string>();
  const ends = new Set<string>();
  const interrupted = new Told();
  const opened = new Told();
  let last = before;
  for (const { topology, label } of moments) {
    const turn = watch.turn(last, topology);
    last = topology;
    if (turn === undefined) continue;
    interrupted.add(turn.interrupted, label);
    opened.add(turn.opened, label);
    if (!isEmpty(turn.interrupted) || !isEmpty(turn.opened)) begins.add(label);
    if (!isEmpty(turn.over)) ends.add(label);
  }
  return { interrupted: interrupted.all(), opened: opened.all(), turning: { begins, ends } };
}

/** The same paths are told once, with all changes with which they begin to be disturbed. */
class Told {
  readonly #byPaths = new Map<string, { readonly paths: PathTexts; readonly by: Set<string> }>();

  add(set: PathSet, label: string): void {
    if (isEmpty(set)) return;
    const paths = pathTexts(set);
    const key = JSON.stringify(paths);
    const told = this.#byPaths.get(key) ?? { paths, by: new Set<string>() };
    told.by.add(label);
    this.#byPaths.set(key, told);
  }

  all(): readonly Disturbed[] {
    return [...this.#byPaths.values()].map(({ paths, by }) => ({ paths, by: [...by] }));
  }
}
