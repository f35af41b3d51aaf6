import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { meaningOf, programQuestion } from '../../orchestrator/cli/journaled-meaning.ts';
import type { Interrupted } from '../../orchestrator/recovery/interrupted.ts';
import { exampleOf } from './support/example.ts';
import { processOf } from './support/owner.ts';

const today = { network: exampleOf(), graph: { nodes: [], byName: new Map() } } as unknown as Parameters<typeof meaningOf>[2];
const text = readFileSync(new URL('../../networks/example.yaml', import.meta.url), 'utf8');

const opening = (of: string): NonNullable<Interrupted['opening']> => ({
  schema: 1,
  network: 'example',
  type: 'run-opened',
  run: 'r1',
  writer: 'r1',
  sequence: 1,
  at: '2030-01-01T00:00:00Z',
  operation: 'up',
  process: processOf('r1'),
  session: { accessKeyId: 'K', session: 's', expires: 'never' },
  account: '111122223333',
  region: 'eu-west-1',
  order: [],
  forecastSeconds: 0,
  networkFile: { path: 'networks/example.yaml', text: of },
});

it('a recovery goes by the network file that the run had, and by that of today where there was no run', () => {
  const meant = meaningOf({}, { opening: opening(text) }, today);
  expect(meant.refused).toBeUndefined();
  expect(meant.graph.nodes.length).toBeGreaterThan(0);
  expect(meaningOf({}, { opening: undefined }, today)).toEqual(today);
});

it('a file of the run that is refused today is told, and asked about, before that of today is gone by', () => {
  const { refused, ...meant } = meaningOf({}, { opening: opening(`${text}\nno-such-field: 1\n`) }, today);
  expect(meant).toEqual(today);
  expect(refused).toContain('no-such-field');
  const { question, answers } = programQuestion('vpc.a', { run: 'r1', opening: opening('') }, refused);
  expect(question).toContain(`the code of today refuses the network file (${refused ?? ''}) that was used in run r1`);
  expect(answers.at(-1)?.command).toBe('npm run recover -- vpc.a --changed-program');
});
