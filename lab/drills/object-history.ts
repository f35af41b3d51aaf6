import type { ObjectStore } from '../../orchestrator/state/object-store.ts';
import type { LabControl } from '../control.ts';
import { expect } from './drill.ts';

/** The bucket, and the proxy in front of it. */
export interface Watched {
  readonly bucket: ObjectStore;
  readonly control: Pick<LabControl, 'calls'>;
  /** The proxy began to count when there were versions already, as after a snapshot. */
  readonly countedLate?: true;
}

/** One change of an object in the bucket. */
export type Change =
  | { readonly kind: 'put'; readonly version: string; readonly etag: string; readonly modified: Date; readonly order: number }
  | { readonly kind: 'delete'; readonly version: string; readonly modified: Date; readonly order: number };

/**
 * Every version and delete marker of an object, in the order in which the bucket took them. A bucket tells times in whole seconds, and versions and
 * delete markers apart: which of two changes of the same second came first is said by the proxy, which saw both calls. `order` is its count of
 * them, and so also tells changes of different objects apart.
 */
export async function changesOf({ bucket, control, countedLate }: Watched, key: string): Promise<readonly Change[]> {
  const versions = (await bucket.versions(key)).filter((version) => version.key === key).reverse();
  const calls = (await control.calls({ service: 's3', mutating: true })).filter((call) => call.key === key && call.status < 300);
  const orders = (action: string): number[] => calls.filter((call) => call.action === action).map(({ seq }) => seq);
  const puts = versions.flatMap(({ version, etag, modified }) =>
    etag === undefined ? [] : [{ kind: 'put' as const, version, etag, modified }],
  );
  const deletes = versions.flatMap(({ version, etag, modified }) =>
    etag === undefined ? [{ kind: 'delete' as const, version, modified }] : [],
  );
  const late = countedLate ?? false;
  return [...inOrder(key, puts, orders('PutObject'), late), ...inOrder(key, deletes, orders('DeleteObject'), late)].sort(
    (a, b) => a.order - b.order,
  );
}

/**
 * Versions of one kind are listed newest first, so that the last of them are what the calls made. Those before them were there already when the proxy
 * began to count: their order is 0.
 */
function inOrder<T extends object>(
  key: string,
  versions: readonly T[],
  orders: readonly number[],
  countedLate: boolean,
): readonly (T & { readonly order: number })[] {
  const before = versions.length - orders.length;
  expect(
    countedLate ? before >= 0 : before === 0,
    `each change of ${key} that the proxy saw is a version in the bucket`,
    `${orders.length} calls, ${versions.length} versions`,
  );
  return versions.map((version, index) => ({ ...version, order: orders[index - before] ?? 0 }));
}
