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
}

/**
 * The passes in which a planned edit is carried out, each with something to do. Pure.
 *
 * One stack alone needs one: inside it the engine makes first and deletes last, in the order of its program. So does an edit that is of one sort.
 */
export function passesOf(plans: readonly StackPlan[], graph: Graph): readonly Pass[] {
  const changed = plans.filter(({ hasChanges }) => hasChanges);
  const sorted = sortChanges(changed, graph);
  const kinds = passKinds.filter((kind) => sorted.some(({ changes }) => changes.some((change) => change.kind === kind)));
  if (changed.length === 0) return [];
  if (changed.length === 1 || kinds.length <= 1)
    return [{ kind: kinds[0] ?? 'expand', stacks: changed.map(({ stack, short }) => ({ stack, short, later: [] })) }];
  return kinds.map((kind, index) => ({
    kind,
    stacks: sorted.flatMap(({ stack, short, changes }) => {
      // New outputs alone, which others may wait for.
      const isDue = changes.some((change) => change.kind === kind) || (changes.length === 0 && index === 0);
      const isLater = (change: SortedChange): boolean => passKinds.indexOf(change.kind) > passKinds.indexOf(kind);
      return isDue ? [{ stack, short, later: changes.filter(isLater).map(({ urn }) => urn) }] : [];
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
    const upstreams = graph.byName.get(stack)?.upstreams ?? [];
    if (changes.some(({ op }) => op === 'replace') || upstreams.some((upstream) => waiting.has(upstream))) waiting.add(stack);
    const kindOf = (change: PlannedChange): PassKind =>
      change.op === 'delete' ? 'contract' : waiting.has(stack) || !disturbsNothing(change) ? 'switch' : 'expand';
    return { stack, short, changes: changes.map((change) => ({ urn: change.urn, kind: kindOf(change) })) };
  });
}
