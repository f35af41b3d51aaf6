import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { quarantine } from '../../orchestrator/recovery/quarantine.ts';
import type { Quarantine, QuarantinedVersion, QuarantineRequest, ReadVersion } from '../../orchestrator/recovery/quarantine.ts';
import {
  checkpointKey,
  durableLockKey,
  lockFolder,
  quarantinePrefix,
  runEventKey,
  runPrefix,
  runsPrefix,
} from '../../orchestrator/state/layout.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';
import { stack } from './support/recovery.ts';

const network = 'example';
const run = 'r1';
const key = checkpointKey(stack);
const prefix = quarantinePrefix(network, run, stack);
const now = new Date('2030-01-10T12:00:00Z');
/** So many hours before the recovery. */
const ago = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

/** Writes it so many hours before. @returns its ETag */
function at(hours: number, body: string, under = key): string {
  store.modified = ago(hours);
  return store.set(under, body);
}
function removed(hours: number, under = key): void {
  store.modified = ago(hours);
  store.delete(under);
}

/** And what it told of the run on its way. */
type Copied = Quarantine & { readonly told: readonly ReadVersion[] };

const copy = async (different: Partial<QuarantineRequest> = {}): Promise<Copied> => {
  store.modified = now;
  const told: ReadVersion[] = [];
  const copied = await quarantine({
    store,
    network,
    stack,
    run,
    recovery: 'rec',
    lockedAt: ago(1),
    bucketNow: now,
    base: undefined,
    patienceSeconds: 0,
    copies: true,
    onCheckpoint: (version) => void told.push(version),
    onProgress: () => undefined,
    ...different,
  });
  return { ...copied, told };
};

/** What the copies say of one key, newest first, as they are in the bucket; `-` for a delete marker. */
const copiesOf = ({ versions }: Quarantine, of = key): string[] =>
  versions.filter((version) => version.key === of).map(({ copy: where }) => (where === null ? '-' : (store.bodyOf(where) ?? 'lost')));
const evidenceOf = ({ told }: Copied): (string | null)[] => told.map(({ body }) => body);
const manifestOf = (name = 'rec'): { since: string; journal: string; versions: QuarantinedVersion[] } =>
  JSON.parse(store.bodyOf(`${prefix}manifest-${name}.json`) ?? '{}') as { since: string; journal: string; versions: QuarantinedVersion[] };

describe('what is copied of a checkpoint', () => {
  it('is every version of the last 24 hours, and the one that was current before them', async () => {
    for (const hours of [72, 48, 30, 24, 23, 2, 1]) at(hours, `${hours} h`);
    expect(copiesOf(await copy())).toEqual(['1 h', '2 h', '23 h', '24 h', '30 h']);
  });

  it('is every version since a run took its lock that began before that, and the one that was current then', async () => {
    for (const hours of [72, 48, 40, 30, 1]) at(hours, `${hours} h`);
    expect(copiesOf(await copy({ lockedAt: ago(45) }))).toEqual(['1 h', '30 h', '40 h', '48 h']);
  });

  it('is all that there is where it is younger than that', async () => {
    for (const hours of [3, 2]) at(hours, `${hours} h`);
    expect(copiesOf(await copy())).toEqual(['2 h', '3 h']);
  });

  it('is of a removal that it stood there', async () => {
    at(3, 'before');
    removed(2);
    at(1, 'after');
    const copied = await copy();
    expect(copiesOf(copied)).toEqual(['after', '-', 'before']);
    expect(
      copied.versions.map(({ deleteMarker, etag, copy: where, bytes, sha256, latest }) => [
        deleteMarker,
        etag === null,
        where === null,
        bytes,
        sha256 === null,
        latest,
      ]),
    ).toEqual([
      [false, false, false, 5, false, true],
      [true, true, true, null, true, false],
      [false, false, false, 6, false, false],
    ]);
  });

  it('is each of several versions of one second, in their order', async () => {
    for (const n of [1, 2, 3, 4]) at(1, `write ${n}`);
    const copied = await copy();
    expect(copiesOf(copied)).toEqual(['write 4', 'write 3', 'write 2', 'write 1']);
    expect(evidenceOf(copied)).toEqual(['write 1', 'write 2', 'write 3', 'write 4']);
  });

  it('is each of several versions of the same content', async () => {
    store.etags = 'of-content';
    at(3, 'same');
    at(2, 'other');
    at(1, 'same');
    expect(copiesOf(await copy())).toEqual(['same', 'other', 'same']);
  });

  it.each(['.bak', '.gz', '.zst'])('is beside it what the engine keeps as %s', async (ending) => {
    at(1, 'beside', `${key}${ending}`);
    expect(copiesOf(await copy(), `${key}${ending}`)).toEqual(['beside']);
  });

  it('is nothing of another stack', async () => {
    at(1, 'theirs', checkpointKey('example.vpc.b'));
    at(1, 'longer', checkpointKey(`${stack}b`));
    expect((await copy()).versions).toEqual([]);
  });
});

