import { runHere } from '../support/in-process.ts';
import type { CommandResult, LabRig, RunningCommand } from '../support/lab-rig.ts';
import { killTree } from '../support/processes.ts';
import { argumentsOf, questionsIn } from '../support/recovery-oracle.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { pointsOf } from './calls.ts';
import type { Point } from './calls.ts';
import type { Cell } from './cells.ts';
import type { Fault, Moment } from './faults.ts';
import { afterCalls, findings } from './oracle.ts';
import type { AwsLook, Expected, Things } from './oracle.ts';
import type { Room } from './room.ts';
import type { Part } from './scenarios.ts';

export interface CaseResult {
  readonly id: string;
  /** Empty: it passed. */
  readonly findings: readonly string[];
  /** Of the interrupted run; null where a signal ended it. */
  readonly exitCode: number | null;
  readonly seconds: number;
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
    const before = await room.begin(cell.part, cell.fault);
    const interrupted = await hit(room.rig, commandOf(room, runOf(cell.part)), cell, tell);
    const found = await recoverAndFinish(room, cell, expectedOf(cell, look, before), tell);
    return { exitCode: interrupted.exitCode, found: [...outcomeOf(interrupted, [0, 1, 3, 4, 130]), ...found] };
  });
}

/** The recovery of an interrupted run is hit itself, and the next one does it. */
export function runSecondCase(room: Room, base: Cell, second: Hit & { readonly id: string }, look: AwsLook): Promise<CaseResult> {
  return judged(second.id, async (tell) => {
    const held = await room.heldAfter(base, () => interruptedAt(room, base));
    const cut = await hit(room.rig, commandOf(room, recovery), second, tell);
    const found = await recoverAndFinish(room, base, { ...expectedOf(base, look, held), locked: true }, tell);
    return {
      exitCode: cut.exitCode,
      found: [...outcomeOf(cut, second.fault.mustFail === true ? [1, 4, 6] : [0, 1, 3, 4, 6, 130]), ...found],
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

async function interruptedAt(room: Room, base: Cell): Promise<Things> {
  const before = await room.begin(base.part, base.fault);
  await hit(room.rig, commandOf(room, runOf(base.part)), base);
  return afterCalls(before, await room.rig.calls({ mutating: true }));
}

const runOf = ({ command }: Part): readonly string[] => [...command, '--no-settle', '--bucket-patience', '2s', '--json'];

const expectedOf = ({ part }: Cell, look: AwsLook, before: Things): Expected => ({
  stack: part.stack,
  before,
  locked: false,
  look,
  stands: part.command[0] === 'up',
});

async function judged(
  id: string,
  act: (tell: Tell) => Promise<{ readonly exitCode: number | null; readonly found: readonly string[] }>,
): Promise<CaseResult> {
  const started = Date.now();
  const said: string[] = [];
  const { exitCode, found } = await act((what, result) =>
    said.push(`--- ${what}: ${result.exitCode ?? 'signal'}\n${result.stdout}${result.stderr}`),
  ).catch((cause: unknown) => ({ exitCode: null, found: [cause instanceof Error ? cause.message : String(cause)] }));
  const seconds = (Date.now() - started) / 1000;
  return { id, findings: found, exitCode, seconds, ...(found.length > 0 ? { said: said.join('\n') } : {}) };
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

async function recoverAndFinish(room: Room, { part, fault }: Cell, expected: Expected, tell: Tell): Promise<readonly string[]> {
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
  const stands = (await rig.keys(checkpointKey(part.stack))).includes(checkpointKey(part.stack));
  if (isRecovered && (isUp || stands)) {
    const finished = await typed(...part.command);
    // It plans before it acts.
    const isPlanned = !isUp || finished.stdout.includes('nothing to do');
    if (isDone(finished, `after the recovery, ${part.command.join(' ')}`) && !isPlanned) {
      const plan = await typed('plan', part.command[1] ?? '');
      if (!plan.stdout.includes('nothing to do')) found.push('the plan that follows is not empty');
    }
  }
  return [...found, ...(await findings(rig, expected))];
}
