import { Config, StackReference, output, runtime, unknown as unknownValue } from '@pulumi/pulumi';
import type { CustomResourceOptions, Output } from '@pulumi/pulumi';
import type { z } from 'zod';
import { command } from '../domain/command.ts';
import { ignoredByProvider } from '../domain/tag-patterns.ts';
import type { Reference, StackNode } from '../graph/graph.ts';
import type { ByKey, OutputTypes } from './kind.ts';
import { isMap, notKnown } from './previewed.ts';
import type { PreviewedOutputs } from './previewed.ts';
import { dropPromiseTraces } from './promise-traces.ts';

dropPromiseTraces();

/** What a program may read of one upstream. */
export interface Upstream {
  /** Whether the state of the upstream can be read: only then is there a StackReference to make. */
  readonly exists: boolean;
  /** In a plan: what the upstream's own preview came to, which goes before what its state says. */
  readonly previewed?: PreviewedOutputs;
}

export interface ProgramSettings {
  readonly project: string;
  readonly network: string;
  readonly account: string;
  readonly region: string;
  /** Random name of the installation, made with the bucket: two installations may share an account and a network's name. */
  readonly installation: string;
  /** Of the network file's `defaults.tags`. */
  readonly tags: Readonly<Record<string, string>>;
  /** Of the network file: tags of others, by their keys or, with `*` behind it, the beginning of them. */
  readonly ignoreTags: readonly string[];
}

/** @param key of a map */
export type OnOutput = (name: string, value: unknown, key?: string) => void;

/**
 * The Pulumi program of a stack. References are real `StackReference`s, checked against the type that the kind declares.
 * @param upstream what may be read of each upstream, by full stack name
 * @param onOutput told of each output, in previews too: first with what is not known yet, then of each value, and each value of a map, that is
 */
export function stackProgram(
  node: StackNode,
  settings: ProgramSettings,
  upstream: (stack: string) => Upstream,
  onOutput: OnOutput = () => undefined,
): () => Promise<Record<string, unknown>> {
  return async () => {
    const { Provider } = await import('@pulumi/aws/provider.js');
    // allowedAccountIds: the provider itself refuses to touch any other account, whatever the environment says.
    const provider = new Provider('aws', {
      region: settings.region as never,
      allowedAccountIds: [settings.account],
      // Others write them between two runs: what was read of them would be taken away by the next one.
      ignoreTags: ignoredByProvider(settings.ignoreTags),
    });
    const options: CustomResourceOptions = { provider };
    const outputs = await node.kind.program({
      inputs: node.inputs,
      references: await readReferences(node, settings, upstream),
      tags: tagsOf(node, settings),
      installation: settings.installation,
      options,
    });
    const told = (name: string, value: unknown, key?: string): Output<unknown> =>
      (output(value) as Output<unknown>).apply((known) => {
        onOutput(name, known, key);
        return known;
      });
    return Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => {
        // Nested, and not one output: in that, one key that is not known yet hides all others.
        const entries = isMap(value) ? Object.entries(value) : undefined;
        onOutput(name, entries ? Object.fromEntries(entries.map(([key]) => [key, notKnown])) : notKnown);
        return [name, entries ? Object.fromEntries(entries.map(([key, of]) => [key, told(name, of, key)])) : told(name, value)];
      }),
    );
  };
}

/** Of each taggable resource of a stack, by the resource's name in it. */
export const tagsOf =
  ({ name }: Pick<StackNode, 'name'>, { tags, installation }: Pick<ProgramSettings, 'tags' | 'installation'>) =>
  (resource: string): Record<string, string> => ({
    ...tags,
    Name: `${name}/${resource}`,
    'holdfast:installation': installation,
    'holdfast:stack': name,
    'holdfast:resource': resource,
  });

