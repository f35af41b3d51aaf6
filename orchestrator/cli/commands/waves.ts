import { exitCodes } from '../../domain/exit-codes.ts';
import { jsonText } from '../../domain/foreign.ts';
import { orRefuse } from '../../domain/problem.ts';
import { buildGraph } from '../../graph/graph.ts';
import { jobsOf, wavesOf } from '../../graph/waves.ts';
import type { Job } from '../../graph/waves.ts';
import { plural } from '../../ui/describe.ts';
import { kinds } from '../../../stacks/index.ts';
import { chosenStacks } from '../chosen-stacks.ts';
import type { WideningFlags } from '../chosen-stacks.ts';
import { chooseNetwork } from '../choose-network.ts';
import type { CommonFlags, Context } from '../context.ts';
import { print, report } from '../report.ts';

export interface WavesFlags extends CommonFlags, WideningFlags {
  readonly format: 'text' | 'json' | 'github';
  readonly atMost?: number;
}

/** A matrix of GitHub's has no more jobs. https://docs.github.com/actions/reference/limits */
const githubJobs = 256;

/** Needs the network file and nothing else: no session, no bucket, no engine. */
export async function waves(this: Context, flags: WavesFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, async () => {
    const { network } = await chooseNetwork(this, flags.network);
    const graph = orRefuse(buildGraph(network.spec, kinds), exitCodes.usage);
    const selected = chosenStacks({ graph, network }, patterns, flags);
    const format = flags.json ? 'json' : flags.format;
    const most = format === 'github' ? githubJobs : Number.POSITIVE_INFINITY;
    const jobs = wavesOf(graph.nodes.filter(({ name }) => selected.has(name))).map((wave) =>
      jobsOf(wave, Math.min(flags.atMost ?? most, most)),
    );
    print(this, formats[format], jobs, graph.network);
    return exitCodes.done;
  });
}

const formats: Record<WavesFlags['format'], (waves: readonly (readonly Job[])[], network: string) => string> = {
  text: (waves) =>
    waves
      .flatMap((jobs, index) => [`wave ${index + 1}: ${plural(jobs.length, 'job')}`, ...jobs.map(({ stacks }) => `  ${stacks.join(' ')}`)])
      .join('\n'),
  json: (waves, network) => jsonText({ schema: 1, network, waves: waves.map((jobs, index) => ({ wave: index + 1, jobs })) }),
  github: (waves) =>
    [
      `waves=${jsonText(waves.map((jobs) => ({ include: jobs.map(({ job, stacks }) => ({ job, stacks: stacks.join(' ') })) })))}`,
      `count=${waves.length}`,
    ].join('\n'),
};
