import { objectKey } from '../inventory/live-object.ts';
import type { LiveObject } from '../inventory/live-object.ts';
import type { Answer, Doubt } from '../journal/events.ts';
import { isCloudObject } from '../state/deployment.ts';
import type { Deployment, OperationType, StateOperation, StateResource } from '../state/deployment.ts';
import { typeOfUrn } from '../run/standing.ts';
import { decide } from './decision-table.ts';
import type { Row } from './decision-table.ts';
import type { Facts, Operation } from './facts.ts';
import type { History, OpenOperation } from './history.ts';
import type { Looks, Sought } from './looks.ts';

/** What tells the objects of a type apart, as far as recovery asks. */
export interface TypeIdentity {
  readonly by: 'tag' | 'key';
  /** Of a type that is told apart by its key; undefined where a part of it is not known. */
  readonly keyOf: ((properties: Readonly<Record<string, unknown>>) => string | undefined) | undefined;
}

/** Who has an object in its state. */
export interface Holder {
  /** Full name. */
  readonly stack: string;
  /** The stack's own name for it. */
  readonly resource: string;
}

/** What the states of the network's other stacks have. State goes before tags and keys: one that has an object in its state owns it. */
export interface Elsewhere {
  /** By `objectKey`. */
  readonly holders: ReadonlyMap<string, Holder>;
  /** Full names of the stacks whose states could not be read: whether an object is theirs cannot be told. */
  readonly unread: readonly string[];
}

/** What CloudTrail says of one object that the run touched. */
export interface TrailWord {
  readonly type: string;
  readonly id: string;
  readonly act: 'made' | 'changed' | 'deleted';
  readonly at: Date;
  readonly eventId: string;
  /** Of the request, where it set any. */
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** The properties that make its key, where it has one. */
  readonly key: Readonly<Record<string, unknown>> | undefined;
}

/** Everything that is known of a stack whose run was interrupted. */
export interface Evidence {
  readonly stack: string;
  readonly project: string;
  readonly installation: string;
  readonly identityOf: (type: string) => TypeIdentity | undefined;
  readonly current: Deployment;
  readonly history: History;
  /** What the run itself wrote down of how its engine ended. */
  readonly doubts: readonly Doubt[];
  readonly looks: Looks;
  /** `final`: it will not say more than this. It is minutes late, and may not be permitted. */
  readonly trail: { readonly words: readonly TrailWord[]; readonly final: boolean };
  /** The last checkpoint that could not be written, where this machine has it. */
  readonly spool: Deployment | undefined;
  /** As `objectKey` names them: an association and a propagation may share an id. */
  readonly disowned: ReadonlySet<string>;
  readonly answers: readonly Answer[];
  /** What the other stacks of the network have. */
  readonly elsewhere: Elsewhere;
  /** How the program means resources to be that no version of the checkpoint has, by name. */
  readonly planned: ReadonlyMap<string, StateResource>;
}

/** Where a fact comes from, and what is said there. */
export type Source =
  | { readonly from: 'checkpoint'; readonly id: string | undefined; readonly state: Facts['state'] }
  | { readonly from: 'pending-operation'; readonly type: OperationType; readonly version: string; readonly current: boolean }
  /** An earlier one has it. */
  | { readonly from: 'version'; readonly id: string; readonly deletionSeen: boolean }
  /** What an update was to make. */
  | { readonly from: 'version'; readonly id: string; readonly updateOf: string }
  | { readonly from: 'journal'; readonly text: string }
  | { readonly from: 'spool' | 'person'; readonly id: string }
  /** Of another stack: full name, and the name that it has there. */
  | { readonly from: 'another-state'; readonly stack: string; readonly resource: string }
  | { readonly from: 'unread-states'; readonly stacks: readonly string[] }
  | { readonly from: 'cloudtrail'; readonly word: TrailWord }
  | { readonly from: 'inventory'; readonly looks: number; readonly id: string | undefined; readonly shown?: Shown };

type Shown = Pick<LiveObject, 'phase'> & Pick<Facts, 'bears'>;

/** One object in question, or a create of which no object was found: its facts, where they come from, and what they come to. */
export interface Subject {
  readonly urn: string;
  readonly name: string;
  readonly type: string;
  readonly id: string | undefined;
  readonly facts: Facts;
  readonly row: Row;
  readonly sources: readonly Source[];
  /** How it is recorded, or is to be. */
  readonly shape: StateResource | undefined;
  readonly live: LiveObject | undefined;
}

