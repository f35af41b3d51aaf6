import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
import { swap } from '../../orchestrator/ownership/records.ts';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import type { Dossier } from '../../orchestrator/recovery/dossier.ts';
import type { RecoveryEnd, RecoveryParts } from '../../orchestrator/recovery/recover-stack.ts';
import { endLeftLocks } from '../../orchestrator/run/tidy.ts';
import { checkpointKey, durableLockKey, recordKey } from '../../orchestrator/state/layout.ts';
import { HookedStore } from './support/hooked-store.ts';
import { lockOf, processOf } from './support/owner.ts';
import { cidr, interruptedCreate, live, recorded, stateOf } from './support/recovery-interruptions.ts';
import { closeGateway, network, RecoveryRig, run } from './support/recovery-rig.ts';
import { bodyOf, installation, pending, raw, stack, tagged, taggedInputs, tagsOf, urnOf } from './support/recovery.ts';

afterAll(closeGateway);

const checkpoint = checkpointKey(stack);
const lock = durableLockKey(stack);
const old = recorded('old', 0, 'vpc-old');

let rig: RecoveryRig;
let store: HookedStore;
beforeEach(() => {
  rig = new RecoveryRig({ old: cidr(0), vpc: cidr(1) });
  store = new HookedStore(rig.bucket);
});

/** Runs right before the call, of the recovery that is tried. */
function before(op: string, key: string, act: () => Promise<void> | void, nth = 1): void {
  let seen = 0;
  const others = store.before;
  store.before = async (call) => {
    await others(call);
    if (call.op === op && call.key.includes(key) && (seen += 1) === nth) await act();
  };
}
/** After the last look at the lock, where the record is asked whose the stack is. */
function beforePromote(act: () => Promise<void> | void): void {
  let done = false;
  const others = store.before;
  store.before = async (call) => {
    await others(call);
    if (done || call.op !== 'get' || call.key !== recordKey(stack) || !stepsOf().includes('verify')) return;
    done = true;
    await act();
  };
}
const failing = (): never => {
  throw new Error('ECONNRESET');
};

const dossierOf = (end: RecoveryEnd): Dossier => {
  const page = 'page' in end ? end.page : undefined;
  return JSON.parse(rig.bucket.bodyOf((page ?? '').replace(/\.md$/, '.json')) ?? '{}') as Dossier;
};
/** The record as it was before and after each of its writes. */
const records = (): StackRecord[] => rig.bucket.history(recordKey(stack)).map((body) => JSON.parse(body) as StackRecord);
const phases = (): string[] => records().map(({ phase }) => phase);
const disowned = async (): Promise<string[]> => ((await rig.record())?.disowned ?? []).map(({ id }) => id);
const versions = async (): Promise<number> => (await rig.bucket.versions(checkpoint)).length;
const stepsOf = (): string[] => rig.events.flatMap((event) => (event.type === 'recovery-step' ? [event.step] : []));

