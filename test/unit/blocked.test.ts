import { describe, expect, it } from 'vitest';
import { blockedStacks, dependentsOf } from '../../orchestrator/cli/blocked.ts';
import type { Standing, Standings } from '../../orchestrator/run/standing.ts';
import type { UnreadableState } from '../../orchestrator/state/checkpoints.ts';

/** gateway <- vpc.a, vpc.b; each tables reads the gateway and its VPC; `lone` reads nothing. */
const vertices = [
  { name: 'example.gateway', upstreams: [] },
  { name: 'example.vpc.a', upstreams: ['example.gateway'] },
  { name: 'example.vpc.b', upstreams: ['example.gateway'] },
  { name: 'example.tables.a', upstreams: ['example.gateway', 'example.vpc.a'] },
  { name: 'example.tables.b', upstreams: ['example.gateway', 'example.vpc.b'] },
  { name: 'example.lone', upstreams: [] },
];
const all = vertices.map(({ name }) => name);

const held: Standing = { kind: 'held', why: 'CreateVpc outcome unknown', since: '2030-01-01T14:06:00.000Z', run: 'one', doubts: [] };
const frozen: Standing = { kind: 'frozen', message: 'frozen by ada, incident INC-7' };

function blocked(
  stage: 'up' | 'destroy',
  standings: Readonly<Record<string, Standing>>,
  selected: readonly string[] = all,
  unreadable: readonly UnreadableState[] = [],
) {
  const byStack = new Map(Object.entries(standings).map(([short, standing]) => [`example.${short}`, standing]));
  const { ends, exitCode } = blockedStacks(vertices, new Set(selected), { byStack } as unknown as Standings, stage, unreadable);
  return { ends: Object.fromEntries(ends.map(({ short, end }) => [short, end.outcome])), exitCode, all: ends };
}

describe('what a run leaves out', () => {
  it('is nothing where nothing is held or frozen', () => {
    expect(blocked('up', { gateway: { kind: 'free' }, 'vpc.a': { kind: 'locked', message: '' } })).toMatchObject({ ends: {}, exitCode: 0 });
  });

  it.each<readonly [string, 'up' | 'destroy', string, readonly string[]]>([
    ['of up, with a held VPC: what reads it', 'up', 'vpc.a', ['tables.a']],
    ['of up, with a held end of the graph: nothing else', 'up', 'tables.a', []],
    ['of up, with a held root: all that stands on it', 'up', 'gateway', ['tables.a', 'tables.b', 'vpc.a', 'vpc.b']],
    ['of destroy, with a held VPC: what reads it, and what they read', 'destroy', 'vpc.a', ['gateway', 'tables.a']],
    ['of destroy, with a held end of the graph: what it reads', 'destroy', 'tables.a', ['gateway', 'vpc.a']],
    ['of destroy, with a held root: all that stands on it', 'destroy', 'gateway', ['tables.a', 'tables.b', 'vpc.a', 'vpc.b']],
    ['of destroy, with a held stack by itself: nothing else', 'destroy', 'lone', []],
  ])('is, %s', (_, stage, cause, skipped) => {
    const { ends, exitCode } = blocked(stage, { [cause]: held });
    expect(ends).toEqual({ [cause]: 'held', ...Object.fromEntries(skipped.map((short) => [short, 'skipped'])) });
    expect(exitCode).toBe(4);
  });

  it('says what the held stack needs, and of the others because of which', () => {
    const { all: ends } = blocked('up', { 'vpc.a': held });
    expect(ends.map(({ short, end }) => [short, end])).toEqual([
      [
        'vpc.a',
        {
          outcome: 'held',
          errors: ['CreateVpc outcome unknown since 2030-01-01 14:06 UTC. Do not cancel. Next: npm run recover -- vpc.a'],
        },
      ],
      ['tables.a', { outcome: 'skipped', because: 'vpc.a is held' }],
    ]);
  });

  it('is a stack whose checkpoint no engine is shown, and what reads it, with 3; one that is held is told as held', () => {
    const refused: UnreadableState = { stack: 'example.vpc.a', key: 'a.json', reason: 'distrusted', detail: 'the checkpoint is not given' };
    const { ends, exitCode, all: results } = blocked('up', {}, all, [refused]);
    expect([ends, exitCode]).toEqual([{ 'vpc.a': 'not-started', 'tables.a': 'skipped' }, 3]);
    expect(results.map(({ end }) => end)).toEqual([
      { outcome: 'not-started', reason: 'checkpoint-refused', because: 'a.json: the checkpoint is not given' },
      { outcome: 'skipped', because: 'the checkpoint of vpc.a is refused' },
    ]);
    expect(blocked('up', { 'vpc.a': held }, all, [refused])).toMatchObject({ ends: { 'vpc.a': 'held' }, exitCode: 4 });
    expect(blocked('up', {}, ['example.vpc.b'], [refused])).toMatchObject({ ends: {}, exitCode: 0 });
  });

  it('is a frozen stack too, as one that is locked, with 6', () => {
    const { ends, exitCode, all: results } = blocked('up', { 'vpc.a': frozen });
    expect([ends, exitCode]).toEqual([{ 'vpc.a': 'locked', 'tables.a': 'skipped' }, 6]);
    expect(results[0]?.end).toEqual({ outcome: 'locked', message: 'frozen by ada, incident INC-7' });
    expect(results[1]?.end).toEqual({ outcome: 'skipped', because: 'vpc.a is frozen' });
  });

  it('with a held and a frozen stack is 4', () => {
    expect(blocked('up', { 'vpc.a': frozen, 'vpc.b': held }).exitCode).toBe(4);
  });

  it('is only what was selected, by a cause that was not', () => {
    const { ends, exitCode } = blocked('up', { gateway: held }, ['example.vpc.a', 'example.lone']);
    expect([ends, exitCode]).toEqual([{ 'vpc.a': 'skipped' }, 4]);
  });

  it('is nothing of a selection that the held stack is beside', () => {
    expect(blocked('up', { 'vpc.a': held }, ['example.vpc.b', 'example.tables.b', 'example.lone'])).toMatchObject({
      ends: {},
      exitCode: 0,
    });
    expect(blocked('destroy', { 'vpc.a': held }, ['example.vpc.b', 'example.tables.b'])).toMatchObject({ ends: {}, exitCode: 0 });
  });

  it('is nothing of a held stack that the graph does not have', () => {
    expect(blocked('up', { 'vpc.old': held })).toMatchObject({ ends: {}, exitCode: 0 });
  });

  it('has each stack once, by the held one where it stands on both', () => {
    const { ends } = blocked('up', { gateway: held, 'vpc.a': held });
    expect(ends).toEqual({ gateway: 'held', 'vpc.a': 'held', 'vpc.b': 'skipped', 'tables.a': 'skipped', 'tables.b': 'skipped' });
  });
});

describe('the dependents of a stack, on which no other run may have a lock while it is replaced or destroyed', () => {
  it('are those of the network file and those of the states, each once', () => {
    const states = [
      { stack: 'example.vpc.a', upstreams: ['example.gateway'] },
      // Left the network file, and is held, or being destroyed by another run.
      { stack: 'example.vpc.left', upstreams: ['example.gateway'] },
    ];
    expect([...dependentsOf('example.gateway', vertices, states)].sort()).toEqual([
      'example.tables.a',
      'example.tables.b',
      'example.vpc.a',
      'example.vpc.b',
      'example.vpc.left',
    ]);
    expect(dependentsOf('example.lone', vertices, states)).toEqual([]);
  });
});
