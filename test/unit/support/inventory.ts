import type { LiveObject } from '../../../orchestrator/inventory/live-object.ts';
import { resourceTypeOf } from '../../../orchestrator/aws/resource-types/index.ts';
export { tokens as types } from '../../../orchestrator/aws/resource-types/tokens.ts';
import { resourceOf } from '../../../orchestrator/state/deployment.ts';
import type { StateResource } from '../../../orchestrator/state/deployment.ts';

export const tagsOf = (stack: string, resource: string, installation = 'ours'): Record<string, string> => ({
  'holdfast:installation': installation,
  'holdfast:stack': stack,
  'holdfast:resource': resource,
});

/** A resource of a state, as the provider would have it: what it says is in its outputs. */
export function recorded(
  stack: string,
  name: string,
  type: string,
  id: string,
  outputs: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, unknown>> = {},
): StateResource {
  const tags = resourceTypeOf(type)?.taggedAs === undefined ? {} : { tagsAll: tagsOf(stack, name) };
  const urn = `urn:pulumi:${stack}::holdfast::${type}::${name}`;
  return resourceOf({ urn, type, custom: true, id, inputs: {}, outputs: { ...tags, ...outputs }, ...more });
}

/** An object that AWS has. Of a type with tags, tagged only where the test says so. */
export function live(
  type: string,
  id: string,
  properties: Readonly<Record<string, unknown>> = {},
  more: Partial<LiveObject> = {},
): LiveObject {
  const row = resourceTypeOf(type);
  return {
    type,
    id,
    phase: 'there',
    properties,
    tags: row?.taggedAs === undefined ? undefined : {},
    key: row?.keyOf?.(properties),
    refersTo: [],
    madeBy: 'somebody',
    ...more,
  };
}
