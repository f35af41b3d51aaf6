import { exitCodes } from '../../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../../domain/problem.ts';
import { drillFailed, noSuchDrill } from '../../ui/drill.ts';
import { styleFor } from '../../ui/reporter.ts';
import { table, withoutColours } from '../../ui/table.ts';
import type { CommonFlags, Context } from '../context.ts';
import { print, printJson, report } from '../report.ts';

type Flags = Pick<CommonFlags, 'json' | 'verbose'>;

const loadDrills = () => import('../../../lab/drills/index.ts');
const loadStage = () => import('../../../lab/drills/run-drill.ts');

async function list(this: Context, flags: Flags): Promise<void> {
  await report(this, flags, async () => {
    const { drills } = await loadDrills();
    const rows = drills.map(({ name, brief }) => ({ name, brief }));
    if (flags.json) printJson(this, { schema: 1, drills: rows });
    else
      print(
        this,
        table,
        rows.map(({ name, brief }) => [name, brief]),
        styleFor(this.process.stdout, this.env).columns,
      );
    return exitCodes.done;
  });
}

async function run(this: Context, flags: Flags, name: string): Promise<void> {
  await report(this, flags, async (emit) => {
    const { drills } = await loadDrills();
    const drill = drills.find((one) => one.name === name);
    if (!drill) throw new Refusal(exitCodes.usage, noSuchDrill(name, drills));
    const { runDrill } = await loadStage();
    const stopping = new AbortController();
    const stop = (signal: NodeJS.Signals): void => stopping.abort(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, stop);
    try {
      const isTerminal = this.process.stdout.isTTY === true;
      const result = orRefuse(
        await runDrill(drill, {
          say: (text) => (flags.json ? undefined : emit({ type: 'rehearsed', text })),
          // Where lines stay, those that only say that it moves are too many.
          hint: (message) => (flags.json || !isTerminal ? undefined : emit({ type: 'progress', message: withoutColours(message) })),
          style: styleFor(this.process.stdout, this.env),
          verbose: flags.verbose,
          env: this.env,
          signal: stopping.signal,
        }),
        exitCodes.failed,
      );
      if (flags.json) printJson(this, result);
      if (result.failure && !flags.json) emit({ type: 'problem', problem: drillFailed(name, result.failure) });
      if (result.failure) return exitCodes.failed;
      return result.outcome === 'stopped' ? exitCodes.stoppedBySignal : exitCodes.done;
    } finally {
      for (const signal of signals) process.off(signal, stop);
    }
  });
}

export const drill = { list, run };