/** Whether anything about it was unknown when the recovery began. */
export const isInDoubt = ({ operation, state }: Pick<Facts, 'operation' | 'state'>): boolean =>
  operation !== 'none' || state === 'unrecorded';

/** A subject before its facts are complete. */
interface Candidate {
  readonly urn: string;
  readonly name: string;
  readonly type: string;
  readonly id: string | undefined;
  readonly state: Facts['state'];
  readonly operation: Operation;
  readonly shape: StateResource | undefined;
  readonly sources: Source[];
  /** Deleted, and its id is by now that of the one that was made in its place. */
  readonly succeeded: boolean;
}

const operationOf: Record<OperationType, Operation> = {
  creating: 'create',
  updating: 'update',
  deleting: 'delete',
  reading: 'read',
  importing: 'import',
};

/** Everything that the recovery has to decide on, each with its decision. Pure: the same evidence comes to the same. */
export function subjectsOf(evidence: Evidence): readonly Subject[] {
  const candidates = candidatesOf(evidence);
  const subjects = candidates.map((candidate) => {
    const facts = factsOf(candidate, candidates, evidence);
    const live = liveOf(candidate, evidence);
    const sources = [...candidate.sources, ...liveSources(candidate, facts, live, evidence), ...elsewhereSources(facts, live, evidence)];
    const { urn, name, type, id, shape } = candidate;
    return { urn, name, type, id, facts, row: decide(facts), sources, shape, live };
  });
  return subjects;
}

