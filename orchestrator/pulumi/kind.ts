import type { Output, CustomResourceOptions } from '@pulumi/pulumi';
import type { z } from 'zod';
import type { NamedObject } from '../inventory/live-object.ts';
import type { NetworkSpec, Part } from '../network/spec.ts';

/** The contract between the orchestrator and a kind of stack: one file in `stacks/` fills it in, and nothing else here knows what a VPC is. */

export type OutputTypes = Readonly<Record<string, z.ZodType>>;

/** Which outputs of which other kind a program reads; the graph is made of nothing else. */
export interface ReferenceType<O extends OutputTypes = OutputTypes> {
  readonly kind: string;
  readonly outputs: O;
  /** Of as many stacks of the kind as the network file asks for. */
  readonly each?: true;
}

export type ReferenceTypes = Readonly<Record<string, ReferenceType>>;

/** Names of the outputs that are maps: each of their keys is known, and read, by itself. */
type MapsOf<O extends OutputTypes> = { [N in keyof O]: string extends keyof z.infer<O[N]> ? N : never }[keyof O];

type ValueOf<Map> = Map extends Readonly<Record<string, infer Value>> ? Value : never;

/** What a program makes of its outputs. A map is a plain object: then a preview knows one key where it does not know another. */
type OutputsOf<O extends OutputTypes> = {
  readonly [N in keyof O]: N extends MapsOf<O> ? Readonly<Record<string, Output<ValueOf<z.infer<O[N]>>>>> : Output<z.infer<O[N]>>;
};

/** By key, of those that the instance declared. @throws of another one, which is a mistake in the kind */
export type ByKey<T> = (key: string) => T;

type ReadOf<O extends OutputTypes> = {
  readonly [N in keyof O]: N extends MapsOf<O> ? ByKey<Output<ValueOf<z.infer<O[N]>>>> : Output<z.infer<O[N]>>;
};

interface ContextBasics<Inputs, References> {
  readonly inputs: Inputs;
  /** Only what the kind declared: reading anything else does not compile. Several stacks of one kind are read by instance. */
  readonly references: References;
  /** The tags of a taggable resource, by the resource's name in its stack; set on create, so that it can be found again from nothing else. */
  readonly tags: (resource: string) => Record<string, string>;
  /** Random name of the installation, for names that have to be the only ones of their kind in an account. */
  readonly installation: string;
  /** The provider that every resource of the stack is made with. */
  readonly options: CustomResourceOptions;
}

type ProgramContext<Inputs, References extends ReferenceTypes> = ContextBasics<
  Inputs,
  {
    readonly [N in keyof References]: References[N] extends { readonly each: true }
      ? ByKey<ReadOf<References[N]['outputs']>>
      : ReadOf<References[N]['outputs']>;
  }
>;

type AnyContext = ContextBasics<unknown, Readonly<Record<string, unknown>>>;

/** What names and ids are made of. */
export interface NamingPlace {
  readonly network: string;
  readonly account: string;
  readonly region: string;
  /** Undefined where it is not known. */
  readonly installation: string | undefined;
}

/** One stack that is read, and of its maps the keys: what else a map has may change, and the reader need not run. */
type Target<O extends OutputTypes> = {
  readonly instance?: string;
} & ([MapsOf<O>] extends [never]
  ? { readonly keys?: Readonly<Record<string, readonly string[]>> }
  : { readonly keys: Readonly<Record<MapsOf<O>, readonly string[]>> });

interface Instance<Inputs, References extends ReferenceTypes> {
  /** Absent where a network has just one stack of the kind. */
  readonly instance?: string;
  readonly inputs: Inputs;
  /** For each reference, which stack of the referenced kind it is, or which stacks. */
  readonly references: {
    readonly [N in keyof References]: References[N] extends { readonly each: true }
      ? readonly (Target<References[N]['outputs']> & { readonly instance: string })[]
      : Target<References[N]['outputs']>;
  };
}

/** An instance of any kind. */
export interface AnyInstance {
  readonly instance?: string;
  readonly inputs: unknown;
  readonly references: Readonly<Record<string, AnyTarget | readonly AnyTarget[]>>;
}

interface AnyTarget {
  readonly instance?: string;
  readonly keys?: Readonly<Record<string, readonly string[]>>;
}

