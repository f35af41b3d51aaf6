import { tell } from '../alerts/tell.ts';
import type { Telling } from '../alerts/tell.ts';
import { publishLockAge } from '../aws/publish.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { messageOf, Refusal } from '../domain/problem.ts';
import type { Standings } from '../run/standing.ts';
import type { Told, LockStatus } from '../ui/locks.ts';
import { alertOfLock, alertsOfHolds, describeFailed } from '../ui/alerts.ts';
import { nobodyToTell } from '../ui/usage.ts';
import { notifiersOf } from './alerting.ts';
import type { Context } from './context.ts';
import type { OpenedFile } from './open-file.ts';
import type { OpenedBucket } from './with-bucket.ts';

/** `--notify` of a network that says nothing of whom to tell would be a watch that nobody hears. */
export function refuseNobody({ network: { file, spec } }: OpenedFile): void {
  const { guardrails } = spec;
  if (!(guardrails?.metric ?? guardrails?.topic ?? guardrails?.webhook)) throw new Refusal(exitCodes.usage, nobodyToTell(file));
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

const toldOf = (telling: Telling): Told => ({
  notifier: telling.notifier.id,
  stack: telling.alert.stack,
  kind: telling.alert.kind,
  outcome: telling.outcome,
  detail: telling.outcome === 'failed' ? describeFailed(telling) : telling.notifier.to,
});