function candidatesOf(evidence: Evidence): readonly Candidate[] {
  const { current, history, looks, spool, trail, disowned, planned } = evidence;
  const candidates: Candidate[] = [];
  const taken = new Set<string>();
  const add = (candidate: Omit<Candidate, 'succeeded'> & { readonly succeeded?: boolean }): void => {
    const { type, id, succeeded = false } = candidate;
    candidates.push({ ...candidate, succeeded });
    if (id !== undefined && !succeeded) taken.add(objectKey({ type, id }));
  };
  const journaled = journaledCreates(evidence);
  const creates = [...history.open.filter(({ type }) => type === 'creating'), ...journaled];

  for (const resource of current.resources) {
    const { urn, name, type, id } = resource;
    const open = history.open.find(
      (operation) => operation.type !== 'creating' && operation.resource.urn === urn && (operation.resource.id ?? id) === id,
    );
    if (!isCloudObject(resource) && !open) continue;
    const state = resource.condemned ? 'condemned' : resource.replacing ? 'replaced-away' : 'recorded';
    const sources: Source[] = [{ from: 'checkpoint', id, state }];
    if (open) sources.push(operationSource(open));
    const succeeded = isSucceeded(resource, creates, evidence);
    add({ urn, name, type, id, state, operation: open ? operationOf[open.type] : 'none', shape: resource, sources, succeeded });
  }

  /** Ids for which somebody gives a resource, beyond what AWS shows of tags and keys. */
  const said: { readonly urn: string; readonly type: string; readonly id: string; readonly source: Source }[] = [];
  for (const resource of spool?.resources ?? [])
    if (isCloudObject(resource) && resource.id !== undefined)
      said.push({ urn: resource.urn, type: resource.type, id: resource.id, source: { from: 'spool', id: resource.id } });

  const newest = looks.newest?.objects ?? [];
  for (const open of [...history.open.map((operation) => ({ ...operation, source: operationSource(operation) })), ...journaled]) {
    const { urn, name, type } = open.resource;
    const isCreate = open.type === 'creating';
    // Of an object that the state has it is a fact of that one.
    if (!isCreate && candidates.some((candidate) => candidate.urn === urn && candidate.operation === operationOf[open.type])) continue;
    const shape = open.resource;
    const base = { urn, name, type, state: 'unrecorded', operation: operationOf[open.type], shape } as const;
    if (!isCloudObject(shape)) {
      add({ ...base, id: undefined, sources: [open.source] });
      continue;
    }
    const found = new Map<string, Source[]>();
    const note = (id: string, source: Source): void => void found.set(id, [...(found.get(id) ?? []), source]);
    if (isCreate) {
      // Also what a look showed before: its tags may have been taken away meanwhile.
      for (const object of looks.everShown) if (matches(object, shape, evidence)) note(object.id, open.source);
      for (const { id, source, ...about } of said) if (about.urn === urn && about.type === type) note(id, source);
      for (const word of trail.words)
        if (word.act === 'made' && word.type === type && isOf(word, shape, evidence)) note(word.id, { from: 'cloudtrail', word });
      for (const { resource, answer, id } of evidence.answers)
        if (resource === name && answer === 'adopt' && id !== undefined) note(id, { from: 'person', id });
    } else if (open.resource.id !== undefined) note(open.resource.id, open.source);
    const unrecorded = [...found].filter(([id]) => !taken.has(objectKey({ type, id })) && !disowned.has(objectKey({ type, id })));
    for (const [id, sources] of unrecorded)
      add({ ...base, id, sources: [open.source, ...sources.filter((source) => source !== open.source)] });
    if (unrecorded.length === 0) add({ ...base, id: undefined, sources: [open.source] });
  }

  // Of what nothing tells how it is recorded the tags are looked for in any case; a key cannot be made.
  for (const { urn, text } of lostCreates(evidence)) {
    const [name, type] = [urn.split('::').at(-1) ?? urn, typeOfUrn(urn)];
    if (evidence.identityOf(type)?.by !== 'key' || shapeOfLost(urn, evidence)) continue;
    const sources: Source[] = [{ from: 'journal', text }];
    add({ urn, name, type, id: undefined, state: 'unrecorded', operation: 'create', shape: undefined, sources });
  }

  for (const resource of history.former) {
    const { urn, name, type, id } = resource;
    if (id === undefined || taken.has(objectKey({ type, id })) || disowned.has(objectKey({ type, id }))) continue;
    const deletionSeen = history.seenDeleted.has(objectKey({ type, id }));
    const sources: Source[] = [{ from: 'version', id, deletionSeen }];
    add({ urn, name, type, id, state: 'unrecorded', operation: deletionSeen ? 'delete' : 'none', shape: resource, sources });
  }

  for (const object of newest) {
    if (taken.has(objectKey(object)) || disowned.has(objectKey(object))) continue;
    const name = resourceName(object, evidence);
    if (name === undefined) continue;
    const known = [...history.shapes.values()].find((shape) => shape.name === name && shape.type === object.type);
    const shape = known ?? plannedShape(planned, name, object.type);
    const urn = shape?.urn ?? `urn:pulumi:${evidence.stack}::${evidence.project}::${object.type}::${name}`;
    add({ urn, name, type: object.type, id: object.id, state: 'unrecorded', operation: 'none', shape, sources: [] });
  }

  // A key that the state has, or that an update was to give it, under an id that it does not have.
  for (const object of newest) {
    if (object.madeBy === 'aws' || taken.has(objectKey(object)) || disowned.has(objectKey(object))) continue;
    const isOf = (resource: StateResource): boolean => object.key !== undefined && matches(object, resource, evidence);
    const isSaid = ({ type, name }: StateResource): boolean =>
      type === object.type &&
      evidence.answers.some(({ answer, resource, id }) => answer === 'adopt' && resource === name && id === object.id);
    const own = current.resources.filter((resource) => resource.type === object.type && !resource.condemned);
    const fresh = own.find(isOf);
    const updated = history.updates.find((update) => own.some(({ urn }) => urn === update.urn) && (isOf(update) || isSaid(update)));
    const shape = fresh ?? updated;
    if (!shape) continue;
    const { urn, name, type } = shape;
    const sources: Source[] = fresh ? [] : [{ from: 'version', id: object.id, updateOf: name }];
    add({ urn, name, type, id: object.id, state: 'unrecorded', operation: fresh ? 'none' : 'update', shape, sources });
  }
  return candidates;
}

/**
 * Whether what was deleted, to be replaced, has its id given to another by now: an id that is made of a key comes again. The checkpoint says that the old one is gone,
 * so that what AWS shows under it was made since.
 */
function isSucceeded({ urn, type, id, replacing }: StateResource, creates: readonly StateOperation[], evidence: Evidence): boolean {
  return (
    replacing &&
    evidence.identityOf(type)?.by === 'key' &&
    creates.some(
      ({ resource }) =>
        resource.urn === urn && evidence.looks.everShown.some((object) => object.id === id && matches(object, resource, evidence)),
    )
  );
}

type WrittenDown = Pick<Evidence, 'doubts' | 'history' | 'current'>;

