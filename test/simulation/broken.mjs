import { spawnSync } from 'node:child_process';
import { bundleSimulator } from './bundle.mjs';

/** Builds that are broken on purpose, one fault each: the simulator has to find every one of them within a minute. */
const broken = [
  {
    name: 'an engine that ended badly leaves no doubt',
    promise: 'untrue-release',
    edits: [{ file: 'orchestrator/run/verdict.ts', from: '    doubts,\n    settled', to: '    doubts: [],\n    settled' }],
  },
  {
    name: 'what AWS has beyond the checkpoint is not looked for',
    promise: 'untrue-release',
    edits: [{ file: 'orchestrator/aws/tagged-objects.ts', from: 'if (unknown.size + unknownNamed.length === 0) return', to: 'return' }],
  },
  {
    name: 'a recovery believes its first look',
    promise: 'untrue-release',
    edits: [{ file: 'orchestrator/cli/recovery-parts.ts', from: 'stalenessSeconds: spec.recovery.staleness', to: 'stalenessSeconds: 0' }],
  },
  {
    name: 'every process is taken for dead',
    promise: 'living-owner',
    edits: [{ file: 'orchestrator/ownership/liveness.ts', from: 'livenessRow(facts).then;', to: "({ answer: 'dead', reason: 'gone' });" }],
  },
  {
    name: 'a plugin that outlives its engine is left alone',
    promise: 'untrue-release',
    edits: [{ file: 'orchestrator/pulumi/orphans.ts', from: 'if (found.length === 0) return ended;', to: 'return ended;' }],
  },
];

const only = process.argv[2];
let missed = 0;
for (const { name, promise, edits } of broken.filter((build) => only === undefined || build.name.includes(only))) {
  const { file } = await bundleSimulator('simulator-broken', edits);
  const startedMs = Date.now();
  const { stdout } = spawnSync(process.execPath, [file, '--seed=1', '--seconds=60', '--until', promise], { encoding: 'utf8' });
  const isCaught = stdout.includes(`VIOLATED (${promise})`);
  if (!isCaught) missed += 1;
  process.stdout.write(`${isCaught ? 'caught' : 'MISSED'} in ${Math.round((Date.now() - startedMs) / 1000)} s: ${name}\n${stdout}\n`);
}
process.exitCode = missed === 0 ? 0 : 1;
