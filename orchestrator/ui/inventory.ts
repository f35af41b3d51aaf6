import { command, commandOf, evaluated, inOrder, lineOf, piped } from '../domain/command.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { Problem } from '../domain/problem.ts';
import { resourceTypeOf, resourceTypes } from '../aws/resource-types/index.ts';
import type { Difference, StackDifferences } from '../inventory/compare.ts';
import { isFound } from '../inventory/compare.ts';
import type { LiveObject } from '../inventory/live-object.ts';
import type { Owner } from '../inventory/owners.ts';
import type { DisownedObject } from '../ownership/disowned.ts';
import { plural } from './describe.ts';
import type { Style } from './reporter.ts';
import { table } from './table.ts';

/** What people read of an inventory, and of what differs between AWS and the states. */

export interface OwnedObject {
  readonly object: LiveObject;
  readonly owner: Owner;
}

export interface InventoryText {
  /** Full names. */
  readonly selected: readonly string[];
  readonly owned: readonly OwnedObject[];
  /** Whether all of it is of one installation: the bucket said which. */
  readonly isOurs: boolean;
  /** Whether all states were read: otherwise it is not known whose an object without tags is. */
  readonly isTold: boolean;
  readonly disowned: ReadonlyMap<string, readonly DisownedObject[]>;
  readonly objects: readonly LiveObject[];
  readonly incomplete: readonly string[];
}

export function describeInventory({ selected, owned, isOurs, isTold, disowned, objects, incomplete }: InventoryText, style: Style): string {
  const isUntold = ({ object, owner }: OwnedObject): boolean => owner.kind === 'nobody' && !isTold && object.tags === undefined;
  const sections = new Map<string, OwnedObject[]>();
  for (const stack of selected) {
    const ofStack = owned.filter(
      ({ object, owner }) =>
        (owner.kind === 'stack' && owner.stack === stack) ||
        (owner.kind === 'nobody' && isUntold({ object, owner }) && owner.inside?.stack === stack),
    );
    // Nobody knows which installation is ours: each is shown under its own name.
    const installations = isOurs || ofStack.length === 0 ? [undefined] : [...new Set(ofStack.map(({ owner }) => installationOf(owner)))];
    for (const installation of installations)
      sections.set(
        installation === undefined ? shortOf(stack) : `${shortOf(stack)}  installation ${installation}`,
        isOurs ? ofStack : ofStack.filter(({ owner }) => installationOf(owner) === installation),
      );
  }
  const nobodys = owned.filter((one) => one.owner.kind === 'nobody' && !isUntold(one));
  const left = [...disowned].flatMap(([stack, list]) => list.map((entry) => disownedRow(stack, entry, objects)));
  const isDisowned = ({ object }: OwnedObject): boolean =>
    [...disowned.values()].flat().some(({ type, id }) => type === object.type && id === object.id);
  const foreign = nobodys.filter((one) => !isDisowned(one));
  const count = [...sections.values()].flat().length;
  return [
    ...[...sections].flatMap(([title, list]) => [
      `${style.bold(title)}${list.length === 0 ? style.dim('  AWS has nothing of it') : ''}`,
      ...(list.length === 0
        ? []
        : [
            table(
              [...list].sort(inReadingOrder).map((one) => objectRow(one, isTold)),
              style.columns,
            ),
          ]),
    ]),
    ...(foreign.length === 0
      ? []
      : [style.yellow("in our VPCs and route tables, and nobody's"), table(foreign.map(foreignRow), style.columns)]),
    ...(left.length === 0 ? [] : [style.bold('disowned'), table(left, style.columns)]),
    ...incomplete.map((what) => style.yellow(`not listed to the end: ${what}`)),
    [
      `${plural(count, 'object')} of ${plural(selected.length, 'stack')}`,
      ...(foreign.length === 0 ? [] : [`${foreign.length} nobody's`]),
      ...awsMade(owned),
    ].join(', '),
  ].join('\n');
}

/** By type, as the table of types has them, then by name. */
function inReadingOrder(a: OwnedObject, b: OwnedObject): number {
  const place = ({ object }: OwnedObject): number => resourceTypes.findIndex(({ token }) => token === object.type);
  return place(a) - place(b) || nameOf(a).localeCompare(nameOf(b), 'en', { numeric: true });
}

