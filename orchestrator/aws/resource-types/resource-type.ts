import type { EC2Client, Filter, Tag } from '@aws-sdk/client-ec2';
import type { LiveObject } from '../../inventory/live-object.ts';
import type { Clients } from '../clients.ts';

export type Properties = Readonly<Record<string, unknown>>;

/** What something is in, and by which it can be listed. */
export interface Container {
  readonly type: string;
  readonly id: string;
}

/** One property of a type, as a program can say it. */
export interface Property {
  readonly name: string;
  /** A list whose order says nothing. */
  readonly unordered?: true;
  /** Shown to people beside the id. */
  readonly tells?: true;
  /** AWS says it, and the state has no place for it: shown, and not compared. */
  readonly notInState?: true;
}

/** What AWS shows of one object, in the state's names. Parts that AWS leaves out are undefined. */
export interface Reading {
  /** Undefined for a type whose id is made of its key. */
  readonly id?: string | undefined;
  /** Undefined for what is deleted. */
  readonly phase: LiveObject['phase'] | undefined;
  readonly properties: Properties;
  readonly tags?: readonly Tag[] | undefined;
  readonly refersTo: readonly (string | undefined)[];
  readonly madeBy: LiveObject['madeBy'];
}

/** The services that may be asked what there is. */
export type LookClients = Pick<Clients, 'ec2' | 'sns' | 'cloudwatch'>;

/** Makes one call of AWS, a few at a time, and puts the action's name to its failure. */
export type AskAny = <T>(action: string, call: (clients: LookClients) => Promise<T>) => Promise<T>;

/** The same of EC2. */
export type Ask = <T>(action: string, call: (ec2: EC2Client) => Promise<T>) => Promise<T>;

/** What was listed of another type so far, as AWS shows it. */
export type Seen = (token: string) => readonly unknown[];

// Methods, not function properties: their bivariance lets one table hold rows of different shapes of AWS.

/** A type with a describe call of its own. Asked by filter, never by id: an id that is no more would be an error of the whole call. */
export interface Listed<Raw = unknown, Detail = unknown> {
  readonly how: 'listed';
  /** As a policy names it, as in `ec2:DescribeVpcs`. */
  readonly action: string;
  /** The filter for its own id, and those for what it may be in, by type token. */
  readonly filters: { readonly id: string; readonly within: Readonly<Record<string, string>> };
  /** Paged to the end. */
  list(ec2: EC2Client, filters: Filter[]): Promise<readonly Raw[]>;
  idOf(raw: Raw): string | undefined;
  /** What the describe leaves out, by id. An id that is left out is one that AWS says it does not have any more. */
  detailsOf?(ask: Ask, raws: readonly Raw[], seen: Seen): Promise<ReadonlyMap<string, Detail>>;
  /** @param detail undefined where it was not asked for */
  read(raw: Raw, detail: Detail | undefined): Reading;
}

/** A type that comes with the describe of its container. */
export interface Inside<Raw = unknown> {
  readonly how: 'inside';
  readonly of: string;
  /** The filter of the container's describe for an id of this type; undefined where the id says which container it is. */
  readonly idFilter: string | undefined;
  read(container: Raw): readonly Reading[];
}

/** A type of which AWS lists what one container has. */
export interface OfEach<Raw = unknown> {
  readonly how: 'of-each';
  readonly of: string;
  readonly action: string;
  /** `whole`: false where AWS says that there are more than it lists. */
  list(ec2: EC2Client, container: string): Promise<{ readonly items: readonly Raw[]; readonly whole: boolean }>;
  read(raw: Raw, container: Pick<LiveObject, 'id' | 'madeBy'>): Reading;
}

/** A type of a service that lists by no tag: it is asked for by ids that are known, or that follow from a name, and by what it is in. */
export interface ById {
  readonly how: 'by-id';
  /** As a policy names them, the first one first. */
  readonly actions: readonly string[];
  /** The type of what it is in; undefined where it is in nothing. */
  readonly of: string | undefined;
  /** What AWS has of these ids, and in these containers. */
  look(ask: AskAny, ids: readonly string[], containers: readonly string[]): Promise<readonly Reading[]>;
}

