import { isDeepStrictEqual } from 'node:util';
import type { InTheWay } from '../aws/in-the-way.ts';
import type { EngineStep } from '../pulumi/engine.ts';
import { readDeployment } from '../state/deployment.ts';
import type { Emit } from './events.ts';
import type { Recorded } from './stack-run.ts';

/** Milliseconds after which a delete that has not ended is looked into, and between looks: so that a person knows within a minute. */
const everyMs = 45_000;

export interface LongDeletesRequest {
  readonly stack: string;
  readonly short: string;
  /** The last checkpoint that the engine wrote. */
  readonly checkpoint: () => string | undefined;
  /** What is in the way of the object's deletion; undefined where nothing of its type is waited for. Never throws: what could not be looked at is said. */
  readonly inTheWay: (object: Recorded) => Promise<InTheWay | undefined>;
  /** Resolves after that time, or as soon as the signal is aborted. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  readonly now: () => number;
  readonly emit: Emit;
  /** Aborted by a person who wants the run to end. */
  readonly draining: AbortSignal;
}

/**
 * Deletes that the provider tries again and again because AWS refuses them: it says nothing of that, and does not end for an interrupt. So a delete that
 * takes long makes the run look, and one for which something stands in the way is not waited for once a person wants the run to end.
 */
export class LongDeletes {
  readonly #request: LongDeletesRequest;
  readonly #open = new Map<string, AbortController>();
  readonly #givenUp = new Map<string, string>();
  readonly #ending = new AbortController();

  constructor(request: LongDeletesRequest) {
    this.#request = request;
  }

  /** Aborted: a delete of the engine is not waited for any more. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** Names of the resources whose delete is not waited for any more. */
  get givenUp(): readonly string[] {
    return [...this.#givenUp.values()];
  }

  /** Whether the step on this resource is one that is not waited for. */
  isGivenUp(urn: string): boolean {
    return this.#givenUp.has(urn);
  }

  add(step: EngineStep): void {
    if (step.op !== 'delete' && step.op !== 'delete-replaced') return;
    this.#open.get(step.urn)?.abort();
    this.#open.delete(step.urn);
    if (step.phase !== 'started') return;
    const ended = new AbortController();
    this.#open.set(step.urn, ended);
    void this.#watch(step, ended.signal);
  }

  /** The engine has ended. */
  close(): void {
    for (const ended of this.#open.values()) ended.abort();
  }

  async #watch(step: EngineStep, ended: AbortSignal): Promise<void> {
    const { stack, short, inTheWay, sleep, now, emit } = this.#request;
    const startedMs = now();
    let told: unknown;
    for (;;) {
      await sleep(everyMs, ended);
      if (ended.aborted) return;
      const object = recordedAs(this.#request.checkpoint(), step);
      if (object === undefined) return;
      const looked = await inTheWay(object);
      // It may have ended meanwhile.
      if (looked === undefined || this.#open.get(step.urn)?.signal !== ended) return;
      const { obstacles, unseen, triedSeconds } = looked;
      if (obstacles.length + unseen.length === 0 || isDeepStrictEqual(told, [obstacles, unseen])) continue;
      told = [obstacles, unseen];
      emit({
        type: 'delete-waits',
        stack,
        short,
        resource: step.name,
        resourceType: step.type,
        id: object.id,
        seconds: (now() - startedMs) / 1000,
        until: new Date(startedMs + triedSeconds * 1000).toISOString(),
        obstacles,
        unseen,
      });
      this.#endWith(step, ended);
    }
  }

  #endWith({ urn, name }: EngineStep, ended: AbortSignal): void {
    const { draining } = this.#request;
    const giveUp = (): void => {
      if (ended.aborted) return;
      this.#givenUp.set(urn, name);
      this.#ending.abort();
    };
    if (draining.aborted) giveUp();
    else draining.addEventListener('abort', giveUp, { once: true, signal: ended });
  }
}

/** What a delete is of, as the checkpoint has it; undefined where it does not have it. */
export function recordedAs(checkpoint: string | undefined, { urn, op }: EngineStep): Recorded | undefined {
  const read = checkpoint === undefined ? undefined : readDeployment(checkpoint);
  const resource = (read?.ok ? read.deployment.resources : []).find(
    (one) => one.urn === urn && one.id !== undefined && one.condemned === (op === 'delete-replaced'),
  );
  return resource?.id === undefined ? undefined : { type: resource.type, id: resource.id };
}