/** In its stack; `?` where it is not known. */
const nameOf = ({ owner }: OwnedObject): string => (owner.kind === 'stack' ? owner.resource : undefined) ?? '?';

const installationOf = (owner: Owner): string | undefined =>
  owner.kind === 'stack' ? owner.installation : owner.kind === 'nobody' ? owner.inside?.installation : undefined;

/** Counted, and not listed: nobody has to do anything about it. */
function awsMade(owned: readonly OwnedObject[]): string[] {
  const counts = resourceTypes.flatMap(({ token, awsMakes }) => {
    const count = owned.filter(({ object, owner }) => owner.kind === 'aws' && object.type === token).length;
    return awsMakes === undefined || count === 0 ? [] : [plural(count, awsMakes)];
  });
  return counts.length === 0 ? [] : [`and what AWS made by itself: ${counts.join(', ')}`];
}

function objectRow(one: OwnedObject, isTold: boolean): string[] {
  const { object, owner } = one;
  const isUnrecorded = isTold && owner.kind === 'stack' && owner.by === 'tag';
  const telling = [...(isUnrecorded ? ['not in the state'] : []), tellingOf(object)].filter((text) => text !== '');
  return [`  ${nameOf(one)}`, titleOf(object.type), object.id, telling.join(', ')];
}

function foreignRow({ object, owner }: OwnedObject): string[] {
  const inside = owner.kind === 'nobody' ? owner.inside : undefined;
  return [
    `  ${titleOf(object.type)}`,
    object.id,
    inside ? `in ${inside.id} of ${shortOf(inside.stack)}` : '',
    [tellingOf(object), claimOf(object)].filter((text) => text !== '').join(', '),
  ];
}

/** What its tags say for it: a name, or another network. */
function claimOf({ tags }: LiveObject): string {
  const stack = tags?.['holdfast:stack'];
  if (stack !== undefined) return `tagged as ${stack} of installation ${tags?.['holdfast:installation'] ?? '?'}`;
  return tags?.['Name'] === undefined ? '' : `Name ${tags['Name']}`;
}

function disownedRow(
  stack: string,
  { id, type, resource, reason, incident, by, at }: DisownedObject,
  objects: readonly LiveObject[],
): string[] {
  const isThere = objects.some((object) => object.type === type && object.id === id);
  return [
    `  ${shortOf(stack)}`,
    resource ?? '?',
    titleOf(type),
    id,
    `${isThere ? '' : 'AWS does not have it any more; '}${reason} (${[...(incident === undefined ? [] : [incident]), by, at.slice(0, 10)].join(', ')})`,
  ];
}

const titleOf = (type: string): string => resourceTypeOf(type)?.title ?? type;

/** What people tell an object by, in the state's names; not what is as it mostly is. */
export function tellingOf({ type, properties, phase }: LiveObject): string {
  const told = (resourceTypeOf(type)?.properties ?? []).flatMap(({ name, tells }) => {
    const value = properties[name];
    return tells !== true || value === undefined || value === false || value === 'active'
      ? []
      : [value === true ? name : `${name} ${wordOf(value)}`];
  });
  const phases = { there: [], coming: ['AWS is still making it'], going: ['AWS is still deleting it'], over: ['AWS could not make it'] };
  return [...phases[phase], ...told].join(', ');
}

const wordOf = (value: unknown): string =>
  value === undefined
    ? '(none)'
    : Array.isArray(value)
      ? value.map(wordOf).join(' ')
      : typeof value === 'string'
        ? value === ''
          ? '""'
          : value
        : JSON.stringify(value);

export interface DifferencesText {
  readonly compared: readonly StackDifferences[];
  /** By full name of the stack: key and why. */
  readonly unreadable: ReadonlyMap<string, string>;
  readonly incomplete: readonly string[];
}

