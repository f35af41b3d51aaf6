import { command } from '../domain/command.ts';
import { shortOf } from '../domain/stack-name.ts';
import { nothingKnown } from '../alerts/alert.ts';
import type { Alert } from '../alerts/alert.ts';
import { topicNotifier, webhookNotifier } from '../alerts/notifiers.ts';
import type { Notifier } from '../alerts/notifiers.ts';
import { tell } from '../alerts/tell.ts';
import type { Telling } from '../alerts/tell.ts';
import { publishToTopic } from '../aws/publish.ts';
import { topicOf } from '../network/spec.ts';
import type { NetworkSpec } from '../network/spec.ts';
import type { Emit } from '../run/events.ts';
import { alertWords, describeFailed, saidOf } from '../ui/alerts.ts';
import type { Said } from '../ui/alerts.ts';
import type { Context } from './context.ts';
import { ciLink } from './open.ts';
import type { OpenedSession } from './open.ts';
import type { OpenedFile } from './open-file.ts';

/** Tells the network's notifiers what happens to its locks, while it happens. */
export interface Alerting {
  /** Tells of what stacks come to, and passes everything on. */
  readonly follow: (emit: Emit) => Emit;
  /** Tells of what a command did, and waits for it. @param stack full name, or the network's where it was done to several */
  readonly announce: (stack: string, said: Said, emit: Emit) => Promise<void>;
  /** Waits until everybody is told; says of whom could not be. */
  readonly settled: (emit: Emit) => Promise<void>;
}

/** Where the messages say to read on. */
const runbookOf = ({ guardrails }: NetworkSpec): string => guardrails?.runbook ?? 'docs/runbook.md';

export function openAlerting(context: Context, { network }: OpenedFile, aws: OpenedSession, operation: string): Alerting {
  const { spec } = network;
  const notifiers = notifiersOf(context, spec, aws);
  const under: Promise<readonly Telling[]>[] = [];
  const say = (stack: string, said: Said): void => {
    under.push(tell(aws.store, notifiers, [{ ...byThisProcess(context, spec, aws, stack, operation), ...said }], context.now));
  };
  const settled = async (emit: Emit): Promise<void> => {
    for (const telling of (await Promise.all(under.splice(0))).flat())
      if (telling.outcome === 'failed')
        emit({
          type: 'note',
          message: `${describeFailed(telling)} The lock watch tells what is still so: ${command('locks', { notify: true })}`,
        });
  };
  return {
    announce: (stack, said, emit) => {
      say(stack, said);
      return settled(emit);
    },
    follow: (emit) => (event) => {
      emit(event);
      if (event.type !== 'stack-ended') return;
      const said = saidOf(event.end, shortOf(event.stack), aws.run);
      if (said) say(event.stack, said);
    },
    settled,
  };
}

/** What of an alert is the same whatever happened: who does it, and where. */
function byThisProcess(
  context: Context,
  { network }: NetworkSpec,
  aws: OpenedSession,
  stack: string,
  operation: string,
): Omit<Alert, 'kind' | 'about' | 'what' | 'next'> {
  const { user, host, pid } = aws.process;
  return {
    ...nothingKnown,
    network,
    stack,
    short: shortOf(stack),
    owner: `${user}@${host} (pid ${pid}, run ${aws.run})`,
    operation,
    ciLink: ciLink(context.env).ciLink ?? null,
  };
}

/** The network's ways to reach people; none where its file has no guardrails. */
export function notifiersOf({ env }: Context, spec: NetworkSpec, { clients }: OpenedSession): readonly Notifier[] {
  const words = alertWords(runbookOf(spec));
  const topic = topicOf(spec);
  const variable = spec.guardrails?.webhook?.urlFrom;
  return [
    ...(topic === undefined ? [] : [topicNotifier(topic, words, (message) => publishToTopic(clients, topic, message))]),
    ...(variable === undefined ? [] : [webhookNotifier(env[variable], variable, words)]),
  ];
}