describe('what is copied beside it', () => {
  it('is every version of the stack’s locks, whose ever they are', async () => {
    at(2, 'the run', durableLockKey(stack));
    at(1, 'plain pulumi', `${lockFolder(stack)}1f.json`);
    removed(0.5, `${lockFolder(stack)}1f.json`);
    at(0, 'the recovery', durableLockKey(stack));
    const copied = await copy();
    expect(copiesOf(copied, durableLockKey(stack))).toEqual(['the recovery', 'the run']);
    expect(copiesOf(copied, `${lockFolder(stack)}1f.json`)).toEqual(['-', 'plain pulumi']);
  });

  it('is the lock of a run that began days ago', async () => {
    at(100, 'an older run', durableLockKey(stack));
    removed(90, durableLockKey(stack));
    at(70, 'the run', durableLockKey(stack));
    at(0, 'the recovery', durableLockKey(stack));
    // It wrote down that it had its lock after it had it.
    expect(copiesOf(await copy({ lockedAt: ago(69.999) }), durableLockKey(stack))).toEqual(['the recovery', 'the run']);
  });

  it('is nothing of the journal, which is written once: the manifest says where it is, whatever its length', async () => {
    for (let n = 0; n < 50; n += 1) at(200, 'ours', runEventKey(network, run, 'w', n, 'held'));
    at(1, 'one');
    const asked = new HookedStore(store);
    const keys: string[] = [];
    asked.before = ({ key: of }) => void keys.push(of);
    const copied = await copy({ store: asked });
    expect(copied.versions.map((version) => version.key)).toEqual([key]);
    expect(keys.filter((of) => of.startsWith(runsPrefix(network)))).toEqual([]);
    expect(manifestOf().journal).toBe(runPrefix(network, run));
  });

  it('is a manifest of all of it, of this recovery alone', async () => {
    at(2, 'one');
    const copied = await copy();
    expect(copied.manifest).toBe(`${prefix}manifest-rec.json`);
    expect(manifestOf()).toMatchObject({ network, stack, run, recovery: 'rec', since: ago(24).toISOString(), versions: copied.versions });
  });
});

describe('a copy', () => {
  it('is under the quarantine of the run and the stack, by its key and its version', async () => {
    at(1, 'one');
    const [version] = (await copy()).versions;
    expect(version?.copy).toBe(`${prefix}${key}/${encodeURIComponent(version?.version ?? '')}`);
  });

  it('is byte for byte what is there, whatever it is', async () => {
    at(1, 'placeholder');
    const bytes = Buffer.from([0xff, 0x00, 0xfe, 0x0a, 0xc3, 0x28]);
    const written = new Map<string, string | Uint8Array>();
    const raw = new HookedStore(store);
    const [read, put] = [raw.getVersion.bind(raw), raw.put.bind(raw)];
    raw.getVersion = async (of, version) => ((await read(of, version)) ? bytes : undefined);
    raw.put = (of, body, condition, write) => {
      written.set(of, body);
      return put(of, body, condition, write);
    };
    const [version] = (await copy({ store: raw })).versions;
    expect(written.get(version?.copy ?? '')).toEqual(bytes);
    expect(version).toMatchObject({ bytes: 6, sha256: createHash('sha256').update(bytes).digest('hex') });
  });

  it('is never written over: a second recovery adds what is new, and a manifest of its own', async () => {
    at(2, 'one');
    const first = await copy();
    const kept = new Map(store.keys().map((each) => [each, store.bodyOf(each)]));
    const puts = store.keys().length;
    at(0.5, 'two');
    store.modified = now;
    const second = await copy({ recovery: 'rec-2' });
    expect(copiesOf(second)).toEqual(['two', 'one']);
    for (const [each, body] of kept) if (each.startsWith(prefix)) expect(store.bodyOf(each), each).toBe(body);
    expect((await store.versions(prefix)).length).toBe(puts - 1 + 2);
    expect(first.manifest).not.toBe(second.manifest);
  });

  it('is made again by a recovery that goes on where it was killed', async () => {
    for (let n = 0; n < 20; n += 1) at(1, `write ${n}`);
    const dying = new HookedStore(store);
    let copies = 0;
    dying.before = ({ op }) => {
      if (op === 'put' && (copies += 1) > 11) throw new Error('ECONNRESET');
    };
    await expect(copy({ store: dying })).rejects.toThrow('ECONNRESET');
    expect(store.keys().some((each) => each.includes('manifest'))).toBe(false);
    const before = store.keys().length;
    expect(copiesOf(await copy())).toHaveLength(20);
    expect(store.keys().length).toBe(before + 20 - (before - 1) + 1);
  });

  it('is none in a rehearsal, which tells the same', async () => {
    at(2, 'one');
    at(1, 'two');
    const before = store.keys();
    const rehearsed = await copy({ copies: false });
    expect(store.keys()).toEqual(before);
    expect(rehearsed).toEqual(await copy());
  });
});

