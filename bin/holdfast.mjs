#!/usr/bin/env node
// The command itself is TypeScript; tsx reads it, so that a clone runs without a build step on every Node that package.json allows.
import { register } from 'tsx/esm/api';

// The pinned SDK supports every Node that package.json allows; its notice about later releases is not for the person at the screen.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

register();
const { main } = await import('../orchestrator/cli/main.ts');
await main(process.argv.slice(2));
