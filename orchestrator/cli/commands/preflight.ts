import { command } from '../../domain/command.ts';
import { exitCodes } from '../../domain/exit-codes.ts';
import { Refusal } from '../../domain/problem.ts';
import type { CommonFlags, Context } from '../context.ts';
import { openAws, preflight as runPreflight } from '../open.ts';
import { openFile } from '../open-file.ts';
import { provideEngine } from '../open-engine.ts';
import { report } from '../report.ts';

/** Every check that `up` makes before it starts, and nothing else. */
export async function preflight(
  this: Context,
  flags: CommonFlags & { readonly sessionExpires?: Date; readonly sharedMachine: boolean; readonly besideExisting: boolean },
): Promise<void> {
  await report(this, flags, async (emit) => {
    const file = await openFile(this, flags, 'preflight', emit);
    const aws = await openAws(this, file, flags.sessionExpires);
    try {
      const { settings, plugin } = await provideEngine(this, file.target, emit);
      const selected = new Set(file.graph.nodes.map(({ name }) => name));
      await runPreflight(
        this,
        file,
        aws,
        {
          command: 'preflight',
          selected,
          cli: settings.cli.version,
          plugin,
          sharedMachine: flags.sharedMachine,
          besideExisting: flags.besideExisting,
        },
        emit,
      );
      emit({ type: 'note', message: `Ready: \`${command('up')}\` would start.` });
      return exitCodes.done;
    } catch (cause) {
      if (cause instanceof Refusal)
        emit({ type: 'note', message: `Refused: \`${command('up')}\` would end with exit code ${cause.exitCode}, and touch nothing.` });
      throw cause;
    } finally {
      aws.clients.destroy();
    }
  });
}
