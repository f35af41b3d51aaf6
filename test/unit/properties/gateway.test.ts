import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGateway } from '../../../orchestrator/gateway/gateway.ts';
import type { Gateway, Mount, MountMode, ServedCheckpoint } from '../../../orchestrator/gateway/gateway.ts';
import { listing } from '../../../orchestrator/gateway/listing.ts';
import type { Listed } from '../../../orchestrator/gateway/listing.ts';
import { openSpool } from '../../../orchestrator/gateway/spool.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { fc, times } from '../support/property.ts';
import { QuickClock } from '../support/quick-clock.ts';
import { trusted } from '../support/declared.ts';

/** What a page of a listing says. */
interface Page {
  readonly keys: readonly string[];
  readonly folders: readonly string[];
  readonly count: number;
  readonly token: string | undefined;
}

const unescaped: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'", '&#13;': '\r', '&amp;': '&' };

function pageOf(xml: string, encoded: boolean): Page {
  const text = (escaped = ''): string => {
    const plain = escaped.replaceAll(/&[^;]+;/g, (entity) => unescaped[entity] ?? entity);
    return encoded ? decodeURIComponent(plain) : plain;
  };
  const all = (pattern: RegExp): string[] => [...xml.matchAll(pattern)].map(([, found]) => text(found));
  const token = /<NextContinuationToken>([^<]*)</.exec(xml)?.[1];
  expect(xml.includes('<IsTruncated>true<')).toBe(token !== undefined);
  return {
    keys: all(/<Contents><Key>([^<]*)</g),
    folders: all(/<CommonPrefixes><Prefix>([^<]*)</g),
    count: Number(/<KeyCount>(\d+)</.exec(xml)?.[1]),
    token,
  };
}

/** By code points, which is the order of the bytes of UTF-8, and not that of JavaScript. */
function byCodePoints(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  const at = left.findIndex((character, index) => character !== right[index]);
  if (at < 0) return left.length - right.length;
  return at >= right.length ? 1 : (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
}

interface Asked {
  readonly prefix: string;
  readonly delimiter: string;
  readonly startAfter: string;
}

/** Keys and folders of a whole listing, as S3's documentation has them: what is behind `startAfter`, with all that shares a folder as one. */
function entriesOf(keys: readonly string[], { prefix, delimiter, startAfter }: Asked): string[] {
  const entries = keys
    .filter((key) => key.startsWith(prefix) && byCodePoints(key, startAfter) > 0)
    .map((key) => {
      const cut = delimiter === '' ? -1 : key.slice(prefix.length).indexOf(delimiter);
      return cut < 0 ? { entry: key, isFolder: false } : { entry: key.slice(0, prefix.length + cut + delimiter.length), isFolder: true };
    })
    .filter(({ entry, isFolder }) => !isFolder || entry !== startAfter)
    .map(({ entry }) => entry);
  return [...new Set(entries)].sort(byCodePoints);
}

/** All pages of a listing, one after the other: each is as full as it may be, and counts what it has. */
async function allPages(ask: (token: string | undefined) => Promise<Page> | Page, maxKeys: number): Promise<string[]> {
  const entries: string[] = [];
  let token: string | undefined;
  for (let page = 1; page === 1 || token !== undefined; page += 1) {
    const { keys, folders, count, token: next } = await ask(token);
    expect(keys.length + folders.length).toBe(count);
    if (next === undefined) expect(count).toBeLessThanOrEqual(maxKeys);
    else expect(count).toBe(maxKeys);
    expect([keys, folders]).toEqual([[...keys].sort(byCodePoints), [...folders].sort(byCodePoints)]);
    entries.push(...[...keys, ...folders].sort(byCodePoints));
    token = next;
    if (page > 100) throw new Error('the pages do not end');
  }
  return entries;
}

describe('a listing of any objects', () => {
  const text = (maxLength: number) =>
    fc.string({ unit: fc.constantFrom('a', 'a', 'b', '/', '/', '~', ' ', '&', '<', '%', '+', '\uff5e', '\u{1f600}'), maxLength });
  const objects = fc.uniqueArray(
    text(6).filter((key) => key !== ''),
    { maxLength: 12 },
  );
  const asked = fc.record({
    prefix: fc.oneof(fc.constant(''), text(2)),
    delimiter: fc.oneof({ weight: 3, arbitrary: fc.constant('/') }, { weight: 1, arbitrary: fc.constantFrom('', 'a', '//', 'ab') }),
    startAfter: fc.oneof({ weight: 2, arbitrary: fc.constant('') }, { weight: 1, arbitrary: text(3) }),
  });

  it('has, over all its pages, every key and folder that S3 would list, once and in its order', async () => {
    await fc.assert(
      fc.asyncProperty(objects, asked, fc.integer({ min: 1, max: 5 }), fc.boolean(), async (keys, query, maxKeys, encoded) => {
        const all = keys.map((key): Listed => ({ key, etag: '"e"', size: 1, modified: new Date(0) }));
        const ask = (token: string | undefined): Page => {
          const after = token === undefined ? query.startAfter : Buffer.from(token, 'base64url').toString('utf8');
          return pageOf(String(listing('bucket', all, { ...query, maxKeys, after, encoded }).body), encoded);
        };
        expect(await allPages(ask, maxKeys)).toEqual(entriesOf(keys, query));
      }),
      times(10),
    );
  });
});

const stack = 'example.vpc.a';
const upstream = 'example.transit-gateway';
const own = `.pulumi/stacks/holdfast/${stack}.json`;
const pinned = `.pulumi/stacks/holdfast/${upstream}.json`;
const meta = '.pulumi/meta.yaml';
const beside = [
  `${own}.bak`,
  `.pulumi/history/holdfast/${stack}/1.history.json`,
  `.pulumi/history/holdfast/${stack}/1.checkpoint.json`,
  `.pulumi/backups/holdfast/${stack}/1.json`,
];
const lock = `.pulumi/locks/organization/holdfast/${stack}/0b1c.json`;
const foreign = [pinned, `.pulumi/locks/organization/holdfast/${upstream}/x.json`, '.holdfast/installation.json'];

const checkpointOf = (note: string): string => JSON.stringify({ version: 3, checkpoint: { stack, latest: { metadata: { note } } } });

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly etag: string | undefined;
}

