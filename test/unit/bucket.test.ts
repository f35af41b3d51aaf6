import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { projectLock } from '../../orchestrator/locks/durable-locks.ts';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import { claimStack } from '../../orchestrator/ownership/claim.ts';
import { durableLockKey, recordKey } from '../../orchestrator/state/layout.ts';
import { MemoryStore } from './support/memory-store.ts';
import { ModelS3 } from './support/model-s3.ts';
import { lockOf } from './support/owner.ts';
import { quickPatience } from './support/quick-patience.ts';
import { ownedRecord } from './support/records.ts';

const stack = 'example.vpc.a';

describe('a bucket that does not keep to the protocol', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  /** Answers every request with these bytes, and hangs up. */
  async function bucketThatSends(bytes: string): Promise<Bucket> {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(bytes));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const s3 = new S3Client({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'eu-west-1',
      forcePathStyle: true,
      credentials,
      maxAttempts: 1,
    });
    return new Bucket(s3, 'state');
  }

  it('with an object that ends in the middle is an error, and never half a checkpoint', async () => {
    const bucket = await bucketThatSends('HTTP/1.1 200 OK\r\ncontent-length: 100\r\netag: "1"\r\n\r\n{"version":3');
    await expect(bucket.get('key')).rejects.toThrow(/aborted|ended|premature|terminated/i);
  });

  it('with an answer that is no S3 is an error', async () => {
    const bucket = await bucketThatSends('HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\nnope');
    await expect(bucket.list('prefix/')).rejects.toThrow();
  });

  it('and writes over a lock that is there does not let two owners in', async () => {
    const store = new MemoryStore();
    const other = writeLock(lockOf(stack, 'two'));
    store.afterPut = (key) => {
      // The other one's put if absent, which the bucket lets through.
      if (key === durableLockKey(stack)) store.set(key, other);
      return Promise.resolve();
    };
    const taking = await projectLock(store, 'example', lockOf(stack, 'one'), { patience: quickPatience(2) });
    expect(taking).toMatchObject({ ok: false, heldBy: [{ content: { record: { run: 'two' } } }] });
    expect(store.bodyOf(durableLockKey(stack))).toBe(other);
  });

  it('and writes over a claim that is there does not let both owners start an engine', async () => {
    const store = new MemoryStore();
    const other = JSON.stringify(ownedRecord(stack, 'claimed', { owner: lockOf(stack, 'two') }));
    store.afterPut = (key) => {
      // The other one's put if absent, which the bucket lets through.
      if (key === recordKey(stack)) store.set(key, other);
      return Promise.resolve();
    };
    const claiming = await claimStack(lockOf(stack, 'one'), stack, { store, network: 'example', patience: quickPatience(2), now: () => 0 });
    if (!claiming.ok) throw new Error(`expected the stack to be claimed: ${claiming.reason}`);
    const { as, write, isMine } = claiming.claim;
    expect(await isMine()).toBe(false);
    const session = { accessKeyId: 'AKIATEST', session: 's', expires: 'never' };
    expect(await write({ type: 'start', as, operation: 'up', base: null, session })).toMatchObject({ ok: false, refusal: 'not-owner' });
    expect(store.bodyOf(recordKey(stack))).toBe(other);
  });
});

describe('a write whose condition does not hold', () => {
  const bucketOf = (s3: ModelS3): Bucket => new Bucket(s3.client(1), 'state');

  it('is not done where it was to replace an object that is gone, which S3 answers with 404', async () => {
    expect(await bucketOf(new ModelS3()).put('key', 'new', { only: 'if-matches', etag: '"seen"' })).toEqual({ done: false });
  });

  it('is an error where S3 had a conflicting write under way, and the condition still holds', async () => {
    const s3 = new ModelS3();
    s3.set('key', 'old');
    const etag = s3.objects.get('key')?.etag ?? '';
    let requests = 0;
    s3.before = () => ((requests += 1) % 2 === 1 ? 'conflict' : undefined);
    const bucket = bucketOf(s3);
    await expect(bucket.put('key', 'new', { only: 'if-matches', etag })).rejects.toThrow('ConditionalRequestConflict');
    await expect(bucket.put('other', 'new', { only: 'if-absent' })).rejects.toThrow('ConditionalRequestConflict');
    await expect(bucket.remove('key', etag)).rejects.toThrow('ConditionalRequestConflict');
  });

  it('is not done where S3 had a conflicting write under way, and that one is there', async () => {
    const s3 = new ModelS3();
    s3.before = () => {
      s3.before = () => undefined;
      s3.set('key', 'theirs');
      return 'conflict';
    };
    expect(await bucketOf(s3).put('key', 'mine', { only: 'if-absent' })).toEqual({ done: false });
  });

  it('is an error where there is no bucket', async () => {
    const s3 = new ModelS3();
    s3.before = () => 'no-bucket';
    await expect(bucketOf(s3).put('key', 'new', { only: 'if-matches', etag: '"seen"' })).rejects.toThrow('NoSuchBucket');
    await expect(bucketOf(s3).remove('key', '"seen"')).rejects.toThrow('NoSuchBucket');
  });
});

