import { exitCodes } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { Refusal } from '../../domain/problem.ts';
import { placeAsDeployed } from '../../network/renames.ts';
import { checkPaths } from '../../reachability/checks.ts';
import { allPaths } from '../../reachability/difference.ts';
import { topologyOf } from '../../reachability/from-network.ts';
import { pathTexts, warningOf } from '../../reachability/json.ts';
import { Paths } from '../../reachability/paths.ts';
import { answers, named } from '../../reachability/question.ts';
import type { Answer, End, Named } from '../../reachability/question.ts';
import { describeAnswers, describePaths, fromOutside, noSubnetThere, noSuchPlace } from '../../ui/paths.ts';
import { styleFor } from '../../ui/reporter.ts';
import { chooseNetwork } from '../choose-network.ts';
import type { CommonFlags, Context } from '../context.ts';
import { liveTopology } from '../live-topology.ts';
import { print, printJson, report } from '../report.ts';

export interface PathsFlags extends CommonFlags {
  readonly live: boolean;
}

/** Who can reach whom. Without `--live` it needs the network file and nothing else: no session, no bucket, no engine. */
export async function paths(this: Context, flags: PathsFlags, from?: string, to?: string): Promise<void> {
  await report(this, flags, async (emit) => {
    const { network } = await chooseNetwork(this, flags.network);
    const { spec } = network;
    const live = flags.live ? await liveTopology(this, flags, emit) : undefined;
    const found = new Paths(live?.topology ?? topologyOf(spec));
    const style = styleFor(this.process.stdout, this.env);
    const header = { schema: 1, network: spec.network, file: network.file, source: live === undefined ? 'file' : 'aws' };
    const code: ExitCode = live?.isIncomplete === true ? exitCodes.failed : exitCodes.done;

    if (from === undefined) {
      const { there, unknown } = allPaths(found);
      const findings = live === undefined ? checkPaths(spec, found) : [];
      if (flags.json)
        printJson(this, {
          ...header,
          ...pathTexts(there),
          unknown: pathTexts(unknown),
          warnings: findings.map((finding) => warningOf(finding, network.lineOf(finding.path))),
        });
      else
        print(
          this,
          describePaths,
          { network: spec.network, isLive: live !== undefined, there: pathTexts(there), unknown: pathTexts(unknown), findings },
          style,
        );
      return code;
    }

    const names = found.places.prefixes.blocks.map(({ text }) => text);
    const sender = placeAsDeployed(from, network.renames);
    const target = to === undefined ? everyOther(found, sender) : targetOf(found, placeAsDeployed(to, network.renames));
    const listed = answers(found, sendersOf(found, sender), target);
    if (flags.json) printJson(this, { ...header, from, to: to ?? null, answers: listed.map((answer) => answerJson(answer, names)) });
    else print(this, describeAnswers, { answers: listed, names }, style);
    return code;
  });
}

function targetOf(found: Paths, name: string): Named {
  const target = named(found, name);
  if (target.kind === 'unknown') throw new Refusal(exitCodes.usage, noSuchPlace(name, [...found.topology.vpcs.keys()]));
  if (target.kind === 'no-subnet') throw new Refusal(exitCodes.usage, noSubnetThere(name, target.vpc));
  return target;
}

function sendersOf(found: Paths, name: string): readonly End[] {
  const sender = targetOf(found, name);
  if (sender.kind !== 'subnets') throw new Refusal(exitCodes.usage, fromOutside(name));
  return sender.ends;
}

/** The subnets of all VPCs but the sender's own. */
function everyOther(found: Paths, name: string): Named {
  const own = new Set(sendersOf(found, name).map(({ vpc }) => vpc));
  const ends = found.places.stations.filter(({ vpc }) => !own.has(vpc));
  return { kind: 'subnets', ends };
}

const endJson = ({ vpc, tier, zone, subnet, to }: End, names: readonly string[]) => ({
  vpc,
  tier,
  zone,
  subnet,
  within: names[to] ?? null,
});

function answerJson(answer: Answer, names: readonly string[]): object {
  const from = endJson(answer.from, names);
  if (answer.kind === 'outside') return { from, to: { outside: names[answer.to] ?? null }, forth: answer.forth, by: answer.by ?? null };
  return { from, to: endJson(answer.to, names), ways: answer.ways, forth: answer.forth, back: answer.back };
}