/** The engine's client. */
class Client {
  readonly mount: Mount;
  readonly #url: URL;
  readonly bucketName: string;

  constructor(mount: Mount) {
    this.mount = mount;
    const { host, searchParams } = new URL(mount.url);
    this.bucketName = host;
    this.#url = new URL(searchParams.get('endpoint') ?? '');
  }

  send(method: string, path: string, body = '', headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const { hostname, port } = this.#url;
    return new Promise((resolve, reject) => {
      const request = httpRequest({ hostname, port, method, path: `/${this.bucketName}/${path}`, headers }, (answer) => {
        const pieces: Buffer[] = [];
        answer
          .on('data', (piece: Buffer) => pieces.push(piece))
          .on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString(), etag: answer.headers.etag }));
      });
      request.on('error', reject).end(body);
    });
  }

  /** What S3's client does with a large body: parts, some of them sent again, and then the list of them. */
  async upload(key: string, body: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
    const begun = await this.send('POST', `${key}?uploads=`);
    if (begun.status !== 200) return begun;
    const id = /<UploadId>(.*?)</.exec(begun.text)?.[1] ?? '';
    const half = Math.ceil(body.length / 2);
    const part = (number: number, text: string) => this.send('PUT', `${key}?partNumber=${number}&uploadId=${id}`, text);
    await part(7, 'sent again below');
    const [second, first] = [await part(7, body.slice(half)), await part(2, body.slice(0, half))];
    const list = [
      [2, first],
      [7, second],
    ] as const;
    const parts = list.map(([number, { etag }]) => `<Part><ETag>${etag ?? ''}</ETag><PartNumber>${number}</PartNumber></Part>`);
    const ended = await this.send(
      'POST',
      `${key}?uploadId=${id}`,
      `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`,
      headers,
    );
    const etag = /<ETag>&quot;(.*?)&quot;<\/ETag>/.exec(ended.text)?.[1];
    return { ...ended, etag: etag === undefined ? undefined : `"${etag}"` };
  }

  async list(asked: Asked, maxKeys: number): Promise<string[]> {
    return allPages(async (token) => {
      const query = new URLSearchParams({
        'list-type': '2',
        prefix: asked.prefix,
        delimiter: asked.delimiter,
        'max-keys': String(maxKeys),
        ...(token === undefined ? { 'start-after': asked.startAfter } : { 'continuation-token': token }),
      });
      return pageOf((await this.send('GET', `?${query.toString()}`)).text, false);
    }, maxKeys);
  }
}

