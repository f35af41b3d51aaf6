import { setTimeout as delay } from 'node:timers/promises';
import { exitCodes } from '../domain/exit-codes.ts';
import type { ExitCode } from '../domain/exit-codes.ts';
import { Heartbeat, readWaiters, whileHeard } from '../locks/heartbeat.ts';
import type { Emit } from '../run/events.ts';
import { seeWaiters, waitForLocks } from '../run/lock-wait.ts';
import type { LockWait } from '../run/lock-wait.ts';
import type { Context } from './context.ts';
import { ciLink, observerOf, openAws, standingsOf } from './open.ts';
import type { OpenedFile } from './open-file.ts';
import { listenForSignals } from './signals.ts';

/** Told where a run does not go on, or not in all of its stacks, because of locks of others and for no other reason: which stacks to wait for. */
export type OnLocked = (stacks: readonly string[]) => void;

/** Seconds of a session below which it is renewed, where it can be: a look takes a moment. */
const shortSeconds = 120;

/**
 * A command, run again after each wait for as long as others have its stacks, until the time is over. Each run is a whole one, with an id of its own: what
 * was read, planned and answered before a wait is not gone by.
 */
export async function withWait(
  context: Context,
  file: OpenedFile,
  flags: { readonly wait?: number | undefined; readonly sessionExpires?: Date },
  emit: Emit,
  run: (isFirst: boolean, onLocked?: OnLocked) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (flags.wait === undefined) return run(true);
  const began = context.now();
  const untilMs = began + flags.wait * 1000;
  for (let isFirst = true; ; isFirst = false) {
    let locked: readonly string[] = [];
    const [ended] = await Promise.allSettled([run(isFirst, (stacks) => (locked = stacks))]);
    const isOver = locked.length === 0 || context.now() >= untilMs;
    const waited = isOver ? 'in-vain' : await waitOnce(context, file, flags.sessionExpires, locked, began, untilMs, emit);
    if (waited === 'stopped') return exitCodes.stoppedBySignal;
    if (waited === 'again') continue;
    if (ended.status === 'rejected') throw ended.reason;
    return ended.value;
  }
}

async function waitOnce(
  context: Context,
  file: OpenedFile,
  sessionExpires: Date | undefined,
  stacks: readonly string[],
  began: number,
  untilMs: number,
  emit: Emit,
): ReturnType<typeof waitForLocks> {
  const { network } = file.network.spec;
  const stopping = listenForSignals(emit);
  try {
    const aws = await openAws(context, file, sessionExpires);
    const { store, live } = aws;
    const since = new Date(began).toISOString();
    const heartbeat = new Heartbeat(store, network, aws.run, aws.process, { since, ...ciLink(context.env) });
    try {
      const wait: LockWait = {
        look: async () => {
          if (live.remainingSeconds() < shortSeconds) await live.renew().catch(() => false);
          // Without the states: plain pulumi has a step open in its checkpoint for as long as it works on it, and its lock says that it may.
          const standings = await standingsOf(context, aws, network, new Map(), stacks);
          const others = (await readWaiters(store, network)).filter(({ record }) => record.nonce !== aws.process.nonce);
          return { standings, waiters: await seeWaiters(others, observerOf(aws), standings.readAt) };
        },
        // Of a session that is over the next run says so.
        goesOn: () => context.now() < untilMs && live.remainingSeconds() > 0,
        until: new Date(untilMs).toISOString(),
        sleep: (milliseconds) => delay(milliseconds, undefined, { signal: stopping.draining }).catch(() => undefined),
        now: context.now,
        signal: stopping.draining,
        emit,
      };
      return await whileHeard(heartbeat, () => waitForLocks(stacks, wait));
    } finally {
      aws.clients.destroy();
    }
  } finally {
    stopping.dispose();
  }
}
