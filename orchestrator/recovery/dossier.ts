import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { jsonText } from '../domain/foreign.ts';
import type { Answer, RecoveryStep } from '../journal/events.ts';
import { etagForm, fittedProse, lineForm, networkForm, proseForm, runForm, stackForm } from '../domain/forms.ts';
import { fewAtOnce, readListed } from '../state/bounded.ts';
import { dossiersPrefix, schemaVersion } from '../state/layout.ts';
import type { Deployment } from '../state/deployment.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import { readObject } from '../state/read-json.ts';
import type { Facts } from './facts.ts';
import type { Question } from './questions.ts';
import type { Source } from './subjects.ts';
import type { PlannedStep } from './verify.ts';

/** Everything that a recovery of one stack found, decided and did, and when. Written at its end, however it ended. */
export interface Dossier {
  readonly schema: number;
  readonly recovery: string;
  /** The interrupted run. */
  readonly run: string;
  readonly network: string;
  readonly stack: string;
  readonly account: string;
  readonly region: string;
  readonly by: string;
  readonly incident: string | null;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly outcome: 'recovered' | 'undecided' | 'held' | 'refused' | 'lost';
  /** Where it did not recover: why, in words. */
  readonly why: string | null;
  readonly questions: readonly Question[];
  readonly steps: readonly { readonly step: RecoveryStep; readonly at: string; readonly seconds: number; readonly said: string }[];
  readonly lock: {
    /** Of the interrupted run; null where none stood. */
    readonly before: { readonly etag: string; readonly owner: string; readonly since: string } | null;
    /** The one that the recovery worked behind. */
    readonly etag: string;
    readonly epoch: number;
    readonly releasedAt: string | null;
  };
  readonly writer: { readonly how: string; readonly saidBy: string | null };
  readonly quarantine: { readonly prefix: string; readonly manifest: string; readonly versions: number } | null;
  readonly before: Content | null;
  readonly after: Content | null;
  /** ETag of the checkpoint that was written at the end; null where none was. */
  readonly promoted: string | null;
  readonly evidence: readonly Entry[];
  readonly looks: readonly { readonly at: string; readonly objects: number; readonly incomplete: readonly string[] }[];
  readonly trail: string;
  readonly answers: readonly Answer[];
  /** What AWS and the state do not agree in, and was not in doubt: for the next `up`, or for somebody to look at. */
  readonly differences: readonly string[];
  readonly plan: Plan | null;
  /** The plan on the bucket, after the release. */
  readonly confirmed: Plan | null;
}

interface Content {
  readonly etag: string | null;
  readonly resources: readonly { readonly name: string; readonly type: string; readonly id: string | null; readonly state: string }[];
  readonly pendingOperations: readonly { readonly type: string; readonly name: string }[];
}

interface Entry {
  readonly urn: string;
  readonly name: string;
  readonly type: string;
  readonly id: string | null;
  readonly decision: string;
  /** Of the decision table. */
  readonly row: string;
  readonly because: string;
  readonly facts: Facts;
  readonly sources: readonly { readonly from: Source['from']; readonly says: string }[];
}

export type Plan = { readonly changes: readonly PlannedStep[] } | { readonly failed: readonly string[] };

export function contentOf({ resources, operations }: Deployment, etag: string | null): Content {
  return {
    etag,
    resources: resources.map(({ name, type, id, condemned, replacing }) => ({
      name,
      type,
      id: id ?? null,
      state: condemned ? 'to be deleted' : replacing ? 'deleted, to be replaced' : 'there',
    })),
    pendingOperations: operations.map(({ type, resource }) => ({ type, name: resource.name })),
  };
}

/** @param count 2 and more: of a recovery that wrote others before. Listed after them. */
export const dossierKey = ({ network, run, stack, recovery }: Pick<Dossier, 'network' | 'run' | 'stack' | 'recovery'>, count = 1): string =>
  `${dossiersPrefix(network, run, stack)}${recovery}${count === 1 ? '' : `_${count}`}.json`;

