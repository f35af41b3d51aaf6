import type { Output, CustomResourceOptions } from '@pulumi/pulumi';
import type { z } from 'zod';
import type { NamedObject } from '../inventory/live-object.ts';
import type { NetworkSpec } from '../network/spec.ts';

/** The contract between the orchestrator and a kind of stack: one file in `stacks/` fills it in, and nothing else here knows what a VPC is. */

export type OutputTypes = Readonly<Record<string, z.ZodType>>;

/** Which outputs of which other kind a program reads; the graph is made of nothing else. */
export interface ReferenceType<O extends OutputTypes = OutputTypes> {
  readonly kind: string;
  readonly outputs: O;
}

export type ReferenceTypes = Readonly<Record<string, ReferenceType>>;

type OutputsOf<O extends OutputTypes> = { readonly [N in keyof O]: Output<z.infer<O[N]>> };

export interface ProgramContext<Inputs, References extends ReferenceTypes> {
  readonly inputs: Inputs;
  /** Only what the kind declared: reading anything else does not compile. */
  readonly references: { readonly [N in keyof References]: OutputsOf<References[N]['outputs']> };
  /** The tags of a taggable resource, by the resource's name in its stack; set on create, so that it can be found again from nothing else. */
  readonly tags: (resource: string) => Record<string, string>;
  /** Random name of the installation, for names that have to be the only ones of their kind in an account. */
  readonly installation: string;
  /** The provider that every resource of the stack is made with. */
  readonly options: CustomResourceOptions;
}

/** What names and ids are made of. */
export interface NamingPlace {
  readonly network: string;
  readonly account: string;
  readonly region: string;
  /** Undefined where it is not known. */
  readonly installation: string | undefined;
}

export interface Instance<Inputs, References extends ReferenceTypes> {
  /** Absent where a network has just one stack of the kind. */
  readonly instance?: string;
  readonly inputs: Inputs;
  /** For each reference, which stack of the referenced kind it is. */
  readonly references: { readonly [N in keyof References]: { readonly instance?: string } };
}

// Methods, not function properties: their bivariance lets the list of kinds hold kinds of different inputs.
export interface StackKind<
  Inputs = unknown,
  References extends ReferenceTypes = ReferenceTypes,
  Outputs extends OutputTypes = OutputTypes,
> {
  readonly kind: string;
  /** For people, in the plural: `route tables`. */
  readonly title: string;
  readonly references: References;
  readonly outputs: Outputs;
  /** Pulumi type tokens whose replacement takes traffic down: refused without `--allow-replace`. */
  readonly guarded: readonly string[];
  /**
   * Objects that AWS lists by no tag, and whose ids follow from the names that the program gives: they are looked for by these. Pure.
   * Of every stack of the kind, whatever its network asks for by now.
   */
  named?(place: NamingPlace): readonly NamedObject[];
  /** The stacks of this kind that the network asks for. Pure. @param env for what the network file names by a variable */
  instances(spec: NetworkSpec, env: Readonly<Record<string, string | undefined>>): Instance<Inputs, References>[];
  /** The Pulumi program. It imports `@pulumi/aws` itself when it runs: commands that run no engine never load it. */
  program(context: ProgramContext<Inputs, References>): Promise<OutputsOf<Outputs>>;
}

/** Infers the types of a kind from its declaration. */
export function defineKind<Inputs, References extends ReferenceTypes, Outputs extends OutputTypes>(
  kind: StackKind<Inputs, References, Outputs>,
): StackKind<Inputs, References, Outputs> {
  return kind;
}

/** Declares that a program reads these outputs of stacks of `kind`. */
export function reads<O extends OutputTypes, N extends keyof O & string>(
  kind: { readonly kind: string; readonly outputs: O },
  ...names: readonly N[]
): ReferenceType<Pick<O, N>> {
  return { kind: kind.kind, outputs: Object.fromEntries(names.map((name) => [name, kind.outputs[name]])) as Pick<O, N> };
}
