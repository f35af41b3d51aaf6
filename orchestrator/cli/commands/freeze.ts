import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../../domain/problem.ts';
import type { Problem } from '../../domain/problem.ts';
import { selectStacks } from '../../graph/select.ts';
import type { LockRecord } from '../../locks/lock-record.ts';
import { freezesOf, freezeStacks, unfreezeStacks } from '../../run/freeze.ts';
import type { Freeze, Freezing } from '../../run/freeze.ts';
import { describeFreeze, describeHeld } from '../../run/standing.ts';
import type { Standing, Standings } from '../../run/standing.ts';
import { endLeftLocks } from '../../run/tidy.ts';
import type { StackState } from '../../state/checkpoints.ts';
import { styleFor } from '../../ui/reporter.ts';
import { table } from '../../ui/table.ts';
import { openAlerting } from '../alerting.ts';
import type { CommonFlags, Context } from '../context.ts';
import { refuseIncident } from '../incident.ts';
import { tidyRequest } from '../open.ts';
import type { OpenedFile } from '../open-file.ts';
import { quoted } from '../../domain/quoted.ts';
import { shortOf } from '../../domain/stack-name.ts';
import { print, report } from '../report.ts';
import { withBucket } from '../with-bucket.ts';
import type { OpenedBucket } from '../with-bucket.ts';

export interface FreezeFlags extends CommonFlags {
  readonly incident: string;
}

export interface UnfreezeFlags extends FreezeFlags {
  readonly all: boolean;
  readonly force: boolean;
}

/** What a command did to one stack, as `--json` has it. */
interface StackOutcome {
  readonly stack: string;
  readonly short: string;
  readonly outcome: 'frozen' | 'already-frozen' | 'unfrozen' | 'not-frozen';
  /** Where the stack stands now. */
  readonly standing: Standing['kind'];
  readonly by: { readonly user: string; readonly host: string; readonly since: string; readonly incident: string | null } | null;
  readonly detail: string;
}

/** A person keeps everyone out: the lock of a freeze is released by `unfreeze` and by nothing else. */
export async function freeze(this: Context, flags: FreezeFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, (emit) =>
    withBucket(this, flags, 'freeze', emit, async (opened): Promise<ExitCode> => {
      const { file, aws, read } = opened;
      const network = file.network.spec.network;
      refuseIncident(file, flags.incident);
      let { states, standings } = await read();
      // A lock under which nothing is in doubt is in nobody's way.
      if (await endLeftLocks(tidyRequest(this, aws, network, standings, opened.emit))) ({ states, standings } = await read());
      const stacks = selected(file, states, standings, patterns);
      refuseUnreadable(standings, stacks);
      const freezing = await freezeStacks({
        ...swaps(this, opened),
        network,
        stacks,
        incident: flags.incident,
        // No session of anybody works under it.
        lockRecord: (stack) => ({
          ...aws.lockRecord(stack, 'freeze'),
          accessKeyId: '',
          session: '',
          expires: 'never',
          incident: flags.incident,
        }),
        standings,
      });
      if (!freezing.ok) throw refusalOf(freezing, flags.incident);
      const after = (await read()).standings;
      const outcomes = freezing.frozen.map(({ stack, by, before, keepsLock }): StackOutcome => {
        const standing = after.byStack.get(stack);
        const held = standing?.kind === 'held' ? `; ${describeHeld(shortOf(stack), standing)}` : '';
        return {
          stack,
          short: shortOf(stack),
          outcome: before ? 'already-frozen' : 'frozen',
          standing: standing?.kind ?? 'free',
          by: whoOf(by),
          detail: `by ${by.user}@${by.host} since ${by.startedAt}, incident ${by.incident ?? 'unknown'}${keepsLock ? '; it keeps the lock that it has' : ''}${held}`,
        };
      });
      const fresh = outcomes.filter(({ outcome }) => outcome === 'frozen').map(({ stack }) => stack);
      await tellEveryone(this, opened, 'frozen', fresh, flags.incident);
      tell(this, flags, opened, outcomes);
      if (!flags.json)
        print(
          this,
          `Nobody works on ${stacks.length === 1 ? 'it' : 'them'} until: npm run unfreeze -- ${outcomes.map(({ short }) => short).join(' ')} --incident ${quoted(flags.incident)}`,
        );
      return exitCodes.done;
    }),
  );
}

