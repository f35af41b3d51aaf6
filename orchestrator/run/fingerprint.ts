import { createHash } from 'node:crypto';
import type { StackNode } from '../graph/graph.ts';
import type { Fingerprint } from '../state/index-of-stacks.ts';

/** What a stack's program is run with, besides its inputs and what it reads. */
export interface FingerprintSettings {
  /** Of the network, the account and the installation: what goes into every resource of it. */
  readonly settings: object;
  /** Of the kind's program, and what it loads. */
  readonly programOf: (kind: string) => string;
  /** Releases of the engine and of the plugin. */
  readonly engine: string;
  /** What encrypts secrets. */
  readonly secrets: string;
}

/** A digest of some output of an upstream; undefined where it is not known. */
export type OutputDigest = (stack: string, output: string) => string | undefined;

/**
 * All that decides what the engine would do over a given checkpoint, each part by its digest. Two runs of a stack over the same checkpoint and with the same
 * fingerprint come to the same.
 * @returns undefined where something that the stack reads is not known
 */
export function fingerprintOf(
  node: StackNode,
  { settings, programOf, engine, secrets }: FingerprintSettings,
  outputs: OutputDigest,
): Fingerprint | undefined {
  const reads: Record<string, string> = {};
  for (const [reference, stack] of Object.entries(node.references))
    for (const output of Object.keys(node.kind.references[reference]?.outputs ?? {})) {
      const digest = outputs(stack, output);
      if (digest === undefined) return undefined;
      reads[`${stack} ${output}`] = digest;
    }
  return {
    inputs: digestOf(node.inputs),
    settings: digestOf(settings),
    references: digestOf(node.references),
    program: programOf(node.kind.kind),
    engine: digestOf([engine, secrets]),
    ...reads,
  };
}

/** Of any value that JSON can say. Keys in any order. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('base64url').slice(0, 22);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === undefined) return 'undefined';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .filter(([, of]) => of !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, of]) => `${JSON.stringify(key)}:${canonical(of)}`)
    .join(',')}}`;
}

/** The digests of a stack's outputs, as the checkpoint has them. */
export const outputDigests = (outputs: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, digestOf(value)]));

/** What is not as it was: parts of the fingerprint. */
export const changedParts = (before: Fingerprint, now: Fingerprint): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((part) => before[part] !== now[part]);
