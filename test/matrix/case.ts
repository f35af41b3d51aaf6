import { runHere } from '../support/in-process.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { killTree } from '../support/processes.ts';
import { argumentsOf, questionsIn } from '../support/recovery-oracle.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import type { Cell } from './cells.ts';
import { findings } from './oracle.ts';
import type { AwsLook, Expected } from './oracle.ts';
import type { Room } from './room.ts';

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

/** The run is interrupted, recovered and finished; then everything must be as after a run that nothing befell. */
export async function runCase(room: Room, cell: Cell, look: AwsLook): Promise<CaseResult> {
  const started = Date.now();
  const said: string[] = [];
  const tell = (what: string, { exitCode, stdout, stderr }: CommandResult): void => {
    said.push(`--- ${what}: ${exitCode ?? 'signal'}\n${stdout}${stderr}`);
  };
  let exitCode: number | null = null;
  let found: readonly string[];
  try {
    await room.prepare(cell.part, cell.fault.network?.(cell.part.network));
    const expected: Expected = {
      stack: cell.part.stack,
      before: await room.thingsOf(cell.part),
      look,
      stands: cell.part.command[0] === 'up',
    };
    const interrupted = await interrupt(room, cell);
    tell('the interrupted run', interrupted);
    ({ exitCode } = interrupted);
    found = [...outcomeOf(interrupted), ...(await recoverAndFinish(room, cell, expected, tell))];
  } catch (cause) {
    found = [cause instanceof Error ? cause.message : String(cause)];
  }
  const seconds = (Date.now() - started) / 1000;
  return { id: cell.id, findings: found, exitCode, seconds, ...(found.length > 0 ? { said: said.join('\n') } : {}) };
}

/** How a run may end that something has befallen; 3: before anything was started. */
function outcomeOf({ exitCode, stdout }: CommandResult): string[] {
  return exitCode === null || [0, 1, 3, 4, 130].includes(exitCode) ? [] : [`the run ended with ${exitCode}: ${stdout.slice(-500)}`];
}

async function interrupt(room: Room, { part, point, moment, fault }: Cell): Promise<CommandResult> {
  const { rig } = room;
  if (moment === 'after') throw new Error('the reply has arrived: another case stands for this one');
  const { strike } = fault;
  for (const order of [...(fault.lasting ?? []), ...(fault.orders?.(point) ?? [])]) await rig.fault(order);
  const hold = { match: { ...point.match, times: 1 }, do: { kind: 'hold', point: moment === 'before' ? 'before' : 'after' } };
  if (strike) await rig.fault(hold);
  const env = await rig.session(7200);
  const run = rig.run([...part.command, '--no-settle', '--bucket-patience', '2s', '--json'], env);
  if (strike) {
    try {
      const { held } = await rig.heldCall(run);
      await strike(
        {
          rig,
          run,
          accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
          release: (how) => rig.release(held[0]?.n ?? 0, how),
          recover: async () => (await runHere(rig, ['recover', '--json'])).exitCode ?? -1,
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
  await rig.clearFaults();
  for (const order of fault.lasting ?? []) await rig.fault(order);
  return ended;
}

async function recoverAndFinish(
  room: Room,
  { part, fault }: Cell,
  expected: Expected,
  tell: (what: string, result: CommandResult) => void,
): Promise<readonly string[]> {
  const { rig } = room;
  const typed = async (...args: string[]): Promise<CommandResult> => {
    const result = await runHere(rig, args);
    tell(args.join(' '), result);
    return result;
  };
  let recovered = await typed('recover', '--json');
  for (let question = 0; recovered.exitCode === 5 && fault.asks === true && question < 3; question += 1) {
    const answers = questionsIn(recovered).flatMap((asked) => asked.answers);
    const answer = answers.find(({ means }) => means === 'the next up deletes it') ?? answers[0];
    if (answer === undefined) break;
    recovered = await typed(...argumentsOf(answer.command), '--json');
  }
  if (recovered.exitCode !== 0) return [`recover ended with ${recovered.exitCode ?? 'a signal'}`];
  await rig.clearFaults();

  const isUp = part.command[0] === 'up';
  const stands = (await rig.keys(checkpointKey(part.stack))).includes(checkpointKey(part.stack));
  const found: string[] = [];
  let isPlanned = !isUp;
  if (isUp || stands) {
    const finished = await typed(...part.command);
    if (finished.exitCode !== 0) return [`${part.command.join(' ')} ended with ${finished.exitCode ?? 'a signal'} after the recovery`];
    // It plans before it acts.
    isPlanned ||= finished.stdout.includes('nothing to do');
  }
  if (!isPlanned) {
    const plan = await typed('plan', part.command[1] ?? '');
    if (!plan.stdout.includes('nothing to do')) found.push('the plan that follows is not empty');
  }
  return [...found, ...(await findings(rig, expected))];
}
