import type { Case, Contender } from './plan.ts';
import { cases } from './plan.ts';
import type { Measurement, Results, Run } from './results.ts';
import { ratiosOf, spreadOf } from './statistics.ts';
import type { Spread } from './statistics.ts';

/** What is compared: the measurements of one case of one network at one delay, all of one run. */

export const quantities = ['wall', 'cpu', 'memory', 's3', 'ec2', 'engines'] as const;
export type Quantity = (typeof quantities)[number];

export const quantityTitles: Readonly<Record<Quantity, string>> = {
  wall: 'wall time, s',
  cpu: 'CPU time, s',
  memory: 'peak memory, MB',
  s3: 'requests to S3',
  ec2: 'requests to EC2',
  engines: 'starts of the engine',
};

export class Group {
  readonly run: Run;
  readonly #measurements: readonly Measurement[];

  constructor(run: Run, measurements: readonly Measurement[]) {
    this.run = run;
    this.#measurements = measurements;
  }

  get rounds(): number {
    return new Set(this.#measurements.map(({ round }) => round)).size;
  }

  measurementsOf(contender: Contender): readonly Measurement[] {
    return this.#measurements.filter((measurement) => measurement.contender === contender);
  }

  /** @returns undefined where it was not measured */
  spread(contender: Contender, quantity: Quantity): Spread | undefined {
    return spreadOf([...this.#byRound(contender, quantity).values()]);
  }

  /** Of Holdfast to a peer: how many times as much it takes. */
  ratio(peer: Contender, quantity: Quantity): Spread | undefined {
    return spreadOf(ratiosOf(this.#byRound('holdfast', quantity), this.#byRound(peer, quantity)));
  }

  #byRound(contender: Contender, quantity: Quantity): ReadonlyMap<number, number> {
    return new Map(
      this.measurementsOf(contender).flatMap((measurement): [number, number][] => {
        const value = valueOf(measurement, quantity);
        return value === undefined ? [] : [[measurement.round, value]];
      }),
    );
  }
}

function valueOf({ wallSeconds, cpuSeconds, peakMb, requests, engines }: Measurement, quantity: Quantity): number | undefined {
  switch (quantity) {
    case 'wall':
      return wallSeconds;
    case 'cpu':
      return cpuSeconds;
    case 'memory':
      return peakMb;
    case 's3':
      return requests?.s3;
    case 'ec2':
      return requests?.ec2;
    case 'engines':
      return engines;
  }
}

export interface Network {
  readonly size: number;
  readonly delayMs: number;
  readonly scale: boolean;
}

export function groupOf({ runs }: Results, { size, delayMs, scale }: Network, which: Case): Group | undefined {
  for (const run of runs) {
    const found = run.measurements.filter(
      (measurement) =>
        measurement.size === size && measurement.delayMs === delayMs && measurement.scale === scale && measurement.case === which,
    );
    if (found.length > 0) return new Group(run, found);
  }
  return undefined;
}

/** Small ones first, and without a delay before those with one. */
export function networksOf({ runs }: Results): readonly Network[] {
  const found = new Map<string, Network>();
  for (const { measurements } of runs)
    for (const { size, delayMs, scale } of measurements) found.set(`${size} ${delayMs} ${scale}`, { size, delayMs, scale });
  return [...found.values()].sort((a, b) => Number(a.scale) - Number(b.scale) || a.size - b.size || a.delayMs - b.delayMs);
}

/** The cases of a network that were measured, in their order. */
export function groupsOf(results: Results, network: Network): readonly (readonly [Case, Group])[] {
  return cases.flatMap((which) => {
    const group = groupOf(results, network, which);
    return group === undefined ? [] : [[which, group] as const];
  });
}
