import { readDeployment } from '../state/deployment.ts';
import type { Deployment, RawCheckpoint, ReadDeployment } from '../state/deployment.ts';
import { HistoryReader } from './history.ts';
import type { History } from './history.ts';
import type { ReadVersion } from './quarantine.ts';
import { integrityProblem } from './reconcile.ts';

/** What the versions of a checkpoint come to, taken one by one as they are copied. Of all but the newest no text is kept. */
export class ReadVersions {
  readonly #history = new HistoryReader();
  #newest: (ReadVersion & { readonly read: ReadDeployment | undefined }) | undefined;
  #lastGood: string | undefined;
  #empty: RawCheckpoint = { version: 3, checkpoint: {} };

  /** @param one oldest first */
  add(one: ReadVersion): void {
    const { version, etag, body } = one;
    const read = body === null ? undefined : readDeployment(body);
    this.#newest = { ...one, read };
    // One that was taken away while it was copied says nothing; of a removed stack it is said that there is nothing.
    if (body === null && etag === null) this.#history.add({ version, deployment: { resources: [], operations: [] } });
    if (read?.ok !== true) return;
    this.#history.add({ version, deployment: read.deployment });
    if (brokenBy(read.deployment) === undefined) this.#lastGood = version;
    const { latest } = read.raw.checkpoint;
    if (latest)
      this.#empty = { ...read.raw, checkpoint: { ...read.raw.checkpoint, latest: { ...latest, resources: [], pending_operations: [] } } };
  }

  /** What is in the bucket now. */
  get newest(): (ReadVersion & { readonly read: ReadDeployment | undefined }) | undefined {
    return this.#newest;
  }

  /** The last one that the engine takes. */
  get lastGood(): string | undefined {
    return this.#lastGood;
  }

  /** A checkpoint with nothing in it, of the format that the stack's versions have. */
  get empty(): RawCheckpoint {
    return this.#empty;
  }

  get history(): History {
    return this.#history.read();
  }
}

/** Why the engine would refuse it. */
export const brokenBy = ({ resources }: Deployment): string | undefined => integrityProblem(resources.map(({ raw }) => raw));