let folder: string;
let gateway: Gateway;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-properties-'));
  gateway = await openGateway(trusted, new QuickClock());
});
afterAll(async () => {
  await gateway.close();
  await rm(folder, { recursive: true, force: true });
});

/** What the engine is to see, and what is to be in the bucket. */
interface Model {
  readonly overlay: boolean;
  /** Everything that the engine may read, by key. */
  readonly seen: Map<string, string>;
  /** The stack's checkpoint in the bucket; each change has a number. */
  inBucket: { readonly content: string; readonly change: number } | undefined;
  /** The change that the mount knows of; undefined where it knows of no checkpoint. */
  known: number | undefined;
  /** How often it was changed there. */
  changes: number;
  fenced: boolean;
  durable: boolean;
}

interface Real {
  readonly client: Client;
  readonly store: MemoryStore;
  /** Of what the engine read or wrote last, by key. */
  readonly etags: Map<string, string>;
}

type Command = fc.AsyncCommand<Model, Real>;

/** A condition in the engine's request, by what it is about. */
type Condition = 'none' | 'if absent' | 'if it is this one' | 'if it is another one' | 'if it is there';

const fails = (condition: Condition, isThere: boolean): boolean =>
  (condition === 'if absent' && isThere) ||
  condition === 'if it is another one' ||
  (!isThere && ['if it is this one', 'if it is there'].includes(condition));

const headersOf = async (condition: Condition, key: string, { client, etags }: Real): Promise<Record<string, string>> => {
  switch (condition) {
    case 'none':
      return {};
    case 'if absent':
      return { 'if-none-match': '*' };
    case 'if it is this one':
      return { 'if-match': etags.get(key) ?? (await client.send('HEAD', key)).etag ?? '"gone"' };
    case 'if it is another one':
      return { 'if-match': '"another"' };
    case 'if it is there':
      return { 'if-match': '*' };
  }
};

/** What happens to the bucket at the first try to change the checkpoint there. */
type Fault =
  'none' | 'the call fails' | 'the reply is lost' | 'somebody writes' | 'somebody removes it' | 'the reply is lost, and somebody writes';

/** Makes it happen, once. */
function arm(store: MemoryStore, fault: Fault): void {
  let isFirst = true;
  const once =
    (act: () => void) =>
    (key: string): Promise<void> => {
      if (key !== own || !isFirst) return Promise.resolve();
      isFirst = false;
      act();
      return Promise.resolve();
    };
  const lose = (): never => {
    throw new Error('socket hang up');
  };
  const before = once(() => {
    if (fault === 'the call fails') lose();
    if (fault === 'somebody writes') store.set(own, checkpointOf('of somebody else'));
    if (fault === 'somebody removes it') store.delete(own);
  });
  const after = once(() => {
    if (fault === 'the reply is lost') lose();
    if (fault !== 'the reply is lost, and somebody writes') return;
    store.set(own, checkpointOf('of somebody else'));
    lose();
  });
  const isAfter = fault.startsWith('the reply is lost');
  store.beforePut = isAfter ? () => Promise.resolve() : before;
  store.afterPut = isAfter ? after : () => Promise.resolve();
  store.beforeRemove = isAfter ? () => Promise.resolve() : before;
  const remove = MemoryStore.prototype.remove.bind(store);
  store.remove = async (key, etag) => {
    const result = await remove(key, etag);
    if (isAfter && result.done) await after(key);
    return result;
  };
}

