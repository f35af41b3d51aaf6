import { parseStackName } from '../domain/stack-name.ts';
import type { NamedObject } from '../inventory/live-object.ts';
import type { NetworkSpec } from '../network/spec.ts';
import { kinds } from '../../stacks/index.ts';

/**
 * What of these stacks is known by name before it is known to anybody: also of one that has left the network file.
 * @param installation undefined where the bucket does not say
 */
export function namedObjects(
  { network, account, region }: NetworkSpec,
  installation: string | undefined,
  stacks: Iterable<string>,
): readonly NamedObject[] {
  const present = new Set([...stacks].map((stack) => parseStackName(stack)?.kind));
  return kinds.flatMap((kind) => (present.has(kind.kind) ? (kind.named?.({ network, account, region, installation }) ?? []) : []));
}