/** Lets everyone in again where a person had kept them out. What is held stays held. */
export async function unfreeze(this: Context, flags: UnfreezeFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, async (emit) => {
    if (flags.all === patterns.length > 0)
      throw new Refusal(exitCodes.usage, {
        reason: 'which-stacks',
        message: flags.all ? 'unfreeze was given both stacks and --all' : 'unfreeze was given no stack',
        next: `Name the stacks, or all that are frozen: npm run unfreeze -- --all --incident ${quoted(flags.incident)}. Which those are: npm run locks`,
      });
    return withBucket(this, flags, 'unfreeze', emit, async (opened): Promise<ExitCode> => {
      const { file, read } = opened;
      const network = file.network.spec.network;
      const { states, standings } = await read();
      const freezes = freezesOf(standings);
      const stacks = flags.all ? [...freezes.keys()].sort() : selected(file, states, standings, patterns);
      refuseUnreadable(standings, flags.all ? [...standings.byStack.keys()] : stacks);
      const found = stacks.flatMap((stack) => freezes.get(stack) ?? []);
      if (!flags.force) refuseOthers(found, flags.incident);
      const left = await unfreezeStacks({ ...swaps(this, opened), network, freezes: found });
      if (left.length > 0)
        throw new Refusal(exitCodes.lockedByOther, {
          reason: 'unreadable-record',
          message: `the record of ${left.join(', ')} cannot be read: whether it is still frozen is not known`,
          next: 'See which object it is: npm run status. Then run the same command again: it goes on where this one stopped.',
        });
      const after = (await read()).standings;
      const outcomes = stacks.map((stack): StackOutcome => {
        const was = freezes.get(stack);
        const standing = after.byStack.get(stack);
        const now = whatNow(shortOf(stack), standing);
        return {
          stack,
          short: shortOf(stack),
          outcome: was ? 'unfrozen' : 'not-frozen',
          standing: standing?.kind ?? 'free',
          by: was ? whoOf(was.by) : null,
          detail: [
            ...(was
              ? [`it was frozen by ${was.by.user}@${was.by.host} since ${was.by.startedAt}, incident ${was.by.incident ?? 'unknown'}`]
              : []),
            ...(now === undefined ? [] : [now]),
          ].join('; '),
        };
      });
      const ended = outcomes.filter(({ outcome }) => outcome === 'unfrozen').map(({ stack }) => stack);
      await tellEveryone(this, opened, 'unfrozen', ended, flags.incident);
      tell(this, flags, opened, outcomes);
      if (!flags.json && outcomes.length === 0) print(this, `Nothing is frozen on ${network}.`);
      return worstOf([
        ...(outcomes.some(({ standing }) => standing === 'held') ? [exitCodes.held] : []),
        // Frozen fresh, by somebody else: it was no part of what this call took away.
        ...(outcomes.some(({ standing }) => standing === 'frozen') ? [exitCodes.lockedByOther] : []),
        exitCodes.done,
      ]);
    });
  });
}

function whatNow(short: string, standing: Standing | undefined): string | undefined {
  switch (standing?.kind) {
    case 'held':
      return `it stays held: ${describeHeld(short, standing)}`;
    case 'locked':
    case 'frozen':
    case 'left':
      return standing.message;
    case 'free':
    case undefined:
      return undefined;
    default:
      return standing satisfies never;
  }
}

/** The file's stacks, those that have state, and those of which the bucket says something else: what is frozen can be unfrozen, whatever became of the file. */
function selected(
  file: OpenedFile,
  states: ReadonlyMap<string, StackState>,
  standings: Standings,
  patterns: readonly string[],
): readonly string[] {
  const known = new Map(file.graph.nodes.map(({ name, short }) => [name, { name, short }]));
  for (const name of [...states.keys(), ...freezesOf(standings).keys()]) known.set(name, { name, short: shortOf(name) });
  return [...orRefuse(selectStacks([...known.values()], patterns, file.network.file), exitCodes.usage)];
}

/** With a bucket that fails. */
const patience = { seconds: 30 };

const swaps = ({ now }: Context, { aws }: OpenedBucket) => ({ store: aws.store, now, patience });

/** Whether such a stack is frozen is not known. */
function refuseUnreadable({ byStack }: Standings, stacks: readonly string[]): void {
  const records = stacks.flatMap((stack) => {
    const standing = byStack.get(stack);
    return standing?.kind === 'held' && standing.unreadable !== undefined ? [standing] : [];
  });
  if (records.length > 0)
    throw new Refusal(
      exitCodes.preflightRefused,
      ...records.map(({ why }) => ({
        reason: 'unreadable-record',
        message: `${why}: nothing was changed`,
        next: 'If a newer Holdfast wrote it, use that one. Otherwise look at the object in the state bucket, and restore its last good version.',
      })),
    );
}