/** A resource that is replaced, and those that carry its traffic meanwhile, by their names in the program. */
export interface Bridge {
  readonly resource: string;
  readonly by: readonly string[];
}

interface KindBasics<References, Outputs> {
  readonly kind: string;
  /** For people, in the plural: `route tables`. */
  readonly title: string;
  /** Where the network file has what its instances are called after. Absent where it has one instance, or names of its own. */
  readonly namedBy?: 'segments' | 'vpcs';
  readonly references: References;
  readonly outputs: Outputs;
  /** Pulumi type tokens of what others build on, or know by its id or address: its delete, and its replacement, are asked about (`--allow deletion`). */
  readonly guarded: readonly string[];
  /** What it has is a part of what another stack takes away with it: it is taken away with the network file's line, and nobody has to ask for that. */
  readonly leavesWithFile?: true;
  /** Pulumi type tokens that stacks of the kind had in an earlier release, and that are another kind's now: a state with one of them is refused. */
  readonly earlier?: readonly string[];
  /** The part of the network file that a resource is of, by the resource's name in the program: for a kind without `namedBy`. Pure. */
  partOf?(resource: string): Part | undefined;
  /**
   * Objects that AWS lists by no tag, and whose ids follow from the names that the program gives: they are looked for by these. Pure.
   * Of every stack of the kind, whatever its network asks for by now.
   */
  named?(place: NamingPlace): readonly NamedObject[];
}

interface DeclaredKind<Inputs, References extends ReferenceTypes, Outputs extends OutputTypes> extends KindBasics<References, Outputs> {
  /** The stacks of this kind that the network asks for. Pure. @param env for what the network file names by a variable */
  instances(spec: NetworkSpec, env: Readonly<Record<string, string | undefined>>): Instance<Inputs, References>[];
  /**
   * Inputs with which the program also makes what carries the traffic of these resources while they are replaced, and replaces them after that. Pure. Absent:
   * a kind that has nothing of the sort.
   * @param resources by their names in the program; what has no bridge is left out of it
   */
  bridged?(inputs: Inputs, resources: readonly string[]): { readonly inputs: Inputs; readonly bridges: readonly Bridge[] };
  /** Inputs with which the program declares only what keeps traffic apart, and the references that it reads for that. Pure. Absent: a kind that has nothing of the sort. */
  shields?(inputs: Inputs): { readonly inputs: Inputs; readonly references: readonly string[] };
  /** The Pulumi program. It imports `@pulumi/aws` itself when it runs: commands that run no engine never load it. */
  program(context: ProgramContext<Inputs, References>): Promise<OutputsOf<Outputs>>;
}

/** A kind, whichever it is. Methods, not function properties: their bivariance lets the list of kinds hold kinds of different inputs. */
export interface StackKind extends KindBasics<ReferenceTypes, OutputTypes> {
  instances(spec: NetworkSpec, env: Readonly<Record<string, string | undefined>>): readonly AnyInstance[];
  bridged?(inputs: unknown, resources: readonly string[]): { readonly inputs: unknown; readonly bridges: readonly Bridge[] };
  shields?(inputs: unknown): { readonly inputs: unknown; readonly references: readonly string[] };
  program(context: AnyContext): Promise<Readonly<Record<string, unknown>>>;
}

/** Infers the types of a kind from its declaration. */
export function defineKind<Inputs, References extends ReferenceTypes, Outputs extends OutputTypes>(
  kind: DeclaredKind<Inputs, References, Outputs>,
): DeclaredKind<Inputs, References, Outputs> {
  return kind;
}

/** Declares that a program reads these outputs of one stack of `kind`. */
export function reads<O extends OutputTypes, N extends keyof O & string>(
  kind: { readonly kind: string; readonly outputs: O },
  ...names: readonly N[]
): ReferenceType<Pick<O, N>> {
  return { kind: kind.kind, outputs: Object.fromEntries(names.map((name) => [name, kind.outputs[name]])) as Pick<O, N> };
}

/** Declares that a program reads these outputs of each of several stacks of `kind`. */
export function readsEach<O extends OutputTypes, N extends keyof O & string>(
  kind: { readonly kind: string; readonly outputs: O },
  ...names: readonly N[]
): ReferenceType<Pick<O, N>> & { readonly each: true } {
  return { ...reads(kind, ...names), each: true };
}
