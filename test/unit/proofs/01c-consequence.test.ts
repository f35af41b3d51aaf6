import { afterAll, expect, it } from 'vitest';
import { endLeftLocks, restoreLocks } from '../../../orchestrator/run/tidy.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { readStates } from '../../../orchestrator/state/checkpoints.ts';
import { Heartbeat } from '../../../orchestrator/locks/heartbeat.ts';
import { ApplyRig, closeGateway } from '../support/apply-rig.ts';
import { lockOf, machine, processOf } from '../support/owner.ts';
import { trusted } from '../support/declared.ts';

afterAll(closeGateway);

it('H1, what it leads to: the run of another user of this machine is alive (its heartbeat says so), and its held stack is released by a plain `up` of somebody else', async () => {
  const rig = new ApplyRig();
  const beat = new Heartbeat(rig.bucket, 'example', 'mine', processOf('mine'));
  await beat.start();
  /** `up` of bob on the same machine: toolchain/process-identity.ts says "not there" of what it may not see (01b-hidepid.sh). */
  const bobsUp = async (): Promise<string[]> => {
    const notes: string[] = [];
    const { states } = await readStates(rig.bucket, 'example', trusted);
    const standings = await readStandings({
      store: rig.bucket,
      network: 'example',
      states,
      machine,
      user: 'bob',
      lookAt: () => Promise.resolve({ kind: 'absent', others: 'hidden' }),
      now: () => Date.parse('2030-01-01T00:00:10Z'),
    });
    const request = {
      store: rig.bucket,
      network: 'example',
      standings,
      lockRecord: (stack: string) => lockOf(stack, 'bob', { user: 'bob', pid: 43 }),
      now: () => rig.now,
      onNote: (note: string) => notes.push(note),
    };
    await restoreLocks(request);
    await endLeftLocks(request);
    return notes;
  };
  rig.stack('a');
  // Alice's second stack: the plugin is killed in CreateVpc, which AWS has done; the engine drops the operation (ENGINE-FACTS, "provider killed").
  rig.stack('b', ['a'], async (engine) => {
    // Between her two stacks nothing of her run was open, when bob's first `up` looked.
    return (await engine.fail('vpc', 'the plugin was killed', true)).end();
  });
  rig.store.before = async ({ op, key }) => {
    if (op === 'put' && key.includes('example.b/holdfast.json')) {
      rig.store.before = () => undefined;
      await bobsUp();
    }
  };
  const { ends } = await rig.apply({ settle: false });
  expect([ends['b']?.outcome, rig.locked()]).toEqual(['held', ['b']]);
  // Alice's run has told her: HELD, its lock stands. Bob's second `up`:
  const notes = await bobsUp();
  await beat.stop();
  expect({ locked: rig.locked(), awsHasWhatTheStateHasNot: !(await rig.agrees('b')), notes }).toEqual({
    locked: ['b'],
    awsHasWhatTheStateHasNot: true,
    notes: [],
  });
});
