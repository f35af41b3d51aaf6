import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { performancePage } from '../../bench/page.ts';
import { promisesOf } from '../../bench/promises.ts';
import { noResults, readResults, resultsText, withRun } from '../../bench/results.ts';
import type { Measurement, Results, Run } from '../../bench/results.ts';

const machine = { cores: 2, processor: 'a processor', memoryGb: 8, system: 'Linux 6', node: '20.20.0', cli: '3.258.0', plugin: '7.48.0' };

const runOf = (measurements: readonly Measurement[], more: Partial<Run> = {}): Run => ({
  startedAt: '2026-11-26T17:00:00.000Z',
  machine,
  load: 0.1,
  parallel: 2,
  measurements: [...measurements],
  ...more,
});

const resultsOf = (...measurements: readonly Measurement[]): Results => withRun(noResults, runOf(measurements));

function measured(contender: Measurement['contender'], more: Partial<Measurement> = {}): Measurement {
  return {
    size: 64,
    delayMs: 0,
    scale: false,
    case: 'first',
    round: 1,
    contender,
    wallSeconds: 10,
    cpuSeconds: 10,
    peakMb: 200,
    requests: { s3: 100, ec2: 50, other: 1 },
    engines: 0,
    ...more,
  };
}

const promised = (results: Results, what: string) => promisesOf(results).find((promise) => promise.what === what)?.measured;

describe('what was asked for', () => {
  it.each([
    [2.9, '0.29', true],
    [3.1, '0.31', false],
  ])('of the CPU time of 64 stacks: %d s beside 10 s are %s of it, met: %s', (cpuSeconds, text, met) => {
    const results = resultsOf(measured('plain-loop'), measured('holdfast', { cpuSeconds }));
    expect(promised(results, 'CPU time, first deploy of 64 stacks')).toEqual({ text, met });
  });

  it('goes by the median of the rounds, and says how far they are apart', () => {
    const rounds = [1, 2, 3].flatMap((round) => [
      measured('plain-loop', { round }),
      measured('holdfast', { round, wallSeconds: [3, 9, 4][round - 1] ?? 0 }),
    ]);
    expect(promised(resultsOf(...rounds), 'wall time of it, as many stacks at once as cores')).toEqual({
      text: '0.40 (0.30..0.90)',
      met: true,
    });
  });

  it('of as many stacks at once as cores is not answered by another number of them', () => {
    const results = withRun(noResults, runOf([measured('plain-loop'), measured('holdfast')], { parallel: 4 }));
    expect(promised(results, 'wall time of it, as many stacks at once as cores')).toBeUndefined();
  });

  it.each([
    ['the stack of the change ran', { toRun: 1, written: 1, same: true }, 2, true],
    ['another stack was written', { toRun: 1, written: 2, same: false }, 2, false],
    ['the engine looked at all of them', { toRun: 1, written: 1, same: true }, 62, false],
  ])('of one VPC changed: %s', (_, stacks, engines, met) => {
    const results = resultsOf(measured('holdfast', { case: 'change', stacks, engines }));
    expect(promised(results, 'one VPC changed in 64 stacks')).toMatchObject({ met });
  });

  it('is not said to be met where nothing was measured', () => {
    expect(promisesOf(noResults).filter(({ measured: found }) => found !== undefined)).toEqual([]);
    expect(performancePage(noResults)).toContain('| no change in 64 stacks | at most 1 s | | not measured |');
  });
});

describe('the page', () => {
  it('has what Holdfast takes more of than a peer, and leaves out what it takes less of', () => {
    const page = performancePage(
      resultsOf(measured('one-stack', { wallSeconds: 4 }), measured('plain-loop', { wallSeconds: 40 }), measured('holdfast')),
    );
    const losses = page.slice(page.indexOf('## Where it loses'), page.indexOf('## Side by side'));
    expect(losses).toContain('| one big stack | wall time | first deploy 2.50 |');
    expect(losses).not.toContain('the plain loop');
  });

  it('has what each took, and the ratios to both peers', () => {
    const page = performancePage(resultsOf(measured('one-stack', { wallSeconds: 4 }), measured('plain-loop'), measured('holdfast')));
    expect(page).toContain('| first deploy | wall time, s | 10.0 | 4.00 | 10.0 | 1.00 | 2.50 |');
  });

  it('says that requests were not counted, where the lab has forgotten some', () => {
    const { requests: _, ...uncounted } = measured('holdfast', { size: 1504, scale: true });
    expect(performancePage(resultsOf(uncounted))).toContain('| requests to S3 | not counted |');
  });

  it('in docs/ is what bench/results.json says: `npm run bench -- --page` writes it', async () => {
    const page = await readFile(new URL('../../docs/performance.md', import.meta.url), 'utf8');
    expect(performancePage(await readResults(new URL('../../bench/results.json', import.meta.url)))).toBe(page);
  });
});

describe('results', () => {
  const [old, again] = [measured('holdfast', { wallSeconds: 10 }), measured('holdfast', { wallSeconds: 5 })];
  const other = measured('holdfast', { case: 'noop' });

  it('of what is measured again take the place of the old ones, and the rest stays as it was', () => {
    const first = runOf([old, other]);
    const second = runOf([again], { startedAt: '2026-12-01T00:00:00.000Z' });
    expect(withRun(withRun(noResults, first), second).runs).toEqual([{ ...first, measurements: [other] }, second]);
  });

  it('of a run of which nothing is left go with it', () => {
    expect(withRun(resultsOf(old), runOf([again])).runs.length).toBe(1);
  });

  it('are read as they were written', () => {
    const results = withRun(resultsOf(old, other), runOf([measured('plain-loop', { size: 7 })]));
    expect(JSON.parse(resultsText(results))).toEqual(results);
  });
});
