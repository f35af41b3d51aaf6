import type { ServedCheckpoint } from '../gateway/gateway.ts';
import type { StackNode } from '../graph/graph.ts';
import { contentOf } from '../state/checkpoints.ts';
import type { StackState } from '../state/checkpoints.ts';
import { isSettled, learn } from '../state/index-of-stacks.ts';
import type { Fingerprint, IndexEntry, StackIndex } from '../state/index-of-stacks.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { fingerprintOf, outputDigests } from './fingerprint.ts';
import type { FingerprintSettings, OutputDigest } from './fingerprint.ts';

/** Which stacks the engine is known to have nothing to do for, and what this run learns of that. */
export class Settled {
  readonly #known: StackIndex;
  readonly #settings: FingerprintSettings;
  readonly #learnt = new Map<string, IndexEntry>();

  /** @param known of earlier runs; empty: every stack is run */
  constructor(known: StackIndex, settings: FingerprintSettings) {
    this.#known = known;
    this.#settings = settings;
  }

  fingerprint(node: StackNode, outputs: OutputDigest): Fingerprint | undefined {
    return fingerprintOf(node, this.#settings, outputs);
  }

  /** @param checkpoint ETag of the one that is there */
  isSettled(stack: string, checkpoint: string | undefined, fingerprint: Fingerprint | undefined): boolean {
    return isSettled(this.#known.get(stack), checkpoint, fingerprint);
  }

  /** Over this checkpoint the engine has nothing to do: it has said so, or has just ended, and state and AWS agree. */
  learn(
    stack: string,
    state: Pick<StackState, 'etag' | 'outputs' | 'resources'> | undefined,
    fingerprint: Fingerprint | undefined,
    record?: string,
  ): void {
    if (!state || !fingerprint) return;
    this.#learnt.set(stack, {
      checkpoint: state.etag,
      ...(record === undefined ? {} : { record }),
      fingerprint,
      outputs: outputDigests(state.outputs),
      resources: state.resources,
    });
  }

  /** The same of a checkpoint as it is served. */
  learnServed(stack: string, served: ServedCheckpoint | undefined, fingerprint: Fingerprint | undefined, record?: string): void {
    const content = contentOf(served);
    this.learn(stack, served && content && { ...content, etag: served.etag }, fingerprint, record);
  }

  /**
   * Writes down what was learnt, where that is anything new. Lost, it costs the next run some starts of the engine.
   * @param inFile stacks of the network file
   */
  async keep(store: ObjectStore, network: string, inFile: ReadonlySet<string>): Promise<void> {
    if (this.#learnt.size > 0) await learn(store, network, this.#learnt, inFile).catch(() => undefined);
  }
}

/** As the checkpoints of this moment have them: each is read once. */
export function servedDigests(known: ReadonlyMap<string, ServedCheckpoint>): OutputDigest {
  const digests = new Map<string, Readonly<Record<string, string>>>();
  const digestsOf = (stack: string): Readonly<Record<string, string>> => {
    return outputDigests(contentOf(known.get(stack))?.outputs ?? {});
  };
  return (stack, name) => {
    const read = digests.get(stack) ?? digestsOf(stack);
    digests.set(stack, read);
    return read[name];
  };
}
