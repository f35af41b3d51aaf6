import { command } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';
import { visible } from '../domain/foreign.ts';
import { quoted } from '../domain/quoted.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { Standing } from '../run/standing.ts';
import { describeHeld } from '../run/standing.ts';
import { project } from '../state/layout.ts';

/** What a shell needs to be told so that plain `pulumi` works on one stack, as `--json` has it. */
export interface PulumiEnvironment {
  readonly stack: string;
  readonly variables: Readonly<Record<string, string>>;
  /** What would lead plain `pulumi` elsewhere, or make it keep no checkpoints. */
  readonly unset: readonly string[];
  /** Folders that go before the rest of PATH. */
  readonly path: readonly string[];
  /** For a person: what no variable can say. */
  readonly hints: readonly string[];
  /** Why the stack should be left alone now; null where nothing speaks against it. */
  readonly warning: string | null;
}

/** Plain `pulumi` tells its user to run `pulumi cancel` when it meets a lock. This is read before. */
export function warningOf(stack: string, standing: Standing | undefined): string | null {
  const leave = 'Do not cancel its lock (pulumi cancel), and do not work past it.';
  switch (standing?.kind) {
    case undefined:
    case 'free':
      return null;
    case 'held':
      return describeHeld(shortOf(stack), standing);
    case 'frozen':
      return `FROZEN: ${standing.message}. ${leave} Ask whose it is; ${command('locks')}`;
    case 'locked':
      return `LOCKED: ${standing.message}. ${leave} Next: ${command('locks')}`;
    case 'left':
      return `LOCKED: ${standing.message}; its run is dead and left nothing in doubt. ${leave} The next up releases it: ${command('up', shortOf(stack))}`;
    default:
      return standing satisfies never;
  }
}

/** What no variable can say, as far as it is known. */
export interface HintFacts {
  readonly stack: string;
  /** Folder of the package. */
  readonly root: string;
  readonly account: string;
  readonly sessionSource: string;
  readonly isLab: boolean;
  /** The bucket says the installation's name. */
  readonly isPrepared: boolean;
  readonly hasCli: boolean;
  readonly hasLanguage: boolean;
  /** The network file that plain `pulumi` reads, and the one that the command is about where that is another one. */
  readonly programs: { readonly read: string; readonly wanted: string | undefined };
}

export const hintsOf = ({ stack, root, account, sessionSource, programs, ...of }: HintFacts): string[] => [
  `run it in ${root}: its Pulumi.yaml is the project "${project}". The CLI writes Pulumi.${stack}.yaml there, which holds a salt and need not be kept`,
  ...(programs.wanted === undefined
    ? []
    : [`up and preview read ${programs.read}, and not ${programs.wanted}: refresh and the rest read neither`]),
  ...(of.isLab
    ? []
    : [`no credentials are printed: sign in to account ${account} in this shell too; Holdfast has its own from ${sessionSource}`]),
  ...(of.isPrepared ? [] : [`HOLDFAST_INSTALLATION is not known, and up and preview need it: ${command('bootstrap')}`]),
  ...(of.hasCli ? [] : [`no pulumi is on the PATH, and Holdfast has provided none yet: ${command('plan')}`]),
  ...(of.hasLanguage
    ? []
    : ['up and preview run the program, and need pulumi-language-nodejs, which comes with the official CLI: refresh and the rest do not']),
  `pulumi cancel removes the locks of whoever is at work: do not use it; ${command('locks')} says whose they are`,
];

/** What of it cannot be printed as it is: shown as escapes, it would be another value, and a terminal would take it for an order. */
export const hiddenIn = ({ variables, path }: PulumiEnvironment): string[] =>
  [...Object.entries(variables), ...path.map((folder) => ['PATH', folder] as const)].flatMap(([name, value]) =>
    visible(value, Number.POSITIVE_INFINITY) === value ? [] : [name],
  );

export const notToBeSeen = (names: readonly string[]): Problem => ({
  reason: 'unprintable-variable',
  message: `${names.join(', ')} has characters that cannot be seen (controls, or what reorders text), so that a shell would not get it as it is: nothing is printed`,
  next: `Take it from the JSON: ${command('env', 'STACK', { json: true })}`,
});

/** Plain `pulumi` asks nothing of the state that it reads. */
export const plainWouldDo = ({ key, detail }: { readonly key: string; readonly detail: string }): string =>
  `${key}: ${detail}. Plain pulumi would do what it says, with your session: look at the object and its earlier versions before anything else.`;

/** Every line is a command of its own, and the comments come last: so that it works too where the quotes around `$(…)` were forgotten. */
export function shellText({ variables, unset, path, hints, warning }: PulumiEnvironment): string {
  return [
    `unset ${unset.join(' ')};`,
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${value === '' ? "''" : quoted(value)};`),
    ...(path.length > 0 ? [`export PATH=${path.map(quoted).join(':')}:"$PATH";`] : []),
    ...[...(warning === null ? [] : [warning]), ...hints].map((hint) => `# ${visible(hint)}`),
  ].join('\n');
}