describe('a recovery that ends well', () => {
  beforeEach(() => interruptedCreate(rig));

  it('says each step in its order', async () => {
    await rig.recover('rec-1', { store });
    expect(stepsOf()).toEqual(['freeze', 'quarantine', 'evidence', 'reconcile', 'verify', 'promote', 'release', 'confirm']);
  });

  it('has a dossier of what was, what is, and what came between', async () => {
    const end = await rig.recover('rec-1', { store });
    const dossier = dossierOf(end);
    expect(dossier).toMatchObject({
      schema: 1,
      recovery: 'rec-1',
      run,
      stack,
      outcome: 'recovered',
      why: null,
      incident: 'INC-7',
      lock: { before: { owner: expect.stringContaining('run r1, up') as string }, epoch: 2 },
      writer: { how: 'it died here', saidBy: null },
      quarantine: { versions: 4 },
      before: { pendingOperations: [{ type: 'creating', name: 'vpc' }] },
      after: { pendingOperations: [] },
      looks: [{ objects: 2 }, { objects: 2 }],
      trail: 'nothing by the key of the run',
      differences: [],
    });
    expect(dossier.steps.map(({ step }) => step)).toEqual(stepsOf());
    expect(dossier.promoted).toBe((await rig.bucket.get(checkpoint))?.etag);
    expect(dossier.lock.releasedAt).not.toBeNull();
    expect(dossier.evidence.map(({ name, id, decision, row }) => `${row} ${decision} ${name} ${id ?? ''}`)).toEqual([
      'R4 keep old vpc-old',
      'U2 adopt vpc vpc-new',
    ]);
  });

  it('is well also where the dossier cannot be written, which is said', async () => {
    before('put', '/dossiers/', failing);
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered', page: undefined });
    expect(rig.events).toContainEqual({ type: 'note', message: 'vpc.a: the dossier could not be written: ECONNRESET' });
  });

  it('is well also where its last plan fails: that decides nothing', async () => {
    let previews = 0;
    rig.engine.before = (act) => {
      if (act === 'preview' && (previews += 1) === 2) throw new Error('no CLI');
      return undefined;
    };
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered' });
    expect(rig.events).toContainEqual({ type: 'note', message: 'vpc.a: no plan could be made after the release: no CLI' });
  });

  it('is released for all that where a signal comes between its verified record and its release', async () => {
    store.after = ({ op, key }) => {
      if (op === 'put' && key === recordKey(stack) && phases().at(-1) === 'free') rig.stopping.abort();
    };
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered' });
    expect([rig.stopping.signal.aborted, rig.isLocked(), (await rig.standing()).kind, rig.agrees()]).toEqual([true, false, 'free', true]);
  });

  it('tells before the release what else differs, and what is left to do', async () => {
    rig.engine.wanted = { old: { ...cidr(0), description: 'more' }, vpc: cidr(1), third: cidr(3) };
    const end = await rig.recover('rec-1', { store, parts: { compare: () => [{ kind: 'property', text: 'vpc-old has other tags' }] } });
    expect(end).toMatchObject({ kind: 'recovered', differences: ['vpc-old has other tags'] });
    const types = rig.events.map((event) => (event.type === 'note' ? event.message : event.type === 'recovery-step' ? event.step : ''));
    const release = types.indexOf('release');
    expect(types.indexOf('vpc.a: not in doubt, and different: vpc-old has other tags')).toBeLessThan(release);
    expect(types.indexOf('vpc.a: left to do: update old, create third')).toBeLessThan(release);
    expect(types.indexOf('vpc.a: left to do: update old, create third')).toBeGreaterThan(0);
  });

  it('tells of what nobody touched and is gone', async () => {
    rig.cloud.remove('vpc-old');
    expect(await rig.recover('rec-1', { store })).toMatchObject({
      kind: 'recovered',
      differences: ['old (vpc-old) is gone: somebody deleted it: the run did not touch it'],
    });
    expect(rig.recorded()).toEqual(['vpc vpc-new']);
  });
});

describe('a lock that cannot be released although all is well', () => {
  beforeEach(() => interruptedCreate(rig));

  it('is told as that, and the next command on the network releases it', async () => {
    before('remove', lock, failing);
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({
      kind: 'held',
      why: expect.stringContaining('state and AWS agree, and the lock could not be released: ECONNRESET') as string,
      next: 'The next command on this network releases it; or: npm run release -- vpc.a --incident ID',
    });
    expect([rig.isLocked(), rig.agrees(), (await rig.standing()).kind]).toEqual([true, true, 'left']);
    const standings = await rig.standings();
    const lockRecord = () => lockOf(stack, 'next');
    await endLeftLocks({ store: rig.bucket, network, standings, lockRecord, now: rig.time.now, onNote: () => undefined });
    expect([rig.isLocked(), (await rig.standing()).kind]).toEqual([false, 'free']);
  });

  it.each([
    [
      'the engine does not even ask for it',
      { outcome: 'failed', steps: [], unfinished: [], failures: [], started: false, errors: ['no CLI'], interrupted: false },
    ],
    ['the engine finds a lock of its own', { outcome: 'locked', message: 'locked by bob' }],
  ] as const)('because %s', async (_, result) => {
    rig.engine.before = (act) => (act === 'cancel' ? result : undefined);
    expect(await rig.recover('rec-1', { store })).toMatchObject({
      kind: 'held',
      why: expect.stringContaining('the engine did not ask for it') as string,
    });
    expect([rig.isLocked(), (await rig.standing()).kind]).toEqual([true, 'left']);
  });

  it('because somebody put another one in its place: that one stays', async () => {
    before('remove', lock, () => void rig.bucket.set(lock, writeLock(lockOf(stack, 'theirs'))));
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'held', why: expect.stringContaining('somebody else replaced it meanwhile') as string });
    expect(rig.bucket.bodyOf(lock)).toBe(writeLock(lockOf(stack, 'theirs')));
  });

  it('is released where only the engine failed after it', async () => {
    const { parts } = rig.engine;
    const engine = {
      ...parts,
      cancel: async (request: Parameters<typeof parts.cancel>[0]) => {
        await parts.cancel(request);
        return {
          outcome: 'failed',
          steps: [],
          unfinished: [],
          failures: [],
          started: false,
          errors: ['late'],
          interrupted: false,
        } as const;
      },
    };
    expect(await rig.recover('rec-1', { store, parts: { engine } })).toMatchObject({ kind: 'recovered' });
    expect(rig.isLocked()).toBe(false);
  });

  it('is released where somebody has removed it already', async () => {
    before('remove', lock, () => rig.bucket.delete(lock));
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered' });
  });
});

