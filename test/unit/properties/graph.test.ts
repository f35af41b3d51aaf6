import { describe, expect, it } from 'vitest';
import { buildGraph, dependencyOrder, withDependents, withUpstreams } from '../../../orchestrator/graph/graph.ts';
import { selectStacks } from '../../../orchestrator/graph/select.ts';
import { inOrder } from '../../../orchestrator/run/schedule.ts';
import { exampleOf, file } from '../support/example.ts';
import { fakeKind } from '../support/fake-kinds.ts';
import { fc } from '../support/property.ts';
import { problemOf, valueOf } from '../support/results.ts';

const { spec } = exampleOf();

interface Vertex {
  readonly name: string;
  readonly upstreams: readonly string[];
}

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 9 });

/** Any graph, with circles, and with upstreams that are not in it. */
const anyGraph: fc.Arbitrary<readonly Vertex[]> = names.chain((all) =>
  fc.tuple(
    ...all.map((name) =>
      fc.uniqueArray(fc.constantFrom(...all, 'elsewhere'), { maxLength: 3 }).map((upstreams): Vertex => ({ name, upstreams })),
    ),
  ),
);

/** Without circles, in any order: each reads only such as come before it in an order that is not shown. */
const acyclic: fc.Arbitrary<readonly Vertex[]> = names
  .chain((all) =>
    fc.tuple(...all.map((name, index) => fc.shuffledSubarray(all.slice(0, index)).map((upstreams): Vertex => ({ name, upstreams })))),
  )
  .chain((vertices) => fc.shuffledSubarray(vertices, { minLength: vertices.length }));

/** What is left where everything that reads nothing of what is left is taken away, again and again: nothing, or what is in circles and reads from them. */
function leftInCircles(vertices: readonly Vertex[]): readonly Vertex[] {
  const left = vertices.filter(({ upstreams }) => upstreams.some((upstream) => vertices.some(({ name }) => name === upstream)));
  return left.length === vertices.length ? left : leftInCircles(left);
}

/** Whether there is a way from one to the other, for every two: Warshall's matrix. */
function ways(vertices: readonly Vertex[]): (from: string, to: string) => boolean {
  const found = new Set(
    vertices.flatMap(({ name, upstreams }) => [`${name} ${name}`, ...upstreams.map((upstream) => `${name} ${upstream}`)]),
  );
  for (const { name: by } of vertices)
    for (const { name: from } of vertices)
      for (const { name: to } of vertices) if (found.has(`${from} ${by}`) && found.has(`${by} ${to}`)) found.add(`${from} ${to}`);
  return (from, to) => found.has(`${from} ${to}`);
}

function expectCircle(cycle: readonly string[], vertices: readonly Vertex[]): void {
  const reads = new Map(vertices.map(({ name, upstreams }) => [name, upstreams]));
  expect(cycle.length).toBeGreaterThan(1);
  expect(cycle.at(-1)).toBe(cycle[0]);
  expect(new Set(cycle.slice(1)).size).toBe(cycle.length - 1);
  for (const [index, name] of cycle.slice(0, -1).entries()) expect(reads.get(name)).toContain(cycle[index + 1]);
}

/** A network whose stacks read from one another as the vertices do. */
const built = (vertices: readonly Vertex[]) =>
  buildGraph(
    spec,
    vertices.map(({ name, upstreams }) => fakeKind(name, Object.fromEntries(upstreams.map((kind) => [kind, { kind }])))),
  );

describe('an order of any graph', () => {
  it('is there exactly where the graph has no circle, and has everything once, after what it reads', () => {
    fc.assert(
      fc.property(anyGraph, (vertices) => {
        const order = dependencyOrder(vertices);
        expect(order.ok).toBe(leftInCircles(vertices).length === 0);
        if (!order.ok) {
          expectCircle(order.cycle, vertices);
          return;
        }
        expect([...order.names].sort()).toEqual(vertices.map(({ name }) => name).sort());
        for (const { name, upstreams } of vertices)
          for (const upstream of upstreams) expect(order.names.indexOf(upstream)).toBeLessThan(order.names.indexOf(name));
      }),
    );
  });

  it('leaves what is in an order already as it is', () => {
    fc.assert(
      fc.property(acyclic, (vertices) => {
        const order = dependencyOrder(vertices);
        const sorted = order.ok ? order.names.flatMap((name) => vertices.find((vertex) => vertex.name === name) ?? []) : [];
        expect(dependencyOrder(sorted)).toEqual({ ok: true, names: sorted.map(({ name }) => name) });
        expect(sorted).toHaveLength(vertices.length);
      }),
    );
  });
});

