import { tokens } from '../aws/resource-types/tokens.ts';
import { parseStackName } from '../domain/stack-name.ts';
import type { Graph } from '../graph/graph.ts';
import type { Bridge, StackKind } from '../pulumi/kind.ts';
import { difference, Watch } from '../reachability/difference.ts';
import { changeOf, isBlackhole } from '../reachability/from-steps.ts';
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
import { passesOf, takesAway } from './passes.ts';
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
  const tryWith = (change: Partial<Arranged>): void => {
    if (isQuiet(best.effects)) return;
    const other = arranged(request, { ...best.arranged, ...change });
    if (disturbanceOf(other.effects) < disturbanceOf(best.effects)) best = other;
  };
  if (!isQuiet(best.effects)) tryWith({ bridges: bridgesOver(best.effects, request) });
  if (!isQuiet(best.effects)) tryWith({ shields: shieldsOf(request) });
  // What waits may make others wait: until nothing more is gained.
  for (let before = Number.POSITIVE_INFINITY; disturbanceOf(best.effects) < before;) {
    before = disturbanceOf(best.effects);
    tryWith({ joins: joinsOf(best, request) });
  }
  return best;
}

export interface CarriedOut {
  readonly arranged: Arranged;
  readonly passes: readonly Pass[];
  readonly steps: readonly LabelledStep[];
  readonly effects: Effects;
}

const disturbanceOf = ({ interrupted, opened }: Effects): number =>
  [...interrupted, ...opened].reduce((sum, { paths: { pairs, outside } }) => sum + pairs.length + outside.length, 0);

const isQuiet = (effects: Effects): boolean => disturbanceOf(effects) === 0;

interface Arranged {
  readonly bridges: BridgesOf;
  readonly shields: Arrangement['shields'];
  readonly joins: Arrangement['joins'];
}

const nothingArranged: Arranged = { bridges: new Map(), shields: new Map(), joins: new Map() };

function arranged(request: EffectsRequest, how: Arranged): CarriedOut {
  const bridges = new Map([...how.bridges].map(([stack, own]) => [stack, own.map(({ resource }) => resource)]));
  const passes = passesOf(request.stacks, request.graph, { ...how, bridges });
  const steps = stepsOf(request.stacks, passes, how.bridges);
  return { arranged: how, passes, steps, effects: effectsOf(request, steps) };
}

/** By stack. */
type BridgesOf = ReadonlyMap<string, readonly Bridge[]>;

/** What nothing else is made with. */
const standsAlone: ReadonlySet<string> = new Set([tokens.route, tokens.gatewayRoute, tokens.propagation]);

/** What is made, and opens a path that is neither of before nor of after: it is made later. */
function joinsOf({ effects, arranged: { joins } }: CarriedOut, { stacks }: EffectsRequest): Arrangement['joins'] {
  const opening = new Set(effects.opened.flatMap(({ by }) => by));
  return new Map(
    stacks.flatMap(({ stack, short, changes }): [string, ReadonlySet<string>][] => {
      const own = changes
        .filter(({ op, type, name }) => op === 'create' && standsAlone.has(type) && opening.has(`${short}/${name}`))
        .map(({ urn }) => urn);
      const all = new Set([...(joins.get(stack) ?? []), ...own]);
      return all.size === 0 ? [] : [[stack, all]];
    }),
  );
}

function bridgesOver({ interrupted, opened }: Effects, { stacks, graph }: EffectsRequest): BridgesOf {
  const disturbing = new Set([...interrupted, ...opened].flatMap(({ by }) => by));
  return new Map(
    stacks.flatMap(({ stack, short, changes }): [string, readonly Bridge[]][] => {
      const node = graph.byName.get(stack);
      const replaced = changes.filter(({ op, name }) => op === 'replace' && disturbing.has(`${short}/${name}`)).map(({ name }) => name);
      const { bridges = [] } = (replaced.length > 0 && node?.kind.bridged?.(node.inputs, replaced)) || {};
      return bridges.length === 0 ? [] : [[stack, bridges]];
    }),
  );
}