export function describeDifferences({ compared, unreadable, incomplete }: DifferencesText, style: Style): string {
  const found = compared.flatMap(({ differences }) => differences.filter(isFound));
  const recorded = compared.reduce((sum, one) => sum + one.recorded, 0);
  const differing = compared.filter(({ differences }) => differences.some(isFound));
  const [first] = differing;
  return [
    ...compared
      .filter(({ differences }) => differences.length > 0)
      .flatMap(({ stack, differences }) => [
        style.bold(shortOf(stack)),
        ...differences.flatMap((difference) => describeDifference(difference, style)),
      ]),
    ...[...unreadable].map(([stack, why]) =>
      style.red(
        `${shortOf(stack)} was not compared: its checkpoint cannot be read (${why}). Look at the object itself, and at its earlier versions.`,
      ),
    ),
    ...incomplete.map((what) => style.yellow(`not listed to the end, so that what is called missing may be there: ${what}`)),
    found.length === 0
      ? `${style.green('no difference')}: ${plural(recorded, 'object')} of ${plural(compared.length, 'stack')}, in every property`
      : `${style.yellow(plural(found.length, 'difference'))} in ${differing.map(({ stack }) => shortOf(stack)).join(', ')}; - is the state's, + is AWS's`,
    ...(first === undefined ? [] : [`${style.bold('next')}  ${nextFor(shortOf(first.stack), found)}`]),
  ].join('\n');
}

/** A plan does not show what was changed by hand: it goes by the state. A refresh writes down what the state has in another form, and nothing new. */
function nextFor(short: string, found: readonly Difference[]): string {
  const is = (...kinds: readonly Difference['kind'][]): boolean => found.some(({ kind }) => kinds.includes(kind));
  const refresh = lineOf(inOrder(evaluated(piped('env', short)), commandOf('pulumi', 'refresh')));
  return [
    ...(is('missing', 'changed', 'unrecorded', 'twice')
      ? [`A stack that is held (${command('status')}): ${command('recover', short)}.`]
      : []),
    ...(is('missing', 'changed')
      ? [`Otherwise write what AWS has into the state: ${refresh}; then ${command('up', short)} makes AWS as the program says.`]
      : []),
    ...(is('foreign') ? ['What no stack has is yours to delete, or to leave: no run touches it.'] : []),
  ].join(' ');
}

/** Lines of one difference: `-` is the state's, `+` is AWS's. */
export function describeDifference(difference: Difference, style: Style): string[] {
  switch (difference.kind) {
    case 'missing': {
      const { resource, phase } = difference;
      const what = `the state has it, and AWS ${missingWords[phase]}`;
      return [style.red(`  - ${resource.name}  ${titleOf(resource.type)} ${resource.id ?? 'without an id'}: ${what}`)];
    }
    case 'unrecorded': {
      const { object, resource, by } = difference;
      const why = by === 'tag' ? 'AWS has it under the tags of the stack' : 'AWS has it in the place of that resource';
      return [style.green(`  + ${resource ?? '?'}  ${told(object)}: ${why}, and the state does not`)];
    }
    case 'twice': {
      const { type, resource, recorded, objects } = difference;
      const state = recorded === undefined ? 'the state has none of them' : `the state has ${recorded}`;
      return [
        style.green(`  + ${resource}  ${titleOf(type)}, ${objects.length} of it: ${objects.map(({ id }) => id).join(', ')}; ${state}`),
      ];
    }
    case 'changed': {
      const { resource, properties, object } = difference;
      return [
        style.yellow(`  ~ ${resource.name}  ${titleOf(resource.type)} ${object.id}`),
        ...properties.flatMap(({ path, state, live }) => [
          style.red(`      - ${path}: ${wordOf(state)}`),
          style.green(`      + ${path}: ${wordOf(live)}`),
        ]),
      ];
    }
    case 'foreign': {
      const { object, inside } = difference;
      const claim = claimOf(object);
      return [style.green(`  + ${told(object)}: nobody's, in ${inside}${claim === '' ? '' : ` (${claim})`}`)];
    }
    case 'disowned': {
      const { disowned, object } = difference;
      const { id, type, resource, reason, incident } = disowned;
      const gone = object ? '' : '; AWS does not have it any more';
      return [
        style.dim(
          `    ${resource ?? '?'}  ${titleOf(type)} ${id}: disowned${incident === undefined ? '' : ` (${incident})`}, ${reason}${gone}`,
        ),
      ];
    }
    case 'not-compared': {
      const { resource } = difference;
      return [
        style.yellow(
          `    ${resource.name}  ${resource.type} ${resource.id ?? ''}: not compared, as this Holdfast does not know the type (orchestrator/aws/resource-types)`,
        ),
      ];
    }
    default:
      return difference satisfies never;
  }
}

