import { table } from '../../orchestrator/ownership/transitions.ts';
import type { EventType } from '../../orchestrator/ownership/transitions.ts';
import { recordKey } from '../../orchestrator/state/layout.ts';
import type { Change } from './bucket-model.ts';
import { faultKinds } from './world.ts';
import type { FaultKind, Process } from './world.ts';

/** Which faults have struck a process, by what it had last written into a stack's record. */

/** What comes of others' writes and of AWS, and no plan says when. */
export type Met =
  /** A condition that does not hold (412): another's write came first, or its own, of which it did not hear. */
  | 'precondition-failed'
  /** AWS shows what was before. */
  | 'stale-view'
  /** The session that a call is signed with has ended. */
  | 'session-ended';

export type Struck = FaultKind | Met;

/** Of a process that has written no record yet: `before-the-claim`. */
export type Stage = 'before-the-claim' | EventType;

export const stages: readonly Stage[] = ['before-the-claim', ...(Object.keys(table) as EventType[])];
export const allStruck: readonly Struck[] = [...faultKinds, 'precondition-failed', 'stale-view', 'session-ended'];

export type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Cells that no history can reach, with the reason. A test aims at each, and `simulate` fails where one is struck. */
export const impossible: readonly { readonly stage: Stage; readonly struck: readonly Struck[]; readonly because: string }[] = [
  {
    stage: 'before-the-claim',
    struck: ['stale-view'],
    because: 'who has no stack asks AWS who it is and which zones there are: what a stack has is looked at under its record',
  },
  {
    stage: 'disown',
    struck: ['stale-view'],
    because: 'all looks are over when a recovery disowns, and before it looks for another stack it has taken that one over',
  },
  { stage: 'freeze', struck: ['stale-view'], because: 'a freeze asks AWS for nothing that it has' },
  { stage: 'unfreeze', struck: ['stale-view'], because: 'an unfreeze asks AWS for nothing that it has' },
  { stage: 'release', struck: ['stale-view'], because: 'a release goes by the bucket and by a person’s word' },
];

export const isImpossible = (stage: Stage, struck: Struck): boolean =>
  impossible.some((each) => each.stage === stage && each.struck.includes(struck));

interface Written {
  readonly phase?: string;
  readonly epoch?: number;
  readonly verified?: { readonly kind: string };
  readonly frozen?: { readonly nonce: string };
  readonly disowned?: readonly unknown[];
  readonly answers?: readonly unknown[];
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Which row of the table of transitions a write was. @returns undefined where it changed nothing */
export function eventOf(beforeBody: string | undefined, afterBody: string): EventType | undefined {
  const before = (beforeBody === undefined ? {} : JSON.parse(beforeBody)) as Written;
  const after = JSON.parse(afterBody) as Written;
  if (before.frozen?.nonce !== after.frozen?.nonce) return after.frozen === undefined ? 'unfreeze' : 'freeze';
  switch (after.phase) {
    case 'claimed':
      return 'claim';
    case 'running':
      return 'start';
    case 'held':
      return 'hold';
    case 'recovering':
      if (before.epoch !== after.epoch) return 'take-over';
      return same(before.disowned, after.disowned) ? (same(before.answers, after.answers) ? undefined : 'answer') : 'disown';
    case 'free':
      if (before.phase === 'claimed') return 'give-back';
      return before.phase === 'held' || after.verified?.kind === 'unknown' ? 'release' : 'verify';
    default:
      return undefined;
  }
}

/** Of an engine or plugin, the command that started it. */
const rootOf = ({ name }: Process): string => name.replace(/^(plugin of |engine \d+ of )*/, '');

/** Of one history. */
export class Coverage {
  readonly #stages = new Map<string, Stage>();
  readonly #struck = new Map<string, { readonly stage: Stage; readonly struck: Struck }>();
  readonly #recordKeys: ReadonlySet<string>;

  constructor(stacks: readonly string[]) {
    this.#recordKeys = new Set(stacks.map(recordKey));
  }

  noteChange({ key, before, after }: Change): void {
    if (!this.#recordKeys.has(key) || after.body === undefined || !after.by) return;
    const event = eventOf(before?.body, after.body);
    if (event) this.#stages.set(rootOf(after.by), event);
  }

  stageOf(process: Process): Stage {
    return this.#stages.get(rootOf(process)) ?? 'before-the-claim';
  }

  /** Once for each process and cell, however often it goes on. The person who closes the history meets nothing that is counted. */
  note(process: Process, struck: Struck): void {
    const root = rootOf(process);
    if (root.startsWith('closing')) return;
    const stage = this.stageOf(process);
    this.#struck.set(`${root} ${stage} ${struck}`, { stage, struck });
  }

  get cells(): readonly { readonly stage: Stage; readonly struck: Struck }[] {
    return [...this.#struck.values()];
  }
}

/** Of many histories. */
export class CoverageTable {
  readonly #counts: Record<string, Record<string, number>> = {};

  /** What another one has counted comes on top. */
  add(counts: Counts): void {
    for (const [stage, row] of Object.entries(counts)) for (const [struck, count] of Object.entries(row)) this.#count(stage, struck, count);
  }

  addHistory(cells: Coverage['cells']): void {
    for (const { stage, struck } of cells) this.#count(stage, struck, 1);
  }

  #count(stage: string, struck: string, by: number): void {
    const row = (this.#counts[stage] ??= {});
    row[struck] = (row[struck] ?? 0) + by;
  }

  of(stage: Stage, struck: Struck): number {
    return this.#counts[stage]?.[struck] ?? 0;
  }

  /** Every cell, those of nothing as well. */
  get counts(): Counts {
    return Object.fromEntries(
      stages.map((stage) => [stage, Object.fromEntries(allStruck.map((struck) => [struck, this.of(stage, struck)]))]),
    );
  }

  /** The least first, without those that cannot be. */
  get cells(): readonly { readonly stage: Stage; readonly struck: Struck; readonly count: number }[] {
    return stages
      .flatMap((stage) => allStruck.map((struck) => ({ stage, struck, count: this.of(stage, struck) })))
      .filter(({ stage, struck }) => !isImpossible(stage, struck))
      .sort((a, b) => a.count - b.count);
  }

  /** Cells that were struck although the table says that they cannot be. */
  get refuted(): readonly { readonly stage: Stage; readonly struck: Struck; readonly count: number }[] {
    return stages
      .flatMap((stage) => allStruck.map((struck) => ({ stage, struck, count: this.of(stage, struck) })))
      .filter(({ stage, struck, count }) => count > 0 && isImpossible(stage, struck));
  }
}
