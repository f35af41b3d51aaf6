import type { Graph } from '../graph/graph.ts';
import type { StackState } from '../state/checkpoints.ts';
import { readDeployment } from '../state/deployment.ts';
import type { StateResource } from '../state/deployment.ts';
import { noChanges } from './events.ts';
import type { PlannedChange, StackPlan } from './events.ts';

/** What becomes of the stacks that the network file no longer asks for. Pure. */

/** Stacks with state that the network file does not ask for. */
export function notInFile(graph: Graph, states: ReadonlyMap<string, StackState>): StackState[] {
  return [...states.values()].filter(({ stack }) => !graph.byName.has(stack));
}

/** All that the stack has goes. */
export function leavingPlan(state: StackState): StackPlan {
  const { stack, short } = state;
  const changes = resourcesOf(state).filter(isManaged).map(deletion);
  return { stack, short, exists: true, leaves: true, hasChanges: true, counts: { ...noChanges, delete: changes.length }, changes };
}

const isManaged = ({ custom, external, type }: StateResource): boolean => custom && !external && !type.startsWith('pulumi:');

const deletion = ({ urn, type, name, condemned }: StateResource): PlannedChange => ({
  op: 'delete',
  urn,
  type,
  name,
  changed: [],
  replacing: [],
  ...(condemned ? { condemned } : {}),
});

/** An object that a plan takes away, and that a stack which the plan does not change still refers to. */
export interface StillUsed {
  /** `transit-gateway/segment-staging` */
  readonly resource: string;
  /** Short name of the stack that refers to it. */
  readonly by: string;
  /** It has left the network file, and nothing takes it away. */
  readonly notInFile: boolean;
}

/** AWS refuses to take away what is used: such a plan would fail in the middle. */
export function stillUsed(stacks: readonly StackPlan[], graph: Graph, states: ReadonlyMap<string, StackState>): StillUsed[] {
  const doomed = new Map(stacks.flatMap((plan) => deletedIds(plan, states)));
  if (doomed.size === 0) return [];
  const changed = new Set(stacks.filter(({ hasChanges }) => hasChanges).map(({ stack }) => stack));
  return [...states.values()].flatMap((state): StillUsed[] => {
    const { stack, short } = state;
    if (changed.has(stack)) return [];
    const used = new Set(
      resourcesOf(state)
        .filter(isManaged)
        .flatMap(({ inputs }) => textsIn(inputs)),
    );
    return [...doomed].flatMap(([id, resource]) => (used.has(id) ? [{ resource, by: short, notInFile: !graph.byName.has(stack) }] : []));
  });
}

/** As AWS makes them: `tgw-attach-0123456789abcdef0`. */
const idForm = /^[a-z]+(?:-[a-z]+)*-[0-9a-f]{8,17}$/;

/**
 * Whether what a plan replaces refers to an object that no state of the network has any more: an earlier run replaced that one, and what stood on it may have
 * gone with it, as an association does with its attachment.
 */
export function standsOnGone({ stack, changes }: StackPlan, states: ReadonlyMap<string, StackState>): boolean {
  const replaced = new Set(changes.flatMap(({ op, urn }) => (op === 'replace' ? [urn] : [])));
  if (replaced.size === 0) return false;
  const used = resourcesOf(states.get(stack)).flatMap(({ urn, condemned, inputs }) =>
    replaced.has(urn) && !condemned ? textsIn(inputs) : [],
  );
  const ids = new Set(used.filter((text) => idForm.test(text)));
  if (ids.size === 0) return false;
  for (const state of states.values()) for (const { id } of resourcesOf(state)) if (id !== undefined) ids.delete(id);
  return ids.size > 0;
}

function resourcesOf(state: StackState | undefined): readonly StateResource[] {
  const read = state && readDeployment(state.body);
  return read?.ok === true ? read.deployment.resources : [];
}

/** Ids of what a plan deletes, each with its name. */
function deletedIds({ stack, short, changes }: StackPlan, states: ReadonlyMap<string, StackState>): [string, string][] {
  const urns = new Map(changes.flatMap(({ op, urn, name, condemned }) => (op === 'delete' && !condemned ? [[urn, name]] : [])));
  if (urns.size === 0) return [];
  return resourcesOf(states.get(stack)).flatMap(({ urn, id, condemned }): [string, string][] => {
    const name = urns.get(urn);
    return name === undefined || id === undefined || condemned ? [] : [[id, `${short}/${name}`]];
  });
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
