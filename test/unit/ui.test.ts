import { describe, expect, it } from 'vitest';
import { Foreign } from '../../orchestrator/domain/foreign.ts';
import type { NetworkPlan, RunEvent, StackEnd, StackPlan } from '../../orchestrator/run/events.ts';
import { noChanges } from '../../orchestrator/run/events.ts';
import { describeCheck, describeEnd, describeEvent } from '../../orchestrator/ui/describe.ts';
import { openReporter, styleFor } from '../../orchestrator/ui/reporter.ts';
import type { Style } from '../../orchestrator/ui/reporter.ts';
import { clip, table } from '../../orchestrator/ui/table.ts';
import { everyEvent } from './support/events.ts';

const red = (text: string): string => `\u001b[31m${text}\u001b[0m`;

const visible = (text: string): string => text.replaceAll(/\u001b\[\d+m/g, '');

const plain: Style = styleFor({ write: () => true }, {});
const terminal = (columns: number, env: Record<string, string> = {}): Style => styleFor({ write: () => true, isTTY: true, columns }, env);

const linesOf = (event: RunEvent, style: Style = plain): string[] => describeEvent(event, style)?.split('\n') ?? [];

describe('clipping', () => {
  it('leaves alone what fits', () => {
    expect(clip('abcde', 5)).toBe('abcde');
  });

  it('cuts at the width, with a mark', () => {
    expect(clip('abcdef', 5)).toBe('abcd…');
  });

  it('counts colour codes as nothing', () => {
    expect(clip(red('abcde'), 5)).toBe(red('abcde'));
  });

  it('closes a colour that it cut in the middle', () => {
    const cut = clip(`a${red('bcdefgh')}i`, 4);
    expect(visible(cut)).toBe('abc…');
    expect(cut.lastIndexOf('\u001b[0m')).toBeGreaterThan(cut.lastIndexOf('\u001b[31m'));
  });

  it('never cuts where there is no width', () => {
    expect(clip('a'.repeat(1000), Number.POSITIVE_INFINITY)).toHaveLength(1000);
  });
});

describe('a table', () => {
  it('has its columns one below the other, whatever the colours', () => {
    const rows = [
      ['vpc.a', red('FAILED'), 'x'],
      ['transit-gateway', 'ok', 'y'],
    ];
    const lines = table(rows, 80).split('\n').map(visible);
    expect(lines).toEqual(['vpc.a            FAILED  x', 'transit-gateway  ok      y']);
  });

  it('is no wider than the terminal', () => {
    const rows = [
      ['vpc.a', red('FAILED'), red('a long story of what went wrong')],
      ['b', 'ok', ''],
    ];
    for (const line of table(rows, 24).split('\n')) expect(visible(line).length).toBeLessThanOrEqual(24);
  });

  it('leaves no blanks at the end of a line', () => {
    expect(
      table(
        [
          ['a', ''],
          ['bbb', 'c'],
        ],
        80,
      ),
    ).toBe('a\nbbb  c');
  });

  it('of nothing is nothing', () => {
    expect(table([], 80)).toBe('');
  });
});

describe('colour', () => {
  it('is there on a terminal', () => {
    expect(terminal(80).red('x')).toBe(red('x'));
  });

  it.each([{ NO_COLOR: '1' }, { NO_COLOR: 'false' }, { TERM: 'dumb' }])('is not there with %j', (env) => {
    expect(terminal(80, env).red('x')).toBe('x');
  });

  it('is there with an empty NO_COLOR', () => {
    expect(terminal(80, { NO_COLOR: '' }).red('x')).toBe(red('x'));
  });

  it('is not there where there is no terminal', () => {
    expect(plain.red('x')).toBe('x');
  });

  it('is nowhere in any event with NO_COLOR', () => {
    for (const event of everyEvent) expect(describeEvent(event, terminal(80, { NO_COLOR: '1' })) ?? '').not.toContain('\u001b');
  });
});

describe('the first line', () => {
  const target = {
    type: 'target',
    command: 'up',
    network: 'prod',
    file: 'networks/prod.yaml',
    account: '444455556666',
    region: 'eu-west-1',
  } as const;

  it.each(['LAB', 'REAL'] as const)('says network, account, region and %s', (kind) => {
    expect(linesOf({ ...target, target: kind })).toEqual([`prod  account 444455556666  eu-west-1  ${kind}`]);
  });

  it('fits a narrow terminal', () => {
    expect(visible(linesOf({ ...target, target: 'REAL' }, terminal(30)).join('\n')).length).toBeLessThanOrEqual(30);
  });
});

describe('a check', () => {
  it('that is ok is one line, also on a narrow terminal', () => {
    const check = {
      id: 'identity',
      title: 'identity and account',
      outcome: 'ok',
      fatalFor: [],
      message: 'arn:aws:sts::111122223333:assumed-role/deployer/x',
    } as const;
    expect(describeCheck(check, plain)).toBe('ok   identity and account: arn:aws:sts::111122223333:assumed-role/deployer/x');
    expect(visible(describeCheck(check, terminal(40))).length).toBeLessThanOrEqual(40);
  });

  it('that could not look says that it was not checked, and why', () => {
    const check = {
      id: 'locks',
      title: 'locks',
      outcome: 'not-checked',
      fatalFor: [],
      message: 'the state bucket could not be read',
    } as const;
    expect(describeCheck(check, plain)).toBe('---- locks: not checked: the state bucket could not be read');
  });

  it.each([
    ['warn', 'warn'],
    ['fail', 'FAIL'],
  ] as const)('that is a %s has its place, and below it what to do', (outcome, mark) => {
    const check = {
      id: 'zones',
      title: 'zones',
      outcome,
      fatalFor: [],
      message: 'no zone z',
      next: 'Use another.',
      file: 'n.yaml',
      line: 7,
    } as const;
    expect(describeCheck(check, plain).split('\n')).toEqual([`${mark} zones: n.yaml:7: no zone z`, '     next  Use another.']);
  });
});

describe('a problem', () => {
  it('has file and line as an editor finds them, and below it what to do', () => {
    const problem = { reason: 'unknown-key', message: 'unknown key "vpc"', next: 'Did you mean "vpcs"?', file: 'n.yaml', line: 3 };
    expect(linesOf({ type: 'problem', problem })).toEqual(['error n.yaml:3: unknown key "vpc"', '  next  Did you mean "vpcs"?']);
  });

  it('without a place has none', () => {
    expect(linesOf({ type: 'problem', problem: { reason: 'x', message: 'no', next: 'do' } })[0]).toBe('error no');
  });
});

describe('a plan', () => {
  const stack = (short: string, more: Partial<StackPlan>): StackPlan => ({
    stack: `example.${short}`,
    short,
    exists: true,
    hasChanges: true,
    counts: noChanges,
    changes: [],
    ...more,
  });
  const create = (name: string) => ({ op: 'create', urn: name, type: 'aws:ec2/subnet:Subnet', name, changed: [], replacing: [] }) as const;
  const planned = (plan: Partial<NetworkPlan>): string[] =>
    linesOf({ type: 'plan', plan: { stacks: [], passes: [], failed: [], notInFile: [], ...plan } });

  it('of a new stack counts, and names nothing', () => {
    const changes = [create('subnet-a'), create('subnet-b')];
    expect(planned({ stacks: [stack('vpc.a', { exists: false, counts: { ...noChanges, create: 2 }, changes })] })).toEqual([
      'plan',
      '  vpc.a (new)  2 to create',
    ]);
  });

  it('has the name that the network file has by now behind the one that a stack was deployed with', () => {
    expect(planned({ stacks: [stack('vpc.a', { nameInFile: 'b' })] })).toContain('  vpc.a (b)  only outputs or settings');
  });

  it('has what the network file hardly means behind it, by line', () => {
    const warning = { reason: 'unused-blackhole', path: [], segment: 'red', to: '10.9.0.0/16', line: 12 } as const;
    expect(planned({ stacks: [stack('vpc.a', {})], warnings: [warning] })).toEqual([
      'plan',
      '  vpc.a  only outputs or settings',
      '  1 warning:',
      '    line 12: blackhole 10.9.0.0/16 of segment red drops nothing: longer routes have all of its addresses.',
    ]);
  });

  it('of a stack that exists names what is created, too', () => {
    expect(planned({ stacks: [stack('vpc.a', { counts: { ...noChanges, create: 1 }, changes: [create('subnet-a')] })] })).toEqual([
      'plan',
      '  vpc.a  1 to create',
      '    + create subnet-a Subnet',
    ]);
  });

  it('names what is updated, replaced and deleted, and why', () => {
    const vpc = 'aws:ec2/vpc:Vpc';
    const lines = planned({
      stacks: [
        stack('vpc.a', {
          counts: { ...noChanges, update: 1, replace: 1, delete: 1 },
          changes: [
            { op: 'update', urn: 'urn:pulumi:a::b::c::d', type: vpc, name: 'one', changed: ['tags.team'], replacing: [] },
            {
              op: 'replace',
              urn: 'urn:pulumi:a::b::c::d',
              type: vpc,
              name: 'two',
              changed: ['cidrBlock', 'tags'],
              replacing: ['cidrBlock'],
            },
            { op: 'delete', urn: 'urn:pulumi:a::b::c::d', type: vpc, name: 'three', changed: [], replacing: [] },
          ],
        }),
      ],
    });
    expect(lines).toEqual([
      'plan',
      '  vpc.a  1 to update, 1 to replace, 1 to delete',
      '    ~ update one Vpc: tags.team',
      '    ± replace two Vpc: cidrBlock',
      '    - delete three Vpc',
    ]);
  });

  it('in which only outputs change says so', () => {
    expect(planned({ stacks: [stack('vpc.a', {})] })).toEqual(['plan', '  vpc.a  only outputs or settings']);
  });

  it('counts what stays the same', () => {
    const same = { hasChanges: false };
    expect(
      planned({ stacks: [stack('vpc.a', { counts: { ...noChanges, create: 1 } }), stack('vpc.b', same), stack('vpc.c', same)] }),
    ).toContain('  2 stacks unchanged');
  });

  it('of nothing says that there is nothing to do', () => {
    expect(planned({ stacks: [stack('vpc.a', { hasChanges: false })] })).toEqual(['plan: nothing to do, all 1 stack unchanged']);
  });

  it('has what could not be planned, with its errors', () => {
    expect(planned({ failed: [{ stack: 'example.vpc.a', short: 'vpc.a', errors: ['no'] }] })).toEqual(['  FAIL vpc.a', '           no']);
  });

  it('has what is not in the network file, with the command that removes it', () => {
    expect(planned({ notInFile: [{ stack: 'example.vpc.old', short: 'vpc.old', resources: 3 }] })).toEqual([
      '  not in the network file: vpc.old (3 resources); it stays. Destroy it: npm run destroy -- vpc.old, or all that has left the file: npm run up -- --prune',
    ]);
  });

  it('of changed resources is no wider than the terminal', () => {
    const changes = [
      { op: 'update', urn: 'urn:pulumi:a::b::c::d', type: 'aws:ec2/vpc:Vpc', name: 'n'.repeat(90), changed: ['tags'], replacing: [] },
    ] as const;
    const text =
      describeEvent(
        { type: 'plan', plan: { stacks: [stack('vpc.a', { changes })], passes: [], failed: [], notInFile: [] } },
        terminal(40),
      ) ?? '';
    for (const line of text.split('\n')) expect(visible(line).length).toBeLessThanOrEqual(40);
  });
});

describe('the end of a stack', () => {
  it.each<readonly [StackEnd, string]>([
    [{ outcome: 'applied', counts: { ...noChanges, create: 2, same: 1 } }, 'applied  vpc.a  2 created (1 min 5 s)'],
    [{ outcome: 'applied', counts: { ...noChanges, same: 3 } }, 'applied  vpc.a  nothing changed (1 min 5 s)'],
    [{ outcome: 'destroyed', deleted: 4 }, 'gone     vpc.a  4 deleted (1 min 5 s)'],
    [{ outcome: 'unchanged' }, 'same     vpc.a'],
    [{ outcome: 'failed', errors: ['one', 'two'] }, 'FAILED   vpc.a (1 min 5 s)\n           one\n           two'],
    [
      { outcome: 'held', errors: ['outcome unknown: create of vpc'] },
      'HELD     vpc.a (1 min 5 s)\n           outcome unknown: create of vpc',
    ],
    [{ outcome: 'locked', message: 'by ada' }, 'LOCKED   vpc.a  by ada'],
    [{ outcome: 'skipped', because: 'gateway failed' }, 'skipped  vpc.a  because gateway failed'],
    [{ outcome: 'not-started', reason: 'stopped', because: 'stopped by a signal' }, 'left     vpc.a  not started: stopped by a signal'],
  ])('%j reads as one', (end, text) => {
    expect(describeEnd('vpc.a', end, 65, plain)).toBe(text);
  });
});

describe('the summary', () => {
  const summary = (ends: readonly (readonly [short: string, end: StackEnd])[], exitCode: 0 | 1): string[] =>
    linesOf({
      type: 'summary',
      command: 'up',
      ends: ends.map(([short, end]) => ({ stack: `example.${short}`, short, end, seconds: 10 })),
      seconds: 125,
      exitCode,
    });
  const applied: StackEnd = { outcome: 'applied', counts: { ...noChanges, create: 1 } };

  it('has a row for each stack that did something, and one line for all', () => {
    expect(
      summary(
        [
          ['gateway', applied],
          ['vpc.a', { outcome: 'failed', errors: [new Foreign('\n  no such VPC\nmore')] }],
          ['vpc.b', { outcome: 'unchanged' }],
        ],
        1,
      ),
    ).toEqual([
      '',
      '  gateway  applied  10 s  1 created',
      '  vpc.a    FAILED   10 s  no such VPC',
      '',
      'up: exit 1  1 applied, 1 failed, 1 unchanged  in 2 min 5 s',
    ]);
  });

  it('of many stacks lists only those that did not end well', () => {
    const many = Array.from({ length: 60 }, (_, index): readonly [string, StackEnd] => [`vpc.v${index}`, applied]);
    expect(summary([...many, ['vpc.bad', { outcome: 'skipped', because: 'gateway failed' }]], 1)).toEqual([
      '',
      '  vpc.bad  skipped  10 s  because gateway failed',
      '',
      'up: exit 1  60 applied, 1 skipped  in 2 min 5 s',
    ]);
  });

  it('of no stacks says so', () => {
    expect(summary([], 0)).toEqual(['', 'up: done  no stacks  in 2 min 5 s']);
  });
});

describe('a problem', () => {
  it('has below it what a tool printed, and what is to be read of it, and then what to do', () => {
    const problem = { reason: 'x', message: 'pip failed:\n  no \u001b[31mwheel\r\nerror: it', lines: ['seen  this'], next: 'Do that.' };
    expect(linesOf({ type: 'problem', problem })).toEqual([
      'error pip failed:',
      '  |   no \\u{1b}[31mwheel',
      '  | error: it',
      '  seen  this',
      '  next  Do that.',
    ]);
  });
});

describe('what the engine says', () => {
  it('has its stack before every line', () => {
    expect(linesOf({ type: 'engine-output', stack: 'example.vpc.a', text: new Foreign('one\ntwo\n') })).toEqual([
      'example.vpc.a | one',
      'example.vpc.a | two',
    ]);
  });
});

describe('the reporter', () => {
  const written = (options: { json: boolean; isTTY?: boolean; env?: Record<string, string> }): string => {
    let text = '';
    const stdout = { write: (part: string) => (text += part), isTTY: options.isTTY ?? false, columns: 80 };
    const { emit } = openReporter({ json: options.json, verbose: false, env: options.env ?? {}, stdout });
    for (const event of everyEvent) emit(event);
    return text;
  };

  it('with --json writes one object a line, each event as it was, with a schema', () => {
    const lines = written({ json: true }).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      everyEvent.map((event) => JSON.parse(JSON.stringify({ schema: 1, ...event })) as unknown),
    );
  });

  it('with --json has no colour on a terminal either', () => {
    expect(written({ json: true, isTTY: true })).not.toContain('\u001b');
  });

  it('without a terminal writes plain lines, without colours', () => {
    const text = written({ json: false });
    expect(text).not.toContain('\u001b');
    expect(text).toContain('example  account 111122223333  eu-west-1  LAB\n');
  });

  it.each([{ CI: 'true' }, { TERM: 'dumb' }])('writes plain lines on a terminal with %j', (env) => {
    expect(written({ json: false, isTTY: true, env })).toContain('a note\n');
  });
});
