import { quoted } from '../domain/quoted.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { Standing } from '../run/standing.ts';
import { describeHeld } from '../run/standing.ts';

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
      return `FROZEN: ${standing.message}. ${leave} Ask whose it is; npm run locks`;
    case 'locked':
      return `LOCKED: ${standing.message}. ${leave} Next: npm run locks`;
    case 'left':
      return `LOCKED: ${standing.message}; its run is dead and left nothing in doubt. ${leave} The next up releases it: npm run up -- ${shortOf(stack)}`;
    default:
      return standing satisfies never;
  }
}

/** Every line is a command of its own, and the comments come last: so that it works too where the quotes around `$(…)` were forgotten. */
export function shellText({ variables, unset, path, hints, warning }: PulumiEnvironment): string {
  return [
    `unset ${unset.join(' ')};`,
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${value === '' ? "''" : quoted(value)};`),
    ...(path.length > 0 ? [`export PATH=${path.map(quoted).join(':')}:"$PATH";`] : []),
    ...[...(warning === null ? [] : [warning]), ...hints].map((hint) => `# ${hint.replaceAll(/[\r\n]+/g, ' ')}`),
  ].join('\n');
}
