import { isRunName, visible } from '../domain/forms.ts';
import { parseStackName } from '../domain/stack-name.ts';
import { fewAtOnce, readListed } from '../state/bounded.ts';
import { runEventKey, runPrefix, runsPrefix } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { readObject } from '../state/read-json.ts';
import { runEventSchema } from './events.ts';
import type { JournalEvent } from './events.ts';

export interface ReadRun {
  readonly run: string;
  readonly opened: Extract<JournalEvent, { type: 'run-opened' }> | undefined;
  readonly ended: Extract<JournalEvent, { type: 'run-ended' }> | undefined;
  /** Each writer's as it wrote them, and those of several by their clocks. */
  readonly events: readonly JournalEvent[];
  /** Events that cannot be read, each with why. */
  readonly unreadable: readonly string[];
}

/** Names of all runs of the network, oldest first: a name starts with its time. A folder of another name is no run's. */
export async function allRuns(store: ObjectStore, network: string): Promise<string[]> {
  return (await store.folders(runsPrefix(network))).filter(isRunName).sort();
}

/** Of one run: a run of hundreds of stacks has fewer. */
const mostEvents = 10_000;

/** The journal of one run. A run of which nothing is there is one without events. */
export async function readRun(store: ObjectStore, network: string, run: string): Promise<ReadRun> {
  const objects = await store.list(runPrefix(network, run));
  const read = await fewAtOnce(objects.slice(0, mostEvents), async (object) => {
    const found = await readListed(store, object, 'event');
    if (found.kind === 'gone') return { key: object.key, why: 'it is gone' };
    return found.kind === 'too-large' ? { key: object.key, why: found.why } : eventAt(object.key, found.stored.body, { network, run });
  });
  const unread = objects.slice(mostEvents);
  if (unread[0]) read.push({ key: unread[0].key, why: `it and ${unread.length - 1} objects after it were not read` });
  const events = inOrder(read.flatMap((item) => ('type' in item ? [item] : [])));
  return {
    run,
    opened: events.find((event) => event.type === 'run-opened'),
    ended: events.findLast((event) => event.type === 'run-ended'),
    events,
    unreadable: read.flatMap((item) => ('why' in item ? [`${visible(item.key)}: ${item.why}`] : [])),
  };
}

/** A key is all that a policy can limit: an event counts only where its content says the same. */
function eventAt(
  key: string,
  body: string,
  { network, run }: { readonly network: string; readonly run: string },
): JournalEvent | { readonly key: string; readonly why: string } {
  const read = readObject(body, runEventSchema);
  if (!read.ok) return { key, why: read.why };
  const event = read.value;
  const isOfKey =
    event.network === network &&
    event.run === run &&
    (!('stack' in event) || parseStackName(event.stack)?.network === network) &&
    runEventKey(network, run, event.writer, event.sequence, event.type) === key;
  return isOfKey ? event : { key, why: 'it is not the event that its key names' };
}

/** A clock that was set back changes nothing in the order of its own writer. */
function inOrder(events: readonly JournalEvent[]): JournalEvent[] {
  const clocks = new Map<string, string>();
  return [...events]
    .sort((a, b) => a.sequence - b.sequence || (a.writer < b.writer ? -1 : 1))
    .map((event) => {
      const last = clocks.get(event.writer) ?? event.at;
      const at = last < event.at ? event.at : last;
      clocks.set(event.writer, at);
      return { at, event };
    })
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .map(({ event }) => event);
}
