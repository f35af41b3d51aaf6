import { z } from 'zod';
import { formatSeconds } from '../domain/duration.ts';
import type { Answer, RecoveryStep } from '../journal/events.ts';
import { dossiersPrefix, schemaVersion } from '../state/layout.ts';
import type { Deployment } from '../state/deployment.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import { readObject } from '../state/read-json.ts';
import { describeAnswer } from './describe.ts';
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
  readonly sources: readonly Source[];
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

export const dossierKey = ({ network, run, stack, recovery }: Pick<Dossier, 'network' | 'run' | 'stack' | 'recovery'>): string =>
  `${dossiersPrefix(network, run, stack)}${recovery}.json`;

/** Writes it, and the page of it that a person reads, beside each other. @returns the key of the page */
export async function writeDossier(store: ObjectStore, dossier: Dossier, patienceSeconds: number): Promise<string> {
  const key = dossierKey(dossier);
  const page = key.replace(/\.json$/, '.md');
  const text = JSON.stringify(dossier, null, 2);
  await patiently(() => store.put(key, text, { only: 'always' }), { seconds: patienceSeconds });
  await patiently(() => store.put(page, dossierPage(dossier), { only: 'always' }), { seconds: patienceSeconds });
  return page;
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
  await store.put(key, JSON.stringify({ schema: schemaVersion, ...note }, null, 2), { only: 'if-absent' });
}

/** Only what a release asks of it; the rest is for people, and may be of another version. */
const readableSchema = z.looseObject({
  schema: z.number(),
  recovery: z.string(),
  outcome: z.string(),
  why: z.string().nullable(),
  promoted: z.string().nullable(),
  lock: z.looseObject({ etag: z.string() }),
  writer: z.looseObject({ how: z.string() }),
  quarantine: z.looseObject({ prefix: z.string(), versions: z.number() }).nullable(),
});

export type ReadableDossier = z.infer<typeof readableSchema>;

/** Of a stack in a run, oldest first. One that cannot be read is as if it were not there: a release is refused without it. */
export async function readDossiers(store: ObjectStore, network: string, run: string, stack: string): Promise<readonly ReadableDossier[]> {
  const prefix = dossiersPrefix(network, run, stack);
  const keys = (await store.list(prefix))
    .map(({ key }) => key)
    .filter((key) => key.endsWith('.json') && !key.startsWith(`${prefix}release-`));
  const read = await Promise.all(
    keys.map(async (key) => {
      const stored = await store.get(key);
      const dossier = stored && readObject(stored.body, readableSchema);
      return dossier?.ok === true ? [dossier.value] : [];
    }),
  );
  return read.flat();
}

const outcomeWords: Record<Dossier['outcome'], string> = {
  recovered: 'recovered: state and AWS agree, and the lock is released',
  undecided: 'a person must decide; the stack is held, and nothing was written to its state',
  held: 'not recovered; the stack is held as before',
  refused: 'an answer that cannot be; the stack is held as before',
  lost: 'given up: somebody else took the stack over',
};

const stepWords: Record<RecoveryStep, string> = {
  freeze: 'froze',
  quarantine: 'snapshotted',
  evidence: 'gathered evidence',
  reconcile: 'reconciled',
  verify: 'verified',
  promote: 'wrote the state',
  release: 'released the lock',
  confirm: 'planned again',
};

