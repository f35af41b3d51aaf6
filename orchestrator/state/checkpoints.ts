import { parseStackName, shortName } from '../domain/stack-name.ts';
import { distrust, distrustInWords } from './checkpoint-trust.ts';
import type { Declared } from './checkpoint-trust.ts';
import { readDeployment } from './deployment.ts';
import { fewAtOnce, readListed } from './bounded.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import { checkpointKey, stacksPrefix } from './layout.ts';
import { parseJson } from './read-json.ts';

/** What a checkpoint says, as far as Holdfast reads it. */
export interface CheckpointContent {
  /** Cloud resources: what the provider made, without the stack, providers and references. */
  readonly resources: number;
  /** What the cloud calls them. */
  readonly ids: readonly string[];
  /** Type tokens of them and of what was begun, each once. */
  readonly types: readonly string[];
  /** True after `stack init`, or a first deployment that made nothing: there is a checkpoint, and nothing in it. */
  readonly empty: boolean;
  /** What may have changed the cloud: a read that was interrupted leaves nothing in doubt. */
  readonly pendingOperations: readonly PendingOperation[];
  /** Full names of the stacks that this one reads, from its StackReferences. */
  readonly upstreams: readonly string[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** A stack's checkpoint. */
export interface StackState extends CheckpointContent {
  readonly stack: string;
  readonly short: string;
  readonly key: string;
  readonly etag: string;
  readonly body: string;
  /** By the bucket's clock: when the checkpoint was last written. */
  readonly modified: Date;
}

export interface PendingOperation {
  readonly type: string;
  readonly urn: string;
}

/** A checkpoint that Holdfast will not work with, and why. */
export interface UnreadableState {
  readonly stack: string;
  readonly key: string;
  /** `distrusted`: it names what Holdfast's own programs do not, and no engine is shown it. */
  readonly reason: 'compressed' | 'malformed' | 'newer-format' | 'distrusted' | 'too-large';
  readonly detail: string;
}

/**
 * Every checkpoint of the network, whether or not the network file still asks for the stack.
 * @param declared what they may name
 * @param known checkpoints that were read before: what the listing shows unchanged is not read again
 */
export async function readStates(
  store: ObjectStore,
  network: string,
  declared: Declared,
  known: ReadonlyMap<string, StackState> = new Map(),
): Promise<{ states: Map<string, StackState>; unreadable: UnreadableState[] }> {
  const objects = (await store.list(stacksPrefix(network))).filter(({ key }) => isCheckpoint(key));
  const read = await fewAtOnce(objects, (object) => {
    const before = known.get(stackOfKey(object.key));
    return before?.key === object.key && before.etag === object.etag ? Promise.resolve(before) : readState(store, object, declared);
  });
  const states = new Map<string, StackState>();
  const unreadable: UnreadableState[] = [];
  for (const state of read) {
    if (!state) continue;
    if ('reason' in state) unreadable.push(state);
    else states.set(state.stack, state);
  }
  return { states, unreadable };
}

const isCheckpoint = (key: string): boolean => /\.json(\.gz|\.zst)?$/.test(key);

/** A checkpoint, without what it says. */
export type CheckpointHead = Pick<StoredObject, 'etag' | 'modified'>;

/** The checkpoint of each of these stacks that has one; compressed ones too, which no part of Holdfast reads. It costs the same in a network of any size. */
export async function checkpointVersions(store: ObjectStore, stacks: readonly string[]): Promise<Map<string, CheckpointHead>> {
  const listings = await fewAtOnce(stacks, (stack) => store.list(checkpointKey(stack)));
  return new Map(
    listings
      .flat()
      .filter(({ key }) => isCheckpoint(key))
      .map(({ key, etag, modified }) => [stackOfKey(key), { etag, modified }]),
  );
}

async function readState(store: ObjectStore, object: StoredObject, declared: Declared): Promise<StackState | UnreadableState | undefined> {
  const stack = stackOfKey(object.key);
  const name = parseStackName(stack);
  if (!name) return undefined;
  if (!object.key.endsWith('.json')) return { stack, key: object.key, reason: 'compressed', detail: 'the checkpoint is compressed' };
  const found = await readListed(store, object, 'checkpoint');
  if (found.kind === 'too-large')
    return { stack, key: object.key, reason: 'too-large', detail: `the checkpoint was not read: ${found.why}` };
  // Removed between the listing and now: the stack is gone, which is what the next look would say.
  if (found.kind === 'gone') return undefined;
  const { stored } = found;
  const json = parseJson(stored.body);
  const parsed = parseCheckpoint(stored.body, json);
  if ('reason' in parsed) return { stack, key: object.key, ...parsed };
  const { account, region } = declared;
  const named = distrust(stored.body, stack, { account, region }, json);
  if (named.length > 0) return { stack, key: object.key, reason: 'distrusted', detail: `the checkpoint ${distrustInWords(named)}` };
  return { stack, short: shortName(name), key: object.key, etag: stored.etag, body: stored.body, modified: stored.modified, ...parsed };
}

/** What Holdfast reads of a checkpoint's content. */
export function parseCheckpoint(body: string, json?: unknown): CheckpointContent | Pick<UnreadableState, 'reason' | 'detail'> {
  const read = readDeployment(body, json);
  if (!read.ok) return { reason: read.reason, detail: `the checkpoint ${read.what}` };
  const { resources, operations } = read.deployment;
  const cloud = resources.filter(({ custom, type }) => custom && !type.startsWith('pulumi:'));
  return {
    resources: cloud.length,
    ids: cloud.flatMap(({ id }) => id ?? []),
    types: [...new Set([...cloud, ...operations.map(({ resource }) => resource)].map(({ type }) => type))],
    empty: resources.length === 0,
    pendingOperations: operations.filter(({ type }) => type !== 'reading').map(({ type, resource }) => ({ type, urn: resource.urn })),
    upstreams: resources
      .filter(({ type }) => type === 'pulumi:pulumi:StackReference')
      .map(
        ({ outputs, inputs }) =>
          String(outputs['name'] ?? inputs['name'])
            .split('/')
            .at(-1) ?? '',
      ),
    outputs: resources.find(({ type }) => type === 'pulumi:pulumi:Stack')?.outputs ?? {},
  };
}

/** Undefined where there is none, or it cannot be read. */
export function contentOf(checkpoint: { readonly body: string } | undefined): CheckpointContent | undefined {
  const content = checkpoint && parseCheckpoint(checkpoint.body);
  return content === undefined || 'reason' in content ? undefined : content;
}

function stackOfKey(key: string): string {
  return (key.split('/').at(-1) ?? '').replace(/\.json(\.gz|\.zst)?$/, '');
}
