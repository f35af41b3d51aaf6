import { describe, expect, it } from 'vitest';
import type { JournalEvent, NewEvent } from '../../orchestrator/journal/events.ts';
import type { ReadableDossier } from '../../orchestrator/recovery/dossier.ts';
import { releaseChecklist } from '../../orchestrator/recovery/release-checklist.ts';
import type { ChecklistFacts, Item } from '../../orchestrator/recovery/release-checklist.ts';
import type { StackState } from '../../orchestrator/state/checkpoints.ts';
import { stack } from './support/recovery.ts';

const lock = '"lock-2"';
const checkpoint = '"promoted"';

const event = (written: NewEvent): JournalEvent => ({
  schema: 1,
  run: 'r1',
  network: 'example',
  writer: 'rec',
  sequence: 1,
  at: '2030-01-01T00:00:00.000Z',
  ...written,
});
const dead = event({ type: 'writer-dead', stack, epoch: 2, recovery: 'rec', how: 'its last session expired' });
const copied = event({ type: 'quarantined', stack, epoch: 2, recovery: 'rec', prefix: '.holdfast/quarantine/', versions: 7, checkpoint });

const state = (etag: string, pending: StackState['pendingOperations'] = []): StackState => ({
  stack,
  short: 'vpc.a',
  key: 'k',
  etag,
  body: '',
  modified: new Date(0),
  resources: 1,
  ids: [],
  empty: false,
  pendingOperations: pending,
  upstreams: [],
  outputs: {},
});
const dossier = (different: Partial<ReadableDossier> = {}): ReadableDossier => ({
  schema: 1,
  recovery: 'rec',
  outcome: 'held',
  why: 'the lock could not be released',
  promoted: checkpoint,
  lock: { etag: lock },
  ...different,
});
const verified = (etag: string | null) => ({ stack, run: 'r1', at: '', checkpoint: etag, etag: '"record"' });

/** Of a stack of which everything is done. */
const listOf = (different: Partial<ChecklistFacts> = {}): readonly Item[] =>
  releaseChecklist({
    lock,
    state: state(checkpoint),
    unreadable: undefined,
    verified: verified(checkpoint),
    events: [dead, copied],
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
    ['where nobody has looked whether the writer is dead', { events: [copied] }, [0], 'nobody has looked: npm run recover does'],
    ['where nothing was copied', { events: [dead] }, [1], 'nothing was copied'],
    ['where there is no dossier', { dossier: undefined }, [2, 3], 'there is no dossier'],
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
    ['where none was verified', { verified: undefined }, [3], 'the checkpoint is the one that was verified'],
    ['where an operation is pending', { state: state(checkpoint, [{ type: 'creating', urn: 'u' }]) }, [4], '1 in the checkpoint'],
    ['where the checkpoint cannot be read', { state: undefined, unreadable: 'it is not JSON' }, [3, 4], 'it is not JSON'],
  ])('%s', (_, different, undone, detail) => {
    const items = listOf(different);
    expect(items.flatMap(({ done }, index) => (done ? [] : [index]))).toEqual(undone);
    expect(items[undone[0] ?? 0]?.detail).toBe(detail);
  });
});

it('goes by the last that was found of each', () => {
  const later = event({ type: 'quarantined', stack, epoch: 3, recovery: 'rec', prefix: 'later/', versions: 9, checkpoint });
  expect(listOf({ events: [dead, copied, later] })[1]?.detail).toBe('9 under later/');
});