/** Somebody, or the mount, changes the checkpoint in the bucket. */
function change(model: Model, content: string | undefined): void {
  if (content === undefined && model.inBucket === undefined) return;
  model.changes += 1;
  model.inBucket = content === undefined ? undefined : { content, change: model.changes };
}

/** The model's side of a change that the engine asked for. @returns whether it is done */
function changeAsAsked(model: Model, to: string | undefined, fault: Fault): boolean {
  if (model.overlay) return true;
  if (fault === 'somebody writes') change(model, checkpointOf('of somebody else'));
  if (fault === 'somebody removes it') change(model, undefined);
  // Of a delete that was tried twice nobody can say whether it met its own first try.
  const isGone = to === undefined && model.inBucket === undefined && fault === 'the call fails';
  if (model.inBucket?.change !== model.known && !isGone) return false;
  change(model, to);
  model.known = model.inBucket?.change;
  if (fault !== 'the reply is lost, and somebody writes') return true;
  change(model, checkpointOf('of somebody else'));
  return false;
}

/** What a write of a key is to be answered with, after which the model is as the mount is to be. */
function write(model: Model, key: string, content: string, condition: Condition, fault: Fault): number {
  if (foreign.includes(key)) return 403;
  // Of a broken checkpoint nothing else is looked at.
  if (key === own && !content.includes('"version"')) {
    model.durable = false;
    return 400;
  }
  if (key === own && model.fenced) {
    model.durable = false;
    return 403;
  }
  if (model.fenced) return 403;
  if (fails(condition, model.seen.has(key))) return 412;
  if (key === own) {
    if (!changeAsAsked(model, content, fault)) {
      model.fenced = true;
      model.durable = false;
      return 403;
    }
    model.durable = true;
  }
  model.seen.set(key, content);
  return 200;
}

/** That the mount, the bucket and the model say the same of the checkpoint. */
function compare(model: Model, { client, store }: Real): void {
  const { durable, fence, checkpoint } = client.mount.report();
  expect({ durable, fenced: fence !== undefined, checkpoint: checkpoint?.body }).toEqual({
    durable: model.durable,
    fenced: model.fenced,
    checkpoint: model.seen.get(own),
  });
  expect(store.bodyOf(own)).toBe(model.inBucket?.content);
}

const command = (name: string, run: (model: Model, real: Real) => Promise<void>): Command => ({
  check: () => true,
  run: async (model, real) => {
    await run(model, real);
    compare(model, real);
    const versions = await real.store.versions(own);
    expect(versions.filter(({ key }) => key === own)).toHaveLength(model.changes);
  },
  toString: () => name,
});

const anyKey = fc.oneof(
  { weight: 5, arbitrary: fc.constant(own) },
  { weight: 4, arbitrary: fc.constantFrom(...beside, lock, meta) },
  { weight: 1, arbitrary: fc.constantFrom(...foreign) },
);
const anyCondition = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Condition>('none') },
  { weight: 4, arbitrary: fc.constantFrom<Condition>('if absent', 'if it is this one', 'if it is another one', 'if it is there') },
);
const anyFault = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fault>('none') },
  { weight: 2, arbitrary: fc.constantFrom<Fault>('the call fails', 'the reply is lost') },
  { weight: 1, arbitrary: fc.constantFrom<Fault>('somebody writes', 'somebody removes it', 'the reply is lost, and somebody writes') },
);
const anyContent = fc.oneof(
  { weight: 5, arbitrary: fc.nat(99).map((number) => checkpointOf(`${number} ü`)) },
  { weight: 1, arbitrary: fc.constantFrom('{', 'of no stack') },
);

