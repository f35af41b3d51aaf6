import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { isRunName, linkForm, runForm, stackForm, timeForm } from '../domain/forms.ts';
import { fewAtOnce, readListed } from '../state/bounded.ts';
import { latestSharedRunKey, schemaVersion, sharedPartKey, sharedRunPrefix } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import { readObject, UnreadableRecord } from '../state/read-json.ts';
import { stackOutcomes } from './events.ts';
import type { StackResult } from './events.ts';

/**
 * One deployment that several processes do together, as the jobs of a CI do on machines of their own. Each of them is a run of its own in the journal,
 * over its own stacks and behind its own locks; what they share is a name, and who has ended which stack under it.
 */

/** Of the names before the latest. Older ones are known by their parts. */
const rememberedNames = 100;

const latestSchema = z.object({
  schema: z.number(),
  shared: runForm,
  at: timeForm,
  /** Those before it, the newest first. */
  overtook: z.array(runForm).max(rememberedNames),
});

type Latest = z.infer<typeof latestSchema>;

const begunSchema = z.object({
  schema: z.number(),
  shared: runForm,
  run: runForm,
  at: timeForm,
  stacks: z.array(stackForm),
  ciLink: linkForm.optional(),
});

const endedSchema = z.object({
  schema: z.number(),
  shared: runForm,
  run: runForm,
  at: timeForm,
  ends: z.array(z.object({ stack: stackForm, outcome: z.enum(stackOutcomes) })),
});

type Begun = z.infer<typeof begunSchema>;
type Ended = z.infer<typeof endedSchema>;

type StackOutcome = (typeof stackOutcomes)[number];

export interface SharedRunSettings {
  readonly store: ObjectStore;
  readonly network: string;
  /** What its processes call it. */
  readonly name: string;
  /** Id of this process's own run. */
  readonly run: string;
  readonly stacks: readonly string[];
  readonly ciLink?: string;
  /** Seconds for which a bucket that fails is tried again. */
  readonly patienceSeconds: number;
  readonly now: () => number;
}

/** What one process did of a shared run. */
export interface SharedPart {
  readonly run: string;
  readonly begunAt: string;
  readonly stacks: readonly string[];
  readonly ciLink: string | undefined;
  /** Undefined where it has not said how it ended: it is at work, or was killed. */
  readonly endedAt: string | undefined;
  readonly ends: readonly { readonly stack: string; readonly outcome: StackOutcome }[];
}

/** This process's part of a shared run. */
export class SharedRun {
  readonly #settings: SharedRunSettings;

  private constructor(settings: SharedRunSettings) {
    this.#settings = settings;
  }

  get name(): string {
    return this.#settings.name;
  }

  /**
   * Joins it, or begins it where nobody has, before anything of the state is read. A run that another one has overtaken is not joined any more: its
   * network file is the older one.
   * @returns what has overtaken it
   * @throws where the bucket fails, or what stands there cannot be read
   */
  static async join(settings: SharedRunSettings): Promise<SharedRun | { readonly refused: string }> {
    const { store, network, name, run, stacks, ciLink, now } = settings;
    const shared = new SharedRun(settings);
    // Each turn in which somebody else was first is one in which they have begun.
    for (;;) {
      const latest = await latestOf(store, network);
      if (latest?.shared === name) break;
      if (latest && (latest.overtook.includes(name) || (await shared.parts()).length > 0)) return { refused: shared.#overtakenBy(latest) };
      const record: Latest = {
        schema: schemaVersion,
        shared: name,
        at: new Date(now()).toISOString(),
        overtook: latest ? [latest.shared, ...latest.overtook].slice(0, rememberedNames) : [],
      };
      const condition = latest ? ({ only: 'if-matches', etag: latest.etag } as const) : ({ only: 'if-absent' } as const);
      const put = await store.put(latestSharedRunKey(network), JSON.stringify(record), condition);
      if (put.done) break;
    }
    const begun: Begun = {
      schema: schemaVersion,
      shared: name,
      run,
      at: new Date(now()).toISOString(),
      stacks: [...stacks],
      ...(ciLink === undefined ? {} : { ciLink }),
    };
    await putNew(store, sharedPartKey(network, name, run, 'begun'), begun);
    return shared;
  }

  /** For people: which run has begun since. Asked under a stack's lock, too: whoever begins after that finds the lock. */
  async overtaken(): Promise<string | undefined> {
    const { store, network } = this.#settings;
    const latest = await this.#patiently(() => latestOf(store, network));
    return latest === undefined || latest.shared === this.name ? undefined : this.#overtakenBy(latest);
  }

  #overtakenBy({ shared, at }: Latest): string {
    return `run ${this.name} was overtaken by run ${shared}, which began at ${at}`;
  }

