import { tokens } from '../aws/resource-types/tokens.ts';
import type { Graph } from '../graph/graph.ts';
import type { PlannedChange, StackPlan } from './events.ts';

/**
 * What a pass of a run is for, in their order: blackholes that keep apart what the next ones join; what carries nothing by now, and would with what is made; what
 * disturbs nothing; what re-points something that carries traffic; what would have carried something else before that; what takes something away; what would have
 * joined that before; blackholes that kept apart what is not joined any more. What a later pass takes away stays until everything that uses it has let go of it.
 * Only `expand`, `switch` and `contract` are always there: the others where without them more would be disturbed.
 */
export const passKinds = ['shield', 'part', 'expand', 'switch', 'follow', 'contract', 'join', 'unshield'] as const;
export type PassKind =
  | (typeof passKinds)[number]
  /** Before all of them: it changes nothing in AWS, and writes outputs that other stacks read and that an interrupted run has left out. */
  | 'tell';

const order: readonly PassKind[] = passKinds;

/** What goes is let go of by those that use it first: downstream before upstream. */
export const takesAway = (kind: PassKind): boolean => kind === 'part' || kind === 'contract' || kind === 'unshield';

export interface Pass {
  readonly kind: PassKind;
  /** Those that have something to do in it, in the order of the plan. */
  readonly stacks: readonly PassStack[];
}

export interface PassStack {
  readonly stack: string;
  readonly short: string;
  /** URNs of its resources that stay as they are until a later pass. */
  readonly later: readonly string[];
  /** Which program it is run with; absent: that of the network file. */
  readonly form?: PassForm;
}

export type PassForm =
  /** With what carries the traffic of these resources while they are replaced, by their names: `bridged` of the kind. It is taken away in the last pass. */
  | { readonly kind: 'bridged'; readonly resources: readonly string[] }
  /** Its blackholes alone: `shields` of the kind. */
  | { readonly kind: 'shield' };

/** What is arranged so that nothing is disturbed that need not be. */
export interface Arrangement {
  /** By stack, the names of resources that are replaced over a bridge. */
  readonly bridges: ReadonlyMap<string, readonly string[]>;
  /** By stack, the URNs of blackholes that come first, or go last. */
  readonly shields: ReadonlyMap<string, ReadonlySet<string>>;
  /** By stack and URN, routes that come in another pass than what is made or taken away does. */
  readonly moved: ReadonlyMap<string, ReadonlyMap<string, PassKind>>;
}

const plainly: Arrangement = { bridges: new Map(), shields: new Map(), moved: new Map() };

/**
 * The passes in which a planned edit is carried out, each with something to do. Pure.
 *
 * One stack alone needs one, where nothing of it is moved: inside it the engine makes first and deletes last, in the order of its program. So does an edit that is
 * of one sort. A bridge is taken away in a pass of its own.
 */
export function passesOf(plans: readonly StackPlan[], graph: Graph, arranged: Arrangement = plainly): readonly Pass[] {
  const changed = plans.filter(({ hasChanges }) => hasChanges);
  const passes = passesOfChanged(changed, graph, arranged);
  const lacking = changed.filter((plan) => plan.lacksOutputs === true && isReadTooEarly(plan.stack, passes, graph));
  if (lacking.length === 0) return passes;
  const stacks = lacking.map(({ stack, short, changes }) => ({ stack, short, later: changes.map(({ urn }) => urn) }));
  return [{ kind: 'tell', stacks }, ...passes];
}

/** Whether one that reads the stack has its turn before it. */
function isReadTooEarly(stack: string, passes: readonly Pass[], graph: Graph): boolean {
  const first = passes.findIndex(({ stacks }) => stacks.some((each) => each.stack === stack));
  const isReader = (name: string): boolean => graph.byName.get(name)?.upstreams.includes(stack) === true;
  return passes.some(
    ({ kind, stacks }, index) =>
      (index < first || (index === first && takesAway(kind))) && stacks.some(({ stack: name }) => isReader(name)),
  );
}

