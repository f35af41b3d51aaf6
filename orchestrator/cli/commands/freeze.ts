import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../../domain/problem.ts';
import { selectStacks } from '../../graph/select.ts';
import type { LockRecord } from '../../locks/lock-record.ts';
import { freezesOf, freezeStacks, mayStillChange, unfreezeStacks } from '../../run/freeze.ts';
import type { Freeze } from '../../run/freeze.ts';
import type { Standings } from '../../run/standing.ts';
import { endLeftLocks } from '../../run/tidy.ts';
import type { StackState } from '../../state/checkpoints.ts';
import { styleFor } from '../../ui/reporter.ts';
import { openAlerting } from '../alerting.ts';
import { endOrphansHere } from '../clear-away.ts';
import type { CommonFlags, Context } from '../context.ts';
import { refuseIncident } from '../incident.ts';
import { candidatesOf } from '../names-in-file.ts';
import { tidyRequest } from '../open.ts';
import type { OpenedFile } from '../open-file.ts';
import { shortOf } from '../../domain/stack-name.ts';
import type { StackOutcome } from '../../ui/freeze.ts';
import {
  announcementOf,
  describeOutcomes,
  detailOfFrozen,
  detailOfUnfrozen,
  freezeProblems,
  frozenUntil,
  otherIncident,
  stillUnread,
  unreadableStack,
  whichStacks,
} from '../../ui/freeze.ts';
import { print, printJson, report } from '../report.ts';
import { withBucket } from '../with-bucket.ts';
import type { OpenedBucket } from '../with-bucket.ts';

export interface FreezeFlags extends CommonFlags {
  readonly incident: string;
}

export interface UnfreezeFlags extends FreezeFlags {
  readonly all: boolean;
  readonly force: boolean;
}

/** A person keeps everyone out: the lock of a freeze is released by `unfreeze` and by nothing else. */
export async function freeze(this: Context, flags: FreezeFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, (emit) =>
    withBucket(this, flags, 'freeze', emit, async (opened): Promise<ExitCode> => {
      const { file, aws, read } = opened;
      const network = file.network.spec.network;
      refuseIncident(file, flags.incident);
      let { states, standings } = await read();
      const ended = await endOrphansHere(aws, standings, opened.emit);
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
      if (!freezing.ok)
        throw new Refusal(
          worstOf(freezing.refused.map(({ reason }) => (reason === 'failed' ? exitCodes.failed : exitCodes.lockedByOther))),
          ...freezeProblems(freezing, flags.incident),
        );
      const after = (await read()).standings;
      const outcomes = freezing.frozen.map((one): StackOutcome => {
        const standing = after.byStack.get(one.stack);
        const short = shortOf(one.stack);
        const isPerhapsAtWork = mayStillChange(standing, after.records.get(one.stack)?.record, ended);
        return {
          stack: one.stack,
          short,
          outcome: one.before ? 'already-frozen' : 'frozen',
          standing: standing?.kind ?? 'free',
          mayBeAtWork: isPerhapsAtWork,
          by: whoOf(one.by),
          detail: detailOfFrozen(one, short, standing, isPerhapsAtWork),
        };
      });
      const fresh = outcomes.filter(({ outcome }) => outcome === 'frozen').map(({ stack }) => stack);
      await tellEveryone(this, opened, 'frozen', fresh, flags.incident);
      tell(this, flags, opened, outcomes);
      if (!flags.json)
        print(
          this,
          frozenUntil,
          outcomes.map(({ short }) => short),
          flags.incident,
        );
      return exitCodes.done;
    }),
  );
}

/** Lets everyone in again where a person had kept them out. What is held stays held. */
export async function unfreeze(this: Context, flags: UnfreezeFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, async (emit) => {
    if (flags.all === patterns.length > 0) throw new Refusal(exitCodes.usage, whichStacks(flags.all, flags.incident));
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
      if (left.length > 0) throw new Refusal(exitCodes.lockedByOther, stillUnread(left));
      const after = (await read()).standings;
      const outcomes = stacks.map((stack): StackOutcome => {
        const was = freezes.get(stack);
        const standing = after.byStack.get(stack);
        const short = shortOf(stack);
        return {
          stack,
          short,
          outcome: was ? 'unfrozen' : 'not-frozen',
          standing: standing?.kind ?? 'free',
          mayBeAtWork: mayStillChange(standing, after.records.get(stack)?.record, []),
          by: was ? whoOf(was.by) : null,
          detail: detailOfUnfrozen(was?.by, short, standing),
        };
      });
      const ended = outcomes.filter(({ outcome }) => outcome === 'unfrozen').map(({ stack }) => stack);
      await tellEveryone(this, opened, 'unfrozen', ended, flags.incident);
      tell(this, flags, opened, outcomes);
      if (!flags.json && outcomes.length === 0) print(this, () => `Nothing is frozen on ${network}.`);
      return worstOf([
        ...(outcomes.some(({ standing }) => standing === 'held') ? [exitCodes.held] : []),
        // Frozen fresh, by somebody else: it was no part of what this call took away.
        ...(outcomes.some(({ standing }) => standing === 'frozen') ? [exitCodes.lockedByOther] : []),
        exitCodes.done,
      ]);
    });
  });
}

/** The file's stacks, those that have state, and those of which the bucket says something else: what is frozen can be unfrozen, whatever became of the file. */
function selected(
  file: OpenedFile,
  states: ReadonlyMap<string, StackState>,
  standings: Standings,
  patterns: readonly string[],
): readonly string[] {
  const known = new Set([...file.graph.byName.keys(), ...states.keys(), ...freezesOf(standings).keys()]);
  return [...orRefuse(selectStacks(candidatesOf(file, known), patterns, file.network.file), exitCodes.usage)];
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
  if (records.length > 0) throw new Refusal(exitCodes.preflightRefused, ...records.map(({ why }) => unreadableStack(why)));
}

const whoOf = ({ user, host, startedAt, incident }: LockRecord): NonNullable<StackOutcome['by']> => ({
  user,
  host,
  since: startedAt,
  incident: incident ?? null,
});

async function tellEveryone(
  context: Context,
  { file, aws, emit }: OpenedBucket,
  kind: 'frozen' | 'unfrozen',
  stacks: readonly string[],
  incident: string,
): Promise<void> {
  const [first, ...more] = stacks;
  if (first === undefined) return;
  const stack = more.length === 0 ? first : file.network.spec.network;
  await openAlerting(context, file, aws, kind === 'frozen' ? 'freeze' : 'unfreeze').announce(
    stack,
    { kind, about: aws.run, incident, ...announcementOf(kind, stacks, incident) },
    emit,
  );
}

function refuseOthers(found: readonly Freeze[], incident: string): void {
  const others = found.filter(({ by }) => by.incident !== incident);
  if (others.length === 0) return;
  const same = found.filter(({ by }) => by.incident === incident).map(({ stack }) => shortOf(stack));
  throw new Refusal(exitCodes.usage, ...others.map((other) => otherIncident(other, same, incident)));
}

function tell(context: Context, flags: FreezeFlags, { header, notes }: OpenedBucket, outcomes: readonly StackOutcome[]): void {
  if (flags.json) printJson(context, { ...header(), incident: flags.incident, stacks: outcomes, notes });
  else if (outcomes.length > 0) print(context, describeOutcomes, outcomes, styleFor(context.process.stdout, context.env));
}
