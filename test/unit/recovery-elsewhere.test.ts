import { describe, expect, it } from 'vitest';
import { objectKey } from '../../orchestrator/inventory/live-object.ts';
import { NetworkStates } from '../../orchestrator/recovery/elsewhere.ts';
import type { ElsewhereRequest } from '../../orchestrator/recovery/elsewhere.ts';
import { parseCheckpoint } from '../../orchestrator/state/checkpoints.ts';
import type { StackState } from '../../orchestrator/state/checkpoints.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { raw, root, stack, typeOf, types } from './support/recovery.ts';

const other = 'example.vpc.b';

function stateOf(name: string, ...resources: object[]): StackState {
  const body = JSON.stringify({ version: 3, checkpoint: { latest: { resources: [root, ...resources] } } });
  const content = parseCheckpoint(body);
  if ('reason' in content) throw new Error(content.detail);
  return { stack: name, short: name, key: checkpointKey(name), etag: '"1"', modified: new Date(0), body, ...content };
}

const statesOf = (read: ElsewhereRequest['read'], states: readonly StackState[] = []): NetworkStates =>
  new NetworkStates({ read, states: new Map(states.map((state) => [state.stack, state])), stacks: [stack, other], typeOf });

const reading = (...states: StackState[]): NetworkStates =>
  statesOf(() => Promise.resolve({ states: new Map(states.map((state) => [state.stack, state])), unreadable: [] }));

describe('what the other stacks of a network have', () => {
  it('is what their states have by id, and by the id that the provider makes of a key', async () => {
    const inputs = { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8' };
    const theirs = stateOf(other, raw('vpc', { id: 'vpc-7' }), raw('route', { type: types.route, id: 'imported', inputs }));
    const { holders, unread } = await reading(theirs).beside(stack);
    const ids = [
      { type: types.vpc, id: 'vpc-7' },
      { type: types.route, id: 'imported' },
      { type: types.route, id: typeOf(types.route)?.idOf?.(inputs) ?? '' },
    ];
    expect(ids.map((each) => holders.get(objectKey(each)))).toEqual([
      { stack: other, resource: 'vpc' },
      { stack: other, resource: 'route' },
      { stack: other, resource: 'route' },
    ]);
    expect(unread).toEqual([]);
  });

  it('is nothing of the stack’s own, and nothing that was deleted to be replaced', async () => {
    const [own, theirs] = [
      stateOf(stack, raw('vpc', { id: 'vpc-1' })),
      stateOf(other, raw('vpc', { id: 'vpc-7', pendingReplacement: true })),
    ];
    expect((await reading(own, theirs).beside(stack)).holders.size).toBe(0);
  });

  it('is read again each time, from what was read before', async () => {
    const [before, after] = [stateOf(other), stateOf(other, raw('vpc', { id: 'vpc-7' }))];
    const given: (StackState | undefined)[] = [];
    const states = statesOf(
      (known) => {
        given.push(known.get(other));
        return Promise.resolve({ states: new Map([[other, after]]), unreadable: [] });
      },
      [before],
    );
    expect([(await states.beside(stack)).holders.size, (await states.beside(stack)).holders.size]).toEqual([1, 1]);
    expect(given).toEqual([before, after]);
  });

  it('cannot be told where a state cannot be read: the stack is named', async () => {
    const states = statesOf(() => Promise.resolve({ states: new Map(), unreadable: [{ stack: other }, { stack }] }));
    expect((await states.beside(stack)).unread).toEqual([other]);
  });

  it('cannot be told where the bucket fails: every other stack is named, and what was read before counts', async () => {
    const theirs = stateOf('example.vpc.gone', raw('vpc', { id: 'vpc-7' }));
    const { holders, unread } = await statesOf(() => Promise.reject(new Error('ECONNRESET')), [theirs]).beside(stack);
    expect([unread, holders.size]).toEqual([[other, 'example.vpc.gone'], 1]);
  });
});
