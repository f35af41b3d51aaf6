import { Config, StackReference, output, runtime, unknown as unknownValue } from '@pulumi/pulumi';
import type { Output, CustomResourceOptions } from '@pulumi/pulumi';
import { command } from '../domain/command.ts';
import type { StackNode } from '../graph/graph.ts';
import { dropPromiseTraces } from './promise-traces.ts';

dropPromiseTraces();

/** One output of a stack as a preview saw it. */
export type PreviewedOutput = { readonly known: true; readonly value: unknown } | { readonly known: false };

export type PreviewedOutputs = Readonly<Record<string, PreviewedOutput>>;

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
}

/**
 * The Pulumi program of a stack. References are real `StackReference`s, checked against the type that the kind declares.
 * @param upstream what may be read of each upstream, by full stack name
 * @param onOutput called for each output whose value is known, in previews too
 */
export function stackProgram(
  node: StackNode,
  settings: ProgramSettings,
  upstream: (stack: string) => Upstream,
  onOutput: (name: string, value: unknown) => void = () => undefined,
): () => Promise<Record<string, Output<unknown>>> {
  return async () => {
    const { Provider } = await import('@pulumi/aws/provider.js');
    // allowedAccountIds: the provider itself refuses to touch any other account, whatever the environment says.
    const provider = new Provider('aws', {
      region: settings.region as never,
      allowedAccountIds: [settings.account],
    });
    const options: CustomResourceOptions = { provider };
    const outputs = await node.kind.program({
      inputs: node.inputs,
      references: await readReferences(node, settings, upstream),
      tags: tagsOf(node, settings),
      installation: settings.installation,
      options,
    });
    return Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => [
        name,
        (output(value) as Output<unknown>).apply((known) => {
          onOutput(name, known);
          return known;
        }),
      ]),
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
async function readReferences(node: StackNode, settings: ProgramSettings, upstream: (stack: string) => Upstream): Promise<never> {
  const stackReferences = new Map<string, StackReference>();
  const read = async (reference: string, stack: string): Promise<[string, Record<string, Output<unknown>>]> => {
    const { exists, previewed } = upstream(stack);
    // One StackReference a stack, however many references read it; made in a plan too, so that the plan does not show it as deleted.
    const stackReference =
      stackReferences.get(stack) ?? (exists ? new StackReference(`organization/${settings.project}/${stack}`) : undefined);
    if (stackReference) stackReferences.set(stack, stackReference);
    const types = Object.entries(node.kind.references[reference]?.outputs ?? {});
    const outputs = await Promise.all(
      types.map(async ([name, type]): Promise<[string, Output<unknown>]> => {
        const check = (value: unknown): Output<unknown> => {
          const parsed = type.safeParse(value);
          if (parsed.success) return output(parsed.data);
          throw new OutputMissing(
            node.name,
            stack,
            name,
            value === undefined ? undefined : (parsed.error.issues[0]?.message ?? 'wrong type'),
          );
        };
        const seen = previewed?.[name];
        if (previewed) return [name, seen?.known ? check(seen.value) : output(unknownValue)];
        if (!stackReference) return [name, output(unknownValue)];
        const { value } = (await stackReference.getOutputDetails(name)) as { readonly value?: unknown };
        // In a plan, an upstream that was begun and never finished has no outputs yet: they are as unknown as those of one that does not exist.
        return [name, value === undefined && runtime.isDryRun() ? output(unknownValue) : check(value)];
      }),
    );
    return [reference, Object.fromEntries(outputs)];
  };
  return Object.fromEntries(
    await Promise.all(Object.entries(node.references).map(([reference, stack]) => read(reference, stack))),
  ) as never;
}

/** What a program was to read of another stack is not there, or is something else. */
class OutputMissing extends Error {
  constructor(reader: string, stack: string, name: string, why: string | undefined) {
    const short = stack.slice(stack.indexOf('.') + 1);
    super(
      why === undefined
        ? `${stack} has no output "${name}", which ${reader} reads: its last up did not come to its end. Next: ${command('up', short)}`
        : `output "${name}" of ${stack} is not what ${reader} expects: ${why}. Next: ${command('up', short)}`,
    );
  }
}

/** For plain `pulumi`, which gives the program nothing but a stack's name and its configuration. */
export function configuredInstallation(): string {
  return process.env['HOLDFAST_INSTALLATION'] ?? new Config('holdfast').require('installation');
}
