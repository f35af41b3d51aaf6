import { Config, StackReference, output, runtime, unknown as unknownValue } from '@pulumi/pulumi';
import type { Output, CustomResourceOptions } from '@pulumi/pulumi';
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
      references: readReferences(node, settings, upstream),
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

function readReferences(node: StackNode, settings: ProgramSettings, upstream: (stack: string) => Upstream) {
  const stackReferences = new Map<string, StackReference>();
  return Object.fromEntries(
    Object.entries(node.references).map(([reference, stack]) => {
      const { exists, previewed } = upstream(stack);
      // One StackReference a stack, however many references read it; made in a plan too, so that the plan does not show it as deleted.
      const stackReference =
        stackReferences.get(stack) ?? (exists ? new StackReference(`organization/${settings.project}/${stack}`) : undefined);
      if (stackReference) stackReferences.set(stack, stackReference);
      const types = Object.entries(node.kind.references[reference]?.outputs ?? {});
      return [
        reference,
        Object.fromEntries(
          types.map(([name, type]) => {
            const check = (value: unknown): unknown => {
              const parsed = type.safeParse(value);
              if (parsed.success) return parsed.data;
              throw new Error(
                `output "${name}" of ${stack} is not what ${node.name} expects: ${parsed.error.issues[0]?.message ?? 'wrong type'}`,
              );
            };
            const seen = previewed?.[name];
            if (previewed) return [name, seen?.known ? output(check(seen.value)) : output(unknownValue)];
            // In a plan, an upstream that was begun and never finished has no outputs yet: they are as unknown as those of one that does not exist.
            const read = (value: unknown) => (value === undefined && runtime.isDryRun() ? output(unknownValue) : check(value));
            return [name, stackReference ? stackReference.getOutput(name).apply(read) : output(unknownValue)];
          }),
        ),
      ];
    }),
  ) as never;
}

/** For plain `pulumi`, which gives the program nothing but a stack's name and its configuration. */
export function configuredInstallation(): string {
  return process.env['HOLDFAST_INSTALLATION'] ?? new Config('holdfast').require('installation');
}
