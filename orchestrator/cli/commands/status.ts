import { exitCodes } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { messageOf, Refusal } from '../../domain/problem.ts';
import { lookAtBucket } from '../../aws/account.ts';
import { plural } from '../../ui/describe.ts';
import { styleFor } from '../../ui/reporter.ts';
import { table } from '../../ui/table.ts';
import type { CommonFlags, Context } from '../context.ts';
import { describeHeld, openAws, openFile, readState } from '../open.ts';
import { print, report } from '../report.ts';

interface StackStatus {
  readonly stack: string;
  readonly short: string;
  readonly state: 'applied' | 'not-deployed' | 'held' | 'locked' | 'not-in-network-file' | 'unreadable';
  readonly resources: number;
  readonly updatedAt: string | null;
  readonly detail: string;
}

/** Reads the bucket and nothing else: no engine, and no lock. */
export async function status(this: Context, flags: CommonFlags): Promise<void> {
  await report(this, flags, async (emit): Promise<ExitCode> => {
    const file = await openFile(this, flags, 'status', (event) => {
      if (!flags.json) emit(event);
    });
    const aws = await openAws(this, file);
    try {
      const facts = await lookAtBucket(aws.clients, aws.bucket);
      if (!facts.ok && (facts.code === 'NotFound' || facts.code === 'NoSuchBucket'))
        throw new Refusal(exitCodes.preflightRefused, {
          reason: 'missing-bucket',
          message: `the state bucket ${aws.bucket} does not exist`,
          next: 'Make it: npm run bootstrap',
        });
      if (!facts.ok)
        throw new Refusal(exitCodes.preflightRefused, {
          reason: 'bucket-unreachable',
          message: `the state bucket ${aws.bucket} cannot be read: ${facts.code}: ${facts.message}`,
          next: 'Check the session, the network and the region: npm run preflight',
        });
      const { states, unreadable, locks } = await readState(aws, file.network, true);
      const broken = new Map(unreadable.map(({ stack, key, detail }) => [stack, `${key}: ${detail}`]));
      const names = new Map([...file.graph.nodes.map(({ name, short }): [string, string] => [name, short])]);
      for (const { stack, short } of states.values()) if (!names.has(stack)) names.set(stack, short);
      for (const { stack } of unreadable) if (!names.has(stack)) names.set(stack, stack);
      const stacks = [...names].map(([stack, short]): StackStatus => {
        const state = states.get(stack);
        const lock = locks.get(stack);
        const unread = broken.get(stack);
        const base = { stack, short, resources: state?.resources ?? 0, updatedAt: state?.modified.toISOString() ?? null };
        if (unread !== undefined) return { ...base, state: 'unreadable', detail: unread };
        if (lock !== undefined) return { ...base, state: 'locked', detail: lock };
        if (state && state.pendingOperations.length > 0) return { ...base, state: 'held', detail: describeHeld(state) };
        if (state && !file.graph.byName.has(stack))
          return { ...base, state: 'not-in-network-file', detail: `remove it: npm run destroy -- ${short}` };
        return state && !state.empty ? { ...base, state: 'applied', detail: '' } : { ...base, state: 'not-deployed', detail: '' };
      });
      const { spec } = file.network;
      if (flags.json)
        print(
          this,
          JSON.stringify({
            schema: 1,
            network: spec.network,
            file: file.network.file,
            account: spec.account,
            region: spec.region,
            target: file.target.kind,
            bucket: aws.bucket,
            stacks,
          }),
        );
      else print(this, describeStatus(this, stacks));
      return stacks.some(({ state }) => state === 'held') ? exitCodes.held : exitCodes.done;
    } catch (cause) {
      if (cause instanceof Refusal) throw cause;
      throw new Refusal(exitCodes.preflightRefused, {
        reason: 'state-unreadable',
        message: `the state in ${aws.bucket} cannot be read: ${messageOf(cause)}`,
        next: 'Check the session and the network: npm run preflight',
      });
    } finally {
      aws.clients.destroy();
    }
  });
}

function describeStatus(context: Context, stacks: readonly StackStatus[]): string {
  const style = styleFor(context.process.stdout, context.env);
  const word: Record<StackStatus['state'], string> = {
    applied: style.green('applied'),
    'not-deployed': style.dim('not deployed'),
    held: style.red('HELD'),
    locked: style.yellow('LOCKED'),
    'not-in-network-file': style.yellow('not in the network file'),
    unreadable: style.red('UNREADABLE'),
  };
  const rows = stacks.map(({ short, state, resources, updatedAt, detail }) => [
    short,
    word[state],
    resources > 0 ? plural(resources, 'resource') : '',
    updatedAt === null ? '' : `${updatedAt.slice(0, 16).replace('T', ' ')} UTC`,
    detail,
  ]);
  return table(rows, style.columns);
}
