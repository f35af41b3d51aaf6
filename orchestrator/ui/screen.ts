import { Listr } from 'listr2';
import type { ListrTask } from 'listr2';
import { formatSeconds } from '../domain/duration.ts';
import type { RunEvent, StackEnd, StackLabel } from '../run/events.ts';
import { describeDeleteWait } from './delete-waits.ts';
import { describeCounts, describeEnd, describeEvent, describeSessionEnd, toBeShown } from './describe.ts';
import { clearLine } from './outlet.ts';
import type { Output, Reporter, Style } from './reporter.ts';
import { clip } from './table.ts';

/** Rows that stay free for what stands above and below the list. */
const spareRows = 6;

/** The live screen: one line a stack while they fit, else one line a kind of stack that also names those at work. */
export function screen(stdout: Output, style: Style): Reporter {
  let stage: LiveStage | undefined;
  const late: string[] = [];
  let transient = false;
  const print = (text: string): void => {
    stdout.write(`${transient ? clearLine : ''}${text}\n`);
    transient = false;
  };
  return {
    emit: (told) => {
      const event = toBeShown(told);
      if (event.type === 'progress') {
        stdout.write(`${clearLine}${style.dim(clip(event.message, style.columns - 1))}`);
        transient = true;
        return;
      }
      if (event.type === 'stage-started' && event.stacks.length > 0) {
        // What a plan came to is printed after it: until then it is enough to see that it moves.
        stage = new LiveStage(event.stacks, event.stage === 'plan' ? 0 : (stdout.rows ?? 24) - spareRows, style);
        return;
      }
      if (stage) {
        stage.add(event);
        if (event.type === 'stage-ended') return;
        if (event.type === 'stack-ended' && ['failed', 'held', 'undecided'].includes(event.end.outcome))
          late.push(describeEnd(event.stack, event.end, event.seconds, style));
        // Nothing may be printed between the frames of a live list: what is to be read waits for its end.
        const text = ['stack-ended', 'stack-started', 'step', 'pass-started'].includes(event.type)
          ? undefined
          : describeEvent(event, style);
        if (text !== undefined && !stage.over) {
          late.push(text);
          return;
        }
      }
      const text = event.type === 'stage-ended' || (event.type === 'stack-ended' && stage) ? undefined : describeEvent(event, style);
      if (text !== undefined) void settled(stage).then(() => [...late.splice(0), text].forEach(print));
    },
    settled: async () => {
      await settled(stage);
      late.splice(0).forEach(print);
      if (transient) stdout.write(clearLine);
      transient = false;
    },
  };
}

const settled = (stage: LiveStage | undefined): Promise<void> => stage?.drawn ?? Promise.resolve();

interface Row {
  readonly title: string;
  readonly stacks: Set<string>;
  readonly open: Set<string>;
  readonly ends: { stack: string; end: StackEnd; seconds: number }[];
  readonly over: Promise<void>;
  readonly finish: () => void;
  update: ((title: string) => void) | undefined;
  /** Shows a line below the whole list, for as long as this row is not over. */
  say: ((text: string) => void) | undefined;
}

class LiveStage {
  over = false;
  readonly drawn: Promise<void>;
  readonly #rows: Row[];
  readonly #rowOf = new Map<string, Row>();
  readonly #progress = new Map<string, { done: number; total: number; startedAt: number; current: string }>();
  readonly #style: Style;
  readonly #clock: NodeJS.Timeout;