describe('the time of the last answer', () => {
  const s3 = new ModelS3();
  const bucket = new Bucket(s3.client(1), 'state');
  const ask = async (date: string | undefined): Promise<number | undefined> => {
    s3.date = date;
    await bucket.get('key');
    return bucket.answeredAt;
  };

  it('is what S3 says, also where it found nothing; it is kept where an answer bears none, and never goes back', async () => {
    expect(bucket.answeredAt).toBeUndefined();
    const [first, second] = ['Tue, 01 Jan 2030 00:00:07 GMT', 'Tue, 01 Jan 2030 00:00:09 GMT'];
    expect([await ask(first), await ask(undefined), await ask(second), await ask('yesterday'), await ask(first)]).toEqual(
      [first, first, second, second, second].map((date) => Date.parse(date)),
    );
  });
});

describe('versions', () => {
  const at = (seconds: number): Date => new Date(Date.parse('2030-01-01T00:00:00Z') + seconds * 1000);
  const version = (VersionId: string, seconds: number, IsLatest = false, Key = 'k') => ({
    Key,
    VersionId,
    ETag: VersionId,
    LastModified: at(seconds),
    IsLatest,
  });
  const marker = (VersionId: string, seconds: number, IsLatest = false) => ({ Key: 'k', VersionId, LastModified: at(seconds), IsLatest });
  const ordered = async (Versions: object[], DeleteMarkers: object[] = []): Promise<string[]> => {
    const s3 = { middlewareStack: { add: () => undefined }, send: () => Promise.resolve({ Versions, DeleteMarkers }) };
    return (await new Bucket(s3 as never, 'b').versions('k')).map((each) => each.version);
  };

  it.each([
    ['keep S3’s order, whatever the clocks of its hosts say', [version('c', 4, true), version('b', 6), version('a', 5)], [], 'c b a'],
    ['have the markers between them by their time', [version('c', 9, true), version('a', 1)], [marker('b', 5)], 'c b a'],
    [
      'begin with a marker that is the latest, whatever its clock says',
      [version('b', 5), version('a', 1)],
      [marker('c', 4, true)],
      'c b a',
    ],
    ['begin with the latest where a marker is of the same second', [version('b', 5, true)], [marker('a', 5)], 'b a'],
    [
      'have their markers behind them where those are older',
      [version('d', 9, true), version('c', 8)],
      [marker('b', 5), marker('a', 3)],
      'd c b a',
    ],
    ['are by key', [version('k2', 9, true, 'k/2'), version('k1', 1, true, 'k/1')], [], 'k1 k2'],
  ])('%s', async (_, versions, markers, order) => {
    expect((await ordered(versions, markers)).join(' ')).toBe(order);
  });
});

describe('a bucket of an account', () => {
  it('says with every request whose it is to be', async () => {
    const inputs: Record<string, unknown>[] = [];
    const s3 = new S3Client({ region: 'eu-west-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
    s3.middlewareStack.add(
      () => (args) => {
        inputs.push(args.input as Record<string, unknown>);
        // An answer that has nothing in it.
        return Promise.resolve({ output: { $metadata: {} }, response: {} } as never);
      },
      { step: 'initialize' },
    );
    const bucket = new Bucket(s3, 'state', '111122223333');
    await bucket.list('a/');
    await bucket.folders('a/');
    await bucket.versions('a/');
    await bucket.get('a');
    await bucket.getVersion('a', '1');
    await bucket.put('a', 'body', { only: 'if-absent' });
    await bucket.remove('a', '"1"');
    expect(inputs).toHaveLength(7);
    for (const input of inputs) expect(input).toMatchObject({ Bucket: 'state', ExpectedBucketOwner: '111122223333' });
    s3.destroy();
  });
});
