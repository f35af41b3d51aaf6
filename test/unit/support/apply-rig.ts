import { Engine } from '../../../orchestrator/pulumi/engine.ts';
import type { EngineResult, EngineStep } from '../../../orchestrator/pulumi/engine.ts';
import { applyNetwork } from '../../../orchestrator/run/apply.ts';
import type { ApplyRequest, LiveSession, Work, WorkOptions } from '../../../orchestrator/run/apply.ts';
import { noChanges } from '../../../orchestrator/run/events.ts';
import type { RunEvent } from '../../../orchestrator/run/events.ts';
import { MemoryStore } from './memory-store.ts';
import { ownerOf } from './owner.ts';

export const succeeded: EngineResult = { outcome: 'succeeded', steps: [], unfinished: [] };

export const failedWith = (...errors: string[]): EngineResult => ({
  outcome: 'failed',
  steps: [],
  unfinished: [],
  failures: [],
  started: true,
  errors,
  interrupted: false,
});

export const stepOf = (op: string, name: string): EngineStep => ({
  phase: 'started',
  op,
  type: 'aws:ec2/vpc:Vpc',
  name,
  urn: `urn:pulumi:s::p::aws:ec2/vpc:Vpc::${name}`,
  changed: [],
  replacing: [],
});

/** A session of fixed length; `renewed` is what is left after a renewal, if there can be one. */
export function sessionWith(seconds: number, renewed?: number): LiveSession & { readonly renewals: () => number } {
  let left = seconds;
  let renewals = 0;
  return {
    remainingSeconds: () => left,
    renew: () => {
      if (renewed === undefined) return Promise.resolve(false);
      renewals += 1;
      left = renewed;
      return Promise.resolve(true);
    },
    environment: () => ({ AWS_SESSION_TOKEN: `of ${left} s` }),
    renewals: () => renewals,
  };
}

/** An applied network without engine, AWS or bucket: each stack does what the test says. */
export class ApplyRig {
  readonly store = new MemoryStore();
  readonly events: RunEvent[] = [];
  /** Stacks whose engine was started, in that order. */
  readonly started: string[] = [];
  readonly draining = new AbortController();
  readonly interrupting = new AbortController();
  readonly #work: Work[] = [];

  stack(
    short: string,
    after: readonly string[] = [],
    run: (options: WorkOptions) => Promise<EngineResult> | EngineResult = () => succeeded,
    more: Partial<Work> = {},
  ): this {
    const stack = `example.${short}`;
    this.#work.push({
      stack,
      short,
      kind: 'VPCs',
      after: after.map((name) => `example.${name}`),
      needed: true,
      total: 1,
      forecastSeconds: 120,
      run: async (_, options) => {
        this.started.push(short);
        return run(options);
      },
      succeeded: () => ({ outcome: 'applied', counts: { ...noChanges, create: 1 } }),
      ...more,
    });
    return this;
  }

  async apply(different: Partial<ApplyRequest> = {}) {
    const { ends, exitCode } = await applyNetwork({
      stage: 'up',
      work: this.#work,
      engine: new Engine({ project: 'holdfast', cli: { path: '/nonexistent', version: '0.0.0' }, pulumiHome: '/nonexistent' }),
      store: this.store,
      owner: ownerOf('mine'),
      session: sessionWith(Number.POSITIVE_INFINITY),
      minimumSessionSeconds: 1800,
      changedSincePlan: () => Promise.resolve([]),
      pendingOperations: () => Promise.resolve([]),
      parallel: 4,
      verbose: false,
      emit: (event) => this.events.push(event),
      now: () => 0,
      draining: this.draining.signal,
      interrupting: this.interrupting.signal,
      ...different,
    });
    return { ends: Object.fromEntries(ends.map(({ short, end }) => [short, end])), exitCode };
  }

  /** Short names of the stacks whose locks stand. */
  locked(): string[] {
    return this.store.keys().map((key) => /example\.(.*)\.json$/.exec(key)?.[1] ?? key);
  }
}
