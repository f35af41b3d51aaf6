import { visible } from '../domain/foreign.ts';
import { messageOf } from '../domain/problem.ts';
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

export interface TopicMessage {
  readonly subject: string;
  readonly text: string;
  /** What a subscription can choose by. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** How an alert is said. */
export interface AlertWords {
  /** The first line. */
  readonly title: (alert: Alert) => string;
  readonly text: (alert: Alert) => string;
}

/** Milliseconds: who cannot be told must not keep a run. */
export const patienceMs = 10_000;

/** @param publish sends to the topic */
export function topicNotifier(topic: string, words: AlertWords, publish: (message: TopicMessage) => Promise<void>): Notifier {
  return {
    id: 'sns',
    to: topic,
    send: (alert) => {
      const { kind, network, stack } = alert;
      return publish({
        subject: words.title(alert),
        text: words.text(alert),
        attributes: { kind, network: visible(network), stack: visible(stack) },
      });
    },
  };
}

/**
 * The format that Slack, Mattermost, Rocket.Chat and Google Chat take alike: one JSON object with `text`.
 * @param address a secret: whoever has it can post. It is in no message, not even in an error's.
 */
export function webhookNotifier(address: string | undefined, variable: string, words: AlertWords): Notifier {
  return {
    id: 'webhook',
    to: `the address in ${variable}`,
    send: async (alert) => {
      if (address === undefined || address === '') throw new Error(`${variable} is not set`);
      if (!isPrivate(address))
        throw new Error(`${variable} holds no address that starts with https:// (http:// is taken for this machine's own alone)`);
      const answer = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: inChat(words.text(alert)) }),
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

/** Whether only its server can read what is sent there: an alert says who works on what. */
function isPrivate(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || (protocol === 'http:' && /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(hostname));
}

/**
 * As words alone, whoever wrote them. The three characters that Slack gives a meaning (`<!channel>`, `<https://…|text>`), and what the others do: names that wake
 * everyone, links under another text, code. https://docs.slack.dev/messaging/formatting-message-text/ https://docs.mattermost.com/messaging-collaboration/format-messages.html
 */
const inChat = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/(?<![\p{L}\p{N}_.+-])@|@(?=(?:channel|here|all|everyone)(?![\p{L}\p{N}]))/giu, '(at)')
    .replaceAll(/\](?=[([])/g, '] ')
    .replaceAll('`', "'");

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