/**
 * Writes it, and the page of it that a person reads, beside each other. Each is written once: where there is one of that name, it is another's to keep, and
 * this one gets a name of its own.
 * @param text of the page
 * @returns its key
 */
export async function writeDossier(store: ObjectStore, dossier: Dossier, text: string, patienceSeconds: number): Promise<string> {
  // Its own words, and what others said, in a form that is read back; the rest is as it was found.
  const { why, writer } = dossier;
  const fitted = { ...dossier, why: why === null ? null : fittedProse(why, 20_000), writer: { ...writer, how: fittedProse(writer.how) } };
  const body = jsonText(fitted, 2);
  const key = await putNew(store, (count) => dossierKey(dossier, count), body, patienceSeconds);
  return putNew(store, (count) => key.replace(/\.json$/, `${count === 1 ? '' : `_${count}`}.md`), text, patienceSeconds);
}

async function putNew(store: ObjectStore, keyOf: (count: number) => string, body: string, patienceSeconds: number): Promise<string> {
  for (let count = 1; ; count += 1) {
    const key = keyOf(count);
    // The same for each try: one whose reply was lost is known as its own.
    const write = randomUUID();
    const { done } = await patiently(() => store.put(key, body, { only: 'if-absent' }, write), { seconds: patienceSeconds });
    if (done) return key;
  }
}

/** A release that a person did. Immutable, beside the dossiers of the recoveries before it. */
export interface ReleaseNote {
  readonly network: string;
  readonly run: string;
  readonly stack: string;
  readonly by: string;
  readonly incident: string;
  readonly at: string;
  readonly unreconciled: boolean;
  readonly items: readonly { readonly what: string; readonly done: boolean; readonly detail: string }[];
}

export async function writeReleaseNote(store: ObjectStore, note: ReleaseNote): Promise<void> {
  const { network, run, stack, at } = note;
  const key = `${dossiersPrefix(network, run, stack)}release-${at.replaceAll(/[-:.]/g, '')}.json`;
  await store.put(key, jsonText({ schema: schemaVersion, ...note }, 2), { only: 'if-absent' });
}

/** Only what a release asks of it; the rest is for people, and may be of another version. */
const readableSchema = z.looseObject({
  schema: z.number(),
  network: networkForm,
  run: runForm,
  stack: stackForm,
  recovery: runForm,
  outcome: z.enum(['recovered', 'undecided', 'held', 'refused', 'lost']),
  why: proseForm(20_000).nullable(),
  promoted: etagForm.nullable(),
  lock: z.looseObject({ etag: lineForm(200) }),
  writer: z.looseObject({ how: proseForm(4000) }),
  quarantine: z.looseObject({ prefix: lineForm(1000), versions: z.int().min(0) }).nullable(),
});

export type ReadableDossier = z.infer<typeof readableSchema>;

const isKeyOf = (key: string, dossier: ReadableDossier): boolean =>
  [key, key.replace(/_\d+\.json$/, '.json')].includes(dossierKey(dossier));

/** The newest of them: a recovery's name begins with its time. They may be large. */
const dossiersRead = 20;
const dossiersAtOnce = 4;

/** Of a stack in a run, oldest first. One that cannot be read, or is not of the recovery that its key names, is as if it were not there: a release is refused without it. */
export async function readDossiers(store: ObjectStore, network: string, run: string, stack: string): Promise<readonly ReadableDossier[]> {
  const prefix = dossiersPrefix(network, run, stack);
  const listed = (await store.list(prefix)).filter(({ key }) => key.endsWith('.json') && !key.startsWith(`${prefix}release-`));
  const read = await fewAtOnce(
    listed.slice(-dossiersRead),
    async (object) => {
      const found = await readListed(store, object, 'dossier');
      const dossier = found.kind === 'there' ? readObject(found.stored.body, readableSchema) : undefined;
      return dossier?.ok === true && isKeyOf(object.key, dossier.value) ? [dossier.value] : [];
    },
    dossiersAtOnce,
  );
  return read.flat();
}
