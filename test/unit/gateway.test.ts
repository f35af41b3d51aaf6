import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { escapeXml } from '../../orchestrator/gateway/answer.ts';
import { systemClock } from '../../orchestrator/gateway/clock.ts';
import type { Clock } from '../../orchestrator/gateway/clock.ts';
import { openGateway } from '../../orchestrator/gateway/gateway.ts';
import type { Fence, Gateway, Mount, MountMode, MountReport, ServedCheckpoint, Trouble } from '../../orchestrator/gateway/gateway.ts';
import { openSpool, spooledFile } from '../../orchestrator/gateway/spool.ts';
import { deferred } from './support/deferred.ts';
import { MemoryStore } from './support/memory-store.ts';
import { trusted } from './support/declared.ts';

const stack = 'example.vpc.a';
const upstream = 'example.transit-gateway';
const own = `.pulumi/stacks/holdfast/${stack}.json`;
const lock = `.pulumi/locks/organization/holdfast/${stack}/0b1c.json`;
const history = `.pulumi/history/holdfast/${stack}/${stack}-17.history.json`;
const backup = `.pulumi/backups/holdfast/${stack}/${stack}.17.json`;

const urnOf = (type: string, name: string, of = stack): string => `urn:pulumi:${of}::holdfast::${type}::${name}`;
const begun = { urn: urnOf('aws:ec2/vpc:Vpc', 'vpc'), type: 'aws:ec2/vpc:Vpc', custom: true };

const checkpoint = (note: string, pending: readonly { readonly type: string }[] = []): string =>
  JSON.stringify({
    version: 3,
    checkpoint: {
      stack,
      latest: { metadata: { note }, pending_operations: pending.map((operation) => ({ ...operation, resource: begun })) },
    },
  });

const root = urnOf('pulumi:pulumi:Stack', 'root', upstream);

/** As the engine leaves it, with these outputs. */
const deployed = (outputs: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({
    version: 3,
    checkpoint: {
      stack: upstream,
      latest: {
        manifest: { magic: 'm' },
        secrets_providers: { type: 'passphrase', state: { salt: 'v1:' } },
        resources: [
          { urn: root, type: 'pulumi:pulumi:Stack', outputs },
          { urn: urnOf('aws:ec2/vpc:Vpc', 'vpc', upstream), type: 'aws:ec2/vpc:Vpc', parent: root, outputs: {} },
        ],
      },
    },
  });

let store: MemoryStore;
let folder: string;
let gateway: Gateway;
let troubles: Trouble[];

/** Time that passes only where somebody waits for it, and then at once. */
class QuickClock implements Clock {
  #nowMs = Date.parse('2030-01-01T00:00:00Z');
  readonly slept: number[] = [];
  now(): number {
    return this.#nowMs;
  }
  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) =>
      setImmediate(() => {
        if (!signal.aborted) {
          this.#nowMs += milliseconds;
          this.slept.push(milliseconds);
        }
        resolve();
      }),
    );
  }
  random(): number {
    return 1;
  }
}

let clock: QuickClock;

beforeEach(async () => {
  store = new MemoryStore();
  troubles = [];
  clock = new QuickClock();
  folder = await mkdtemp(join(tmpdir(), 'holdfast-gateway-'));
  gateway = await openGateway(trusted);
});

afterEach(async () => {
  await gateway.close();
  await rm(folder, { recursive: true, force: true });
});

const spoolFolder = (): string => join(folder, 'spool');

const applyMode = (patienceSeconds = 90): MountMode => ({
  kind: 'apply',
  store,
  patienceSeconds,
  spool: openSpool(spoolFolder()),
  onTrouble: (trouble) => troubles.push(trouble),
});

/** A mount whose own checkpoint, where there is one, stands in the bucket as well. */
function mountOf(checkpoints: Readonly<Record<string, string>> = {}, mode: MountMode = applyMode(), showEmpty = false): Client {
  const served = Object.entries(checkpoints).map(([name, body]): [string, ServedCheckpoint] => {
    const etag = store.set(`.pulumi/stacks/holdfast/${name}.json`, body);
    return [name, { body, etag, modified: new Date('2029-12-31T23:59:58Z') }];
  });
  return new Client(gateway.mount({ stack, checkpoints: new Map(served), mode, showEmpty }));
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

interface Sent {
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Over node:http: `fetch` sends the headers of a browser, and resolves a `..` in a path. */
function send(method: string, base: string, path: string, { body, headers, signal }: Sent): Promise<Reply> {
  const { hostname, port, pathname } = new URL(base);
  return new Promise((resolve, reject) => {
    const options = { hostname, port, method, path: pathname + path, headers, ...(signal ? { signal } : {}) };
    const request = httpRequest(options, (answer) => {
      const pieces: Buffer[] = [];
      answer
        .on('data', (piece: Buffer) => pieces.push(piece))
        .on('end', () => {
          const given = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString(), headers: new Headers(given) });
        });
    });
    request.on('error', reject).end(body);
  });
}

/** What the engine's client does, over the wire. */
class Client {
  readonly mount: Mount;
  readonly base: string;
  constructor(mount: Mount) {
    this.mount = mount;
    const url = new URL(mount.url);
    this.base = `${url.searchParams.get('endpoint') ?? ''}/${url.host}`;
  }
  send(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}): Promise<Reply> {
    return send(method, this.base, `/${path}`, { headers, ...(body === undefined ? {} : { body }) });
  }
  get = (key: string, headers?: Record<string, string>): Promise<Reply> => this.send('GET', key, undefined, headers);
  put = (key: string, body: string | Buffer, headers?: Record<string, string>): Promise<Reply> => this.send('PUT', key, body, headers);
  delete = (key: string): Promise<Reply> => this.send('DELETE', key);
  copy = (from: string, to: string): Promise<Reply> =>
    this.send('PUT', to, undefined, { 'x-amz-copy-source': `${new URL(this.mount.url).host}/${from}` });
  async keys(query = ''): Promise<string[]> {
    const { text } = await this.get(`?list-type=2${query}`);
    return [...text.matchAll(/<(?:Key|CommonPrefixes><Prefix)>([^<]*)</g)].map(([, key = '']) => key);
  }
}

const unreachable = (): Promise<never> => Promise.reject(new Error('connect ECONNREFUSED'));
const codeOf = ({ text }: Reply): string | undefined => /<Code>(.*?)<\/Code>/.exec(text)?.[1];

