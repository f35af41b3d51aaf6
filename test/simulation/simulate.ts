import { readFileSync, writeFileSync } from 'node:fs';
import { allStruck, CoverageTable, stages } from './coverage.ts';
import type { Counts, Stage, Struck } from './coverage.ts';
import { play } from './history.ts';
import type { Played } from './history.ts';
import { actorKinds, planOf } from './plan.ts';
import type { ActorKind, Aim, Plan, PlanOptions } from './plan.ts';
import { shrink } from './shrink.ts';
import { tell, tellCoverage, tellSummary } from './words.ts';

const usage = `npm run simulate -- [options]

  --seconds N       how long to look (60)
  --histories N     how many histories to play, instead of for how long
  --seed S          begin with this seed; as a number, the next ones follow. A word is one history (a fresh number)
  --actors A,B,…    these commands in every history, of: ${actorKinds.join(', ')}
  --plan FILE       this one history, of a plan that was written by hand (the type Plan, as JSON), and its faults named by the labels of their calls
  --late-tries      a call that a plugin gave up and sent again may arrive after that (see test/README.md)
  --until PROMISE   go on until this one is violated
  --keep-going      go on after a violation, and print each sort once
  --whole           print also what only reads
  --aim STAGE,FAULT,…
                    in every history, aim these faults at a process that has last written this into a record; stages: ${stages.join(', ')};
                    faults: ${allStruck.join(', ')}
  --coverage FILE   write down, as JSON, how often each fault struck at each stage
  --add A,B,…       begin with the counts of these files, of other shards; --histories 0 adds them up and plays nothing
  --table           print every cell, not only the least
`;

interface Options extends PlanOptions {
  readonly seconds: number;
  readonly histories: number;
  readonly seed: string;
  readonly keepGoing: boolean;
  readonly until: string | undefined;
  readonly whole: boolean;
  readonly plan: Plan | undefined;
  readonly coverage: string | undefined;
  readonly add: readonly string[];
  readonly table: boolean;
}

/** What one or more shards have come to. */
interface Kept {
  readonly schema: 1;
  readonly histories: number;
  readonly counts: Counts;
}

function optionsOf(args: readonly string[]): Options | undefined {
  const given = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const [name = '', value] = (args[at] ?? '').split('=', 2);
    const isFlag = ['--late-tries', '--keep-going', '--whole', '--table'].includes(name);
    if (!isFlag && !['--seconds', '--histories', '--seed', '--actors', '--until', '--plan', '--aim', '--coverage', '--add'].includes(name))
      return undefined;
    if (!isFlag && value === undefined) at += 1;
    given.set(name, value ?? (isFlag ? '' : (args[at] ?? '')));
  }
  const only = given.get('--actors')?.split(',');
  if (only && !only.every((kind): kind is ActorKind => (actorKinds as readonly string[]).includes(kind))) return undefined;
  const aim = given.has('--aim') ? aimOf(...(given.get('--aim')?.split(',') ?? [])) : undefined;
  if (given.has('--aim') && !aim) return undefined;
  const seed = given.get('--seed');
  const plan = given.get('--plan');
  return {
    // One word is one history.
    histories: Number(given.get('--histories') ?? (seed !== undefined && !given.has('--seconds') ? 1 : Infinity)),
    seconds: Number(given.get('--seconds') ?? (given.has('--histories') ? Infinity : 60)),
    seed: seed ?? String(Math.floor(Math.random() * 1e9)),
    only: only as readonly ActorKind[] | undefined,
    lateFirstTries: given.has('--late-tries'),
    keepGoing: given.has('--keep-going'),
    until: given.get('--until'),
    whole: given.has('--whole'),
    aim,
    coverage: given.get('--coverage'),
    add: given.get('--add')?.split(',') ?? [],
    table: given.has('--table'),
    plan: plan === undefined ? undefined : (JSON.parse(readFileSync(plan, 'utf8')) as Plan),
  };
}

function aimOf(stage?: string, ...struck: readonly string[]): Aim | undefined {
  const isStage = (text: string | undefined): text is Stage => (stages as readonly (string | undefined)[]).includes(text);
  const isStruck = (text: string): text is Struck => (allStruck as readonly string[]).includes(text);
  return isStage(stage) && struck.length > 0 && struck.every(isStruck) ? { stage, struck } : undefined;
}

/** Plays histories until one is violated, or the time is over. @returns the exit code */
export async function simulate(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (!options) {
    process.stdout.write(usage);
    return 2;
  }
  if (options.plan) {
    const played = await play(options.plan);
    process.stdout.write(tell(played, options.whole));
    return played.violation ? 1 : 0;
  }
  const { seed, histories: most, seconds, keepGoing, until, whole } = options;
  const first = /^\d+$/.test(seed) ? Number(seed) : undefined;
  const untilMs = Date.now() + seconds * 1000;
  const begun = process.cpuUsage();
  const sorts = new Map<string, string[]>();
  const covered = new CoverageTable();
  let addedHistories = 0;
  for (const file of options.add) {
    const { histories: before, counts } = JSON.parse(readFileSync(file, 'utf8')) as Kept;
    addedHistories += before;
    covered.add(counts);
  }
  let [histories, counted, events] = [0, 0, 0];
  for (; histories < most && Date.now() < untilMs;) {
    const name = first === undefined ? seed : String(first + histories);
    const played: Played = await play(planOf(name, options));
    histories += 1;
    events += played.events;
    covered.addHistory(played.cells);
    if (played.overlapped && played.struck.length > 0) counted += 1;
    const promise = played.violation?.promise;
    if (promise !== undefined && (until ?? promise) === promise) {
      const sort = sortOf(played);
      const known = sorts.get(sort);
      sorts.set(sort, [...(known ?? []), name]);
      if (!known) process.stdout.write(tell(await shrink(played), whole));
      if (!keepGoing) break;
    } else if (most === 1) process.stdout.write(tell(played, whole));
  }
  const { user, system } = process.cpuUsage(begun);
  process.stdout.write(tellSummary({ seed, histories, counted, events, cpuMs: (user + system) / 1000, sorts }));
  const all = histories + addedHistories;
  // Of one history there is no table to tell.
  if (all > 1) process.stdout.write(tellCoverage(covered, all, options.table));
  const kept: Kept = { schema: 1, histories: all, counts: covered.counts };
  if (options.coverage !== undefined) writeFileSync(options.coverage, `${JSON.stringify(kept, undefined, 2)}\n`);
  return sorts.size === 0 && covered.refuted.length === 0 ? 0 : 1;
}

/** Violations that differ in nothing but names and numbers. */
function sortOf({ violation }: Played): string {
  return `${violation?.promise ?? ''}: ${violation?.text.replaceAll(/\b(vpc|rtb)-[0-9a-f]+|\d{8}T\w+-\w+|\d+|ada|bob/g, '…').slice(0, 160) ?? ''}`;
}
