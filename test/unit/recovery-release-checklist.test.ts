import { describe, expect, it } from 'vitest';
import type { Verified } from '../../orchestrator/ownership/stack-record.ts';
import type { ReadableDossier } from '../../orchestrator/recovery/dossier.ts';
import type { ChecklistFacts } from '../../orchestrator/recovery/release-checklist.ts';
import type { StackState } from '../../orchestrator/state/checkpoints.ts';
import { checklistOf } from '../../orchestrator/ui/release.ts';
import type { Item } from '../../orchestrator/ui/release.ts';
import { stack } from './support/recovery.ts';

const lock = '"lock-2"';
const checkpoint = '"promoted"';

const state = (etag: string, pending: StackState['pendingOperations'] = []): StackState => ({
  stack,
  short: 'vpc.a',
  key: 'k',
  etag,
  body: '',
  modified: new Date(0),
  resources: 1,
  ids: [],
  types: [],
  empty: false,
  pendingOperations: pending,
  upstreams: [],
  outputs: {},
});
const dossier = (different: Partial<ReadableDossier> = {}): ReadableDossier => ({
  schema: 1,
  network: 'example',
  run: 'r1',
  stack,
  recovery: 'rec',
  outcome: 'held',
  why: 'the lock could not be released',
  promoted: checkpoint,
  lock: { etag: lock },
  writer: { how: 'its last session expired' },
  quarantine: { prefix: '.holdfast/quarantine/', versions: 7 },
  ...different,
});
const at = '2030-01-01T00:00:00.000Z';
const verified = (etag: string): Verified => ({ kind: 'at', etag, modified: at, run: 'r1', since: at });

/** Of a stack of which everything is done. */
const listOf = (different: Partial<ChecklistFacts> = {}): readonly Item[] =>
  checklistOf({
    lock,
    state: state(checkpoint),
    unreadable: undefined,
    verified: verified(checkpoint),
    dossier: dossier(),
    ...different,
  });

const points = [
  'nobody else can write',
  'every version is in quarantine',
  'a recovery looked at AWS behind this very lock',
  'state and AWS agree at this very checkpoint',
  'no operation is pending',
];

it('is the incident’s own order, and done where all of it is', () => {
  expect(listOf().map(({ what, done }) => [what, done])).toEqual(points.map((what) => [what, true]));
});

it('tells what each point rests on', () => {
  expect(listOf().map(({ detail }) => detail)).toEqual([
    'its last session expired',
    '7 under .holdfast/quarantine/',
    'dossier of rec: held',
    'the checkpoint is the one that was verified',
    'none',
  ]);
});

describe('a point is not done', () => {
  it.each<readonly [string, Partial<ChecklistFacts>, readonly number[], string]>([
    [
      'where no recovery has looked, as there is no dossier',
      { dossier: undefined },
      [0, 1, 2, 3],
      'nobody has looked: npm run recover does',
    ],
    ['where nothing was copied', { dossier: dossier({ quarantine: null }) }, [1], 'nothing was copied'],
    [
      'where the dossier is of another lock',
      { dossier: dossier({ lock: { etag: '"lock-1"' } }) },
      [2, 3],
      'the dossier of rec is of another lock: somebody has taken it over, or put it back, since',
    ],
    ['where the recovery wrote no checkpoint', { dossier: dossier({ promoted: null, why: 'two VPCs' }) }, [3], 'two VPCs'],
    [
      'where the recovery wrote none, and does not say why',
      { dossier: dossier({ promoted: null, why: null }) },
      [3],
      'the recovery wrote no checkpoint',
    ],
    [
      'where somebody wrote the checkpoint since',
      { state: state('"other"') },
      [3],
      'the checkpoint was written by somebody since it was verified',
    ],
    ['where the checkpoint is gone', { state: undefined }, [3], 'the checkpoint was written by somebody since it was verified'],
    ['where another version was verified', { verified: verified('"older"') }, [3], 'the checkpoint is the one that was verified'],
    ['where there is no record', { verified: undefined }, [3], 'the checkpoint is the one that was verified'],
    ['where there was none when it was verified', { verified: { kind: 'absent' } }, [3], 'the checkpoint is the one that was verified'],
    [
      'where it was released over a state that may not be true',
      { verified: { kind: 'unknown', incident: 'INC-1', since: at } },
      [3],
      'the checkpoint is the one that was verified',
    ],
    ['where an operation is pending', { state: state(checkpoint, [{ type: 'creating', urn: 'u' }]) }, [4], '1 in the checkpoint'],
    ['where the checkpoint cannot be read', { state: undefined, unreadable: 'it is not JSON' }, [3, 4], 'it is not JSON'],
  ])('%s', (_, different, undone, detail) => {
    const items = listOf(different);
    expect(items.flatMap(({ done }, index) => (done ? [] : [index]))).toEqual(undone);
    expect(items[undone[0] ?? 0]?.detail).toBe(detail);
  });
});

it('says of each point that there is no dossier where there is none', () => {
  expect(listOf({ dossier: undefined }).map(({ detail }) => detail)).toEqual([
    'nobody has looked: npm run recover does',
    'nothing was copied',
    'there is no dossier',
    'not known',
    'none',
  ]);
});
