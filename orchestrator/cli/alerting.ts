import type { Alert } from '../alerts/alert.ts';
import { topicNotifier, webhookNotifier } from '../alerts/notifiers.ts';
import type { Notifier } from '../alerts/notifiers.ts';
import { tell } from '../alerts/tell.ts';
import type { Telling } from '../alerts/tell.ts';
import { publishToTopic } from '../aws/publish.ts';
import type { NetworkSpec } from '../network/spec.ts';
import type { Emit, StackEnd } from '../run/events.ts';
import type { Context } from './context.ts';
import { ciLink, shortOf } from './open.ts';
import type { OpenedFile, OpenedSession } from './open.ts';

/** Tells the network's notifiers what happens to its locks, while it happens. */
export interface Alerting {
  /** Tells of what stacks come to, and passes everything on. */
  readonly follow: (emit: Emit) => Emit;
  readonly tell: (...alerts: Alert[]) => Promise<readonly Telling[]>;
  /** Waits until everybody is told; says of whom could not be. */
  readonly settled: (emit: Emit) => Promise<void>;
}

/** Where the messages say to read on. */
export const runbookOf = ({ guardrails }: NetworkSpec): string => guardrails?.runbook ?? 'docs/runbook.md';

export function openAlerting(context: Context, { network }: OpenedFile, aws: OpenedSession, operation: string): Alerting {
  const { spec } = network;
  const notifiers = notifiersOf(context, spec, aws);
  const under: Promise<readonly Telling[]>[] = [];
  const tellAll = (...alerts: Alert[]): Promise<readonly Telling[]> => {
    const telling = tell(aws.store, notifiers, alerts, context.now);
    under.push(telling);
    return telling;
  };
  return {
    tell: tellAll,
    follow: (emit) => (event) => {
      emit(event);
      if (event.type !== 'stack-ended' || notifiers.length === 0) return;
      const said = saidOf(event.end, shortOf(event.stack), aws.run);
      if (said) void tellAll({ ...byThisProcess(context, spec, aws, event.stack, operation), ...said });
    },
    settled: async (emit) => {
      for (const told of await Promise.all(under.splice(0)))
        for (const telling of told)
          if (telling.outcome === 'failed')
            emit({ type: 'note', message: `${describeFailed(telling)} The lock watch tells what is still so: npm run locks -- --notify` });
    },
  };
}

/** What of an alert is the same whatever happened: who does it, and where. */
export function byThisProcess(
  context: Context,
  { network }: NetworkSpec,
  aws: OpenedSession,
  stack: string,
  operation: string,
): Omit<Alert, 'kind' | 'about' | 'what' | 'next'> {
  const { user, host, pid } = aws.process;
  return {
    network,
    stack,
    short: shortOf(stack),
    owner: `${user}@${host} (pid ${pid}, run ${aws.run})`,
    operation,
    ageSeconds: null,
    lastHeard: null,
    process: null,
    incident: null,
    ciLink: ciLink(context.env).ciLink ?? null,
  };
}

export const describeFailed = ({ alert, notifier, why }: Extract<Telling, { outcome: 'failed' }>): string =>
  `${alert.short}: ${notifier.id} (${notifier.to}) could not be told: ${why}.`;

/** The network's ways to reach people; none where its file has no guardrails. */
export function notifiersOf({ env }: Context, spec: NetworkSpec, { clients }: OpenedSession): readonly Notifier[] {
  const runbook = runbookOf(spec);
  const topic = spec.guardrails?.topic?.arn;
  const variable = spec.guardrails?.webhook?.urlFrom;
  return [
    ...(topic === undefined ? [] : [topicNotifier(topic, runbook, (message) => publishToTopic(clients, topic, message))]),
    ...(variable === undefined ? [] : [webhookNotifier(env[variable], variable, runbook)]),
  ];
}

/** What is worth telling of a stack's end. Holds are told once for the run that left them, whoever sees them first. */
function saidOf(end: StackEnd, short: string, run: string): Pick<Alert, 'kind' | 'about' | 'what' | 'next'> | undefined {
  switch (end.outcome) {
    case 'held':
      return { kind: 'held', about: run, what: end.errors[0] ?? 'its outcome is unknown', next: `npm run recover -- ${short}` };
    case 'undecided':
      return { kind: 'undecided', about: run, what: end.questions[0] ?? 'a question is open', next: `npm run recover -- ${short}` };
    case 'recovered':
      return { kind: 'recovered', about: run, what: `${end.said}; its lock is released`, next: `npm run plan -- ${short}` };
    case 'planned':
    case 'applied':
    case 'destroyed':
    case 'unchanged':
    case 'failed':
    case 'recoverable':
    case 'locked':
    case 'skipped':
    case 'not-started':
      return undefined;
    default:
      return end satisfies never;
  }
}