function told(object: LiveObject): string {
  const telling = tellingOf(object);
  return `${titleOf(object.type)} ${object.id}${telling === '' ? '' : ` (${telling})`}`;
}

const shown = (value: unknown): string => (value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value));

/** One line, in running text. */
export function differenceInWords(difference: Difference): string {
  switch (difference.kind) {
    case 'missing': {
      const { resource, phase } = difference;
      return `the state has ${resource.name} (${titleOf(resource.type)} ${resource.id ?? ''}), and AWS ${missingWords[phase]}`;
    }
    case 'unrecorded': {
      const { object, resource } = difference;
      return `AWS has ${resource ?? 'something of the stack'} (${titleOf(object.type)} ${object.id}), and the state does not`;
    }
    case 'twice':
      return `AWS has ${difference.resource} (${titleOf(difference.type)}) more than once: ${difference.objects.map(({ id }) => id).join(', ')}`;
    case 'changed':
      return `${difference.resource.name} (${difference.object.id}) differs: ${difference.properties
        .map(({ path, state, live }) => `${path} is ${shown(live)} in AWS and ${shown(state)} in the state`)
        .join(', ')}`;
    case 'foreign':
      return `${difference.inside} has a ${titleOf(difference.object.type)} that is nobody's: ${difference.object.key ?? difference.object.id}`;
    case 'disowned':
      return `${difference.disowned.id} (${titleOf(difference.disowned.type)}) is disowned${difference.object ? '' : ', and gone from AWS'}: ${difference.disowned.reason}`;
    case 'not-compared':
      return `${difference.resource.name} is of a type that AWS cannot be asked for (${difference.resource.type})`;
    default:
      return difference satisfies never;
  }
}

/** What AWS has of what the state has and AWS has not, or not for long. */
const missingWords = { gone: 'does not', going: 'is deleting it', over: 'could not make it' } as const;

/** A difference as `--json` has it: flat, and without what the checkpoint has beside it. */
export function differenceRecord(stack: string, difference: Difference): Readonly<Record<string, unknown>> {
  const base = { stack, short: shortOf(stack), kind: difference.kind };
  switch (difference.kind) {
    case 'missing':
    case 'not-compared': {
      const { name, type, id, urn } = difference.resource;
      return { ...base, resource: name, type, id: id ?? null, urn, ...(difference.kind === 'missing' ? { phase: difference.phase } : {}) };
    }
    case 'unrecorded': {
      const { object, resource, by } = difference;
      return { ...base, resource: resource ?? null, type: object.type, id: object.id, by, object };
    }
    case 'changed': {
      const { resource, properties, object } = difference;
      return {
        ...base,
        resource: resource.name,
        type: resource.type,
        id: object.id,
        urn: resource.urn,
        properties: properties.map(({ path, state, live }) => ({ path, state: state ?? null, live: live ?? null })),
      };
    }
    case 'foreign': {
      const { object, inside } = difference;
      return { ...base, type: object.type, id: object.id, inside, object };
    }
    case 'twice': {
      const { type, resource, recorded, objects } = difference;
      return { ...base, resource, type, recorded: recorded ?? null, ids: objects.map(({ id }) => id), objects };
    }
    case 'disowned': {
      const { disowned, object } = difference;
      return { ...base, ...disowned, isThere: object !== undefined };
    }
    default:
      return difference satisfies never;
  }
}

export const cannotLook = ({
  code,
  message,
  action,
}: {
  readonly code: string;
  readonly message: string;
  readonly action?: string;
}): Problem => ({
  reason: 'cannot-look',
  message: `AWS could not be looked at: ${code}: ${message}`,
  next: `Allow the session ${action ?? 'to look'} where it is refused (docs/inventory.md has all that is asked), check the network otherwise; then run the same command again.`,
});

/** @param why the bucket does not say which installation is ours */
export const everyInstallation = (why: string): string =>
  `${why}: objects of every installation are shown, each under its own, and of what has no tags only the state could say whose it is.`;

export const unreadState = (short: string, why: string): string =>
  `the checkpoint of ${short} cannot be read (${why}): of what has no tags and is in no other state, nobody can say whose it is.`;

export const disownedUnknown = (why: string): string => `what was disowned is not known, and nothing is left out for it: ${why}`;
