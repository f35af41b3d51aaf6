import type { Looked } from '../aws/looked.ts';
import type { Staleness } from '../aws/staleness.ts';
import { addedFlags, asGiven, command } from '../domain/command.ts';
import { formatSeconds } from '../domain/duration.ts';
import { messageOf } from '../domain/problem.ts';
import { objectKey } from '../inventory/live-object.ts';
import type { Inventory, LiveObject, LookScope } from '../inventory/live-object.ts';
import type { Answer, Doubt } from '../journal/events.ts';
import { isCloudObject } from '../state/deployment.ts';
import type { Deployment, StateResource } from '../state/deployment.ts';
import { describeAnswer, wordOf } from './describe.ts';
import type { History } from './history.ts';
import { withAnswer } from '../ownership/answers.ts';
import { everShown, Looks } from './looks.ts';
import type { Look } from './looks.ts';
import { isInDoubt, soughtOf, subjectsOf, wantsPlan } from './subjects.ts';
import type { Elsewhere, Evidence, Subject, TrailWord, TypeIdentity } from './subjects.ts';
import type { RecoveryWords } from './words.ts';

/** What recovery knows of a resource type, beyond what tells its objects apart. */
export interface RecoveryType extends TypeIdentity {
  /** The id that the provider makes of the key; undefined where it is AWS's own. */
  readonly idOf: ((properties: Readonly<Record<string, unknown>>) => string | undefined) | undefined;
  /** Whether a text can be an id of the type. */
  readonly isId: (id: string) => boolean;
  /** What an object with these properties is in, nearest first: the first has to be listed to find it. */
  readonly containersOf: (properties: Readonly<Record<string, unknown>>) => readonly { readonly type: string; readonly id: string }[];
}

export interface ExamineRequest {
  readonly stack: string;
  readonly short: string;
  readonly project: string;
  readonly installation: string;
  readonly typeOf: (token: string) => RecoveryType | undefined;
  readonly because: RecoveryWords['because'];
  readonly current: Deployment;
  readonly history: History;
  readonly doubts: readonly Doubt[];
  readonly spool: Deployment | undefined;
  readonly disowned: ReadonlySet<string>;
  /** Everything that persons have answered by now. */
  readonly answers: readonly Answer[];
  /** Those of them that were given for this very recovery: what others name may be gone since. */
  readonly given: readonly Answer[];
  /** How the program means resources that no version has; asked at most once, and only where it matters. */
  readonly plan: () => Promise<ReadonlyMap<string, StateResource>>;
  readonly look: (scope: LookScope) => Promise<Looked<Inventory>>;
  /** Asked after each look: what a stack is making it has in its state soon after. */
  readonly elsewhere: () => Promise<Elsewhere>;
  /** What CloudTrail has of the run by now. Asked again while it may still say more. */
  readonly trail: () => Promise<TrailAnswer>;
  readonly staleness: Staleness;
  /** How long anything is waited for. */
  readonly limitSeconds: number;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onProgress: (message: string) => void;
}

export interface TrailAnswer {
  readonly words: readonly TrailWord[];
  /** It will not say more: it is not permitted, or everything of the run's time has arrived. */
  readonly final: boolean;
  /** For people: how it was asked, or why it could not be. */
  readonly said: string;
}

export type Examined =
  | {
      readonly ok: true;
      readonly subjects: readonly Subject[];
      readonly evidence: Evidence;
      readonly looks: readonly Look[];
      readonly trail: string;
    }
  | {
      readonly ok: false;
      readonly reason: 'cannot-look' | 'unsettled' | 'stopped' | 'bad-answer';
      readonly why: string;
      readonly next?: string;
      readonly looks: readonly Look[];
    };

const shortestWaitMs = 200;
/** Between looks at what AWS is still making or deleting. */
const pollMs = 5_000;
/** Between questions to CloudTrail, which is minutes late. */
const trailEveryMs = 20_000;

