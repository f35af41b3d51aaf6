import type { Graph } from '../graph/graph.ts';
import type { PlannedChange, StackPlan } from './events.ts';

/**
 * What a pass of a run is for, in their order: what disturbs nothing; what re-points something that carries traffic; what takes something away. What a later
 * pass takes away stays until everything that uses it has let go of it.
 */
export const passKinds = ['expand', 'switch', 'contract'] as const;
export type PassKind = (typeof passKinds)[number];

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
  /** Names of its resources that are replaced in this pass while others, which its kind makes for that and takes away in the last pass, carry what they carry. */
  readonly bridged: readonly string[];
}

/** By stack, the names of resources that are replaced over such a bridge. */
export type Bridges = ReadonlyMap<string, readonly string[]>;

/**
 * The passes in which a planned edit is carried out, each with something to do. Pure.
 *
 * One stack alone needs one: inside it the engine makes first and deletes last, in the order of its program. So does an edit that is of one sort. A bridge is
 * taken away in a pass of its own.
 */
export function passesOf(plans: readonly StackPlan[], graph: Graph, bridges: Bridges = new Map()): readonly Pass[] {
  const changed = plans.filter(({ hasChanges }) => hasChanges);
  if (changed.length === 0) return [];
  const sorted = sortChanges(changed, graph);
  const isUsed = (kind: PassKind): boolean =>
    (kind === 'contract' && bridges.size > 0) || sorted.some(({ changes }) => changes.some((change) => change.kind === kind));
  const kinds = passKinds.filter(isUsed);
  if (bridges.size === 0 && (changed.length === 1 || kinds.length <= 1))
    return [{ kind: kinds[0] ?? 'expand', stacks: changed.map(({ stack, short }) => ({ stack, short, later: [], bridged: [] })) }];
  return kinds.map((kind, index) => ({
    kind,
    stacks: sorted.flatMap(({ stack, short, changes }) => {
      const bridged = bridges.get(stack) ?? [];
      const isDue =
        changes.some((change) => change.kind === kind) ||
        // New outputs alone, which others may wait for.
        (changes.length === 0 && index === 0) ||
        (kind === 'contract' && bridged.length > 0);
      const isLater = (change: SortedChange): boolean => passKinds.indexOf(change.kind) > passKinds.indexOf(kind);
      const later = changes.filter(isLater).map(({ urn }) => urn);
      return isDue ? [{ stack, short, later, bridged: kind === 'switch' ? bridged : [] }] : [];
    }),
  }));
}

/** Tags route nothing. */
const disturbsNothing = ({ op, changed }: PlannedChange): boolean =>
  op === 'create' || (op === 'update' && changed.every((path) => /^tags(All)?\b/.test(path)));

interface SortedChange {
  readonly urn: string;
  readonly kind: PassKind;
}

function sortChanges(
  plans: readonly StackPlan[],
  graph: Graph,
): readonly { readonly stack: string; readonly short: string; readonly changes: readonly SortedChange[] }[] {
  /** Stacks that make nothing before the switch: what they, or what they read, would make it with has no id before it is replaced. */
  const waiting = new Set<string>();
  return plans.map(({ stack, short, changes }) => {
    const node = graph.byName.get(stack);
    const replaces = changes.some(({ op, type }) => op === 'replace' && node?.kind.guarded.includes(type) === true);
    if (replaces || (node?.upstreams ?? []).some((upstream) => waiting.has(upstream))) waiting.add(stack);
    const kindOf = (change: PlannedChange): PassKind =>
      change.op === 'delete' ? 'contract' : waiting.has(stack) || !disturbsNothing(change) ? 'switch' : 'expand';
    return { stack, short, changes: changes.map((change) => ({ urn: change.urn, kind: kindOf(change) })) };
  });
}
