import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * The simulator as one piece of JavaScript: a module that is loaded late is loaded at once then, and a history does not hang on how fast a disk is. Pulumi's SDK
 * is replaced by as much of it as the programs of the simulation need.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const sdk = fileURLToPath(new URL('sdk.ts', import.meta.url));

const modelledSdk = {
  name: 'modelled-sdk',
  setup(building) {
    building.onResolve({ filter: /^@pulumi\// }, ({ kind }) => (kind === 'entry-point' ? undefined : { path: sdk }));
    building.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('node_modules')) return undefined;
      const text = await readFile(path, 'utf8');
      return { loader: 'ts', contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)) };
    });
  },
};

/** @returns the file, and those that are in it, relative to the project */
export async function bundleSimulator(name = 'simulator') {
  const folder = join(root, 'node_modules', '.cache', name);
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: 'test/simulation/main.ts' },
    outdir: folder,
    bundle: true,
    splitting: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    metafile: true,
    banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" },
    logLevel: 'error',
    external: ['esbuild'],
    plugins: [modelledSdk],
  });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  return { file: join(folder, 'main.js'), sources: Object.keys(metafile.inputs) };
}