/** Looks at AWS until every fact is settled, or the limit is reached. Read-only. */
export async function examine(request: ExamineRequest): Promise<Examined> {
  const { now, limitSeconds, signal, because } = request;
  const startedMs = now();
  const looks: Look[] = [];
  let planned: ReadonlyMap<string, StateResource> | undefined;
  let trail: TrailAnswer = { words: [], final: false, said: 'not asked' };
  let asking: Promise<void> | undefined;
  let askedMs = Number.NEGATIVE_INFINITY;
  const askTrail = (): void => {
    if (asking || trail.final || now() - askedMs < trailEveryMs) return;
    askedMs = now();
    asking = request
      .trail()
      .catch((cause: unknown): TrailAnswer => ({ words: [], final: true, said: `CloudTrail could not be read: ${messageOf(cause)}` }))
      .then((answer) => {
        // It never takes back what it has said: one that is refused, or fails, later says nothing new.
        const isMissing = (old: TrailWord): boolean => !answer.words.some(({ eventId, id }) => eventId === old.eventId && id === old.id);
        trail = { ...answer, words: [...trail.words.filter(isMissing), ...answer.words] };
        asking = undefined;
      });
  };
  let elsewhere: Elsewhere = { holders: new Map(), unread: [] };
  const evidenceAt = (isLast: boolean): Evidence => ({
    ...request,
    elsewhere,
    identityOf: request.typeOf,
    looks: new Looks(looks, (type) => request.staleness(type) * 1000),
    trail: isLast ? { ...trail, final: true } : trail,
    planned: planned ?? new Map(),
  });
  for (;;) {
    if (signal.aborted) return { ok: false, reason: 'stopped', why: 'stopped by a signal', looks };
    const scope = scopeOf(request, trail.words, everShown(looks));
    const looked = await request.look(scope);
    if (!looked.ok)
      return { ok: false, reason: 'cannot-look', why: `AWS could not be looked at: ${looked.code}: ${looked.message}`, looks };
    elsewhere = await request.elsewhere();
    looks.push({ inventory: looked.value, ids: idsOf(scope) });
    const leftMs = startedMs + limitSeconds * 1000 - now();
    let evidence = evidenceAt(leftMs <= 0);
    let subjects = subjectsOf(evidence);
    if (planned === undefined && wantsPlan(request, subjects)) {
      planned = await request.plan();
      evidence = evidenceAt(leftMs <= 0);
      subjects = subjectsOf(evidence);
    }
    const bad = answerProblem(request, subjects, looked.value.objects, elsewhere);
    if (bad) return { ok: false, reason: 'bad-answer', ...bad, looks };
    // An id that only CloudTrail knows has to be looked for too, before anything counts as gone.
    if (subjects.some(({ facts }) => facts.operation === 'create' || facts.operation === 'delete')) askTrail();
    const waiting = subjects.filter(({ row }) => row.then === 'wait');
    if (waiting.length === 0) {
      if (asking === undefined) return { ok: true, subjects, evidence, looks, trail: trail.said };
      const words = trail.words.length;
      await asking;
      if (trail.words.length === words) return { ok: true, subjects, evidence, looks, trail: trail.said };
      continue;
    }
    if (leftMs <= 0) {
      const [first] = waiting;
      return {
        ok: false,
        reason: 'unsettled',
        why: `${first?.name ?? ''}${first?.id === undefined ? '' : ` (${first.id})`}: ${first ? because(first.row) : ''}${waiting.length > 1 ? `, and ${waiting.length - 1} more` : ''}; waited ${formatSeconds(limitSeconds)}`,
        looks,
      };
    }
    await waitForMore(request, evidence, waiting, leftMs);
  }
}

