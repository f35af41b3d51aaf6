import { isCloudObject, resourceOf } from '../state/deployment.ts';
import type { RawCheckpoint, RawResource, StateResource } from '../state/deployment.ts';
import type { Subject } from './subjects.ts';

export type Reconciled =
  | {
      readonly ok: true;
      /** The checkpoint, for a refresh: what was adopted has no more than its id and its inputs yet. */
      readonly body: string;
    }
  /** What was decided cannot be written as a state that the engine takes. */
  | { readonly ok: false; readonly why: string };

/**
 * Makes the decisions true in a checkpoint. No operation is left pending: each has become a decision. The engine does the rest in its refresh.
 * @param support how providers and parents were recorded in any version, by URN: an adopted resource needs them before it
 */
export function reconcile(raw: RawCheckpoint, subjects: readonly Subject[], support: ReadonlyMap<string, StateResource>): Reconciled {
  const undecided = subjects.find(({ row }) => ['wait', 'ask', 'duplicate'].includes(row.then));
  if (undecided) return { ok: false, why: `nothing was decided of ${undecided.name}` };
  const latest = raw.checkpoint.latest ?? {};
  const kept = (latest.resources ?? []).flatMap((entry) => edited(entry, subjects) ?? []);
  const adopted = subjects.flatMap(adoptedEntry);
  const entries = withSupport([...adopted, ...kept], support);
  const ordered = inDependencyOrder(withoutDangling(entries));
  const problem = integrityProblem(ordered);
  if (problem !== undefined) return { ok: false, why: problem };
  const { pending_operations: _, ...rest } = latest;
  return {
    ok: true,
    body: JSON.stringify({ ...raw, checkpoint: { ...raw.checkpoint, latest: { ...rest, resources: ordered } } }),
  };
}

/** An entry of the checkpoint as the decision on it leaves it; undefined where it goes. */
function edited(entry: RawResource, subjects: readonly Subject[]): RawResource | undefined {
  const state = entry.delete === true ? 'condemned' : entry.pendingReplacement === true ? 'replaced-away' : 'recorded';
  const subject = subjects.find(({ urn, id, facts }) => facts.state === state && urn === entry.urn && (id ?? '') === (entry.id ?? ''));
  switch (subject?.row.then) {
    case 'forget':
    case 'disown':
      return undefined;
    case 'condemn':
      return { ...entry, delete: true };
    default:
      return entry;
  }
}

/** What enters the state: with its id and its inputs, which is all that a refresh needs. */
function adoptedEntry({ facts, row, shape, id }: Subject): RawResource[] {
  if (facts.state !== 'unrecorded' || !shape || id === undefined || !['adopt', 'condemn'].includes(row.then)) return [];
  const entry: RawResource = { ...shape.raw, custom: true, id, outputs: shape.inputs };
  delete entry.pendingReplacement;
  delete entry.delete;
  return [row.then === 'condemn' ? { ...entry, delete: true } : entry];
}

/** Providers and parents that an adopted resource names and that the checkpoint has lost. */
function withSupport(entries: readonly RawResource[], support: ReadonlyMap<string, StateResource>): RawResource[] {
  const all = [...entries];
  const urns = new Set(all.map(({ urn }) => urn));
  // What is put in may need others itself: the list grows while it is gone through.
  for (const { parent, provider } of all)
    for (const urn of [parent, provider?.slice(0, provider.lastIndexOf('::'))]) {
      const missing = urn === undefined || urns.has(urn) ? undefined : support.get(urn);
      if (!missing || isCloudObject(missing)) continue;
      urns.add(missing.urn);
      all.push(missing.raw);
    }
  return all;
}

