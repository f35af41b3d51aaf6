import { allStruck, impossible, stages } from './coverage.ts';
import type { CoverageTable } from './coverage.ts';
import type { Played } from './history.ts';

/** Of what only reads nothing is told, but where asked for. */
const isRead = /^(reads|looks at|lists|asks)\b|its heartbeat|through the gateway|^puts .* into quarantine/;

/** A history in words. @param whole also what only reads */
export function tell({ plan, violation, history, exitCodes }: Played, whole = false): string {
  const start = history[0]?.atMs ?? 0;
  const clock = (atMs: number): string => `${((atMs - start) / 1000).toFixed(3).padStart(10)} s`;
  const machines = plan.machines
    .filter(({ clockAheadMs, hidesProcesses }) => clockAheadMs !== 0 || hidesProcesses)
    .map(({ name, clockAheadMs, hidesProcesses }) =>
      [
        `${name}:`,
        ...(clockAheadMs === 0 ? [] : [`its clock is ${Math.abs(clockAheadMs) / 1000} s ${clockAheadMs > 0 ? 'ahead' : 'behind'}`]),
        ...(hidesProcesses ? ["it hides other users' processes"] : []),
      ].join(' '),
    );
  return [
    `seed ${plan.seed}; ${plan.deployed ? 'the network was deployed before' : 'nothing was ever deployed'}`,
    ...(plan.awsLateMs > 0 ? [`AWS shows what changes ${plan.awsLateMs / 1000} s late`] : []),
    ...(plan.sessionSeconds === 7200 ? [] : [`each session lasts ${plan.sessionSeconds} s`]),
    ...machines,
    ...history
      .filter(({ text, isFault }) => whole || isFault || !isRead.test(text))
      .map(({ atMs, process, text, isFault }) => `${clock(atMs)} ${isFault ? '!' : ' '} ${process}: ${text}`),
    ...[...exitCodes].map(([name, exitCode]) => `${name}: ${exitCode}`),
    violation ? `VIOLATED (${violation.promise}): ${violation.text}` : 'holds',
    '',
  ].join('\n');
}

interface Summary {
  readonly seed: string;
  readonly histories: number;
  readonly counted: number;
  readonly events: number;
  readonly cpuMs: number;
  /** Seeds by what they violate. */
  readonly sorts: ReadonlyMap<string, readonly string[]>;
}

export function tellSummary({ seed, histories, counted, events, cpuMs, sorts }: Summary): string {
  return [
    `${histories} histories from seed ${seed}: in ${counted} two commands overlapped and a fault hit; ${Math.round(events / Math.max(1, histories))} events and ${(cpuMs / Math.max(1, histories)).toFixed(1)} ms of CPU each`,
    ...[...sorts].map(([sort, seeds]) => `${seeds.length} × ${sort} (seeds ${seeds.slice(0, 8).join(', ')})`),
    sorts.size === 0 ? 'every promise held' : 'VIOLATED',
    '',
  ].join('\n');
}

/** As often each fault is to have struck at each stage. */
export const wantedStrikes = 100;

/** @param whole every cell, not only the least */
export function tellCoverage(covered: CoverageTable, histories: number, whole: boolean): string {
  const { cells, refuted } = covered;
  const below = cells.filter(({ count }) => count < wantedStrikes);
  const cannot = impossible.reduce((sum, { struck }) => sum + struck.length, 0);
  const least = below.slice(0, 12).map(({ stage, struck, count }) => `${count} × ${struck} after ${stage}`);
  const wide = Math.max(...allStruck.map(({ length }) => length));
  const table = [
    `${' '.repeat(wide)} ${stages.map((stage) => stage.padStart(7)).join(' ')}`,
    ...allStruck.map(
      (struck) =>
        `${struck.padEnd(wide)} ${stages.map((stage) => String(covered.of(stage, struck)).padStart(Math.max(7, stage.length))).join(' ')}`,
    ),
  ];
  return [
    ...(whole ? table : []),
    `${cells.length} cells of fault and stage over ${histories} histories (${cannot} more cannot be): ${below.length} struck less than ${wantedStrikes} times${least.length === 0 ? '' : `, least of all ${least.join(', ')}`}`,
    ...refuted.map(({ stage, struck, count }) => `REFUTED: ${struck} after ${stage} cannot be, and was struck ${count} times`),
    '',
  ].join('\n');
}
