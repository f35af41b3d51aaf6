import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/**
 * Does the matrix see anything? Each of these builds breaks a promise by a line or two, in a copy of the checkout, and a named case must fail there. A
 * promise whose breach no case notices is not tested.
 */
interface Broken {
  readonly name: string;
  readonly what: string;
  readonly file: string;
  /** Exact, and once in the file. */
  readonly from: string;
  readonly to: string;
  readonly case: string;
  /** What the case must find: it could fail for another reason. */
  readonly finds: RegExp;
}

const builds: readonly Broken[] = [
  {
    name: 'unconditional-promote',
    what: 'the recovered checkpoint is written over whatever is there',
    file: 'orchestrator/aws/bucket.ts',
    from: "...(condition.only === 'if-absent'",
    to: "...(write.endsWith('-promote') ? {} : condition.only === 'if-absent'",
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/cli-killed//recover/checkpoint-2/before/overtaken',
    finds: /ended with 0/,
  },
  {
    name: 'release-before-verify',
    what: 'the lock goes before it is known that state and AWS agree',
    file: 'orchestrator/recovery/recover-stack.ts',
    from: 'const checked = await this.#verify(refreshed, examined.subjects);',
    to: "this.#unwatch(); const { durableLockKey } = await import('../state/layout.ts'); await this.#parts.store.remove(durableLockKey(this.#stuck.stack), this.#stuck.lock.etag); const checked = await this.#verify(refreshed, examined.subjects);",
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/everything-killed',
    finds: /when the lock went .*AWS has tgw-|while creating gateway was pending|while no lock stood/,
  },
  {
    name: 'forget-on-first-absence',
    what: 'what one look does not show is taken to be absent',
    file: 'orchestrator/recovery/looks.ts',
    from: 'return since !== undefined && since.newestMs - since.firstMs >= this.#stalenessMs;',
    to: 'return since !== undefined;',
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/stale-describes',
    finds: /AWS has twice|AWS has tgw-\w+, and the state has not/,
  },
  {
    name: 'no-provider-evidence',
    what: 'a step that failed without a word of AWS is taken not to have happened',
    file: 'orchestrator/run/verdict.ts',
    from: "const isUnclean = result.outcome === 'failed'",
    to: "if (failed.length > 0 && certain === 0) return { doubts: [], settled: 'no', created: false };\n  const isUnclean = result.outcome === 'failed'",
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/provider-killed',
    finds: /when the lock went .*AWS has tgw-\w+, and the state has not/,
  },
];

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
    const file = join(folder, build.file);
    const text = await readFile(file, 'utf8');
    if (text.split(build.from).length !== 2) throw new Error(`${build.file} does not have once: ${build.from}`);
    await writeFile(
      file,
      text.replace(build.from, () => build.to),
    );
    const { all, exitCode } = await execa(
      process.execPath,
      ['--import', 'tsx', 'test/matrix/matrix.ts', '--workers', '1', '--case', build.case],
      { cwd: folder, all: true, reject: false },
    );
    const found = all.split('\n').filter((line) => line.startsWith('       '));
    return {
      isCaught: exitCode === 1 && found.some((line) => build.finds.test(line)),
      said: found.length > 0 ? found.join('\n') : all.slice(-2000),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