/** As the engine's own refresh does for what it drops: nobody depends any more on what is gone. */
function withoutDangling(entries: readonly RawResource[]): RawResource[] {
  const urns = new Set(entries.map(({ urn }) => urn));
  const present = (list: unknown): string[] => (Array.isArray(list) ? list.filter((urn): urn is string => urns.has(urn as string)) : []);
  const root = entries.find(({ type }) => type === 'pulumi:pulumi:Stack')?.urn;
  return entries.map((entry) => {
    const { dependencies, propertyDependencies, deletedWith, replaceWith, parent, ...rest } = entry;
    return {
      ...rest,
      ...(parent === undefined ? {} : urns.has(parent) ? { parent } : root === undefined ? {} : { parent: root }),
      ...(dependencies ? { dependencies: present(dependencies) } : {}),
      ...(propertyDependencies
        ? {
            propertyDependencies: Object.fromEntries(
              Object.entries(propertyDependencies as Record<string, unknown>).map(([property, list]) => [property, present(list)]),
            ),
          }
        : {}),
      ...(typeof deletedWith === 'string' && urns.has(deletedWith) ? { deletedWith } : {}),
      ...(replaceWith ? { replaceWith: present(replaceWith) } : {}),
    };
  });
}

/** URNs that have to stand before the entry. */
function needs(entry: RawResource): Set<string> {
  const properties = Object.values((entry['propertyDependencies'] ?? {}) as Record<string, string[] | null>);
  return new Set(
    [
      entry.parent,
      entry.provider?.slice(0, entry.provider.lastIndexOf('::')),
      ...(entry.dependencies ?? []),
      ...properties.flatMap((list) => list ?? []),
      entry['deletedWith'] as string | undefined,
      ...((entry['replaceWith'] as string[] | undefined) ?? []),
    ].filter((urn): urn is string => urn !== undefined && urn !== ''),
  );
}

/** As they stood, but for what has to stand earlier. What is to be deleted comes last of its URN. */
function inDependencyOrder(entries: readonly RawResource[]): RawResource[] {
  const waiting = [...entries].sort((a, b) => Number(a.delete === true) - Number(b.delete === true));
  const placed: RawResource[] = [];
  const urns = new Set<string>();
  while (waiting.length > 0) {
    const next = waiting.findIndex((entry) => [...needs(entry)].every((urn) => urns.has(urn)));
    // What waits for one another in a circle is told by the check of the whole.
    const [entry] = waiting.splice(Math.max(0, next), 1);
    if (!entry) break;
    placed.push(entry);
    urns.add(entry.urn);
  }
  return placed;
}

/**
 * The engine's own check of a state, as far as an edit can break it: it refuses to load one that fails.
 * @see https://github.com/pulumi/pulumi pkg/resource/deploy/snapshot.go, `VerifyIntegrity`
 * @returns what is wrong; undefined where nothing is
 */
export function integrityProblem(entries: readonly RawResource[]): string | undefined {
  const urns = new Set<string>();
  const providers = new Set<string>();
  const live = new Set<string>();
  for (const entry of entries) {
    const { urn, custom, id, provider, pendingReplacement } = entry;
    const { name, condemned } = resourceOf(entry);
    if (custom !== true && id !== undefined && id !== '') return `component ${name} has an id`;
    if (entry.type.startsWith('pulumi:providers:')) providers.add(`${urn}::${id ?? ''}`);
    if (provider !== undefined && provider !== '' && !providers.has(provider) && pendingReplacement !== true)
      return `${name} names a provider that does not stand before it (${provider})`;
    for (const needed of needs(entry)) {
      if (urns.has(needed) || needed === provider?.slice(0, provider.lastIndexOf('::'))) continue;
      const isLater = entries.some((other) => other.urn === needed);
      return `${name} depends on ${needed.split('::').at(-1) ?? needed}, which ${isLater ? 'comes after it' : 'is missing'}`;
    }
    if (!condemned && live.has(urn)) return `${name} is there twice, and neither is to be deleted`;
    if (!condemned) live.add(urn);
    urns.add(urn);
  }
  return undefined;
}
