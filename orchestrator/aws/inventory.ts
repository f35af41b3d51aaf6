import type { Tag } from '@aws-sdk/client-ec2';
import { messageOf } from '../domain/problem.ts';
import { objectKey } from '../inventory/live-object.ts';
import type { Inventory, LiveObject, LookScope } from '../inventory/live-object.ts';
import type { Looked } from './looked.ts';
import { filter, inParts, tagsOfObjects, tagsOfStacks } from './ec2-queries.ts';
import { resourceTypeOf, resourceTypes } from './resource-types/index.ts';
import type { Ask, AskAny, ById, Inside, Listed, LookClients, OfEach, Reading, ResourceType } from './resource-types/resource-type.ts';

type Row<Find> = ResourceType & { readonly find: Find };

const listedRows = resourceTypes.filter((type): type is Row<Listed> => type.find.how === 'listed');
const insideRows = resourceTypes.filter((type): type is Row<Inside> => type.find.how === 'inside');
const ofEachRows = resourceTypes.filter((type): type is Row<OfEach> => type.find.how === 'of-each');
/** In the table's order: what is in something comes after it. */
const byIdRows = resourceTypes.filter((type): type is Row<ById> => type.find.how === 'by-id');

/** Calls at once: EC2 throttles an account, and others work in it too. */
const callsAtOnce = 5;

/**
 * What AWS has of these stacks, in the state's shape: what bears their tags, what is known by id, and whatever is in those of them that can hold
 * something. Read-only. A refusal is a value that names the action; retries are the client's.
 *
 * Of the example network it is 23 calls: one by tag, one for each tagged type and for what VPCs and gateways have, two for each VPC, three for each
 * gateway route table. One look: AWS shows a new object after a while, seconds most often, and an old one too long. Objects that bear the tags and are
 * of a type without a row are listed under EC2's own word for their type, with nothing but their tags. SNS and CloudWatch are asked where an id of
 * theirs is known, or follows from a name.
 */
export async function lookAtInventory(clients: LookClients, scope: LookScope, now: () => number): Promise<Looked<Inventory>> {
  const from = now();
  try {
    const found = await new Look(askerOf(clients), scope).everything();
    return { ok: true, value: { from, until: now(), ...found } };
  } catch (cause) {
    if (!(cause instanceof FailedCall)) throw cause;
    const { action, code, message } = cause;
    return { ok: false, code, message: `${action}: ${message}`, action };
  }
}

class FailedCall extends Error {
  readonly action: string;
  readonly code: string;

  constructor(action: string, cause: unknown) {
    super(messageOf(cause), { cause });
    this.action = action;
    this.code = codeOf(cause);
  }
}

/** Of AWS where it answered, else of the network: `UnauthorizedOperation`, `ECONNREFUSED`. */
function codeOf(cause: unknown): string {
  const { name, code } = cause as { name?: string; code?: string };
  return code ?? name ?? 'unknown';
}