/** Creates that the run itself wrote down as unknown, and of which no version of the checkpoint is left that has them. */
function lostCreates({ doubts, history, current }: WrittenDown): readonly { readonly urn: string; readonly text: string }[] {
  return doubts.flatMap(({ urn, op, text }) =>
    urn !== undefined &&
    op?.startsWith('creat') === true &&
    !history.open.some(({ resource }) => resource.urn === urn) &&
    !current.resources.some((resource) => resource.urn === urn)
      ? [{ urn, text }]
      : [],
  );
}

function shapeOfLost(urn: string, { history, planned }: Evidence): StateResource | undefined {
  return history.shapes.get(urn) ?? plannedShape(planned, urn.split('::').at(-1) ?? urn, typeOfUrn(urn));
}

function journaledCreates(evidence: Evidence): readonly (StateOperation & { readonly source: Source })[] {
  return lostCreates(evidence).flatMap(({ urn, text }) => {
    const resource = shapeOfLost(urn, evidence);
    return resource ? [{ type: 'creating' as const, resource, source: { from: 'journal' as const, text } }] : [];
  });
}

/** Whether something is in question of which no version of the checkpoint tells how it is to be recorded. */
export function wantsPlan(evidence: WrittenDown, subjects: readonly Subject[]): boolean {
  return (
    subjects.some(({ facts }) => facts.shape === 'unknown') || lostCreates(evidence).some(({ urn }) => !evidence.history.shapes.has(urn))
  );
}

const operationSource = ({ type, version, current }: OpenOperation): Source => ({ from: 'pending-operation', type, version, current });

function plannedShape(planned: Evidence['planned'], name: string, type: string): StateResource | undefined {
  const shape = planned.get(name);
  return shape?.type === type ? shape : undefined;
}

/** The stack's own name for an object that bears its tags. */
function resourceName({ tags }: Pick<LiveObject, 'tags'>, { installation, stack }: Evidence): string | undefined {
  return tags?.['holdfast:installation'] === installation && tags['holdfast:stack'] === stack ? tags['holdfast:resource'] : undefined;
}

/** Whether CloudTrail speaks of this resource. */
function isOf(word: TrailWord, shape: StateResource, evidence: Evidence): boolean {
  const { installation, stack, identityOf } = evidence;
  const { tags, key } = word;
  if (tags !== undefined)
    return tags['holdfast:installation'] === installation && tags['holdfast:stack'] === stack && tags['holdfast:resource'] === shape.name;
  const wanted = keyOf(shape, evidence);
  return key !== undefined && wanted !== undefined && identityOf(shape.type)?.keyOf?.(key) === wanted;
}

/** By what the looks are searched for it: its id, and whatever else there may be of its resource. */
export function soughtOf({ type, id, shape }: Pick<Subject, 'type' | 'id' | 'shape'>, evidence: Evidence): Sought {
  return { type, id, matches: (object) => shape !== undefined && matches(object, shape, evidence) };
}

/** Whether a live object is this resource, by its tags or by its key. */
export function matches(object: LiveObject, shape: StateResource, evidence: Evidence): boolean {
  if (object.type !== shape.type || object.madeBy === 'aws') return false;
  const identity = evidence.identityOf(shape.type);
  if (identity?.by === 'tag') return resourceName(object, evidence) === shape.name;
  const key = keyOf(shape, evidence);
  return key !== undefined && object.key === key;
}

function findableFact({ id, urn, name, state, operation, shape }: Candidate, evidence: Evidence): Facts['findable'] {
  if (id === undefined) return operation !== 'create' || (shape && isFindable(shape, evidence)) ? 'yes' : 'no';
  if (evidence.answers.some(({ resource, answer }) => resource === name && answer === 'adopt')) return 'yes';
  // What is told by its tags keeps its id in an update.
  const hasUnknownKey = (update: StateResource): boolean =>
    update.urn === urn && evidence.identityOf(update.type)?.by === 'key' && keyOf(update, evidence) === undefined;
  return state === 'recorded' && evidence.history.updates.some(hasUnknownKey) ? 'no' : 'yes';
}

/** Whether `matches` would find the object that a create with these inputs makes. */
function isFindable(shape: StateResource, evidence: Evidence): boolean {
  if (evidence.identityOf(shape.type)?.by !== 'tag') return keyOf(shape, evidence) !== undefined;
  const tags = shape.inputs['tags'];
  return (
    typeof tags === 'object' && tags !== null && resourceName({ tags: tags as Readonly<Record<string, string>> }, evidence) === shape.name
  );
}