/** What a person answered, against what there is: of an answer that cannot be, nothing is done at all. */
function answerProblem(
  request: ExamineRequest,
  subjects: readonly Subject[],
  objects: readonly LiveObject[],
  elsewhere: Elsewhere,
): { readonly why: string; readonly next: string } | undefined {
  const { given, short, stack, installation, typeOf, current } = request;
  for (const [index, one] of given.entries()) {
    const { resource, answer, id } = one;
    const ofName = subjects.filter(({ name }) => name === resource);
    const said = asGiven('decide', describeAnswer(one));
    const taken = given.slice(0, index).find((before) => !withAnswer([before], one).includes(before));
    if (taken) return { why: `${asGiven('decide', describeAnswer(taken))} and ${said} cannot both be`, next: 'Give one of them.' };
    const [first] = ofName;
    const names = [...new Set(subjects.filter(({ facts }) => isInDoubt(facts)).map(({ name }) => name))];
    if (!first)
      return {
        why: `${said}: ${short} has no resource "${resource}"`,
        next: names.length === 0 ? 'Nothing in it is in doubt.' : `In doubt are: ${names.join(', ')}`,
      };
    const meant =
      answer === 'forget'
        ? []
        : id === undefined
          ? ofName.flatMap(({ live, facts }) => (live && isInDoubt(facts) ? [live] : []))
          : objects.filter((object) => object.id === id && object.type === first.type);
    const anothers = meant.map((object) => whoseElse(object, request, elsewhere)).find((why) => why !== undefined);
    if (anothers) return { ...anothers, why: `${said}: ${anothers.why}` };
    if (id === undefined) {
      const there = ofName.filter(
        ({ live, facts }) => live && live.phase !== 'over' && facts.state === 'unrecorded' && facts.bears !== 'another-stack',
      );
      if (answer === 'forget' && there.length > 0)
        return {
          why: `${said}: AWS has ${there.map((subject) => subject.id).join(', ')} for it, which would be nobody's`,
          next: `Adopt it (${addedFlags('recover', { decide: `${resource}=adopt:${there[0]?.id ?? 'ID'}` })}), have it deleted (=delete:ID), or leave it on purpose (=disown:ID).`,
        };
      continue;
    }
    const live = objects.find((object) => object.id === id && object.type === first.type);
    const other = typeOf(first.type)?.isId(id) === false ? `it is no id of a ${wordOf(first.type)}` : undefined;
    if (other !== undefined) return { why: `${said}: ${other}`, next: `Give an id of ${short}/${resource}.` };
    if (!live)
      return { why: `${said}: AWS has no ${wordOf(first.type)} ${id}`, next: `Look what there is: ${command('inventory', short)}` };
    const owner = live.tags?.['holdfast:stack'];
    const isForeign = live.tags?.['holdfast:installation'] !== undefined && live.tags['holdfast:installation'] !== installation;
    if (owner !== undefined && (owner !== stack || isForeign))
      return {
        why: `${said}: ${id} belongs to ${owner}${isForeign ? ' of another installation' : ''}`,
        next: `Give an id of ${stack}; what there is: ${command('inventory', short)}`,
      };
    const recorded = current.resources.find((entry) => entry.type === first.type && entry.id === id && entry.name !== resource);
    if (recorded)
      return { why: `${said}: the state has ${id} as ${recorded.name}`, next: `Give another id, or decide on ${recorded.name}.` };
  }
  return undefined;
}

/** Why no answer may name an object; undefined where it is no other stack's, as far as its state says. */
function whoseElse(
  object: LiveObject,
  { short, stack, installation, current }: ExamineRequest,
  { holders, unread }: Elsewhere,
): { readonly why: string; readonly next: string } | undefined {
  const holder = holders.get(objectKey(object));
  if (holder)
    return {
      why: `${object.id} belongs to ${holder.stack}: its state has it as ${holder.resource}`,
      next: `What becomes of it is decided there. What there is: ${command('inventory', short)}`,
    };
  const isOurs =
    current.resources.some((entry) => objectKey({ type: entry.type, id: entry.id ?? '' }) === objectKey(object)) ||
    (object.tags?.['holdfast:stack'] === stack && object.tags['holdfast:installation'] === installation);
  return isOurs || unread.length === 0
    ? undefined
    : {
        why: `whether ${object.id} belongs to another stack cannot be told: the states of these could not be read: ${unread.join(', ')}`,
        next: `See why with ${command('status')}, and then again: ${command('recover', short)}`,
      };
}

