import type { SNSClient } from '@aws-sdk/client-sns';
import { messageOf } from '../domain/problem.ts';
import { textOf, titleOf } from './alert.ts';
import type { Alert } from './alert.ts';

/** A way to reach people. */
export interface Notifier {
  /** What is remembered of it in the bucket: an alert is told once by each. */
  readonly id: 'sns' | 'webhook';
  /** Where it goes, for messages; never a secret. */
  readonly to: string;
  /** @throws where it did not get through */
  readonly send: (alert: Alert) => Promise<void>;
}

/** Milliseconds: a chat that does not answer must not keep a run. */
const patienceMs = 10_000;

/** SNS takes 100 characters of ASCII as a subject, without line breaks. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const subjectOf = (alert: Alert): string =>
  titleOf(alert)
    .replaceAll(/[^ -~]/g, '?')
    .slice(0, 100);

/** @param client opened with the first message: most commands have nothing to tell */
export function topicNotifier(topic: string, runbook: string, client: () => Promise<SNSClient>): Notifier {
  return {
    id: 'sns',
    to: topic,
    send: async (alert) => {
      const [{ PublishCommand }, sns] = await Promise.all([import('@aws-sdk/client-sns'), client()]);
      const attribute = (StringValue: string) => ({ DataType: 'String', StringValue });
      await sns.send(
        new PublishCommand({
          TopicArn: topic,
          Subject: subjectOf(alert),
          Message: textOf(alert, runbook),
          // A subscription can choose by them: https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
          MessageAttributes: { kind: attribute(alert.kind), network: attribute(alert.network), stack: attribute(alert.stack) },
        }),
        { abortSignal: AbortSignal.timeout(patienceMs) },
      );
    },
  };
}

/**
 * The format that Slack, Mattermost, Rocket.Chat and Google Chat take alike: one JSON object with `text`.
 * @param address a secret: whoever has it can post. It is in no message, not even in an error's.
 */
export function webhookNotifier(address: string | undefined, variable: string, runbook: string): Notifier {
  return {
    id: 'webhook',
    to: `the address in ${variable}`,
    send: async (alert) => {
      if (address === undefined || address === '') throw new Error(`${variable} is not set`);
      if (!/^https?:/.test(address) || !URL.canParse(address)) throw new Error(`${variable} holds no address that starts with https://`);
      const answer = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: escaped(textOf(alert, runbook)) }),
        // Wherever it were sent on to, it would be somewhere that nobody chose.
        redirect: 'error',
        signal: AbortSignal.timeout(patienceMs),
      }).catch((cause: unknown) => {
        throw new Error(withoutAddress(causeOf(cause), address));
      });
      if (!answer.ok)
        throw new Error(`it answered ${answer.status} ${withoutAddress((await answer.text()).slice(0, 200), address)}`.trim());
    },
  };
}

/** The three characters that chats give a meaning: https://docs.slack.dev/messaging/formatting-message-text/ */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** `fetch failed` says nothing; what is behind it does. */
function causeOf(cause: unknown): string {
  const behind = cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : '';
  return behind === '' ? messageOf(cause) : behind;
}

function withoutAddress(text: string, address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const parts = [address, url?.pathname, url?.search].filter((part) => part !== undefined && part.length > 1) as string[];
  return parts.reduce((clean, part) => clean.replaceAll(part, '…'), text);
}
