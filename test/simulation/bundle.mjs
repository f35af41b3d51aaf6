import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * The simulator as one piece of JavaScript: what is imported late is there at once, and no history depends on how fast a disk is. Pulumi's SDK is replaced by as
 * much of it as the programs of the simulation need.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const sdk = fileURLToPath(new URL('sdk.ts', import.meta.url));

/**
 * @param name of the folder that it is put in
 * @param edits of the product's files, for a build that is broken on purpose
 * @returns the file, and the files of the product that are in it
 */
export async function bundleSimulator(name, edits = []) {
  const folder = join(root, 'node_modules', '.cache', name);
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: 'test/simulation/main.ts' },
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    metafile: true,
    banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" },
    logLevel: 'error',
    plugins: [ownPlaces(edits)],
  });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const parts = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  return {
    file: join(folder, 'main.js'),
    sources: parts.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 && path.startsWith('orchestrator/') ? [path] : [])).sort(),
  };
}

const ownPlaces = (edits) => ({
  name: 'own-places',
  setup(building) {
    building.onResolve({ filter: /^@pulumi\// }, () => ({ path: sdk }));
    building.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('node_modules')) return undefined;
      let text = await readFile(path, 'utf8');
      for (const { file, from, to } of edits) {
        if (file !== relative(root, path)) continue;
        if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)}: the broken build is out of date`);
        text = text.replaceAll(from, () => to);
      }
      return { loader: 'ts', contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)) };
    });
  },
});