describe('the versions that tell what the run did', () => {
  it('begin with the one that it began from', async () => {
    at(5, 'older');
    const base = at(2, 'base');
    at(1, 'intent');
    at(0.5, 'result');
    expect(evidenceOf(await copy({ base, lockedAt: ago(1.5) }))).toEqual(['base', 'intent', 'result']);
  });

  it('are the base alone where it wrote nothing', async () => {
    const base = at(2, 'base');
    expect(evidenceOf(await copy({ base, lockedAt: ago(1) }))).toEqual(['base']);
  });

  it('begin with the same content that stood when it took its lock, where that was there more than once', async () => {
    store.etags = 'of-content';
    const base = at(6, 'same');
    at(5, 'other run');
    at(4, 'same');
    at(1, 'intent');
    at(0.5, 'same');
    const copied = await copy({ base, lockedAt: ago(2) });
    expect(evidenceOf(copied)).toEqual(['same', 'intent', 'same']);
  });

  it('begin with the oldest of the same content where none was there before, by a clock that is behind', async () => {
    store.etags = 'of-content';
    const base = at(2, 'same');
    at(1, 'intent');
    at(0.5, 'same');
    expect(evidenceOf(await copy({ base, lockedAt: ago(3) }))).toEqual(['same', 'intent', 'same']);
  });

  it('are all where the run began from one that is gone, which is told', async () => {
    at(2, 'one');
    at(1, 'two');
    const copied = await copy({ base: '"gone"' });
    expect([evidenceOf(copied), copied.baseIsGone]).toEqual([['one', 'two'], true]);
  });

  it('are all that are left where a lifecycle rule has taken the base', async () => {
    const base = at(30, 'base');
    at(1, 'two');
    store.forgetVersions(({ etag }) => etag === base);
    const copied = await copy({ base, lockedAt: ago(2) });
    expect([evidenceOf(copied), copied.baseIsGone]).toEqual([['two'], true]);
  });

  it('are those since the last removal where the run began with none', async () => {
    at(9, 'earlier life');
    removed(8);
    at(1, 'intent');
    const copied = await copy({ base: null, lockedAt: ago(2) });
    expect([evidenceOf(copied), copied.baseIsGone]).toEqual([['intent'], false]);
  });

  it('are all where the run began with none, and there never was one before', async () => {
    at(1, 'intent');
    removed(0.5);
    expect(evidenceOf(await copy({ base: null, lockedAt: ago(2) }))).toEqual(['intent', null]);
  });

  it('are none where there never was one', async () => {
    expect(evidenceOf(await copy({ base: null }))).toEqual([]);
  });

  it('are those since it took its lock, and the one before, where nobody wrote down what it began from', async () => {
    at(5, 'older');
    at(3, 'base');
    at(1, 'intent');
    const copied = await copy({ base: undefined, lockedAt: ago(2) });
    expect([evidenceOf(copied), copied.baseIsGone]).toEqual([['base', 'intent'], false]);
  });

  it('have a removal as one of them', async () => {
    const base = at(3, 'base');
    removed(1);
    const copied = await copy({ base, lockedAt: ago(2) });
    expect(copied.told.map(({ etag, body }) => [etag, body])).toEqual([
      [base, 'base'],
      [null, null],
    ]);
  });

  it.each([
    ['ahead', -0.25],
    ['behind', 0.25],
  ])('are all copied, and read, where the clock of a run of days ago is %s', async (_, hours) => {
    const base = at(50, 'base');
    at(49.9, 'intent');
    at(49.8, 'result');
    at(49.7, 'another intent');
    const copied = await copy({ base, lockedAt: ago(49.95 + hours) });
    expect(evidenceOf(copied)).toEqual(['base', 'intent', 'result', 'another intent']);
    expect(copiesOf(copied)).toEqual(['another intent', 'result', 'intent', 'base']);
  });

  it('are all copied, and read, where its base is gone and older ones are left', async () => {
    for (const hours of [100, 90, 80, 1]) at(hours, `${hours} h`);
    expect(evidenceOf(await copy({ base: '"gone"' }))).toEqual(['100 h', '90 h', '80 h', '1 h']);
  });
});

it('no more versions are held at once than are copied at once, however many tell what the run did', async () => {
  const base = at(2, 'base');
  for (let n = 0; n < 200; n += 1) at(1, `write ${n}`);
  const counting = new HookedStore(store);
  let read = 0;
  let told = 0;
  let most = 0;
  counting.before = ({ op }) => {
    if (op === 'get-version') most = Math.max(most, (read += 1) - told);
  };
  await copy({ store: counting, base, lockedAt: ago(1.5), onCheckpoint: () => void (told += 1) });
  expect([told, most]).toEqual([201, 8]);
});

it('a bucket that fails once is asked again', async () => {
  at(1, 'one');
  const failing = new HookedStore(store);
  failing.before = ({ number }) => {
    if (number === 2) throw new Error('ECONNRESET');
  };
  expect(copiesOf(await copy({ store: failing, patienceSeconds: 5 }))).toEqual(['one']);
});
