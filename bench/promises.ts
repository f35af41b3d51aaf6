import { groupOf } from './groups.ts';
import type { Group, Quantity } from './groups.ts';
import type { Case, Contender } from './plan.ts';
import type { Results } from './results.ts';
import type { Spread } from './statistics.ts';
import { ratioText, valueText } from './text.ts';

/** What was asked of Holdfast before it was measured, and what became of it. Nothing fails here: the page says it. */

export interface Promised {
  readonly what: string;
  readonly wanted: string;
  /** Undefined: not measured. */
  readonly measured: { readonly text: string; readonly met: boolean } | undefined;
}

export function promisesOf(results: Results): readonly Promised[] {
  const at = (size: number, which: Case, delayMs = 0): Group | undefined => groupOf(results, { size, delayMs, scale: false }, which);
  const scale = groupOf(results, { size: 1504, delayMs: 0, scale: true }, 'noop');
  return [
    ratio('CPU time, first deploy of 64 stacks', at(64, 'first'), 'plain-loop', 'cpu', 0.3),
    ratio('wall time of it, as many stacks at once as cores', onAllCores(at(64, 'first')), 'plain-loop', 'wall', 0.4),
    ratio('wall time, first deploy of the example, 13 stacks', at(13, 'first'), 'one-stack', 'wall', 1.5),
    ratio('the same at 40 ms a call', at(13, 'first', 40), 'one-stack', 'wall', 1),
    most('no change in 64 stacks', at(64, 'noop'), 'wall', 1),
    most('its requests to the bucket', at(64, 'noop'), 's3', 10),
    most('its peak memory', at(64, 'noop'), 'memory', 300),
    most('no change in 1,504 stacks', scale, 'wall', 3),
    most('its requests to the bucket', scale, 's3', 10),
    most('its peak memory', scale, 'memory', 300),
    only('one VPC changed in 64 stacks', at(64, 'change')),
  ];
}

const onAllCores = (group: Group | undefined): Group | undefined => (group?.run.parallel === group?.run.machine.cores ? group : undefined);

const names: Readonly<Record<'plain-loop' | 'one-stack', string>> = {
  'plain-loop': "the plain loop's",
  'one-stack': "the one big stack's",
};

function ratio(what: string, group: Group | undefined, peer: keyof typeof names & Contender, quantity: Quantity, limit: number): Promised {
  const found = group?.ratio(peer, quantity);
  return {
    what,
    wanted: `at most ${limit} of ${names[peer]}`,
    measured: found && { text: ratioText(found), met: isWithin(found, limit) },
  };
}

const units: Readonly<Partial<Record<Quantity, string>>> = { wall: ' s', cpu: ' s', memory: ' MB' };

function most(what: string, group: Group | undefined, quantity: Quantity, limit: number): Promised {
  const found = group?.spread('holdfast', quantity);
  const unit = units[quantity] ?? '';
  return {
    what,
    wanted: `at most ${limit}${unit}`,
    measured: found && { text: `${valueText(found.median, quantity)}${unit}`, met: isWithin(found, limit) },
  };
}

/** An engine is started at most twice for a stack: to plan it, and to deploy it. */
function only(what: string, group: Group | undefined): Promised {
  const found = group
    ?.measurementsOf('holdfast')
    .flatMap(({ stacks, engines }) => (stacks && engines !== undefined ? [{ stacks, engines }] : []));
  const [one] = found ?? [];
  if (!found || !one) return { what, wanted: 'exactly the stacks that depend on it run', measured: undefined };
  const met = found.every(({ stacks, engines }) => stacks.same && engines <= 2 * stacks.toRun);
  const { toRun, written } = one.stacks;
  return {
    what,
    wanted: 'exactly the stacks that depend on it run',
    measured: { text: `${toRun} to run: ${written} written, ${one.engines} starts of the engine`, met },
  };
}

const isWithin = ({ median }: Spread, limit: number): boolean => median <= limit;
