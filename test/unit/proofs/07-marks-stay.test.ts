import { afterAll, describe, expect, it } from 'vitest';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { endLeftLocks, restoreLocks } from '../../../orchestrator/run/tidy.ts';
import { readStates } from '../../../orchestrator/state/checkpoints.ts';
import { heartbeatsPrefix, runsPrefix } from '../../../orchestrator/state/layout.ts';
import { ApplyRig, closeGateway } from '../support/apply-rig.ts';
import { breakAt } from '../support/faults.ts';
import { HookedStore } from '../support/hooked-store.ts';
import { lockOf, observer } from '../support/owner.ts';
import { trusted } from '../support/declared.ts';

afterAll(closeGateway);

/** What a later command finds: the history of runs is for people alone, and a heartbeat decides nothing and goes after a day. */
const left = ({ bucket }: ApplyRig): string[] =>
  bucket.keys().filter((key) => !key.startsWith(runsPrefix('example')) && !key.startsWith(heartbeatsPrefix('example')));

describe('H7: what stays open of a run that was killed', () => {
  it('on a CI runner (which is gone for good) is nothing that a later command finds or reads, once nothing of it is in question', async () => {
    const rig = new ApplyRig();
    rig.stack('a');
    // Killed at the very end: everything is verified and released; only `run-ended` is missing.
    let dead: Promise<void> | undefined;
    await Promise.race([
      rig.apply(),
      new Promise<void>((resolve) => {
        rig.store.before = ({ key, number }) => {
          if (!key.includes('run-ended')) return undefined;
          dead = breakAt(rig.store, number, 'the process dies before it');
          void dead.then(resolve);
          return rig.store.before({ op: 'put', key, number });
        };
      }),
    ]);
    expect((await rig.record('example.a'))?.phase).toBe('free');
    expect((await rig.journaledTypes()).includes('run-ended')).toBe(false);
    // Every later command, on other machines, for ever.
    const store = new HookedStore(rig.bucket);
    for (let command = 0; command < 3; command += 1) {
      const { states } = await readStates(store, 'example', trusted);
      const standings = await readStandings({
        store,
        network: 'example',
        states,
        ...observer(() => false),
        machine: 'machine-2',
        now: () => rig.now + 3_600_000,
      });
      const request = {
        store,
        network: 'example',
        standings,
        lockRecord: (stack: string) => lockOf(stack, `later-${command}`),
        now: () => rig.now,
        onNote: () => undefined,
      };
      expect(standings.byStack.get('example.a')).toEqual({ kind: 'free' });
      expect([await restoreLocks(request), await endLeftLocks(request)]).toEqual([false, false]);
    }
    // Where anything is open the fast way of cli/nothing-to-do.ts is given up; and no command reads what grows with every run.
    const ended = new ApplyRig();
    await ended.stack('a').apply();
    expect(left(rig)).toEqual(left(ended));
    expect(store.calls.filter(({ key }) => key.startsWith(runsPrefix('example')))).toEqual([]);
  });
});