describe('what the engine reads', () => {
  it('is the layout that keeps stacks by project', async () => {
    expect((await mountOf().get('.pulumi/meta.yaml')).text).toBe('version: 1\n');
  });

  it('is its own checkpoint and those of its upstreams, with their ETags and times', async () => {
    const client = mountOf({ [stack]: checkpoint('own'), [upstream]: checkpoint('upstream') });
    const answers = await Promise.all([client.get(own), client.get(`.pulumi/stacks/holdfast/${upstream}.json`)]);
    expect(answers.map(({ text, headers }) => [text, headers.get('etag'), headers.get('last-modified')])).toEqual([
      [checkpoint('own'), '"1"', 'Mon, 31 Dec 2029 23:59:58 GMT'],
      [checkpoint('upstream'), '"2"', 'Mon, 31 Dec 2029 23:59:58 GMT'],
    ]);
  });

  it('is pinned: what happens to the bucket meanwhile is not seen', async () => {
    const client = mountOf({ [upstream]: checkpoint('as planned') });
    store.set(`.pulumi/stacks/holdfast/${upstream}.json`, checkpoint('moved'));
    expect((await client.get(`.pulumi/stacks/holdfast/${upstream}.json`)).text).toBe(checkpoint('as planned'));
  });

  it('is of an upstream no more than its outputs, and nothing by which a key would be derived', async () => {
    const outputs = { gatewayId: 'tgw-1' };
    const client = mountOf({ [upstream]: deployed(outputs) });
    const read = JSON.parse((await client.get(`.pulumi/stacks/holdfast/${upstream}.json`)).text) as unknown;
    const resource = { urn: root, type: 'pulumi:pulumi:Stack', outputs };
    expect(read).toEqual({ version: 3, checkpoint: { stack: upstream, latest: { manifest: { magic: 'm' }, resources: [resource] } } });
  });

  it('is of an upstream with a secret output also by what it is encrypted', async () => {
    const client = mountOf({
      [upstream]: deployed({ key: { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', ciphertext: 'v1:x' } }),
    });
    expect((await client.get(`.pulumi/stacks/holdfast/${upstream}.json`)).text).toContain('"secrets_providers":{"type":"passphrase"');
  });

  it('is nothing else of the bucket', async () => {
    store.set('.holdfast/locks/x.json', '{}');
    expect(codeOf(await mountOf().get('.holdfast/locks/x.json'))).toBe('NoSuchKey');
  });

  it('is not asked of the bucket', async () => {
    const client = mountOf({ [stack]: checkpoint('own') });
    await client.get(own);
    await client.keys();
    expect(client.mount.report().requests).toEqual({ engine: 2, bucket: 0 });
  });

  it('has no body where only the head is asked for', async () => {
    const { status, text, headers } = await mountOf({ [stack]: checkpoint('own') }).send('HEAD', own);
    expect([status, text, headers.get('content-length')]).toEqual([200, '', String(checkpoint('own').length)]);
  });

  it('has a checksum where one is asked for', async () => {
    const { headers } = await mountOf().get('.pulumi/meta.yaml', { 'x-amz-checksum-mode': 'ENABLED' });
    expect(headers.get('x-amz-checksum-crc32')).toBe(crc32Of('version: 1\n'));
  });

  it.each([
    ['bytes=0-6', 206, 'version', 'bytes 0-6/11'],
    ['bytes=9-', 206, '1\n', 'bytes 9-10/11'],
    ['bytes=-2', 206, '1\n', 'bytes 9-10/11'],
    ['bytes=9-99', 206, '1\n', 'bytes 9-10/11'],
    ['lines=1', 200, 'version: 1\n', null],
  ])('can be a part: %s', async (range, status, text, contentRange) => {
    const answer = await mountOf().get('.pulumi/meta.yaml', { range });
    expect([answer.status, answer.text, answer.headers.get('content-range')]).toEqual([status, text, contentRange]);
  });

  it('is refused as a part that lies behind its end', async () => {
    expect((await mountOf().get('.pulumi/meta.yaml', { range: 'bytes=11-' })).status).toBe(416);
  });
});

describe('a listing', () => {
  const three = { [stack]: checkpoint('own'), [upstream]: checkpoint('upstream') };

  it('has every key in order', async () => {
    expect(await mountOf(three).keys()).toEqual(['.pulumi/meta.yaml', `.pulumi/stacks/holdfast/${upstream}.json`, own]);
  });

  it('has folders where it is delimited', async () => {
    expect(await mountOf(three).keys('&delimiter=%2F&prefix=.pulumi%2F')).toEqual(['.pulumi/meta.yaml', '.pulumi/stacks/']);
  });

  it('goes on where a page ended', async () => {
    const client = mountOf(three);
    const pages: string[] = [];
    let token: string | undefined;
    do {
      const { text } = await client.get(
        `?list-type=2&delimiter=%2F&prefix=.pulumi%2F&max-keys=1${token ? `&continuation-token=${token}` : ''}`,
      );
      pages.push(...[...text.matchAll(/<(?:Key|CommonPrefixes><Prefix)>([^<]*)</g)].map(([, key = '']) => key));
      token = /<NextContinuationToken>(.*?)</.exec(text)?.[1];
    } while (token);
    expect(pages).toEqual(['.pulumi/meta.yaml', '.pulumi/stacks/']);
  });

  it('begins behind the key that it is to start after', async () => {
    expect(await mountOf(three).keys('&start-after=.pulumi%2Fmeta.yaml&max-keys=1')).toEqual([`.pulumi/stacks/holdfast/${upstream}.json`]);
  });

  it('names the size, ETag and time of each object', async () => {
    const { text } = await mountOf(three).get(`?list-type=2&prefix=${own}`);
    expect(text).toContain(
      `<LastModified>2029-12-31T23:59:58.000Z</LastModified><ETag>&quot;1&quot;</ETag><Size>${checkpoint('own').length}</Size>`,
    );
  });

  it('encodes keys where it is asked to', async () => {
    const { text } = await mountOf().get('?list-type=2&encoding-type=url&prefix=a%20b%26');
    expect(text).toContain('<Prefix>a%20b%26</Prefix>');
  });
});

describe('a checkpoint that the engine writes', () => {
  it('is in the bucket when the engine is answered, with the ETag that the bucket gave', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    const { status, headers } = await client.put(own, checkpoint('new'));
    expect([status, headers.get('etag'), store.bodyOf(own)]).toEqual([200, '"2"', checkpoint('new')]);
  });

  it('is not acknowledged before the bucket has it', async () => {
    const gate = deferred();
    store.beforePut = () => gate.promise;
    const client = mountOf();
    const seen: string[] = [];
    const put = client.put(own, checkpoint('new')).then(() => seen.push('answered'));
    store.afterPut = () => Promise.resolve(void seen.push('in the bucket'));
    await client.get('.pulumi/meta.yaml');
    gate.resolve();
    await put;
    expect(seen).toEqual(['in the bucket', 'answered']);
  });

  it('is what the engine reads then', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    await client.put(own, checkpoint('new'));
    expect((await client.get(own)).text).toBe(checkpoint('new'));
  });

  it('makes the stack where there was none, and only there', async () => {
    const client = mountOf();
    store.set(own, checkpoint('of someone else'));
    expect((await client.put(own, checkpoint('new'))).status).toBe(403);
    expect(store.bodyOf(own)).toBe(checkpoint('of someone else'));
  });

  it('follows on its own one before', async () => {
    const client = mountOf();
    for (const note of ['one', 'two', 'three']) expect((await client.put(own, checkpoint(note))).status).toBe(200);
    expect(store.bodyOf(own)).toBe(checkpoint('three'));
  });

  it('waits for the one before it', async () => {
    const client = mountOf();
    let open = 0;
    let most = 0;
    store.beforePut = async () => {
      most = Math.max(most, (open += 1));
      await client.get('.pulumi/meta.yaml');
      open -= 1;
    };
    const statuses = (await Promise.all(['one', 'two'].map((note) => client.put(own, checkpoint(note))))).map(({ status }) => status);
    expect([statuses, most]).toEqual([[200, 200], 1]);
  });

  it('with a condition that only the first of two at once can meet is written once', async () => {
    const gate = deferred();
    store.beforePut = () => gate.promise;
    const client = mountOf();
    const puts = ['one', 'two'].map((note) => client.put(own, checkpoint(note), { 'if-none-match': '*' }));
    while (client.mount.report().requests.engine < 2) await client.get('.pulumi/meta.yaml');
    gate.resolve();
    expect((await Promise.all(puts)).map(({ status }) => status).sort()).toEqual([200, 412]);
    expect([(await store.versions(own)).length, client.mount.report().durable]).toEqual([1, true]);
  });

  it('with a condition that does not hold is not written, and nothing is missing then', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    expect([(await client.put(own, checkpoint('new'), { 'if-none-match': '*' })).status, store.bodyOf(own)]).toEqual([
      412,
      checkpoint('old'),
    ]);
    expect(client.mount.report().durable).toBe(true);
    await client.put(own, '{');
    await client.put(own, checkpoint('new'), { 'if-none-match': '*' });
    expect(client.mount.report().durable).toBe(false);
  });

  it('is written once where its client asks again while it is under way', async () => {
    const gate = deferred();
    store.beforePut = () => gate.promise;
    const client = mountOf();
    const leaves = new AbortController();
    const first = send('PUT', client.base, `/${own}`, { body: checkpoint('new'), signal: leaves.signal });
    while (client.mount.report().requests.bucket === 0) await client.get('.pulumi/meta.yaml');
    leaves.abort();
    await expect(first).rejects.toThrow();
    const again = client.put(own, checkpoint('new'));
    await client.get('.pulumi/meta.yaml');
    gate.resolve();
    expect([(await again).status, client.mount.report().requests.bucket, client.mount.report().durable]).toEqual([200, 1, true]);
  });

  it('is what the report ends with', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    await client.put(own, checkpoint('new'));
    expect(await client.mount.close()).toMatchObject({ checkpoint: { body: checkpoint('new'), etag: '"2"' }, durable: true });
  });

  it.each([
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['not JSON', checkpoint('new').slice(0, -1)],
    ['without a version', '{"checkpoint":{}}'],
    ['without a checkpoint', '{"version":3}'],
  ])('is refused where it is %s', async (_, body) => {
    const client = mountOf();
    expect([(await client.put(own, body)).status, store.keys(), client.mount.report().durable]).toEqual([400, [], false]);
  });

  it('may be repeated after a broken one, and is durable then', async () => {
    const client = mountOf();
    await client.put(own, '{');
    await client.put(own, checkpoint('new'));
    expect(client.mount.report()).toMatchObject({ durable: true, fence: undefined });
  });

  it.each([
    ['names a step that is about to begin', [{ type: 'creating' }], true],
    ['names none', [], false],
  ])('says whether a step began: it %s', async (_, pending, intended) => {
    const client = mountOf();
    await client.put(own, checkpoint('one', pending));
    await client.put(own, checkpoint('two'));
    expect(client.mount.report().intended).toBe(intended);
  });

  it('says so too where it never got to the bucket', async () => {
    store.beforePut = unreachable;
    const client = mountOf({}, applyMode(0));
    await client.put(own, checkpoint('one', [{ type: 'creating' }]));
    expect(client.mount.report()).toMatchObject({ intended: true, durable: false });
  });

  it('is not mistaken by a property that is called as the list of steps is', async () => {
    const client = mountOf();
    await client.put(
      own,
      JSON.stringify({ version: 3, checkpoint: { latest: { resources: [{ ...begun, inputs: { pending_operations: [1] } }] } } }),
    );
    expect(client.mount.report().intended).toBe(false);
  });
});

