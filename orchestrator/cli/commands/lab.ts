import { resolve } from 'node:path';
import { labFolder, runningLab } from '../../aws/target.ts';
import { command } from '../../domain/command.ts';
import { exitCodes } from '../../domain/exit-codes.ts';
import type { LabRecord } from '../../domain/lab-record.ts';
import { orRefuse, Refusal } from '../../domain/problem.ts';
import { readNetwork } from '../../network/read-network.ts';
import { table } from '../../ui/table.ts';
import { styleFor } from '../../ui/reporter.ts';
import { labNotRunning } from '../../ui/usage.ts';
import type { CommonFlags, Context } from '../context.ts';
import { print, printJson, report } from '../report.ts';

type Flags = Pick<CommonFlags, 'json' | 'verbose'>;

const loadLab = () => import('../../../lab/lab.ts');

async function start(this: Context, flags: Flags & { readonly network?: string; readonly port?: number }): Promise<void> {
  await report(this, flags, async (emit) => {
    const networkFile = resolve(this.cwd, flags.network ?? resolve(this.root, 'networks/example.yaml'));
    const network = orRefuse(await readNetwork(networkFile), exitCodes.usage);
    const { startLab } = await loadLab();
    const { record, started } = orRefuse(
      await startLab({
        folder: labFolder(this.root, this.env),
        networkFile,
        network,
        port: flags.port ?? 0,
        env: this.env,
        onProgress: (message) => emit({ type: 'progress', message }),
        onNote: (message) => emit({ type: 'note', message }),
      }),
      exitCodes.failed,
    );
    if (flags.json) printJson(this, recordAsJson(record));
    else
      print(
        this,
        ({ endpoint, accountId, region, network: used }) =>
          `${started ? 'The lab runs' : 'The lab runs already'} at ${endpoint} (account ${accountId}, ${region}), network ${used}`,
        record,
      );
    return exitCodes.done;
  });
}

async function stop(this: Context, flags: Flags): Promise<void> {
  await report(this, flags, async () => {
    const { stopLab } = await loadLab();
    const stopped = orRefuse(await stopLab(labFolder(this.root, this.env)), exitCodes.failed);
    if (flags.json) printJson(this, { schema: 1, stopped });
    else print(this, () => (stopped ? 'The lab has stopped. What was in it is gone.' : 'No lab was running.'));
    return exitCodes.done;
  });
}

async function status(this: Context, flags: Flags): Promise<void> {
  await report(this, flags, async () => {
    const record = await runningLab(labFolder(this.root, this.env));
    if (flags.json) printJson(this, recordAsJson(record));
    else if (record)
      print(
        this,
        table,
        [
          ['running', `yes, since ${record.startedAt} (pid ${record.pid})`],
          ['endpoint', record.endpoint],
          ['account', record.accountId],
          ['region', record.region],
          ['bucket', record.bucket],
          ['state', record.stateUrl],
          ['network', record.network],
        ],
        styleFor(this.process.stdout, this.env).columns,
      );
    else print(this, () => `No lab is running. Start it with: ${command('lab', 'start')}`);
    return exitCodes.done;
  });
}

async function reset(this: Context, flags: Flags): Promise<void> {
  await report(this, flags, async () => {
    const { resetLab } = await loadLab();
    const record = await resetLab(labFolder(this.root, this.env), this.env);
    if (!record) throw new Refusal(exitCodes.usage, labNotRunning);
    if (flags.json) printJson(this, recordAsJson(record));
    else print(this, ({ endpoint }) => `The lab at ${endpoint} is empty again: no networks, a new state bucket.`, record);
    return exitCodes.done;
  });
}

export const lab = { start, stop, status, reset };

/** Without what gives orders to it: this goes into logs. */
function recordAsJson(record: LabRecord | undefined): object {
  if (record === undefined) return { schema: 1, running: false };
  const { control: _, ...told } = record;
  return { running: true, ...told };
}