describe('a stack that is frozen too', () => {
  it('has the freeze in the lock’s place, without a moment in between', async () => {
    await interruptedCreate(rig);
    const freeze = lockOf(stack, 'ada', { operation: 'freeze', incident: 'INC-1' });
    const patience = { seconds: 0 };
    await swap(stack, { type: 'freeze', by: freeze }, { store: rig.bucket, patience, now: rig.time.now });
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered' });
    const { put: _, ...standing } = (JSON.parse(rig.bucket.bodyOf(lock) ?? '') as { holdfast: LockRecord }).holdfast;
    expect(standing).toEqual({ ...freeze, epoch: 2 });
    expect((await rig.bucket.versions(lock)).some(({ etag }) => etag === undefined)).toBe(false);
    expect((await rig.standing()).kind).toBe('frozen');
  });
});

describe('a lock that somebody removes while the recovery is at work', () => {
  beforeEach(() => interruptedCreate(rig));

  it('ends it before it promotes, is put back, and keeps the stack held', async () => {
    before('put', '-verify.json', () => rig.bucket.delete(lock));
    const was = await versions();
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'lost', why: 'its lock was removed by somebody while it was being recovered' });
    // The changed content alone.
    expect(await versions()).toBe(was + 1);
    expect([rig.isLocked(), (await rig.standing()).kind]).toEqual([true, 'held']);
    expect(JSON.parse(rig.bucket.bodyOf(lock) ?? '')).toMatchObject({
      holdfast: { nonce: 'rec-1', restoredAt: expect.any(String) as string },
    });
    expect(await rig.recover('rec-2')).toMatchObject({ kind: 'recovered' });
    expect(rig.recorded()).toEqual(['old vpc-old', 'vpc vpc-new']);
  });

  it('ends an engine that is at work, and looks no further', async () => {
    let ending: AbortSignal | undefined;
    const { parts } = rig.engine;
    const watch = { look: (): Promise<undefined> => Promise.resolve(undefined), add: (): (() => void) => () => undefined };
    let lost: (how: 'removed' | 'replaced') => void = () => undefined;
    const end = await rig.recover('rec-1', {
      store,
      parts: {
        watch: { ...watch, add: (_: unknown, onLost: typeof lost) => ((lost = onLost), () => undefined) } as never,
        engine: {
          ...parts,
          refresh: async (request) => {
            ending = request.ending;
            rig.bucket.delete(lock);
            lost('removed');
            return parts.refresh(request);
          },
        },
      },
    });
    expect([ending?.aborted, end.kind]).toEqual([true, 'lost']);
    expect(rig.engine.asked).toEqual(['refresh']);
  });

  it('and replaces is left as it is', async () => {
    const theirs = writeLock(lockOf(stack, run, { ...processOf('other'), operation: 'recover', epoch: 3 }));
    before('put', '-verify.json', () => void rig.bucket.set(lock, theirs));
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'lost', why: expect.stringContaining('replaced') as string });
    expect(rig.bucket.bodyOf(lock)).toBe(theirs);
    expect((await rig.standing()).kind).toBe('held');
  });

  it('after its last look, and before its promote, keeps nothing from being true: the checkpoint is the one that was verified', async () => {
    beforePromote(() => rig.bucket.delete(lock));
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered' });
    expect([rig.agrees(), rig.isLocked(), (await rig.standing()).kind]).toEqual([true, false, 'free']);
    expect(await rig.record()).toMatchObject({ verified: { etag: rig.bucket.head(checkpoint)?.etag } });
  });

  it('is not looked for where the bucket does not answer: then it is held', async () => {
    before('list', '.pulumi/locks/organization/holdfast/example.', failing, 3);
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'held', why: 'whether the lock stands is not known: ECONNRESET' });
    expect(rig.isLocked()).toBe(true);
  });
});

