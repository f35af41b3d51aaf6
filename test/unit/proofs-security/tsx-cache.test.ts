import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bob } from '../../support/other-user.ts';

/** S7: tsx keeps what it has compiled in a folder of a known name in the temporary folder. Made there first by another user, it was believed: what lay there was run. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const isRoot = process.getuid?.() === 0;

/** Runs a program of TypeScript as Holdfast does, with that temporary folder. */
const run = (program: string, temporary: string): string =>
  execFileSync(process.execPath, ['--import', join(root, 'toolchain/tsx.mjs'), program], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], TMPDIR: temporary },
  });

describe('what tsx has compiled', () => {
  it('is kept nowhere in the temporary folder', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'holdfast-proof-'));
    try {
      await writeFile(join(temporary, 'hello.ts'), "const greeting: string = 'honest code'; console.log(greeting);");
      expect(run(join(temporary, 'hello.ts'), temporary)).toBe('honest code\n');
      expect(await readdir(temporary)).toEqual(['hello.ts']);
    } finally {
      await rm(temporary, { recursive: true });
    }
  });

  it.runIf(isRoot)('is not taken from a folder that another user has made there first (played by root)', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'holdfast-proof-'));
    const planted = join(temporary, 'tsx-0');
    const asBob = (...command: string[]): void =>
      void execFileSync('setpriv', [`--reuid=${bob}`, `--regid=${bob}`, '--clear-groups', ...command]);
    try {
      await chmod(temporary, 0o1777);
      asBob('mkdir', '-m', '777', planted);
      await writeFile(join(temporary, 'hello.ts'), "const greeting: string = 'honest code'; console.log(greeting);");
      run(join(temporary, 'hello.ts'), temporary);
      for (const name of await readdir(planted))
        asBob('sh', '-c', 'sed "s/honest code/code of bob/" "$1" > "$1.x" && mv "$1.x" "$1"', 'sh', join(planted, name));
      expect(run(join(temporary, 'hello.ts'), temporary)).toBe('honest code\n');
      expect(await readdir(planted)).toEqual([]);
    } finally {
      await rm(temporary, { recursive: true });
    }
  });

  it('is asked of tsx in one place only, which turns its cache off', async () => {
    const places = [
      'package.json',
      'bin/holdfast.mjs',
      ...(await sourcesIn('toolchain', 'lab', 'orchestrator', 'bench', 'docs', 'networks', 'test')),
    ];
    const found = await Promise.all(
      places.map(async (file) => {
        const text = await readFile(join(root, file), 'utf8');
        return /--import['", ]+tsx\b|resolve\('tsx'\)|\bnpx tsx\b|import\('tsx/.test(text) ? [file] : [];
      }),
    );
    expect(found.flat().sort()).toEqual(['bin/holdfast.mjs', 'toolchain/tsx.mjs']);
    for (const file of ['bin/holdfast.mjs', 'toolchain/tsx.mjs'])
      expect(await readFile(join(root, file), 'utf8')).toMatch(/TSX_DISABLE_CACHE = '1';[^]*import\('tsx/);
  });
});

async function sourcesIn(...folders: string[]): Promise<string[]> {
  const all = await Promise.all(
    folders.map(async (folder) => (await readdir(join(root, folder), { recursive: true })).map((name) => join(folder, name))),
  );
  return all.flat().filter((name) => /\.(ts|mjs)$/.test(name));
}
