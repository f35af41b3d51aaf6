import { describe, expect, it } from 'vitest';
import { Bucket } from '../../../orchestrator/aws/bucket.ts';
import type { ObjectStore, PutCondition } from '../../../orchestrator/state/object-store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { ModelS3 } from '../support/model-s3.ts';
import type { RequestFault } from '../support/model-s3.ts';
import { fc, times } from '../support/property.ts';
import { bucketClient, BucketModel } from '../../simulation/bucket-model.ts';
import { World } from '../../simulation/world.ts';

const key = fc.constantFrom('a', 'a/b', 'a/c/d', 'b/', 'b/x.json');
const body = fc.constantFrom('one', 'two', 'ü');
/** Of which object the ETag is: the one that stands at the key, one of another content, or one that never was. */
const seen = fc.constantFrom('now', 'one', 'never');
const condition = fc.oneof(
  fc.constant({ only: 'always' } as const),
  fc.constant({ only: 'if-absent' } as const),
  seen.map((of) => ({ only: 'if-matches', of }) as const),
);

type Call =
  | {
      readonly op: 'put';
      readonly key: string;
      readonly body: string;
      readonly condition: typeof condition extends fc.Arbitrary<infer C> ? C : never;
    }
  | { readonly op: 'remove'; readonly key: string; readonly of: string }
  | { readonly op: 'get' | 'list' | 'folders'; readonly key: string }
  | { readonly op: 'again'; readonly key: string };

const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('put' as const), key, body, condition }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('remove' as const), key, of: seen }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('get', 'list', 'folders'), key }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('again' as const), key }) },
);

/** Plays the calls, and says what each came to. Each put has an id of its own; `again` repeats the last one, as after a lost reply. */
async function play(store: ObjectStore, calls: readonly Call[]): Promise<unknown[]> {
  const results: unknown[] = [];
  let last = (): Promise<unknown> => Promise.resolve();
  const etagOf = async (at: string, of: string): Promise<string> => {
    if (of === 'now') return (await store.get(at))?.etag ?? '"gone"';
    return of === 'never' ? '"never"' : '"f97c5d29941bfb1b2fdab0874906ab82"';
  };
  for (const [number, each] of calls.entries()) {
    const act = async (): Promise<unknown> => {
      switch (each.op) {
        case 'put': {
          const put: PutCondition =
            each.condition.only === 'if-matches' ? { only: 'if-matches', etag: await etagOf(each.key, each.condition.of) } : each.condition;
          last = () => store.put(each.key, each.body, put, `write-${number}`);
          return last();
        }
        case 'remove':
          return store.remove(each.key, await etagOf(each.key, each.of));
        case 'get': {
          const found = await store.get(each.key);
          return found && { body: found.body, etag: found.etag };
        }
        case 'list':
          return (await store.list(each.key)).map(({ key: listed, etag }) => [listed, etag]);
        case 'folders':
          return store.folders(`${each.key.replace(/\/.*$/, '')}/`);
        case 'again':
          return last();
      }
    };
    results.push(await act().catch((cause: unknown) => `throws ${String(cause)}`));
  }
  return results;
}

describe('the bucket over S3', () => {
  it('does what the bucket in memory does, that the other tests go by', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 10 }), async (calls) => {
        const memory = new MemoryStore();
        memory.etags = 'of-content';
        expect(await play(new Bucket(new ModelS3(2).client(1), 'state'), calls)).toEqual(await play(memory, calls));
      }),
    );
  });

  it('is answered by the bucket of the simulator as by S3', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 10 }), async (calls) => {
        const world = new World('bucket', () => undefined, []);
        const process = world.start('a command', world.machine('m'), { name: 'ada', uid: 1 });
        const store = new Bucket(
          bucketClient(world, process, new BucketModel(world), () => undefined),
          'state',
        );
        let simulated: unknown[] | undefined;
        void play(store, calls).then((results) => {
          simulated = results;
        });
        await world.play(() => simulated !== undefined);
        expect(simulated).toEqual(await play(new Bucket(new ModelS3(2).client(1), 'state'), calls));
      }),
    );
  });
});

/** Before a request: what somebody else does meanwhile, and what goes wrong with it. */
interface Interference {
  readonly other?: 'writes' | 'removes';
  readonly fault?: RequestFault;
}

const interference: fc.Arbitrary<Interference> = fc.record(
  {
    other: fc.constantFrom('writes' as const, 'removes' as const),
    fault: fc.constantFrom<RequestFault>('lost-request', 'lost-reply', 'server-error', 'conflict'),
  },
  { requiredKeys: [] },
);