describe('a stack that the engine removes', () => {
  it('is removed from the bucket', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    expect([(await client.delete(own)).status, store.keys()]).toEqual([204, []]);
    expect(client.mount.report()).toMatchObject({ checkpoint: undefined, durable: true });
  });

  it('stays where its checkpoint was changed behind the run', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    store.set(own, checkpoint('of someone else'));
    expect([(await client.delete(own)).status, store.keys()]).toEqual([403, [own]]);
    expect(client.mount.report()).toMatchObject({ durable: false, fence: { kind: 'changed-behind' } });
  });

  it('was removed by someone else where it is gone at the first try', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    store.delete(own);
    expect([(await client.delete(own)).status, client.mount.report().fence?.kind]).toEqual([403, 'changed-behind']);
  });

  it('can be made anew', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    await client.delete(own);
    expect((await client.put(own, checkpoint('new'))).status).toBe(200);
  });
});

describe('a stack that has no checkpoint', () => {
  it('is shown as one that is made and empty, of which the bucket has nothing', async () => {
    const client = mountOf({}, applyMode(), true);
    expect(JSON.parse((await client.get(own)).text)).toEqual({ version: 3, checkpoint: { stack: `organization/holdfast/${stack}` } });
    expect([await client.keys('&prefix=.pulumi/stacks/'), client.mount.report().checkpoint, store.bodyOf(own)]).toEqual([
      [own],
      undefined,
      undefined,
    ]);
  });

  it('is created by the first that the engine writes', async () => {
    const client = mountOf({}, applyMode(), true);
    expect((await client.put(own, checkpoint('new'))).status).toBe(200);
    expect([(await client.get(own)).text, store.bodyOf(own)]).toEqual([checkpoint('new'), checkpoint('new')]);
  });

  it('is not written over where somebody has made it meanwhile', async () => {
    const client = mountOf({}, applyMode(), true);
    store.set(own, checkpoint('of someone else'));
    expect((await client.put(own, checkpoint('new'))).status).toBe(403);
    expect(store.bodyOf(own)).toBe(checkpoint('of someone else'));
  });

  it('is none where that is what the engine is to see', async () => {
    expect((await mountOf().get(own)).status).toBe(404);
  });

  it('is gone once the engine has removed it', async () => {
    const client = mountOf({}, applyMode(), true);
    await client.put(own, checkpoint('new'));
    await client.delete(own);
    expect((await client.get(own)).status).toBe(404);
  });

  it('is one with a checkpoint where there is one', async () => {
    expect((await mountOf({ [stack]: checkpoint('own') }, applyMode(), true).get(own)).text).toBe(checkpoint('own'));
  });
});

