import { command } from '../domain/command.ts';
import { formatSeconds } from '../domain/duration.ts';
import { Foreign, linesOf, shown, webLink } from '../domain/foreign.ts';
import type { Text } from '../domain/foreign.ts';
import type { CheckResult } from '../preflight/check.ts';
import type { Problem } from '../domain/problem.ts';
import type { RecoveryStep } from '../journal/events.ts';
import type { Question } from '../recovery/questions.ts';
import type { ChangeCounts, NetworkPlan, RunEvent, Stage, StackEnd, StackResult } from '../run/events.ts';
import type { PassKind } from '../run/passes.ts';
import { shortTime } from '../run/standing.ts';
import { describeDeleteWait } from './delete-waits.ts';
import { describeEffects, describeWarnings } from './effects.ts';
import type { Style } from './reporter.ts';
import { clip, table, wrapped } from './table.ts';

/** The event with what others wrote of it made visible. */
export function toBeShown(event: RunEvent): RunEvent {
  if (event.type === 'rehearsed') return event;
  return shown(event.type === 'problem' ? { ...event, problem: withLines(event.problem) } : event);
}

/** A message may end with what a tool printed: it stands below, behind a mark. */
function withLines(problem: Problem): Problem {
  const [message = '', ...more] = problem.message.split(/\r?\n/);
  return more.length === 0 ? problem : { ...problem, message, lines: [...more.map((line) => `| ${line}`), ...(problem.lines ?? [])] };
}

/** An event as plain text; undefined where a person does not need to read it. Whatever others wrote of it is made visible. */
export function describeEvent(told: RunEvent, style: Style): string | undefined {
  const event = toBeShown(told);
  switch (event.type) {
    case 'target':
      return describeTarget(event, style);
    case 'note':
      return wrapped(event.message, style.columns, 2).join('\n');
    case 'progress':
      return event.message;
    case 'check':
      return event.listed || event.check.outcome !== 'ok' ? describeCheck(event.check, style) : undefined;
    case 'bucket-property':
      return describeProperty(event, style);
    case 'checked':
      return `${style.green('ok')}   preflight: ${plural(event.checks, 'check')}${event.warnings === 0 ? '' : `, ${plural(event.warnings, 'warning')}`}${event.notChecked === 0 ? '' : `, ${event.notChecked} not checked`}, ${event.session}`;
    case 'stage-started':
      return event.stacks.length === 0 ? undefined : style.dim(`${stageWord[event.stage]} ${plural(event.stacks.length, 'stack')}`);
    case 'pass-started':
      return wrapped(`pass ${event.number} of ${event.of}: ${passWord[event.pass]} (${event.stacks.join(', ')})`, style.columns, 2).join(
        '\n',
      );
    case 'stack-started':
      return undefined;
    case 'step':
      return undefined;
    case 'engine-output':
      // From another process it comes as a string.
      return Foreign.of(event.text)
        .lines()
        .map((line) => `${event.stack} | ${line}`)
        .join('\n');
    case 'stack-ended':
      // Told by the steps before it, or not worth a line.
      return ['planned', 'unchanged', 'recovered', 'recoverable'].includes(event.end.outcome)
        ? undefined
        : describeEnd(event.stack, event.end, event.seconds, style);
    case 'stage-ended':
      return undefined;
    case 'plan':
      return describePlan(event.plan, style);
    case 'draining':
    case 'waiting':
      return style.yellow(event.message);
    case 'session-ends':
      return style.yellow(describeSessionEnd(event));
    case 'delete-waits':
      return wrapped(style.yellow(describeDeleteWait(event)), style.columns, 2).join('\n');
    case 'lock-wait':
      return describeLockWait(event, style);
    case 'recovery-step':
      return wrapped(
        `${style.green(stepWord[event.step].padEnd(10))}  ${event.said}${event.seconds < 1 ? '' : style.dim(` (${formatSeconds(event.seconds)})`)}`,
        style.columns,
        stepColumns,
      ).join('\n');
    case 'decision':
      return wrapped(`  ${describeDecision(event, style)}`, style.columns, stepColumns - 2).join('\n');
    case 'question':
      return describeQuestion(event.question, style);
    case 'rehearsed':
      return wrapped(event.text, style.columns, 2).join('\n');
    case 'problem':
      return describeProblem(event.problem, style);
    case 'summary':
      return describeSummary(event, style);
    default:
      return event satisfies never;
  }
}

