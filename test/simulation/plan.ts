import { Random } from './random.ts';
import type { FailedLooks, Fault, FaultKind, Faults } from './world.ts';

/** What a history is made of. Everything that happens follows from it. */

export type ActorKind =
  'up' | 'up-edited' | 'up-wait' | 'destroy' | 'recover' | 'resume' | 'status' | 'freeze' | 'unfreeze' | 'pulumi-up' | 'pulumi-cancel';

export const actorKinds: readonly ActorKind[] = [
  'up',
  'up-edited',
  'up-wait',
  'destroy',
  'recover',
  'resume',
  'status',
  'freeze',
  'unfreeze',
  'pulumi-up',
  'pulumi-cancel',
];

export interface ActorPlan {
  /** Alone in its plan: `up of ada on m1`. */
  readonly name: string;
  readonly kind: ActorKind;
  readonly machine: string;
  readonly user: string;
  readonly startsAtMs: number;
  /** Short name; undefined for all. */
  readonly stack: string | undefined;
}

export interface MachinePlan {
  readonly name: string;
  readonly clockAheadMs: number;
  readonly hidesProcesses: boolean;
}

export interface Plan {
  readonly seed: string;
  readonly machines: readonly MachinePlan[];
  readonly actors: readonly ActorPlan[];
  readonly failedLooks: readonly FailedLooks[];
  /** Milliseconds for which AWS shows what was before. */
  readonly awsLateMs: number;
  /** Undefined: the seed draws them on the way. */
  readonly faults: readonly Fault[] | undefined;
  /** Whether the network was deployed before, by an older file. */
  readonly deployed: boolean;
  /** Of every session. */
  readonly sessionSeconds: number;
  /** Whether a call of a plugin that it gave up and sent again may arrive after that. */
  readonly lateFirstTries: boolean;
}

export interface PlanOptions {
  /** The commands, instead of a line-up that the seed picks. */
  readonly only?: readonly ActorKind[] | undefined;
  readonly lateFirstTries?: boolean;
}

const users = ['ada', 'bob'] as const;

const pauses: readonly [number, ...number[]] = [4_000, 20_000, 150_000, 1_200_000, 10_800_000];

/** Which line-ups are played, each as often as it stands here. */
const lineUps: readonly [readonly ActorKind[], ...(readonly ActorKind[])[]] = [
  ['up', 'recover'],
  ['up', 'up', 'recover'],
  ['up', 'up-edited', 'recover'],
  ['up', 'recover', 'recover'],
  ['up', 'up-wait', 'up-wait'],
  ['up', 'up-wait', 'recover'],
  ['up', 'recover', 'status'],
  ['up', 'status', 'status'],
  ['up', 'recover', 'freeze'],
  ['up', 'recover', 'freeze', 'unfreeze'],
  ['up', 'freeze', 'unfreeze', 'status'],
  ['up', 'pulumi-cancel', 'recover'],
  ['up', 'pulumi-cancel', 'pulumi-up', 'recover'],
  ['up', 'pulumi-up', 'recover'],
  ['up', 'destroy', 'recover'],
  ['destroy', 'recover', 'up-edited'],
  ['up', 'up-edited', 'resume'],
  ['up', 'up-edited', 'recover', 'status'],
];

export function planOf(seed: string, { only, lateFirstTries = false }: PlanOptions = {}): Plan {
  const random = new Random(`plan ${seed}`);
  const lineUp = only ?? random.pick(lineUps);
  const machines = ['m1', 'm2', 'm3'].map((name): MachinePlan => ({
    name,
    clockAheadMs: random.chance(0.15) ? random.pick([-200_000, 130_000, 200_000, 8_000_000]) : 0,
    hidesProcesses: random.chance(0.15),
  }));
  let startsAtMs = 0;
  const actors = lineUp.map((kind, index): ActorPlan => {
    const machine = random.pick(['m1', 'm1', 'm2', 'm3']);
    const user = random.pick(users);
    if (index > 0) startsAtMs += random.pick([0, 300, 1_000, 4_000, 15_000, 40_000, 180_000, 4_000_000]);
    const needsStack = kind === 'pulumi-up' || kind === 'pulumi-cancel';
    const stack =
      needsStack || ((kind === 'freeze' || kind === 'recover') && random.chance(0.5)) ? random.pick(['hub', 'spoke.a']) : undefined;
    return { name: `${kind} ${index + 1} (${user} on ${machine})`, kind, machine, user, startsAtMs, stack };
  });
  const failedLooks: FailedLooks[] = [];
  if (random.chance(0.15)) {
    const { name } = actors[random.below(actors.length)] ?? { name: '' };
    failedLooks.push({ process: name, first: 1 + random.below(30), count: random.pick([1, 2, 40]) });
  }
  return {
    seed,
    machines,
    actors,
    failedLooks,
    awsLateMs: random.pick([0, 0, 2_000]),
    faults: undefined,
    deployed: random.chance(0.7),
    sessionSeconds: random.pick([7200, 7200, 1803]),
    lateFirstTries,
  };
}

