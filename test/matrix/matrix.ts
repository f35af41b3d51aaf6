import { availableParallelism } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import picomatch from 'picomatch';
import { cellsOf } from './cells.ts';
import type { Cell } from './cells.ts';
import { Crew } from './crew.ts';
import type { CaseResult } from './case.ts';
import { scenarios } from './scenarios.ts';

const usage = `npm run matrix -- [--scenario NAME]… [--case GLOB]… [--list] [--workers N] [--json]

Interrupts a run at every call that it makes, in every way, and recovers it.

  --scenario NAME  ${scenarios.map(({ name }) => name).join(', ')}; default: all
  --case GLOB      only cases whose name matches, as in 'first-deploy/vpc.one/CreateVpc/accepted/*'
  --list           names every case, and each that is left out with the reason, and runs none
  --workers N      labs side by side; default: one more than there are cores, since a case waits a third of its time
  --json           a line of JSON for each case
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', multiple: true },
      case: { type: 'string', multiple: true },
      list: { type: 'boolean', default: false },
      workers: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const unknown = (values.scenario ?? []).filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`There is no scenario ${unknown.join(', ')}. There are: ${scenarios.map(({ name }) => name).join(', ')}\n`);
    return 2;
  }
  const isAsked = values.case === undefined ? () => true : picomatch(values.case);
  const parts = scenarios
    .filter(({ name }) => values.scenario?.includes(name) ?? true)
    .flatMap((scenario) => scenario.parts)
    // A name without a wildcard says which part it is of.
    .filter(
      ({ name }) =>
        values.case === undefined ||
        values.case.some(
          (glob) =>
            /^[^/]*[*{?[]/.test(glob) || glob.startsWith(`${name}/`) || picomatch.isMatch(name, glob.split('/').slice(0, 2).join('/')),
        ),
    );
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const started = Date.now();
  const crew = await Crew.open(Math.min(Number(values.workers ?? availableParallelism() + 1), Math.max(1, parts.length * 4)));
  try {
    const recordings = await crew.record(parts);
    const cells = parts.flatMap((part, index) => cellsOf(part, recordings[index]?.points ?? []));
    const looks = new Map(parts.map((part, index) => [part.name, recordings[index]?.look]));
    const asked = cells.filter(({ id }) => isAsked(id));
    const cases = asked.filter(({ verdict }) => verdict.run);
    if (!values.json) say(described(parts.length, asked, cases));
    if (values.list) {
      for (const { id, verdict } of asked) say(verdict.run ? `run   ${id}` : `same  ${id}: ${verdict.because}`);
      return 0;
    }
    let done = 0;
    const results = await crew.run(
      cases,
      ({ part }) => {
        const look = looks.get(part.name);
        if (!look) throw new Error(`${part.name} was not recorded`);
        return look;
      },
      (result) => {
        done += 1;
        say(values.json ? JSON.stringify(result) : line(result, done, cases.length));
      },
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

function described(parts: number, cells: readonly Cell[], cases: readonly Cell[]): string {
  const points = new Set(cells.map(({ point }) => `${point.part} ${point.name}`)).size;
  const perPoint = points === 0 ? 0 : cells.length / points;
  return `${parts} parts, ${points} calls: ${cells.length} cells (${perPoint} a call: 3 moments × ${perPoint / 3} faults), of which ${cases.length} are run and stand for the others (--list names each with its reason)`;
}

const line = ({ id, findings, seconds, exitCode }: CaseResult, done: number, of: number): string =>
  `${findings.length === 0 ? 'ok  ' : 'FAIL'} ${done}/${of} ${id} (${seconds.toFixed(1)} s, run ended ${exitCode ?? 'by a signal'})${findings.map((text) => `\n       ${text}`).join('')}`;

const failure = ({ id, findings, said }: CaseResult): string =>
  [`FAILED ${id}`, ...findings.map((text) => `  ${text}`), `  Again: npm run matrix -- --case '${id}'`, said ?? ''].join('\n');

process.exitCode = await main();