const commands: readonly fc.Arbitrary<Command>[] = [
  fc.tuple(anyKey, anyContent, anyCondition, anyFault, fc.boolean()).map(([key, content, condition, fault, inParts]) =>
    command(`put ${key} ${content} ${condition}, ${fault}${inParts ? ', in parts' : ''}`, async (model, real) => {
      const { client, store, etags } = real;
      arm(store, fault);
      const headers = await headersOf(condition, key, real);
      const status = write(model, key, content, condition, fault);
      const reply = inParts ? await client.upload(key, content, headers) : await client.send('PUT', key, content, headers);
      expect(reply.status).toBe(status);
      if (status === 200) etags.set(key, reply.etag ?? '');
    }),
  ),
  fc.tuple(anyKey, anyKey, anyCondition, anyFault).map(([from, to, condition, fault]) =>
    command(`copy ${from} to ${to} ${condition}, ${fault}`, async (model, real) => {
      const { client, store, etags } = real;
      arm(store, fault);
      const source = model.seen.get(from);
      const headers = { 'x-amz-copy-source': `${client.bucketName}/${from}`, ...(await headersOf(condition, to, real)) };
      // Not of the checkpoint's own: nothing is read after the fence.
      const status = model.fenced || foreign.includes(to) ? 403 : source === undefined ? 404 : write(model, to, source, condition, fault);
      const reply = await client.send('PUT', to, '', headers);
      expect(reply.status).toBe(status);
      const etag = /<ETag>&quot;(.*?)&quot;<\/ETag>/.exec(reply.text)?.[1];
      if (status === 200) etags.set(to, `"${etag ?? ''}"`);
    }),
  ),
  fc.tuple(anyKey, anyFault).map(([key, fault]) =>
    command(`delete ${key}, ${fault}`, async (model, { client, store }) => {
      arm(store, fault);
      let status = 204;
      if (foreign.includes(key) || (model.fenced && key !== lock)) status = 403;
      else if (key !== own || !model.seen.has(own) || changeAsAsked(model, undefined, fault)) model.seen.delete(key);
      else {
        status = 403;
        model.fenced = true;
        model.durable = false;
      }
      if (key === own && status === 204) model.durable = true;
      expect((await client.send('DELETE', key)).status).toBe(status);
    }),
  ),
  fc.tuple(anyKey, fc.constantFrom('GET', 'HEAD')).map(([key, method]) =>
    command(`${method} ${key}`, async (model, { client, etags }) => {
      const content = model.seen.get(key);
      const { status, text, etag } = await client.send(method, key);
      expect(status).toBe(model.fenced && key !== lock ? 403 : content === undefined ? 404 : 200);
      if (status !== 200) return;
      expect(text).toBe(method === 'GET' ? content : '');
      // The one that its write was answered with.
      expect(etag).toBe(etags.get(key) ?? etag);
      etags.set(key, etag ?? '');
    }),
  ),
  fc
    .tuple(
      fc.constantFrom('', '.pulumi/', '.pulumi/stacks/holdfast/', `.pulumi/history/holdfast/${stack}/`, '.pulumi/l'),
      fc.constantFrom('', '/'),
      fc.integer({ min: 1, max: 4 }),
    )
    .map(([prefix, delimiter, maxKeys]) =>
      command(`list ${prefix} ${delimiter} ${maxKeys}`, async (model, { client }) => {
        if (model.fenced) {
          expect((await client.send('GET', '?list-type=2')).status).toBe(403);
          return;
        }
        const asked = { prefix, delimiter, startAfter: '' };
        expect(await client.list(asked, maxKeys)).toEqual(entriesOf([...model.seen.keys()], asked));
      }),
    ),
  fc.constantFrom('somebody writes', 'somebody removes it').map((who) =>
    command(who, (model, { store }) => {
      if (who === 'somebody writes') store.set(own, checkpointOf('of somebody else'));
      else store.delete(own);
      change(model, store.bodyOf(own));
      return Promise.resolve();
    }),
  ),
];

let mounts = 0;

