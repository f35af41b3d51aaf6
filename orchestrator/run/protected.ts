import { parseStackName } from '../domain/stack-name.ts';
import { isProtected } from '../network/spec.ts';
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

type KindOf = (kind: string) => StackKind | undefined;

/** What a plan deletes or replaces of what others build on, although the file protects it. Pure. */
export function protectedInPlan(stacks: readonly StackPlan[], kinds: readonly StackKind[], spec: NetworkSpec): readonly ProtectedLoss[] {
  const kindOf: KindOf = (name) => kinds.find(({ kind }) => kind === name);
  return byPart(
    spec,
    stacks.flatMap(({ stack, short, changes }) =>
      changes
        .filter(({ op, type }) => (op === 'delete' || op === 'replace') && isGuarded(stack, type, kindOf))
        .map(({ name }): Loss => [partOf(stack, name, kindOf), `${short}/${name}`]),
    ),
  );
}

/** Stacks that are to be destroyed, although the file protects what they have. Pure. */
export function protectedStacks(doomed: readonly StackState[], kinds: readonly StackKind[], spec: NetworkSpec): readonly ProtectedLoss[] {
  const kindOf: KindOf = (name) => kinds.find(({ kind }) => kind === name);
  return byPart(
    spec,
    doomed.flatMap(({ stack, short, body }) => {
      const read = readDeployment(body);
      return (read.ok ? read.deployment.resources : [])
        .filter(isCloudObject)
        .map(({ name }): Loss => [partOf(stack, name, kindOf), short]);
    }),
  );
}

type Loss = readonly [part: Part | undefined, what: string];

function byPart(spec: NetworkSpec, losses: readonly Loss[]): readonly ProtectedLoss[] {
  const found = new Map<string, { readonly part: Part; readonly loses: Set<string> }>();
  for (const [part, what] of losses) {
    if (part === undefined || !isProtected(spec, part)) continue;
    const key = JSON.stringify(part);
    const loss = found.get(key) ?? { part, loses: new Set<string>() };
    loss.loses.add(what);
    found.set(key, loss);
  }
  return [...found.values()].map(({ part, loses }) => ({ part, loses: [...loses] }));
}

const isGuarded = (stack: string, type: string, kindOf: KindOf): boolean =>
  kindOf(parseStackName(stack)?.kind ?? '')?.guarded.includes(type) ?? false;

function partOf(stack: string, resource: string, kindOf: KindOf): Part | undefined {
  const { kind: of = '', instance } = parseStackName(stack) ?? {};
  const kind = kindOf(of);
  return kind?.namedBy !== undefined && instance !== undefined ? { of: kind.namedBy, name: instance } : kind?.partOf?.(resource);
}
