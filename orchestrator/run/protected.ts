import { parseStackName } from '../domain/stack-name.ts';
import { isProtected, pathOf } from '../network/spec.ts';
import type { NetworkSpec, Part } from '../network/spec.ts';
import type { StackKind } from '../pulumi/kind.ts';
import type { StackState } from '../state/checkpoints.ts';
import { isCloudObject, readDeployment } from '../state/deployment.ts';
import type { StackPlan } from './events.ts';

/** A part of the network that the file protects, and what of it would go. */
export interface ProtectedLoss {
  readonly part: Part;
  /** As in `vpc.shared/subnet-private-a`; of what is destroyed, short names of stacks. */
  readonly loses: readonly string[];
}

/** What a plan deletes or replaces of what others build on, although the file protects it. Pure. */
export function protectedInPlan(stacks: readonly StackPlan[], kinds: readonly StackKind[], spec: NetworkSpec): readonly ProtectedLoss[] {
  return byPart(
    spec,
    stacks.flatMap(({ stack, short, changes }) =>
      changes
        .filter(
          ({ op, type, condemned }) =>
            !condemned && (op === 'delete' || op === 'replace') && kindOf(stack, kinds)?.guarded.includes(type) === true,
        )
        .map(({ name }): Loss => [partOf(stack, name, kinds), `${short}/${name}`]),
    ),
  );
}

/** Stacks that are to be destroyed, although the file protects what they have. Pure. */
export function protectedStacks(doomed: readonly StackState[], kinds: readonly StackKind[], spec: NetworkSpec): readonly ProtectedLoss[] {
  return byPart(
    spec,
    doomed.flatMap(({ stack, short, body }) => {
      const read = readDeployment(body);
      const resources = read.ok ? read.deployment.resources : [];
      return resources.filter(isCloudObject).map(({ name }): Loss => [partOf(stack, name, kinds), short]);
    }),
  );
}

type Loss = readonly [part: Part | undefined, what: string];

function byPart(spec: NetworkSpec, losses: readonly Loss[]): readonly ProtectedLoss[] {
  const found = new Map<string, { readonly part: Part; readonly loses: Set<string> }>();
  for (const [part, what] of losses) {
    if (part === undefined || !isProtected(spec, part)) continue;
    const key = pathOf(part).join(' ');
    const loss = found.get(key) ?? { part, loses: new Set<string>() };
    loss.loses.add(what);
    found.set(key, loss);
  }
  return [...found.values()].map(({ part, loses }) => ({ part, loses: [...loses] }));
}

const kindOf = (stack: string, kinds: readonly StackKind[]): StackKind | undefined =>
  kinds.find(({ kind }) => kind === parseStackName(stack)?.kind);

function partOf(stack: string, resource: string, kinds: readonly StackKind[]): Part | undefined {
  const kind = kindOf(stack, kinds);
  const instance = parseStackName(stack)?.instance;
  return kind?.namedBy !== undefined && instance !== undefined ? { of: kind.namedBy, name: instance } : kind?.partOf?.(resource);
}