  constructor(stacks: readonly StackLabel[], rows: number, style: Style) {
    this.#style = style;
    const groups = stacks.length <= rows ? stacks.map(({ stack, short }) => ({ title: short, stacks: [stack] })) : byKind(stacks);
    this.#rows = groups.map(({ title, stacks: names }) => {
      let finish = (): void => undefined;
      const over = new Promise<void>((resolve) => (finish = resolve));
      const row: Row = { title, stacks: new Set(names), open: new Set(), ends: [], over, finish, update: undefined, say: undefined };
      for (const name of names) this.#rowOf.set(name, row);
      return row;
    });
    this.drawn = this.#draw();
    this.#clock = setInterval(() => this.#rows.forEach((row) => row.open.size > 0 && this.#redraw(row)), 1000);
    this.#clock.unref();
  }

  add(event: RunEvent): void {
    if (event.type === 'stage-ended') {
      this.over = true;
      clearInterval(this.#clock);
      for (const row of this.#rows) row.finish();
      return;
    }
    if (event.type === 'draining') {
      // On the row that most likely ends last; who pressed Ctrl-C has to see at once what it did.
      this.#rows.findLast((row) => row.ends.length < row.stacks.size)?.say?.(this.#style.yellow(event.message));
      return;
    }
    if (event.type === 'waiting') {
      this.#rowOf.get(event.stack)?.say?.(this.#style.yellow(clip(event.message, this.#style.columns - 3)));
      return;
    }
    if (event.type === 'session-ends') {
      this.#rowOf.get(event.stack)?.say?.(this.#style.yellow(describeSessionEnd(event)));
      return;
    }
    if (event.type === 'delete-waits') {
      this.#rowOf.get(event.stack)?.say?.(this.#style.yellow(describeDeleteWait(event)));
      return;
    }
    if (event.type !== 'stack-started' && event.type !== 'stack-ended' && event.type !== 'step') return;
    const row = this.#rowOf.get(event.stack);
    if (!row) return;
    if (event.type === 'stack-started') {
      row.open.add(event.stack);
      this.#progress.set(event.stack, { done: 0, total: event.total, startedAt: Date.now(), current: '' });
    }
    if (event.type === 'step') {
      const progress = this.#progress.get(event.stack);
      if (progress && !event.resourceType.startsWith('pulumi:')) {
        if (event.phase !== 'started') progress.done += 1;
        progress.current = `${event.op} ${event.resource}`;
      }
    }
    if (event.type === 'stack-ended') {
      row.open.delete(event.stack);
      row.ends.push(event);
    }
    this.#redraw(row);
    if (row.ends.length === row.stacks.size) row.finish();
  }

  #redraw(row: Row): void {
    const style = this.#style;
    // The renderer puts a mark of two characters before a title.
    const room = style.columns - 3;
    const single = row.stacks.size === 1;
    const working = [...row.open].map((stack) => {
      const progress = this.#progress.get(stack);
      if (!progress) return stack;
      const count = progress.total > 0 ? `${Math.min(progress.done, progress.total)}/${progress.total} ` : '';
      const time = formatSeconds((Date.now() - progress.startedAt) / 1000);
      const label = single ? '' : `${stack.split('.').slice(1).join('.')} `;
      return `${label}${count}${time}${progress.current === '' ? '' : ` ${progress.current}`}`;
    });
    const bad = row.ends.filter(({ end }) => !['planned', 'applied', 'destroyed', 'unchanged', 'recovered'].includes(end.outcome));
    const last = row.ends.at(-1);
    const progress = single ? '' : ` ${row.ends.length}/${row.stacks.size}${bad.length > 0 ? `, ${bad.length} not done` : ''}`;
    const title = single && last ? endTitle(row.title, last.end, last.seconds) : [`${row.title}${progress}`, ...working].join('  ');
    row.update?.(clip(title, room));
  }

  async #draw(): Promise<void> {
    const tasks = this.#rows.map((row): ListrTask => ({
      title: row.title,
      rendererOptions: { bottomBar: 1 },
      task: async (_, task) => {
        row.update = (title) => {
          task.title = title;
        };
        row.say = (text) => {
          task.output = text;
        };
        await row.over;
        const bad = row.ends.find(({ end }) => !['planned', 'applied', 'destroyed', 'unchanged', 'recovered'].includes(end.outcome));
        if (!bad) return;
        if (bad.end.outcome === 'skipped' || bad.end.outcome === 'not-started') task.skip(task.title);
        else throw new Error(bad.end.outcome);
      },
    }));
    const list = new Listr(tasks, {
      concurrent: true,
      exitOnError: false,
      // listr2 would end the process on SIGINT; signals belong to the run.
      registerSignalListeners: false,
      collectErrors: false,
      rendererOptions: { collapseErrors: false, collapseSkips: true, showErrorMessage: false, formatOutput: 'wrap' },
    });
    await list.run().catch(() => undefined);
  }
}

function endTitle(title: string, end: StackEnd, seconds: number): string {
  const time = formatSeconds(seconds);
  switch (end.outcome) {
    case 'planned':
      return `${title}  ${describeCounts(end.counts)}`;
    case 'applied':
      return `${title}  ${end.counts.create + end.counts.update + end.counts.replace + end.counts.delete} changed, ${time}`;
    case 'destroyed':
      return `${title}  ${end.deleted} deleted, ${time}`;
    case 'unchanged':
      return `${title}  unchanged`;
    case 'failed':
      return `${title}  failed after ${time}`;
    case 'held':
      return `${title}  HELD after ${time}`;
    case 'recovered':
      return `${title}  recovered, ${time}`;
    case 'recoverable':
      return `${title}  would be recovered`;
    case 'undecided':
      return `${title}  HELD, to be decided, after ${time}`;
    case 'locked':
      return `${title}  locked by someone else`;
    case 'skipped':
      return `${title}  skipped: ${end.because}`;
    case 'not-started':
      return `${title}  not started: ${end.because}`;
    default:
      return end satisfies never;
  }
}

function byKind(stacks: readonly StackLabel[]): { title: string; stacks: string[] }[] {
  const groups = new Map<string, string[]>();
  for (const { stack, kind } of stacks) groups.set(kind, [...(groups.get(kind) ?? []), stack]);
  return [...groups].map(([title, names]) => ({ title, stacks: names }));
}
