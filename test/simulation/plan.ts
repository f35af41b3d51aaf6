import { allStruck, isImpossible, stages } from './coverage.ts';
import type { Coverage, Stage, Struck } from './coverage.ts';
import { Random } from './random.ts';
import { sdkTries } from './bucket-model.ts';
import { lookLabel } from './world.ts';
import type { FailedLooks, Fault, FaultKind, Faults } from './world.ts';

/** What a history is made of. Everything that happens follows from it. */

export type ActorKind =
  | 'up'
  | 'up-edited'
  /** Waits for locks. */
  | 'up-wait'
  | 'destroy'
  | 'recover'
  /** Gives true answers to what it is asked, and disowns what may be disowned. */
  | 'answer'
  | 'resume'
  | 'release'
  | 'status'
  | 'freeze'
  | 'unfreeze'
  | 'pulumi-up'
  | 'pulumi-cancel';

export const actorKinds: readonly ActorKind[] = [
  'up',
  'up-edited',
  'up-wait',
  'destroy',
  'recover',
  'answer',
  'resume',
  'release',
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

/** A fault that strikes the first call which it fits, once, with this chance at each. */
export interface LikelyFault {
  /** What the names of process and call have in them; of processes of a command, what these begin with. */
  readonly process: string;
  readonly label: string;
  readonly kind: FaultKind;
  readonly ms: number;
  readonly chance: number;
  /** Only of a process at this stage of its own. */
  readonly stage?: Stage;
  /** What stands still goes on so long after this actor has begun, by its place in the plan. */
  readonly afterStartOf?: number;
}

/** What is to strike a process at this stage of its own. */
export interface Aim {
  readonly stage: Stage;
  readonly struck: readonly Struck[];
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
  /** What is more likely in this history than in others. */
  readonly aim?: Aim | undefined;
  readonly likely?: readonly LikelyFault[] | undefined;
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
  readonly aim?: Aim | undefined;
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

/** Actors in the order in which they start, and what has to go wrong before that which is looked for can. */
interface Situation {
  readonly actors: readonly ActorKind[];
  readonly stacks?: readonly (string | undefined)[];
  readonly likely?: readonly LikelyFault[];
  /** Milliseconds from one start to the next. */
  readonly gaps?: readonly [number, ...number[]];
  readonly deployed?: boolean;
  /** Where each actor may be; the last one holds for those after it. */
  readonly machines?: readonly (readonly [string, ...string[]])[];
  readonly users?: readonly string[];
  /** Machines that hide other users' processes. */
  readonly hides?: readonly string[];
  /** The actor whose looks at the process table fail. */
  readonly failingLooks?: number;
  /** Of the clock of m1. */
  readonly clockAheadMs?: number;
  readonly sessionSeconds?: number;
}

const likely = (process: string, label: string, kind: FaultKind, chance = 1, ms = 20_000): LikelyFault => ({
  process,
  label,
  kind,
  ms,
  chance,
});

/** So often that the SDK gives it up. */
const givenUp = (process: string, label: string, more: Pick<LikelyFault, 'stage'> = {}): readonly LikelyFault[] =>
  Array.from({ length: sdkTries }, () => ({ ...likely(process, label, 'unavailable'), ...more }));

const pluginDies = likely('plugin of engine', 'the ', 'killed-after', 0.5);
const engineDies = likely('engine', 'writes the checkpoint', 'killed-after', 0.3);

const upDies = likely('up', 'puts the checkpoint of hub', 'killed-after', 0.5);

/** Two objects for one resource, and neither is known: a person has to say which is it. */
const twins: readonly LikelyFault[] = [
  likely('plugin of engine', 'makes the', 'answer-lost'),
  likely('plugin of engine', 'makes the', 'killed-after', 0.7),
];

const soon = [300, 1_000, 4_000, 15_000] as const;
const later = [15_000, 40_000, 180_000, 400_000] as const;

/** Where each stage is come to, and other commands are about. */
const waysTo: Readonly<Record<Stage, readonly [Situation, ...Situation[]]>> = {
  'before-the-claim': [{ actors: ['up', 'recover'] }, { actors: ['status', 'up', 'freeze'] }, { actors: ['up', 'destroy', 'unfreeze'] }],
  claim: [{ actors: ['up', 'recover'] }, { actors: ['up', 'up-edited'] }, { actors: ['up', 'destroy'] }],
  'give-back': [
    // A freeze comes between its claim and its engine.
    {
      actors: ['freeze', 'up'],
      stacks: ['hub'],
      likely: [
        likely('freeze', 'lists .holdfast/heartbeats', 'stopped-after', 1, 6_000),
        likely('freeze', 'puts the record of', 'stopped-after', 1, 60_000),
        likely('up', 'puts the record of', 'stopped-after'),
      ],
      gaps: [1_000, 2_000],
    },
    // Plain pulumi comes in between its look and its claim.
    ...['hub', 'spoke.a'].map((stack): Situation => ({
      actors: ['up', 'pulumi-up', 'recover'],
      stacks: [undefined, stack],
      likely: [
        likely('up', stack === 'hub' ? '"run-opened"' : 'deletes the lock of hub', 'stopped-after', 1, 10_000),
        likely('pulumi-up', 'puts its lock', 'stopped-after', 1, 30_000),
      ],
      gaps: [4_000, 5_000, 6_000],
    })),
    // It waits, and looks again.
    {
      actors: ['up-wait', 'pulumi-up', 'recover'],
      stacks: [undefined, 'hub'],
      likely: [
        likely('up-wait', '"run-opened"', 'stopped-after', 1, 10_000),
        likely('pulumi-up', 'puts its lock', 'stopped-after', 1, 30_000),
      ],
      gaps: [4_000, 5_000, 6_000],
    },
  ],
  start: [{ actors: ['up', 'recover'] }, { actors: ['up', 'up-edited'] }, { actors: ['destroy', 'recover'] }],
  hold: [
    { actors: ['up', 'recover'], likely: [pluginDies], gaps: soon },
    { actors: ['up', 'recover'], likely: [engineDies], gaps: later },
    { actors: ['up', 'freeze', 'recover'], likely: [pluginDies], gaps: soon },
  ],
  verify: [
    { actors: ['up', 'recover'] },
    { actors: ['up', 'up-edited'] },
    { actors: ['up', 'recover'], likely: [engineDies], gaps: later },
  ],
  'take-over': [
    { actors: ['up', 'recover', 'recover'], likely: [engineDies], gaps: later },
    { actors: ['up', 'recover', 'up'], likely: [pluginDies], gaps: later },
    {
      actors: ['up', 'recover', 'recover'],
      likely: [likely('engine', 'writes the checkpoint', 'killed-after', 0.5)],
      gaps: [40_000, 2_000],
    },
  ],
  release: [
    { actors: ['up', 'release', 'recover'], likely: [upDies], gaps: [400_000], stacks: [undefined, 'hub'] },
    { actors: ['up', 'release', 'release'], likely: [upDies], gaps: [400_000], stacks: [undefined, 'hub', 'hub'] },
  ],
  freeze: [{ actors: ['freeze', 'unfreeze', 'up'], gaps: [1_000, 4_000] }, { actors: ['freeze', 'up', 'status'] }],
  unfreeze: [
    { actors: ['freeze', 'unfreeze', 'up'], gaps: [4_000, 15_000] },
    { actors: ['freeze', 'unfreeze', 'freeze'], gaps: [4_000, 15_000] },
  ],
  disown: [{ actors: ['up', 'answer', 'recover'], likely: twins, gaps: later }],
  answer: [{ actors: ['up', 'answer', 'recover'], likely: twins, gaps: later }],
};

const slow = (stack: string, ms = 8_000): LikelyFault => likely('plugin of engine', `makes the VPC of ${stack}`, 'stopped-before', 1, ms);

/** What the ways to a stage do not lead to. Of two spokes that are at work at once, one gives the stage and the other one looks. */
const waysToCells: readonly {
  readonly stage: Stage;
  readonly struck: readonly Struck[];
  readonly ways: readonly [Situation, ...Situation[]];
}[] = [
  {
    stage: 'claim',
    struck: ['look-failed', 'stale-view'],
    ways: [
      {
        actors: ['up-edited', 'recover'],
        likely: [
          ...givenUp('up-edited', 'puts the record of spoke.b').slice(2),
          ...givenUp('up-edited', 'puts the lock of spoke.b').slice(1),
        ],
        gaps: later,
      },
    ],
  },
  {
    stage: 'give-back',
    struck: ['look-failed', 'stale-view'],
    ways: [
      {
        actors: ['up-edited', 'pulumi-up'],
        stacks: [undefined, 'spoke.b'],
        likely: [
          likely('up-edited', 'deletes the lock of hub', 'stopped-after', 1, 10_000),
          likely('pulumi-up', 'puts its lock', 'stopped-after', 1, 30_000),
          slow('spoke.a'),
        ],
        gaps: [4_000, 5_000, 6_000],
      },
    ],
  },
  {
    stage: 'hold',
    struck: ['look-failed', 'stale-view'],
    ways: [
      {
        actors: ['up-edited', 'recover'],
        likely: [...givenUp('up-edited', 'puts the checkpoint of spoke.a'), slow('spoke.b')],
        gaps: later,
      },
    ],
  },
  {
    stage: 'verify',
    struck: ['look-failed', 'stale-view'],
    ways: [{ actors: ['up-edited', 'recover'], likely: [slow('spoke.b')], gaps: later }],
  },
  {
    stage: 'take-over',
    struck: ['stale-view'],
    ways: makingMeanwhile('up', 'recover', 'take-over', [likely('up', 'puts the checkpoint of spoke.a', 'killed-after', 0.5)]),
  },
  { stage: 'answer', struck: ['stale-view'], ways: makingMeanwhile('up', 'answer', 'answer', twins) },
  {
    stage: 'release',
    struck: ['look-failed'],
    ways: [
      {
        actors: ['up-edited', 'release', 'recover'],
        stacks: [undefined, 'spoke.a'],
        likely: [slow('spoke.a'), likely('up-edited', 'puts the checkpoint of spoke.b', 'killed-after', 0.5)],
        gaps: [400_000],
        machines: [['m1']],
      },
    ],
  },
  {
    stage: 'unfreeze',
    struck: ['look-failed'],
    ways: [
      {
        actors: ['up', 'freeze', 'unfreeze'],
        stacks: [undefined, undefined, undefined],
        likely: [upDies],
        gaps: later,
        machines: [['m1']],
      },
    ],
  },
  {
    stage: 'disown',
    struck: ['look-failed', 'stale-view'],
    ways: [
      {
        actors: ['up-edited', 'answer', 'recover'],
        likely: [
          ...['spoke.a', 'spoke.b'].flatMap((stack) =>
            (['answer-lost', 'killed-after'] as const).map((kind) => likely('plugin of engine', `makes the VPC of ${stack}`, kind)),
          ),
          // Neither that it is verified nor that it is held can be written down, and the next stack is looked at.
          ...givenUp('answer', 'puts the record of spoke.a', { stage: 'disown' }),
          ...givenUp('answer', 'puts the record of spoke.a', { stage: 'disown' }),
        ],
        gaps: later,
        machines: [['m1']],
      },
    ],
  },
];

/** A recovery stands still at a stage until a run of another stack makes something. */
function makingMeanwhile(first: ActorKind, second: ActorKind, stage: Stage, before: readonly LikelyFault[]): [Situation, ...Situation[]] {
  const way = (ms: number): Situation => ({
    actors: [first, second, 'up-edited'],
    stacks: [undefined, 'spoke.a', 'spoke.b'],
    likely: [...before, { ...likely(second, '', 'stopped-after', 1, ms), stage, afterStartOf: 2 }],
    gaps: [180_000, 400_000],
    deployed: true,
  });
  return [way(1_500), way(2_000), way(3_000), way(4_000)];
}

/** From a little before a command starts until it is in the middle of something. */
const wakes = [1_500, 3_000, 6_000, 10_000, 14_000] as const;

/** What was once found where it is seldom come to. */
const situations: readonly [Situation, ...Situation[]] = [
  // The hub of an interrupted run is recovered; a later run deploys all of it; the rest of the first one is resumed.
  {
    actors: ['up', 'resume', 'up-edited'],
    likely: [upDies, likely('resume', 'deletes the lock of hub', 'stopped-after', 1, 60_000)],
    gaps: [20_000, 22_000],
    deployed: true,
    machines: [['m1']],
    users: ['ada', 'ada', 'ada'],
  },
  // A freeze comes while a run is at work.
  ...[undefined, 'hub', 'spoke.a'].map((stack): Situation => ({
    actors: ['freeze', 'up'],
    stacks: [stack],
    likely: [likely('freeze', 'lists .holdfast/heartbeats', 'stopped-after', 1, 5_500)],
    gaps: [500, 1_500, 2_500, 3_500],
  })),
  // A record is looked at as soon as it is written, and the heartbeat of its owner is late.
  {
    actors: ['up', 'status', 'status', 'recover'],
    likely: [1, 2, 3].map(() => likely('up', 'puts its heartbeat', 'request-lost')),
    gaps: [200, 300, 500, 700],
    machines: [['m1'], ['m2'], ['m3'], ['m2']],
  },
  // Who tells stands still between the checkpoints and the records.
  ...['reads the checkpoint of', 'lists the checkpoints', 'lists the locks', 'lists .holdfast/stacks'].map((label): Situation => ({
    actors: ['up', 'status', 'status'],
    likely: [likely('status 2', label, 'stopped-after', 0.6, 15_000)],
    gaps: [500, 1_000, 1_500],
  })),
  // AWS has made two of one resource, and the engine knows of one.
  { actors: ['up', 'recover'], likely: [likely('plugin of engine', 'makes the', 'answer-lost', 0.7)], gaps: later, deployed: false },
  // An owner stands still until its session is over, and comes back while another one recovers.
  ...wakes.map((ms): Situation => ({
    actors: ['up', 'recover'],
    likely: [likely('up', 'puts the checkpoint of', 'stopped-after', 0.5, 2_200_000 + ms)],
    gaps: [2_200_000],
    machines: [['m1'], ['m2']],
    sessionSeconds: 1803,
  })),
  // What a dead owner had sent arrives in the middle of the recovery, or after it.
  ...[6_000, 12_000, 20_000, 40_000].map((ms): Situation => ({
    actors: ['up', 'recover'],
    likely: [likely('up', 'puts the checkpoint of', 'killed-in-flight', 0.4, ms)],
    gaps: [3_000, 6_000],
    machines: [['m1']],
  })),
  // Another user's process is at work, and is not shown; or the look for it fails.
  {
    actors: ['up', 'recover', 'recover'],
    gaps: [1_200, 2_000, 3_000, 4_000],
    machines: [['m1']],
    users: ['ada', 'bob', 'bob'],
    hides: ['m1'],
  },
  { actors: ['up', 'recover'], gaps: [1_200, 2_000, 3_000, 4_000], machines: [['m1']], failingLooks: 1 },
  // Plain pulumi comes in after a run has looked, and before it claims; and it is still in when the run is at work.
  ...['hub', 'spoke.a'].map((stack): Situation => ({
    actors: ['up', 'pulumi-up'],
    stacks: [undefined, stack],
    likely: [
      likely('up', stack === 'hub' ? '"run-opened"' : 'deletes the lock of hub', 'stopped-after', 1, 10_000),
      likely('pulumi-up', 'puts its lock', 'stopped-after', 1, 40_000),
    ],
    gaps: [4_000, 5_000, 6_000],
  })),
  // What was frozen while it was held is recovered.
  { actors: ['up', 'freeze', 'recover'], likely: [upDies], gaps: later },
  // Who recovers believes that it is hours later.
  {
    actors: ['up', 'recover'],
    likely: [likely('up', 'puts the checkpoint of', 'killed-after', 0.5)],
    gaps: [130_000, 180_000, 280_000],
    machines: [['m2'], ['m1']],
    clockAheadMs: 8_000_000,
  },
];

/** In how many of a hundred histories a fault is aimed, and in how many a situation is played. */
const aimedPercent = 45;
/** In each of them, but where the way is that of one fault. */
const aimedFaults = 3;
const situationPercent = 25;
/** At least so many of a hundred aims strike in most cells. */
const usualPercent = 60;

/**
 * Of how many of a hundred histories `--aim STAGE,FAULT` strikes, where they are few (and rather fewer: what is aimed at beside it is in the way): there is
 * aimed the more often. `any`: of the rest of a stage.
 */
const seldomPercent: Partial<Record<Stage, Partial<Record<Struck | 'any', number>>>> = {
  claim: { 'look-failed': 20, 'stale-view': 30 },
  'give-back': { any: 25, 'precondition-failed': 14, 'session-ended': 18, 'look-failed': 50, 'stale-view': 40 },
  start: { 'session-ended': 35 },
  hold: { any: 30, 'look-failed': 40, 'stale-view': 40 },
  verify: { 'look-failed': 30, 'stale-view': 50, 'precondition-failed': 30 },
  'take-over': { any: 50, 'stale-view': 12 },
  release: { any: 30, 'look-failed': 25 },
  unfreeze: { 'look-failed': 35, 'precondition-failed': 20 },
  disown: { any: 28, 'look-failed': 14 },
  answer: { any: 36, 'stale-view': 12 },
};

const percentOf = (stage: Stage, struck: Struck): number => seldomPercent[stage]?.[struck] ?? seldomPercent[stage]?.any ?? usualPercent;

/** Every cell that can be struck. */
const aims = stages.flatMap((stage) =>
  allStruck
    .filter((struck) => !isImpossible(stage, struck))
    .map((struck) => ({ stage, struck, weight: usualPercent / percentOf(stage, struck) })),
);

const waysToCell = (stage: Stage, struck: Struck): readonly [Situation, ...Situation[]] | undefined =>
  waysToCells.find((each) => each.stage === stage && each.struck.includes(struck))?.ways;

/** @returns what is to be struck in the history of this seed, with the chance of any */
function aimOf(seed: string, { aim }: PlanOptions): { readonly aim?: Aim; readonly situation?: Situation } {
  const random = new Random(`aim ${seed}`);
  const drawn = random.below(100);
  if (aim) {
    const own = aim.struck.flatMap((struck) => waysToCell(aim.stage, struck) ?? []);
    return { aim, situation: random.pick(own[0] ? [own[0], ...own.slice(1)] : waysTo[aim.stage]) };
  }
  if (drawn < aimedPercent) {
    const { stage, struck: first } = random.pickWeighted(aims);
    const own = waysToCell(stage, first);
    // Anything else would come before it.
    if (own) return { aim: { stage, struck: [first] }, situation: random.pick(own) };
    const possible = allStruck.filter((struck) => !isImpossible(stage, struck));
    const struck = [first, ...Array.from({ length: aimedFaults - 1 }, () => possible[random.below(possible.length)] ?? first)];
    // After a kill there is nothing left to strike.
    struck.sort((a, b) => Number(a.startsWith('killed')) - Number(b.startsWith('killed')));
    return { aim: { stage, struck: [...new Set(struck)] }, situation: random.pick(waysTo[stage]) };
  }
  return drawn < aimedPercent + situationPercent ? { situation: random.pick(situations) } : {};
}

const needsStack: readonly ActorKind[] = ['pulumi-up', 'pulumi-cancel', 'release'];
const mayHaveStack: readonly ActorKind[] = ['freeze', 'recover'];

export function planOf(seed: string, options: PlanOptions = {}): Plan {
  const { only, lateFirstTries = false } = options;
  const { aim, situation } = only === undefined || options.aim ? aimOf(seed, options) : {};
  const random = new Random(`plan ${seed}`);
  const lineUp = only ?? situation?.actors ?? random.pick(lineUps);
  const machines = ['m1', 'm2', 'm3'].map((name): MachinePlan => ({
    name,
    clockAheadMs: random.chance(0.15) ? random.pick([-200_000, 130_000, 200_000, 8_000_000]) : 0,
    hidesProcesses: random.chance(0.15) || situation?.hides?.includes(name) === true,
  }));
  const [m1, ...others] = machines;
  const clocks = m1 && situation?.clockAheadMs !== undefined ? [{ ...m1, clockAheadMs: situation.clockAheadMs }, ...others] : machines;
  let startsAtMs = 0;
  const actors = lineUp.map((kind, index): ActorPlan => {
    const machine = random.pick(situation?.machines?.[index] ?? situation?.machines?.at(-1) ?? ['m1', 'm1', 'm2', 'm3']);
    const drawnUser = random.pick(users);
    const user = situation?.users?.[index] ?? drawnUser;
    if (index > 0) startsAtMs += random.pick(situation?.gaps ?? [0, 300, 1_000, 4_000, 15_000, 40_000, 180_000, 4_000_000]);
    const drawn =
      needsStack.includes(kind) || (mayHaveStack.includes(kind) && random.chance(0.5)) ? random.pick(['hub', 'spoke.a']) : undefined;
    const stack = situation?.stacks?.[index] ?? drawn;
    return { name: `${kind} ${index + 1} (${user} on ${machine})`, kind, machine, user, startsAtMs, stack };
  });
  const failedLooks: FailedLooks[] = [];
  if (random.chance(0.15)) {
    const { name } = actors[random.below(actors.length)] ?? { name: '' };
    failedLooks.push({ process: name, first: 1 + random.below(30), count: random.pick([1, 2, 40]) });
  }
  const unseeing = actors[situation?.failingLooks ?? -1];
  if (unseeing) failedLooks.unshift({ process: unseeing.name, first: 1 + random.below(20), count: random.pick([2, 10, 40]) });
  const awsLateMs = random.pick([0, 0, 2_000]);
  const deployed = random.chance(0.7);
  const sessionSeconds = random.pick([7200, 7200, 1803]);
  return {
    seed,
    machines: clocks,
    actors,
    failedLooks,
    awsLateMs: aim?.struck.includes('stale-view') === true ? 2_000 : awsLateMs,
    faults: undefined,
    ...(aim ? { aim } : {}),
    ...(situation?.likely ? { likely: situation.likely } : {}),
    deployed: situation?.deployed ?? deployed,
    sessionSeconds: aim?.struck.includes('session-ended') === true ? 1803 : (situation?.sessionSeconds ?? sessionSeconds),
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

const isChange = /^(puts|deletes) /;

/** Whether a call can be struck so. */
const fits = (kind: FaultKind, label: string): boolean =>
  (kind === 'look-failed') === (label === lookLabel) && (kind !== 'conflict' || label.includes(', if '));

/** What brings about what no fault is. */
function faultFor(
  struck: Struck,
  stage: Stage,
): { readonly kind: FaultKind; readonly ms?: number; readonly onlyConditional?: boolean; readonly onlyPlugin?: boolean } | undefined {
  switch (struck) {
    // Tried again, its own write is in the way.
    case 'precondition-failed':
      return { kind: 'answer-lost', onlyConditional: true };
    case 'session-ended':
      // A run renews its own session; its engine keeps the one that it was started with.
      return stage === 'start' ? { kind: 'asleep-before', ms: 1_900_000, onlyPlugin: true } : { kind: 'stopped-after', ms: 1_900_000 };
    // AWS shows it late by itself.
    case 'stale-view':
      return undefined;
    default:
      return { kind: struck };
  }
}

/** Strikes what the history is to show: first what has to go wrong before it, then what it aims at. */
function intended({ seed, likely = [], aim, actors, lateFirstTries }: Plan, coverage: Coverage, sinceStartMs: () => number): Faults {
  const random = new Random(`aimed ${seed}`);
  const wanted = [...likely];
  const aimed = [...(aim?.struck ?? [])].flatMap((struck) => faultFor(struck, aim?.stage ?? 'before-the-claim') ?? []);
  const chance = random.pick([0.1, 0.5, 0.9]);
  return (process, call, label) => {
    const at = wanted.findIndex(
      (each) =>
        process.name.startsWith(each.process) &&
        label.includes(each.label) &&
        fits(each.kind, label) &&
        (each.stage === undefined || each.stage === coverage.stageOf(process)),
    );
    const next = wanted[at];
    if (next && random.chance(next.chance)) {
      wanted.splice(at, 1);
      const begins = next.afterStartOf === undefined ? undefined : actors[next.afterStartOf]?.startsAtMs;
      const ms = begins === undefined ? next.ms : Math.max(1, begins + next.ms - sinceStartMs());
      return { process: process.name, call, kind: next.kind, ms };
    }
    if (aimed.length === 0 || coverage.stageOf(process) !== aim?.stage) return undefined;
    const isConditional = isChange.test(label) && label.includes(', if ');
    const isLateTry = process.name.startsWith('plugin') && !lateFirstTries;
    const by = aimed.find(
      ({ kind, onlyConditional }) =>
        fits(kind, label) && (isConditional || onlyConditional !== true) && (kind !== 'arrives-late' || !isLateTry),
    );
    if (!by || !random.chance(chance)) return undefined;
    // A kill waits for what is to come before it, where that can come at all.
    if (by.kind.startsWith('killed') && by !== aimed[0] && random.chance(0.7)) return undefined;
    aimed.splice(aimed.indexOf(by), 1);
    return { process: process.name, call, kind: by.kind, ms: by.ms ?? msOf(by.kind, random) };
  };
}

/** How long a fault lasts, or how far the clock is set. */
function msOf(kind: FaultKind, random: Random): number {
  if (kind === 'clock-set') return random.pick([-150_000, 150_000]);
  return kind === 'arrives-late' || kind === 'killed-in-flight' ? random.pick([1_000, 3_000]) : random.pick(pauses);
}

/** Draws faults as the history goes, at most a few. @param sinceStartMs of the history, at this moment */
export function drawnFaults(plan: Plan, coverage: Coverage, sinceStartMs: () => number): Faults {
  const { seed, lateFirstTries, actors } = plan;
  const isDirected = plan.aim !== undefined || plan.likely !== undefined;
  const first = isDirected ? intended(plan, coverage, sinceStartMs) : () => undefined;
  const random = new Random(`faults ${seed}`);
  // Where something is to go wrong already, less else does.
  let left = isDirected ? random.below(2) : 1 + random.below(3);
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
    if (process.name.includes('closing')) return undefined;
    const intendedFault = first(process, call, label);
    if (intendedFault) return label === lookLabel ? { ...intendedFault, label } : intendedFault;
    if (left === 0 || label === lookLabel) return undefined;
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
    const labelled = byCall.get(`${name} ${number} ${label}`);
    return label === lookLabel ? labelled : (byCall.get(`${name} ${call} `) ?? labelled);
  };
}
