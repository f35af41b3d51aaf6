import { messageOf, ok } from '../../orchestrator/domain/problem.ts';
import type { Result } from '../../orchestrator/domain/problem.ts';
import { ExpectationFailed } from './drill.ts';
import type { Drill, Outcome, Proof, Step, Story } from './drill.ts';
import { Rehearsal } from './rehearsal.ts';
import type { Audience, RanCommand } from './rehearsal.ts';
import { describeOutcome } from './describe-outcome.ts';
import { clock } from './text.ts';

/** The whole of a drill, for machines. */
export interface DrillReport {
  readonly schema: 1;
  readonly drill: string;
  /** Where its lab was; the folder is still there where the drill failed. */
  readonly lab: { readonly endpoint: string; readonly folder: string };
  readonly outcome: 'green' | 'failed' | 'stopped';
  readonly startedAt: string;
  readonly seconds: number;
  readonly brokeAt: string | null;
  readonly greenAt: string | null;
  readonly secondsFromBreakToGreen: number | null;
  readonly minutesInPostmortem: number | null;
  readonly steps: readonly PlayedStep[];
  readonly timeline: readonly ReportedRow[];
  readonly proofs: readonly Proof[];
  readonly failure: DrillFailure | null;
}

interface PlayedStep {
  readonly name: string;
  readonly does: string;
  readonly expects: string;
  readonly startedAt: string;
  readonly seconds: number;
  readonly commands: readonly RanCommand[];
  /** Null for the one that failed. */
  readonly seen: string | null;
}

interface ReportedRow {
  readonly step: string;
  readonly byHand: string;
  readonly here: string;
  /** Seconds since the apply broke. */
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

export interface DrillFailure {
  readonly step: string;
  readonly expected: string;
  readonly seen: string;
  readonly log: string;
}

/** Plays a drill from its first step to its last, and ends its lab whatever happens. */
export async function runDrill(drill: Drill, audience: Audience): Promise<Result<DrillReport>> {
  const startedMs = Date.now();
  audience.hint('starting a lab for it');
  const opened = await Rehearsal.open(drill.network, audience);
  if (!opened.ok) return opened;
  const rehearsal = opened.value;
  let played: Played | undefined;
  try {
    rehearsal.say(`drill ${drill.name}: ${drill.brief}`);
    rehearsal.say(rehearsal.style.dim(`in a lab of its own at ${rehearsal.record.endpoint}, log ${rehearsal.logFile}`));
    played = await play(drill.play(rehearsal), rehearsal, audience.signal);
    if (played.outcome) rehearsal.say(describeOutcome(played.outcome, rehearsal.style));
    else if (played.failure)
      rehearsal.log(`FAILED at "${played.failure.step}"\nexpected: ${played.failure.expected}\nseen: ${played.failure.seen}`);
  } finally {
    audience.hint('ending its lab');
    // Where it went wrong, its logs are what is looked at.
    await rehearsal.close(played === undefined || played.failure !== undefined);
  }
  const { outcome, failure, steps } = played;
  if (!outcome && !failure) audience.say(`\nstopped by ${String(audience.signal.reason)}: its lab has ended, and all that ran in it`);
  return ok({
    schema: 1,
    drill: drill.name,
    lab: { endpoint: rehearsal.record.endpoint, folder: rehearsal.folder },
    outcome: outcome ? 'green' : failure ? 'failed' : 'stopped',
    startedAt: new Date(startedMs).toISOString(),
    seconds: (Date.now() - startedMs) / 1000,
    brokeAt: outcome ? new Date(outcome.brokeAtMs).toISOString() : null,
    greenAt: outcome ? new Date(outcome.greenAtMs).toISOString() : null,
    secondsFromBreakToGreen: outcome ? (outcome.greenAtMs - outcome.brokeAtMs) / 1000 : null,
    minutesInPostmortem: outcome?.minutesByHand ?? null,
    steps,
    timeline: (outcome?.timeline ?? []).map(({ step, byHand, here, fromMs, toMs }) => ({
      step,
      byHand,
      here,
      fromSeconds: (fromMs - (outcome?.brokeAtMs ?? 0)) / 1000,
      toSeconds: (toMs - (outcome?.brokeAtMs ?? 0)) / 1000,
    })),
    proofs: outcome?.proofs ?? [],
    failure: failure ?? null,
  });
}

interface Played {
  readonly steps: readonly PlayedStep[];
  readonly outcome?: Outcome;
  readonly failure?: DrillFailure;
}

async function play(story: Story, rehearsal: Rehearsal, signal: AbortSignal): Promise<Played> {
  const { style } = rehearsal;
  const steps: PlayedStep[] = [];
  for (const step of story.steps) {
    const brokeAtMs = story.brokeAtMs();
    const since = brokeAtMs === undefined ? '' : style.dim(`  ${clock(Date.now() - brokeAtMs)} since it broke`);
    rehearsal.say(`\n${style.bold(`${steps.length + 1}  ${step.name}`)}${since}`);
    rehearsal.tell(step.does);
    const startedMs = Date.now();
    const [seen, cause] = await attempt(step);
    steps.push({
      name: step.name,
      does: step.does,
      expects: step.expects,
      startedAt: new Date(startedMs).toISOString(),
      seconds: (Date.now() - startedMs) / 1000,
      commands: rehearsal.takeCommands(),
      seen: seen ?? null,
    });
    if (signal.aborted) return { steps };
    if (seen === undefined) return { steps, failure: failureOf(step, cause, rehearsal) };
    rehearsal.tell(`${style.green('ok')} ${seen}`, 3);
  }
  return { steps, outcome: story.outcome() };
}

async function attempt(step: Step): Promise<[seen: string, cause?: undefined] | [seen: undefined, cause: unknown]> {
  try {
    return [await step.run()];
  } catch (cause) {
    return [undefined, cause];
  }
}

/** Also a bug of the drill itself is told with its step and its log. */
function failureOf(step: Step, cause: unknown, { logFile }: Rehearsal): DrillFailure {
  const isExpectation = cause instanceof ExpectationFailed;
  return {
    step: step.name,
    expected: isExpectation ? cause.expected : step.expects,
    seen: isExpectation ? cause.seen : messageOf(cause),
    log: logFile,
  };
}