/** What may go wrong with a call, and how often in a thousand. */
function kindsFor(label: string, isEngine: boolean, isPlugin: boolean): readonly (readonly [FaultKind, number])[] {
  if (isPlugin)
    return [
      ['answer-lost', 60],
      ['killed-after', 50],
      ['killed-before', 20],
      ['unavailable', 10],
      ['killed-in-flight', 30],
      ['stopped-after', 20],
      ['stopped-before', 40],
    ];
  if (isEngine)
    return [
      ['killed-before', 20],
      ['killed-after', 40],
      ['stopped-before', 5],
    ];
  const changes = /^(puts|deletes) /.test(label);
  if (changes) {
    const often = /the (lock|checkpoint|record) of/.test(label) ? 3 : 1;
    return [
      ['killed-before', 8 * often],
      ['killed-after', 8 * often],
      ['answer-lost', 5 * often],
      ['request-lost', 2],
      ['arrives-late', 4 * often],
      ['conflict', 3],
      ['stopped-before', 8 * often],
      ['stopped-after', 8 * often],
      ['asleep-before', 6 * often],
      ['asleep-after', 6 * often],
      ['clock-set', 1],
    ];
  }
  return [
    ['killed-before', 2],
    ['unavailable', 2],
    ['stopped-before', 3],
    ['stopped-after', 4],
    ['asleep-before', 2],
    ['asleep-after', 3],
    ['clock-set', 1],
  ];
}

/** Draws faults as the history goes, at most a few. @param sinceStartMs of the history, at this moment */
export function drawnFaults({ seed, lateFirstTries, actors }: Plan, sinceStartMs: () => number): Faults {
  const random = new Random(`faults ${seed}`);
  let left = 1 + random.below(3);
  let killed = false;
  // Much happens in a recovery, and to a recovery, when there is something to recover.
  const killsOften = actors.some(({ kind }) => kind === 'recover' || kind === 'resume') ? 5 : 1;
  /** Often until another command is in the middle of something. */
  const pauseMs = (): number => {
    const starts = actors.map(({ startsAtMs }) => startsAtMs - sinceStartMs()).filter((ms) => ms > -20_000);
    const [first, ...more] = starts;
    if (first === undefined || random.chance(0.4)) return random.pick(pauses);
    return Math.max(1_000, random.pick([first, ...more]) + random.below(random.pick([2_000, 20_000])));
  };
  return (process, call, label) => {
    if (left === 0 || process.name.includes('closing')) return undefined;
    const isPlugin = process.name.startsWith('plugin');
    const isEngine = process.name.startsWith('engine');
    let at = random.next() * 1000;
    const kinds = [...kindsFor(label, isEngine, isPlugin), ...(lateFirstTries && isPlugin ? [['arrives-late', 30] as const] : [])];
    for (const [kind, often] of kinds) {
      const isKill = kind.startsWith('killed');
      at -= isKill && !killed && process.calls > (isPlugin || isEngine ? 0 : 15) ? often * killsOften : often;
      if (at >= 0) continue;
      left -= 1;
      killed ||= isKill;
      const ms =
        kind === 'clock-set'
          ? random.pick([-150_000, 150_000])
          : kind === 'killed-in-flight' || (kind === 'arrives-late' && isPlugin)
            ? 3_000
            : pauseMs();
      return { process: process.name, call, kind, ms };
    }
    return undefined;
  };
}

export function givenFaults(faults: readonly Fault[]): Faults {
  const byCall = new Map(faults.map((fault) => [`${fault.process} ${fault.call} ${fault.label ?? ''}`, fault]));
  const alike = new Map<string, number>();
  return ({ name }, call, label) => {
    const number = (alike.get(`${name} ${label}`) ?? 0) + 1;
    alike.set(`${name} ${label}`, number);
    return byCall.get(`${name} ${call} `) ?? byCall.get(`${name} ${number} ${label}`);
  };
}