function refusalOf({ refused, left }: Extract<Freezing, { ok: false }>, incident: string): Refusal {
  const problems = refused.map(({ stack, reason, message, incident: other }): Problem => {
    const short = shortOf(stack);
    switch (reason) {
      case 'at-work':
        return {
          reason: 'stack-at-work',
          message: `${message}: nothing was frozen`,
          next: 'Wait for its end (npm run locks), or freeze the others without it.',
        };
      case 'other-incident':
        return {
          reason: 'frozen-by-other',
          message: `${message}, and not ${incident}: nothing was frozen`,
          next: `It keeps everyone out as it is. Once that incident is over: npm run unfreeze -- ${short} --incident ${quoted(other ?? 'ID')}`,
        };
      case 'failed':
        return {
          reason: 'freeze-failed',
          message: `${message}: nothing was frozen`,
          next: 'Check the session and the bucket (npm run preflight), and run the same command again.',
        };
      default:
        return reason satisfies never;
    }
  });
  const names = left.map(shortOf).join(' ');
  const unknown: Problem = {
    reason: 'not-given-back',
    message: `${left.join(', ')} may be frozen all the same: what this call had put there could not be taken away`,
    next: `Look: npm run locks. Then freeze again, or: npm run unfreeze -- ${names} --incident ${quoted(incident)}`,
  };
  return new Refusal(
    worstOf(refused.map(({ reason }) => (reason === 'failed' ? exitCodes.failed : exitCodes.lockedByOther))),
    ...problems,
    ...(left.length > 0 ? [unknown] : []),
  );
}

function refuseOthers(found: readonly Freeze[], incident: string): void {
  const others = found.filter(({ by }) => by.incident !== incident);
  if (others.length === 0) return;
  const same = found.filter(({ by }) => by.incident === incident).map(({ stack }) => shortOf(stack));
  throw new Refusal(
    exitCodes.usage,
    ...others.map((other): Problem => {
      const short = shortOf(other.stack);
      const itsOwn = `npm run unfreeze -- ${short} --incident ${quoted(other.by.incident ?? 'ID')}`;
      return {
        reason: 'other-incident',
        message: `${describeFreeze(other)}, and not ${incident}: nothing was unfrozen`,
        next: `Ask ${other.by.user} whether that incident is over; then: ${itsOwn}, or --force.${
          same.length === 0 ? '' : ` Those of ${incident} alone: npm run unfreeze -- ${same.join(' ')} --incident ${quoted(incident)}`
        }`,
      };
    }),
  );
}

const whoOf = ({ user, host, startedAt, incident }: LockRecord): NonNullable<StackOutcome['by']> => ({
  user,
  host,
  since: startedAt,
  incident: incident ?? null,
});

/** In one message, however many stacks it is about. */
async function tellEveryone(
  context: Context,
  { file, aws, emit }: OpenedBucket,
  kind: 'frozen' | 'unfrozen',
  stacks: readonly string[],
  incident: string,
): Promise<void> {
  const [first, ...more] = stacks;
  if (first === undefined) return;
  const shorts = stacks.map(shortOf);
  const named = shorts.length > 3 ? `${shorts.slice(0, 3).join(', ')} and ${shorts.length - 3} more` : shorts.join(', ');
  const said =
    kind === 'frozen'
      ? {
          what: 'nobody works on it until it is unfrozen',
          next: `once the incident is over: npm run unfreeze -- ${more.length === 0 ? named : '--all'} --incident ${quoted(incident)}`,
        }
      : { what: 'everyone may work on it again; what was held stays held', next: 'npm run status' };
  const stack = more.length === 0 ? first : file.network.spec.network;
  await openAlerting(context, file, aws, kind === 'frozen' ? 'freeze' : 'unfreeze').announce(
    stack,
    { kind, about: aws.run, short: named, incident, ...said },
    emit,
  );
}

function tell(context: Context, flags: FreezeFlags, { header, notes }: OpenedBucket, outcomes: readonly StackOutcome[]): void {
  if (flags.json) {
    print(context, JSON.stringify({ ...header(), incident: flags.incident, stacks: outcomes, notes }));
    return;
  }
  const style = styleFor(context.process.stdout, context.env);
  const word: Record<StackOutcome['outcome'], string> = {
    frozen: style.cyan('frozen'),
    'already-frozen': style.cyan('frozen already'),
    unfrozen: style.green('unfrozen'),
    'not-frozen': style.dim('not frozen'),
  };
  if (outcomes.length === 0) return;
  // Never cut: whose freeze it was, and that a stack stays held, is what the command is asked for.
  print(
    context,
    table(
      outcomes.map(({ short, outcome, detail }) => [short, word[outcome], detail]),
      Number.POSITIVE_INFINITY,
    ),
  );
}
