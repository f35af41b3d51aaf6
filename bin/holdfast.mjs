#!/usr/bin/env node
// The command itself is TypeScript; tsx reads it, so that a clone runs without a build step on every Node that package.json allows.
import { register } from 'tsx/esm/api';

register();
const { main } = await import('../orchestrator/cli/main.ts');
await main(process.argv.slice(2));