describe('a checkpoint that was changed behind the run', () => {
  const changed = async (): Promise<Client> => {
    const client = mountOf({ [stack]: checkpoint('old') });
    store.set(own, checkpoint('of someone else'));
    expect((await client.put(own, checkpoint('new'))).status).toBe(403);
    return client;
  };

  it('is not written over', async () => {
    await changed();
    expect(store.bodyOf(own)).toBe(checkpoint('of someone else'));
  });

  it('fences the mount, for everything that comes after', async () => {
    const client = await changed();
    expect((client.mount.fenced.reason as Fence).kind).toBe('changed-behind');
    const after = await Promise.all([
      client.put(own, checkpoint('newer')),
      client.get(own),
      client.get('?list-type=2'),
      client.delete(own),
    ]);
    expect(after.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
  });

  it('leaves what the engine wanted to write in the spool, and what it still wanted to write then', async () => {
    const client = await changed();
    const spooled = async () => await readFile(client.mount.report().spool ?? '', 'utf8');
    const first = await spooled();
    await client.put(own, checkpoint('newer'));
    expect([first, await spooled(), client.mount.report().durable]).toEqual([checkpoint('new'), checkpoint('newer'), false]);
  });

  it('is told to the engine', async () => {
    const client = await changed();
    expect((await client.put(own, checkpoint('new'))).text).toMatch(
      /Holdfast refuses: the checkpoint of example\.vpc\.a in memory was changed by someone else/,
    );
  });
});

describe('a bucket that fails', () => {
  // What takes long here is waited for by the gateway alone.
  beforeEach(async () => {
    await gateway.close();
    gateway = await openGateway(trusted, clock);
  });

  /** Fails so many times. */
  const failing = (times: number): void => {
    let left = times;
    store.beforePut = () => ((left -= 1) >= 0 ? unreachable() : Promise.resolve());
  };

  it('and comes back has the checkpoint, and the engine saw nothing of it', async () => {
    failing(3);
    const client = mountOf();
    expect([(await client.put(own, checkpoint('new'))).status, store.bodyOf(own)]).toEqual([200, checkpoint('new')]);
  });

  it('is tried again after longer and longer waits', async () => {
    failing(7);
    await mountOf().put(own, checkpoint('new'));
    expect(clock.slept).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('is told of, with since when and where the checkpoint is, and told of when it is back', async () => {
    failing(1);
    await mountOf().put(own, checkpoint('new'));
    const since = new Date('2030-01-01T00:00:00Z');
    const file = join(spoolFolder(), `${stack}.json`);
    expect(troubles).toEqual([
      { kind: 'bucket-fails', stack, since, error: 'connect ECONNREFUSED', patienceSeconds: 90, spooled: file, spoolError: undefined },
      { kind: 'bucket-back', stack, since },
    ]);
  });

  it('leaves no file where it came back', async () => {
    failing(1);
    const client = mountOf();
    await client.put(own, checkpoint('new'));
    expect([await readdir(spoolFolder()), client.mount.report().spool]).toEqual([[], undefined]);
  });

  it('has the checkpoint in a file while the engine waits', async () => {
    let meanwhile: string | undefined;
    let tries = 0;
    store.beforePut = async () => {
      tries += 1;
      if (tries === 1) await unreachable();
      meanwhile = readFileSync(join(spoolFolder(), `${stack}.json`), 'utf8');
    };
    await mountOf().put(own, checkpoint('new'));
    expect(meanwhile).toBe(checkpoint('new'));
  });

  it('for longer than the run is patient fences the mount', async () => {
    store.beforePut = unreachable;
    const client = mountOf({}, applyMode(20));
    expect((await client.put(own, checkpoint('new'))).status).toBe(403);
    expect(client.mount.report()).toMatchObject({
      durable: false,
      checkpoint: undefined,
      spool: join(spoolFolder(), `${stack}.json`),
      fence: {
        kind: 'bucket-failed',
        message: expect.stringMatching(/^memory did not take .* for 20 s: connect ECONNREFUSED; what .*\.json$/) as string,
      },
    });
  });

  it('is tried with one and the same write id', async () => {
    const ids = new Set<string | undefined>();
    const put = store.put.bind(store);
    failing(2);
    store.put = (key, body, condition, write) => {
      ids.add(write);
      return put(key, body, condition, write);
    };
    const client = mountOf();
    await client.put(own, checkpoint('new'));
    await client.put(own, checkpoint('newer'));
    expect([ids.size, ids.has(undefined)]).toEqual([2, false]);
  });

  it('may have the checkpoint, and the reply was lost', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    let lost = 0;
    store.afterPut = () => ((lost += 1) === 1 ? Promise.reject(new Error('socket hang up')) : Promise.resolve());
    expect((await client.put(own, checkpoint('new'))).status).toBe(200);
    expect(client.mount.report()).toMatchObject({ durable: true, fence: undefined, requests: { bucket: 2 } });
  });

  it('may have removed the stack, and the reply was lost', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    const remove = store.remove.bind(store);
    store.remove = async (key, etag) => {
      const result = await remove(key, etag);
      if (result.done) throw new Error('socket hang up');
      return result;
    };
    expect([(await client.delete(own)).status, client.mount.report().durable]).toEqual([204, true]);
  });

  it('by not answering at all is given up too', async () => {
    store.beforePut = () => new Promise(() => undefined);
    const client = mountOf({}, applyMode(20));
    expect((await client.put(own, checkpoint('new'))).status).toBe(403);
    expect([troubles[0], client.mount.report().fence]).toMatchObject([{ error: 'no answer for 10 s' }, { kind: 'bucket-failed' }]);
  });

  it('is waited for also where the disk is full', async () => {
    failing(1);
    await writeFile(spoolFolder(), 'no folder');
    const client = mountOf();
    expect((await client.put(own, checkpoint('new'))).status).toBe(200);
    expect(troubles[0]).toMatchObject({ spooled: undefined, spoolError: expect.stringMatching(/EEXIST|ENOTDIR/) as string });
  });
});

describe('the spool', () => {
  it('is for its owner only', async () => {
    const file = await openSpool(spoolFolder()).write(stack, Buffer.from('{}'));
    expect([(await stat(spoolFolder())).mode & 0o777, (await stat(file)).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  it('has one whole file a stack', async () => {
    const spool = openSpool(spoolFolder());
    await spool.write(stack, Buffer.from('one'));
    const file = await spool.write(stack, Buffer.from('two'));
    expect([await readdir(spoolFolder()), await readFile(file, 'utf8')]).toEqual([[`${stack}.json`], 'two']);
  });
});

describe('a spool that other users may write', () => {
  it('is not written into, and is no evidence', async () => {
    await openSpool(spoolFolder()).write(stack, Buffer.from('{}'));
    expect(await spooledFile(spoolFolder(), stack)).toBe(join(spoolFolder(), `${stack}.json`));
    await chmod(spoolFolder(), 0o777);
    await expect(openSpool(spoolFolder()).write(stack, Buffer.from('{"a":1}'))).rejects.toThrow(`may write in ${spoolFolder()}`);
    await expect(spooledFile(spoolFolder(), stack)).rejects.toThrow(`may write in ${spoolFolder()}`);
    expect(await readFile(join(spoolFolder(), `${stack}.json`), 'utf8')).toBe('{}');
  });
});

describe('what is removed from the spool', () => {
  it("is the stack's file, and what a killed process has begun to write of it", async () => {
    const spool = openSpool(spoolFolder());
    await spool.write(stack, Buffer.from('{}'));
    await spool.write(`${stack}b`, Buffer.from('{}'));
    for (const name of [stack, `${stack}b`]) await writeFile(join(spoolFolder(), `${name}.json.0b0f.unfinished`), '{');
    await spool.remove(stack);
    expect((await readdir(spoolFolder())).sort()).toEqual([`${stack}b.json`, `${stack}b.json.0b0f.unfinished`]);
  });
});

describe('a fence from outside', () => {
  const lost: Fence = { kind: 'lock-lost', message: 'the lock is gone' };

  it('refuses everything', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    client.mount.fence(lost);
    const after = await Promise.all([
      client.put(own, checkpoint('new')),
      client.get(own),
      client.put(lock, '{}'),
      client.copy(own, `${own}.bak`),
    ]);
    expect([after.map(({ status }) => status), store.bodyOf(own)]).toEqual([[403, 403, 403, 403], checkpoint('old')]);
  });

  it('lets the engine take its own lock away', async () => {
    const client = mountOf();
    await client.put(lock, '{}');
    client.mount.fence(lost);
    expect([(await client.send('HEAD', lock)).status, (await client.delete(lock)).status]).toEqual([200, 204]);
  });

  it('keeps its first reason', () => {
    const { mount } = mountOf();
    mount.fence(lost);
    mount.fence({ kind: 'bucket-failed', message: 'too' });
    expect([mount.report().fence, mount.fenced.reason]).toEqual([lost, lost]);
  });

  it('ends the wait for a bucket that fails, as not durable', async () => {
    store.beforePut = unreachable;
    const waits = deferred();
    const patient = await openGateway(trusted, {
      ...systemClock,
      sleep: (milliseconds, signal) => {
        if (milliseconds < 1_000) waits.resolve();
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    });
    try {
      const client = new Client(patient.mount({ stack, checkpoints: new Map(), mode: applyMode() }));
      const put = client.put(own, checkpoint('new'));
      await waits.promise;
      client.mount.fence(lost);
      expect((await put).status).toBe(403);
      expect(await client.mount.close()).toMatchObject({ durable: false, fence: lost, spool: expect.stringContaining(stack) as string });
    } finally {
      await patient.close();
    }
  });

  it('refuses a write that is under way, and reports it as durable where it then went well', async () => {
    const gate = deferred();
    const reached = deferred();
    store.beforePut = () => {
      reached.resolve();
      return gate.promise;
    };
    const slow = await openGateway(trusted);
    try {
      const client = new Client(slow.mount({ stack, checkpoints: new Map(), mode: applyMode() }));
      const put = client.put(own, checkpoint('new'));
      await reached.promise;
      client.mount.fence(lost);
      expect([(await put).status, client.mount.report().durable]).toEqual([403, false]);
      gate.resolve();
      expect(await client.mount.close()).toMatchObject({ durable: true, checkpoint: { body: checkpoint('new') } });
    } finally {
      await slow.close();
    }
  });
});

describe('a mount that closes', () => {
  it('waits for the write that is under way', async () => {
    const gate = deferred();
    const reached = deferred();
    store.beforePut = () => {
      reached.resolve();
      return gate.promise;
    };
    const client = mountOf();
    const put = client.put(own, checkpoint('new'));
    await reached.promise;
    const closed = client.mount.close();
    gate.resolve();
    await put;
    expect(await closed).toMatchObject({ durable: true, fence: { kind: 'closed' } });
  });

  it('refuses what comes after', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    await client.mount.close();
    expect((await client.put(own, checkpoint('new'))).status).toBe(403);
  });

  it.each<[string, () => Client]>([
    ['was kept', () => mountOf({ [stack]: checkpoint('old') })],
    ['was only tried', () => mountOf({ [stack]: checkpoint('old') }, { kind: 'overlay' })],
  ])('leaves nothing of a mount that %s: a run of many stacks does not grow by them', async (how, make) => {
    const client = make();
    await client.put(history, '{"kind":"update"}');
    await client.mount.close();
    if (how === 'was kept') await client.mount.keep();
    const answer = await client.get(own);
    expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('NoSuchBucket')]);
  });
});

describe('the locks of the engine', () => {
  it('are its own business: listed to it, and never in the bucket', async () => {
    const client = mountOf();
    await client.put(lock, '{"pid":1}');
    const listed = await client.keys(`&prefix=.pulumi/locks/organization/holdfast/${stack}/&delimiter=/`);
    const body = (await client.get(lock)).text;
    await client.delete(lock);
    expect([listed, body, (await client.get(lock)).status, store.keys(), client.mount.report().requests.bucket]).toEqual([
      [lock],
      '{"pid":1}',
      404,
      [],
      0,
    ]);
  });

  it('are not seen by another mount', async () => {
    await mountOf().put(lock, '{}');
    expect(await mountOf().keys()).toEqual(['.pulumi/meta.yaml']);
  });
});

describe('what the engine writes beside its checkpoint', () => {
  const work = async (client: Client): Promise<void> => {
    await client.copy(own, `${own}.bak`);
    await client.put(own, checkpoint('new'));
    await client.put(history, '{"kind":"update"}');
    await client.copy(own, history.replace('.history.', '.checkpoint.'));
    await client.put(backup, checkpoint('new'));
  };

  it('stays in the mount, and is read there', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    await work(client);
    const read = [
      await client.get(`${own}.bak`),
      await client.get(history),
      await client.get(history.replace('.history.', '.checkpoint.')),
    ];
    expect(read.map(({ text }) => text)).toEqual([checkpoint('old'), '{"kind":"update"}', checkpoint('new')]);
    expect(store.keys()).toEqual([own]);
  });

  it('goes to the bucket, in Pulumi’s own places, when it is kept', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    await work(client);
    await client.mount.close();
    await client.mount.keep();
    const kept = { [`${own}.bak`]: checkpoint('old'), [history]: '{"kind":"update"}', [backup]: checkpoint('new') };
    expect(Object.fromEntries(Object.keys(kept).map((key) => [key, store.bodyOf(key)]))).toEqual(kept);
    expect(store.keys()).toContain(history.replace('.history.', '.checkpoint.'));
  });

  it('is kept to its end when the first attempt failed', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    await work(client);
    let puts = 0;
    store.afterPut = () => ((puts += 1) === 2 ? Promise.reject(new Error('socket hang up')) : Promise.resolve());
    await expect(client.mount.keep()).rejects.toThrow('socket hang up');
    await client.mount.keep();
    expect([store.keys().length, puts]).toEqual([5, 4]);
  });

  it('may be kept before the end, and once more at it', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    await client.mount.keep();
    await work(client);
    await client.mount.close();
    await client.mount.keep();
    expect(store.keys()).toContain(history);
  });

  it('is not kept where the mount was fenced', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    await work(client);
    client.mount.fence({ kind: 'lock-lost', message: 'the lock is gone' });
    await expect(client.mount.keep()).rejects.toThrow('fenced');
  });

  it('is removed in the bucket with the stack', async () => {
    const before = [history, `.pulumi/history/holdfast/${stack}/${stack}-1.checkpoint.json`];
    const others = [`.pulumi/history/holdfast/${stack}.b/x.history.json`, backup];
    for (const key of [...before, ...others]) store.set(key, '{}');
    const client = mountOf({ [stack]: checkpoint('old') });
    await client.copy(own, `${own}.bak`);
    await client.delete(own);
    await client.mount.keep();
    expect(store.keys()).toEqual([...others, `${own}.bak`].sort());
  });

  it('cannot get a name that climbs out of its folder', async () => {
    const client = mountOf();
    const key = `.pulumi/history/holdfast/${stack}/%2e%2e/x.json`;
    expect((await client.send('PUT', key)).status).toBe(403);
  });
});