describe('a checkpoint that somebody writes while the recovery is at work', () => {
  beforeEach(() => interruptedCreate(rig));
  const theirs = stateOf([recorded('theirs', 7, 'vpc-7')]);

  it('is not written over: the recovery gives way at the promote', async () => {
    beforePromote(() => void rig.write(theirs));
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'lost', why: 'somebody else has written its checkpoint meanwhile' });
    expect([rig.bucket.bodyOf(checkpoint), rig.isLocked()]).toEqual([theirs, true]);
    expect([phases().at(-1), (await rig.standing()).kind]).toEqual(['held', 'held']);
  });

  it('is copied and counted where it was written before the recovery’s own first write', async () => {
    const late = stateOf([old, recorded('vpc', 1, 'vpc-new')]);
    before('put', checkpoint, () => void rig.write(late));
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered', said: 'everything is as the state has it' });
    expect([...rig.quarantined().values()]).toContain(late);
  });

  it('again and again ends it as held', async () => {
    let n = 0;
    const others = store.before;
    store.before = async (call) => {
      await others(call);
      if (call.op === 'put' && call.key === checkpoint) rig.write(stateOf([recorded('theirs', (n += 1), `vpc-${n}`)]));
    };
    expect(await rig.recover('rec-1', { store })).toMatchObject({
      kind: 'held',
      why: `the checkpoint of ${stack} is written by somebody else again and again`,
    });
    expect(n).toBe(5);
  });

  it('and takes it over is somebody who has the stack now: nothing is verified, and their record stays', async () => {
    let theirs: string | undefined;
    const others = store.before;
    store.before = async (call) => {
      await others(call);
      // The promote is done: the next write of the record is to be the verified one.
      const isVerify = call.op === 'put' && call.key === recordKey(stack) && stepsOf().includes('promote');
      if (!isVerify || theirs !== undefined) return;
      await rig.takeOver('other');
      theirs = rig.bucket.bodyOf(recordKey(stack));
    };
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'lost', why: 'somebody else has taken it over meanwhile' });
    expect(theirs).toBeDefined();
    expect(rig.bucket.bodyOf(recordKey(stack))).toBe(theirs);
    expect(JSON.parse(rig.bucket.bodyOf(lock) ?? '')).toMatchObject({ holdfast: { nonce: 'other', epoch: 3 } });
  });

  it('and takes it over before the promote has its checkpoint left as it is', async () => {
    beforePromote(async () => {
      await rig.takeOver('other');
    });
    const was = await versions();
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'lost' });
    expect([await versions(), await rig.record()]).toMatchObject([was + 1, { phase: 'recovering', owner: { nonce: 'other' } }]);
  });
});

describe('what cannot be seen', () => {
  beforeEach(() => interruptedCreate(rig));

  it('leaves the stack held: AWS refuses the look', async () => {
    rig.cloud.refusal = { code: 'ExpiredToken', message: 'ec2:DescribeVpcs: expired' };
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'held', why: 'AWS could not be looked at: ExpiredToken: ec2:DescribeVpcs: expired' });
    expect([rig.isLocked(), (await rig.standing()).kind, rig.engine.asked]).toEqual([true, 'held', []]);
    expect(await rig.record()).toMatchObject({ phase: 'held', doubts: [{ source: 'recovery', text: (end as { why: string }).why }] });
    expect(dossierOf(end)).toMatchObject({ outcome: 'held', promoted: null, quarantine: { versions: 4 } });
  });

  it('leaves the stack held: AWS is still at it at the limit', async () => {
    rig.cloud.change('vpc-new', { phase: 'coming' });
    expect(await rig.recover('rec-1', { store })).toMatchObject({
      kind: 'held',
      why: 'vpc (vpc-new): AWS is still making it; waited 1 min',
    });
  });

  it('leaves the stack held: it was stopped by a signal', async () => {
    rig.stopping.abort();
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'held', why: 'stopped by a signal' });
    expect(rig.isLocked()).toBe(true);
  });

  it('leaves the stack held: the look that is to verify was not whole', async () => {
    let looks = 0;
    const end = await rig.recover('rec-1', {
      store,
      parts: {
        look: (scope) => {
          rig.cloud.incomplete = (looks += 1) > 2 ? ['routes of rtb-1 could not be listed'] : [];
          return rig.cloud.look(scope);
        },
      },
    });
    expect(end).toMatchObject({ kind: 'held', why: expect.stringContaining('routes of rtb-1 could not be listed') as string });
  });
});