function passesOfChanged(changed: readonly StackPlan[], graph: Graph, arranged: Arrangement): readonly Pass[] {
  if (changed.length === 0) return [];
  const { bridges } = arranged;
  const sorted = sortChanges(changed, graph, arranged);
  const isUsed = (kind: PassKind): boolean =>
    (kind === 'contract' && bridges.size > 0) || sorted.some(({ changes }) => changes.some((change) => change.kind === kind));
  const kinds = passKinds.filter(isUsed);
  const isMoved = [...arranged.moved.values()].some(({ size }) => size > 0);
  if (bridges.size === 0 && ((changed.length === 1 && !isMoved) || kinds.length <= 1))
    return [{ kind: kinds[0] ?? 'expand', stacks: changed.map(({ stack, short }) => ({ stack, short, later: [] })) }];
  return kinds.map((kind, index) => ({
    kind,
    stacks: sorted.flatMap(({ stack, short, changes, isShield }): PassStack[] => {
      const bridged = bridges.get(stack) ?? [];
      const isDue =
        changes.some((change) => change.kind === kind) ||
        // New outputs alone, which others may wait for.
        (changes.length === 0 && index === 0) ||
        (kind === 'contract' && bridged.length > 0);
      if (!isDue) return [];
      const later = changes.filter((change) => order.indexOf(change.kind) > order.indexOf(kind)).map(({ urn }) => urn);
      const form = formOf(kind, bridged, isShield);
      return [{ stack, short, later, ...(form === undefined ? {} : { form }) }];
    }),
  }));
}

function formOf(kind: PassKind, bridged: readonly string[], isShield: boolean): PassForm | undefined {
  if (kind === 'switch' && bridged.length > 0) return { kind: 'bridged', resources: bridged };
  return kind === 'shield' && isShield ? { kind: 'shield' } : undefined;
}

/** Nothing is made with the id of such a one. Of what is not known it is not known. */
const leaves: ReadonlySet<string> = new Set([
  tokens.association,
  tokens.gatewayRoute,
  tokens.propagation,
  tokens.route,
  tokens.subnetAssociation,
]);

/** Whether something is replaced that others are made with. */
export const replacesWhatIsUsed = ({ changes }: Pick<StackPlan, 'changes'>): boolean =>
  changes.some(({ op, type }) => op === 'replace' && !leaves.has(type));

/** Tags route nothing. */
const disturbsNothing = ({ op, changed }: PlannedChange): boolean =>
  op === 'create' || (op === 'update' && changed.every((path) => /^tags(All)?\b/.test(path)));

interface SortedChange {
  readonly urn: string;
  readonly kind: PassKind;
}

interface SortedStack {
  readonly stack: string;
  readonly short: string;
  readonly changes: readonly SortedChange[];
  /** It has blackholes that come first. */
  readonly isShield: boolean;
}

function sortChanges(plans: readonly StackPlan[], graph: Graph, { shields, moved }: Arrangement): readonly SortedStack[] {
  /** Stacks that make nothing before the switch: what they, or what they read, would make it with has no id before it is replaced. */
  const waiting = new Set<string>();
  /** What has the tables of the blackholes: they are made before them, and taken away after them. */
  const under = new Set([...shields.keys()].flatMap((stack) => roots(graph, stack)));
  return plans.map(({ stack, short, changes, leaves }) => {
    if (replacesWhatIsUsed({ changes }) || (graph.byName.get(stack)?.upstreams ?? []).some((upstream) => waiting.has(upstream)))
      waiting.add(stack);
    const own = shields.get(stack);
    const isShield = (urn: string): boolean => under.has(stack) || (leaves === true && own !== undefined) || own?.has(urn) === true;
    const kindOf = (change: PlannedChange): PassKind => {
      const to = moved.get(stack)?.get(change.urn);
      if (to !== undefined) return to;
      if (change.op === 'delete') return isShield(change.urn) ? 'unshield' : 'contract';
      if (change.op === 'create' && isShield(change.urn)) return 'shield';
      return waiting.has(stack) || !disturbsNothing(change) ? 'switch' : 'expand';
    };
    return { stack, short, changes: changes.map((change) => ({ urn: change.urn, kind: kindOf(change) })), isShield: own !== undefined };
  });
}

/** Of the stacks that a stack reads those that read none themselves. Of one that has left the file it is not known what it read: then all such. */
function roots(graph: Graph, stack: string): readonly string[] {
  const isRoot = (name: string): boolean => graph.byName.get(name)?.upstreams.length === 0;
  return (graph.byName.get(stack)?.upstreams ?? [...graph.byName.keys()]).filter(isRoot);
}
