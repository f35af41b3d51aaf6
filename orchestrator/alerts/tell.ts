import { createHash } from 'node:crypto';
import { z } from 'zod';
import { messageOf } from '../domain/problem.ts';
import { lineForm, timeForm } from '../domain/forms.ts';
import { largest } from '../state/bounded.ts';
import { schemaVersion, toldKey } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { readObject } from '../state/read-json.ts';
import type { Alert } from './alert.ts';
import type { Notifier } from './notifiers.ts';

/** That an alert was told by a notifier, or is being told. In the bucket, because the next watch runs on another machine. */
const toldSchema = z.object({
  schema: z.number(),
  kind: lineForm(100),
  about: lineForm(1000),
  notifier: lineForm(200),
  phase: z.enum(['telling', 'told']),
  at: timeForm,
});

/** What became of one alert with one notifier. */
export type Telling = { readonly alert: Alert; readonly notifier: Notifier } & (
  | { readonly outcome: 'told' }
  /** It was told before, or another process is at it. */
  | { readonly outcome: 'before' }
  | { readonly outcome: 'failed'; readonly why: string }
);

/** Seconds after which a telling that did not end is taken for one whose process died: it is told again, and may then be heard twice. */
const tellingSeconds = 120;

/**
 * Tells each notifier, once for each lock, hold or act. It is claimed in the bucket before it is sent, so that of two watches one tells it; a
 * claim whose sending failed is given up again, and the next watch tries anew. Where the bucket fails it is sent all the same: better twice than never.
 */
export function tell(store: ObjectStore, notifiers: readonly Notifier[], alerts: readonly Alert[], now: () => number): Promise<Telling[]> {
  return Promise.all(alerts.flatMap((alert) => notifiers.map((notifier) => tellOne(store, notifier, alert, now))));
}

async function tellOne(store: ObjectStore, notifier: Notifier, alert: Alert, now: () => number): Promise<Telling> {
  const key = toldKey(alert.network, alert.stack, `${alert.kind}-${shortHash(alert.about)}-${notifier.id}`);
  const body = (phase: 'telling' | 'told'): string =>
    JSON.stringify({
      schema: schemaVersion,
      kind: alert.kind,
      about: alert.about,
      notifier: notifier.id,
      phase,
      at: new Date(now()).toISOString(),
    } satisfies z.infer<typeof toldSchema>);
  const claim = await claimed(store, key, body('telling'), now).catch(() => 'unknown' as const);
  if (claim === 'before') return { alert, notifier, outcome: 'before' };
  try {
    await notifier.send(alert);
  } catch (cause) {
    if (claim !== 'unknown') await store.remove(key, claim).catch(() => undefined);
    return { alert, notifier, outcome: 'failed', why: messageOf(cause) };
  }
  await store.put(key, body('told'), claim === 'unknown' ? { only: 'always' } : { only: 'if-matches', etag: claim }).catch(() => undefined);
  return { alert, notifier, outcome: 'told' };
}

/** The claim's ETag; `before` where there is nothing to tell any more. */
async function claimed(store: ObjectStore, key: string, body: string, now: () => number): Promise<string> {
  const there = await store.get(key, largest.small);
  const read = there && readObject(there.body, toldSchema);
  const isStale = read?.ok === true && read.value.phase === 'telling' && now() - Date.parse(read.value.at) > tellingSeconds * 1000;
  if (there && read?.ok === true && !isStale) return 'before';
  const put = await store.put(key, body, there ? { only: 'if-matches', etag: there.etag } : { only: 'if-absent' });
  return put.done ? put.etag : 'before';
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