describe('a refresh', () => {
  beforeEach(() => interruptedCreate(rig));

  it('that fails leaves the stack held, with what the engine said', async () => {
    rig.engine.before = (act) =>
      act === 'refresh'
        ? {
            outcome: 'failed',
            steps: [],
            unfinished: [],
            failures: [],
            started: false,
            errors: ['no plugin', 'no luck'],
            interrupted: false,
          }
        : undefined;
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'held', why: 'the refresh failed: no plugin; no luck' });
  });

  it('that drops what AWS has is tried again, and holds where it agrees then', async () => {
    let refreshes = 0;
    rig.engine.before = (act) => {
      // The provider's own read lags.
      if (act === 'refresh') rig.cloud[(refreshes += 1) === 1 ? 'hide' : 'show']('vpc-new');
      return undefined;
    };
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered' });
    expect([refreshes, rig.recorded()]).toEqual([2, ['old vpc-old', 'vpc vpc-new']]);
    expect(rig.events).toContainEqual({
      type: 'progress',
      message: 'vpc.a: the refresh dropped vpc (vpc-new), which AWS has; looking again',
    });
  });

  it('that drops what AWS has again and again leaves the stack held: the table decides membership', async () => {
    rig.engine.before = (act) => {
      if (act === 'refresh') rig.cloud.hide('vpc-new');
      return undefined;
    };
    const was = await versions();
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'held', why: expect.stringContaining('the refresh dropped vpc (vpc-new), which AWS has') as string });
    expect([rig.engine.asked.filter((act) => act === 'refresh').length, await versions()]).toEqual([3, was + 1]);
  });
});

describe('a plan', () => {
  beforeEach(() => interruptedCreate(rig));

  it('that would make anew what was adopted leaves the stack held', async () => {
    rig.engine.wanted = { old: cidr(0), vpc: cidr(5) };
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'held', why: expect.stringContaining('the plan would replace vpc, which was in doubt') as string });
    expect(dossierOf(end).plan).toMatchObject({
      changes: expect.arrayContaining([expect.objectContaining({ op: 'replace', name: 'vpc' })]) as object[],
    });
  });

  it('that fails is in the dossier, and holds nothing: what AWS has was seen', async () => {
    rig.engine.before = (act) => (act === 'preview' ? { outcome: 'locked', message: 'the program is broken' } : undefined);
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'recovered', differences: ['the plan failed: the program is broken'] });
    expect(dossierOf(end).plan).toEqual({ failed: ['the program is broken'] });
  });
});

describe('a checkpoint', () => {
  const interruptedOver = async (body: string): Promise<void> => {
    await rig.interrupted(() => void rig.write(body));
  };

  it('that cannot be read leaves the stack held, with the command that puts the last good one back', async () => {
    rig.cloud.add(live('old', 0, 'vpc-old'));
    rig.write(stateOf([old]));
    await interruptedOver('{');
    const end = await rig.recover('rec-1', { store });
    expect(end).toMatchObject({ kind: 'held', why: `the checkpoint of ${stack} cannot be read: it is not JSON` });
    expect((end as { next: string }).next).toMatch(/aws s3api copy-object --bucket memory --key \S+ --copy-source '\S+\?versionId=v1'$/);
    expect(rig.bucket.bodyOf(checkpoint)).toBe('{');
  });

  it('that does not hold together leaves the stack held', async () => {
    await interruptedOver(bodyOf([old]));
    expect(await rig.recover('rec-1', { store })).toMatchObject({
      kind: 'held',
      why: expect.stringMatching(/does not hold together: old names a provider .*; the engine refuses it$/) as string,
    });
  });

  it('that does not hold together is told with the command that puts back the last one that does', async () => {
    rig.cloud.add(live('old', 0, 'vpc-old'));
    rig.write(stateOf([old]));
    await interruptedOver(bodyOf([old]));
    const end = await rig.recover('rec-1', { store });
    expect((end as { next: string }).next).toMatch(/--copy-source '\S+\?versionId=v1'$/);
  });

  it('that is taken away while it is copied leaves the stack held', async () => {
    await interruptedCreate(rig);
    const [newest] = (await rig.bucket.versions(checkpoint)).map(({ version }) => version);
    before('get-version', checkpoint, () => rig.bucket.forgetVersions(({ key, version }) => key === checkpoint && version === newest));
    expect(await rig.recover('rec-1', { store })).toMatchObject({
      kind: 'held',
      why: `the checkpoint of ${stack} was taken away while it was copied`,
    });
  });

  it('of which an earlier version is taken away while it is copied counts for what is left', async () => {
    rig.cloud.add(live('old', 0, 'vpc-old'));
    const base = rig.write(stateOf([old]));
    await rig.interrupted(() => {
      rig.write(stateOf([old], [pending('deleting', old)]));
      rig.write(stateOf([old], [pending('creating', recorded('vpc', 1))]));
      rig.cloud.add(live('vpc', 1, 'vpc-new'));
    });
    const middle = (await rig.bucket.versions(checkpoint))[1];
    before('get-version', checkpoint, () => rig.bucket.forgetVersions(({ version }) => version === middle?.version));
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered', said: 'adopted vpc (vpc-new)' });
    expect(base).not.toBe(middle?.etag);
  });

  it('of which the version that the run began from is gone is asked about, and then recovered without it', async () => {
    await interruptedCreate(rig);
    const oldest = (await rig.bucket.versions(checkpoint)).at(-1);
    rig.bucket.forgetVersions(({ version }) => version === oldest?.version);
    const asked = await rig.recover('rec-1', { store });
    expect(asked).toMatchObject({
      kind: 'undecided',
      questions: [{ answers: [{ command: 'npm run recover -- vpc.a --without-versions' }] }],
    });
    expect(await rig.recover('rec-2', { options: { withoutVersions: true } })).toMatchObject({ kind: 'recovered' });
    expect(rig.recorded()).toEqual(['old vpc-old', 'vpc vpc-new']);
  });
});

