import { shortOf } from '../domain/stack-name.ts';
import type { Standings } from '../run/standing.ts';
import { describeHeld } from '../run/standing.ts';
import { plural } from './describe.ts';
import type { Style } from './reporter.ts';
import { table } from './table.ts';

/** One stack, as `--json` has it. */
export interface StackStatus {
  readonly stack: string;
  readonly short: string;
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

export const describeUnfinished = (short: string, { operation, run }: NonNullable<StackStatus['unfinished']>): string =>
  `run ${run} left it part-way. Continue: npm run ${operation} -- ${short}`;

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
  const rows = stacks.map(({ short, state, resources, updatedAt, detail }) => [
    short,
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
  return [table(rows, style.columns), ...held, ...standings.unreadable.map(unreadableRecord)].join('\n');
}

/** Of a record that nothing can be told from. */
export const unreadableRecord = (record: string): string => `cannot be read, so that nobody knows what it says of a stack: ${record}`;

/** `status --why` */
export const describeWhy = (short: string, { runs, reasons }: { readonly runs: boolean; readonly reasons: readonly string[] }): string =>
  [
    `${short}: ${runs ? 'the next up asks the engine' : 'the next up does not ask the engine'}`,
    ...reasons.map((reason) => `  ${reason}`),
  ].join('\n');
