import type { LiveObject } from '../inventory/live-object.ts';
import type { Deployment, StateResource } from '../state/deployment.ts';
import { topologyOfInventory } from './from-inventory.ts';
import type { Topology } from './topology.ts';

/** What the states of a network say that AWS has, as it was when they were last written. */
export function topologyOfStates(deployments: readonly Deployment[]): Topology {
  const objects = deployments.flatMap(({ resources }) => resources.flatMap(objectOf));
  return topologyOfInventory({ from: 0, until: 0, objects, incomplete: [] });
}

function objectOf({ type, id, custom, condemned, replacing, inputs, outputs }: StateResource): LiveObject[] {
  // What is condemned stands beside its successor, and carries nothing any more.
  if (!custom || id === undefined || condemned || replacing) return [];
  const properties = { ...inputs, ...outputs };
  return [{ type, id, phase: 'there', properties, tags: tagsOf(properties['tags']), key: undefined, refersTo: [], madeBy: 'somebody' }];
}

function tagsOf(tags: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof tags !== 'object' || tags === null) return undefined;
  return Object.fromEntries(Object.entries(tags).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : [])));
}
