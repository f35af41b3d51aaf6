import { run } from '@stricli/core';
import { app } from '../../orchestrator/cli/app.ts';
import type { Context } from '../../orchestrator/cli/context.ts';

/** A command of Holdfast's as a page has it. */
export interface CommandLine {
  readonly text: string;
  /** What Holdfast gets; what is wrong where npm has no such script. */
  readonly args: readonly string[] | { readonly noScript: string };
}

const start = /\bnode bin\/holdfast\.mjs\b|\bnpm run (?:-s )?(?<script>[\w:-]+)(?: --(?=\s))?/g;

/**
 * Every command of Holdfast's in a script, a workflow or a page, whether it stands in a block or in a line. What a variable or a `…` stands for is not known here.
 * @param scripts those of package.json
 */
export function commandLines(page: string, scripts: Readonly<Record<string, string>>): CommandLine[] {
  return page
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .flatMap((line) =>
      [...line.matchAll(start)].flatMap((match): CommandLine[] => {
        const given = words(line.slice(match.index + match[0].length));
        const text = [match[0], ...given].join(' ');
        const name = match.groups?.['script'];
        if (name === undefined) return [{ text, args: given }];
        const script = scripts[name];
        if (script === undefined) return [{ text, args: { noScript: name } }];
        const [, own] = /^node bin\/holdfast\.mjs(.*)$/.exec(script) ?? [];
        return own === undefined ? [] : [{ text, args: [...words(own), ...given] }];
      }),
    );
}

/** The words of a shell's command, up to where the shell, or the page, has its end. */
function words(text: string): string[] {
  const found: string[] = [];
  for (const [word] of text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'|<>;&()`])+|[|<>;&()`"']/g)) {
    if (/^[|<>;&()`"'#]/.test(word) && !/^(?:"[^"]*"|'[^']*')/.test(word)) break;
    // A 1 is a number, a name and a file.
    if (word !== '…') found.push(word.replaceAll(/["']/g, '').replaceAll(/\$\{?\w+\}?/g, '1'));
  }
  return found;
}

type Target = (typeof app)['root'];

/** The same commands and flags, with nothing behind them. */
function inert(target: Target): Target {
  if ('loader' in target) return { ...target, loader: () => Promise.resolve(() => undefined) };
  return {
    ...target,
    getRoutingTargetForInput: (input) => {
      const found = target.getRoutingTargetForInput(input);
      return found && inert(found);
    },
  };
}

/** What Holdfast says to arguments that it does not understand; undefined where it does. Nothing is run. */
export async function misunderstood({ args }: CommandLine): Promise<string | undefined> {
  if ('noScript' in args) return `package.json has no script ${args.noScript}`;
  let said = '';
  const write = (text: string): void => void (said += text);
  const process: Context['process'] = { stdout: { write }, stderr: { write } };
  const context: Context = {
    process,
    env: { NO_COLOR: '1' },
    cwd: '/',
    root: '/',
    now: () => 0,
    interactive: false,
    ask: () => Promise.reject(new Error('there is nobody to ask')),
  };
  await run({ ...app, root: inert(app.root) }, args, context);
  return process.exitCode === 0 ? undefined : said.trim();
}
