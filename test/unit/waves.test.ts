import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../orchestrator/graph/graph.ts';
import { jobsOf, wavesOf } from '../../orchestrator/graph/waves.ts';
import { generateNetwork } from '../../orchestrator/network/generate.ts';
import { parseNetwork } from '../../orchestrator/network/read-network.ts';
import { kinds } from '../../stacks/index.ts';
import { exampleGraph } from './support/example.ts';
import { fc } from './support/property.ts';
import { valueOf } from './support/results.ts';

const vertex = (name: string, upstreams: readonly string[] = []) => ({ name, short: name, upstreams });
const named = (waves: readonly (readonly { readonly name: string }[])[]): string[][] => waves.map((wave) => wave.map(({ name }) => name));
const stacksOf = (count: number) => Array.from({ length: count }, (_, index) => vertex(`v${index}`));

describe('the waves of a graph', () => {
  it('have the gateway first, then the VPCs, their members, their routes, and what is sent to them', () => {
    const waves = wavesOf(exampleGraph().nodes).map((wave) => [...new Set(wave.map(({ kind }) => kind.kind))]);
    expect(waves).toEqual([['transit-gateway'], ['vpc', 'segment'], ['member'], ['route-tables'], ['segment']]);
  });

  it('of 30 VPCs are 30 stacks each between the gateway and the segments', () => {
    const { spec } = valueOf(parseNetwork('generated.yaml', generateNetwork(30)));
    expect(wavesOf(valueOf(buildGraph(spec, kinds)).nodes).map(({ length }) => length)).toEqual([1, 31, 30, 30, 2]);
  });

  it('have a stack after the last of what it reads, and what reads nothing first', () => {
    const waves = wavesOf([vertex('a'), vertex('b', ['a']), vertex('c', ['a', 'b']), vertex('lone')]);
    expect(named(waves)).toEqual([['a', 'lone'], ['b'], ['c']]);
  });

  it('do not count what is not among the stacks', () => {
    expect(named(wavesOf([vertex('b', ['elsewhere']), vertex('c', ['b'])]))).toEqual([['b'], ['c']]);
  });

  it('of nothing are none', () => {
    expect(wavesOf([])).toEqual([]);
  });

  it('have every stack once, in the wave after the last of what it reads', () => {
    const anyOrdered = fc
      .uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 12 })
      .chain((names) =>
        fc.tuple(...names.map((name, index) => fc.subarray(names.slice(0, index)).map((upstreams) => vertex(name, upstreams)))),
      );
    fc.assert(
      fc.property(anyOrdered, (vertices) => {
        const waves = wavesOf(vertices);
        const waveOf = new Map(waves.flatMap((wave, index) => wave.map(({ name }): [string, number] => [name, index])));
        expect(waves.flat().length).toBe(vertices.length);
        for (const { name, upstreams } of vertices)
          expect(waveOf.get(name)).toBe(Math.max(-1, ...upstreams.map((upstream) => waveOf.get(upstream) ?? Number.NaN)) + 1);
      }),
    );
  });
});

describe('the jobs of a wave', () => {
  it('are one a stack, under its name', () => {
    expect(jobsOf([vertex('vpc.a'), vertex('vpc.b')], Number.POSITIVE_INFINITY)).toEqual([
      { job: 'vpc.a', stacks: ['vpc.a'] },
      { job: 'vpc.b', stacks: ['vpc.b'] },
    ]);
  });

  it('say how many more there are in one', () => {
    expect(jobsOf([vertex('a'), vertex('b'), vertex('c')], 1)).toEqual([{ job: 'a and 2 more', stacks: ['a', 'b', 'c'] }]);
  });

  it('have every stack once, in order, in sizes that differ by one at most', () => {
    fc.assert(
      fc.property(fc.nat(80), fc.integer({ min: 1, max: 90 }), (count, atMost) => {
        const jobs = jobsOf(stacksOf(count), atMost);
        expect(jobs.flatMap(({ stacks }) => stacks)).toEqual(stacksOf(count).map(({ name }) => name));
        expect(jobs.length).toBe(Math.min(count, atMost));
        const sizes = jobs.map(({ stacks }) => stacks.length);
        if (count > 0) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
