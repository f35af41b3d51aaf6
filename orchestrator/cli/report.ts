import { command } from '../domain/command.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import type { ExitCode } from '../domain/exit-codes.ts';
import { jsonText, shown, visible } from '../domain/foreign.ts';
import { messageOf, Refusal } from '../domain/problem.ts';
import type { Emit } from '../run/events.ts';
import { openReporter } from '../ui/reporter.ts';
import type { CommonFlags, Context } from './context.ts';

/** Runs a command's body with a reporter, and turns what it refuses into messages and the exit code. */
export async function report(
  context: Context,
  flags: Pick<CommonFlags, 'json' | 'verbose'>,
  body: (emit: Emit, ask: Context['ask']) => Promise<ExitCode>,
): Promise<void> {
  const reporter = openReporter({ json: flags.json, verbose: flags.verbose, env: context.env, stdout: context.process.stdout });
  let exitCode: ExitCode;
  try {
    exitCode = await body(reporter.emit, async (question) => {
      await reporter.settled();
      return await context.ask(visible(question));
    });
  } catch (cause) {
    if (cause instanceof Refusal) {
      for (const problem of cause.problems) reporter.emit({ type: 'problem', problem });
      exitCode = cause.exitCode;
    } else {
      reporter.emit({
        type: 'problem',
        problem: {
          reason: 'unexpected',
          message: messageOf(cause),
          ...(flags.verbose && cause instanceof Error ? { lines: (cause.stack ?? '').split('\n') } : {}),
          next: `This is not a message that Holdfast meant to print. See where the stacks stand with \`${command('status')}\`; --verbose prints where it came from.`,
        },
      });
      exitCode = exitCodes.failed;
    }
  }
  await reporter.settled();
  context.process.exitCode = exitCode;
}

/**
 * For commands whose answer is one thing: text for a person.
 * @param words make it of facts, of which each was made visible before: so they cannot be forgotten, and whatever has a meaning in the text is the words' own
 */
export function print<Facts extends readonly unknown[]>(
  context: Pick<Context, 'process'>,
  words: (...facts: Facts) => string,
  ...facts: Facts
): void {
  context.process.stdout.write(`${words(...shown(facts))}\n`);
}

/** Beside the document that goes to stdout. */
export function warn(context: Pick<Context, 'process'>, text: string): void {
  context.process.stderr.write(`${visible(text)}\n`);
}

/** The same for a machine: one JSON document. @param indent of a document that people read too */
export function printJson(context: Pick<Context, 'process'>, document: unknown, indent?: number): void {
  context.process.stdout.write(`${jsonText(document, indent)}\n`);
}
