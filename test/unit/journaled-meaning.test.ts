import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { meaningOf } from '../../orchestrator/cli/journaled-meaning.ts';
import type { Program } from '../../orchestrator/ownership/stack-record.ts';
import { programQuestion } from '../../orchestrator/ui/recover.ts';
import { exampleOf } from './support/example.ts';

const today = { network: exampleOf(), graph: { nodes: [], byName: new Map() } } as unknown as Parameters<typeof meaningOf>[3];
const text = readFileSync(new URL('../../networks/example.yaml', import.meta.url), 'utf8');

const commit = 'a'.repeat(40);
const program: Program = { path: 'networks/example.yaml', digest: 'd'.repeat(64) };

it('a recovery goes by the network file that the run had, and by that of today where there was no run', () => {
  const meant = meaningOf({}, program, text, today);
  expect(meant.refused).toBeUndefined();
  expect(meant.graph.nodes.length).toBeGreaterThan(0);
  expect(meaningOf({}, undefined, undefined, today)).toEqual(today);
});

it('a file of the run that is refused today is told, and asked about, before that of today is gone by', () => {
  const { refused, ...meant } = meaningOf({}, program, `${text}\nno-such-field: 1\n`, today);
  expect(meant).toEqual(today);
  expect(refused).toContain('no-such-field');
  const { question, answers } = programQuestion('vpc.a', { run: 'r1', program }, refused);
  expect(question).toContain(`the code of today refuses the network file (${refused ?? ''}) that was used in run r1`);
  expect(answers.at(-1)?.command).toBe('npm run recover -- vpc.a --changed-program');
});

it('a file of the run whose text is gone from the bucket is told, and asked about, too: that of today may mean something else', () => {
  expect(meaningOf({}, program, undefined, today)).toEqual({ ...today, refused: 'it is not in the bucket any more' });
});

it('code that is not what it was is asked about, with the commit of then where the record names it', () => {
  const ask = (of: Program) => programQuestion('vpc.a', { run: 'r1', program: of }, undefined);
  expect(ask(program).question).toBe(
    'vpc.a: the code in stacks/ is not what it was in run r1. With which is the plan to be made that has to agree?',
  );
  expect(ask(program).answers.map(({ means }) => means)).toEqual(['with the code of today']);
  expect(ask({ ...program, commit }).question).toContain(`in run r1 (commit ${commit})`);
  expect(ask({ ...program, commit }).answers[0]?.command).toContain(`git worktree add ../holdfast-aaaaaaaa ${commit}`);
});
