import { formatSeconds } from '../domain/duration.ts';
import { shown } from '../domain/foreign.ts';
import type { RecoveryStep } from '../journal/events.ts';
import { describeAnswer } from '../recovery/describe.ts';
import type { Dossier, Plan } from '../recovery/dossier.ts';
import { codeSpan, inMarkdown } from './markdown.ts';

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

/** Markdown, for the postmortem. */
export function dossierPage(written: Dossier): string {
  const dossier = shown(written);
  const { stack, run, recovery, lock, writer, quarantine } = dossier;
  const seconds = (Date.parse(dossier.endedAt) - Date.parse(dossier.startedAt)) / 1000;
  const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', `## ${title}`, '', ...lines]);
  return [
    `# ${inMarkdown(stack)}: ${outcomeWords[dossier.outcome]}`,
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
        `- ${inMarkdown(question)}`,
        ...answers.map(({ means, command }) => `  - ${inMarkdown(means)}: ${codeSpan(command)}`),
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
      ...(dossier.answers.length === 0 ? [] : ['', `Answers given: ${inMarkdown(dossier.answers.map(describeAnswer).join(', '))}`]),
      '',
      `Looks at AWS: ${dossier.looks.map(({ at, objects }) => `${inMarkdown(at.slice(11, 19))} (${objects} objects)`).join(', ')}. CloudTrail: ${inMarkdown(dossier.trail)}.`,
    ]),
    ...section(
      'Other differences',
      dossier.differences.map((line) => `- ${inMarkdown(line)}`),
    ),
    ...section('Before and after', contentTable(dossier)),
    ...section('Final plan', planLines(dossier.confirmed ?? dossier.plan)),
    '',
  ].join('\n');
}

const list = (rows: readonly (readonly [string, string])[]): string[] => rows.map(([name, value]) => `- ${name}: ${inMarkdown(value)}`);

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map((cells) => line(cells.map(inMarkdown)))];
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
  const pending = (before?.pendingOperations ?? []).map(({ type, name }) => `- before: ${inMarkdown(`${type} ${name}`)}`);
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
  if ('failed' in plan) return ['The plan failed:', '', ...plan.failed.map((line) => `- ${inMarkdown(line)}`)];
  const changes = plan.changes.filter(({ op }) => op !== 'same');
  if (changes.length === 0) return ['Empty: nothing to do.'];
  return changes.map(
    ({ op, name, type, changed }) =>
      `- ${inMarkdown(`${op} ${name} (${type.split(':').at(-1) ?? type})${changed.length === 0 ? '' : `: ${changed.join(', ')}`}`)}`,
  );
}
