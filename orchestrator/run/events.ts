import type { PropertyStanding } from '../aws/bucket-properties.ts';
import type { InTheWay, Obstacle } from '../aws/in-the-way.ts';
import type { CheckResult } from '../preflight/check.ts';
import type { Foreign, Text } from '../domain/foreign.ts';
import type { Problem } from '../domain/problem.ts';
import type { ExitCode } from '../domain/exit-codes.ts';
import type { RecoveryStep } from '../journal/events.ts';
import type { Decision } from '../recovery/facts.ts';
import type { Question } from '../recovery/questions.ts';
import type { PathWarning } from '../reachability/json.ts';
import type { Effects } from './effects.ts';
import type { Pass, PassKind } from './passes.ts';

/** Everything that a command tells a person or a machine while it works. The screen, plain lines and NDJSON are three readings of the same events. */
export type RunEvent =
  | {
      readonly type: 'target';
      readonly command: string;
      readonly network: string;
      readonly file: string;
      readonly account: string;
      readonly region: string;
      readonly target: 'LAB' | 'REAL';
    }
  | { readonly type: 'note'; readonly message: string }
  /** How far something long is; the next one takes its place. */
  | { readonly type: 'progress'; readonly message: string }
  | {
      readonly type: 'check';
      readonly check: CheckResult;
      /** False: one line for all of them says enough while they are ok. */ readonly listed: boolean;
    }
  /** What one property of the state bucket is, or has become. */
  | { readonly type: 'bucket-property'; readonly property: PropertyStanding; readonly next?: string }
  | {
      readonly type: 'checked';
      readonly checks: number;
      readonly warnings: number;
      /** Of which nothing is known, because it could not be looked at. */
      readonly notChecked: number;
      readonly session: string;
    }
  | { readonly type: 'stage-started'; readonly stage: Stage; readonly stacks: readonly StackLabel[] }
  /** Of a run that has several. */
  | {
      readonly type: 'pass-started';
      readonly pass: PassKind;
      readonly number: number;
      readonly of: number;
      readonly stacks: readonly string[];
    }
  | { readonly type: 'stack-started'; readonly stack: string; readonly total: number }
  | {
      readonly type: 'step';
      readonly stack: string;
      readonly phase: 'started' | 'done' | 'failed';
      readonly op: string;
      readonly resource: string;
      readonly resourceType: string;
    }
  | { readonly type: 'engine-output'; readonly stack: string; readonly text: Foreign }
  | { readonly type: 'stack-ended'; readonly stack: string; readonly end: StackEnd; readonly seconds: number }
  | { readonly type: 'stage-ended'; readonly stage: Stage }
  | { readonly type: 'plan'; readonly plan: NetworkPlan }
  | { readonly type: 'draining'; readonly message: string }
  /** A stack waits for something that most likely comes back. */
  | { readonly type: 'waiting'; readonly stack: string; readonly message: string }
  /** The session of a stack's engine is nearly over: no step begins any more, and what is not at its end by then is ended. */
  | { readonly type: 'session-ends'; readonly stack: string; readonly short: string; readonly ends: string }
  /** AWS has not deleted an object for a while, and it was looked at what is in the way. Told again where that is another by then. */
  | {
      readonly type: 'delete-waits';
      readonly stack: string;
      readonly short: string;
      readonly resource: string;
      readonly resourceType: string;
      readonly id: string;
      /** Since the delete began. */
      readonly seconds: number;
      /** Until then at most the provider tries it. */
      readonly until: string;
      readonly obstacles: readonly Obstacle[];
      /** What could not be looked at, with the code of AWS. */
      readonly unseen: InTheWay['unseen'];
    }
  /** The command waits for locks of others: told when something of it changes, and once a minute. */
  | {
      readonly type: 'lock-wait';
      /** Empty where the look failed. */
      readonly holders: readonly LockHolder[];
      readonly waiters: readonly Waiter[];
      /** When it is given up. */
      readonly until: string;
      /** Why the bucket could not be looked at. */
      readonly failed?: string;
    }
  | {
      readonly type: 'recovery-step';
      readonly stack: string;
      readonly step: RecoveryStep;
      /** What it came to. */
      readonly said: string;
      readonly seconds: number;
    }
  /** What is to become of one object that was in doubt, or is not in AWS as the state has it. */
  | {
      readonly type: 'decision';
      readonly stack: string;
      readonly resource: string;
      readonly id: string | null;
      readonly decision: Decision;
      readonly because: string;
    }
  | { readonly type: 'question'; readonly stack: string; readonly question: Question }
  /** What a drill shows, laid out already: its commands have each made visible what they print. */
  | { readonly type: 'rehearsed'; readonly text: string }
  | { readonly type: 'problem'; readonly problem: Problem }
  | {
      readonly type: 'summary';
      readonly command: string;
      readonly ends: readonly StackResult[];
      readonly seconds: number;
      readonly exitCode: ExitCode;
    };

