import process from 'node:process';

/**
 * Which cases a run tries: those of each push (`npm test`), or all of them (`npm run test:all`, each night and before a release). Every test file runs on
 * a push, and shows what it is there for; what it tries often, in many ways or on a large scale it tries at night. A case that a push leaves out is not
 * there then, rather than skipped.
 */
export const tier: 'push' | 'all' = process.env['HOLDFAST_TESTS'] === 'all' ? 'all' : 'push';

/** How many cases of one kind are tried. */
export const count = ({ push, all }: { readonly push: number; readonly all: number }): number => (tier === 'all' ? all : push);

/** The cases of a list: on a push only those that `push` picks. */
export const casesOf = <Case>(cases: readonly Case[], { push }: { readonly push: (each: Case) => boolean }): readonly Case[] =>
  tier === 'all' ? cases : cases.filter(push);
