import { appendFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { exitCodes } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { messageOf, Refusal } from '../../domain/problem.ts';
import type { Consequence } from '../../run/consequences.ts';
import type { Emit, NetworkPlan } from '../../run/events.ts';
import { planMarkdown } from '../../ui/plan-markdown.ts';
import { pruneTakesAll, summaryNotWritable, upNotConfirmed } from '../../ui/usage.ts';
import type { ApplyFlags } from '../apply-settings.ts';
import { chosenStacks } from '../chosen-stacks.ts';
import type { WideningFlags } from '../chosen-stacks.ts';
import type { CommonFlags, Context } from '../context.ts';
import { nothingToDo } from '../nothing-to-do.ts';
import { openFile } from '../open-file.ts';
import type { OpenedFile } from '../open-file.ts';
import { report } from '../report.ts';
import { openRunSession, runId } from '../run-session.ts';

export interface UpFlags extends CommonFlags, WideningFlags {
  readonly sessionExpires?: Date;
  readonly parallel?: number;
  /** Consequences that are not asked about. */
  readonly allow?: readonly Consequence[];
  /** What has left the network file is destroyed. */
  readonly prune: boolean;
  /** VPCs are made though others with the same blocks exist. */
  readonly besideExisting: boolean;
  /** Ask the engine of every stack, also where it is known to have nothing to do. */
  readonly force: boolean;
  /** Likewise, and let it ask AWS first what there is. */
  readonly refresh: boolean;
  readonly sharedMachine: boolean;
}

/** What only `up` takes. */
interface RunFlags extends ApplyFlags {
  readonly run?: string;
  /** Seconds for which locks of others are waited for. */
  readonly wait?: number;
}

export async function up(this: Context, flags: UpFlags & RunFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, (emit, ask) => begin({ ...this, ask }, 'up', flags, patterns, emit, flags));
}

export async function plan(this: Context, flags: UpFlags & { readonly summary?: string }, ...patterns: string[]): Promise<void> {
  await report(this, flags, async (emit, ask) => {
    const { summary } = flags;
    const addTo = summary === undefined ? undefined : await openSummary(resolve(this.cwd, summary));
    return begin({ ...this, ask }, 'plan', flags, patterns, emit, undefined, addTo);
  });
}

type OnPlan = (planned: NetworkPlan, file: OpenedFile) => Promise<void>;

/** Where plainly nothing has changed it ends here, and nothing of what deploys is loaded. */
async function begin(
  context: Context,
  command: 'up' | 'plan',
  flags: UpFlags,
  patterns: readonly string[],
  emit: Emit,
  applyFlags?: RunFlags,
  onPlan?: OnPlan,
): Promise<ExitCode> {
  const started = context.now();
  const file = await openFile(context, flags, command, emit);
  if (flags.prune && patterns.length > 0) throw new Refusal(exitCodes.usage, pruneTakesAll);
  const selected = chosenStacks(file, patterns, flags);
  if (command === 'up' && !flags.yes && !context.interactive) throw new Refusal(exitCodes.usage, upNotConfirmed);
  const run = runId(context.now());
  const session = await openRunSession(context, file, run, flags.sessionExpires);
  // A part of a shared run has its end to write down.
  const isAsked = flags.force || flags.refresh || applyFlags?.run !== undefined;
  const unchanged = isAsked ? undefined : await nothingToDo(context, file, session, selected);
  if (unchanged) {
    const planned: NetworkPlan = { stacks: unchanged, passes: [], failed: [], notInFile: [] };
    emit({ type: 'plan', plan: planned });
    await onPlan?.(planned, file);
    if (command === 'up')
      emit({
        type: 'summary',
        command,
        ends: unchanged.map(({ stack, short }) => ({ stack, short, end: { outcome: 'unchanged' }, seconds: 0 })),
        seconds: (context.now() - started) / 1000,
        exitCode: exitCodes.done,
      });
    return exitCodes.done;
  }
  const [{ deploy }, { withWait }] = await Promise.all([import('../deploy.ts'), import('../with-wait.ts')]);
  return withWait(context, file, { ...flags, wait: applyFlags?.wait }, emit, (isFirst, onLocked) =>
    deploy(
      context,
      command,
      flags,
      { file, selected, ...(isFirst ? { opened: { run, session } } : {}), started, onLocked },
      emit,
      applyFlags,
      onPlan && ((planned) => onPlan(planned, file)),
    ),
  );
}

/** @throws Refusal where the file cannot be written: before anything else is done */
async function openSummary(path: string): Promise<OnPlan> {
  const add = (text: string): Promise<void> =>
    appendFile(path, text).catch((cause: unknown) => {
      throw new Refusal(exitCodes.usage, summaryNotWritable(messageOf(cause)));
    });
  await add('');
  return (planned, { graph, network, target }) => add(planMarkdown(planned, graph, { ...network.spec, target: target.kind }));
}
