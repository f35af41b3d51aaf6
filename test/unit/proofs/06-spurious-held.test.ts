import { afterAll, describe, expect, it } from 'vitest';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { readStates } from '../../../orchestrator/state/checkpoints.ts';
import type { StackState } from '../../../orchestrator/state/checkpoints.ts';
import { checkpointKey } from '../../../orchestrator/state/layout.ts';
import { ApplyRig, closeGateway } from '../support/apply-rig.ts';
import { observer } from '../support/owner.ts';
import { trusted } from '../support/declared.ts';

afterAll(closeGateway);

describe('H6: cli/open.ts readState reads the checkpoints first, and who owns them afterwards', () => {
  it('a stack that a healthy run finishes in between is not told to be HELD (and not by "plain pulumi")', async () => {
    const rig = new ApplyRig();
    rig.stack('a');
    let states: ReadonlyMap<string, StackState> = new Map();
    let intents = 0;
    rig.store.after = async ({ op, key }) => {
      // `status`, `locks --notify`, `up` of something else reads the checkpoints just when the run has written an intent: of 1,000 stacks that takes seconds.
      if (op === 'put' && key === checkpointKey('example.a') && (intents += 1) === 1)
        states = (await readStates(rig.bucket, 'example', trusted)).states;
    };
    const { ends, exitCode } = await rig.apply();
    expect([ends['a']?.outcome, exitCode, rig.locked()]).toEqual(['applied', 0, []]);
    expect(states.get('example.a')?.pendingOperations).toHaveLength(1);
    // ... and who owns them after that.
    const standings = await readStandings({ store: rig.bucket, network: 'example', states, ...observer(() => true), now: () => rig.now });
    const standing = standings.byStack.get('example.a');
    expect(
      standing?.kind === 'held' ? { kind: 'held', why: standing.why, run: standing.run ?? 'plain pulumi (cli/lock-alarm.ts)' } : standing,
    ).toEqual({ kind: 'free' });
  });
});
