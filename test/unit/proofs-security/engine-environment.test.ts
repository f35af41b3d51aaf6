import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CliEngine } from '../../../orchestrator/pulumi/engine.ts';

/** S1: the engine fetches and starts whatever plugin a checkpoint names, from whatever address it gives. */
it('an engine is started so that it fetches no plugin by itself, takes none from the PATH, and finds none in its home', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-proof-'));
  const cli = join(folder, 'pulumi');
  await writeFile(cli, `#!/bin/sh\nenv > ${folder}/env\nls -A "$PULUMI_HOME/plugins" > ${folder}/plugins\nexit 1\n`, { mode: 0o755 });
  const engine = new CliEngine({ project: 'holdfast', cli: { path: cli, version: '3.258.0' }, pulumiHome: join(folder, 'home') });
  await engine.refresh({
    stack: 'example.a',
    program: () => Promise.resolve({}),
    backendUrl: `file://${folder}`,
    exists: true,
    environment: {},
  });
  const seen = await readFile(join(folder, 'env'), 'utf8');
  expect(seen).toMatch(/^PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true$/m);
  expect(seen).toMatch(/^PULUMI_IGNORE_AMBIENT_PLUGINS=true$/m);
  expect(await readFile(join(folder, 'plugins'), 'utf8')).toBe('');
});
