import { messageOf } from '../domain/problem.ts';
import { isHeardOf } from '../locks/heartbeat.ts';
import type { WaiterRecord } from '../locks/heartbeat.ts';
import { mayBeAtWork } from '../ownership/liveness.ts';
import { seeProcesses } from '../ownership/processes.ts';
import type { Observer } from '../ownership/processes.ts';
import type { Emit, LockHolder, StackResult, Waiter } from './events.ts';
import type { Standings } from './standing.ts';
import type { Work } from './stack-run.ts';

/** Milliseconds between looks at the bucket: what another machine does there reaches this one in no other way. */
const everyMs = 5000;

/** Milliseconds after which the same is told once more: the log of a CI shows that the wait goes on. */
const againMs = 60_000;

export interface LockWait {
  /** Who has the stacks that are waited for, and who else waits. @throws where the bucket does not answer */
  readonly look: () => Promise<{ readonly standings: Standings; readonly waiters: readonly Waiter[] }>;
  /** False: the time is over. */
  readonly goesOn: () => boolean;
  readonly until: string;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * Waits until a run may have the stacks, or the time is over. What it sees decides only when a run is worth its while: the run reads everything again, and
 * claims as every run does. So it is `again` also where that run can only say why it does not go on.
 * @returns `in-vain`: at the first look there is something that does not end by itself
 */
export async function waitForLocks(
  stacks: readonly string[],
  { look, goesOn, until, sleep, now, signal, emit }: LockWait,
): Promise<'again' | 'in-vain' | 'stopped'> {
  const isStopped = (): boolean => signal.aborted;
  const runs = new Map<string, LockHolder>();
  let told: { readonly what: string; readonly atMs: number } | undefined;
  for (let looks = 1; ; looks += 1) {
    const seen = await look().catch((cause: unknown) => ({ failed: messageOf(cause) }));
    if (isStopped()) return 'stopped';
    if (!goesOn()) return 'again';
    let holders: readonly LockHolder[] = [];
    if ('standings' in seen) {
      const { standings } = seen;
      if (stacks.some((stack) => staysAsItIs(stack, standings))) return looks === 1 ? 'in-vain' : 'again';
      const found = stacks.flatMap((stack) => holdersOf(stack, standings));
      for (const { nonce, holder } of found) if (nonce !== undefined) runs.set(nonce, holder);
      holders = found.map(({ holder }) => holder);
      // Between two of its stacks a run has none. Who comes in then changes what that run has planned over.
      if (holders.length === 0)
        holders = [...runs].flatMap(([nonce, holder]) => (isHeardOf(standings.heard.get(nonce), standings.readAt) ? [holder] : []));
      // Not at once: a run that was told of a lock a moment ago, and finds none, may be told of the next one.
      if (holders.length === 0 && looks > 1) return 'again';
    }
    const event = {
      type: 'lock-wait',
      holders,
      waiters: 'waiters' in seen ? seen.waiters : [],
      until,
      ...('failed' in seen ? { failed: seen.failed } : {}),
    } as const;
    const what = JSON.stringify(event);
    const isNews = holders.length > 0 || 'failed' in seen;
    if (isNews && (told?.what !== what || now() - told.atMs >= againMs)) {
      emit(event);
      told = { what, atMs: now() };
    }
    await sleep(everyMs);
    if (isStopped()) return 'stopped';
  }
}

/** A person has to do something first. */
function staysAsItIs(stack: string, { byStack, locks }: Standings): boolean {
  const kind = byStack.get(stack)?.kind;
  if (kind === 'held' || kind === 'frozen') return true;
  return kind === 'locked' && locks.some((lock) => lock.stack === stack && lock.content.kind === 'unreadable');
}

function holdersOf(stack: string, { byStack, records, locks }: Standings): { readonly nonce?: string; readonly holder: LockHolder }[] {
  if (byStack.get(stack)?.kind !== 'locked') return [];
  const record = records.get(stack)?.record;
  if (record && 'owner' in record) {
    const { nonce, user, host, pid, run, operation, startedAt: since, ciLink } = record.owner;
    return [{ nonce, holder: { stack, by: 'run', user, host, pid, since, run, operation, ...(ciLink === undefined ? {} : { ciLink }) } }];
  }
  return locks.flatMap(({ stack: of, content }) => {
    if (of !== stack || content.kind !== 'engine') return [];
    const { username: user, hostname: host, pid, timestamp: since } = content.engine;
    return [{ holder: { stack, by: 'pulumi', user, host, pid, since } as const }];
  });
}

/** Who waits as well; of one that is not there any more, or of which nothing is heard, when it was last heard of. */
export async function seeWaiters(
  found: readonly { readonly record: WaiterRecord; readonly heard: Date }[],
  observer: Observer,
  now: number,
): Promise<Waiter[]> {
  // What it waits with is its heartbeat: it was read under the key that has its nonce.
  const heard = new Map(found.map(({ record, heard: modified }) => [record.nonce, { key: '', etag: '', size: 0, modified }]));
  const { liveness } = await seeProcesses(
    found.map(({ record }) => record),
    observer,
    { heard, hearAgain: () => Promise.resolve(heard), isOf: () => Promise.resolve(true), now },
  );
  return found.map(({ record, heard: at }) => {
    const { user, host, pid, since, ciLink } = record;
    const isThere = mayBeAtWork(liveness(record));
    return { user, host, pid, since, ...(ciLink === undefined ? {} : { ciLink }), ...(isThere ? {} : { lastHeard: at.toISOString() }) };
  });
}

/**
 * Stacks to wait for after a run of which locks of others are the only thing that went wrong: those that it could not have, and those that it has to see
 * unlocked for them. Undefined after every other run: what failed is not done again unasked.
 */
export function lockedOut(work: readonly Pick<Work, 'stack' | 'guards'>[], ends: readonly StackResult[]): readonly string[] | undefined {
  const locked = new Set(ends.flatMap(({ stack, end }) => (end.outcome === 'locked' ? [stack] : [])));
  const others = ends.filter(({ stack, end }) => !locked.has(stack) && !isOfLocks(end));
  if (locked.size === 0 || others.length > 0) return undefined;
  return [...new Set(work.flatMap(({ stack, guards }) => (locked.has(stack) ? [stack, ...guards] : [])))];
}

const isOfLocks = (end: StackResult['end']): boolean =>
  end.outcome === 'not-started'
    ? end.reason === 'first-stack-locked'
    : ['applied', 'destroyed', 'unchanged', 'skipped'].includes(end.outcome);