const quiet: Interference = {};
const trouble = fc.array(fc.oneof(fc.constant(quiet), interference), { maxLength: 4 });

/** A bucket with an object, or without, where all this happens to its first requests; `holds` has what the condition was at each look of S3. */
function troubled(at: readonly Interference[], there: boolean, tries: number) {
  const s3 = new ModelS3();
  if (there) s3.set('k', 'before');
  const etag = s3.objects.get('k')?.etag ?? '"gone"';
  let number = 0;
  s3.before = () => {
    const { other, fault } = at[number] ?? quiet;
    number += 1;
    if (other !== undefined) s3.set('k', other === 'writes' ? `other ${number}` : undefined);
    states.push(s3.objects.get('k')?.etag);
    return fault;
  };
  const states: (string | undefined)[] = [];
  return { s3, etag, bucket: new Bucket(s3.client(tries), 'state'), states };
}

const settings = fc.record({ at: trouble, there: fc.boolean(), tries: fc.integer({ min: 1, max: 3 }) });

describe('a put with a condition, whatever happens on its way', () => {
  it('that is done was done by this call, that is not done met something else, and else it is an error', async () => {
    await fc.assert(
      fc.asyncProperty(settings, fc.constantFrom('if-absent', 'if-matches'), async ({ at, there, tries }, only) => {
        const { s3, etag, bucket, states } = troubled(at, there, tries);
        const holds = (state: string | undefined): boolean => (only === 'if-absent' ? state === undefined : state === etag);
        const put = only === 'if-absent' ? ({ only } as const) : ({ only, etag } as const);
        const result = await bucket.put('k', 'mine', put, 'my write').catch((cause: unknown) => String(cause));
        const mine = s3.log.filter(({ write }) => write === 'my write');
        if (typeof result === 'string') {
          // Nothing went wrong that S3 or the network would have had to say.
          expect([result, at.slice(0, states.length).some(({ fault }) => fault !== undefined)]).toEqual([result, true]);
          return;
        }
        if (result.done) {
          expect(mine.map((change) => change.etag)).toContain(result.etag);
          return;
        }
        // Somebody else's object, or none where there was to be one.
        expect(states.some((state) => !holds(state))).toBe(true);
        expect(s3.objects.get('k')?.write).not.toBe('my write');
      }),
      times(2),
    );
  });

  it('is written once, however often it is tried', async () => {
    const alone = settings.map(({ at, ...rest }) => ({
      ...rest,
      at: at.map(({ fault }): Interference => (fault === undefined ? {} : { fault })),
    }));
    await fc.assert(
      fc.asyncProperty(
        alone,
        fc.constantFrom('if-absent', 'if-matches'),
        fc.integer({ min: 1, max: 3 }),
        async ({ at, there, tries }, only, times) => {
          const { s3, etag, bucket } = troubled(at, there, tries);
          const put = only === 'if-absent' ? ({ only } as const) : ({ only, etag } as const);
          const attempt = () => bucket.put('k', 'mine', put, 'my write');
          let result = await attempt().catch(() => undefined);
          for (let tried = 1; tried < times && !result; tried += 1) result = await attempt().catch(() => undefined);
          const mine = s3.log.filter(({ write }) => write === 'my write');
          expect(mine.length).toBeLessThanOrEqual(1);
          if (result) expect(result.done).toBe(there === (only === 'if-matches'));
          if (result) expect(mine.length).toBe(result.done ? 1 : 0);
        },
      ),
      times(2),
    );
  });
});

describe('a delete with a condition, whatever happens on its way', () => {
  it('that is done left nothing there, and says of what it did not delete whether another object stands there', async () => {
    await fc.assert(
      fc.asyncProperty(settings, async ({ at, there, tries }) => {
        const { s3, etag, bucket, states } = troubled(at, there, tries);
        const result = await bucket.remove('k', etag).catch((cause: unknown) => String(cause));
        const stands = s3.objects.get('k')?.etag;
        if (typeof result === 'string')
          expect([result, at.slice(0, states.length).some(({ fault }) => fault !== undefined)]).toEqual([result, true]);
        // Of a second try nobody can say whether it met the first one.
        else if (result.done) expect([there || at[0]?.fault !== undefined, stands]).toEqual([true, undefined]);
        else if (result.there) expect([undefined, etag]).not.toContain(stands);
        else expect(stands).toBe(undefined);
      }),
      times(2),
    );
  });
});
