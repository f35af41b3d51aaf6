import { spawn, spawnSync } from 'node:child_process';
import { brokenBuilds } from './broken-builds.mjs';
import { bundleSimulator } from './bundle.mjs';

/**
 * npm run simulate:broken [-- PART OF A NAME] [--seconds=60] [--histories=N] [--from=SEED] [--cores=2]
 *
 * A build is caught by a history that holds where nothing is broken: what the product itself does wrong there is no merit of the oracle's.
 */
const options = new Map(process.argv.slice(2).flatMap((arg) => (arg.startsWith('--') ? [arg.slice(2).split('=')] : [])));
const only = process.argv.slice(2).find((arg) => !arg.startsWith('--')) ?? '';
const seconds = Number(options.get('seconds') ?? 60);
const histories = Number(options.get('histories') ?? Infinity);
const from = Number(options.get('from') ?? 1);
const cores = Number(options.get('cores') ?? 2);
/** Between the first seeds of two cores: more than a minute's. */
const apart = 100_000;

const whole = await bundleSimulator('simulator-whole');
const holdsWhole = (seed) => spawnSync(process.execPath, [whole.file, `--seed=${seed}`]).status === 0;

/** One core's share. @returns what it printed of the violation, or nothing */
async function search(file, seed, until, endsMs, children, isOver) {
  let played = 0;
  for (let next = seed; !isOver() && played < histories;) {
    const args = [
      file,
      `--seed=${next}`,
      `--seconds=${(endsMs - Date.now()) / 1000}`,
      ...(histories === Infinity ? [] : [`--histories=${histories - played}`]),
      ...until,
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(child);
    let text = '';
    child.stdout.on('data', (piece) => {
      text += piece;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    children.delete(child);
    const count = Number(/^(\d+) histories/m.exec(text)?.[1] ?? 0);
    played += count;
    if (code === null || isOver()) break;
    if (!text.includes('VIOLATED (')) break;
    const last = next + count - 1;
    if (holdsWhole(last)) return { text, played, seed: last };
    next = last + 1;
  }
  return { text: '', played, seed: undefined };
}

let missed = 0;
const rows = [];
for (const { name, promise, edits } of brokenBuilds.filter((build) => build.name.includes(only))) {
  const { file } = await bundleSimulator('simulator-broken', edits);
  const startedMs = Date.now();
  const until = promise === undefined ? [] : ['--until', promise];
  const children = new Set();
  let caught;
  const endsMs = startedMs + seconds * 1000;
  const isOver = () => caught !== undefined || Date.now() >= endsMs;
  const found = await Promise.all(
    Array.from({ length: cores }, async (_, core) => {
      const share = await search(file, from + core * apart, until, endsMs, children, isOver);
      if (share.seed !== undefined && !caught) {
        caught = share;
        for (const child of children) child.kill();
      }
      return share;
    }),
  );
  const played = caught?.played ?? found.reduce((sum, share) => sum + share.played, 0);
  if (!caught) missed += 1;
  const length = caught?.text.split('\n').filter((line) => /^ *\d+\.\d{3} s /.test(line)).length;
  const row = `${caught ? 'caught' : 'MISSED'} in ${Math.round((Date.now() - startedMs) / 1000)} s, ${played} histories${caught ? `, by seed ${caught.seed} in ${length} lines` : ''}: ${name}`;
  rows.push(row);
  process.stdout.write(`${row}\n${caught?.text ?? ''}\n`);
}
process.stdout.write(`${rows.join('\n')}\n`);
process.exitCode = missed === 0 ? 0 : 1;