/** Read before the program runs: an error that is thrown where an output is applied would reach no engine, and leave it waiting for ever. */
async function readReferences(
  node: StackNode,
  settings: ProgramSettings,
  upstream: (stack: string) => Upstream,
): Promise<Readonly<Record<string, unknown>>> {
  const stackReferences = new Map<string, StackReference>();
  const read = async ({ stack, outputs }: Reference, types: OutputTypes): Promise<Readonly<Record<string, unknown>>> => {
    const { exists, previewed } = upstream(stack);
    // One StackReference a stack, however many references read it; made in a plan too, so that the plan does not show it as deleted.
    const stackReference =
      stackReferences.get(stack) ?? (exists ? new StackReference(`organization/${settings.project}/${stack}`) : undefined);
    if (stackReference) stackReferences.set(stack, stackReference);
    // In a plan, an upstream that was begun and never finished has no outputs yet: they are as unknown as those of one that does not exist.
    const orLater = (value: unknown): unknown => (value === undefined && runtime.isDryRun() ? notKnown : value);
    const valueOf = async (name: string): Promise<unknown> => {
      if (previewed) return orLater(previewed[name]);
      if (!stackReference) return notKnown;
      const { value } = (await stackReference.getOutputDetails(name)) as { readonly value?: unknown };
      return orLater(value);
    };
    const checked = (name: string, type: z.ZodType, value: unknown): unknown => {
      const parsed = type.safeParse(value);
      if (parsed.success) return parsed.data;
      throw new OutputMissing(node.name, stack, name, value === undefined ? undefined : (parsed.error.issues[0]?.message ?? 'wrong type'));
    };
    const values = Object.entries(types).map(async ([name, type]): Promise<[string, unknown]> => {
      const value = await valueOf(name);
      const keys = outputs[name];
      if (keys === undefined) return [name, output(value === notKnown ? unknownValue : checked(name, type, value))];
      const map = value === notKnown ? {} : isMap(value) ? value : (checked(name, type, value) as Readonly<Record<string, unknown>>);
      const byKey = keys.map((key): [string, unknown] => {
        const of = value === notKnown ? notKnown : orLater(Object.hasOwn(map, key) ? map[key] : undefined);
        if (of === notKnown) return [key, output(unknownValue)];
        if (of === undefined) throw new OutputMissing(node.name, stack, `${name}.${key}`, undefined);
        return [key, output((checked(`${name}.${key}`, type, { [key]: of }) as Readonly<Record<string, unknown>>)[key])];
      });
      return [name, declaredOf(node.name, `${name} of ${stack}`, byKey)];
    });
    return Object.fromEntries(await Promise.all(values));
  };
  return Object.fromEntries(
    await Promise.all(
      Object.entries(node.kind.references).map(async ([name, { outputs, each }]): Promise<[string, unknown]> => {
        const references = node.references.filter(({ reference }) => reference === name);
        const values = await Promise.all(
          references.map(async (reference): Promise<[string, unknown]> => [reference.instance ?? '', await read(reference, outputs)]),
        );
        return [name, each === true ? declaredOf(node.name, name, values) : values[0]?.[1]];
      }),
    ),
  );
}

/** Not an output, nor another object of the SDK. */
function declaredOf(reader: string, what: string, entries: readonly (readonly [string, unknown])[]): ByKey<unknown> {
  const byKey = new Map(entries);
  return (key) => {
    if (!byKey.has(key)) throw new Error(`${reader} reads "${key}" of ${what}, and did not declare it`);
    return byKey.get(key);
  };
}

/** What a program was to read of another stack is not there, or is something else. */
class OutputMissing extends Error {
  constructor(reader: string, stack: string, name: string, why: string | undefined) {
    const short = stack.slice(stack.indexOf('.') + 1);
    super(
      why === undefined
        ? `${stack} has no output "${name}", which ${reader} reads: its last up did not come to its end, or was of another network file. Next: ${command('up', short)}`
        : `output "${name}" of ${stack} is not what ${reader} expects: ${why}. Next: ${command('up', short)}`,
    );
  }
}

/** For plain `pulumi`, which gives the program nothing but a stack's name and its configuration. */
export function configuredInstallation(): string {
  return process.env['HOLDFAST_INSTALLATION'] ?? new Config('holdfast').require('installation');
}