function shieldsOf({ stacks, before, wanted }: EffectsRequest): Arrangement['shields'] {
  return new Map(
    stacks.flatMap(({ stack, changes }): [string, ReadonlySet<string>][] => {
      const name = parseStackName(stack);
      const urns = changes.flatMap(({ op, urn, name: resource }) => {
        const topology = op === 'create' ? wanted : op === 'delete' ? before : undefined;
        const isOne = name && topology && isBlackhole({ kind: name.kind, instance: name.instance, resource }, topology);
        return isOne === true ? [urn] : [];
      });
      return urns.length === 0 ? [] : [[stack, new Set(urns)]];
    }),
  );
}

function effectsOf({ stacks, kinds, before, wanted }: EffectsRequest, steps: readonly LabelledStep[]): Effects {
  const moments = momentsOf(before, wanted, steps);
  const after = moments.at(-1)?.topology ?? before;
  const isNew = before.vpcs.size === 0;
  const changed = difference(before, after);
  const { interrupted, opened } = isNew ? { interrupted: [], opened: [] } : disturbed(before, after, moments.slice(0, -1));
  return {
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
}

const isDefaultRoute = ({ type, name }: PlannedChange): boolean =>
  (type === tokens.route || type === tokens.gatewayRoute) && name.endsWith('-0.0.0.0/0');

function guardedOf({ stack, short, changes }: StackPlan, kinds: readonly StackKind[]): string[] {
  const kind = parseStackName(stack)?.kind;
  const guarded = kinds.find((each) => each.kind === kind)?.guarded ?? [];
  return changes
    .filter((change) => {
      const isGone = change.op === 'delete' || change.op === 'replace';
      return (isGone && guarded.includes(change.type)) || (change.op === 'delete' && isDefaultRoute(change));
    })
    .map(({ name }) => `${short}/${name}`);
}

export interface LabelledStep extends RouteStep {
  readonly label: string;
}

/** In the order in which a run does them: pass by pass, what is made with what is read first, and what is taken away with what reads it first. */
function stepsOf(stacks: readonly StackPlan[], passes: readonly Pass[], bridges: BridgesOf): readonly LabelledStep[] {
  const byStack = new Map(stacks.map((plan) => [plan.stack, plan]));
  const done = new Set<string>();
  return passes.flatMap((pass) =>
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

function halvesOf({ op, deletesFirst }: PlannedChange): readonly RouteStep['does'][] {
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

function disturbed(before: Topology, after: Topology, moments: readonly Moment[]): Pick<Effects, 'interrupted' | 'opened'> {
  const watch = new Watch(before, after);
  const interrupted = new Told();
  const opened = new Told();
  for (const { topology, label } of moments) {
    const isQuiet = watch.isQuiet(topology);
    const at = isQuiet ? undefined : watch.at(topology);
    interrupted.add(at?.interrupted, label);
    opened.add(at?.opened, label);
  }
  return { interrupted: interrupted.all(), opened: opened.all() };
}

/** The same paths are told once, with all changes with which they begin to be disturbed. */
class Told {
  readonly #byPaths = new Map<string, { readonly paths: PathTexts; readonly by: Set<string> }>();
  #last: string | undefined;

  add(set: PathSet | undefined, label: string): void {
    const paths = set === undefined || isEmpty(set) ? undefined : pathTexts(set);
    const key = paths && JSON.stringify(paths);
    if (key !== undefined && paths !== undefined && key !== this.#last) {
      const told = this.#byPaths.get(key) ?? { paths, by: new Set<string>() };
      told.by.add(label);
      this.#byPaths.set(key, told);
    }
    this.#last = key;
  }

  all(): readonly Disturbed[] {
    return [...this.#byPaths.values()].map(({ paths, by }) => ({ paths, by: [...by] }));
  }
}
