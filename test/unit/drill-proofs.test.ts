import { describe, expect, it } from 'vitest';
import type { LabCall } from '../../lab/control.ts';
import { ExpectationFailed } from '../../lab/drills/drill.ts';
import { changesOf } from '../../lab/drills/object-history.ts';
import type { Watched } from '../../lab/drills/object-history.ts';
import { lockStood, quarantineIsComplete } from '../../lab/drills/proofs.ts';
import type { RecoveredStack } from '../../lab/drills/proofs.ts';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { Dossier } from '../../orchestrator/recovery/dossier.ts';
import { checkpointKey, durableLockKey } from '../../orchestrator/state/layout.ts';
import { MemoryStore } from './support/memory-store.ts';
import { lockOf } from './support/owner.ts';

const stack = 'example.vpc.one';
const lockKey = durableLockKey(stack);
const stateKey = checkpointKey(stack);
const manifest = '.holdfast/quarantine/manifest.json';

/** A bucket in which everything happens in the same second, behind a proxy that writes down every call. */
class WatchedBucket implements Watched {
  readonly bucket = new MemoryStore();
  readonly #calls: LabCall[] = [];
  readonly control = { calls: () => Promise.resolve(this.#calls) };

  put(key: string, body: string): string {
    this.call('PutObject', key);
    return this.bucket.set(key, body);
  }

  delete(key: string): void {
    this.call('DeleteObject', key);
    this.bucket.delete(key);
  }

  call(action: string, key: string, status = 200): void {
    const seq = this.#calls.length + 1;
    this.#calls.push({
      seq,
      service: 's3',
      action,
      mutating: true,
      accessKeyId: null,
      userAgent: null,
      params: {},
      key,
      status,
      errorCode: null,
      sessionName: null,
      resourceIds: [],
    });
  }

  lock(run: string, epoch = 1): void {
    this.put(lockKey, writeLock(lockOf(stack, run, { epoch })));
  }
}

const recovered = (promoted: string): RecoveredStack => ({
  stack,
  short: 'vpc.one',
  run: 'died',
  dossier: { promoted, quarantine: { prefix: '.holdfast/quarantine/', manifest, versions: 0 } } as unknown as Dossier,
});

describe('the changes of an object', () => {
  it('come in the order of the calls, where all are of the same second', async () => {
    const watched = new WatchedBucket();
    watched.put(lockKey, '1');
    watched.delete(lockKey);
    watched.put(lockKey, '2');
    expect((await changesOf(watched, lockKey)).map(({ kind, version, order }) => [kind, version, order])).toEqual([
      ['put', 'v1', 1],
      ['delete', 'v2', 2],
      ['put', 'v3', 3],
    ]);
  });

  it('leave out what was refused, and what is of another object', async () => {
    const watched = new WatchedBucket();
    watched.call('PutObject', lockKey, 412);
    watched.put(`${lockKey}.bak`, '1');
    watched.put(lockKey, '2');
    expect((await changesOf(watched, lockKey)).map(({ order }) => order)).toEqual([3]);
  });

  it('are not told where the bucket does not have what the proxy saw', async () => {
    const watched = new WatchedBucket();
    watched.put(lockKey, '1');
    watched.bucket.forgetVersions(() => true);
    await expect(changesOf(watched, lockKey)).rejects.toThrow('1 calls, 0 versions');
  });

  it('are not told where the bucket has what the proxy did not see', async () => {
    const watched = new WatchedBucket();
    watched.bucket.set(lockKey, '1');
    watched.put(lockKey, '2');
    await expect(changesOf(watched, lockKey)).rejects.toThrow('1 calls, 2 versions');
  });

  it('begin with what was there, of the order 0, where the proxy began to count after it', async () => {
    const watched = new WatchedBucket();
    watched.bucket.set(lockKey, '1');
    watched.put(lockKey, '2');
    watched.delete(lockKey);
    const changes = await changesOf({ bucket: watched.bucket, control: watched.control, countedLate: true }, lockKey);
    expect(changes.map(({ kind, version, order }) => [kind, version, order])).toEqual([
      ['put', 'v1', 0],
      ['put', 'v2', 1],
      ['delete', 'v3', 2],
    ]);
  });
});