/** One row of the table: all that Holdfast knows of a type of resource. */
export interface ResourceType {
  /** Pulumi's type token, as in `aws:ec2/vpc:Vpc`. */
  readonly token: string;
  /** For people, in the singular. */
  readonly title: string;
  /** AWS's own word for it where it is tagged: EC2's, or the one of its tagging API. Undefined for what takes no tags. */
  readonly taggedAs: string | undefined;
  /** What tells its objects apart: `holdfast:` tags, or what they are made of. */
  readonly by: 'tag' | 'key';
  /** Of a type by key: stable text of its key; undefined where a part is not known. Takes inputs of the state and live properties alike. */
  readonly keyOf: ((properties: Properties) => string | undefined) | undefined;
  /** The id that the provider makes of the key. Undefined where the id is AWS's own, or a part is not known. */
  readonly idOf: ((properties: Properties) => string | undefined) | undefined;
  /** Whether a text can be an id of the type. */
  readonly isId: (id: string) => boolean;
  /** What it is in, nearest first: what has to be listed to find it, and whose it is where it bears no tags. */
  readonly containersOf: (properties: Properties) => readonly Container[];
  /** The same from nothing but an id, as far as that says it. */
  readonly containersOfId: (id: string) => readonly Container[];
  /** All that is compared with the state. */
  readonly properties: readonly Property[];
  readonly find: Listed | Inside | OfEach | ById;
  /** Seconds after an act for which AWS may show what was before it, where that is longer than for most. */
  readonly staleness?: number;
  /** For people, in the singular: what AWS makes of the type by itself (`madeBy: 'aws'`); absent where that is nothing. */
  readonly awsMakes?: string;
  /** CloudTrail's names of the calls that make and end one. */
  readonly events: { readonly create: readonly string[]; readonly delete: readonly string[] };
}

/** A text among the properties; undefined for what is absent, empty, or not known yet. */
export function textOf(properties: Properties, name: string): string | undefined {
  const value = properties[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @param names of the properties that hold the container's id */
export function within(type: string, name: string): (properties: Properties) => readonly Container[] {
  return (properties) => {
    const id = textOf(properties, name);
    return id === undefined ? [] : [{ type, id }];
  };
}

/** EC2's ids are a prefix and 17 hexadecimal digits; what is older than 2018 may have 8. */
export const idPattern = (prefix: string): RegExp => new RegExp(`^${prefix}-[0-9a-f]{8,17}$`);

export const isIdLike =
  (pattern: RegExp): ((id: string) => boolean) =>
  (id) =>
    pattern.test(id);

/**
 * Of everything of a transit gateway: associations and propagations take from half a minute to minutes, and a describe may say `associated` of one that is
 * being ended (https://github.com/boto/boto3/issues/3331).
 */
export const gatewayStaleness = 120;

/** A row for a type that is told by its tags, and is in nothing where it does not say in what. */
export const byTag = { by: 'tag', keyOf: undefined, idOf: undefined, containersOf: () => [], containersOfId: () => [] } as const;

/**
 * The value of each property, which AWS has under the same name with a capital.
 * @param own of those that it has elsewhere or otherwise: none may be forgotten
 */
export function shownOf<Raw extends object, Name extends string>(
  raw: Raw,
  properties: readonly { readonly name: Name }[],
  own: Properties & Readonly<Record<Exclude<Name, Uncapitalize<keyof Raw & string>>, unknown>>,
): Properties {
  const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
  const shown = new Map<string, unknown>(Object.entries(raw));
  return Object.fromEntries(properties.map(({ name }) => [name, name in own ? own[name] : shown.get(capital(name))]));
}

/** What AWS answers of one object; undefined where it says by such a code that it has none. */
export const unlessGone = <T>(answer: Promise<T>, code: RegExp): Promise<T | undefined> =>
  answer.catch((cause: unknown) => {
    if (cause instanceof Error && code.test(cause.name)) return undefined;
    throw cause;
  });

/** Whether tags say that the object is a resource of some stack, whatever AWS would make of the kind by itself. */
export const isTagged = (tags: readonly Tag[] | undefined): boolean => tags?.some(({ Key }) => Key === 'holdfast:stack') ?? false;

/** Sorted, for lists whose order says nothing. */
export const sorted = (values: readonly (string | undefined)[] | undefined): string[] =>
  (values ?? []).filter((value) => value !== undefined).sort();
