import { command } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';

export const noSuchDrill = (name: string, drills: readonly { readonly name: string }[]): Problem => ({
  reason: 'no-such-drill',
  message: `there is no drill "${name}"; there is ${drills.map((drill) => drill.name).join(', ')}`,
  next: command('drill', 'run', drills[0]?.name ?? 'DRILL'),
});

/** @param failure where it did not go as the drill has it */
export const drillFailed = (
  name: string,
  { step, expected, seen, log }: { readonly step: string; readonly expected: string; readonly seen: string; readonly log: string },
): Problem => ({
  reason: 'drill-failed',
  message: `drill ${name} fails at "${step}"`,
  lines: [`expected  ${expected}`, ...seen.split('\n').map((line, index) => `${index === 0 ? 'seen      ' : '          '}${line}`)],
  next: `Read its log, ${log}; what was in the state bucket is beside it`,
});
