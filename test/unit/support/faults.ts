import { casesOf } from '../../support/tier.ts';
import { HookedStore, never } from './hooked-store.ts';

/** How a bucket, or the process that uses it, comes to grief at one of its calls. */
export const faults = {
  'the call fails': { at: 'before', from: 'once', how: 'throw' },
  'the reply is lost': { at: 'after', from: 'once', how: 'throw' },
  'the bucket is gone from there on': { at: 'before', from: 'on', how: 'throw' },
  'the reply is lost, and the bucket is gone': { at: 'after', from: 'on', how: 'throw' },
  'the process dies before it': { at: 'before', from: 'on', how: 'hang' },
  'the process dies after it': { at: 'after', from: 'on', how: 'hang' },
} as const;

export type Fault = keyof typeof faults;

/** On a push one of each sort: a reply that is lost, a bucket that is gone, a process that dies. */
const onPush: ReadonlySet<Fault> = new Set(['the reply is lost', 'the bucket is gone from there on', 'the process dies before it']);

/** Those that are tried now. */
export const triedFaults = casesOf(Object.keys(faults) as Fault[], { push: (fault) => onPush.has(fault) });

/** @returns resolves when the process has died, where the fault is one of which it dies */
export function breakAt(store: HookedStore, number: number, fault: Fault): Promise<void> {
  const { at, from, how } = faults[fault];
  return new Promise((died) => {
    const fail = (): Promise<never> => {
      if (how === 'throw') return Promise.reject(new Error('ECONNRESET'));
      died();
      return never();
    };
    store.before = (call) => {
      if (call.number > number && from === 'on') return fail();
      return call.number === number && at === 'before' ? fail() : undefined;
    };
    store.after = (call) => (call.number === number && at === 'after' ? fail() : undefined);
  });
}
