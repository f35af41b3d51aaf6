import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * The command as one piece of JavaScript, made once for each state of the sources: to read three hundred files of TypeScript, and those of the libraries, takes a
 * second before anything is done. A clone needs no build step for it, and what is edited is what runs.
 */

const sources = ['orchestrator', 'lab', 'stacks', 'toolchain'];

/** The SDK is loaded where it is used, as the programs of the stacks load theirs; the others find files of their own beside themselves. */
const external = ['@pulumi/*', '@grpc/*', 'tsx', 'tsx/*', 'esbuild'];

/** Builds that no run has any more, however long it took. */
const keptMs = 7 * 24 * 3_600_000;

/**
 * @param root of the project
 * @returns URL of the module with `main`; undefined where it cannot be made, as without a right to write there
 */
export async function bundledCommand(root = fileURLToPath(new URL('..', import.meta.url))) {
  try {
    // Beside the packages that it loads: a change of them is a change of the lockfile, or a new folder.
    const builds = join(root, 'node_modules', '.cache', 'holdfast');
    const build = join(builds, keyOf(root));
    // What other users could write there is not run, and made again; where it cannot even be removed, the sources are read. Builds of others that run stay: a
    // command loads parts of its own until it ends.
    if (existsSync(builds)) await narrow(builds);
    if (existsSync(build) && ![build, join(build, 'main.js')].every(isOwn)) await rm(build, { recursive: true });
    if (!existsSync(build)) await make(root, builds, build);
    return pathToFileURL(join(build, 'main.js')).href;
  } catch {
    return undefined;
  }
}

async function narrow(builds) {
  const { uid, mode } = lstatSync(builds);
  if (uid === process.getuid?.() && (mode & 0o077) !== 0) await chmod(builds, 0o700);
  if (!isOwn(builds)) throw new Error(`${builds} is not own`);
}

/** Of this user or of root, and no other user may write there. (toolchain/own-folder.ts looks at the whole way: a user who may write above this may change the sources.) */
function isOwn(path) {
  const { uid, mode } = lstatSync(path);
  return (uid === 0 || uid === process.getuid?.()) && (mode & 0o022) === 0;
}

/** Of where and when each file was last changed, and how: to read all of them would take longer than what is saved. */
function keyOf(root) {
  const hash = createHash('sha256');
  const add = (path) => {
    const { size, ctimeNs } = statSync(path, { bigint: true });
    hash.update(`${path}\0${size}\0${ctimeNs}\n`);
  };
  const files = sources.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
  );
  for (const path of files.sort()) add(path);
  add(join(root, 'package-lock.json'));
  return hash.digest('hex').slice(0, 24);
}

async function make(root, builds, build) {
  const { build: bundle } = await import('esbuild');
  await mkdir(builds, { recursive: true, mode: 0o700 });
  const unfinished = await mkdtemp(join(builds, 'unfinished-'));
  try {
    await bundle({
      absWorkingDir: root,
      entryPoints: { main: 'orchestrator/cli/main.ts' },
      outdir: unfinished,
      bundle: true,
      // What a command does not use is not loaded.
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      // Of a library that has both: the parts that are used can be told apart, and loaded one by one.
      mainFields: ['module', 'main'],
      external,
      // What things are called stays, for the trace of an error. Source maps would have more, and took a fifth of a run while the SDK read a trace for each promise of its own.
      minifyWhitespace: true,
      banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" },
      logLevel: 'silent',
      plugins: [ownPlaces],
    });
    for (const name of await readdir(unfinished)) await chmod(join(unfinished, name), 0o600);
    await rename(unfinished, build).catch((cause) => {
      // Another process was at the same.
      if (!existsSync(build)) throw cause;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  // Another process may be at the same; what stays is removed another time.
  await removeOld(builds, build).catch(() => undefined);
}

/** A file of ours that looks for another one beside itself finds it from its own place. */
const ownPlaces = {
  name: 'own-places',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('node_modules')) return undefined;
      const text = await readFile(path, 'utf8');
      return { loader: 'ts', contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)) };
    });
  },
};

async function removeOld(builds, current) {
  const until = Date.now() - keptMs;
  for (const name of await readdir(builds)) {
    const path = join(builds, name);
    if (path !== current && (await stat(path)).mtimeMs < until) await rm(path, { recursive: true, force: true });
  }
}
