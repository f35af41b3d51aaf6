import { command, commandOf, lineOf } from '../domain/command.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { Verified } from '../ownership/stack-record.ts';
import { describeHeld, detailOfHeld, isAsVerified } from '../run/standing.ts';
import type { Standing, Standings } from '../run/standing.ts';
import type { Strays } from '../state/bounded.ts';
import type { StackState } from '../state/checkpoints.ts';
import { plural, withName } from './describe.ts';
import type { Style } from './reporter.ts';
import { table } from './table.ts';

/** One stack, as `--json` has it. */
export interface StackStatus {
  readonly stack: string;
  readonly short: string;
  /** What the network file calls by now what the stack is of, where that was deployed with another name. */
  readonly nameInFile?: string;
  readonly state:
    'applied' | 'unfinished' | 'not-deployed' | 'held' | 'locked' | 'frozen' | 'changed-behind' | 'not-in-network-file' | 'unreadable';
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
  /** Of an unfinished one: the run that left some of it undone, and the command that does the rest. */
  readonly unfinished?: { readonly operation: 'up' | 'destroy'; readonly run: string };
}

/**
 * @param spooled where its last checkpoint lies on this machine that its engine could not write
 * @param whole ETag of the checkpoint over which the engine has found nothing left to do since
 */
export function standingStatus(
  short: string,
  spooled: string | undefined,
  standing: Standing | undefined,
  state: StackState | undefined,
  verified: Verified | undefined,
  isInFile: boolean,
  whole: string | undefined,
): Pick<StackStatus, 'state' | 'detail' | 'held' | 'unfinished'> {
  switch (standing?.kind) {
    case 'held': {
      const { why, since, run, lockGoneSince } = standing;
      // The run's own word, or what lies on this machine where the bucket was gone before it could say so.
      const spool = standing.spool ?? spooled;
      return {
        state: 'held',
        detail: detailOfHeld(short, standing),
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
  if (verified?.kind === 'at' && !isAsVerified(verified, state))
    return {
      state: 'changed-behind',
      detail: `not as run ${verified.run} verified it at ${verified.since}: the next up looks at AWS first`,
    };
  if (verified?.kind === 'unknown')
    return { state: 'changed-behind', detail: `released unverified at ${verified.since}: the next up looks at AWS first` };
  if (state && !isInFile) return { state: 'not-in-network-file', detail: `remove it: ${command('destroy', short)}` };
  if (state && !state.empty && verified?.kind === 'at' && verified.unfinished !== undefined && whole !== state.etag) {
    const unfinished = { operation: verified.unfinished, run: verified.run };
    return { state: 'unfinished', detail: describeUnfinished(short, unfinished), unfinished };
  }
  return state && !state.empty ? { state: 'applied', detail: '' } : { state: 'not-deployed', detail: '' };
}

const describeUnfinished = (short: string, { operation, run }: NonNullable<StackStatus['unfinished']>): string =>
  `run ${run} left it part-way. Continue: ${command(operation, short)}`;

/** @param spools where the last checkpoint lies that a held stack's engine could not write, by full name */
export function describeStatus(
  stacks: readonly StackStatus[],
  standings: Standings,
  spools: ReadonlyMap<string, string>,
  style: Style,
): string {
  const word: Record<StackStatus['state'], string> = {
    applied: style.green('applied'),
    unfinished: style.yellow('UNFINISHED'),
    'not-deployed': style.dim('not deployed'),
    held: style.red('HELD'),
    frozen: style.cyan('FROZEN'),
    'changed-behind': style.yellow('CHANGED'),
    locked: style.yellow('LOCKED'),
    'not-in-network-file': style.yellow('not in the network file'),
    unreadable: style.red('UNREADABLE'),
  };
  const rows = stacks.map(({ short, nameInFile, state, resources, updatedAt, detail }) => [
    withName(short, nameInFile),
    word[state],
    resources > 0 ? plural(resources, 'resource') : '',
    updatedAt === null ? '' : `${updatedAt.slice(0, 16).replace('T', ' ')} UTC`,
    // Said in full below the table: a line that is cut is not read.
    state === 'held' ? '' : detail,
  ]);
  const held = [...standings.byStack].flatMap(([stack, standing]) => {
    if (standing.kind !== 'held') return [];
    const spooled = spools.get(stack);
    return [
      style.red(describeHeld(shortOf(stack), standing)),
      ...(spooled === undefined
        ? []
        : [`  the last checkpoint that its engine could not write is in ${spooled}: evidence, to be read and never written back`]),
    ];
  });
  return [table(rows, style.columns), ...held, ...standings.unreadable.map(unreadableRecord), ...describeStrays(standings.strays)].join(
    '\n',
  );
}

/** Of a record that nothing can be told from. */
export const unreadableRecord = (record: string): string =>
  `cannot be read, so that it is not known what it says of its stack: ${record}. Look at the object and at its earlier versions (${lineOf(commandOf('aws', 's3api', 'list-object-versions'))}); the other stacks are as they were.`;

/** What lies where the locks and records of stacks do, and is of none. Its key is never a part of a command. */
export function describeStrays({ keys, more }: Strays): string[] {
  if (keys.length === 0) return [];
  const rest = more === 0 ? '' : `, and ${plural(more, 'more object')}`;
  return [
    `not a stack of this network: ${keys.join(', ')}${rest}. It decides nothing, and Holdfast did not write it: find out who did, and remove it.`,
  ];
}

/** `status --why` */
export const describeWhy = (short: string, { runs, reasons }: { readonly runs: boolean; readonly reasons: readonly string[] }): string =>
  [
    `${short}: ${runs ? 'the next up asks the engine' : 'the next up does not ask the engine'}`,
    ...reasons.map((reason) => `  ${reason}`),
  ].join('\n');

const partWords: Readonly<Record<string, string>> = {
  inputs: 'what the network file says of it',
  settings: "the network's own settings or tags",
  references: 'which stacks it reads',
  program: 'the code of its program, or of a package that it loads',
  engine: 'the release of the engine or of the plugin, or what encrypts secrets',
};

/** Of a part of a stack's fingerprint: what it is of. */
export function describePart(part: string, short: (stack: string) => string): string {
  const [stack = '', ...output] = part.split(' ');
  return partWords[part] ?? `${output.join(' ')} of ${short(stack)}, which it reads`;
}
