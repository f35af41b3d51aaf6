import { nothingKnown } from '../alerts/alert.ts';
import type { Alert } from '../alerts/alert.ts';
import { tell } from '../alerts/tell.ts';
import type { Telling } from '../alerts/tell.ts';
import { publishLockAge } from '../aws/publish.ts';
import { formatSeconds } from '../domain/duration.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { messageOf, Refusal } from '../domain/problem.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { Standings } from '../run/standing.ts';
import type { Told, LockStatus } from '../ui/locks.ts';
import { nextOf } from '../ui/locks.ts';
import { describeFailed, notifiersOf } from './alerting.ts';
import type { Context } from './context.ts';
import type { OpenedFile } from './open-file.ts';
import type { OpenedBucket } from './with-bucket.ts';

/** `--notify` of a network that says nothing of whom to tell would be a watch that nobody hears. */
export function refuseNobody({ network: { file, spec } }: OpenedFile): void {
  const { guardrails } = spec;
  if (guardrails?.metric ?? guardrails?.topic ?? guardrails?.webhook) return;
  throw new Refusal(exitCodes.usage, {
    reason: 'nobody-to-tell',
    message: `${file} names nobody to tell: it has no guardrails with a metric, a topic or a webhook`,
    next: 'Add them: docs/network.md, "guardrails"',
    file,
  });
}

/** One look of the lock watch: the metric each time, and each old lock and each hold once to each notifier. Nothing is released. */
export async function watch(
  context: Context,
  opened: OpenedBucket,
  found: readonly LockStatus[],
  standings: Standings,
): Promise<readonly Told[]> {
  const { file, aws } = opened;
  const { spec } = file.network;
  const alerts = [
    ...found.filter(({ tooOld }) => tooOld).map((lock) => alertOfLock(spec.network, lock)),
    ...alertsOfHolds(spec.network, found, standings),
  ];
  const namespace = spec.guardrails?.metric?.namespace;
  const [tellings, metric] = await Promise.all([
    tell(aws.store, notifiersOf(context, spec, aws), alerts, context.now),
    namespace === undefined ? undefined : tellMetric(context, opened, namespace, found),
  ]);
  return [...(metric ? [metric] : []), ...tellings.map(toldOf)];
}

async function tellMetric(context: Context, { file, aws }: OpenedBucket, namespace: string, found: readonly LockStatus[]): Promise<Told> {
  const seconds = Math.max(0, ...found.map(({ ageSeconds }) => ageSeconds));
  const told = { notifier: 'metric', stack: null, kind: 'lock-age' } as const;
  try {
    await publishLockAge(aws.clients, namespace, file.network.spec.network, seconds, context.now());
    return { ...told, outcome: 'told', detail: `${seconds} s` };
  } catch (cause) {
    return { ...told, outcome: 'failed', detail: messageOf(cause) };
  }
}

function alertOfLock(network: string, lock: LockStatus): Alert {
  return {
    kind: 'old-lock',
    network,
    stack: lock.stack,
    short: lock.short,
    about: lock.identity,
    what: `locked for ${formatSeconds(lock.ageSeconds)} (${lock.process})`,
    ...ofLock(lock),
    next: nextOf(lock),
  };
}

/** Holds that no command told of: it was killed, or nobody could be reached. */
function alertsOfHolds(network: string, found: readonly LockStatus[], { byStack }: Standings): Alert[] {
  return [...byStack].flatMap(([stack, standing]): Alert[] => {
    if (standing.kind !== 'held') return [];
    const short = shortOf(stack);
    const lock = found.find((each) => each.stack === stack);
    return [
      {
        kind: 'held',
        network,
        stack,
        short,
        about: standing.run ?? standing.since,
        what: `${standing.why} since ${standing.since}`,
        ...(lock ? ofLock(lock) : { ...nothingKnown, owner: standing.run === undefined ? 'plain pulumi' : `run ${standing.run}` }),
        next: `npm run recover -- ${short}`,
      },
    ];
  });
}

const ofLock = ({ owner, operation, ageSeconds, lastHeard, process, incident, ciLink }: LockStatus) => ({
  owner,
  operation,
  ageSeconds,
  lastHeard,
  process,
  incident,
  ciLink,
});

const toldOf = (telling: Telling): Told => ({
  notifier: telling.notifier.id,
  stack: telling.alert.stack,
  kind: telling.alert.kind,
  outcome: telling.outcome,
  detail: telling.outcome === 'failed' ? describeFailed(telling) : telling.notifier.to,
});
