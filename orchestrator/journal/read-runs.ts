import type { ProcessRecord } from '../locks/lock-record.ts';
import { openRunsPrefix, runPrefix, runsPrefix } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { readObject } from '../state/read-json.ts';
import { openMarkSchema, runEventSchema } from './events.ts';
import type { JournalEvent } from './events.ts';
import { inReplayOrder, replay } from './run-state.ts';
import type { RunState } from './run-state.ts';

export interface ReadRun {
  readonly run: string;
  readonly state: RunState;
  /** In the order of replay. */
  readonly events: readonly JournalEvent[];
  /** Events that cannot be read, each with why: what they licensed is not known. */
  readonly unreadable: readonly string[];
}

/** That a process has a run open. */
export interface Mark {
  readonly key: string;
  readonly run: string;
  /** Nonce of the process. */
  readonly writer: string;
}

export async function openMarks(store: ObjectStore, network: string): Promise<readonly Mark[]> {
  const prefix = openRunsPrefix(network);
  return (await store.list(prefix)).map(({ key }) => {
    const [run = '', name = ''] = key.slice(prefix.length).split('/');
    return { key, run, writer: name.replace(/\.json$/, '') };
  });
}

export const runsOf = (marks: readonly Mark[]): string[] => [...new Set(marks.map(({ run }) => run))].sort();

/** Names of the runs that are not known to be closed. */
export const openRuns = async (store: ObjectStore, network: string): Promise<string[]> => runsOf(await openMarks(store, network));

/** Names of all runs of the network, oldest first: a name starts with its time. */
export async function allRuns(store: ObjectStore, network: string): Promise<string[]> {
  return [...(await store.folders(runsPrefix(network)))].sort();
}

/** The journal of one run, replayed. A run of which nothing is there is one without events. */
export async function readRun(store: ObjectStore, network: string, run: string): Promise<ReadRun> {
  const objects = await store.list(runPrefix(network, run));
  const read = await Promise.all(
    objects.map(async ({ key }) => {
      const stored = await store.get(key);
      if (!stored) return { key, why: 'it is gone' };
      const event = readObject(stored.body, runEventSchema);
      return event.ok ? event.value : { key, why: event.why };
    }),
  );
  const events = inReplayOrder(read.flatMap((item) => ('type' in item ? [item] : [])));
  return {
    run,
    state: replay(run, events),
    events,
    unreadable: read.flatMap((item) => ('why' in item ? [`${item.key}: ${item.why}`] : [])),
  };
}

/** Who made the marks of which the run has no opening, by key: processes that are just beginning, or died before they wrote one. */
export async function unopenedBy(
  store: ObjectStore,
  marks: readonly Mark[],
  runs: readonly ReadRun[],
): Promise<ReadonlyMap<string, ProcessRecord>> {
  const isOpened = ({ run, writer }: Mark): boolean =>
    runs.some((read) => read.run === run && read.events.some((event) => event.type === 'run-opened' && event.writer === writer));
  const read = await Promise.all(
    marks
      .filter((mark) => !isOpened(mark))
      .map(async ({ key }): Promise<[string, ProcessRecord][]> => {
        const stored = await store.get(key);
        const mark = stored === undefined ? undefined : readObject(stored.body, openMarkSchema);
        return mark?.ok === true && mark.value.process !== undefined ? [[key, mark.value.process]] : [];
      }),
  );
  return new Map(read.flat());
}
