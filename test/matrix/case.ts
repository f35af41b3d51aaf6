import { z } from 'zod';
import { runHere } from '../support/in-process.ts';
import type { CommandResult, LabRig, RunningCommand } from '../support/lab-rig.ts';
import { killTree } from '../support/processes.ts';
import { argumentsOf, questionsIn } from '../support/recovery-oracle.ts';
import { namedIn, trafficOf } from '../support/traffic.ts';
import type { Named } from '../support/traffic.ts';
import { checkpointKey, durableLockKey } from '../../orchestrator/state/layout.ts';
import { pointsOf } from './calls.ts';
import type { Point } from './calls.ts';
import type { Cell } from './cells.ts';
import type { Fault, Moment } from './faults.ts';
import { afterCalls, findings } from './oracle.ts';
import type { AwsLook, Expected } from './oracle.ts';
import { specOf, standingOf } from './room.ts';
import type { Begun, Room } from './room.ts';
import type { Part } from './scenarios.ts';

export interface CaseResult {
  readonly id: string;
  /** Empty: it passed. */
  readonly findings: readonly string[];
  /** Of the interrupted run; null where a signal ended it. */
  readonly exitCode: number | null;
  readonly seconds: number;
  /** The number of calls after which the traffic was looked at, of a part that is watched. */
  readonly checkedAt?: number;
  /** What the commands said, where it did not pass. */
  readonly said?: string;
}

type Tell = (what: string, result: CommandResult) => void;

/** A fault at a call of a command. */
interface Hit {
  readonly point: Point;
  readonly moment: Moment;
  readonly fault: Fault;
}

/** The run is interrupted, recovered and finished; then everything must be as after a run that nothing befell. */
export function runCase(room: Room, cell: Cell, look: AwsLook): Promise<CaseResult> {
  return judged(cell.id, async (tell) => {
    const begun = await room.begin(cell.part, cell.fault);
    const interrupted = await hit(room.rig, commandOf(room, runOf(cell.part)), cell, tell);
    const { found, ...rest } = await recoverAndFinish(room, cell, after(begun, interrupted), expectedOf(cell, look, begun), tell);
    return { exitCode: interrupted.exitCode, found: [...outcomeOf(interrupted, [0, 1, 3, 4, 130]), ...found], ...rest };
  });
}

/** What it begins with, and what the run that was hit has named since. */
const after = ({ things, watched }: Begun, { events }: CommandResult): Begun => ({
  things,
  ...(watched ? { watched: { ...watched, named: [...watched.named, ...namedIn(events)] } } : {}),
});

/** The recovery of an interrupted run is hit itself, and the next one does it. */
export function runSecondCase(room: Room, base: Cell, second: Hit & { readonly id: string }, look: AwsLook): Promise<CaseResult> {
  return judged(second.id, async (tell) => {
    const held = await room.heldAfter(base, () => interruptedAt(room, base));
    const locked = await lockedOf(room, base.part);
    const cut = await hit(room.rig, commandOf(room, recovery), second, tell);
    const { found, ...rest } = await recoverAndFinish(room, base, held, { ...expectedOf(base, look, held), locked }, tell);
    return {
      exitCode: cut.exitCode,
      found: [...outcomeOf(cut, second.fault.mustFail === true ? [1, 4, 6] : [0, 1, 3, 4, 6, 130]), ...found],
      ...rest,
    };
  });
}

/** The calls that a recovery of that run makes, where nothing befalls it. */
export async function recordRecovery(room: Room, base: Cell): Promise<readonly Point[]> {
  await room.heldAfter(base, () => interruptedAt(room, base));
  const { exitCode, stdout } = await room.rig.holdfast(recovery, await room.rig.session(7200));
  if (exitCode !== 0) throw new Error(`a clean recovery after ${base.id} ended with ${exitCode ?? 'a signal'}: ${stdout}`);
  return pointsOf(base.id, await room.callsOfRuns());
}

const commandOf =
  ({ rig }: Room, args: readonly string[]) =>
  (session: Readonly<Record<string, string>>): RunningCommand =>
    rig.run(args, session);

const recovery = ['recover', '--bucket-patience', '2s', '--json'];

async function interruptedAt(room: Room, base: Cell): Promise<Begun> {
  const begun = await room.begin(base.part, base.fault);
  const interrupted = await hit(room.rig, commandOf(room, runOf(base.part)), base);
  return { ...after(begun, interrupted), things: afterCalls(begun.things, await room.rig.calls({ mutating: true })) };
}

async function lockedOf({ rig }: Room, { stacks }: Part): Promise<readonly string[]> {
  const keys = await rig.locks();
  return stacks.filter((stack) => keys.includes(durableLockKey(stack)));
}

const runOf = ({ command }: Part): readonly string[] => [...command, '--no-settle', '--bucket-patience', '2s', '--json'];

const expectedOf = ({ part }: Cell, look: AwsLook, { things }: Begun): Expected => ({
  ...standingOf(part),
  before: things,
  locked: [],
  look,
});

interface Judged {
  readonly found: readonly string[];
  readonly checkedAt?: number;
}

