import { createHash } from 'node:crypto';
import type { Reference, StackNode } from '../graph/graph.ts';
import { notKnown } from '../pulumi/previewed.ts';
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

/** A digest of some output of an upstream, by the name that `namesOf` gives; undefined where it is not known. */
export type OutputDigest = (stack: string, name: string) => string | undefined;

/** What a digest of an output is called, or of one value of a map. */
const digestName = (output: string, key?: string): string => (key === undefined ? output : `${output} ${key}`);

/** What the digests are called of all that a reference reads. */
export const namesOf = (outputs: Reference['outputs']): readonly string[] =>
  Object.entries(outputs).flatMap(([output, keys]) => keys?.map((key) => digestName(output, key)) ?? [output]);

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
  for (const { stack, outputs: read } of node.references)
    for (const name of namesOf(read)) {
      const digest = outputs(stack, name);
      if (digest === undefined) return undefined;
      reads[`${stack} ${name}`] = digest;
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

/** The digests of a stack's outputs: of each value, and of each value of a map. Of what a preview does not know there is none. */
export const outputDigests = (outputs: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(outputs)
      .flatMap(([name, value]): [string, unknown][] =>
        isMap(value) ? Object.entries(value).map(([key, of]) => [digestName(name, key), of]) : [[name, value]],
      )
      .flatMap(([name, value]) => (value === notKnown || value === undefined ? [] : [[name, digestOf(value)]])),
  );

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is not as it was: parts of the fingerprint. */
export const changedParts = (before: Fingerprint, now: Fingerprint): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((part) => before[part] !== now[part]);
