import { objectKey } from '../inventory/live-object.ts';
import { isCloudObject } from '../state/deployment.ts';
import type { Deployment, StateOperation, StateResource } from '../state/deployment.ts';

/** One version of a checkpoint since the interrupted run began, the first being the one that it began from. */
export interface CheckpointVersion {
  /** The bucket's name for it. */
  readonly version: string;
  /** What it says; an empty one where the stack was removed. */
  readonly deployment: Deployment;
}

/** An operation that was begun and of which no end is recorded. */
export interface OpenOperation extends StateOperation {
  /** The last version that names it. */
  readonly version: string;
  /** False: later versions do not name it any more, and have no result of it. Of a provider that was killed nothing else is left. */
  readonly current: boolean;
}

/** What the versions of a checkpoint tell of the interrupted run. */
export interface History {
  readonly open: readonly OpenOperation[];
  /** Objects that some version has and the newest one has not, each as it was seen last. */
  readonly former: readonly StateResource[];
  /** Of the former ones those whose deletion the engine has seen through, as `objectKey` names them. */
  readonly seenDeleted: ReadonlySet<string>;
  /** What updates were to make of resources, whether they ended or not: AWS may have given the object another id, under which it has what was wanted. */
  readonly updates: readonly StateResource[];
  /** By URN: how each resource was recorded, or was to be recorded, last. */
  readonly shapes: ReadonlyMap<string, StateResource>;
}

/**
 * Reads the versions as the engine wrote them: an intent before each step, its result after it. An update that is not named any more has ended: it
 * leaves nothing in doubt that a refresh does not show.
 * @param versions oldest first; the last one is the current one
 */
export function readHistory(versions: readonly CheckpointVersion[]): History {
  const reader = new HistoryReader();
  for (const version of versions) reader.add(version);
  return reader.read();
}

/** Takes the versions one by one, oldest first, and keeps of each no more than what they all come to: there may be thousands. */
export class HistoryReader {
  readonly #open = new Map<
    string,
    { readonly operation: StateOperation; readonly version: string; readonly idsBefore: ReadonlySet<string> }
  >();
  readonly #seenDeleted = new Set<string>();
  readonly #everSeen = new Map<string, StateResource>();
  readonly #updates = new Map<string, StateResource>();
  readonly #shapes = new Map<string, StateResource>();
  #newest: string | undefined;
  #current: ReadonlySet<string> = new Set();

  add({ version, deployment }: CheckpointVersion): void {
    const open = this.#open;
    const named = new Set<string>();
    for (const operation of deployment.operations) {
      const key = operationKey(operation);
      named.add(key);
      open.set(key, { operation, version, idsBefore: open.get(key)?.idsBefore ?? idsOf(deployment, operation.resource.urn) });
      const { type, resource } = operation;
      if (type === 'updating') this.#updates.set(`${resource.urn} ${JSON.stringify(resource.inputs)}`, resource);
      this.#shapes.set(resource.urn, resource);
    }
    for (const resource of deployment.resources) {
      const { type, id, urn, condemned, replacing } = resource;
      if (id !== undefined && isCloudObject(resource)) {
        this.#everSeen.set(objectKey({ type, id }), resource);
        // An id that is made of a key comes again: what was deleted under it then is not what there is now.
        if (!replacing) this.#seenDeleted.delete(objectKey({ type, id }));
      }
      if (!condemned && !replacing) this.#shapes.set(urn, resource);
    }
    for (const [key, { operation, idsBefore }] of open) {
      if (named.has(key)) continue;
      const { type, resource } = operation;
      const entries = deployment.resources.filter(({ urn }) => urn === resource.urn);
      const isDone =
        type === 'creating'
          ? entries.some(
              ({ id, custom, condemned, replacing }) => !condemned && !replacing && (!custom || (id !== undefined && !idsBefore.has(id))),
            )
          : type === 'deleting'
            ? !entries.some(({ id, replacing }) => id === resource.id && !replacing)
            : true;
      if (!isDone) continue;
      open.delete(key);
      if (type === 'deleting' && resource.id !== undefined) this.#seenDeleted.add(objectKey({ type: resource.type, id: resource.id }));
    }
    this.#newest = version;
    this.#current = new Set(deployment.resources.flatMap(({ type, id }) => (id === undefined ? [] : [objectKey({ type, id })])));
  }

  read(): History {
    return {
      open: [...this.#open.values()].map(({ operation, version }) => ({ ...operation, version, current: version === this.#newest })),
      former: [...this.#everSeen].flatMap(([key, resource]) => (this.#current.has(key) ? [] : [resource])),
      seenDeleted: this.#seenDeleted,
      updates: [...this.#updates.values()],
      shapes: this.#shapes,
    };
  }
}

/** A create has no id yet, and there is one of a resource at a time; a delete is of one object. */
function operationKey({ type, resource }: StateOperation): string {
  return type === 'creating' ? `creating ${resource.urn}` : `${type} ${resource.urn} ${resource.id ?? ''}`;
}

/** What is recorded before a create. Of what waits for its replacement the id may come again, where it is made of a key. */
function idsOf({ resources }: Deployment, urn: string): ReadonlySet<string> {
  return new Set(
    resources.flatMap((resource) => (resource.urn === urn && resource.id !== undefined && !resource.replacing ? [resource.id] : [])),
  );
}
