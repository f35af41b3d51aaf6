import { describe, expect, it } from 'vitest';
import type { Call } from '../../lab/proxy/calls.ts';
import { Watch } from '../../lab/proxy/watch.ts';
import type { Looked } from '../../orchestrator/aws/looked.ts';
import type { Inventory } from '../../orchestrator/inventory/live-object.ts';
import { deferred, settled } from './support/deferred.ts';

const nothing: Looked<Inventory> = { ok: true, value: { from: 0, until: 0, objects: [], incomplete: [] } };

const call = (seq: number, how: Partial<Call> = {}): { recorded: Call } => ({
  recorded: {
    seq,
    arrivedAt: '',
    time: '',
    service: 'ec2',
    action: `Create${seq}`,
    mutating: true,
    accessKeyId: null,
    sessionName: null,
    params: {},
    key: null,
    status: 200,
    requestId: '',
    errorCode: null,
    resourceIds: [],
    userAgent: null,
    decidedBy: 'emulator',
    faults: [],
    reply: 'waiting',
    ...how,
  },
});

/** A watch, and what was done in its order. */
function watchOver(look: () => Promise<Looked<Inventory>> = () => Promise.resolve(nothing)) {
  const done: string[] = [];
  const watch = new Watch(() =>
    Promise.resolve({
      look: () => {
        done.push('look');
        return look();
      },
      close: () => void done.push('close'),
    }),
  );
  const make = (made: { recorded: Call }, until: Promise<void> = Promise.resolve()) =>
    watch.over(async () => {
      done.push(made.recorded.action);
      await until;
      return made;
    });
  const actions = (): (string | null)[] | undefined => watch.moments?.map(({ action }) => action);
  return { watch, done, make, actions };
}

describe('the watch of the lab', () => {
  it('looks at AWS when it begins, and after each call, before its reply goes on', async () => {
    const { watch, done, make, actions } = watchOver();
    await watch.begin(7);
    await make(call(8));
    expect(done).toEqual(['look', 'Create8', 'look']);
    expect(actions()).toEqual([null, 'Create8']);
  });

  it('makes a call only when AWS was looked at after the one before', async () => {
    const seen = deferred<Looked<Inventory>>();
    const looks = [Promise.resolve(nothing), seen.promise, Promise.resolve(nothing)];
    const { watch, done, make } = watchOver(() => looks.shift() ?? Promise.reject(new Error('another look')));
    await watch.begin(0);
    const both = Promise.all([make(call(1)), make(call(2))]);
    await settled();
    expect(done).toEqual(['look', 'Create1', 'look']);
    seen.resolve(nothing);
    await both;
    expect(done).toEqual(['look', 'Create1', 'look', 'Create2', 'look']);
  });

  it('makes calls side by side, and does not look, where it is not on', async () => {
    const { watch, done, make } = watchOver();
    await watch.begin(0);
    watch.end();
    const first = deferred();
    const both = Promise.all([make(call(1), first.promise), make(call(2))]);
    await settled();
    first.resolve();
    await both;
    expect(done).toEqual(['look', 'Create1', 'Create2']);
  });

  it('does not look after what the lab itself has refused, and does after what broke off', async () => {
    const { watch, make, actions } = watchOver();
    await watch.begin(0);
    await make(call(1, { decidedBy: 'lab', status: 403 }));
    await make(call(2, { decidedBy: 'lab', status: null }));
    expect(actions()).toEqual([null, 'Create2']);
  });

  it('goes on after a call that failed', async () => {
    const { watch, make, actions } = watchOver();
    await watch.begin(0);
    await expect(make(call(1), Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
    await make(call(2));
    expect(actions()).toEqual([null, 'Create2']);
  });

  it('keeps why AWS could not be looked at', async () => {
    const refused = { ok: false, code: 'InternalError', message: '' } as const;
    const { watch, make } = watchOver(() => Promise.resolve(refused));
    await watch.begin(0);
    await make(call(1));
    expect(watch.moments?.at(-1)?.looked).toEqual(refused);
  });

  it('begins again with nothing of what was before', async () => {
    const { watch, make, actions } = watchOver();
    await watch.begin(0);
    await make(call(1));
    await watch.begin(1);
    expect(actions()).toEqual([null]);
  });

  it('opens no look before it is on', async () => {
    const { watch, done } = watchOver();
    await watch.close();
    expect(done).toEqual([]);
  });
});