/** Lets a few calls run at a time, and none begin after one has failed. */
function askerOf(clients: LookClients): AskAny {
  let running = 0;
  let failed: FailedCall | undefined;
  const waiting: (() => void)[] = [];
  return async (action, call) => {
    if (running >= callsAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      if (failed) throw failed;
      return await call(clients);
    } catch (cause) {
      failed ??= new FailedCall(action, cause);
      throw failed;
    } finally {
      // Whoever waits takes this one's place.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}

/** Codes of a container that went, or is not ready, between the describe that listed it and the question what it has. */
const isNoContainer = (code: string): boolean => code.endsWith('.NotFound') || code === 'IncorrectState';

class Look {
  readonly #askAny: AskAny;
  readonly #ask: Ask;
  readonly #scope: LookScope;
  /** What the describes gave, by type and id. */
  readonly #raws = new Map<string, Map<string, unknown>>();
  readonly #objects = new Map<string, LiveObject>();
  readonly #incomplete: string[] = [];
  readonly #unlisted: string[] = [];

  constructor(ask: AskAny, scope: LookScope) {
    this.#askAny = ask;
    this.#ask = (action, call) => ask(action, ({ ec2 }) => call(ec2));
    this.#scope = scope;
  }

  async everything(): Promise<Pick<Inventory, 'objects' | 'incomplete' | 'unlisted'>> {
    const { tagged, strangers } = await this.#bearingTags();
    const known = new Map<string, Set<string>>();
    for (const [type, ids] of this.#scope.known) for (const id of ids) addDescribable(known, type, id);

    const [outermost, inner] = [listedRows.filter(isOutermost), listedRows.filter((row) => !isOutermost(row))];
    const listByIds = (row: Row<Listed>) => this.#listByIds(row, known.get(row.token) ?? new Set(), tagged.get(row.token) ?? new Set());
    await Promise.all(outermost.map(listByIds));
    await Promise.all(inner.map((row) => this.#listContents(row)));
    // What is in nothing of ours all the same, or was not shown there.
    await Promise.all(inner.map(listByIds));
    await Promise.all(listedRows.map((row) => this.#readListed(row)));
    await Promise.all(insideRows.map((row) => this.#readInside(row)));
    await Promise.all(ofEachRows.flatMap((row) => this.#containersOf(row).map((container) => this.#readOfEach(row, container))));
    await this.#readStrangers(strangers);
    for (const row of byIdRows) await this.#readById(row);
    const order = (a: LiveObject, b: LiveObject): number => compareTexts(a.type, b.type) || compareTexts(a.id, b.id);
    return { objects: [...this.#objects.values()].sort(order), incomplete: this.#incomplete.sort(), unlisted: this.#unlisted };
  }

  /** Ids by type of what bears a stack's tags; of types without a row, the ids alone. */
  async #bearingTags(): Promise<{ tagged: ReadonlyMap<string, ReadonlySet<string>>; strangers: readonly string[] }> {
    const { stacks } = this.#scope;
    const tags = stacks.length === 0 ? [] : await this.#ask('ec2:DescribeTags', (ec2) => tagsOfStacks(ec2, stacks));
    const tagged = new Map<string, Set<string>>();
    const strangers: string[] = [];
    for (const { id, resourceType } of tags) {
      const row = listedRows.find(({ taggedAs }) => taggedAs === resourceType);
      if (row) addDescribable(tagged, row.token, id);
      else strangers.push(id);
    }
    return { tagged, strangers };
  }

  async #listByIds(row: Row<Listed>, known: ReadonlySet<string>, tagged: ReadonlySet<string>): Promise<void> {
    const missing = [...known, ...tagged].filter((id) => this.#raws.get(row.token)?.has(id) !== true);
    // What is listed by its tags has to bear them still, and another installation has stacks of the same names.
    await this.#list(row, row.find.filters.id, [...new Set(missing)].sort(), (raw, id) => {
      const { phase, tags } = row.find.read(raw, undefined);
      return known.has(id) || (phase !== undefined && this.#bears(tags));
    });
  }

  /** What is in the VPCs and gateways that were found, whoever made it. */
  async #listContents(row: Row<Listed>): Promise<void> {
    await Promise.all(
      Object.entries(row.find.filters.within).map(([type, name]) =>
        this.#list(row, name, [...(this.#raws.get(type)?.keys() ?? [])].sort(), () => true),
      ),
    );
  }

  async #list(row: Row<Listed>, name: string, values: readonly string[], isInScope: (raw: unknown, id: string) => boolean): Promise<void> {
    const { find } = row;
    const raws = await inParts(values, (part) => this.#ask(find.action, (ec2) => find.list(ec2, [filter(name, part)])));
    const ofType = this.#raws.get(row.token) ?? new Map<string, unknown>();
    for (const raw of raws) {
      const id = find.idOf(raw);
      if (id !== undefined && isInScope(raw, id)) ofType.set(id, raw);
    }
    this.#raws.set(row.token, ofType);
  }

  async #readListed(row: Row<Listed>): Promise<void> {
    const { find } = row;
    const raws = [...(this.#raws.get(row.token) ?? [])];
    if (raws.length === 0) return;
    const asked = this.#scope.outline === true ? undefined : find.detailsOf?.bind(find);
    const details = await asked?.(
      this.#ask,
      raws.map(([, raw]) => raw),
      (token) => [...(this.#raws.get(token)?.values() ?? [])],
    );
    for (const [id, raw] of raws) {
      if (details?.has(id) === false) {
        this.#raws.get(row.token)?.delete(id);
        this.#unlisted.push(id);
        this.#incomplete.push(`${row.title} ${id} went while it was looked at`);
      } else this.#add(row, find.read(raw, details?.get(id)));
    }
  }

  async #readInside(row: Row<Inside>): Promise<void> {
    const { of, idFilter } = row.find;
    const container = listedRows.find(({ token }) => token === of);
    if (!container) throw new Error(`${row.token} is inside ${of}, which has no describe call`);
    const read = (raws: Iterable<unknown>): void => {
      for (const raw of raws) for (const reading of row.find.read(raw)) this.#add(row, reading);
    };
    read(this.#raws.get(of)?.values() ?? []);
    const missing = (this.#scope.known.get(row.token) ?? []).filter((id) => !this.#objects.has(objectKey({ type: row.token, id }))).sort();
    if (idFilter === undefined || missing.length === 0) return;
    const found = await inParts(missing, (part) =>
      this.#ask(container.find.action, (ec2) => container.find.list(ec2, [filter(idFilter, part)])),
    );
    for (const raw of found)
      for (const reading of row.find.read(raw)) if (reading.id !== undefined && missing.includes(reading.id)) this.#add(row, reading);
  }

  #containersOf(row: Row<OfEach>): readonly LiveObject[] {
    return [...this.#objects.values()].filter(({ type, phase }) => type === row.find.of && phase !== 'going');
  }

  async #readOfEach(row: Row<OfEach>, container: LiveObject): Promise<void> {
    const { find } = row;
    const answer = await this.#ask(find.action, (ec2) =>
      find.list(ec2, container.id).catch((cause: unknown) => {
        const code = codeOf(cause);
        if (isNoContainer(code)) return code;
        throw cause;
      }),
    );
    if (typeof answer === 'string') {
      this.#unlisted.push(container.id);
      this.#incomplete.push(`${row.title}s of ${container.id} could not be listed: ${answer}`);
      return;
    }
    for (const raw of answer.items) this.#add(row, find.read(raw, container));
    if (!answer.whole) {
      this.#unlisted.push(container.id);
      this.#incomplete.push(`${row.title}s of ${container.id}: AWS lists ${answer.items.length}, and says that there are more`);
    }
  }

  async #readById(row: Row<ById>): Promise<void> {
    const { find } = row;
    // What is no id of the type would be an error of the call, and not an answer.
    const known = new Set((this.#scope.known.get(row.token) ?? []).filter(row.isId));
    const named = (this.#scope.named ?? []).filter(({ type, id }) => type === row.token && row.isId(id)).map(({ id }) => id);
    const containers = [...this.#objects.values()].filter(({ type }) => type === find.of).map(({ id }) => id);
    if (known.size + named.length + containers.length === 0) return;
    const readings = await find.look(this.#askAny, [...new Set([...known, ...named])].sort(), containers);
    for (const reading of readings) {
      // The name alone says nothing: another installation has stacks of the same names.
      const isMeant = row.taggedAs === undefined || known.has(reading.id ?? '') || this.#bears(reading.tags);
      if (isMeant) this.#add(row, reading);
    }
  }

  async #readStrangers(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const tags = await this.#ask('ec2:DescribeTags', (ec2) => tagsOfObjects(ec2, ids));
    for (const id of ids) {
      const own = tags.filter((tag) => tag.id === id);
      const listed = own.map(({ key, value }) => ({ Key: key, Value: value }));
      const type = own[0]?.resourceType;
      if (type === undefined || !this.#bears(listed)) continue;
      const object = {
        type,
        id,
        phase: 'there',
        properties: {},
        tags: tagRecord(listed),
        key: undefined,
        refersTo: [],
        madeBy: 'somebody',
      } as const;
      this.#objects.set(objectKey({ type, id }), object);
    }
  }

  /** Whether these are tags of a stack in scope, and of the installation that is asked for. */
  #bears(tags: readonly Tag[] | undefined): boolean {
    const valueOf = (name: string): string | undefined => tags?.find(({ Key }) => Key === name)?.Value;
    const { stacks, installation } = this.#scope;
    return (
      stacks.includes(valueOf('holdfast:stack') ?? '') && (installation === undefined || valueOf('holdfast:installation') === installation)
    );
  }

  #add(row: ResourceType, reading: Reading): void {
    const { phase } = reading;
    const properties = said(reading.properties);
    const id = reading.id ?? row.idOf?.(properties);
    if (phase === undefined || id === undefined) return;
    this.#objects.set(objectKey({ type: row.token, id }), {
      type: row.token,
      id,
      phase,
      properties,
      tags: row.taggedAs === undefined ? undefined : tagRecord(reading.tags ?? []),
      key: row.keyOf?.(properties),
      refersTo: [...new Set(reading.refersTo.filter((one) => one !== undefined))],
      madeBy: reading.madeBy,
    });
  }
}

/** Adds an id that has to be looked up: of what has no describe of its own, the container that the id names. */
function addDescribable(wanted: Map<string, Set<string>>, type: string, id: string): void {
  const row = resourceTypeOf(type);
  if (row?.find.how === 'listed') wanted.set(type, (wanted.get(type) ?? new Set()).add(id));
  else for (const container of row?.containersOfId(id) ?? []) addDescribable(wanted, container.type, container.id);
}

const isOutermost = ({ find }: Row<Listed>): boolean => Object.keys(find.filters.within).length === 0;

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Without what AWS leaves open, in the order of the names. */
function said(properties: Reading['properties']): Readonly<Record<string, unknown>> {
  const isSaid = (value: unknown): boolean =>
    value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([, value]) => isSaid(value))
      .sort(([a], [b]) => compareTexts(a, b)),
  );
}

/** Without AWS's own (`aws:…`), which no program says. */
function tagRecord(tags: readonly Tag[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    tags
      .flatMap(({ Key, Value }): [string, string][] => (Key === undefined || Key.startsWith('aws:') ? [] : [[Key, Value ?? '']]))
      .sort(([a], [b]) => compareTexts(a, b)),
  );
}