export function describeSessionEnd({ short, ends }: Extract<RunEvent, { type: 'session-ends' }>): string {
  return `${short}: the session ends at ${ends.slice(11, 16)} UTC. No step begins any more; a step that has not ended by then leaves the stack held. Next: sign in again, then ${command('recover', short)}`;
}

function describeLockWait({ holders, waiters, until, failed }: Extract<RunEvent, { type: 'lock-wait' }>, style: Style): string {
  const waiting = `${style.yellow('waiting')}  until ${shortTime(until)}`;
  const link = (ciLink: string | undefined): string => {
    const page = webLink(ciLink);
    return page === undefined ? '' : `, ${page}`;
  };
  return [
    ...holders.map(({ stack, by, user, host, pid, operation, run, since, ciLink }) => {
      const what = by === 'pulumi' ? 'plain pulumi of ' : '';
      const which = run === undefined ? '' : `, run ${run}, ${operation ?? ''}`;
      return `${waiting} for ${what}${user}@${host} (pid ${pid}${which}), which locked ${stack} at ${shortTime(since)}${link(ciLink)}`;
    }),
    ...(failed === undefined ? [] : [`${waiting}; the state bucket could not be read, so that who has the locks is not known: ${failed}`]),
    ...waiters.map(({ user, host, pid, since, ciLink, lastHeard }) => {
      const heard = lastHeard === undefined ? '' : `, last heard ${shortTime(lastHeard)}`;
      return `         ${heard === '' ? 'also waiting' : 'was waiting'} since ${shortTime(since)}: ${user}@${host} (pid ${pid})${link(ciLink)}${heard}`;
    }),
  ].join('\n');
}

/** The incident's own words, as far as it had them. */
const stepWord: Record<RecoveryStep, string> = {
  freeze: 'taken over',
  quarantine: 'quarantine',
  evidence: 'evidence',
  reconcile: 'reconciled',
  verify: 'verified',
  promote: 'promoted',
  release: 'released',
  confirm: 'confirmed',
};

/** Where what a step said begins. */
const stepColumns = 12;

function describeDecision({ decision, resource, id, because }: Extract<RunEvent, { type: 'decision' }>, style: Style): string {
  const paint = decision === 'ask' || decision === 'duplicate' ? style.red : decision === 'wait' ? style.yellow : style.bold;
  return `${paint(decision.padEnd(9))} ${resource}${id === null ? '' : ` ${id}`}  ${style.dim(because)}`;
}

export function describeQuestion({ question, answers }: Question, style: Style): string {
  return [
    `${style.red('DECIDE')} ${question}`,
    ...answers.flatMap(({ means, command }) => [`  ${means}:`, `    ${style.bold(command)}`]),
  ].join('\n');
}

const stageWord: Record<Stage, string> = { plan: 'planning', up: 'deploying', destroy: 'destroying' };

export function describeTarget(event: Extract<RunEvent, { type: 'target' }>, style: Style): string {
  const target = event.target === 'LAB' ? style.cyan('LAB') : style.bold(style.red('REAL'));
  return clip(`${style.bold(event.network)}  account ${event.account}  ${event.region}  ${target}`, style.columns);
}

export function describeProblem(problem: Problem, style: Style): string {
  const place = problem.file === undefined ? '' : `${problem.file}${problem.line === undefined ? '' : `:${problem.line}`}: `;
  return [
    `${style.red('error')} ${place}${problem.message}`,
    ...(problem.lines ?? []).map((line) => `  ${line}`),
    `  ${style.bold('next')}  ${problem.next}`,
  ].join('\n');
}

export function describeCheck(check: CheckResult, style: Style): string {
  const mark = { ok: style.green('ok  '), 'not-checked': style.yellow('----'), warn: style.yellow('warn'), fail: style.red('FAIL') }[
    check.outcome
  ];
  const place = check.file === undefined ? '' : `${check.file}${check.line === undefined ? '' : `:${check.line}`}: `;
  const line = `${mark} ${check.title}: ${place}${check.outcome === 'not-checked' ? 'not checked: ' : ''}${check.message}`;
  if (check.next === undefined) return clip(line, style.columns);
  return [line, ...(check.lines ?? []).map((more) => `     ${more}`), `     ${style.bold('next')}  ${check.next}`].join('\n');
}

function describeProperty({ property, next }: Extract<RunEvent, { type: 'bucket-property' }>, style: Style): string {
  const { outcome, changed, what, shortfalls } = property;
  const mark =
    outcome === 'failed' || outcome === 'unknown'
      ? style.red('FAIL ')
      : outcome === 'short'
        ? style.yellow('short')
        : changed
          ? style.bold('made ')
          : style.green('ok   ');
  return [
    `${mark} ${what}${shortfalls.length === 0 ? '' : `: ${shortfalls.map(({ text }) => text).join(`\n      `)}`}`,
    ...(next === undefined ? [] : [`      ${style.bold('next')}  ${next}`]),
  ].join('\n');
}

