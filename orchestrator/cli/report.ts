import { exitCodes } from '../domain/exit-codes.ts';
import type { ExitCode } from '../domain/exit-codes.ts';
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
      return await context.ask(question);
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
          message: flags.verbose && cause instanceof Error ? (cause.stack ?? cause.message) : messageOf(cause),
          next: 'This is not a message that Holdfast meant to print. See where the stacks stand with `npm run status`; --verbose prints where it came from.',
        },
      });
      exitCode = exitCodes.failed;
    }
  }
  await reporter.settled();
  context.process.exitCode = exitCode;
}

/** For commands whose answer is one thing: text for a person, or one JSON document. */
export function print(context: Context, text: string): void {
  context.process.stdout.write(`${text}\n`);
}