describe('the graph of any kinds', () => {
  it('is refused with one real circle, printed from its first stack to the same one again', () => {
    fc.assert(
      fc.property(anyGraph, (any) => {
        const vertices = any.map(({ name, upstreams }) => ({ name, upstreams: upstreams.filter((upstream) => upstream !== 'elsewhere') }));
        const graph = built(vertices);
        if (leftInCircles(vertices).length === 0) {
          expect(valueOf(graph).nodes).toHaveLength(vertices.length);
          return;
        }
        const { reason, message } = problemOf(graph);
        const [, printed = ''] = /^the stacks read from one another in a circle: (.*)$/.exec(message) ?? [];
        const cycle = printed.split(' -> ').map((name) => name.replace(`${spec.network}.`, ''));
        expect(reason).toBe('cycle');
        expectCircle(cycle, vertices);
      }),
    );
  });

  it('is refused with the names of a stack and of what it reads, where that is not there', () => {
    fc.assert(
      fc.property(anyGraph, (vertices) => {
        const missing = vertices.filter(({ upstreams }) => upstreams.includes('elsewhere'));
        fc.pre(missing.length > 0);
        const { reason, message } = problemOf(built(vertices));
        expect([reason, missing.map(({ name }) => name)]).toEqual([
          'missing-upstream',
          expect.arrayContaining([/^stack (\w+) /.exec(message)?.[1]]),
        ]);
        expect(message).toContain(' from example.elsewhere, ');
      }),
    );
  });

  it('has what belongs to stacks as a walk over all ways has it, in both directions', () => {
    fc.assert(
      fc.property(acyclic, fc.array(fc.nat(8), { maxLength: 3 }), (vertices, picks) => {
        const graph = valueOf(built(vertices));
        const leads = ways(vertices);
        const all = vertices.map(({ name }) => name);
        const picked = picks.flatMap((pick) => all[pick] ?? []);
        const full = (some: readonly string[]) => some.map((name) => `example.${name}`).sort();
        expect([...withUpstreams(graph, full(picked))].sort()).toEqual(
          full(all.filter((name) => picked.some((from) => leads(from, name)))),
        );
        expect([...withDependents(graph, full(picked))].sort()).toEqual(full(all.filter((name) => picked.some((to) => leads(name, to)))));
      }),
    );
  });
});

describe('stacks that are worked on in order', () => {
  const work = fc.record({ vertices: acyclic, parallel: fc.integer({ min: 1, max: 4 }), scheduler: fc.scheduler() });

  it('start when all that they come after have ended, at most so many at a time, and none waits that could start', async () => {
    await fc.assert(
      fc.asyncProperty(work, async ({ vertices, parallel, scheduler }) => {
        const running = new Set<string>();
        const over = new Set<string>();
        const isReady = ({ name, upstreams }: Vertex) => !running.has(name) && !over.has(name) && upstreams.every((one) => over.has(one));
        const given = vertices.map(({ name, upstreams }) => ({ name, after: [...upstreams, 'elsewhere'] }));
        const act = async (name: string, ended: ReadonlyMap<string, string>): Promise<string> => {
          running.add(name);
          expect(running.size).toBeLessThanOrEqual(parallel);
          for (const upstream of vertices.find((vertex) => vertex.name === name)?.upstreams ?? [])
            expect(ended.get(upstream)).toBe(`${upstream} ended`);
          await scheduler.schedule(Promise.resolve(), name);
          running.delete(name);
          over.add(name);
          return `${name} ended`;
        };
        const all = inOrder(given, parallel, act);
        while (over.size < vertices.length) {
          // Whatever follows from the last end has had its turn.
          await new Promise((resolve) => setImmediate(resolve));
          expect([running.size === parallel || !vertices.some(isReady), running.size > 0]).toEqual([true, true]);
          await scheduler.waitNext(1);
        }
        expect([...(await all).keys()]).toEqual([...over]);
      }),
    );
  });

  it('are an error where they wait for one another, and never a wait without end', async () => {
    await fc.assert(
      fc.asyncProperty(anyGraph, fc.integer({ min: 1, max: 4 }), async (vertices, parallel) => {
        const left = leftInCircles(vertices).map(({ name }) => name);
        const given = vertices.map(({ name, upstreams }) => ({ name, after: upstreams }));
        const work = inOrder(given, parallel, (name) => Promise.resolve(name));
        if (left.length === 0) expect((await work).size).toBe(vertices.length);
        else await expect(work).rejects.toThrow(`nothing can start: ${left.join(', ')} wait for one another`);
      }),
    );
  });
});

describe('a stack that is named', () => {
  const short = fc.stringMatching(/^[a-c][a-c-]{0,2}(\.[a-c]{1,2})?$/);

  it('in full or in short is that one alone, whatever others there are', () => {
    fc.assert(
      fc.property(fc.uniqueArray(short, { minLength: 1, maxLength: 8 }), fc.nat(7), fc.boolean(), (shorts, pick, inFull) => {
        const candidates = shorts.map((each) => ({ name: `net.${each}`, short: each }));
        const wanted = candidates[pick % candidates.length];
        if (!wanted) return;
        expect([...valueOf(selectStacks(candidates, [inFull ? wanted.name : wanted.short], file))]).toEqual([wanted.name]);
      }),
    );
  });

  it('by any text is some of the stacks, or a refusal in words, and nothing is selected that no pattern names', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...Array.from('abc.*?{},[]-!+()/')) }));
    fc.assert(
      fc.property(fc.uniqueArray(short, { maxLength: 6 }), fc.array(text, { maxLength: 3 }), (shorts, patterns) => {
        const candidates = shorts.map((each) => ({ name: `net.${each}`, short: each }));
        const selected = selectStacks(candidates, patterns, file);
        if (!selected.ok) {
          expect(selected.problems.every(({ message, next }) => message !== '' && next !== '')).toBe(true);
          return;
        }
        const alone = patterns.map((pattern) => selectStacks(candidates, [pattern], file));
        // A pattern that matches nothing is never silently nothing.
        for (const one of alone) expect(one.ok && one.value.size).toBeGreaterThan(0);
        const union = patterns.length === 0 ? candidates.map(({ name }) => name) : alone.flatMap((one) => (one.ok ? [...one.value] : []));
        expect([...selected.value].sort()).toEqual([...new Set(union)].sort());
      }),
    );
  });
});