export function describeCounts({ create, update, replace, delete: deleted }: ChangeCounts): string {
  const parts = [
    ...(create > 0 ? [`${create} to create`] : []),
    ...(update > 0 ? [`${update} to update`] : []),
    ...(replace > 0 ? [`${replace} to replace`] : []),
    ...(deleted > 0 ? [`${deleted} to delete`] : []),
  ];
  return parts.length === 0 ? 'only outputs or settings' : parts.join(', ');
}

function describeDone({ create, update, replace, delete: deleted }: ChangeCounts): string {
  const parts = [
    ...(create > 0 ? [`${create} created`] : []),
    ...(update > 0 ? [`${update} updated`] : []),
    ...(replace > 0 ? [`${replace} replaced`] : []),
    ...(deleted > 0 ? [`${deleted} deleted`] : []),
  ];
  return parts.length === 0 ? 'nothing changed' : parts.join(', ');
}

/** Of a delete that an earlier run has not come to. */
export const leftOver = 'an earlier replacement has left it';

/** `npm run plan` on 60 new stacks should not print 400 lines: what is only created is counted, everything else is named. */
function describePlan(plan: NetworkPlan, style: Style): string {
  const changed = plan.stacks.filter(({ hasChanges }) => hasChanges);
  const lines = changed.flatMap(({ short, nameInFile, exists, leaves, counts, changes }) => [
    `  ${style.bold(withName(short, nameInFile))}${leaves ? style.red(' (has left the file)') : exists ? '' : style.dim(' (new)')}  ${describeCounts(counts)}`,
    ...changes
      .filter(({ op }) => op !== 'create' || exists)
      .map(({ op, name, type, changed: paths, replacing, condemned }) => {
        const sign = { create: style.green('+'), update: style.yellow('~'), replace: style.red('±'), delete: style.red('-') }[op];
        const what = condemned ? [leftOver] : replacing.length > 0 ? replacing : paths;
        return clip(
          `    ${sign} ${op} ${name} ${style.dim(type.split(':').at(-1) ?? type)}${what.length === 0 ? '' : `: ${what.join(', ')}`}`,
          style.columns,
        );
      }),
  ]);
  const same = plan.stacks.length - changed.length;
  return [
    ...(changed.length > 0 ? [style.bold('plan'), ...lines] : []),
    ...describePasses(plan, style),
    ...(plan.effects === undefined ? [] : describeEffects(plan.effects, style)),
    ...describeWarnings(plan.warnings ?? [], style),
    ...(same > 0
      ? [
          style.dim(
            changed.length === 0 ? `plan: nothing to do, all ${plural(same, 'stack')} unchanged` : `  ${plural(same, 'stack')} unchanged`,
          ),
        ]
      : []),
    ...plan.failed.map(({ short, errors }) => `  ${style.red('FAIL')} ${short}\n${indent(errors)}`),
    ...plan.notInFile.map(
      ({ short, resources }) =>
        `  ${style.yellow('not in the network file')}: ${short} (${plural(resources, 'resource')}); it stays. Destroy it: ${command('destroy', short)}, or all that has left the file: ${command('up', { prune: true })}`,
    ),
  ].join('\n');
}

/** What each pass is for. */
export const passWord: Readonly<Record<PassKind, string>> = {
  tell: 'writes outputs that other stacks read, and that an interrupted run has left out',
  shield: 'puts up blackholes that keep apart what is joined next',
  part: 'takes away what would carry something else next',
  expand: 'makes what disturbs nothing',
  switch: 'moves traffic',
  follow: 'makes what waited for the traffic to move',
  contract: 'takes away what nothing uses any more',
  join: 'makes what waited for that',
  unshield: 'takes away blackholes that nothing needs any more',
};

function describePasses({ passes }: NetworkPlan, style: Style): readonly string[] {
  if (passes.length < 2) return [];
  return [
    `  in ${passes.length} passes:`,
    ...passes.flatMap(({ kind, stacks }, index) =>
      wrapped(`    ${index + 1}. ${passWord[kind]}: ${stacks.map(({ short }) => short).join(', ')}`, style.columns, 7),
    ),
  ];
}

