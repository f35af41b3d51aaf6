import { settled } from './deferred.ts';
import { HookedStore } from './hooked-store.ts';
import type { StoreCall } from './hooked-store.ts';
import { MemoryStore } from './memory-store.ts';

/** Someone at work over a store of their own way to the bucket. */
export type Actor = (store: HookedStore) => Promise<void>;

export interface Order {
  readonly actors: readonly Actor[];
  readonly check: (order: string) => Promise<void> | void;
}

interface Waiting {
  readonly call: string;
  readonly proceed: () => void;
}

/**
 * Runs the actors over one bucket in every order that their calls can take effect in: one call at a time, each order once.
 * @param start makes the actors of one order, and the check at its end
 * @param idle resolves when no actor can go on but by its next call: of those that do more than call the bucket
 * @returns how many orders there are
 */
export async function inEveryOrder(
  start: (bucket: MemoryStore) => Order | Promise<Order>,
  counts: (call: StoreCall) => boolean = ({ op }) => op !== 'get',
  idle: () => Promise<void> = settled,
): Promise<number> {
  let prefix: number[] | undefined = [];
  let orders = 0;
  while (prefix) {
    const bucket = new MemoryStore();
    const { actors, check } = await start(bucket);
    const waiting = new Map<number, Waiting>();
    const running = actors.map((actor, index) => {
      const store = new HookedStore(bucket);
      store.before = (call) => {
        if (!counts(call)) return;
        return new Promise<void>((proceed) => waiting.set(index, { call: `${index}:${call.op}`, proceed }));
      };
      return actor(store);
    });
    const choices: { readonly chosen: number; readonly left: readonly number[] }[] = [];
    const order: string[] = [];
    for (;;) {
      await idle();
      const ready = [...waiting.keys()].sort();
      const wanted = prefix[choices.length] ?? ready[0];
      const next = wanted === undefined ? undefined : waiting.get(wanted);
      if (wanted === undefined || !next) break;
      choices.push({ chosen: wanted, left: ready.filter((index) => index > wanted) });
      order.push(next.call);
      waiting.delete(wanted);
      next.proceed();
    }
    await Promise.all(running);
    await check(order.join(' '));
    orders += 1;
    // The deepest choice that has another one left.
    const last = choices.findLastIndex(({ left }) => left.length > 0);
    const other = choices[last]?.left[0];
    prefix = other === undefined ? undefined : [...choices.slice(0, last).map(({ chosen }) => chosen), other];
  }
  return orders;
}