/** What stands in a plan for what is not known before the deployment: https://github.com/pulumi/pulumi sdk/go/common/resource/plugin/rpc.go */
const unknownValue = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

function keyOf({ type, inputs }: StateResource, { identityOf }: Evidence): string | undefined {
  return identityOf(type)?.keyOf?.(Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== unknownValue)));
}

function factsOf(candidate: Candidate, all: readonly Candidate[], evidence: Evidence): Facts {
  const { state, operation, shape, type } = candidate;
  const isCloud = shape ? isCloudObject(shape) : !type.startsWith('pulumi:');
  return {
    kind: !isCloud ? 'engine' : evidence.identityOf(type) ? 'cloud' : 'unlisted',
    state,
    operation,
    live: liveFact(candidate, evidence),
    findable: findableFact(candidate, evidence),
    bears: bearsFact(candidate, evidence),
    beside: besideFact(candidate, all, evidence),
    trail: trailFact(candidate, evidence),
    shape: shape ? 'known' : 'unknown',
    protect: shape?.protect === true ? 'yes' : 'no',
    retain: shape?.retainOnDelete === true ? 'yes' : 'no',
    said: saidFact(candidate, all, evidence),
  };
}

function liveOf({ type, id }: Candidate, { looks }: Evidence): LiveObject | undefined {
  return id === undefined ? undefined : looks.newest?.objects.find((object) => object.type === type && object.id === id);
}

function liveFact(candidate: Candidate, evidence: Evidence): Facts['live'] {
  const { looks, history, trail, identityOf } = evidence;
  const { type, id } = candidate;
  if (candidate.succeeded) return 'gone';
  const live = liveOf(candidate, evidence);
  // Of a key there is one object, and it is known whose it is: what AWS may show later is not this stack's.
  const isAnothers = candidate.state === 'unrecorded' && identityOf(type)?.by === 'key' && holderOf(live, evidence) !== undefined;
  const inDoubt = isInDoubt(candidate) && !isAnothers;
  if (live) {
    if (live.phase === 'coming' || live.phase === 'going') return live.phase;
    return !inDoubt || looks.agreeOn(soughtOf(candidate, evidence)) ? live.phase : 'unsettled';
  }
  if (looks.newest === undefined || looks.newest.incomplete.length > 0) return 'unseen';
  // Under an id that is made of a key there may be another one since: the last word counts.
  const lastWord = trail.words.findLast((word) => word.act !== 'changed' && word.type === type && word.id === id);
  const seenDeleted = id !== undefined && (history.seenDeleted.has(objectKey({ type, id })) || lastWord?.act === 'deleted');
  if (seenDeleted) return 'gone';
  return looks.agreeOn(soughtOf(candidate, evidence)) ? 'gone' : 'unsettled';
}

function bearsFact(candidate: Candidate, evidence: Evidence): Facts['bears'] {
  const live = liveOf(candidate, evidence);
  const { shape } = candidate;
  if (!live) return 'nothing';
  if (holderOf(live, evidence)) return 'another-stack';
  if (resourceName(live, evidence) === candidate.name) return 'our-tags';
  if (evidence.elsewhere.unread.length > 0) return 'cannot-tell';
  if (live.key === undefined || !shape || !matches(live, shape, evidence)) return 'nothing';
  return leadsWhere(shape, live) ? 'our-key' : 'other-target';
}

/** Whether what AWS shows is what was asked for, in every property that both name in one word. */
function leadsWhere({ inputs }: StateResource, { properties }: LiveObject): boolean {
  return Object.entries(properties).every(([name, shown]) => {
    const wanted = inputs[name];
    return !isWord(wanted) || !isWord(shown) || wanted === '' || shown === '' || String(shown) === String(wanted);
  });
}

const isWord = (value: unknown): value is string | number | boolean => ['string', 'number', 'boolean'].includes(typeof value);