describe('what a person has to decide', () => {
  beforeEach(async () => {
    await interruptedCreate(rig);
    rig.cloud.add(live('vpc', 1, 'vpc-second'));
  });

  it('is asked, and nothing is written to the state but its new content; the stack is held for that question', async () => {
    const was = await versions();
    const end = await rig.recover('rec-1', { store });
    const question =
      'AWS has two objects for vpc.a/vpc: vpc-new is adopted. What is to become of the other one, vpc-second? Only the tags of vpc-second say that it belongs to vpc.a, and anyone who may tag objects in this account can set them';
    expect(end).toMatchObject({ kind: 'undecided', questions: [{ question }] });
    expect([await versions(), rig.engine.asked, rig.isLocked()]).toEqual([was + 1, [], true]);
    expect(await rig.standing()).toMatchObject({ kind: 'held', why: question });
    expect(rig.events).toContainEqual(expect.objectContaining({ type: 'question', stack }));
    expect(dossierOf(end)).toMatchObject({ outcome: 'undecided', questions: [{ question }] });
  });

  it.each([
    ['delete', ['-vpc vpc-second', 'old vpc-old', 'vpc vpc-new'], []],
    ['disown', ['old vpc-old', 'vpc vpc-new'], ['vpc-second']],
  ] as const)('is done when it is answered: %s', async (answer, recordedThen, left) => {
    await rig.recover('rec-1', { store });
    const end = await rig.recover('rec-2', { answers: [{ resource: 'vpc', answer, id: 'vpc-second' }] });
    expect(end).toMatchObject({ kind: 'recovered' });
    expect(rig.recorded()).toEqual(recordedThen);
    expect(await disowned()).toEqual(left);
    expect((await rig.journaled()).events).toContainEqual(
      expect.objectContaining({
        type: 'answered',
        by: 'ada@build-7',
        incident: 'INC-7',
        answer: { resource: 'vpc', answer, id: 'vpc-second' },
      }),
    );
  });

  it('is remembered by later recoveries', async () => {
    rig.engine.before = (act) => (act === 'refresh' ? { outcome: 'locked', message: 'not now' } : undefined);
    expect(await rig.recover('rec-1', { store, answers: [{ resource: 'vpc', answer: 'disown', id: 'vpc-second' }] })).toMatchObject({
      kind: 'held',
    });
    rig.engine.before = () => undefined;
    expect(await rig.recover('rec-2')).toMatchObject({ kind: 'recovered' });
    expect(await disowned()).toEqual(['vpc-second']);
  });

  it('may be answered anew: another one is adopted', async () => {
    rig.engine.before = (act) => (act === 'refresh' ? { outcome: 'locked', message: 'not now' } : undefined);
    const adopt = (id: string) => ({ resource: 'vpc', answer: 'adopt', id }) as const;
    const remove = (id: string) => ({ resource: 'vpc', answer: 'delete', id }) as const;
    await rig.recover('rec-1', { store, answers: [adopt('vpc-new'), remove('vpc-second')] });
    rig.engine.before = () => undefined;
    expect(await rig.recover('rec-2', { answers: [adopt('vpc-second'), remove('vpc-new')] })).toMatchObject({ kind: 'recovered' });
    expect(rig.recorded()).toEqual(['-vpc vpc-new', 'old vpc-old', 'vpc vpc-second']);
  });

  it('that cannot be is refused: nothing is made of it, and it is not remembered', async () => {
    const end = await rig.recover('rec-1', { store, answers: [{ resource: 'vpc', answer: 'adopt', id: 'vpc-9' }] });
    expect(end).toMatchObject({ kind: 'refused', why: '--decide vpc=adopt:vpc-9: AWS has no Vpc vpc-9' });
    expect(await rig.journaledTypes()).not.toContain('answered');
    expect(await rig.record()).toMatchObject({ answers: [] });
    expect([rig.isLocked(), (await rig.standing()).kind, dossierOf(end).outcome]).toEqual([true, 'held', 'refused']);
  });

  it('puts what is left in AWS on the list before the state loses it', async () => {
    const listed: string[][] = [];
    store.before = ({ op, key }) => {
      if (op === 'put' && key === checkpoint) listed.push((records().at(-1)?.disowned ?? []).map(({ id }) => id));
    };
    await rig.recover('rec-1', { store, answers: [{ resource: 'vpc', answer: 'disown', id: 'vpc-second' }] });
    // The changed content first, the promote last.
    expect(listed).toEqual([[], ['vpc-second']]);
  });
});

