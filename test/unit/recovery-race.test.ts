import { afterAll, describe, expect, it } from 'vitest';
import type { RecoveryEnd } from '../../orchestrator/recovery/recover-stack.ts';
import { isAsVerified } from '../../orchestrator/run/standing.ts';
import { checkpointKey, durableLockKey, recordKey } from '../../orchestrator/state/layout.ts';
import { settled } from './support/deferred.ts';
import { HookedStore } from './support/hooked-store.ts';
import type { StoreCall } from './support/hooked-store.ts';
import { inEveryOrder } from './support/interleavings.ts';
import { cidr, interruptedCreate } from './support/recovery-interruptions.ts';
import { closeGateway, RecoveryRig } from './support/recovery-rig.ts';
import { stack } from './support/recovery.ts';

afterAll(closeGateway);

const checkpoint = checkpointKey(stack);
const lock = durableLockKey(stack);

/** Calls by which two writers meet: at the record, at its lock, at the checkpoint. */
const counts = ({ op, key }: StoreCall): boolean =>
  ((op === 'put' || op === 'remove') && [checkpoint, lock, recordKey(stack)].includes(key)) || (op === 'list' && !key.includes(stack));

/**
 * Until nobody can go on but by the next call: what is on the wire comes to its end first. The removal of a lock is asked for over the wire, and is no
 * reason to wait while it is held at the bucket.
 */
class Wire {
  rig: RecoveryRig | undefined;

  readonly idle = async (): Promise<void> => {
    for (let turns = 0; turns < 3; turns += 1) {
      await settled();
      while ((this.rig?.engine.busy ?? 0) > 0) {
        turns = 0;
        await settled();
      }
    }
  };

  readonly counts = (call: StoreCall): boolean => {
    if (isRelease(call) && this.rig) this.rig.engine.busy -= 1;
    return counts(call);
  };

  watch(store: HookedStore): void {
    store.after = (call) => {
      if (isRelease(call) && this.rig) this.rig.engine.busy += 1;
    };
  }
}

const isRelease = ({ op, key }: StoreCall): boolean => op === 'remove' && key === lock;

describe('two recoveries at once', () => {
  it('of which the second takes the stack over from the first, at any moment: exactly one of them recovers it, and the other one is told that it lost it', async () => {
    const kinds = new Set<string>();
    const wire = new Wire();
    const orders = await inEveryOrder(
      async (bucket) => {
        const rig = new RecoveryRig({ old: cidr(0), vpc: cidr(1) }, bucket);
        await interruptedCreate(rig);
        wire.rig = rig;
        const ends: RecoveryEnd[] = [];
        // The first one has its lock; the second one sees it, and takes its owner for dead.
        const own = new HookedStore(bucket);
        const first = await rig.takeOver('rec-1', own);
        const seen = await rig.standings();
        return {
          actors: [
            async (store) => {
              own.before = store.before;
              wire.watch(own);
              ends[0] = await rig.recoverBehind('rec-1', first, { store: own });
            },
            async (store) => {
              wire.watch(store);
              const taken = await rig.takeOver('rec-2', store, seen);
              ends[1] = taken.taking.ok
                ? await rig.recoverBehind('rec-2', taken, { store })
                : { kind: 'lost', why: taken.taking.reason, page: undefined };
            },
          ],
          check: async (order) => {
            kinds.add(ends.map(({ kind }) => kind).join(' '));
            const told = `${order}: ${ends.map((end) => `${end.kind} ${'why' in end ? end.why : ''}`).join(', ')}`;
            expect([rig.recorded(), rig.agrees(), rig.isLocked()], told).toEqual([['old vpc-old', 'vpc vpc-new'], true, false]);
            expect((await rig.standing()).kind, told).toBe('free');
            expect(isAsVerified((await rig.record())?.verified, bucket.head(checkpoint)), told).toBe(true);
          },
        };
      },
      wire.counts,
      wire.idle,
    );
    expect(orders).toBeGreaterThan(200);
    expect([...kinds].sort()).toEqual(['lost recovered', 'recovered lost']);
  }, 60_000);
});