/** Until the next look can say more than this one. */
async function waitForMore(request: ExamineRequest, evidence: Evidence, waiting: readonly Subject[], leftMs: number): Promise<void> {
  const { now, sleep, onProgress, short, because } = request;
  const isOnlyUnsettled = waiting.every(({ facts }) => facts.live === 'unsettled');
  const settledAt = Math.max(...waiting.map((subject) => evidence.looks.settledAtMs(soughtOf(subject, evidence)) ?? 0));
  const waitMs = isOnlyUnsettled ? Math.max(shortestWaitMs, settledAt - now()) : pollMs;
  const [first] = waiting;
  onProgress(
    `${short}: ${first?.name ?? ''}: ${first ? because(first.row) : ''}${waiting.length > 1 ? ` (and ${waiting.length - 1} more)` : ''}; the next look is in ${formatSeconds(Math.ceil(waitMs / 1000))}`,
  );
  await sleep(Math.min(waitMs, Math.max(shortestWaitMs, leftMs)));
}

/** Everything that has an id anywhere is looked up by it; what has none is found by its tags, or in what it would be in. */
function scopeOf(
  { stack, installation, current, history, spool, answers, typeOf }: ExamineRequest,
  words: readonly TrailWord[],
  seen: readonly LiveObject[],
): LookScope {
  const known = new Map<string, Set<string>>();
  const isOurs = (tags: Readonly<Record<string, string>>): boolean =>
    tags['holdfast:stack'] === stack && tags['holdfast:installation'] === installation;
  const add = (type: string, id: string | undefined): void => {
    if (id === undefined || type.startsWith('pulumi:') || !typeOf(type)) return;
    const ids = known.get(type) ?? new Set();
    known.set(type, ids.add(id));
  };
  const addResource = (resource: StateResource): void => {
    if (!isCloudObject(resource)) return;
    add(resource.type, resource.id);
    const type = typeOf(resource.type);
    if (resource.id === undefined) add(resource.type, type?.idOf?.(resource.inputs));
    // Listing the nearest finds it. The gateway around an attachment has what other stacks have made: all tables, all attachments, all routes.
    const [nearest] = type?.containersOf(resource.inputs) ?? [];
    if (nearest !== undefined) add(nearest.type, nearest.id);
  };
  for (const resource of [...current.resources, ...history.former, ...history.updates, ...(spool?.resources ?? [])]) addResource(resource);
  for (const { resource } of history.open) addResource(resource);
  for (const { type, id, act, tags, key } of words) {
    const keyOf = typeOf(type)?.keyOf;
    const ofKey = key && keyOf?.(key);
    // Where the event does not tell the whole key, what AWS has under the id does.
    const isBegun =
      keyOf !== undefined &&
      history.open.some(({ resource }) => resource.type === type && (ofKey === undefined || keyOf(resource.inputs) === ofKey));
    if (act !== 'changed' && (tags === undefined ? isBegun : isOurs(tags))) add(type, id);
  }
  for (const { resource, answer, id } of answers)
    if (id !== undefined && answer !== 'forget')
      for (const shape of history.shapes.values()) if (shape.name === resource && isCloudObject(shape)) add(shape.type, id);
  // What was seen once stays looked for by its id, also where its tags are taken away meanwhile.
  for (const { type, id, tags } of seen) if (tags !== undefined && isOurs(tags)) add(type, id);
  return { stacks: [stack], installation, known: new Map([...known].map(([type, ids]) => [type, [...ids].sort()])) };
}

function idsOf({ known }: LookScope): ReadonlySet<string> {
  return new Set([...known].flatMap(([type, ids]) => ids.map((id) => objectKey({ type, id }))));
}