describe('what is not the mount’s stack', () => {
  it.each([
    ['another stack', `.pulumi/stacks/holdfast/${upstream}.json`],
    ['the lock of another', `.pulumi/locks/organization/holdfast/${upstream}/x.json`],
    ['the history of another', `.pulumi/history/holdfast/${upstream}/x.json`],
    ['another project', `.pulumi/stacks/other/${stack}.json`],
    ['Holdfast’s own', `.holdfast/locks/${stack}.json`],
  ])('is not written: %s', async (_, key) => {
    const client = mountOf({ [upstream]: checkpoint('upstream') });
    const answers = [
      await client.put(key, '{}'),
      await client.delete(key),
      await client.copy('.pulumi/meta.yaml', key),
      await client.send('POST', `${key}?uploads=`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect(answers[0]?.text).toContain(`This mount is of stack ${stack}`);
    expect(store.bodyOf(key)).toBe(key.includes(`stacks/holdfast/${upstream}`) ? checkpoint('upstream') : undefined);
  });

  it.each(['gz', 'zst'])('nor is a compressed checkpoint, which fences: %s', async (suffix) => {
    const client = mountOf();
    expect((await client.put(`${own}.${suffix}`, 'x')).text).toContain('turn compression off (PULUMI_DIY_BACKEND_GZIP');
    expect(client.mount.report()).toMatchObject({ durable: false, fence: { kind: 'refused-format' } });
  });

  it('but a compressed checkpoint that is not there can be deleted', async () => {
    expect((await mountOf().delete(`${own}.gz`)).status).toBe(204);
  });

  it('is not copied from another mount', async () => {
    const other = mountOf({ [stack]: checkpoint('old') });
    const from = `${new URL(other.mount.url).host}/${own}`;
    expect((await mountOf().send('PUT', `${own}.bak`, undefined, { 'x-amz-copy-source': from })).status).toBe(404);
  });
});

describe('an upload in parts', () => {
  const begin = async (client: Client): Promise<string> =>
    /<UploadId>(.*?)</.exec((await client.send('POST', `${own}?uploads=`)).text)?.[1] ?? '';
  const list = (...parts: readonly (readonly [number, string | null])[]): string =>
    `<CompleteMultipartUpload>${parts.map(([number, etag]) => `<Part><ETag>${escapeXml(etag ?? '')}</ETag><PartNumber>${number}</PartNumber></Part>`).join('')}</CompleteMultipartUpload>`;
  const whole = checkpoint('in parts');
  const upload = async (client: Client, id: string): Promise<(readonly [number, string | null])[]> => {
    const second = await client.put(`${own}?partNumber=2&uploadId=${id}`, whole.slice(20));
    const first = await client.put(`${own}?partNumber=1&uploadId=${id}`, whole.slice(0, 20));
    return [
      [1, first.headers.get('etag')],
      [2, second.headers.get('etag')],
    ];
  };

  it('is one write to the bucket', async () => {
    const client = mountOf();
    const id = await begin(client);
    const parts = await upload(client, id);
    const before = store.keys();
    const { status, text } = await client.send('POST', `${own}?uploadId=${id}`, list(...parts));
    expect([before, status, store.bodyOf(own), client.mount.report().requests.bucket]).toEqual([[], 200, whole, 1]);
    expect(text).toContain('<ETag>&quot;1&quot;</ETag>');
  });

  it('is one write also where its end is asked for twice', async () => {
    const client = mountOf();
    const id = await begin(client);
    const parts = await upload(client, id);
    const end = () => client.send('POST', `${own}?uploadId=${id}`, list(...parts));
    const answers = [...(await Promise.all([end(), end()])), await end()];
    expect([answers.map(({ status }) => status), client.mount.report().requests.bucket]).toEqual([[200, 200, 200], 1]);
  });

  it('is nothing where it is given up', async () => {
    const client = mountOf();
    const id = await begin(client);
    const parts = await upload(client, id);
    expect((await client.delete(`${own}?uploadId=${id}`)).status).toBe(204);
    expect([codeOf(await client.send('POST', `${own}?uploadId=${id}`, list(...parts))), store.keys()]).toEqual(['NoSuchUpload', []]);
  });

  it.each([
    [
      'a part that did not come',
      'InvalidPart',
      [
        [1, undefined],
        [2, undefined],
        [3, '"0"'],
      ],
    ],
    [
      'a part that came as another',
      'InvalidPart',
      [
        [1, '"0"'],
        [2, undefined],
      ],
    ],
    [
      'parts in another order',
      'InvalidPartOrder',
      [
        [2, undefined],
        [1, undefined],
      ],
    ],
    ['no part', 'MalformedXML', []],
  ] as const)('is refused with %s', async (_, code, wanted) => {
    const client = mountOf();
    const id = await begin(client);
    const parts = new Map(await upload(client, id));
    const given = wanted.map(([number, etag]) => [number, etag ?? parts.get(number) ?? null] as const);
    expect([codeOf(await client.send('POST', `${own}?uploadId=${id}`, list(...given))), store.keys()]).toEqual([code, []]);
  });

  it('is refused where the whole is not a checkpoint', async () => {
    const client = mountOf();
    const id = await begin(client);
    const [first = [1, '']] = await upload(client, id);
    expect([(await client.send('POST', `${own}?uploadId=${id}`, list(first))).status, store.keys()]).toEqual([400, []]);
  });

  it('of a fenced mount is kept aside', async () => {
    const client = mountOf();
    client.mount.fence({ kind: 'lock-lost', message: 'the lock is gone' });
    const id = await begin(client);
    const parts = await upload(client, id);
    expect((await client.send('POST', `${own}?uploadId=${id}`, list(...parts))).status).toBe(403);
    expect(await readFile(client.mount.report().spool ?? '', 'utf8')).toBe(whole);
  });
});

describe('a body', () => {
  const body = checkpoint('new');
  const chunked = (text: string, trailers = ''): string =>
    `${text.slice(0, 10).length.toString(16)}\r\n${text.slice(0, 10)}\r\n${(text.length - 10).toString(16)};chunk-signature=ab\r\n${text.slice(10)}\r\n0\r\n${trailers}\r\n`;
  const chunkHeaders = { 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': String(body.length) };
  const refusedAs = async (sent: string, headers: Record<string, string>): Promise<(string | undefined)[]> => {
    const client = mountOf();
    const answer = await client.put(own, sent, headers);
    return [String(answer.status), codeOf(answer), ...store.keys()];
  };

  it.each([
    ['crc32', crc32Of(body)],
    // By another implementation.
    ['crc32c', crc32cOf(body)],
    ['sha1', createHash('sha1').update(body).digest('base64')],
    ['sha256', createHash('sha256').update(body).digest('base64')],
  ])('is compared with its %s', async (algorithm, sum) => {
    expect((await mountOf().put(own, body, { [`x-amz-checksum-${algorithm}`]: sum })).status).toBe(200);
    store.delete(own);
    expect(await refusedAs(body, { [`x-amz-checksum-${algorithm}`]: crc32Of('other') })).toEqual(['400', 'BadDigest']);
  });

  it('is compared with its Content-MD5', async () => {
    expect(await refusedAs(body, { 'content-md5': createHash('md5').update('other').digest('base64') })).toEqual(['400', 'BadDigest']);
  });

  it('is compared with the hash that S3’s signature has', async () => {
    const sha256 = createHash('sha256').update('other').digest('hex');
    expect(await refusedAs(body, { 'x-amz-content-sha256': sha256 })).toEqual(['400', 'XAmzContentSHA256Mismatch']);
  });

  it('with a sum that is not known here is refused', async () => {
    expect(await refusedAs(body, { 'x-amz-checksum-crc64nvme': 'AAAAAAAAAAA=' })).toEqual(['501', 'NotImplemented']);
  });

  it('is taken out of S3’s chunks', async () => {
    const headers = { ...chunkHeaders, 'x-amz-trailer': 'x-amz-checksum-crc32' };
    expect((await mountOf().put(own, chunked(body, `x-amz-checksum-crc32:${crc32Of(body)}\r\n`), headers)).status).toBe(200);
    expect(store.bodyOf(own)).toBe(body);
  });

  it.each([
    ['a wrong sum behind them', chunked(body, `x-amz-checksum-crc32:${crc32Of('other')}\r\n`), {}, 'BadDigest'],
    ['the announced sum missing', chunked(body), { 'x-amz-trailer': 'x-amz-checksum-crc32' }, 'MalformedTrailerError'],
    ['the last of them missing', chunked(body).slice(0, -20), {}, 'IncompleteBody'],
    ['another length than announced', chunked(`${body} `), {}, 'IncompleteBody'],
    ['a size that is none', `zz\r\n${body}`, {}, 'IncompleteBody'],
  ])('in chunks is refused with %s', async (_, sent, headers: Record<string, string>, code) => {
    expect(await refusedAs(sent, { ...chunkHeaders, ...headers })).toEqual(['400', code]);
  });

  it('that ends before its length is not written', async () => {
    const client = mountOf();
    const { port, pathname } = new URL(client.base);
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.end(`PUT ${pathname}/${own} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n${body}`);
      });
      socket.on('error', reject).on('close', () => resolve());
      socket.resume();
    });
    await expect.poll(() => client.mount.report().durable).toBe(false);
    expect([store.keys(), client.mount.report().requests.bucket]).toEqual([[], 0]);
  });
});

