import { beforeEach, describe, expect, it } from 'vitest';
import { describeAnswer } from '../../orchestrator/recovery/describe.ts';
import { contentOf, dossierKey, readDossiers, writeDossier, writeReleaseNote } from '../../orchestrator/recovery/dossier.ts';
import type { Dossier } from '../../orchestrator/recovery/dossier.ts';
import { dossierPage } from '../../orchestrator/ui/dossier-page.ts';
import { dossier } from './support/dossier.ts';
import { MemoryStore } from './support/memory-store.ts';
import { deploymentOf, raw, stack, types } from './support/recovery.ts';

const pageOf = (different: Partial<Dossier> = {}): string[] => dossierPage({ ...dossier, ...different }).split('\n');
/** The lines below a title, up to the next one. */
function sectionOf(title: string, different: Partial<Dossier> = {}): string[] {
  const lines = pageOf(different);
  const from = lines.indexOf(`## ${title}`);
  if (from < 0) return [];
  const rest = lines.slice(from + 1);
  const to = rest.findIndex((line) => line.startsWith('## '));
  return (to < 0 ? rest : rest.slice(0, to)).filter((line) => line !== '');
}

describe('the page', () => {
  it.each<readonly [Dossier['outcome'], string]>([
    ['recovered', 'recovered: state and AWS agree, and the lock is released'],
    ['undecided', 'a person must decide; the stack is held, and nothing was written to its state'],
    ['held', 'not recovered; the stack is held as before'],
    ['refused', 'an answer that cannot be; the stack is held as before'],
    ['lost', 'given up: somebody else took the stack over'],
  ])('begins with how it ended: %s', (outcome, words) => {
    expect(pageOf({ outcome })[0]).toBe(`# ${stack}: ${words}`);
  });

  it('says who, where, when, why, and under which lock', () => {
    expect(pageOf().slice(2, 10)).toEqual([
      '- interrupted run: r1',
      '- recovery: 20300101T000500Z-rec by ada@laptop, 2030-01-01T00:05:00.000Z to 2030-01-01T00:06:30.000Z (1 min 30 s)',
      '- where: network example, account 111122223333, eu-west-1',
      '- incident: INC-7',
      '- nobody else could write: a person says so, said by ada@laptop',
      '- lock: locked by bob since 2030-01-01T00:00:00.000Z',
      '- lock released: 2030-01-01T00:06:20.000Z',
      '- quarantine: 12 versions under .holdfast/quarantine/x/',
    ]);
  });

  it('says what is not known, and why it did not recover', () => {
    const page = pageOf({
      incident: null,
      why: 'AWS could not be looked at',
      quarantine: null,
      writer: { how: 'it is dead', saidBy: null },
      lock: { ...dossier.lock, before: null, releasedAt: null },
    });
    expect(page.slice(5, 11)).toEqual([
      '- incident: none named',
      '- nobody else could write: it is dead',
      '- lock: none stood when the recovery began',
      '- lock released: not released',
      '- quarantine: nothing was copied',
      '- why not: AWS could not be looked at',
    ]);
  });

  it('has each step with its time, in a table that no text breaks', () => {
    expect(sectionOf('What was done')).toEqual([
      '| time (UTC) | took | step |  |',
      '| --- | --- | --- | --- |',
      '| 00:05:01 | 1 s | froze | took over the lock |',
      '| 00:06:20 | 1 min 19 s | released the lock | the lock \\| that was\\\\nreconciled |',
    ]);
  });

  it('has each decision with its row and its evidence, and counts what was kept', () => {
    const [, , first, second, ...rest] = sectionOf('Decisions');
    expect(first).toContain('| vpc | vpc-1 | condemn (R3) |');
    expect(second).toContain('| vpc | vpc-2 | adopt (U2) |');
    expect(second).toContain('pending-operation: the checkpoint says "creating"; inventory: 2 looks: vpc-2 is there, with our tags');
    expect(rest).toEqual([
      'Everything else (1 objects) is in AWS as the state has it.',
      'Answers given: vpc=adopt:vpc-2',
      'Looks at AWS: 00:05:10 (3 objects). CloudTrail: 4 events by the key of the run.',
    ]);
  });

  it('has every question with a command for each answer', () => {
    const questions = [{ question: 'Whose is it?', answers: [{ means: 'ours', command: "npm run recover -- a --decide 'x=adopt:y'" }] }];
    expect(sectionOf('To decide', { questions })).toEqual(['- Whose is it?', "  - ours: `npm run recover -- a --decide 'x=adopt:y'`"]);
  });

  it('has no section of what there is none of', () => {
    expect([
      sectionOf('To decide'),
      sectionOf('Other differences', { differences: [] }),
      sectionOf('Final plan', { plan: null, confirmed: null }),
    ]).toEqual([[], [], []]);
  });

  it('has what differs otherwise', () => {
    expect(sectionOf('Other differences')).toEqual(['- vpc-1 has other tags']);
  });

  it('has each cloud object before and after, and what was pending', () => {
    expect(sectionOf('Before and after')).toEqual([
      '| resource | type | id | before | after |',
      '| --- | --- | --- | --- | --- |',
      '| vpc | Vpc | vpc-1 | there | to be deleted |',
      '| vpc | Vpc | vpc-2 |  | there |',
      '- before: creating vpc',
    ]);
  });

  it.each<readonly [string, Partial<Dossier>, readonly string[]]>([
    ['the one on the bucket', {}, ['- delete vpc (Vpc)']],
    ['the one that was verified, where there is none on the bucket', { confirmed: null }, ['Empty: nothing to do.']],
    [
      'with what changes',
      { confirmed: { changes: [{ urn: '', name: 'vpc', type: types.vpc, op: 'update', changed: ['tags', 'cidrBlock'] }] } },
      ['- update vpc (Vpc): tags, cidrBlock'],
    ],
    ['that failed', { confirmed: { failed: ['no credentials'] } }, ['The plan failed:', '- no credentials']],
  ])('has the final plan: %s', (_, different, lines) => {
    expect(sectionOf('Final plan', different)).toEqual(lines);
  });

  it('tells what waits for its replacement', () => {
    const content = contentOf(deploymentOf([raw('vpc', { id: 'vpc-1', pendingReplacement: true }), raw('new')]), null);
    expect(content.resources.map(({ id, state }) => [id, state])).toEqual([
      ['vpc-1', 'deleted, to be replaced'],
      [null, 'there'],
    ]);
  });
});