export function describeEnd(stack: string, end: StackEnd, seconds: number, style: Style): string {
  const time = style.dim(`(${formatSeconds(seconds)})`);
  switch (end.outcome) {
    case 'planned':
      return `${style.green('planned')}  ${stack}  ${describeCounts(end.counts)} ${time}`;
    case 'applied':
      return `${style.green('applied')}  ${stack}  ${describeDone(end.counts)} ${time}`;
    case 'destroyed':
      return `${style.green('gone')}     ${stack}  ${end.deleted} deleted ${time}`;
    case 'unchanged':
      return `${style.dim('same')}     ${stack}`;
    case 'failed':
      return `${style.red('FAILED')}   ${stack} ${time}\n${indent(end.errors)}`;
    case 'held':
      return `${style.red('HELD')}     ${stack} ${time}\n${indent(end.errors)}`;
    case 'recovered':
      return `${style.green('recovered')} ${stack} ${time}  ${end.said}`;
    case 'recoverable':
      return `${style.green('would be recovered')} ${stack} ${time}  ${end.said}`;
    case 'undecided':
      return `${style.red('DECIDE')}   ${stack} ${time}  it is held until a person has decided, see above`;
    case 'locked':
      return `${style.yellow('LOCKED')}   ${stack}  ${end.message}`;
    case 'skipped':
      return `${style.yellow('skipped')}  ${stack}  because ${end.because}`;
    case 'not-started':
      return `${style.yellow('left')}     ${stack}  not started: ${end.because}`;
    default:
      return end satisfies never;
  }
}

/** What a person reads of an outcome, in a table. */
function shortEnd(end: StackEnd, style: Style): readonly [outcome: string, detail: string] {
  switch (end.outcome) {
    case 'planned':
      return ['planned', describeCounts(end.counts)];
    case 'applied':
      return [style.green('applied'), describeDone(end.counts)];
    case 'destroyed':
      return [style.green('gone'), `${end.deleted} deleted`];
    case 'unchanged':
      return [style.dim('unchanged'), ''];
    case 'failed':
      return [style.red('FAILED'), firstLine(end.errors)];
    case 'held':
      return [style.red('HELD'), firstLine(end.errors.slice(-1))];
    case 'recovered':
      return [style.green('recovered'), end.said];
    case 'recoverable':
      return ['would be recovered', end.said];
    case 'undecided':
      return [style.red('DECIDE'), firstLine(end.questions)];
    case 'locked':
      return [style.yellow('LOCKED'), firstLine([end.message])];
    case 'skipped':
      return [style.yellow('skipped'), `because ${end.because}`];
    case 'not-started':
      return [style.yellow('not started'), end.because];
    default:
      return end satisfies never;
  }
}

const firstLine = ([text]: readonly Text[]): string =>
  (text === undefined ? [] : linesOf(text)).find((line) => line.trim() !== '')?.trim() ?? '';

/** More stacks than this are counted where all went well, and listed only where something did not. */
const listedAtMost = 24;

function describeSummary({ ends, seconds, exitCode, command }: Extract<RunEvent, { type: 'summary' }>, style: Style): string {
  const notable = ends.filter(({ end }) => !['unchanged', 'applied', 'destroyed', 'recovered'].includes(end.outcome));
  const listed = ends.length <= listedAtMost ? ends.filter(({ end }) => end.outcome !== 'unchanged') : notable;
  const total = countWords(ends.map(({ end }) => end.outcome));
  const word = exitCode === 0 ? style.green(`${command}: done`) : style.red(`${command}: exit ${exitCode}`);
  return [
    ...(listed.length > 0
      ? [
          '',
          table(
            listed.map((result) => summaryRow(result, style)),
            style.columns,
          ),
        ]
      : []),
    '',
    `${word}  ${total === '' ? 'no stacks' : total}  in ${formatSeconds(seconds)}`,
  ].join('\n');
}

function summaryRow({ short, end, seconds }: StackResult, style: Style): string[] {
  const [outcome, detail] = shortEnd(end, style);
  return [`  ${short}`, outcome, seconds < 0.5 ? '' : formatSeconds(seconds), detail];
}

/** Below a heading; a mark says that a line goes on with what another one said. */
const indent = (texts: readonly Text[]): string =>
  texts.flatMap((text) => linesOf(text).map((line, index) => `           ${index === 0 ? '' : '| '}${line}`)).join('\n');

/** `3 applied, 1 failed`: in the order in which each comes first. */
export function countWords(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

/** A stack keeps the name that it was deployed with: `vpc.web (app)`. */
export const withName = (short: string, nameInFile: string | undefined): string =>
  nameInFile === undefined ? short : `${short} (${nameInFile})`;

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