  parts(): Promise<readonly SharedPart[]> {
    const { store, network, name } = this.#settings;
    return readSharedParts(store, network, name);
  }

  /** Says how the stacks of this process ended: what comes after them waits for it. */
  async end(ends: readonly StackResult[]): Promise<void> {
    const { store, network, name, run, now } = this.#settings;
    const ended: Ended = {
      schema: schemaVersion,
      shared: name,
      run,
      at: new Date(now()).toISOString(),
      ends: ends.map(({ stack, end }) => ({ stack, outcome: end.outcome })),
    };
    const write = randomUUID();
    await this.#patiently(() => putNew(store, sharedPartKey(network, name, run, 'ended'), ended, write));
  }

  #patiently<T>(act: () => Promise<T>): Promise<T> {
    return patiently(act, { seconds: this.#settings.patienceSeconds });
  }
}

async function latestOf(store: ObjectStore, network: string): Promise<(Latest & { readonly etag: string }) | undefined> {
  const key = latestSharedRunKey(network);
  const found = await readListed(store, { key, size: 0 }, 'small');
  if (found.kind === 'gone') return undefined;
  if (found.kind === 'too-large') throw new UnreadableRecord(key, found);
  const { stored } = found;
  const read = readObject(stored.body, latestSchema);
  if (!read.ok) throw new UnreadableRecord(key, read);
  return { ...read.value, etag: stored.etag };
}

async function putNew(store: ObjectStore, key: string, record: object, write?: string): Promise<void> {
  const put = await store.put(key, JSON.stringify(record), { only: 'if-absent' }, write);
  if (!put.done) throw new Error(`${key} is there already`);
}

/**
 * What was done under a name, in the order in which it began: a run's id starts with its time.
 * @throws where a record cannot be read: how its stacks ended is then not known
 */
export async function readSharedParts(store: ObjectStore, network: string, name: string): Promise<readonly SharedPart[]> {
  const objects = await store.list(sharedRunPrefix(network, name));
  const begun = new Map<string, Begun>();
  const ended = new Map<string, Ended>();
  await fewAtOnce(objects, async (object) => {
    const { key } = object;
    // What has the key of no part says nothing of any.
    const [, of, what] = /^(.+)-(begun|ended)\.json$/.exec(key.slice(sharedRunPrefix(network, name).length)) ?? [];
    if (of === undefined || !isRunName(of)) return;
    const found = await readListed(store, object, 'small');
    if (found.kind === 'gone') return;
    if (found.kind === 'too-large') throw new UnreadableRecord(key, found);
    const read = what === 'ended' ? readObject(found.stored.body, endedSchema) : readObject(found.stored.body, begunSchema);
    if (!read.ok) throw new UnreadableRecord(key, read);
    const part = read.value;
    if (part.run !== of || part.shared !== name) throw new UnreadableRecord(key, { why: 'it is not the part that its key names' });
    if ('ends' in part) ended.set(of, part);
    else begun.set(of, part);
  });
  return [...begun.values()]
    .sort((a, b) => (a.run < b.run ? -1 : 1))
    .map(({ run, at, stacks, ciLink }) => ({
      run,
      begunAt: at,
      stacks,
      ciLink,
      endedAt: ended.get(run)?.at,
      ends: ended.get(run)?.ends ?? [],
    }));
}

/** Of each stack the last word: a job that is run again takes the place of the one before it, also while it has not ended. */
export function outcomesOf(parts: readonly SharedPart[]): ReadonlyMap<string, StackOutcome | 'not-ended'> {
  const outcomes = new Map<string, StackOutcome | 'not-ended'>();
  for (const { stacks, ends } of parts) {
    for (const stack of stacks) outcomes.set(stack, 'not-ended');
    for (const { stack, outcome } of ends) outcomes.set(stack, outcome);
  }
  return outcomes;
}