describe('dossiers in the bucket', () => {
  let store: MemoryStore;
  beforeEach(() => {
    store = new MemoryStore();
  });

  it('are one object of all and a page beside it', async () => {
    const page = await writeDossier(store, dossier, dossierPage(dossier), 0);
    expect(store.keys()).toEqual([dossierKey(dossier), page]);
    expect(JSON.parse(store.bodyOf(dossierKey(dossier)) ?? '')).toEqual(dossier);
    expect(store.bodyOf(page)).toBe(dossierPage(dossier));
  });

  it('are written once: a second one of the same recovery gets a name of its own, and is read after the first', async () => {
    const first = await writeDossier(store, dossier, 'one', 0);
    const second = await writeDossier(store, { ...dossier, outcome: 'held', why: 'again' }, 'two', 0);
    expect([store.bodyOf(first), store.bodyOf(second)]).toEqual(['one', 'two']);
    expect(JSON.parse(store.bodyOf(dossierKey(dossier)) ?? '')).toEqual(dossier);
    const read = await readDossiers(store, 'example', 'r1', stack);
    expect(read.map(({ outcome }) => outcome)).toEqual([dossier.outcome, 'held']);
    expect(store.keys()).toHaveLength(4);
  });

  it('are read oldest first, without the notes of releases, other stacks, and what cannot be read', async () => {
    for (const recovery of ['20300102T000000Z-b', '20300101T000000Z-a']) await writeDossier(store, { ...dossier, recovery }, '', 0);
    await writeDossier(store, { ...dossier, stack: 'example.vpc.b' }, '', 0);
    await writeReleaseNote(store, {
      network: 'example',
      run: 'r1',
      stack,
      by: 'ada',
      incident: 'INC-7',
      at: '2030-01-01T00:00:00.000Z',
      unreconciled: true,
      items: [],
    });
    store.set(dossierKey({ ...dossier, recovery: 'broken' }), '{');
    const read = await readDossiers(store, 'example', 'r1', stack);
    expect(read.map(({ recovery }) => recovery)).toEqual(['20300101T000000Z-a', '20300102T000000Z-b']);
  });

  it('are read also where they say more than is asked', async () => {
    store.set(dossierKey(dossier), { ...dossier, more: 1, evidence: 'other' });
    expect(await readDossiers(store, 'example', 'r1', stack)).toMatchObject([{ promoted: '"a"', lock: { etag: '"2"' } }]);
  });

  it('have the note of a release beside them, with its time in its name', async () => {
    await writeReleaseNote(store, {
      network: 'example',
      run: 'r1',
      stack,
      by: 'ada',
      incident: 'INC-7',
      at: '2030-01-01T00:00:00.000Z',
      unreconciled: false,
      items: [],
    });
    expect(store.keys()).toEqual([`.holdfast/dossiers/example/r1/${stack}/release-20300101T000000000Z.json`]);
  });
});

describe('in words', () => {
  it.each([
    [{ resource: 'vpc', answer: 'adopt', id: 'vpc-1' }, 'vpc=adopt:vpc-1'],
    [{ resource: 'vpc', answer: 'forget' }, 'vpc=forget'],
  ] as const)('an answer is as a person types it: %j', (answer, words) => {
    expect(describeAnswer(answer)).toBe(words);
  });
});
