import { afterAll, describe, expect, it } from 'vitest';
import { shortOf } from '../../../orchestrator/domain/stack-name.ts';
import type { RecoveryEnd } from '../../../orchestrator/recovery/recover-stack.ts';
import { describeHeld } from '../../../orchestrator/run/standing.ts';
import type { Held } from '../../../orchestrator/run/standing.ts';
import { alertOfLock, alertsOfHolds } from '../../../orchestrator/ui/alerts.ts';
import { describeOld } from '../../../orchestrator/ui/locks.ts';
import type { LockStatus } from '../../../orchestrator/ui/locks.ts';
import { programQuestion, writerQuestion } from '../../../orchestrator/ui/recover.ts';
import { describeRun } from '../../../orchestrator/ui/runs.ts';
import { styleFor } from '../../../orchestrator/ui/reporter.ts';
import { standingStatus } from '../../../orchestrator/ui/status.ts';
import { typedInShell } from '../../support/shell.ts';
import { cidr, interruptedCreate, live } from '../support/recovery-interruptions.ts';
import { closeGateway, RecoveryRig } from '../support/recovery-rig.ts';
import { tagsOf } from '../support/recovery.ts';

/** S6: what others have written, in the bucket and in AWS, is part of a command that a person is told to copy. */

afterAll(closeGateway);

/** A folder under the locks of the network, as its key has it. */
const evil = "example.x;touch PWNED;'$(touch PWNED)`touch PWNED`: #";
const held: Held = { kind: 'held', why: 'CreateVpc outcome unknown', since: '2026-01-01T00:00:00Z', doubts: [] };
const lock: LockStatus = {
  stack: evil,
  short: shortOf(evil),
  key: 'k',
  by: 'run',
  standing: 'held',
  owner: 'ada@build-7',
  operation: 'up',
  user: 'ada',
  host: 'build-7',
  pid: 1,
  run: 'r1',
  incident: null,
  ciLink: null,
  since: '2026-01-01T00:00:00Z',
  ageSeconds: 1,
  process: 'dead',
  liveness: null,
  livenessReason: null,
  lastHeard: null,
  tooOld: true,
  identity: 'i',
};

/** What is copied of a message: from the first command on. */
const copied = (text: string): string => text.slice(text.indexOf('npm run'));

function onlyLooks(line: string): void {
  expect(line).toMatch(/^npm run /);
  const { lines, besides } = typedInShell([line]);
  expect(besides).toEqual([]);
  for (const words of lines[0]?.ran ?? []) expect(words).toEqual(['npm', 'run', 'status']);
}

describe('a name in a key that is no stack’s', () => {
  it.each([
    ['as a held stack', () => describeHeld(shortOf(evil), held)],
    ['in a table of what stands', () => standingStatus(shortOf(evil), undefined, held, undefined, undefined, false, undefined).detail],
    [
      'as what is to be removed',
      () => standingStatus(shortOf(evil), undefined, undefined, { empty: false } as never, undefined, false, undefined).detail,
    ],
    ['in a message to people', () => alertsOfHolds('example', [], { byStack: new Map([[evil, held]]) } as never)[0]?.next ?? ''],
    [
      'in a run of the journal',
      () =>
        describeRun(
          { run: 'r1', events: [], unreadable: [] } as never,
          { held: [evil], run: 'r1', end: 'died', unreadable: [], accessKeyIds: [] } as never,
          styleFor({ write: () => undefined }, {}),
        ),
    ],
  ])('makes no command %s, but one that looks', (_, text) => {
    const told = text();
    onlyLooks(copied(told));
    expect(told).toContain('it is not a stack of this network');
  });

  it('makes no command of an old lock, but one that looks', () => {
    const old = describeOld(lock);
    onlyLooks(copied(old).replace(/^npm run status, and then /, ''));
    expect(old).toContain('it is not a stack of this network');
    onlyLooks(alertOfLock('example', lock).next.replace(/^npm run status, and then /, ''));
    // An old freeze is of an incident that somebody wrote down.
    const frozen = describeOld({ ...lock, stack: 'example.vpc.a', short: 'vpc.a', standing: 'frozen', incident: "x';touch PWNED;'" });
    const { lines, besides } = typedInShell([frozen.slice(frozen.indexOf('npm run unfreeze'))]);
    expect([lines[0]?.ran, besides]).toEqual([[['npm', 'run', 'unfreeze', '--', 'vpc.a', '--incident', "x';touch PWNED;'"]], []]);
  });
});

