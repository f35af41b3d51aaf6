import { readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { notOk, ok } from '../orchestrator/domain/problem.ts';
import type { Result } from '../orchestrator/domain/problem.ts';
import { withBuildLock } from './build-lock.ts';
import { cacheFolder, requireOwnInCache } from './cache-folder.ts';
import type { Environment } from './cache-folder.ts';
import { buildGoProgram, checkGo } from './go-build.ts';
import { describe } from './problems.ts';
import type { OnProgress } from './progress.ts';
import { beside, isExecutable } from './pulumi-cli.ts';

const part = 'actionlint';
const module = path.join(path.dirname(fileURLToPath(import.meta.url)), 'actionlint');

/** What checks the workflows: built from its Go module, some 15 s on two cores, and kept in the cache. Its path. */
export async function provideActionlint(env: Environment, onProgress: OnProgress): Promise<Result<string>> {
  const version = await actionlintVersion();
  const target = path.join(cacheFolder(env), part, version, part);
  const isKept = async (): Promise<boolean> => {
    await requireOwnInCache(env, target);
    return await isExecutable(target);
  };
  if (await isKept()) return ok(target);
  const title = `actionlint ${version}`;
  const onWait = (pid: number): void =>
    onProgress({ part, phase: 'wait', message: `another holdfast process (pid ${pid}) provides ${title}; waiting for it` });

  return await withBuildLock({ folder: path.join(cacheFolder(env), 'locks', part), onWait }, async () => {
    // The process that had the lock before may have been at the same.
    if (await isKept()) return ok(target);
    const go = await checkGo(env, module);
    const built = !go.ok
      ? go
      : await beside(env, target, async (folder) => {
          const output = path.join(folder, part);
          const result = await buildGoProgram(
            { part, title, module, package: 'github.com/rhysd/actionlint/cmd/actionlint', output },
            env,
            onProgress,
          );
          if (result.ok) await rename(output, target);
          return result;
        });
    return built.ok
      ? ok(target)
      : notOk({
          reason: 'no-actionlint',
          message: `${title} cannot be had: ${describe(built.attempt)}`,
          next: 'Install Go from https://go.dev/dl/, let it reach a Go module proxy (GOPROXY), and try again.',
        });
  });
}

/** As the go.mod has it: the one place where it is pinned. */
async function actionlintVersion(): Promise<string> {
  const version = /^\s*github\.com\/rhysd\/actionlint v(\S+)/m.exec(await readFile(path.join(module, 'go.mod'), 'utf8'))?.[1];
  if (version === undefined) throw new Error('toolchain/actionlint/go.mod does not say which actionlint');
  return version;
}