describe('that the lock stood until after the promoted checkpoint', () => {
  async function proved(play: (watched: WatchedBucket) => string): Promise<object> {
    const watched = new WatchedBucket();
    watched.lock('before');
    watched.delete(lockKey);
    return lockStood(watched, recovered(play(watched)));
  }
  const promote = (watched: WatchedBucket): string => watched.put(stateKey, 'promoted');

  it('is shown by one that is taken over, and removed after it', async () => {
    const proof = await proved((watched) => {
      watched.put(stateKey, 'of the run');
      watched.lock('died');
      watched.lock('died', 2);
      const etag = promote(watched);
      watched.delete(lockKey);
      watched.lock('later');
      return etag;
    });
    expect(proof).toMatchObject({ said: expect.stringContaining('2 versions and no delete marker') as string });
  });

  it.each<[string, string, (watched: WatchedBucket) => string]>([
    [
      'by one that went just before it',
      'it was removed at',
      (watched) => {
        watched.lock('died');
        watched.delete(lockKey);
        return promote(watched);
      },
    ],
    [
      'by one that was away and was put back',
      'it was removed at',
      (watched) => {
        watched.lock('died');
        watched.delete(lockKey);
        watched.lock('died');
        const etag = promote(watched);
        watched.delete(lockKey);
        return etag;
      },
    ],
    [
      "where somebody else's stood meanwhile",
      'up of run stranger',
      (watched) => {
        watched.lock('died');
        watched.lock('stranger');
        const etag = promote(watched);
        watched.delete(lockKey);
        return etag;
      },
    ],
    [
      'where it still stands',
      'it was never removed',
      (watched) => {
        watched.lock('died');
        return promote(watched);
      },
    ],
    [
      'where the run had none',
      'none of them by that run',
      (watched) => {
        watched.lock('other');
        const etag = promote(watched);
        watched.delete(lockKey);
        return etag;
      },
    ],
    [
      'where no checkpoint was promoted',
      'none with ETag "nothing"',
      (watched) => {
        watched.lock('died');
        watched.delete(lockKey);
        return '"nothing"';
      },
    ],
  ])('is not shown %s', async (_, seen, play) => {
    const failed: unknown = await proved(play).catch((cause: unknown) => cause);
    expect(failed).toBeInstanceOf(ExpectationFailed);
    expect((failed as ExpectationFailed).seen).toContain(seen);
  });
});

describe('that a quarantine is complete', () => {
  /** The state in two versions and the lock in one; their copies as they are changed. */
  async function proved(change: (copies: { key: string; version: string; copy: string; text: string }[]) => void): Promise<object> {
    const watched = new WatchedBucket();
    watched.put(stateKey, 'first');
    watched.put(stateKey, 'second');
    watched.put(lockKey, 'lock');
    const copies = [
      { key: stateKey, version: 'v1', copy: 'copies/v1', text: 'first' },
      { key: stateKey, version: 'v2', copy: 'copies/v2', text: 'second' },
      { key: lockKey, version: 'v3', copy: 'copies/v3', text: 'lock' },
    ];
    change(copies);
    for (const { copy, text } of copies) watched.put(copy, text);
    watched.put(manifest, JSON.stringify({ versions: copies }));
    watched.put(stateKey, 'what the recovery wrote');
    return quarantineIsComplete(watched, recovered(''));
  }

  it('is shown by a copy of each version from before it', async () => {
    expect(await proved(() => undefined)).toMatchObject({ shown: { compared: 3 } });
  });

  it('is not shown where a version is left out', async () => {
    await expect(proved((copies) => copies.shift())).rejects.toThrow(`version v1 of ${stateKey} is in the manifest`);
  });

  it('is not shown where a copy is another text', async () => {
    await expect(proved(([first]) => first && (first.text = 'firsT'))).rejects.toThrow('the copy is another text');
  });
});
