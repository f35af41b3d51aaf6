import { distance } from 'fastest-levenshtein';
import { exitCodes } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { Refusal } from '../../domain/problem.ts';
import { allRuns, readRun } from '../../journal/read-runs.ts';
import { outcomesOf, readSharedParts } from '../../run/shared-run.ts';
import { styleFor } from '../../ui/reporter.ts';
import type { CommonFlags, Context } from '../context.ts';
import { print, printJson, report } from '../report.ts';
import { withBucket } from '../with-bucket.ts';
import type { RunStatus } from '../../ui/runs.ts';
import { ambiguousRun, describeParts, describeRun, describeRuns, runStatus, unknownRun } from '../../ui/runs.ts';

export interface RunsFlags extends CommonFlags {
  readonly limit: number;
}

/** The journal: the newest runs, or one of them as a timeline. */
export async function runs(this: Context, flags: RunsFlags, id?: string): Promise<void> {
  await report(this, flags, (emit) =>
    withBucket(this, flags, 'runs', emit, async ({ file, aws, read, header, notes }): Promise<ExitCode> => {
      const network = file.network.spec.network;
      const { standings } = await read();
      const style = styleFor(this.process.stdout, this.env);
      const names = await allRuns(aws.store, network);
      const parts = id === undefined || names.includes(id) ? [] : await readSharedParts(aws.store, network, id);
      if (id !== undefined && parts.length > 0) {
        const outcomes = [...outcomesOf(parts)].map(([stack, outcome]) => ({ stack, outcome }));
        if (flags.json) printJson(this, { ...header(), shared: id, parts, stacks: outcomes, notes });
        else print(this, describeParts, id, parts, style, this.now());
        return exitCodes.done;
      }
      if (id !== undefined) {
        const run = await readRun(aws.store, network, findRun(names, id, network));
        const status = runStatus(run, standings);
        if (flags.json) printJson(this, { ...header(), ...status, events: run.events, notes });
        else print(this, describeRun, run, status, style);
        return exitCodes.done;
      }
      const newest: RunStatus[] = [];
      // One after the other: the events of one are many reads already.
      for (const name of names.slice(-flags.limit).reverse()) newest.push(runStatus(await readRun(aws.store, network, name), standings));
      if (flags.json) printJson(this, { ...header(), runs: newest, known: names.length, notes });
      else print(this, describeRuns, network, newest, names.length, style, this.now());
      return exitCodes.done;
    }),
  );
}

/** How many runs are named to a person who mistyped one. */
const nearestCount = 3;

/**
 * @param id of a run, or as much of its beginning as only it has
 * @throws Refusal where none or several are meant
 */
export function findRun(names: readonly string[], id: string, network: string): string {
  if (names.includes(id)) return id;
  const matching = names.filter((name) => name.startsWith(id));
  const [only] = matching;
  if (only !== undefined && matching.length === 1) return only;
  if (matching.length > 1) throw new Refusal(exitCodes.usage, ambiguousRun(network, id, matching, nearestCount));
  const nearest = [...names]
    .reverse()
    // Over what was typed: the rest of a name is not a difference.
    .map((name) => ({ name, far: Math.min(distance(name, id), distance(name.slice(0, id.length), id)) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, nearestCount)
    .map(({ name }) => name);
  throw new Refusal(exitCodes.usage, unknownRun(network, id, nearest));
}
