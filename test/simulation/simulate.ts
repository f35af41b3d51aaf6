import { readFileSync } from 'node:fs';
import { play } from './history.ts';
import type { Played } from './history.ts';
import { actorKinds, planOf } from './plan.ts';
import type { ActorKind, Plan, PlanOptions } from './plan.ts';
import { shrink } from './shrink.ts';
import { tell, tellSummary } from './words.ts';

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
`;

interface Options extends PlanOptions {
  readonly seconds: number;
  readonly histories: number;
  readonly seed: string;
  readonly keepGoing: boolean;
  readonly until: string | undefined;
  readonly whole: boolean;
  readonly plan: Plan | undefined;
}

function optionsOf(args: readonly string[]): Options | undefined {
  const given = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const [name = '', value] = (args[at] ?? '').split('=', 2);
    const isFlag = ['--late-tries', '--keep-going', '--whole'].includes(name);
    if (!isFlag && !['--seconds', '--histories', '--seed', '--actors', '--until', '--plan'].includes(name)) return undefined;
    if (!isFlag && value === undefined) at += 1;
    given.set(name, value ?? (isFlag ? '' : (args[at] ?? '')));
  }
  const only = given.get('--actors')?.split(',');
  if (only && !only.every((kind): kind is ActorKind => (actorKinds as readonly string[]).includes(kind))) return undefined;
  const seed = given.get('--seed');
  const plan = given.get('--plan');
  return {
    // One word is one history.
    histories: Number(given.get('--histories') ?? (seed !== undefined && !given.has('--seconds') ? 1 : Infinity)),
    seconds: Number(given.get('--seconds') ?? 60),
    seed: seed ?? String(Math.floor(Math.random() * 1e9)),
    only: only as readonly ActorKind[] | undefined,
    lateFirstTries: given.has('--late-tries'),
    keepGoing: given.has('--keep-going'),
    until: given.get('--until'),
    whole: given.has('--whole'),
    plan: plan === undefined ? undefined : (JSON.parse(readFileSync(plan, 'utf8')) as Plan),
  };
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
  let [histories, counted, events] = [0, 0, 0];
  for (; histories < most && Date.now() < untilMs;) {
    const name = first === undefined ? seed : String(first + histories);
    const played: Played = await play(planOf(name, options));
    histories += 1;
    events += played.events;
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
  return sorts.size === 0 ? 0 : 1;
}

/** Violations that differ in nothing but names and numbers. */
function sortOf({ violation }: Played): string {
  return `${violation?.promise ?? ''}: ${violation?.text.replaceAll(/\b(vpc|rtb)-[0-9a-f]+|\d{8}T\w+-\w+|\d+|ada|bob/g, '…').slice(0, 160) ?? ''}`;
}
