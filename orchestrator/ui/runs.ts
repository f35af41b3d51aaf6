import { command } from '../domain/command.ts';
import { formatSeconds } from '../domain/duration.ts';
import { webLink } from '../domain/foreign.ts';
import type { Problem } from '../domain/problem.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { JournalEvent } from '../journal/events.ts';
import type { ReadRun } from '../journal/read-runs.ts';
import type { SessionRecord } from '../locks/lock-record.ts';
import { mayBeAtWork } from '../ownership/liveness.ts';
import { isOpen } from '../ownership/stack-record.ts';
import { describeAnswer } from '../recovery/describe.ts';
import { endedWell, verbOf } from '../run/apply.ts';
import type { SharedPart } from '../run/shared-run.ts';
import { outcomesOf } from '../run/shared-run.ts';
import { describeDoubts, shortTime } from '../run/standing.ts';
import type { Standings } from '../run/standing.ts';
import { countWords, plural } from './describe.ts';
import type { Style } from './reporter.ts';
import { table } from './table.ts';

/** One run, as `--json` has it. */
export interface RunStatus {
  readonly run: string;
  readonly operation: string | null;
  readonly user: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  readonly startedAt: string | null;
  /** `died`: its process is gone and wrote no end. `unknown`: it wrote no end, and whether it is alive cannot be told. */
  readonly end: 'ended' | 'at-work' | 'died' | 'unknown';
  readonly exitCode: number | null;
  readonly endedAt: string | null;
  /** Stacks that it has left open: AWS may have what their state does not say. */
  readonly held: readonly string[];
  readonly stacks: readonly string[];
  /** Name of the run that it is a part of, where several processes share one. */
  readonly shared: string | null;
  readonly commit: string | null;
  readonly ciLink: string | null;
  readonly accessKeyIds: readonly string[];
  readonly unreadable: readonly string[];
}

export function runStatus(
  { run, opened, ended, events, unreadable }: ReadRun,
  standings: Pick<Standings, 'liveness' | 'records'>,
): RunStatus {
  const liveness = opened && standings.liveness(opened.process);
  const works = !ended && liveness !== undefined && mayBeAtWork(liveness);
  return {
    run,
    operation: opened?.operation ?? null,
    user: opened?.process.user ?? null,
    host: opened?.process.host ?? null,
    pid: opened?.process.pid ?? null,
    startedAt: opened?.at ?? null,
    end: ended ? 'ended' : works ? 'at-work' : liveness?.answer === 'dead' ? 'died' : 'unknown',
    exitCode: ended?.exitCode ?? null,
    endedAt: ended?.at ?? null,
    // While it works, an engine that runs is not left open.
    held: [...standings.records.values()].flatMap(({ record }) =>
      isOpen(record) && record.run?.by.run === run && !(works && record.phase === 'running') ? [record.stack] : [],
    ),
    stacks: opened?.order ?? [...new Set(events.flatMap((event) => ('stack' in event ? [event.stack] : [])))],
    shared: opened?.shared ?? null,
    commit: opened?.commit ?? null,
    ciLink: opened?.ciLink ?? null,
    accessKeyIds: [...new Set(events.flatMap((event) => ('session' in event ? [event.session.accessKeyId] : [])))].filter(
      (key) => key !== '',
    ),
    unreadable,
  };
}

/** `exit 0`; `died, open: 1 held`. */
export function describeRunEnd({ end, exitCode, held, unreadable }: RunStatus): string {
  const how = { ended: `exit ${exitCode ?? ''}`, 'at-work': 'at work', died: 'died', unknown: 'no end known' }[end];
  return [
    how,
    ...(held.length > 0 ? [`open: ${held.length} held`] : []),
    ...(unreadable.length > 0 ? [`${plural(unreadable.length, 'event')} cannot be read`] : []),
  ].join(', ');
}

function paintEnd(status: RunStatus, style: Style): string {
  const text = describeRunEnd(status);
  if (status.held.length > 0) return style.red(text);
  if (status.end === 'died' || status.end === 'unknown' || status.unreadable.length > 0) return style.yellow(text);
  return status.exitCode === 0 ? style.green(text) : text;
}

