import { neededFor } from '../../orchestrator/aws/permissions/policy.ts';
import type { Permission } from '../../orchestrator/aws/permissions/roles.ts';
import { permissions } from '../../orchestrator/aws/permissions/roles.ts';
import { tolerated } from './exceptions.ts';
import type { Part } from './parts.ts';
import type { PartResult, Room } from './room.ts';
import { usedRows } from './used.ts';

interface TimedRun {
  readonly result: PartResult;
  readonly seconds: number;
}

export interface CleanRuns {
  readonly runs: readonly (TimedRun & { readonly part: Part })[];
  /** Of the roles of the parts. */
  readonly rows: readonly Permission[];
  /** The quickest part that needs the row, of those that end well. */
  readonly partOf: (row: Permission) => Part | undefined;
}

/** Every part under its whole policy, and which rows each of them needs. */
export async function cleanRuns(room: Room, parts: readonly Part[]): Promise<CleanRuns> {
  const runs: (TimedRun & { readonly part: Part; readonly used: ReadonlySet<Permission> })[] = [];
  for (const part of parts) {
    const run = await timed(() => room.run(part));
    const rows = neededFor(run.result.spec).filter(({ roles }) => roles.includes(part.role));
    runs.push({ part, ...run, used: usedRows(rows, run.result.spec, run.result.calls) });
  }
  const quickest = runs.toSorted(
    (one, other) => Number(one.part.exitCode !== 0) - Number(other.part.exitCode !== 0) || one.seconds - other.seconds,
  );
  return {
    runs,
    rows: permissions.filter(({ roles }) => parts.some(({ role }) => roles.includes(role))),
    partOf: (row) => quickest.find(({ used }) => used.has(row))?.part,
  };
}

/** The part once more, without the row. @returns what is not as it should be: it fails, and says which action it lacks */
export async function takenAway(room: Room, part: Part, row: Permission): Promise<TimedRun & { readonly findings: readonly string[] }> {
  const run = await timed(() => room.run(part, row));
  const { exitCode, stdout, stderr } = run.result;
  const says = `${stdout}${stderr}`.includes(row.action);
  const findings = [
    ...(exitCode === part.exitCode && tolerated(part.role, row) === undefined
      ? [`it ended with ${part.exitCode}, as with the action`]
      : []),
    ...(exitCode !== part.exitCode && tolerated(part.role, row) !== undefined
      ? [`it ended with ${exitCode ?? 'a signal'}, and was to go on`]
      : []),
    ...(says || tolerated(part.role, row)?.silent === true ? [] : ['it does not name the action']),
  ];
  return { ...run, findings };
}

async function timed(run: () => Promise<PartResult>): Promise<TimedRun> {
  const started = Date.now();
  const result = await run();
  return { result, seconds: (Date.now() - started) / 1000 };
}
