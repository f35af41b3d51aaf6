import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliEngine } from '../../orchestrator/pulumi/engine.ts';
import type { EngineResult, EngineStep } from '../../orchestrator/pulumi/engine.ts';
import { pulumiCliVersion } from '../../toolchain/versions.ts';

const isRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0;
const nobody = 65534;
const probe = fileURLToPath(new URL('../support/ask-ports.mjs', import.meta.url));

/** The Automation API serves them from this process, on free ports, to a CLI that does nothing here but to say which. */
describe.skipIf(!isRootOnLinux)(
  isRootOnLinux
    ? 'the event log and the language runtime of an engine'
    : 'the event log and the language runtime of an engine (not played here: only root can start processes of other users)',
  () => {
    let folder: string;
    let steps: EngineStep[];
    let ended: Promise<EngineResult>;
    let ending: AbortController;
    let ports: readonly string[];

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'holdfast-engine-servers-'));
      const cli = join(folder, 'pulumi');
      await writeFile(cli, '#!/bin/sh\necho "$@"\nexec sleep 600\n');
      await chmod(cli, 0o755);
      steps = [];
      ending = new AbortController();
      const said = new Promise<string>((resolve) => {
        ended = new CliEngine({ project: 'holdfast', cli: { path: cli, version: pulumiCliVersion }, pulumiHome: join(folder, 'home') }).up({
          stack: 'example.vpc.a',
          program: () => Promise.resolve({}),
          backendUrl: 's3://a-name?endpoint=http://127.0.0.1:1',
          exists: true,
          environment: {},
          onStep: (step) => steps.push(step),
          onText: ({ raw }) => resolve(raw),
          signal: ending.signal,
        });
        void ended.then((result) => resolve(JSON.stringify(result)));
      });
      ports = [...(await said).matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port = '']) => port);
    });
    afterEach(async () => {
      ending.abort();
      await ended;
      await rm(folder, { recursive: true, force: true });
    });

    const servicesFor = async (uid: number, ...args: string[]): Promise<readonly string[]> => {
      const { stdout } = await promisify(execFile)(process.execPath, [probe, ...args, ...ports], { uid, gid: uid, cwd: '/' });
      return Object.values(JSON.parse(stdout) as Record<string, readonly string[]>)
        .flat()
        .sort();
    };

    it('answer this user', async () => {
      expect(ports).toHaveLength(2);
      expect(await servicesFor(0, 'forge')).toEqual(['events', 'runtime']);
      // So that the test below would see a step if one came in.
      expect(steps.map(({ name }) => name)).toEqual(['forged']);
    });

    it('answer no other user, and take no event of one', async () => {
      expect(await servicesFor(nobody, 'forge')).toEqual([]);
      expect(steps).toEqual([]);
    });
  },
);
