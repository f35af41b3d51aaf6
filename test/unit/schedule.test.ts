import { describe, expect, it } from 'vitest';
import { inOrder } from '../../orchestrator/run/schedule.ts';
import { deferred, settled } from './support/deferred.ts';
import type { Deferred } from './support/deferred.ts';

interface Vertex {
  readonly name: string;
  readonly after: readonly string[];
}

/** Work whose ends the test decides: what has started, and a way to end each. */
function watched(vertices: readonly Vertex[], parallel: number) {
  const started: string[] = [];
  const open = new Map<string, Deferred<string>>();
  const over = inOrder<string>(vertices, parallel, (name) => {
    started.push(name);
    const work = deferred<string>();
    open.set(name, work);
    return work.promise;
  });
  return {
    started,
    over,
    end: async (name: string): Promise<void> => {
      open.get(name)?.resolve(`${name} ended`);
      await settled();
    },
  };
}

const vertex = (name: string, ...after: string[]): Vertex => ({ name, after });

describe('work in dependency order', () => {
  it('starts a vertex only when all that it comes after have ended', async () => {
    const { started, end, over } = watched([vertex('c', 'a', 'b'), vertex('a'), vertex('b')], 9);
    expect(started).toEqual(['a', 'b']);
    await end('a');
    expect(started).toEqual(['a', 'b']);
    await end('b');
    expect(started).toEqual(['a', 'b', 'c']);
    await end('c');
    expect([...(await over).keys()]).toEqual(['a', 'b', 'c']);
  });

  it('has at most so many under way, and starts the next as soon as one ends', async () => {
    const { started, end, over } = watched(
      ['a', 'b', 'c', 'd'].map((name) => vertex(name)),
      2,
    );
    expect(started).toEqual(['a', 'b']);
    await end('b');
    expect(started).toEqual(['a', 'b', 'c']);
    await end('a');
    await end('c');
    await end('d');
    expect(await over).toHaveProperty('size', 4);
  });

  it('with one at a time keeps the order given', async () => {
    const { started, end, over } = watched([vertex('a'), vertex('b'), vertex('c')], 1);
    for (const name of ['a', 'b', 'c']) await end(name);
    await over;
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('does not hold up what is independent of a slow one', async () => {
    const { started, end, over } = watched(
      [vertex('slow'), vertex('quick'), vertex('after-slow', 'slow'), vertex('after-quick', 'quick')],
      2,
    );
    await end('quick');
    expect(started).toEqual(['slow', 'quick', 'after-quick']);
    await end('after-quick');
    expect(started).not.toContain('after-slow');
    await end('slow');
    await end('after-slow');
    await over;
  });

  it('gives each the results of those that ended before it', async () => {
    const seen: string[] = [];
    await inOrder([vertex('a'), vertex('b', 'a')], 1, (name, ended) => {
      seen.push(`${name} sees ${[...ended.keys()].join(',')}`);
      return Promise.resolve(name);
    });
    expect(seen).toEqual(['a sees ', 'b sees a']);
  });

  it('does not wait for what is not among the vertices', async () => {
    const ended = await inOrder([vertex('a', 'elsewhere')], 1, (name) => Promise.resolve(name));
    expect(ended.get('a')).toBe('a');
  });

  it('works on each once, in a chain of two thousand', async () => {
    const chain = Array.from({ length: 2000 }, (_, index) => vertex(`v${index}`, ...(index === 0 ? [] : [`v${index - 1}`])));
    let count = 0;
    await inOrder(chain, 4, (name) => Promise.resolve(`${name} ${(count += 1)}`));
    expect(count).toBe(2000);
  });

  it('of nothing ends at once', async () => {
    expect((await inOrder([], 1, (name) => Promise.resolve(name))).size).toBe(0);
  });

  it('throws where some wait for one another, instead of waiting for ever', async () => {
    const circle = inOrder([vertex('a', 'b'), vertex('b', 'a')], 1, (name) => Promise.resolve(name));
    await expect(circle).rejects.toThrow('nothing can start: a, b wait for one another');
  });
});