/** More stacks than this are counted. */
const namedAtMost = 4;

export function describeRuns(network: string, newest: readonly RunStatus[], known: number, style: Style, now: number): string {
  if (newest.length === 0) return `No run was ever made on ${network}.`;
  const rows = newest.map((status) => [
    status.run,
    `${status.operation ?? '?'}${status.shared === null ? '' : ` (${status.shared})`}`,
    status.user === null ? 'its opening is not there' : `${status.user}@${status.host ?? ''}`,
    status.startedAt === null ? '' : shortTime(status.startedAt, now),
    paintEnd(status, style),
    status.stacks.length > namedAtMost ? plural(status.stacks.length, 'stack') : status.stacks.map(shortOf).join(', '),
  ]);
  const more = known - newest.length;
  return [
    table(rows, style.columns),
    ...(more > 0 ? [style.dim(`and ${more} older: ${command('runs', { limit: known })}`)] : []),
    style.dim(`One as a timeline: ${command('runs', newest[0]?.run ?? 'ID')}`),
  ].join('\n');
}

/** What the processes of a shared run did, one a line. */
export function describeParts(name: string, parts: readonly SharedPart[], style: Style, now: number): string {
  const outcomes = [...outcomesOf(parts)];
  const bad = outcomes.filter(([, outcome]) => outcome === 'not-ended' || !endedWell({ outcome }));
  const rows = parts.map(({ run, begunAt, stacks, endedAt, ends }) => [
    `  ${run}`,
    shortTime(begunAt, now),
    endedAt === undefined ? style.yellow('no end known') : countWords(ends.map(({ outcome }) => outcome)),
    stacks.length > namedAtMost ? plural(stacks.length, 'stack') : stacks.map(shortOf).join(', '),
  ]);
  return [
    `${style.bold(name)}  ${plural(parts.length, 'part')}, ${plural(outcomes.length, 'stack')}: ${countWords(outcomes.map(([, outcome]) => outcome))}`,
    table(rows, style.columns),
    ...bad.map(([stack, outcome]) =>
      style.yellow(`  ${shortOf(stack)} ${outcome === 'not-ended' ? 'has not ended' : verbOf({ outcome })}`),
    ),
    style.dim(`One as a timeline, where it had something to do: ${command('runs', parts[0]?.run ?? 'ID')}`),
  ].join('\n');
}

export function describeRun(run: ReadRun, status: RunStatus, style: Style): string {
  const { opened } = run;
  const job = webLink(opened?.ciLink);
  const facts: [string, string][] = opened
    ? [
        ['who', `${opened.process.user}@${opened.process.host} (pid ${opened.process.pid})`],
        ['where', `network ${opened.network}, account ${opened.account}, ${opened.region}, from ${opened.networkFile.path}`],
        ...(opened.commit === undefined ? [] : ([['commit', opened.commit]] as [string, string][])),
        ...(opened.shared === undefined ? [] : ([['part of', `run ${opened.shared}`]] as [string, string][])),
        ...(job === undefined ? [] : ([['CI', job]] as [string, string][])),
        ['session', `${opened.session.session}, until ${describeExpiry(opened.session)}`],
        ['access keys', status.accessKeyIds.join(', ')],
        ['order', opened.order.map(shortOf).join(', ')],
        ['forecast', formatSeconds(opened.forecastSeconds)],
      ]
    : [['opening', 'not there, or not readable: who and where is not known']];
  const width = Math.max(...run.events.map((event) => ('stack' in event ? shortOf(event.stack).length : 0)), 3);
  let day = '';
  const lines = run.events.flatMap((event) => {
    const today = event.at.slice(0, 10);
    const heading = today === day ? [] : [style.dim(`${today}, UTC`)];
    day = today;
    const stack = 'stack' in event ? shortOf(event.stack) : 'run';
    const other = opened !== undefined && event.writer !== opened.process.nonce ? style.dim(' (by another process)') : '';
    return [...heading, `${event.at.slice(11, 19)} ${stack.padEnd(width)}  ${paintEvent(event, style)}${other}`];
  });
  return [
    `${style.bold(run.run)}  ${status.operation ?? 'run'}  ${paintEnd(status, style)}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(11)}  ${value}`),
    ...lines,
    ...run.unreadable.map((record) => style.yellow(`cannot be read: ${record}`)),
    ...status.held.map((stack) => style.red(`HELD ${shortOf(stack)}. Do not cancel. Next: ${command('recover', shortOf(stack))}`)),
  ].join('\n');
}