/** Markdown, for whoever writes the postmortem. */
export function dossierPage(dossier: Dossier): string {
  const { stack, run, recovery, lock, writer, quarantine } = dossier;
  const seconds = (Date.parse(dossier.endedAt) - Date.parse(dossier.startedAt)) / 1000;
  const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines]);
  return [
    `# ${stack}: ${outcomeWords[dossier.outcome]}`,
    '',
    ...list([
      ['interrupted run', run],
      ['recovery', `${recovery} by ${dossier.by}, ${dossier.startedAt} to ${dossier.endedAt} (${formatSeconds(seconds)})`],
      ['where', `network ${dossier.network}, account ${dossier.account}, ${dossier.region}`],
      ['incident', dossier.incident ?? 'none named'],
      ['nobody else could write', `${writer.how}${writer.saidBy === null ? '' : `, said by ${writer.saidBy}`}`],
      ['lock', lock.before === null ? 'none stood when the recovery began' : `${lock.before.owner} since ${lock.before.since}`],
      ['lock released', lock.releasedAt ?? 'not released'],
      ['quarantine', quarantine === null ? 'nothing was copied' : `${quarantine.versions} versions under ${quarantine.prefix}`],
      ...(dossier.why === null ? [] : ([['why not', dossier.why]] as const)),
    ]),
    ...section(
      'To decide',
      dossier.questions.flatMap(({ question, answers }) => [
        `- ${question}`,
        ...answers.map(({ means, command }) => `  - ${means}: \`${command}\``),
      ]),
    ),
    ...section('What was done', [
      ...tableOf(
        ['time (UTC)', 'took', 'step', ''],
        dossier.steps.map(({ step, at, seconds: took, said }) => [at.slice(11, 19), formatSeconds(took), stepWords[step], said]),
      ),
    ]),
    ...section('Decisions', [
      ...tableOf(
        ['resource', 'id', 'decision', 'because', 'evidence'],
        dossier.evidence
          .filter(({ decision, facts }) => decision !== 'keep' || facts.operation !== 'none')
          .map((entry) => [
            entry.name,
            entry.id ?? '',
            `${entry.decision} (${entry.row})`,
            entry.because,
            entry.sources.map(({ from, says }) => `${from}: ${says}`).join('; '),
          ]),
      ),
      '',
      `Everything else (${dossier.evidence.filter(({ decision, facts }) => decision === 'keep' && facts.operation === 'none').length} objects) is in AWS as the state has it.`,
      ...(dossier.answers.length === 0 ? [] : ['', `Answers given: ${dossier.answers.map(describeAnswer).join(', ')}`]),
      '',
      `Looks at AWS: ${dossier.looks.map(({ at, objects }) => `${at.slice(11, 19)} (${objects} objects)`).join(', ')}. CloudTrail: ${dossier.trail}.`,
    ]),
    ...section(
      'Other differences',
      dossier.differences.map((line) => `- ${line}`),
    ),
    ...section('Before and after', contentTable(dossier)),
    ...section('Final plan', planLines(dossier.confirmed ?? dossier.plan)),
    '',
  ].join('\n');
}

const list = (rows: readonly (readonly [string, string])[]): string[] => rows.map(([name, value]) => `- ${name}: ${value}`);

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function contentTable({ before, after }: Dossier): string[] {
  const rows = new Map<string, { readonly name: string; readonly type: string; readonly id: string; before: string; after: string }>();
  for (const [side, content] of [
    ['before', before],
    ['after', after],
  ] as const)
    for (const { name, type, id, state } of content?.resources ?? []) {
      if (type.startsWith('pulumi:')) continue;
      const key = `${type} ${name} ${id ?? ''}`;
      const row = rows.get(key) ?? { name, type, id: id ?? '', before: '', after: '' };
      row[side] = state;
      rows.set(key, row);
    }
  const pending = (before?.pendingOperations ?? []).map(({ type, name }) => `- before: ${type} ${name}`);
  const sorted = [...rows.values()].sort((a, b) => `${a.type} ${a.name}`.localeCompare(`${b.type} ${b.name}`));
  return [
    ...tableOf(
      ['resource', 'type', 'id', 'before', 'after'],
      sorted.map(({ name, type, id, before: was, after: is }) => [name, type.split(':').at(-1) ?? type, id, was, is]),
    ),
    ...(pending.length === 0 ? [] : ['', ...pending]),
  ];
}

function planLines(plan: Plan | null): string[] {
  if (plan === null) return [];
  if ('failed' in plan) return ['The plan failed:', '', ...plan.failed.map((line) => `- ${line}`)];
  const changes = plan.changes.filter(({ op }) => op !== 'same');
  if (changes.length === 0) return ['Empty: nothing to do.'];
  return changes.map(
    ({ op, name, type, changed }) =>
      `- ${op} ${name} (${type.split(':').at(-1) ?? type})${changed.length === 0 ? '' : `: ${changed.join(', ')}`}`,
  );
}
