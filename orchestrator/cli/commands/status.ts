import { NotOwn } from '../../../toolchain/own-folder.ts';
import { command } from '../../domain/command.ts';
import { exitCodes } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { shortOf } from '../../domain/stack-name.ts';
import { nodeOf } from '../../graph/graph.ts';
import { spooledFile, spoolFolder } from '../../gateway/spool.ts';
import { verifiedOf } from '../../run/standing.ts';
import type { Standings } from '../../run/standing.ts';
import { readIndex } from '../../state/index-of-stacks.ts';
import { styleFor } from '../../ui/reporter.ts';
import type { StackStatus } from '../../ui/status.ts';
import { describeStatus, describeWhy, standingStatus } from '../../ui/status.ts';
import type { CommonFlags, Context } from '../context.ts';
import { nameInFile } from '../names-in-file.ts';
import { oneStack } from '../one-stack.ts';
import { print, printJson, report } from '../report.ts';
import { readWhy } from '../why.ts';
import { withBucket } from '../with-bucket.ts';

/** Reads the bucket and nothing else: no engine, and no lock but one that somebody took from a held stack, which it puts back. */
export async function status(this: Context, flags: CommonFlags & { readonly why?: string }): Promise<void> {
  await report(this, flags, (emit) =>
    withBucket(this, flags, 'status', emit, async ({ file, aws, read, header, emit: tell, notes }): Promise<ExitCode> => {
      const { states, unreadable, standings } = await read();
      if (flags.why !== undefined) {
        const stack = oneStack(file.graph.byName.keys(), flags.why, file, {
          because: 'each has reasons of its own',
          command: (short) => command('status', { why: short }),
        });
        const short = shortOf(stack);
        const why = await readWhy(this, file, aws.store, {
          node: nodeOf(file.graph, stack),
          states,
          standing: standings.byStack.get(stack)?.kind,
          short: shortOf,
        });
        if (flags.json) printJson(this, { ...header(), stack, short, ...why, notes });
        else print(this, describeWhy, short, why);
        return exitCodes.done;
      }
      const broken = new Map(unreadable.map(({ stack, key, detail }) => [stack, `${key}: ${detail}`]));
      const names = new Set([...file.graph.nodes.map(({ name }) => name), ...states.keys(), ...broken.keys(), ...standings.byStack.keys()]);
      const spools = await spoolsOf(
        (run) => spoolFolder(this.root, file.network.spec.network, run),
        standings,
        (message) => tell({ type: 'note', message }),
      );
      const whole = await wholeSince(standings, () => readIndex(aws.store, file.network.spec.network));
      const stacks = [...names].map((stack): StackStatus => {
        const state = states.get(stack);
        const unread = broken.get(stack);
        const base = {
          stack,
          short: shortOf(stack),
          ...nameInFile(file, stack),
          resources: state?.resources ?? 0,
          updatedAt: state?.modified.toISOString() ?? null,
        };
        if (unread !== undefined) return { ...base, state: 'unreadable', detail: unread };
        return {
          ...base,
          ...standingStatus(
            base.short,
            spools.get(stack),
            standings.byStack.get(stack),
            state,
            verifiedOf(standings, stack),
            file.graph.byName.has(stack),
            whole.get(stack),
          ),
        };
      });
      if (flags.json) printJson(this, { ...header(), stacks, notes, unreadable: standings.unreadable, strays: standings.strays });
      else print(this, describeStatus, stacks, standings, spools, styleFor(this.process.stdout, this.env));
      // Also of one whose checkpoint cannot be read: that it is held is in the journal.
      return [...standings.byStack.values()].some(({ kind }) => kind === 'held') ? exitCodes.held : exitCodes.done;
    }),
  );
}

/** Of each held stack: what its own run, and no other one, has left on this machine. */
async function spoolsOf(
  folderOf: (run: string) => string,
  { byStack }: Standings,
  onNote: (message: string) => void,
): Promise<Map<string, string>> {
  const found = await Promise.all(
    [...byStack].map(async ([stack, standing]): Promise<[string, string][]> => {
      if (standing.kind !== 'held' || standing.run === undefined) return [];
      const file = await spooledFile(folderOf(standing.run), stack).catch((cause: unknown) => {
        if (!(cause instanceof NotOwn)) throw cause;
        for (const { message, next } of cause.problems) onNote(`${message} ${next}`);
        return undefined;
      });
      return file === undefined ? [] : [[stack, file]];
    }),
  );
  return new Map(found.flat());
}

/**
 * Checkpoints, by their stacks, over which the engine has found nothing left to do since: a plan says so and writes no record. Asked only where a record
 * says that something was left.
 */
async function wholeSince({ records }: Standings, read: () => ReturnType<typeof readIndex>): Promise<ReadonlyMap<string, string>> {
  const isAny = [...records.values()].some(({ record }) => record.verified.kind === 'at' && record.verified.unfinished !== undefined);
  return new Map(isAny ? [...(await read()).entries].map(([stack, { checkpoint }]) => [stack, checkpoint]) : []);
}
