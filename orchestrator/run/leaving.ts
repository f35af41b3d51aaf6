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
export function leavingPlan({ stack, short, body }: StackState): StackPlan {
  const read = readDeployment(body);
  const changes = read.ok ? read.deployment.resources.filter(isManaged).map(deletion) : [];
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
  return [...states.values()].flatMap(({ stack, short, body }): StillUsed[] => {
    if (changed.has(stack)) return [];
    const read = readDeployment(body);
    if (!read.ok) return [];
    const used = new Set(read.deployment.resources.filter(isManaged).flatMap(({ inputs }) => textsIn(inputs)));
    return [...doomed].flatMap(([id, resource]) => (used.has(id) ? [{ resource, by: short, notInFile: !graph.byName.has(stack) }] : []));
  });
}

/** Ids of what a plan deletes, each with its name. */
function deletedIds({ stack, short, changes }: StackPlan, states: ReadonlyMap<string, StackState>): [string, string][] {
  const urns = new Map(changes.flatMap(({ op, urn, name, condemned }) => (op === 'delete' && !condemned ? [[urn, name]] : [])));
  const state = states.get(stack);
  if (urns.size === 0 || !state) return [];
  const read = readDeployment(state.body);
  if (!read.ok) return [];
  return read.deployment.resources.flatMap(({ urn, id, condemned }): [string, string][] => {
    const name = urns.get(urn);
    return name === undefined || id === undefined || condemned ? [] : [[id, `${short}/${name}`]];
  });
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
