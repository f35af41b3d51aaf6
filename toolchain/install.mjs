import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolEnvironment } from './tool-environment.mjs';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Plain JavaScript, because it runs before anything is installed. */
export function ensureInstalled() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 20)) {
    console.error(
      `error Node ${process.versions.node} is too old: Holdfast needs 20.20 or newer\n  next  Install it from https://nodejs.org`,
    );
    process.exit(2);
  }
  const stamp = join(root, 'node_modules', '.holdfast-installed');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.log('installing the locked npm packages …');
  run(
    'npm',
    // No package needs to run anything of its own, and none may.
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    'The npm registry must be reachable, or its packages in the npm cache.',
    () => undefined,
    toolEnvironment(process.env, 'npm'),
  );
  writeFileSync(stamp, wanted);
}

/** Runs a step in the project's folder with this terminal; ends with the step's own exit code where it fails. */
export function run(command, args, next, onFailure = () => undefined, env = process.env) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  if (status === 0) return;
  if (error) console.error(`error ${command} cannot be started: ${error.message}`);
  if (next) console.error(`  next  ${next}`);
  onFailure();
  process.exit(signal === 'SIGINT' ? 130 : (status ?? 1));
}