/** Who has a stack that is waited for. */
export interface LockHolder {
  readonly stack: string;
  readonly by: 'run' | 'pulumi';
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly since: string;
  readonly run?: string;
  readonly operation?: string;
  readonly ciLink?: string;
}

/** Another process that waits for locks of the network. */
export interface Waiter {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly since: string;
  readonly ciLink?: string;
  /** Set where it is not there any more, or nothing is heard of it. */
  readonly lastHeard?: string;
}

export type Stage = 'plan' | 'up' | 'destroy';

export interface StackLabel {
  readonly stack: string;
  readonly short: string;
  readonly kind: string;
}

export type Emit = (event: RunEvent) => void;

/** Also as other processes read it. */
export const stackOutcomes = [
  'planned',
  'applied',
  'destroyed',
  'unchanged',
  'failed',
  'held',
  'recovered',
  'recoverable',
  'undecided',
  'locked',
  'skipped',
  'not-started',
] as const satisfies readonly StackEnd['outcome'][];

/** How a stack's part in a stage ended. */
export type StackEnd =
  | { readonly outcome: 'planned'; readonly counts: ChangeCounts }
  | { readonly outcome: 'applied'; readonly counts: ChangeCounts }
  | { readonly outcome: 'destroyed'; readonly deleted: number }
  | { readonly outcome: 'unchanged' }
  | { readonly outcome: 'failed'; readonly errors: readonly Text[] }
  /** AWS may hold something that the state does not say: the lock stands. */
  | { readonly outcome: 'held'; readonly errors: readonly Text[] }
  /** State and AWS agree again, and the lock is released. */
  | { readonly outcome: 'recovered'; readonly said: string }
  /** In a rehearsal: nothing was written. */
  | { readonly outcome: 'recoverable'; readonly said: string }
  /** Held, until a person answers. */
  | { readonly outcome: 'undecided'; readonly questions: readonly string[] }
  | { readonly outcome: 'locked'; readonly message: string }
  | { readonly outcome: 'skipped'; readonly because: string }
  | {
      readonly outcome: 'not-started';
      /** `first-stack-locked`: counted where it happened, at the first stack. `checkpoint-refused`: no engine is shown it. */
      readonly reason: 'stopped' | 'session-too-short' | 'first-stack-locked' | 'checkpoint-refused';
      readonly because: string;
    };

export interface StackResult {
  readonly stack: string;
  readonly short: string;
  readonly end: StackEnd;
  readonly seconds: number;
}

export interface ChangeCounts {
  readonly create: number;
  readonly update: number;
  readonly replace: number;
  readonly delete: number;
  readonly same: number;
}

export const noChanges: ChangeCounts = { create: 0, update: 0, replace: 0, delete: 0, same: 0 };

/** Of two passes over one stack: what the first leaves for the second, and what it has made, is the same in the other. */
export const addCounts = (one: ChangeCounts, other: ChangeCounts): ChangeCounts => ({
  create: one.create + other.create,
  update: one.update + other.update,
  replace: one.replace + other.replace,
  delete: one.delete + other.delete,
  same: Math.min(one.same, other.same),
});

export interface PlannedChange {
  readonly op: 'create' | 'update' | 'replace' | 'delete';
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly changed: readonly string[];
  readonly replacing: readonly string[];
  /** Of a replacement: AWS takes no second one beside the first. */
  readonly deletesFirst?: true;
  /** Of a delete: an earlier replacement has left it. What took its place stays, and no traffic goes over it. */
  readonly condemned?: true;
}

export interface StackPlan {
  readonly stack: string;
  readonly short: string;
  /** What the network file calls by now what the stack is of, where that was deployed with another name. */
  readonly nameInFile?: string;
  readonly exists: boolean;
  /** It has left the network file, and all of it goes. */
  readonly leaves?: true;
  /** False: applying it would write nothing, neither to AWS nor to the state. */
  readonly hasChanges: boolean;
  /** Its state lacks outputs that are known already, or has older ones: an earlier run was interrupted before it wrote them. */
  readonly lacksOutputs?: true;
  readonly counts: ChangeCounts;
  readonly changes: readonly PlannedChange[];
}

export interface NetworkPlan {
  readonly stacks: readonly StackPlan[];
  /** In which it is carried out, each with something to do. */
  readonly passes: readonly Pass[];
  /** Undefined where nothing changes. */
  readonly effects?: Effects;
  /** What the network file has that works and is hardly meant. Undefined where nothing changes: it is not looked for then. */
  readonly warnings?: readonly PathWarning[];
  /** Stacks that could not be planned, each with why. */
  readonly failed: readonly { readonly stack: string; readonly short: string; readonly errors: readonly Text[] }[];
  /** Stacks that exist, that the network file no longer asks for, and that stay. */
  readonly notInFile: readonly { readonly stack: string; readonly short: string; readonly resources: number }[];
}
