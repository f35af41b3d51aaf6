import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { lookAtAws } from './aws-look.ts';
import { interrupted, interruptions } from './interruptions.ts';
import type { HitCall } from './interruptions.ts';
import { LabRig } from './lab-rig.ts';
import { argumentsOf, questionsIn, stateOf, taggableIds, taggedIds } from './recovery-oracle.ts';

/** An operation at which runs are interrupted, in every way, and recovered. */
export interface Point {
  readonly what: string;
  /** The stack at which it happens, by short and full name. */
  readonly short: string;
  readonly stack: string;
  readonly call: HitCall;
  /** Further arguments of the `up` that is interrupted, and of the one after it. */
  readonly args?: readonly string[];
  /** The network before the run and in it, for the nth case: what one case has left, the next goes on from. */
  readonly networks: (nth: number) => { readonly before: string; readonly wanted: string };
  /** Stacks that are deployed before. */
  readonly deployed: readonly string[];
  /** Everything is emptied before each case. */
  readonly fromNothing: boolean;
  /** Deletes by hand what there is one too many of; absent: the answer is that the next `up` does it. */
  readonly remove?: (rig: LabRig, id: string) => Promise<unknown>;
}

/** AWS may show things late; the lab does not, unless it is told to. */
export const quickly = 'recovery: { staleness: 1s }\n';

/**
 * All interruptions of `held.test.ts` at one operation. After each: `recover`, with the answers that it asks for as it prints them; then AWS has each
 * object of the state once and nothing else of the stack, nothing is locked, `up` does the rest, and a plan after that is empty.
 */
export function recoversFrom(point: Point): void {
  describe(`a run that is interrupted at ${point.what} is recovered`, { concurrent: false, shuffle: false }, () => {
    let rig: LabRig;
    let nth = 0;
    let left = '';
    beforeAll(async () => {
      rig = await LabRig.start(point.networks(0).before + quickly);
    });
    afterAll(() => rig.stop());

    it.each(interruptions)('when $what', async (interruption) => {
      const { before, wanted } = point.networks(nth);
      nth += 1;
      if (point.fromNothing) await rig.reset();
      await rig.writeNetwork(before + quickly);
      // What the case before has left is what this one begins with, where that is the same.
      if (point.deployed.length > 0 && before !== left) expect((await rig.holdfast(['up', ...point.deployed, '--yes'])).exitCode).toBe(0);
      left = wanted;
      await rig.writeNetwork(wanted + quickly);
      const up = ['up', point.short, '--yes', ...(point.args ?? [])];
      const exitCode = await interrupted(rig, [...up, '--no-settle', '--bucket-patience', '2s'], point.call, interruption);

      if (exitCode !== 0) {
        expect(await rig.locks()).toContain(durableLockKey(point.stack));
        await recovered(rig, point);
      }
      expect(await rig.locks()).toEqual([]);
      const state = await stateOf(rig, point.stack);
      expect(state.operations).toEqual([]);
      expect(await taggedIds(rig, point.stack)).toEqual(taggableIds(state));

      const rest = await rig.holdfast([...up, '--json']);
      expect(rest.exitCode, rest.stdout).toBe(0);
      const plan = await rig.holdfast(['plan', point.short]);
      expect(plan.stdout).toContain('nothing to do');
      const after = await stateOf(rig, point.stack);
      expect(await taggedIds(rig, point.stack)).toEqual(taggableIds(after));
      expect(after.resources.filter(({ condemned, replacing }) => condemned || replacing)).toEqual([]);
      for (const list of Object.values(await lookAtAws(rig.ec2))) expect(new Set(list).size).toBe(list.length);
      const diff = await rig.holdfast(['inventory', point.short, '--diff']);
      expect(diff.exitCode, diff.stdout).toBe(0);
    });
  });
}

/** `recover`, and where it asks, an answer as it prints it: what there is one too many of goes. */
async function recovered(rig: LabRig, { short, remove }: Point): Promise<void> {
  let result = await rig.holdfast(['recover', short, '--json']);
  if (result.exitCode === 5) {
    const answers = questionsIn(result).flatMap((question) => question.answers);
    const commandOf = (means: string): string => {
      const found = answers.find((answer) => answer.means === means);
      if (!found) throw new Error(`there is no answer "${means}": ${result.stdout}`);
      return found.command;
    };
    const byUp = commandOf('the next up deletes it');
    await remove?.(rig, byUp.split(':').at(-1)?.replace("'", '') ?? '');
    result = await rig.holdfast([...argumentsOf(remove ? commandOf('you have deleted it yourself') : byUp), '--json']);
  }
  expect(result.exitCode, result.stdout + result.stderr).toBe(0);
}
