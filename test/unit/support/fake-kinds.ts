import { z } from 'zod';
import type { AnyInstance, ReferenceTypes, StackKind } from '../../../orchestrator/pulumi/kind.ts';

/** A kind that is only its place in the graph. Each reference reads `id` of a kind, or of one instance of it. */
export function fakeKind(
  kind: string,
  reads: Readonly<Record<string, { readonly kind: string; readonly instance?: string }>> = {},
  instances: readonly (string | undefined)[] = [undefined],
): StackKind {
  const references: ReferenceTypes = Object.fromEntries(
    Object.entries(reads).map(([name, target]) => [name, { kind: target.kind, outputs: { id: z.string() } }]),
  );
  return {
    kind,
    title: `${kind}s`,
    references,
    outputs: { id: z.string() },
    guarded: [],
    instances: () =>
      instances.map((instance): AnyInstance => ({
        ...(instance === undefined ? {} : { instance }),
        inputs: {},
        references: Object.fromEntries(
          Object.entries(reads).map(([name, target]) => [name, target.instance === undefined ? {} : { instance: target.instance }]),
        ),
      })),
    program: () => Promise.reject(new Error('a fake kind has no program')),
  };
}
