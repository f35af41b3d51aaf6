import { command } from '../../domain/command.ts';
import { exitCodes } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { Refusal } from '../../domain/problem.ts';
import { Journal } from '../../journal/journal.ts';
import { Heartbeat, whileHeard } from '../../locks/heartbeat.ts';
import { describeLock } from '../../locks/durable-locks.ts';
import type { StandingLock } from '../../locks/durable-locks.ts';
import { takeOverStack } from '../../ownership/claim.ts';
import type { HeldRecord } from '../../ownership/records.ts';
import { isOpen } from '../../ownership/stack-record.ts';
import { mayBeAtWork } from '../../ownership/liveness.ts';
import { identityKeyOf } from '../../ownership/processes.ts';
import { readDossiers, writeReleaseNote } from '../../recovery/dossier.ts';
import { describeOwner, verifiedOf } from '../../run/standing.ts';
import type { Standings } from '../../run/standing.ts';
import { styleFor } from '../../ui/reporter.ts';
import { openAlerting } from '../alerting.ts';
import { endOrphansHere } from '../clear-away.ts';
import type { CommonFlags, Context } from '../context.ts';
import { refuseIncident } from '../incident.ts';
import { oneStack } from '../one-stack.ts';
import { shortOf } from '../../domain/stack-name.ts';
import type { Item } from '../../ui/release.ts';
import {
  askForName,
  checklistOf,
  describeChecklist,
  describeRelease,
  isAtWork,
  isFrozen,
  lockChanged,
  notConfirmed,
  notReconciled,
  releaseAnnouncement,
  severalLocks,
} from '../../ui/release.ts';
import { print, printJson, report } from '../report.ts';
import { withBucket } from '../with-bucket.ts';
import type { OpenedBucket } from '../with-bucket.ts';

export interface ReleaseFlags extends CommonFlags {
  readonly incident: string;
  readonly unreconciled: boolean;
  readonly confirm?: string;
}

/** For a lock that `recover` could not release. It stays the last way, behind an incident and a checklist. */
export async function release(this: Context, flags: ReleaseFlags, pattern: string): Promise<void> {
  await report(this, flags, (emit, ask) =>
    withBucket(this, flags, 'release', emit, (opened) => releaseOne({ ...this, ask }, opened, flags, pattern)),
  );
}

/** Seconds for which a bucket that fails is tried again. */
const patienceSeconds = 30;

async function releaseOne(context: Context, opened: OpenedBucket, flags: ReleaseFlags, pattern: string): Promise<ExitCode> {
  const { file, aws, read, header, notes } = opened;
  const network = file.network.spec.network;
  refuseIncident(file, flags.incident);
  const { states, unreadable, standings } = await read();
  const names = new Set([...file.graph.nodes.map(({ name }) => name), ...states.keys(), ...standings.byStack.keys()]);
  const stack = oneStack(names, pattern, file, {
    because: 'a lock is released by itself',
    command: (short) => command('release', short, { incident: 'ID' }),
  });
  const short = shortOf(stack);
  const locks = standings.locks.filter((lock) => lock.stack === stack);
  const [lock, ...more] = locks;
  if (!lock)
    return told(
      context,
      flags,
      { ...header(), stack, released: false, items: [], notes },
      `${short} has no lock: there is nothing to release.`,
    );
  if (more.length > 0) throw new Refusal(exitCodes.lockedByOther, severalLocks(stack, locks));
  refuseAtWork(stack, lock, standings);
  const standing = standings.byStack.get(stack);
  // A lock that a recovery left behind its verified end says whose dossier it is.
  const run =
    (standing && 'run' in standing ? standing.run : undefined) ?? (lock.content.kind === 'holdfast' ? lock.content.record.run : undefined);
  const dossiers = run === undefined ? [] : await readDossiers(aws.store, network, run, stack);
  const items = checklistOf({
    lock: lock.etag,
    state: states.get(stack),
    unreadable: unreadable.find((each) => each.stack === stack)?.detail,
    verified: verifiedOf(standings, stack),
    dossier: dossiers.at(-1),
  });
  const isDone = items.every(({ done }) => done);
  if (!flags.json) print(context, describeChecklist, short, items, styleFor(context.process.stdout, context.env));
  if (!isDone && !flags.unreconciled) throw new Refusal(exitCodes.held, notReconciled(stack, items, flags.incident));
  if (!isDone) {
    await confirm(context, flags, stack);
    // A person may have thought about it for minutes, in which a quiet owner is heard of again.
    refuseAtWork(stack, lock, (await read()).standings);
  }
  const going = { stack, lock, record: standings.records.get(stack), standings, isDone, items };
  await whileHeard(new Heartbeat(aws.store, network, aws.run, aws.process), () => letGo(context, opened, flags, going));
  const { incident } = flags;
  const released = { kind: 'released', about: lock.etag, incident, ...releaseAnnouncement(short, isDone, incident) } as const;
  await openAlerting(context, file, aws, 'release').announce(stack, released, opened.emit);
  const after = (await read()).standings;
  return told(
    context,
    flags,
    { ...header(), stack, released: true, unreconciled: !isDone, incident, items, notes },
    describeRelease(stack, isDone, after.byStack.get(stack)),
  );
}

