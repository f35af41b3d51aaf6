import { expect } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import type { CommandResult, LabRig } from './lab-rig.ts';
import { argumentsOf, questionsIn, stateOf, taggableIds, taggedIds } from './recovery-oracle.ts';

/** What the tests of refused recoveries ask of the gateway's stack, which is the one that is held in them. */
const gateway = 'small.transit-gateway';

/** Held, as before: a command that did not recover has ended so. */
export async function stillHeld(rig: LabRig, { exitCode, stdout }: CommandResult, code: 4 | 5): Promise<void> {
  expect(exitCode, stdout).toBe(code);
  expect(await rig.locks()).toEqual([durableLockKey(gateway)]);
  expect((await rig.holdfast(['status'])).exitCode).toBe(4);
}

export async function quarantineStands(rig: LabRig): Promise<void> {
  expect((await rig.keys('.holdfast/quarantine/')).some((key) => key.includes('/manifest-'))).toBe(true);
}

/** The answer to the one question of a command, as it is printed. */
export function printed(result: CommandResult, part: string): string[] {
  const command = questionsIn(result)
    .flatMap(({ answers }) => answers)
    .map((answer) => answer.command)
    .find((text) => text.includes(part));
  if (command === undefined) throw new Error(`no answer with "${part}" was printed: ${result.stdout}`);
  return argumentsOf(command);
}

/** The command, as it was printed, ends the hold: the state has what AWS has. */
export async function endsIt(rig: LabRig, args: readonly string[]): Promise<void> {
  const { exitCode, stdout } = await rig.holdfast(args);
  expect(exitCode, stdout).toBe(0);
  expect(await rig.locks()).toEqual([]);
  expect(await taggedIds(rig, gateway)).toEqual(taggableIds(await stateOf(rig, gateway)));
}