async function judged(id: string, act: (tell: Tell) => Promise<Judged & { readonly exitCode: number | null }>): Promise<CaseResult> {
  const started = Date.now();
  const said: string[] = [];
  const { exitCode, found, ...rest } = await act((what, result) =>
    said.push(`--- ${what}: ${result.exitCode ?? 'signal'}\n${result.stdout}${result.stderr}`),
  ).catch((cause: unknown) => ({ exitCode: null, found: [cause instanceof Error ? cause.message : String(cause)] }));
  const seconds = (Date.now() - started) / 1000;
  return { id, findings: found, exitCode, seconds, ...rest, ...(found.length > 0 ? { said: said.join('\n') } : {}) };
}

/** How a command may end that something has befallen; 3: before anything was started. */
function outcomeOf({ exitCode, stdout }: CommandResult, allowed: readonly number[]): string[] {
  return exitCode === null || allowed.includes(exitCode) ? [] : [`the command that was hit ended with ${exitCode}: ${stdout.slice(-500)}`];
}

/** @param start the command, with a session of its own */
export async function hit(
  rig: LabRig,
  start: (session: Readonly<Record<string, string>>) => RunningCommand,
  { point, moment, fault }: Hit,
  tell: Tell = () => undefined,
): Promise<CommandResult> {
  if (moment === 'after') throw new Error('the reply has arrived: another case stands for this one');
  const { strike } = fault;
  for (const order of [...(fault.lasting ?? []), ...(fault.orders?.(point) ?? [])]) await rig.fault(order);
  const hold = { match: { ...point.match, times: 1 }, do: { kind: 'hold', point: moment === 'before' ? 'before' : 'after' } };
  if (strike) await rig.fault(hold);
  const env = await rig.session(7200);
  const run = start(env);
  if (strike) {
    try {
      const { held } = await rig.heldCall(run);
      await strike(
        {
          rig,
          run,
          accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
          release: (how) => rig.release(held[0]?.n ?? 0, how),
          recover: async () => (await runHere(rig, recovery)).exitCode ?? -1,
        },
        point,
        moment,
      );
    } catch (cause) {
      // What is left of it must not be at work in the next case.
      await killTree(run.child.pid ?? 0);
      await run.ended;
      throw cause;
    }
  }
  const ended = await run.ended;
  tell('the command that was hit', ended);
  await rig.clearFaults();
  for (const order of fault.lasting ?? []) await rig.fault(order);
  return ended;
}

async function recoverAndFinish(room: Room, { part, fault }: Cell, { watched }: Begun, expected: Expected, tell: Tell): Promise<Judged> {
  const { rig } = room;
  const toldOf = async (args: readonly string[], running: Promise<CommandResult>): Promise<CommandResult> => {
    const result = await running;
    tell(args.join(' '), result);
    return result;
  };
  const typed = (...args: string[]): Promise<CommandResult> => toldOf(args, runHere(rig, args));
  const asks = fault.asks === true;
  // Whoever answers is another process than the one that asked, which has the lock while it lives.
  let recovered = await toldOf(recovery, asks ? rig.holdfast(recovery) : runHere(rig, recovery));
  for (let question = 0; recovered.exitCode === 5 && asks && question < 3; question += 1) {
    const answers = questionsIn(recovered).flatMap((asked) => asked.answers);
    const answer = answers.find(({ means }) => means === 'the next up deletes it') ?? answers[0];
    if (answer === undefined) break;
    recovered = await typed(...argumentsOf(answer.command), '--json');
  }
  // What a command says is a finding, and what is there another: one of them alone may not tell what went wrong.
  const found: string[] = [];
  const isDone = ({ exitCode }: CommandResult, what: string): boolean => {
    if (exitCode !== 0) found.push(`${what} ended with ${exitCode ?? 'a signal'}`);
    return exitCode === 0;
  };
  const isRecovered = isDone(recovered, 'recover');
  await rig.clearFaults();

  const isUp = part.command[0] === 'up';
  const keys = await rig.keys('.pulumi/stacks/');
  const stands = part.stacks.some((stack) => keys.includes(checkpointKey(stack)));
  const named: Named[] = [];
  if (isRecovered && (isUp || stands)) {
    const finished = await typed(...part.command, '--json');
    named.push(...namedIn(finished.events));
    // It plans before it acts.
    const isPlanned = !isUp || hasNothingToDo(finished);
    if (isDone(finished, `after the recovery, ${part.command.join(' ')}`) && !isPlanned) {
      const plan = await typed('plan', ...part.asked, '--json');
      if (!hasNothingToDo(plan)) found.push('the plan that follows is not empty');
    }
  }
  found.push(...(await findings(rig, expected)));
  if (!watched) return { found };
  const { faults, checkedAt } = trafficOf({
    moments: [watched.first, ...(await rig.moments())],
    wanted: specOf(part),
    named: [...watched.named, ...named],
    cutShort: true,
  });
  return { found: [...found, ...faults], checkedAt };
}

const planSchema = z.object({ plan: z.object({ stacks: z.array(z.object({ hasChanges: z.boolean() })) }) });

/** By its plan. */
const hasNothingToDo = ({ events }: CommandResult): boolean =>
  events.some((event) => planSchema.safeParse(event).data?.plan.stacks.every(({ hasChanges }) => !hasChanges) ?? false);
