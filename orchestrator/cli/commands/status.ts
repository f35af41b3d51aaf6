import { exitCodes } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { messageOf, Refusal } from '../../domain/problem.ts';
import { lookAtBucket } from '../../aws/account.ts';
import { describeHeld } from '../../run/standing.ts';
import type { Standing } from '../../run/standing.ts';
import type { StackState } from '../../state/checkpoints.ts';
import type { Verified } from '../../state/verified.ts';
import { plural } from '../../ui/describe.ts';
import { styleFor } from '../../ui/reporter.ts';
import { table } from '../../ui/table.ts';
import type { CommonFlags, Context } from '../context.ts';
import { openAws, openFile, readState, shortOf } from '../open.ts';
import { print, report } from '../report.ts';

interface StackStatus {
  readonly stack: string;
  readonly short: string;
  readonly state: 'applied' | 'not-deployed' | 'held' | 'locked' | 'frozen' | 'changed-behind' | 'not-in-network-file' | 'unreadable';
  readonly resources: number;
  readonly updatedAt: string | null;
  readonly detail: string;
  /** Of a held stack. */
  readonly held?: {
    readonly why: string;
    readonly since: string;
    readonly run?: string;
    readonly spool?: string;
    readonly lockGoneSince?: string;
  };
}

/** Reads the bucket and nothing else: no engine, and no lock but one that somebody took from a held stack, which it puts back. */
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
      const notes: string[] = [];
      const { states, unreadable, standings } = await readState(this, aws, file.network, true, (event) => {
        if (event.type === 'note') notes.push(event.message);
        if (!flags.json) emit(event);
      });
      const broken = new Map(unreadable.map(({ stack, key, detail }) => [stack, `${key}: ${detail}`]));
      const names = new Set([...file.graph.nodes.map(({ name }) => name), ...states.keys(), ...broken.keys(), ...standings.byStack.keys()]);
      const stacks = [...names].map((stack): StackStatus => {
        const state = states.get(stack);
        const unread = broken.get(stack);
        const base = { stack, short: shortOf(stack), resources: state?.resources ?? 0, updatedAt: state?.modified.toISOString() ?? null };
        if (unread !== undefined) return { ...base, state: 'unreadable', detail: unread };
        return {
          ...base,
          ...standingStatus(base.short, standings.byStack.get(stack), state, standings.verified.get(stack), file.graph.byName.has(stack)),
        };
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
            notes,
            unreadable: standings.unreadable,
          }),
        );
      else {
        print(this, describeStatus(this, stacks));
        const { red } = styleFor(this.process.stdout, this.env);
        for (const [stack, standing] of standings.byStack)
          if (standing.kind === 'held') print(this, red(describeHeld(shortOf(stack), standing)));
        for (const record of standings.unreadable) print(this, `cannot be read, so that nobody knows what it says of a stack: ${record}`);
      }
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

function standingStatus(
  short: string,
  standing: Standing | undefined,
  state: StackState | undefined,
  verified: Verified | undefined,
  isInFile: boolean,
): Pick<StackStatus, 'state' | 'detail' | 'held'> {
  switch (standing?.kind) {
    case 'held': {
      const { why, since, run, spool, lockGoneSince } = standing;
      return {
        state: 'held',
        detail: describeHeld(short, standing).replace(/^HELD [^:]+: /, ''),
        held: {
          why,
          since,
          ...(run === undefined ? {} : { run }),
          ...(spool === undefined ? {} : { spool }),
          ...(lockGoneSince === undefined ? {} : { lockGoneSince }),
        },
      };
    }
    case 'locked':
    case 'frozen':
      return { state: standing.kind, detail: standing.message };
    case 'left':
      return { state: 'locked', detail: `${standing.message}; its run is dead and left nothing in doubt: the next up releases it` };
    case 'free':
    case undefined:
      break;
    default:
      return standing satisfies never;
  }
  if (verified && verified.checkpoint !== (state?.etag ?? null))
    return { state: 'changed-behind', detail: `not as run ${verified.run} verified it at ${verified.at}: the next up looks at AWS first` };
  if (state && !isInFile) return { state: 'not-in-network-file', detail: `remove it: npm run destroy -- ${short}` };
  return state && !state.empty ? { state: 'applied', detail: '' } : { state: 'not-deployed', detail: '' };
}

function describeStatus(context: Context, stacks: readonly StackStatus[]): string {
  const style = styleFor(context.process.stdout, context.env);
  const word: Record<StackStatus['state'], string> = {
    applied: style.green('applied'),
    'not-deployed': style.dim('not deployed'),
    held: style.red('HELD'),
    frozen: style.cyan('FROZEN'),
    'changed-behind': style.yellow('CHANGED'),
    locked: style.yellow('LOCKED'),
    'not-in-network-file': style.yellow('not in the network file'),
    unreadable: style.red('UNREADABLE'),
  };
  const rows = stacks.map(({ short, state, resources, updatedAt, detail }) => [
    short,
    word[state],
    resources > 0 ? plural(resources, 'resource') : '',
    updatedAt === null ? '' : `${updatedAt.slice(0, 16).replace('T', ' ')} UTC`,
    // Said in full below the table: a line that is cut is not read.
    state === 'held' ? '' : detail,
  ]);
  return table(rows, style.columns);
}