describe('a rehearsal', () => {
  const rehearse = async (answers = {}) => {
    const standings = await rig.standings();
    const seen = standings.records.get(stack);
    if (!seen) throw new Error('there is no record');
    return rig.recoverBehind(
      'rec-1',
      { seen, before: standings.locks[0], journal: rig.journalOf('rec-1', store) },
      { store, options: { dryRun: true }, ...answers },
    );
  };

  it('writes nothing at all, and tells what a recovery would come to', async () => {
    await interruptedCreate(rig);
    const before = rig.bucket.keys().map((key) => [key, rig.bucket.bodyOf(key)]);
    expect(await rehearse()).toEqual({ kind: 'would-recover', said: 'adopted vpc (vpc-new)', differences: [] });
    expect(rig.bucket.keys().map((key) => [key, rig.bucket.bodyOf(key)])).toEqual(before);
    expect(store.calls.filter(({ op }) => op === 'put' || op === 'remove')).toEqual([]);
  });

  it('asks what a recovery would ask, and writes nothing', async () => {
    await interruptedCreate(rig);
    rig.cloud.add(live('vpc', 1, 'vpc-second'));
    expect(await rehearse()).toMatchObject({ kind: 'undecided' });
    expect(store.calls.filter(({ op }) => op === 'put' || op === 'remove')).toEqual([]);
  });
});

describe('a shell over the state', () => {
  beforeEach(async () => {
    await interruptedCreate(rig);
    rig.cloud.add(live('vpc', 1, 'vpc-second'));
  });

  /** What a person writes there. */
  const writes = async (url: string, body: string): Promise<number> => (await rig.engine.request('PUT', url, checkpoint, body))[0];

  it('has what is decided already, and what it leaves is looked at like any other', async () => {
    let seen: string[] = [];
    rig.cloud.remove('vpc-second');
    const end = await rig.recover('rec-1', {
      store,
      options: {
        shell: async (mount) => {
          seen = [...(mount.report().checkpoint?.body ?? '').matchAll(/"id":"(vpc-[a-z]+)"/g)].map(([, id]) => id ?? '');
          expect(await writes(mount.url, stateOf([old, recorded('vpc', 1, 'vpc-new')]))).toBe(200);
          return true;
        },
      },
    });
    expect(end).toMatchObject({ kind: 'recovered' });
    expect([seen.sort(), rig.recorded()]).toEqual([
      ['vpc-new', 'vpc-old'],
      ['old vpc-old', 'vpc vpc-new'],
    ]);
  });

  it('does not decide by itself what AWS has twice', async () => {
    const end = await rig.recover('rec-1', {
      store,
      options: { shell: async ({ url }) => (await writes(url, stateOf([old, recorded('vpc', 1, 'vpc-new')]))) === 200 },
    });
    expect(end).toMatchObject({ kind: 'undecided', questions: [{ question: expect.stringContaining('vpc-second') as string }] });
    expect(rig.isLocked()).toBe(true);
  });

  it('that was given up leaves the stack held', async () => {
    const was = await versions();
    const end = await rig.recover('rec-1', { store, options: { shell: () => Promise.resolve(false) } });
    expect(end).toMatchObject({ kind: 'held', why: 'the shell was left without a result' });
    expect([rig.isLocked(), await versions()]).toEqual([true, was + 1]);
  });
});

