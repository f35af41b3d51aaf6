import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

import { builds } from './broken-builds.ts';
import type { Broken } from './broken-builds.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const copied = ['bin', 'lab', 'networks', 'orchestrator', 'stacks', 'test', 'toolchain', 'package.json', 'tsconfig.json', 'Pulumi.yaml'];

async function main(): Promise<number> {
  const asked = process.argv.slice(2);
  const chosen = builds.filter(({ name }) => asked.length === 0 || asked.includes(name));
  let missed = 0;
  for (const build of chosen) {
    const { isCaught, said } = await tried(build);
    process.stdout.write(`${isCaught ? 'caught' : 'MISSED'}  ${build.name}: ${build.what}\n        by ${build.case}\n${said}\n`);
    if (!isCaught) missed += 1;
  }
  process.stdout.write(`${chosen.length - missed} caught, ${missed} missed\n`);
  return missed === 0 && chosen.length > 0 ? 0 : 1;
}

async function tried(build: Broken): Promise<{ readonly isCaught: boolean; readonly said: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-broken-'));
  try {
    await Promise.all(copied.map((name) => cp(join(root, name), join(folder, name), { recursive: true })));
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const { file, from, to } of [build, ...(build.and ?? [])]) {
      const path = join(folder, file);
      const text = await readFile(path, 'utf8');
      if (text.split(from).length !== 2) throw new Error(`${file} does not have once: ${from}`);
      await writeFile(
        path,
        text.replace(from, () => to),
      );
    }
    const { all, exitCode } = await execa(
      process.execPath,
      ['--import', './toolchain/tsx.mjs', 'test/matrix/matrix.ts', '--workers', '1', '--case', build.case],
      { cwd: folder, all: true, reject: false },
    );
    // A clean run that does not pass is told before any case is run.
    const found = all.split('\n').filter((line) => line.startsWith('       ') || line.includes('a clean run of'));
    return {
      isCaught: exitCode === 1 && found.some((line) => build.finds.test(line)),
      said: found.length > 0 ? found.join('\n') : all.slice(-2000),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
