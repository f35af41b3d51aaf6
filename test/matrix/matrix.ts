import { availableParallelism } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import picomatch from 'picomatch';
import type { CaseResult } from './case.ts';
import { parts as allParts } from './cells.ts';
import type { Cell, SecondCell } from './cells.ts';
import { Crew } from './crew.ts';
import { moments } from './faults.ts';
import { Recorded } from './recorded.ts';
import { scenarios } from './scenarios.ts';
import type { Part } from './scenarios.ts';
import { readShard, shardOf } from '../../toolchain/test-request.ts';

const usage = `npm run matrix -- [--scenario NAME]… [--case GLOB]… [--depth 2] [--shard I/N] [--list] [--workers N] [--json]

Interrupts a run at every call that it makes, in every way, recovers it, and looks whether anything is left.

  --scenario NAME  ${scenarios.map(({ name }) => name).join(', ')}; default: all
  --case GLOB      only cases whose name matches, as in 'first-deploy/vpc.one/CreateVpc/accepted/*'
  --depth 2        a second fault at every call of the recovery
  --shard I/N      every Nth case, from the Ith on, as in 2/3: all shards together are all cases
  --list           names every case, and each that is left out with the reason, and runs none
  --workers N      labs side by side; default: one more than there are cores, since a case waits a third of its time
  --json           a line of JSON for each case
`;

type AnyCell = Cell | SecondCell;

interface Asked {
  readonly scenarios: readonly string[] | undefined;
  readonly globs: readonly string[] | undefined;
  readonly depth: 1 | 2;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', multiple: true },
      case: { type: 'string', multiple: true },
      depth: { type: 'string', default: '1' },
      shard: { type: 'string', default: '1/1' },
      list: { type: 'boolean', default: false },
      workers: { type: 'string', default: String(availableParallelism() + 1) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const shard = readShard(values.shard);
  const problem = shard ? problemOf(values) : `--shard is I/N, as in 2/3, and not ${values.shard}.`;
  if (!shard || problem !== undefined) {
    process.stderr.write(`${problem ?? ''}\n\n${usage}`);
    return 2;
  }
  const asked: Asked = {
    scenarios: values.scenario,
    globs: values.case,
    depth: values.depth === '2' || values.case?.some((glob) => glob.includes('//')) === true ? 2 : 1,
  };
  const parts = allParts.filter((part) => isPartAsked(part, asked));
  if (parts.length === 0) {
    process.stderr.write(`No part has such a case. The parts: ${allParts.map(({ name }) => name).join(', ')}\n`);
    return 2;
  }
  const started = Date.now();
  const crew = await Crew.open(Number(values.workers));
  try {
    const recorded = await Recorded.make(crew, parts);
    const cells = await cellsAsked(crew, recorded, asked);
    const all = cells.filter(({ verdict }) => verdict.run);
    const cases = shardOf(all, shard);
    if (!values.json) {
      say(described(parts.length, cells, all.length, asked.depth));
      if (shard.of > 1) say(`shard ${values.shard}: ${cases.length} of them`);
    }
    if (values.list) {
      for (const { id, verdict } of cells.filter((cell) => !cell.verdict.run || cases.includes(cell)))
        say(verdict.run ? `run   ${id}` : `same  ${id}: ${verdict.because}`);
      return 0;
    }
    let done = 0;
    const results = await Promise.all(
      cases.map(async (cell) => {
        const result = await crew.run(cell, recorded.lookOf(cell));
        done += 1;
        say(values.json ? JSON.stringify(result) : line(result, done, cases.length));
        return result;
      }),
    );
    const failed = results.filter(({ findings }) => findings.length > 0);
    if (!values.json) {
      for (const result of failed) say(`\n${failure(result)}`);
      say(`\n${Math.round((Date.now() - started) / 1000)} s`);
    }
    say(`${results.length - failed.length} passed, ${failed.length} failed`);
    return failed.length === 0 && results.length > 0 ? 0 : 1;
  } finally {
    await crew.close();
  }
}

function problemOf({ scenario, depth, workers }: { scenario?: string[]; depth: string; workers: string }): string | undefined {
  const unknown = (scenario ?? []).filter((name) => !scenarios.some((known) => known.name === name));
  if (unknown.length > 0) return `There is no scenario ${unknown.join(', ')}.`;
  if (depth !== '1' && depth !== '2') return `--depth is 1 or 2, not ${depth}.`;
  return /^[1-9]\d?$/.test(workers) ? undefined : `--workers is a number from 1 to 99, not ${workers}.`;
}

/** A case's name begins with its part's: what no glob can match need not be recorded. */
function isPartAsked({ name, scenario }: Part, { scenarios: names, globs }: Asked): boolean {
  if (names !== undefined && !names.includes(scenario)) return false;
  return globs?.some((glob) => picomatch.isMatch(name, glob.split('/').slice(0, 2).join('/'))) ?? true;
}

async function cellsAsked(crew: Crew, recorded: Recorded, { globs, depth }: Asked): Promise<readonly AnyCell[]> {
  const isAsked = globs === undefined ? () => true : picomatch([...globs]);
  if (depth === 1) return recorded.cells.filter(({ id }) => isAsked(id));
  const bases = globs?.map((glob) => glob.split('//')[0] ?? glob);
  const second = await recorded.secondCells(crew, ({ id }) => bases?.some((base) => picomatch.isMatch(id, base)) ?? true);
  return second.filter(({ id, base }) => isAsked(id) || isAsked(base.id));
}

function described(parts: number, cells: readonly AnyCell[], cases: number, depth: 1 | 2): string {
  const calls = new Set(cells.map((cell) => `${cell.point.part} ${cell.point.name}`)).size;
  const faults = new Set(cells.map(({ fault }) => fault.name)).size;
  const size = cells.length === calls * faults * moments.length ? ` = ${calls} calls × ${moments.length} moments × ${faults} faults` : '';
  const what = depth === 1 ? `${parts} parts` : `the recoveries of ${new Set(cells.map((cell) => cell.point.part)).size} interrupted runs`;
  return `${what}, ${calls} calls: ${cells.length} cells${size}, of which ${cases} are run and stand for all (--list names each, with its reason)`;
}

const line = ({ id, findings, seconds, exitCode, checkedAt }: CaseResult, done: number, of: number): string =>
  `${findings.length === 0 ? 'ok  ' : 'FAIL'} ${done}/${of} ${id} (${seconds.toFixed(1)} s, ended ${exitCode ?? 'by a signal'}${checkedAt === undefined ? '' : `, traffic looked at after ${checkedAt} calls`})${findings.map((text) => `\n       ${text}`).join('')}`;

const failure = ({ id, findings, said }: CaseResult): string =>
  [`FAILED ${id}`, ...findings.map((text) => `  ${text}`), `  Again: npm run matrix -- --case '${id}'`, said ?? ''].join('\n');

process.exitCode = await main();