describe('a run and a commit in a record', () => {
  it('make no command where they are none', () => {
    const commit = '0;touch PWNED #';
    const question = programQuestion('vpc.a', { program: { commit } as never, run: '$(touch PWNED)' }, undefined);
    expect(question.answers.map(({ command }) => command)).toEqual(['npm run recover -- vpc.a --changed-program']);
    const [yes] = writerQuestion('vpc.a', { run: '$(touch PWNED)', process: {}, doubts: [] } as never, 'w', []).answers;
    onlyLooks(yes?.command ?? '');
  });

  it('of a true commit is checked out, and nothing else is done', () => {
    const commit = 'a'.repeat(40);
    const [then] = programQuestion('vpc.a', { program: { commit } as never, run: 'r1' }, undefined).answers;
    const { lines, besides } = typedInShell([then?.command ?? '']);
    expect(besides).toEqual([]);
    expect(lines[0]?.ran).toEqual([
      ['git', 'worktree', 'add', '../holdfast-aaaaaaaa', commit],
      ['cd', '../holdfast-aaaaaaaa'],
      ['npm', 'ci'],
      ['npm', 'run', 'recover', '--', 'vpc.a'],
    ]);
  });
});

describe('a recovery of a stack under whose tags a stranger has put an object', () => {
  const asked = async (name: string) => {
    const rig = new RecoveryRig({ old: cidr(0), vpc: cidr(1) });
    await interruptedCreate(rig);
    rig.cloud.add({ ...live('vpc', 1, 'vpc-8d11'), tags: tagsOf(name) });
    const end: RecoveryEnd = await rig.recover('rec-1');
    if (end.kind !== 'undecided') throw new Error(`it is ${end.kind}`);
    const dossier = [...rig.bucket.keys()].find((key) => key.endsWith('.md')) ?? '';
    return { questions: end.questions, page: rig.bucket.bodyOf(dossier) ?? '' };
  };

  it('asks with commands that do nothing but answer', async () => {
    const name = "vpc'; touch PWNED; '";
    const { questions } = await asked(name);
    const lines = questions.flatMap(({ answers }) => answers.map(({ command }) => command));
    const { lines: did, besides } = typedInShell(lines);
    expect(besides).toEqual([]);
    expect(did.map(({ ran }) => ran)).toEqual([
      [['npm', 'run', 'recover', '--', 'vpc.a', '--decide', `${name}=disown:vpc-8d11`]],
      [['npm', 'run', 'recover', '--', 'vpc.a']],
    ]);
  });

  it('says that only a tag says so', async () => {
    const { questions } = await asked('elsewhere');
    expect(questions.map(({ question }) => question)).toEqual([
      expect.stringMatching(
        /Only the tags of vpc-8d11 say that it belongs to vpc\.a, and anyone who may tag objects in this account can set them$/,
      ),
    ]);
  });

  it.each([
    ['a line break', 'vpc\n--decide'],
    ['what turns the line around', 'vpc\u202e'],
    ['another answer', 'a=adopt:vpc-1'],
    ['nothing', ''],
    ['more than is typed', 'x'.repeat(2000)],
  ])('offers no answer that cannot be typed, or means something else, to a name that has %s', async (_, name) => {
    const { questions } = await asked(name);
    expect(questions.flatMap(({ answers }) => answers)).toEqual([
      {
        means: 'no command can name it: correct what is wrong with its name, in the tag of the object or in the program, and then again',
        command: 'npm run recover -- vpc.a',
      },
    ]);
  });

  it('has each command as one piece of code in its dossier', async () => {
    const { page } = await asked('a`b ``');
    expect(page).toContain("```npm run recover -- vpc.a --decide 'a`b ``=disown:vpc-8d11'```");
  });
});
