import type { Style } from '../../orchestrator/ui/reporter.ts';
import type { Outcome, TimelineRow } from './drill.ts';
import { clock, inColumns, indented, widest } from './text.ts';

const gap = 2;

/** What is printed at the end: the proofs, the two timelines beside each other, and the one number. */
export function describeOutcome({ brokeAtMs, greenAtMs, timeline, proofs, minutesByHand }: Outcome, style: Style): string {
  const columns = Math.min(style.columns, widest);
  const whenWidth = 11;
  const stepWidth = Math.max(...timeline.map(({ step }) => step.length));
  const left = columns - whenWidth - stepWidth - 3 * gap;
  const byHandWidth = Math.floor(left * 0.42);
  const rows = timeline.map((row) => [when(row, brokeAtMs), style.bold(row.step), row.byHand, row.here]);
  return [
    '',
    style.bold('what proves it'),
    ...proofs.map(({ proves, said }) => indented(`${style.green('ok')} ${proves}: ${said}`, 2, columns, 3)),
    '',
    inColumns(
      [['when', '', `by hand, in ${minutesByHand} min`, 'here'].map((head) => style.bold(head)), ...rows],
      [whenWidth, stepWidth, byHandWidth, left - byHandWidth],
    ),
    '',
    `from break to green: ${Math.round((greenAtMs - brokeAtMs) / 1000)} s here; ${minutesByHand} min in the postmortem`,
  ].join('\n');
}

/** Since the apply broke. */
function when({ fromMs, toMs }: TimelineRow, brokeAtMs: number): string {
  const [from, to] = [clock(fromMs - brokeAtMs), clock(toMs - brokeAtMs)];
  return from === to ? from : `${from}-${to}`;
}