/** Bit by bit. */
function crc32cOf(text: string): string {
  let sum = 0xffffffffn;
  for (const byte of Buffer.from(text)) {
    sum ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1n ? (sum >> 1n) ^ 0x82f63b78n : sum >> 1n;
  }
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(Number(sum ^ 0xffffffffn));
  return bytes.toString('base64');
}

function crc32Of(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64');
}

describe('who may ask', () => {
  const hint = 'The specified bucket does not exist.';

  it('knows the name of the mount', async () => {
    const client = mountOf({ [stack]: checkpoint('old') });
    const wrong = client.base.replace(/[0-9a-f]{32}$/, randomBytes(16).toString('hex'));
    const asked = [
      [wrong, ''],
      [wrong, `/${own}`],
      [wrong, '?delete'],
      [new URL(client.base).origin, ''],
      [client.base.slice(0, -1), `/${own}`],
    ] as const;
    const answers = await Promise.all(asked.map(([base, path]) => send('POST', base, path, {})));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(
      new Set([expect.stringMatching(new RegExp(`^404 .*${hint}`, 's')) as string]),
    );
  });

  it('gets another name each time, of 128 bits', () => {
    const names = [mountOf(), mountOf()].map(({ mount }) => new URL(mount.url).host);
    expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(new Set(names).size).toBe(2);
  });

  it.each([
    ['a Host that is not loopback', { host: 'attacker.example' }],
    ['a Host that only begins so', { host: '127.0.0.1.attacker.example' }],
    ['an Origin', { origin: 'http://localhost' }],
    ['a Referer', { referer: 'http://localhost/' }],
    ['what a browser says of its fetch', { 'sec-fetch-mode': 'no-cors' }],
  ])('does not come with %s', async (_, headers: Record<string, string>) => {
    expect(await mountOf().send('GET', '.pulumi/meta.yaml', undefined, headers)).toMatchObject({
      status: 404,
      text: expect.stringContaining(hint) as string,
    });
  });
});