function besideFact(candidate: Candidate, all: readonly Candidate[], evidence: Evidence): Facts['beside'] {
  const ofResource = all.filter((other) => other.urn === candidate.urn && other.type === candidate.type && other !== candidate);
  const isThere = (other: Candidate): boolean => {
    const live = liveOf(other, evidence);
    return live !== undefined && live.phase !== 'over' && !(other.state === 'unrecorded' && holderOf(live, evidence));
  };
  if (candidate.state === 'unrecorded') {
    const rivals = ofResource.filter((other) => other.state === 'unrecorded' && isThere(other));
    if (isThere(candidate) && rivals.some((rival) => goesBefore(rival, candidate, evidence))) return 'twin';
    const recorded = ofResource.filter(({ state }) => state === 'recorded');
    if (recorded.some(isThere)) return 'recorded-there';
    return recorded.length > 0 || ofResource.some(({ state }) => state === 'replaced-away') ? 'recorded-gone' : 'alone';
  }
  // What waits for its replacement has it in whatever is adopted, also where it was not the run that made it.
  const isAdopted = (other: Candidate): boolean =>
    candidate.state === 'replaced-away' && (saidFact(other, all, evidence) === 'adopt' || bearsFact(other, evidence) === 'our-key');
  const isMade = (other: Candidate): boolean =>
    other.operation === 'create' && (['our-tags', 'our-key'].includes(bearsFact(other, evidence)) || trailFact(other, evidence) === 'made');
  const isSuccessor = (other: Candidate): boolean =>
    other.state === 'unrecorded' && other.shape !== undefined && isThere(other) && (isMade(other) || isAdopted(other));
  return ofResource.some(isSuccessor) ? 'successor' : 'alone';
}

/** Of two unrecorded objects of one resource: the one that a person named, then the one that others refer to, then the one that the run began. */
function goesBefore(a: Candidate, b: Candidate, evidence: Evidence): boolean {
  const rank = (candidate: Candidate): readonly number[] => [
    evidence.answers.some(({ answer, id }) => answer === 'adopt' && id === candidate.id) ? 0 : 1,
    isReferred(candidate, evidence) ? 0 : 1,
    candidate.operation === 'create' ? 0 : 1,
  ];
  const [first, second] = [rank(a), rank(b)];
  const differing = first.findIndex((value, index) => value !== second[index]);
  if (differing >= 0) return (first[differing] ?? 0) < (second[differing] ?? 0);
  // Nobody depends on either: one of them is as good as the other, and always the same one.
  return (a.id ?? '') < (b.id ?? '');
}

function isReferred({ id }: Candidate, { looks }: Evidence): boolean {
  return id !== undefined && looks.newest?.objects.some((object) => object.madeBy === 'somebody' && object.refersTo.includes(id)) === true;
}

function trailFact({ type, id }: Candidate, { trail }: Evidence): Facts['trail'] {
  if (trail.words.some((word) => word.act === 'made' && word.type === type && word.id === id)) return 'made';
  return trail.final ? 'silent' : 'open';
}

function saidFact(candidate: Candidate, all: readonly Candidate[], { answers }: Evidence): Facts['said'] {
  const ofName = answers.filter(({ resource }) => resource === candidate.name);
  const exact = ofName.find(({ id }) => id !== undefined && id === candidate.id);
  if (exact) return exact.answer;
  const general = ofName.find(({ id }) => id === undefined);
  if (!general) return 'nothing';
  // Without an id it is said of the one thing that is in question.
  const questioned = all.filter((other) => other.name === candidate.name && other.type === candidate.type && isInDoubt(other));
  if (general.answer === 'forget') return 'forget';
  return questioned.length === 1 && questioned[0] === candidate ? general.answer : 'nothing';
}

const holderOf = (live: LiveObject | undefined, { elsewhere }: Evidence): Holder | undefined =>
  live && elsewhere.holders.get(objectKey(live));

function elsewhereSources({ kind, live: shown }: Facts, live: LiveObject | undefined, evidence: Evidence): Source[] {
  if (kind === 'engine' || shown !== 'there') return [];
  const holder = holderOf(live, evidence);
  if (holder) return [{ from: 'another-state', ...holder }];
  const { unread } = evidence.elsewhere;
  return unread.length > 0 ? [{ from: 'unread-states', stacks: unread }] : [];
}

function liveSources({ id }: Candidate, { kind, bears }: Facts, live: LiveObject | undefined, { looks }: Evidence): Source[] {
  if (kind !== 'cloud' || looks.newest === undefined) return [];
  const shown = live && { phase: live.phase, bears };
  return [{ from: 'inventory', looks: looks.count, id, ...(shown ? { shown } : {}) }];
}
