import { contentOf } from '../../../orchestrator/recovery/dossier.ts';
import type { Dossier } from '../../../orchestrator/recovery/dossier.ts';
import { recoveryWords } from '../../../orchestrator/ui/recovery.ts';
import { subjectsOf } from '../../../orchestrator/recovery/subjects.ts';
import { deploymentOf, evidenceOf, pending, raw, root, stack, tagged, types, urnOf } from './recovery.ts';

const before = deploymentOf([root, raw('vpc', { id: 'vpc-1' })], [pending('creating', raw('vpc'))]);
const after = deploymentOf([root, raw('vpc', { id: 'vpc-2' }), raw('vpc', { id: 'vpc-1', delete: true })]);
const subjects = subjectsOf(evidenceOf({ versions: [before], objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] }));
const kept = subjectsOf(evidenceOf({ versions: [deploymentOf([raw('net', { id: 'vpc-9' })])], objects: [tagged('vpc-9', 'net')] }));

/** Of a recovery that found something of every kind. */
export const dossier: Dossier = {
  schema: 1,
  recovery: '20300101T000500Z-rec',
  run: 'r1',
  network: 'example',
  stack,
  account: '111122223333',
  region: 'eu-west-1',
  by: 'ada@laptop',
  incident: 'INC-7',
  startedAt: '2030-01-01T00:05:00.000Z',
  endedAt: '2030-01-01T00:06:30.000Z',
  outcome: 'recovered',
  why: null,
  questions: [],
  steps: [
    { step: 'freeze', at: '2030-01-01T00:05:01.000Z', seconds: 1, said: 'took over the lock' },
    { step: 'release', at: '2030-01-01T00:06:20.000Z', seconds: 79, said: 'the lock | that was\nreconciled' },
  ],
  lock: {
    before: { etag: '"1"', owner: 'locked by bob', since: '2030-01-01T00:00:00.000Z' },
    etag: '"2"',
    epoch: 2,
    releasedAt: '2030-01-01T00:06:20.000Z',
  },
  writer: { how: 'a person says so', saidBy: 'ada@laptop' },
  quarantine: { prefix: '.holdfast/quarantine/x/', manifest: '.holdfast/quarantine/x/manifest.json', versions: 12 },
  before: contentOf(before, '"b"'),
  after: contentOf(after, '"a"'),
  promoted: '"a"',
  evidence: [...subjects, ...kept].map(({ urn, name, type, id, row, facts, sources }) => ({
    urn,
    name,
    type,
    id: id ?? null,
    decision: row.then,
    row: row.row,
    because: recoveryWords.because(row),
    facts,
    sources: sources.map((source) => ({ from: source.from, says: recoveryWords.source(source) })),
  })),
  looks: [{ at: '2030-01-01T00:05:10.000Z', objects: 3, incomplete: [] }],
  trail: '4 events by the key of the run',
  answers: [{ resource: 'vpc', answer: 'adopt', id: 'vpc-2' }],
  differences: ['vpc-1 has other tags'],
  plan: { changes: [] },
  confirmed: { changes: [{ urn: urnOf('vpc'), name: 'vpc', type: types.vpc, op: 'delete', changed: [] }] },
};
