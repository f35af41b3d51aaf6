import { formatSeconds } from '../domain/duration.ts';
import { describeReason } from '../ownership/describe-liveness.ts';
import { sessionsEnd } from '../recovery/writer.ts';
import type { LeftEngine, Writer, WriterFacts } from '../recovery/writer.ts';

/** How it is known that nobody can write for the run any more, or why it is not. @param facts those that it was judged by */
export function describeWriter(writer: Writer, facts: WriterFacts): string {
  const { interrupted, engine, now } = facts;
  const { run, process } = interrupted;
  const host = process?.host ?? 'a machine that was not recorded';
  const pid = `pid ${process?.pid ?? '?'}`;
  const { at, isPast } = sessionsEnd(interrupted, now);
  if (writer.dead) {
    if (writer.before) return 'that was known when the stack was taken over before';
    switch (writer.by) {
      case 'nothing-started':
        return `run ${run} had started no engine there`;
      case 'engine-ended':
        return `run ${run} saw its engine and its plugins end`;
      case 'process-dead':
        return `its orchestrator (${pid}) is dead, and ${describeLeft(engine)} on ${host}`;
      case 'sessions-ended':
        return `its last session expired at ${at?.toISOString() ?? '?'}`;
      case 'person':
        return `a person says that nothing of run ${run} is at work any more`;
    }
  }
  if (writer.reason === 'at-work')
    return engine.kind === 'lives' ? `run ${run} is at work on ${host}: ${engine.why}` : `run ${run} is at work (${pid} on ${host})`;
  const until = at === undefined ? '' : `. Its session lasts until ${at.toISOString()}`;
  const clock = isPast ? `: ${describeClock(facts.clockSkewSeconds)}` : '';
  return `whether an engine of run ${run} is still running on ${host} cannot be told: ${whyUnknown(facts)}${until}${clock}`;
}

/** Why the expiry of a session is not taken for past, although this machine's clock says so. */
function describeClock(skewSeconds: number | undefined): string {
  if (skewSeconds === undefined) return "whether that is past is not known, because this machine's clock could not be compared with AWS's";
  const far = formatSeconds(Math.abs(skewSeconds));
  return `whether that is past is not known, because this machine's clock is ${far} ${skewSeconds > 0 ? 'ahead of' : 'behind'} AWS's; set the clock (timedatectl set-ntp true), then run the same command again`;
}

function describeLeft(engine: LeftEngine): string {
  const count = 'count' in engine ? engine.count : 0;
  if (count === 0) return 'no process of its engine was left';
  const [are, were] = count === 1 ? ['is', 'was'] : ['are', 'were'];
  return `${count} of its engine's processes ${engine.kind === 'ended' ? `${were} ended` : `${are} left, which recover ends,`}`;
}

function whyUnknown({ liveness, engine, interrupted: { process } }: WriterFacts): string {
  if (process === undefined) return 'no process of it was recorded';
  if (liveness.answer === 'dead')
    return `its orchestrator (pid ${process.pid}) is dead, and ${engine.kind === 'cannot-tell' ? engine.why : 'its engine was not looked for'}`;
  return describeReason(liveness);
}
