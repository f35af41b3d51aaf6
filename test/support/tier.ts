import process from 'node:process';
import { it } from 'vitest';

/**
 * Which cases a run tries: those of each push (`npm test`), or all of them (`npm run test:all`, each night and before a release). Every test file runs on
 * a push, and shows what it is there for; what it tries often, in many ways or on a large scale it tries at night. A case that a push leaves out is not
 * there then, rather than skipped; a whole test that is tried at night only (`nightly`) is skipped on a push, and counted so.
 */
export const tier: 'push' | 'all' = process.env['HOLDFAST_TESTS'] === 'all' ? 'all' : 'push';

/** How many cases of one kind are tried. */
export const count = ({ push, all }: { readonly push: number; readonly all: number }): number => (tier === 'all' ? all : push);

/** The cases of a list: on a push only those that `push` picks. */
export const casesOf = <Case>(cases: readonly Case[], { push }: { readonly push: (each: Case) => boolean }): readonly Case[] =>
  tier === 'all' ? cases : cases.filter(push);

/** As `it`, for what is tried at night only. A push skips it: another test shows the same kind there. */
export const nightly = it.runIf(tier === 'all');