function told(context: Context, flags: ReleaseFlags, json: object, text: string): ExitCode {
  if (flags.json) printJson(context, json);
  else print(context, (sentence) => sentence, text);
  return exitCodes.done;
}

function refuseAtWork(stack: string, lock: StandingLock, { liveness, records }: Standings): void {
  const ofLock = lock.content.kind === 'holdfast' ? lock.content.record : undefined;
  if (ofLock?.operation === 'freeze') throw new Refusal(exitCodes.lockedByOther, isFrozen(stack, lock, ofLock.incident));
  const record = records.get(stack)?.record;
  // The lock was read before the record, which may have another owner by then.
  const owner = record && 'owner' in record && record.phase !== 'held' ? record.owner : undefined;
  for (const { process, described } of [
    ...(ofLock ? [{ process: ofLock, described: describeLock(lock) }] : []),
    ...(owner ? [{ process: owner, described: describeOwner(owner) }] : []),
  ]) {
    const known = liveness(process);
    if (mayBeAtWork(known)) throw new Refusal(exitCodes.lockedByOther, isAtWork(described, known));
  }
}

async function confirm(context: Context, { confirm: said, incident }: ReleaseFlags, stack: string): Promise<void> {
  const isIt = (text: string): boolean => [stack, shortOf(stack)].includes(text.trim());
  if (said !== undefined ? isIt(said) : context.interactive && isIt(await context.ask(askForName(stack)))) return;
  throw new Refusal(exitCodes.usage, notConfirmed(stack, said, incident));
}

interface Going {
  readonly stack: string;
  readonly lock: StandingLock;
  readonly record: HeldRecord | undefined;
  readonly standings: Standings;
  readonly isDone: boolean;
  readonly items: readonly Item[];
}

/** Written down before it is done. The end of another's ownership is a takeover: the record and the lock bear the incident before they let go. */
async function letGo(context: Context, { file, aws, emit }: OpenedBucket, flags: ReleaseFlags, going: Going): Promise<void> {
  const { stack, lock, record, standings, isDone, items } = going;
  const network = file.network.spec.network;
  const by = `${aws.process.user}@${aws.process.host}`;
  const at = new Date(context.now()).toISOString();
  const { incident } = flags;
  const run = (isOpen(record?.record) ? record.record.run?.by.run : undefined) ?? aws.run;
  const note = { network, run, stack, by, incident, at, unreconciled: !isDone, items };
  const journal = new Journal({ store: aws.store, network, run, writer: aws.process.nonce, patienceSeconds, now: context.now });
  if (!record || record.record.phase === 'free') {
    // Nothing of Holdfast's is in it: the lock of plain pulumi, or one that is left over.
    await writeReleaseNote(aws.store, note);
    if (!(await aws.store.remove(lock.key, lock.etag)).done) throw raced(stack);
    return;
  }
  const owner = { ...aws.lockRecord(stack, 'recover'), run, incident };
  const ended = (await endOrphansHere(aws, standings, emit)).map(identityKeyOf);
  const isDead = 'owner' in record.record && ended.includes(identityKeyOf(record.record.owner));
  const proof = record.record.phase === 'claimed' ? 'nothing-started' : isDead ? 'process-dead' : 'person';
  const beside = lock.content.kind === 'holdfast' ? [] : [lock];
  const request = { store: aws.store, network, patience: { seconds: patienceSeconds }, now: context.now, beside };
  const taken = await takeOverStack(owner, record, proof, request);
  if (!taken.ok) throw raced(stack);
  const { claim } = taken;
  await writeReleaseNote(aws.store, note);
  const released = isDone
    ? await claim.write({ type: 'verify', as: claim.as, verified: record.record.verified })
    : await claim.write({ type: 'release', as: claim.as, incident });
  if (!released.ok) throw raced(stack);
  await journal.note({ type: 'released', stack, epoch: claim.as.epoch, by, incident, unreconciled: !isDone });
  if (!(await claim.dropLock()).done) throw raced(stack);
}

const raced = (stack: string): Refusal => new Refusal(exitCodes.lockedByOther, lockChanged(stack));