function paintEvent(event: JournalEvent, style: Style): string {
  const text = describeJournalEvent(event);
  if (event.type === 'held') return style.red(text);
  return event.type === 'verified' ? style.green(text) : text;
}

function describeExpiry({ expires, statedExpires }: SessionRecord): string {
  return statedExpires === undefined ? expires : `${expires} (stated: ${statedExpires})`;
}

/** One line, of what a person asks of it later. `--json` has all of it. */
export function describeJournalEvent(event: JournalEvent): string {
  switch (event.type) {
    case 'run-opened':
      return `opened: ${event.operation} of ${plural(event.order.length, 'stack')} by ${event.process.user}@${event.process.host}`;
    case 'session-renewed':
      return `session renewed: key ${event.session.accessKeyId}, until ${describeExpiry(event.session)}`;
    case 'stopping':
      return event.how === 'draining' ? `${event.signal}: nothing new starts` : `${event.signal}: the engine is interrupted`;
    case 'run-ended':
      return `ended with exit code ${event.exitCode}${event.ends
        .filter(({ outcome }) => !['applied', 'destroyed', 'unchanged'].includes(outcome))
        .map(({ stack, detail }) => `; ${shortOf(stack)} ${detail}`)
        .join('')}`;
    case 'engine-started':
      return `engine started (${event.operation}) ${event.checkpoint === null ? 'where no checkpoint was' : `over checkpoint ${shortEtag(event.checkpoint)}`}`;
    case 'held':
      return `HELD: ${describeDoubts(event.doubts)}${event.spool === undefined ? '' : `; what it could not write is in ${event.spool}`}`;
    case 'verified':
      return `verified (${event.outcome}) ${event.checkpoint === null ? 'with no checkpoint' : `at checkpoint ${shortEtag(event.checkpoint)}`}`;
    case 'released': {
      const by = event.by === undefined ? '' : ` by ${event.by}, incident ${event.incident ?? 'none'}`;
      return event.unreconciled === true
        ? `lock released UNRECONCILED${by}: nobody knows whether state and AWS agree`
        : `lock released${by}`;
    }
    case 'answered':
      return `${event.by} answered: ${describeAnswer(event.answer)}${event.incident === undefined ? '' : `, incident ${event.incident}`}`;
    default:
      return `${event.type}: ${event.said}`;
  }
}

/** Enough of it to tell versions apart. */
const shortEtag = (etag: string): string => etag.replaceAll('"', '').slice(0, 8);

/** @param matching names of runs, oldest first, of which so many are named */
export const ambiguousRun = (network: string, id: string, matching: readonly string[], named: number): Problem => ({
  reason: 'ambiguous-run',
  message: `${plural(matching.length, 'run')} of ${network} begin with "${id}": ${matching.slice(-named).reverse().join(', ')}${matching.length > named ? ', …' : ''}`,
  next: `Give more of it: ${command('runs', matching.at(-1) ?? 'ID')}`,
});

export const unknownRun = (network: string, id: string, nearest: readonly string[]): Problem => ({
  reason: 'unknown-run',
  message: `${network} has no run "${id}"${nearest.length === 0 ? ', and no other' : `; the nearest: ${nearest.join(', ')}`}`,
  next: nearest.length === 0 ? `Nothing was ever run on this network: ${command('up')}` : `List them: ${command('runs')}`,
});