describe('a recovery in the run itself', () => {
  /** As the run does it: its own record, which says held, becomes its own again. */
  const inRun = async (parts: Partial<RecoveryParts> = {}): Promise<RecoveryEnd> => {
    const taken = await rig.takeOver(run, store);
    return rig.recoverBehind(
      run,
      { ...taken, before: undefined, journal: rig.journalOf('again', store) },
      { store, options: { inRun: true }, parts },
    );
  };

  it('tells of no takeover, and makes no last plan', async () => {
    await interruptedCreate(rig);
    const was = await versions();
    expect(await inRun()).toMatchObject({ kind: 'recovered' });
    expect(stepsOf()).toEqual(['quarantine', 'evidence', 'reconcile', 'verify', 'promote', 'release']);
    expect([await versions(), rig.isLocked(), (await rig.standing()).kind]).toEqual([was + 2, false, 'free']);
  });

  it('does not tell what other stacks of the run are just making in its tables', async () => {
    await interruptedCreate(rig);
    const compare = () => [{ kind: 'foreign', text: 'somebody’s route' } as const, { kind: 'property', text: 'a tag' } as const];
    expect(await inRun({ compare })).toMatchObject({ differences: ['a tag'] });
  });
});

describe('what no version of the checkpoint tells', () => {
  it('is told by the program: a create that only the run itself wrote down', async () => {
    rig.cloud.add(live('old', 0, 'vpc-old'));
    rig.write(stateOf([old]));
    await rig.interrupted(() => void rig.cloud.add(live('vpc', 1, 'vpc-new')), {
      held: [{ source: 'failed-step', urn: urnOf('vpc'), op: 'create', text: 'CreateVpc outcome unknown' }],
    });
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered', said: 'adopted vpc (vpc-new)' });
    expect(rig.engine.asked[0]).toBe('preview');
    expect(rig.checkpoint?.resources.find(({ name }) => name === 'vpc')?.inputs).toEqual({ ...cidr(1), ...taggedInputs('vpc') });
  });
});

describe('an object of another installation', () => {
  it('under the very same names is left alone', async () => {
    await interruptedCreate(rig);
    rig.cloud.add(tagged('vpc-theirs', 'vpc', { tags: tagsOf('vpc', stack, 'theirs') }));
    expect(await rig.recover('rec-1', { store })).toMatchObject({ kind: 'recovered' });
    expect(rig.recorded()).toEqual(['old vpc-old', 'vpc vpc-new']);
    expect(installation).not.toBe('theirs');
  });
});

describe('the engines of a recovery', () => {
  it('read the checkpoints of the upstreams, and write none of them', async () => {
    await interruptedCreate(rig);
    const upstream = 'example.transit-gateway';
    rig.bucket.set(
      checkpointKey(upstream),
      bodyOf([raw('gateway', { id: 'tgw-1' })]).replaceAll(`pulumi:${stack}::`, `pulumi:${upstream}::`),
    );
    const statuses: number[] = [];
    const { parts } = rig.engine;
    const stuck = await rig.takeOver('rec-1', store);
    const engine = {
      ...parts,
      refresh: async (request: Parameters<typeof parts.refresh>[0]) => {
        const key = checkpointKey(upstream);
        for (const method of ['GET', 'PUT'] as const)
          statuses.push((await rig.engine.request(method, request.backendUrl, key, method === 'PUT' ? bodyOf() : undefined))[0]);
        return parts.refresh(request);
      },
    };
    expect(await rig.recoverBehind('rec-1', stuck, { store, upstreams: [upstream], parts: { engine } })).toMatchObject({
      kind: 'recovered',
    });
    expect(statuses).toEqual([200, 403]);
  });

  it('read what the checkpoint refers to and the program no longer reads, and nothing of another network', async () => {
    const [dropped, others] = ['example.member.one', 'other.member.one'];
    for (const upstream of [dropped, others])
      rig.bucket.set(
        checkpointKey(upstream),
        bodyOf([raw('gateway', { id: 'tgw-1' })]).replaceAll(`pulumi:${stack}::`, `pulumi:${upstream}::`),
      );
    const references = [dropped, others].map((upstream) => {
      const name = `organization/holdfast/${upstream}`;
      return raw(name, { type: 'pulumi:pulumi:StackReference', inputs: { name }, outputs: { name } });
    });
    await rig.interrupted(() => {
      rig.write(stateOf([...references], [pending('creating', recorded('vpc', 1))]));
      rig.cloud.add(live('vpc', 1, 'vpc-new'));
    });
    const statuses: number[] = [];
    const { parts } = rig.engine;
    const engine = {
      ...parts,
      refresh: async (request: Parameters<typeof parts.refresh>[0]) => {
        for (const upstream of [dropped, others])
          statuses.push((await rig.engine.request('GET', request.backendUrl, checkpointKey(upstream), undefined))[0]);
        return parts.refresh(request);
      },
    };
    await rig.recoverBehind('rec-1', await rig.takeOver('rec-1', store), { store, parts: { engine } });
    expect(statuses).toEqual([200, 404]);
  });
});