describe('a request that is not one of the engine’s', () => {
  it.each([
    ['GET', '?versions', 'GET on a bucket with versions'],
    ['GET', '?list-type=1', 'GET on a bucket with list-type'],
    ['POST', '?delete', 'POST on a bucket with delete'],
    ['PUT', `${own}?acl`, 'PUT on an object with acl'],
    ['GET', `${own}?versionId=1`, 'GET on an object with versionId'],
    ['OPTIONS', own, 'OPTIONS on an object'],
  ])('is answered by its name: %s %s', async (method, path, name) => {
    const answer = await mountOf().send(method, path);
    expect([answer.status, codeOf(answer)]).toEqual([501, 'NotImplemented']);
    expect(answer.text).toContain(`This front does not implement ${name}.`);
  });

  it.each([
    ['a key that is not UTF-8', 'GET', '%ff'],
    ['a key that is not percent-encoded', 'GET', '%zz'],
    ['a number of keys that is none', 'GET', '?list-type=2&max-keys=x'],
    ['a part number that is none', 'PUT', `${own}?partNumber=0&uploadId=x`],
  ])('is refused: %s', async (_, method, path) => {
    expect((await mountOf().send(method, path)).status).toBe(400);
  });

  it('has keys as they are, and resolves nothing in them', async () => {
    expect((await mountOf().send('GET', '.pulumi/stacks/../meta.yaml')).status).toBe(404);
  });

  it('finds keys with odd characters', async () => {
    expect((await mountOf().send('GET', '%2Epulumi%2Fmeta%2Eyaml')).status).toBe(200);
  });

  it('does not end the server: huge headers, half a request, and noise', async () => {
    const client = mountOf();
    const { port } = new URL(client.base);
    for (const noise of [`GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, 'GET / HT', '\u0000\u0001\r\n\r\n'])
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.end(noise));
        socket.on('error', () => undefined).on('close', () => resolve());
        socket.resume();
      });
    expect((await client.get('.pulumi/meta.yaml')).status).toBe(200);
  });

  it('does not hold the server open when it closes', async () => {
    const other = await openGateway(trusted);
    const { mount } = new Client(other.mount({ stack, checkpoints: new Map(), mode: { kind: 'overlay' } }));
    const endpoint = new URL(new URL(mount.url).searchParams.get('endpoint') ?? '');
    const socket = connect(Number(endpoint.port), '127.0.0.1');
    const gone = new Promise((resolve) => socket.on('error', resolve).on('close', resolve));
    await new Promise((resolve) => socket.on('connect', resolve));
    socket.write('GET / HTTP/1.1\r\n');
    await other.close();
    await gone;
  });
});

describe('a checkpoint that names what no program of Holdfast does', () => {
  const evilType = 'pulumi:providers:evilcorp';
  const evil = (of: string): string =>
    JSON.stringify({
      version: 3,
      checkpoint: { latest: { resources: [{ urn: urnOf(evilType, 'e', of), type: evilType, custom: true, id: 'e', inputs: {} }] } },
    });

  it.each([
    ['to write', (checkpoints: Readonly<Record<string, string>>) => mountOf(checkpoints)],
    ['for an overlay', (checkpoints: Readonly<Record<string, string>>) => mountOf(checkpoints, { kind: 'overlay' })],
  ])('is in no mount %s: the stack’s own one, or one that it reads', (_, mount) => {
    for (const of of [stack, upstream])
      expect(() => mount({ [stack]: checkpoint('own'), [of]: evil(of) })).toThrow(
        expect.objectContaining({ of, distrust: [expect.objectContaining({ reason: 'foreign-type', urn: urnOf(evilType, 'e', of) })] }),
      );
  });

  it('is not written by an engine that began with another one: it is kept aside, and the engine goes no further', async () => {
    const client = mountOf({ [stack]: checkpoint('own') });
    const answer = await client.put(own, evil(stack));
    expect([answer.status, store.bodyOf(own)]).toEqual([403, checkpoint('own')]);
    const report = await client.mount.close();
    expect(report).toMatchObject({ durable: false, fence: { kind: 'distrusted', message: expect.stringContaining(evilType) as string } });
    expect(await readFile(report.spool ?? '', 'utf8')).toBe(evil(stack));
  });

  it('is not written to an overlay either', async () => {
    const client = mountOf({ [stack]: checkpoint('own') }, { kind: 'overlay' });
    expect((await client.put(own, evil(stack))).status).toBe(403);
    expect(client.mount.report()).toMatchObject({ checkpoint: { body: checkpoint('own') }, fence: { kind: 'distrusted' } });
  });
});

describe('an overlay', () => {
  const overlay: MountMode = { kind: 'overlay' };

  it('keeps the engine’s writes to itself', async () => {
    const client = mountOf({ [stack]: checkpoint('old') }, overlay);
    await client.put(own, checkpoint('new'));
    expect([(await client.get(own)).text, store.bodyOf(own)]).toEqual([checkpoint('new'), checkpoint('old')]);
  });

  it('reports what it has come to', async () => {
    const client = mountOf({ [stack]: checkpoint('old') }, overlay);
    await client.put(own, checkpoint('new', [{ type: 'creating' }]));
    const expected: Partial<MountReport> = { intended: true, durable: true, requests: { engine: 1, bucket: 0 } };
    expect(await client.mount.close()).toMatchObject({ checkpoint: { body: checkpoint('new', [{ type: 'creating' }]) }, ...expected });
  });

  it('has no stack any more where it was removed', async () => {
    const client = mountOf({ [stack]: checkpoint('old') }, overlay);
    await client.delete(own);
    expect([client.mount.report().checkpoint, store.keys()]).toEqual([undefined, [own]]);
  });
});

describe('text in XML', () => {
  it('cannot be taken for markup', () => {
    expect(escapeXml(`<a b="c">&'`)).toBe('&lt;a b=&quot;c&quot;&gt;&amp;&apos;');
  });

  it('has no character that XML cannot carry', () => {
    expect(escapeXml('a\u0000b\ud800c\r\n\u{1f600}')).toBe('a?b?c&#13;\n\u{1f600}');
  });
});
