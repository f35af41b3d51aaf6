import fc from 'fast-check';
import { count } from '../../support/tier.ts';

const { PROPERTY_RUNS, PROPERTY_SEED, PROPERTY_PATH } = process.env;

/** Cases that each property is tried with. */
const runs = Number(PROPERTY_RUNS ?? 150);

/**
 * A property that fails prints its seed, with which it fails again, and the path to the smallest case that was found. With PROPERTY_PATH as well it
 * begins there; commands need the seed alone. Both hold for one property, so that its name has to be given (`-t`).
 */
fc.configureGlobal({
  numRuns: runs,
  ...(PROPERTY_SEED === undefined ? {} : { seed: Number(PROPERTY_SEED) }),
  ...(PROPERTY_PATH === undefined ? {} : { path: PROPERTY_PATH }),
});

/** Fewer cases for a property of which each takes long, more for one that has rare cases. */
export const times = (factor: number): { readonly numRuns: number } => ({ numRuns: Math.max(1, Math.round(runs * factor)) });

/** For what others may have forged: a few hundred cases at each push, and 10,000 with all tests. */
export const forged: { readonly numRuns: number } = {
  numRuns: count({ push: 2 * runs, all: Math.max(2 * runs, 10_000) }),
};

/** The same number of cases, where each run of a property tries several: what costs is the shell that they are typed into. */
export const forgedBy = (batch: number): { readonly numRuns: number } => ({ numRuns: Math.ceil(forged.numRuns / batch) });

/** Milliseconds that ten thousand cases may take. */
export const forgedMs = 600_000;

export { fc };