function setUp(overlay: boolean, withOwn: boolean, front = gateway): { readonly model: Model; readonly real: Real } {
  const store = new MemoryStore();
  const seen = new Map([[meta, 'version: 1\n']]);
  const checkpoints = new Map<string, ServedCheckpoint>();
  for (const name of withOwn ? [stack, upstream] : [upstream]) {
    const key = `.pulumi/stacks/holdfast/${name}.json`;
    const body = checkpointOf(name);
    seen.set(key, body);
    checkpoints.set(name, { body, etag: store.set(key, body), modified: store.modified });
  }
  const spool = openSpool(join(folder, String((mounts += 1))));
  const mode: MountMode = overlay ? { kind: 'overlay' } : { kind: 'apply', store, patienceSeconds: 30, spool };
  const change = withOwn ? 1 : undefined;
  const inBucket = withOwn ? { content: checkpointOf(stack), change: 1 } : undefined;
  const model: Model = { overlay, seen, inBucket, known: change, changes: change ?? 0, fenced: false, durable: true };
  const client = new Client(front.mount({ stack, checkpoints, mode }));
  return {
    model,
    real: { client, store, etags: new Map() },
  };
}

describe('a mount, whatever the engine asks of it', () => {
  const play = async (overlay: boolean, withOwn: boolean, plan: Iterable<Command>): Promise<void> => {
    const { model, real } = setUp(overlay, withOwn);
    await fc.asyncModelRun(() => ({ model, real }), plan);
    const report = await real.client.mount.close();
    expect([report.durable, report.checkpoint?.body]).toEqual([model.durable, model.seen.get(own)]);
    // What the engine keeps beside its checkpoint goes to the bucket at a verified end, and to nobody's harm; its locks never do.
    arm(real.store, 'none');
    if (overlay || model.fenced) {
      await expect(real.client.mount.keep()).rejects.toThrow(overlay ? 'not kept' : 'fenced');
      expect(beside.filter((key) => real.store.keys().includes(key))).toEqual([]);
    } else {
      await real.client.mount.keep();
      for (const key of beside) expect([key, real.store.bodyOf(key)]).toEqual([key, model.seen.get(key)]);
    }
    expect([real.store.keys().includes(lock), real.store.bodyOf(pinned), real.store.bodyOf(own)]).toEqual([
      false,
      checkpointOf(upstream),
      model.inBucket?.content,
    ]);
  };

  it('answers as S3 would, and has in the bucket what it said was written, and nothing over what somebody else wrote', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.commands([...commands], { maxCommands: 25 }), (withOwn, plan) => play(false, withOwn, plan)),
      times(0.8),
    );
  });

  it('answers as S3 would over an overlay, and writes nothing', async () => {
    const quiet = commands.slice(0, -1);
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.commands([...quiet], { maxCommands: 25 }), (withOwn, plan) => play(true, withOwn, plan)),
      times(0.4),
    );
  });
});

describe('several writes of one key at once', () => {
  const race = fc.record({
    key: fc.constantFrom(own, ...beside),
    count: fc.integer({ min: 2, max: 5 }),
    isThere: fc.boolean(),
    overlay: fc.boolean(),
  });

  let patient: Gateway;
  beforeAll(async () => {
    patient = await openGateway(trusted);
  });
  afterAll(() => patient.close());

  it('with a condition that one of them can meet are done once, and what is there then is that one', async () => {
    await fc.assert(
      fc.asyncProperty(race, async ({ key, count, isThere, overlay }) => {
        const { client, store } = setUp(overlay, false, patient).real;
        // Long enough for the others to arrive meanwhile.
        store.beforePut = () => new Promise((resolve) => setTimeout(resolve, 2));
        const first = isThere ? (await client.send('PUT', key, checkpointOf('first'))).etag : undefined;
        const before = (await store.versions(own)).length;
        const headers = isThere ? { 'if-match': first ?? '' } : { 'if-none-match': '*' };
        const bodies = Array.from({ length: count }, (_, number) => checkpointOf(`of ${number}`));
        const statuses = (await Promise.all(bodies.map((body) => client.send('PUT', key, body, headers)))).map(({ status }) => status);
        expect([...statuses].sort()).toEqual([200, ...Array.from({ length: count - 1 }, () => 412)]);
        expect((await client.send('GET', key)).text).toBe(bodies[statuses.indexOf(200)]);
        expect((await store.versions(own)).length - before).toBe(key === own && !overlay ? 1 : 0);
        expect(client.mount.report().durable).toBe(true);
      }),
      times(0.4),
    );
  });
});
