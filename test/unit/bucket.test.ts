import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { takeLock } from '../../orchestrator/locks/durable-locks.ts';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { MemoryStore } from './support/memory-store.ts';
import { lockOf } from './support/owner.ts';

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
    const taking = await takeLock(store, 'example', lockOf(stack, 'one'));
    expect(taking).toMatchObject({ ok: false, heldBy: [{ content: { record: { run: 'two' } } }] });
    expect(store.bodyOf(durableLockKey(stack))).toBe(other);
  });
});
