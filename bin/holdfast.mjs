#!/usr/bin/env node
// The command itself is TypeScript: a clone runs without a build step on every Node that package.json allows.
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { bundledCommand } from '../toolchain/bundle.mjs';

// The pinned SDK supports every Node that package.json allows; its notice about later releases is not for the person at the screen.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const { main } = await load();
await main(process.argv.slice(2));

async function load() {
  const bundled = await bundledCommand();
  if (bundled !== undefined) {
    // From Node 22 on. In the bundle's own folder: Node's place for it has a known name in the temporary folder, where another user can make it first.
    module.enableCompileCache?.(fileURLToPath(new URL('compiled', bundled)));
    return import(bundled);
  }
  // Its cache has such a place too.
  process.env.TSX_DISABLE_CACHE = '1';
  const { register } = await import('tsx/esm/api');
  register();
  return import('../orchestrator/cli/main.ts');
}
