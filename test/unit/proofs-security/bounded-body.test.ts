import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../../orchestrator/aws/bucket.ts';
import { ObjectTooLarge, TooManyObjects } from '../../../orchestrator/state/object-store.ts';
import { listLocks } from '../../../orchestrator/locks/durable-locks.ts';
import { durableLockKey, lockFolder, locksPrefix } from '../../../orchestrator/state/layout.ts';
import { readListed } from '../../../orchestrator/state/bounded.ts';
import { ModelS3 } from '../support/model-s3.ts';

/** S12: an object was taken into memory whatever its size, and a listing whatever its length. */
describe('an object in the bucket', () => {
  const filled = (bytes: number): Bucket => {
    const s3 = new ModelS3();
    s3.set('k', 'x'.repeat(bytes));
    return new Bucket(s3.client(1), 'state');
  };

  it('is read where it has as many bytes as may be read', async () => {
    expect((await filled(1000).get('k', 1000))?.body.length).toBe(1000);
  });

  it('is not read where it has grown beyond that since it was listed', async () => {
    await expect(filled(1001).get('k', 1000)).rejects.toThrow(ObjectTooLarge);
    await expect(filled(1001).get('k', 1000)).rejects.toMatchObject({ bytes: 1001, etag: expect.stringMatching(/^".+"$/) as string });
  });

  it('is told to be too large by the reader of its kind, also where its listing said less', async () => {
    expect(await readListed(filled(70_000), { key: 'k', size: 2 }, 'lock')).toMatchObject({ kind: 'too-large', why: /70000 bytes/ });
  });
});

describe('an object whose length is a lie', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  it('is given up when more has come than may be read, and no more of it is taken', async () => {
    let sent = 0;
    let isOver = false;
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('close', () => (isOver = true));
      const more = (): void => {
        if (isOver || sent > 100_000_000) return;
        sent += 10_000;
        if (socket.write(`2710\r\n${'x'.repeat(10_000)}\r\n`)) setImmediate(more);
        else socket.once('drain', more);
      };
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\netag: "1"\r\n\r\n');
        more();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const s3 = new S3Client({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'eu-west-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    await expect(new Bucket(s3, 'state').get('k', 100_000)).rejects.toThrow(ObjectTooLarge);
    s3.destroy();
    expect(sent).toBeLessThan(50_000_000);
  });
});

describe('a listing', () => {
  it('of more rows than are kept says that there are too many, and where, and asks for no further page', async () => {
    const s3 = new ModelS3(10);
    for (let number = 0; number < 100; number += 1) s3.set(`p/${String(number).padStart(3, '0')}`, '');
    let requests = 0;
    s3.before = () => {
      requests += 1;
      return undefined;
    };
    const bucket = new Bucket(s3.client(1), 'state', undefined, 30);
    await expect(bucket.list('p/')).rejects.toThrow(TooManyObjects);
    expect(requests).toBe(4);
    await expect(bucket.list('p/')).rejects.toThrow(/p\/ lie more than 30 objects/);
    expect(await new Bucket(s3.client(1), 'state', undefined, 100).list('p/')).toHaveLength(100);
  });

  it('of lock folders asks once for each that was filled, and has what is in all of them, and the own lock', async () => {
    const s3 = new ModelS3(1000);
    for (let number = 0; number < 5000; number += 1) {
      s3.set(`${lockFolder('example.b')}${String(number).padStart(5, '0')}.json`, '');
      s3.set(`${lockFolder('example.c')}deeper/${String(number).padStart(5, '0')}/x.json`, '');
    }
    const others = [
      'example.a',
      'example.b',
      'example.b.x',
      'example.b-x',
      'example.b0',
      'example.b5',
      'example.bb',
      'example.c',
      'example.d',
    ].map(durableLockKey);
    for (const key of others) s3.set(key, '');
    let requests = 0;
    s3.before = () => {
      requests += 1;
      return undefined;
    };
    const { objects, cut } = await listLocks(new Bucket(s3.client(1), 'state'), locksPrefix('example'));
    expect([...cut]).toEqual(['example.b', 'example.c']);
    expect(others.filter((key) => !objects.some((object) => object.key === key))).toEqual([]);
    expect(new Set(objects.map(({ key }) => key)).size).toBe(objects.length);
    expect(requests).toBeLessThanOrEqual(5);
  });

  it('of more folders than are kept says so as well', async () => {
    const s3 = new ModelS3(10);
    for (let number = 0; number < 100; number += 1) s3.set(`p/${number}/x`, '');
    await expect(new Bucket(s3.client(1), 'state', undefined, 30).folders('p/')).rejects.toThrow(TooManyObjects);
  });

  it('that is given up asks for no further page', async () => {
    const s3 = new ModelS3(1);
    for (let number = 0; number < 100; number += 1) s3.set(`p/${number}`, '');
    const stop = new AbortController();
    let requests = 0;
    s3.before = () => {
      if ((requests += 1) === 3) stop.abort();
      return undefined;
    };
    await expect(new Bucket(s3.client(1), 'state').list('p/', stop.signal)).rejects.toThrow(/abort/i);
    expect(requests).toBeLessThan(5);
  });
});
